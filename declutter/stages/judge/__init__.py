"""Features to verdicts: rules, model, network, decide."""
