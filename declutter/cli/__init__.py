"""The command line: each command parses, calls the library once, and tells what came out.

A file holds a command or a family of them. program.py joins them, options.py has the options that several share,
shown.py what is printed. The library (numpy, lxml) is imported inside the commands, so that help and completion answer
at once.
"""

from declutter.cli.program import main

__all__ = ["main"]
