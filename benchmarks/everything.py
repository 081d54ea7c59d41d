"""All measures in one command: accuracy, speed, the documents' tables and the report, from the folders of gold."""

from __future__ import annotations

import time

import click

from benchmarks import accuracy, options, report, speed, tables


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=options.FOLDER)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="How many processes work at once.")
@click.option("--report", "output", default="benchmarks.html", show_default=True, type=options.NEW_FILE)
@options.MODELS
@options.CACHE
@options.PYTHONS
@options.PEERS
@options.RESULTS
@click.pass_context
def command(ctx, folders, jobs, output, models, cache, pythons, peers, results):
    """Measure everything: accuracy on all FOLDERS, speed on the first, the documents' tables, and the report.

    With --results elsewhere than in benchmarks/results the documents are left as they are.
    """
    begin = time.monotonic()
    common = {"cache": cache, "pythons": pythons, "peers": peers, "results": results}
    ctx.invoke(accuracy.command, folders=folders, models=models, jobs=jobs, **common)
    ctx.invoke(speed.command, folder=folders[0], **common)
    if results is None:
        ctx.invoke(tables.command)
    ctx.invoke(report.command, folders=folders, output=output, models=models, cache=cache, results=results)
    click.echo(f"took {(time.monotonic() - begin) / 60:.1f} minutes")
