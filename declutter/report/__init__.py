"""HTML reports: what declutter did to a corpus, and the pieces that the benchmark report is made of."""
