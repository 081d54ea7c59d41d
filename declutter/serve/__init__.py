"""The HTTP service of `declutter serve`: one process that answers, and others that clean."""
