"""`declutter explain`: every line of one page with its verdict, as a table, TSV or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from declutter.cli.options import judging
from declutter.cli.shown import EXIT_CODES, cut, visible

COLOURS = {
    "title": "bright_green",
    "body": "green",
    "caption": "white",
    "byline": "white",
    "navigation": "blue",
    "headlines": "cyan",
    "comments": "magenta",
    "promo": "yellow",
    "legal": "red",
}
LONGEST_REASON = 48
EXPLAIN_EXAMPLES = """\b
Examples:
  declutter explain page.txt
  declutter explain page.txt --profile example.profile
  declutter explain page.txt --format json | jq '.[] | select(.keep | not)'"""


@click.command(epilog=f"{EXPLAIN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("file")
@judging
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "tsv", "json"]),
    help="The default is a table on a terminal, and TSV elsewhere.",
)
def explain(file, cleaner, form):
    """Show every line with its label, score and the reason. Blank lines are left out.

    FILE is one text dump or HTML page, or - for standard input. TSV has the columns line, label, score, keep,
    reason, text.
    """
    from declutter import run
    from declutter.files.verdicts import verdict_rows

    rows = (row for row in verdict_rows(run.explain(file, cleaner)) if row["text"].strip())
    form = form or ("table" if sys.stdout.isatty() else "tsv")
    for text in {"table": _table, "tsv": _tsv, "json": _json}[form](rows):
        click.echo(text if form == "table" else text.encode("utf-8", "backslashreplace"))


def _tsv(rows) -> Iterator[str]:
    yield "line\tlabel\tscore\tkeep\treason\ttext"
    for row in rows:
        keep = str(row["keep"]).lower()
        yield f"{row['line']}\t{row['label']}\t{row['score']:.3f}\t{keep}\t{row['reason']}\t{row['text']}"


def _json(rows) -> Iterator[str]:
    """One array, an object a line."""
    from declutter.files.verdicts import JSON_DIGITS

    opening = "["
    for row in rows:
        yield opening + json.dumps({**row, "score": round(row["score"], JSON_DIGITS)}, ensure_ascii=False)
        opening = ","
    yield "]" if opening == "," else "[]"


def _table(rows) -> Iterator[str]:
    import shutil

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    for row in rows:
        label, keep, reason = row["label"], row["keep"], row["reason"]
        begin = f"{row['line']:>5} {'+' if keep else ' '} "
        shown = cut(visible(row["text"]), max(20, width - LONGEST_REASON - 28))
        # isolates keep right-to-left text from moving the columns
        yield (
            click.style(begin, dim=not keep)
            + click.style(f"{label:<10}", fg=COLOURS[label], bold=keep)
            + click.style(f" {row['score']:.2f}  {cut(reason, LONGEST_REASON):<{LONGEST_REASON}}  ", dim=True)
            + click.style(f"\u2068{shown}\u2069", dim=not keep)
        )
