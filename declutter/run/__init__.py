"""Many inputs: learn the sites' templates in a first pass, clean and write in a second, count and report.

passes.py: the two passes. shards.py: the pieces of a run and what is done with one. workers.py: processes.
journal.py: what was done, so that a run is resumed. limits.py: what a page may cost. outputs.py: where outputs go,
and what is written of a page. summary.py: what was done, in numbers.
"""

from __future__ import annotations

from declutter.cleaner import Cleaner
from declutter.errors import InputError
from declutter.files.inputs import inputs, read
from declutter.files.records import Failure, Options
from declutter.lines import Verdicts
from declutter.pages import dump_text
from declutter.run.journal import has_journal
from declutter.run.limits import Limits
from declutter.run.outputs import REMOVED_SUFFIX, Outputs, outputs_for
from declutter.run.passes import Settings, clean, learn
from declutter.run.summary import Summary

__all__ = [
    "REMOVED_SUFFIX", "Failure", "Limits", "Options", "Outputs", "Settings", "Summary", "clean", "explain", "inputs",
    "is_broken_off", "learn", "outputs_for",
]  # fmt: skip


def is_broken_off(outputs: Outputs) -> bool:
    """Whether a run into these outputs was broken off, and can be resumed."""
    return outputs.out is not None and has_journal(outputs.out, outputs.is_file)


def explain(name: str, cleaner: Cleaner, options: Options | None = None) -> Verdicts:
    """The verdict on each line of the page of one file (or stdin, `-`).

    Raises InputError where it can't be read, or holds more than one page.
    """
    failures: list[Failure] = []
    found = inputs([name], options or Options())
    pages = []
    for source in found:
        for record in read(source, failures):
            pages.append(record.page)
            if len(pages) > 1:
                raise InputError(f"{name}: more than one page, and explain takes one")
    if not pages:
        reasons = [*found.failed.values(), *(failure.reason for failure in failures)]
        raise InputError("; ".join(reasons) or f"{name}: no page")
    page = pages[0]
    return cleaner.explain(dump_text(page)) if page.html is None else cleaner.explain_html(page.html)
