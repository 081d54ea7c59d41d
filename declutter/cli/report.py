"""`declutter report`: one HTML page that shows what was done to a corpus."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from declutter.cli.options import judging, reading
from declutter.cli.shown import EXIT_CODES, page_bar, refuse_or_ask, tell_failures, visible

REPORT_EXAMPLES = """\b
Examples:
  declutter report scraped/ -o report.html
  declutter report crawl/*.jsonl.gz -o report.html --url-column link --seed 7"""


@click.command(epilog=f"{REPORT_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The HTML file to write.")
@judging
@reading
@click.option("--seed", default=0, show_default=True, help="The number that the pages to show are drawn by.")
@click.option("--force", is_flag=True, help="Replace a report that exists.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def report(inputs, output, cleaner, options, seed, force, quiet):
    """Make one HTML page that shows what is kept and removed: by label and site, odd pages, a sample of lines.

    IN are files, folders, globs, or - for standard input; they are not changed. The page needs no network, holds no
    script, and stays under 2 MB whatever the input.
    """
    from declutter.report.files import write_report

    path = Path(output)
    if path.exists() and not force:
        refuse_or_ask([path])
    corpus = write_report(inputs, path, cleaner, options=options, seed=seed, progress=partial(page_bar, quiet))
    if not quiet:
        click.echo(f"pages    {corpus.n_pages}; wrote {visible(output)}", err=True)
    tell_failures(list(corpus.failed.values()), corpus.n_failed)
    if corpus.passed_through:
        click.echo(f"failed: {corpus.passed_through} pages can't be judged; the report names some of them", err=True)
    if corpus.n_failed or corpus.passed_through:
        click.get_current_context().exit(1)
