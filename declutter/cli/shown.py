"""What the commands print: summaries, failures, bars, and text of pages that must not steer a terminal."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from declutter.errors import OutputError

EXIT_CODES = """\b
Exit codes:
  0    all pages were processed
  1    some pages failed; all others were processed
  2    wrong usage, or refused (outputs exist, IN and OUT overlap)
  130  interrupted with Ctrl-C; the files written so far are whole, and --resume continues"""

SHOWN_FAILURES = SHOWN_SITES = 20
LONG_SECONDS = 10  # the speed of a shorter run is not worth a line
JOINERS = "\u200c\u200d"  # part of words in Persian, Hindi and other scripts


def finish(summary, quiet: bool, seconds: float = 0.0) -> None:
    """Show the summary and the failures; exit with 1 if there are any."""
    if not quiet:
        for line in _summary_lines(summary):
            click.echo(line, err=True)
        if seconds >= LONG_SECONDS:
            from declutter.stages.kernels import in_use

            speed = f"{summary.n_pages / seconds:,.0f} pages/s, {size(summary.bytes_in / seconds)}/s"
            click.echo(f"time     {seconds:.0f} s; {speed}", err=True)
            click.echo(f"kernels  {in_use()}", err=True)
    tell_failures([failure.reason for failure in summary.failures], len(summary.failures))
    if summary.failures:
        click.get_current_context().exit(1)


def tell_failures(reasons: list[str], n_failures: int) -> None:
    """Show the first of the reasons, and how many more failures there are."""
    for reason in reasons[:SHOWN_FAILURES]:
        click.echo(f"failed: {visible(reason)}", err=True)
    if n_failures > SHOWN_FAILURES:
        click.echo(f"failed: {n_failures - SHOWN_FAILURES} more", err=True)


def _summary_lines(summary) -> Iterator[str]:
    failed = f", {len(summary.failures)} failed" if summary.failures else ""
    failed += f", {len(summary.partial)} read in part" if summary.partial else ""
    sizes = f"; {size(summary.bytes_in)} read, {size(summary.bytes_kept)} kept" if summary.bytes_kept else ""
    yield f"pages    {summary.n_pages}{failed}{sizes}"
    for title, counter in (("kept", summary.kept_lines), ("removed", summary.removed_lines)):
        if counter:
            by_label = ", ".join(f"{label} {number}" for label, number in counter.most_common())
            yield f"{title:<8} {counter.total()} lines: {by_label}"
    for what, number in summary.notes.items():
        yield f"noted    {what}: {number}"
    groups = [(name, n_pages) for name, n_pages in summary.sites if n_pages > 1]
    for name, n_pages in groups[:SHOWN_SITES]:
        yield f"site     {visible(name)}: {n_pages} pages"
    if len(groups) > SHOWN_SITES:
        yield f"site     {len(groups) - SHOWN_SITES} more"


def size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} GB"


def visible(text: str) -> str:
    """The text with what would steer a terminal (controls, bidi marks, broken bytes) written as escapes."""
    if text.isprintable():
        return text
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in hidden and char not in JOINERS else char
        for char in text
    )


def cut(text: str, width: int) -> str:
    """The text, cut to so many columns; characters of East Asian scripts take two."""
    columns = 0
    for position, char in enumerate(text):
        columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if columns > width:
            return text[: max(0, position - 1)] + "…"
    return text


def refuse_or_ask(existing: list[Path]) -> None:
    if not existing:
        return
    what = f"{existing[0]} exists" + (f", and {len(existing) - 1} more outputs" if len(existing) > 1 else "")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OutputError(f"{what}; --force replaces what exists")
    if not click.confirm(f"{what}. Replace?", err=True):
        raise OutputError("nothing was written")


def page_bar(quiet: bool, pages, title: str, n_pages: int | None = None, unit: str = " pages"):
    """The pages, with a bar on work that takes more than a second, if someone is looking."""
    if quiet or not sys.stderr.isatty():
        return pages
    from tqdm import tqdm

    return tqdm(pages, title, n_pages, unit=unit, delay=1, leave=False)


@contextmanager
def byte_bar(quiet: bool, title: str, n_bytes: int) -> Iterator:
    """A bar of bytes, with pages a second and the time left, on work that takes more than a second."""
    if quiet or not sys.stderr.isatty():
        yield lambda n_pages, n_bytes: None
        return
    from tqdm import tqdm

    began, n_done = time.monotonic(), 0
    with tqdm(desc=title, total=n_bytes or None, unit="B", unit_scale=True, delay=1, leave=False) as bar:

        def tell(n_pages: int, n_bytes: int) -> None:
            nonlocal n_done
            n_done += n_pages
            bar.set_postfix_str(f"{n_done / max(time.monotonic() - began, 1e-9):.0f} pages/s", refresh=False)
            bar.update(n_bytes)

        yield tell
