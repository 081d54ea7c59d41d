"""`declutter learn` and `declutter profile`: what repeats over the pages of sites, learned, shown and merged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click

from declutter.cli.options import allowing, reading, running
from declutter.cli.shown import EXIT_CODES, SHOWN_SITES, finish, refuse_or_ask, visible

LEARN_EXAMPLES = """\b
Examples:
  declutter learn scraped/ -o example.profile
  declutter clean tomorrow/ clean/ --profile example.profile"""
PROFILE_EXAMPLES = """\b
Examples:
  declutter profile show sites.profile
  declutter profile merge monday.profile tuesday.profile -o week.profile"""


@click.command(epilog=f"{LEARN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The profile to write.")
@reading
@running
@click.option("--force", is_flag=True, help="Replace a profile that exists.")
def learn(inputs, output, options, settings, force, quiet):
    """Learn which lines repeat over the pages of each site, for `clean --profile`.

    IN are files, folders, globs, or - for standard input. Profiles of parts merge: `declutter profile merge`.
    """
    from dataclasses import replace

    from declutter import run

    path = Path(output)
    if path.exists() and not force:
        refuse_or_ask([path])
    found = run.inputs(inputs, replace(allowing(options, settings), one_pass=True))
    began = time.monotonic()
    summary = run.learn(found, path, found.paths, settings)
    finish(summary, quiet, time.monotonic() - began)


@click.group(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
def profile():
    """Show what a site profile of `declutter learn` holds, or merge several."""


@profile.command(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--format", "form", type=click.Choice(["text", "tsv"]), default="text", help="A summary, or a line a site."
)
def show(file, form):
    """Say what a profile holds: sites, pages, and the lines that repeat."""
    from declutter.stages.repeats import Profile

    held = Profile.load(file)
    if form == "tsv":
        click.echo("site\tpages\tcounted\tlines\ttemplates")
    else:
        for line in _profile_lines(held):
            click.echo(line)
    for site in held.sites if form == "tsv" else ():
        name = visible(site.name).replace("\t", " ")
        click.echo(f"{name}\t{site.n_seen}\t{site.n_pages}\t{len(site.fingerprints)}\t{site.n_templates}")


def _profile_lines(held) -> Iterator[str]:
    sites = sorted(held.sites, key=lambda site: (-site.n_seen, site.name))
    n_lines, n_templates = sum(len(site.fingerprints) for site in sites), sum(site.n_templates for site in sites)
    yield f"version  {held.version}"
    yield f"sites    {len(sites)}"
    yield f"pages    {sum(site.n_seen for site in sites)}; {sum(site.n_pages for site in sites)} distinct ones counted"
    yield f"lines    {n_lines}; {n_templates} stand on two pages of their site or more"
    for site in sites[:SHOWN_SITES]:
        yield f"site     {visible(site.name)}: {site.n_seen} pages, {site.n_templates} template lines"
    if len(sites) > SHOWN_SITES:
        yield f"site     {len(sites) - SHOWN_SITES} more"


@profile.command(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The profile to write.")
@click.option("--force", is_flag=True, help="Replace a profile that exists.")
def merge(files, output, force):
    """Merge profiles that were learned of different pages; no page should stand in two of them."""
    from declutter.files.paths import whole_file
    from declutter.stages.repeats import Profile

    path = Path(output)
    if path.exists() and not force:
        refuse_or_ask([path])
    merged = Profile()
    for file in files:
        merged |= Profile.load(file)
    with whole_file(path) as temporary:
        merged.save(temporary)
