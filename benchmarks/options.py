"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.answers import Installed, find_peers
from benchmarks.peers import BY_NAME

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
RESULTS = click.option("-r", "--results", type=NEW_FOLDER, help="Where results go; the default is benchmarks/results.")
PYTHONS = click.option(
    "--python",
    "pythons",
    multiple=True,
    help="Another interpreter with peers, such as .venv312/bin/python; may be given several times.",
)
PEERS = click.option("--peers", metavar="NAMES", help="Only these peers, separated by semicolons; '' for none.")
MODELS = click.option(
    "--models", type=FOLDER, help="Models of `declutter train --folds-to`; the default is the shipped ones."
)
CACHE = click.option("--cache", type=NEW_FOLDER, help="A folder to keep answers, dumps and labels in.")


def peers_of(pythons: tuple[str, ...], wanted: str | None) -> tuple[dict[str, Installed], dict[str, str]]:
    """({peer: where it runs}, {peer: why it is absent}), of those wanted (None: all)."""
    names = list(BY_NAME) if wanted is None else [name.strip() for name in wanted.split(";") if name.strip()]
    if unknown := sorted(set(names) - set(BY_NAME)):
        raise click.BadParameter(f"no such peer: {'; '.join(unknown)}; peers are {'; '.join(BY_NAME)}")
    installed, absent = find_peers(pythons)
    return (
        {name: installed[name] for name in names if name in installed},
        {name: absent[name] for name in names if name in absent},
    )
