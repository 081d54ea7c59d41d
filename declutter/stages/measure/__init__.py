"""Lines to Measures: what is counted in each line."""
