"""Inner loops, each written twice: `name.c`, and `name.py` with the same functions in NumPy.

`kernels.columns`, `kernels.html`, ... are the compiled modules, or their NumPy twins where declutter was installed
without a compiler: the same answers to the last bit, slower. The choice is made once, here. The environment variable
DECLUTTER_KERNELS makes it otherwise: "numpy" takes the twins, "compiled" raises ImportError where a kernel was not
compiled. Kernels know nothing of the stages: what they read by is handed in.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType

from declutter.stages.kernels import columns, html, measure, network, trees

__all__ = ["NAMES", "columns", "compiled", "html", "in_use", "measure", "network", "trees", "twin"]

NAMES = ("columns", "html", "measure", "network", "trees")
CHOICES = ("", "compiled", "numpy")
_WANTED = os.environ.get("DECLUTTER_KERNELS", "")


def twin(name: str) -> ModuleType:
    """A kernel in NumPy."""
    return sys.modules[f"{__name__}.{name}"]


def compiled(name: str) -> ModuleType | None:
    """A kernel in C; None where it was not compiled."""
    try:
        return import_module(f"{__name__}._{name}")
    except ImportError:  # installed where there was no compiler
        return None


def _chosen(name: str) -> ModuleType:
    kernel = None if _WANTED == "numpy" else compiled(name)
    if kernel is None and _WANTED == "compiled":
        raise ImportError(
            f"DECLUTTER_KERNELS=compiled, but the kernel {name} was not compiled when declutter was installed"
        )
    return kernel or twin(name)


def in_use() -> str:
    """Which kernels run: "compiled" or "NumPy, slower: ...", for people to read."""
    slower = [name for name in NAMES if globals()[name] is twin(name)]
    if not slower:
        return "compiled"
    reason = "as DECLUTTER_KERNELS asks" if _WANTED == "numpy" else "no C compiler at installation"
    return f"{'NumPy' if len(slower) == len(NAMES) else 'NumPy for ' + ', '.join(slower)}, slower: {reason}"


if _WANTED not in CHOICES:
    raise ImportError(f"DECLUTTER_KERNELS={_WANTED}: it can be compiled or numpy")
for _name in NAMES:
    globals()[_name] = _chosen(_name)
