"""Benchmarks: declutter and its peers on the same pages. `python -m benchmarks -h`, in the repository's folder."""
