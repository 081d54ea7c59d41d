"""`declutter clean`: many pages in, what is kept of them out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from declutter.cli.options import allowing, as_path, judging, reading, running
from declutter.cli.shown import EXIT_CODES, finish, refuse_or_ask
from declutter.errors import OutputError

SUMMARY_SITES = 1000  # the largest ones, in the summary's file
CLEAN_EXAMPLES = """\b
Examples:
  declutter clean scraped/ clean/                  a folder, mirrored
  declutter clean a.txt b.txt 'more/*.txt' clean/  files and globs
  declutter clean page.txt -                       to standard output
  curl -s https://example.org/a.txt | declutter clean - -
  declutter clean scraped/ clean/ --keep title,body,caption --removed gone/
  declutter clean scraped/ clean/ --dry-run        only the summary
  declutter clean crawl/*.jsonl.gz clean/ --to parquet --verdicts
  declutter clean pages/ clean/ --to markdown --links
  declutter clean crawl/ clean/ --resume           after a crash or Ctrl-C
  zcat pages.jsonl.gz | declutter clean - - --profile sites.profile | gzip > clean.jsonl.gz"""


@click.command(epilog=f"{CLEAN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("out", metavar="OUT")
@judging
@reading
@running
@click.option(
    "--to", type=click.Choice(["txt", "jsonl", "parquet", "markdown"]), help="The outputs' format, if not the input's."
)
@click.option("--links", is_flag=True, help="Markdown of HTML pages has their links.")
@click.option("--output-column", metavar="NAME", help="The column of the kept text, if not the text's own.")
@click.option("--verdicts", is_flag=True, help="JSONL and Parquet carry the verdict on every line.")
@click.option(
    "--removed",
    metavar="DIR",
    help="Write what is removed to DIR, a record a line (number, label, line): with it the input can be rebuilt.",
)
@click.option("--summary", metavar="FILE", callback=as_path, help="Write the summary to a file, as JSON.")
@click.option(
    "--errors",
    metavar="FILE",
    callback=as_path,
    help="Where failures are written, a JSON object a line; OUT.errors.jsonl unless told.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was broken off; nothing is done twice.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show the summary.")
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
def clean(
    inputs, out, cleaner, options, settings, to, links, output_column, verdicts, removed, summary, errors, resume,
    dry_run, force, quiet,
):  # fmt: skip
    """Clean text dumps and HTML pages, one a file or many: JSONL, Parquet, WARC, zip, tar, compressed or not.

    IN are files, folders (recursively, without hidden files), globs, or - for standard input. OUT is a folder
    that mirrors them; for a single file it may be a file name with an extension, which tells the format (.txt,
    .md, .jsonl, .parquet); - is standard output. HTML pages (.html, .htm, .xhtml) become text, with .txt appended
    to their name; --to markdown keeps headings, lists, tables and code, --to jsonl adds URL, title, author, date,
    language, site and kind of page.

    Pages of the same site help each other, so clean them together. Kept lines come out byte for byte.
    """
    from dataclasses import replace

    from declutter import run

    options = replace(allowing(options, settings), output_column=output_column, verdicts=verdicts)
    options = replace(options, one_pass=cleaner.profile is not None)
    found = run.inputs(inputs, options)
    outputs = run.outputs_for(found.paths, out, removed, to, options, links)
    if links and outputs.to != "markdown":
        raise click.UsageError("--links is for Markdown: --to markdown, or an OUT that ends in .md")
    if errors is None and outputs.out is not None and not dry_run:
        errors = outputs.errors_path
    if not dry_run and not force and not _may_write(outputs, found, resume):
        click.echo("nothing to resume: all outputs are there", err=True)
        return
    began = time.monotonic()
    done = run.clean(found, outputs, cleaner, replace(settings, resume=resume, errors=errors), dry_run=dry_run)
    seconds = time.monotonic() - began
    if summary is not None:
        _write_summary(summary, done, seconds)
    finish(done, quiet or (outputs.out is None and not dry_run), seconds)


def _may_write(outputs, found, resume: bool) -> bool:
    """Whether there is something to do. Raises OutputError where outputs exist that are not to be replaced."""
    from declutter.run import is_broken_off

    if is_broken_off(outputs):
        if not resume:
            raise OutputError(f"{outputs.out}: a run was broken off there; --resume goes on, --force begins anew")
        return True
    sources = list(found)
    existing = outputs.existing(sources)
    if resume and existing and len(existing) >= len(sources):
        return False
    refuse_or_ask(existing)
    return True


def _write_summary(path: Path, summary, seconds: float) -> None:
    from declutter.files.paths import write_bytes

    values = {
        "pages": summary.n_pages,
        "failed": len(summary.failures),
        "partial": len(summary.partial),
        "notes": dict(summary.notes),
        "bytes_in": summary.bytes_in,
        "bytes_kept": summary.bytes_kept,
        "kept_lines": dict(summary.kept_lines.most_common()),
        "removed_lines": dict(summary.removed_lines.most_common()),
        "n_sites": len(summary.sites),
        "sites": dict(summary.sites[:SUMMARY_SITES]),
        "seconds": round(seconds, 3),
    }
    write_bytes(path, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace"))
