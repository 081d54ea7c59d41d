"""Hooks for other people's pipelines: one module a host, which imports its host at the top."""
