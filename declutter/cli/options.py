"""Options that several commands have, and the records of the library that are made of them."""

from __future__ import annotations

from functools import partial, wraps
from pathlib import Path

import click

from declutter.cli.shown import byte_bar

BETA_PRECISION, BETA_RECALL = 0.5, 2.0
COLUMN_OPTIONS = {
    "text_column": "The column of the text in JSON, CSV and Parquet; the usual names are found.",
    "html_column": "The column of the HTML.",
    "url_column": "The column of the URL, whose domain is the page's site.",
    "id_column": "The column that names a page in messages.",
    "site_column": "The column that names a page's site.",
}


def as_labels(_ctx: click.Context, _option: click.Parameter, value: str) -> frozenset[str]:
    """The labels of `--keep`, parted by commas."""
    from declutter.lines import LABELS

    labels = frozenset(value.replace(",", " ").split())
    if not labels or not labels <= set(LABELS):
        raise click.BadParameter(f"{value!r}; the labels are {', '.join(LABELS)}")
    return labels


def as_profile(_ctx: click.Context, _option: click.Parameter, path: str | None):
    from declutter.stages.repeats import Profile

    return None if path is None else Profile.load(path)


def as_model(_ctx: click.Context, _option: click.Parameter, path: str | None):
    from declutter.stages.judge.model import Model

    return None if path is None else Model.load(path)


def as_path(_ctx: click.Context, _option: click.Parameter, path: str | None) -> Path | None:
    return None if path is None else Path(path)


def as_bytes(_ctx: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """A size: "1500M", "2G", or a number of bytes."""
    if value is None:
        return None
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    number, unit = (value[:-1], units[value[-1].lower()]) if value[-1:].lower() in units else (value, 1)
    if not number.isdecimal() or int(number) * unit == 0:
        raise click.BadParameter(f"{value!r}; give a number of bytes, or one with K, M or G behind it")
    return int(number) * unit


def all_cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def judging(command):
    """The options of every command that judges lines; the command gets the Cleaner that they make."""

    @wraps(command)
    def with_cleaner(*, keep, profile, engine, model, html_model, precision, recall, **options):
        from declutter.cleaner import Cleaner

        if precision and recall:
            raise click.UsageError("--precision and --recall: choose one")
        beta = BETA_PRECISION if precision else BETA_RECALL if recall else 1.0
        return command(cleaner=Cleaner(keep, profile, engine, model, html_model, beta), **options)

    for option in (
        click.option("--recall", is_flag=True, help="Rather keep a doubtful line than lose it (F2 instead of F1)."),
        click.option(
            "--precision", is_flag=True, help="Rather lose a doubtful line than keep it (F0.5 instead of F1)."
        ),
        click.option(
            "--html-model",
            type=click.Path(exists=True, dir_okay=False),
            callback=as_model,
            help="A model of `declutter train --html`, instead of the one that comes with declutter.",
        ),
        click.option(
            "--model",
            type=click.Path(exists=True, dir_okay=False),
            callback=as_model,
            help="A model of `declutter train`, instead of the one that comes with declutter.",
        ),
        click.option(
            "--engine",
            type=click.Choice(["auto", "model", "rules"]),
            default="auto",
            help="What decides. auto: the model where there is one, else the rules.",
        ),
        click.option(
            "--profile",
            type=click.Path(exists=True, dir_okay=False),
            callback=as_profile,
            help="What `declutter learn` learned of the sites; the pages are then not counted again.",
        ),
        click.option(
            "--keep",
            default="title,body",
            show_default=True,
            callback=as_labels,
            metavar="LABELS",
            help="The labels to keep, parted by commas: title, body, caption, byline, navigation, headlines, "
            "comments, promo, legal.",
        ),
    ):
        with_cleaner = option(with_cleaner)
    return with_cleaner


def reading(command):
    """The options of what is read; the command gets the Options that they make."""

    @wraps(command)
    def with_options(*, input_format, encoding, sites_by_folder, max_record_bytes, **options):
        from declutter.files.records import Options

        columns = {name: options.pop(name) for name in COLUMN_OPTIONS}
        made = Options(
            **columns, input_format=input_format, encoding=encoding, sites_by_folder=sites_by_folder,
            max_record_bytes=max_record_bytes,
        )  # fmt: skip
        return command(options=made, **options)

    for name, what in reversed(COLUMN_OPTIONS.items()):
        with_options = click.option(f"--{name.replace('_', '-')}", metavar="NAME", help=what)(with_options)
    for option in (
        click.option(
            "--max-record-bytes",
            default="64M",
            show_default=True,
            callback=as_bytes,
            metavar="SIZE",
            help="A longer line of JSON or WARC record is skipped, and told.",
        ),
        click.option("--sites-by-folder", is_flag=True, help="The site of a file is the folder that it stands in."),
        click.option("--encoding", metavar="NAME", help="Of text and HTML files, instead of what is detected."),
        click.option(
            "--input-format",
            type=click.Choice(
                ["txt", "html", "jsonl", "json", "csv", "tsv", "parquet", "arrow", "warc", "wet", "zip", "tar"]
            ),
            help="What IN is, instead of what names and first bytes tell.",
        ),
    ):
        with_options = option(with_options)
    return with_options


def running(command):
    """The options of commands that go over many pages; the command gets the Settings that they make."""

    @wraps(command)
    def with_settings(*, workers, memory, strict, max_page_seconds, max_page_bytes, quiet, **options):
        from declutter.run import Limits, Settings

        made = Settings(
            workers=workers or all_cores(),
            memory_bytes=memory,
            limits=Limits(max_page_seconds, max_page_bytes),
            is_strict=strict,
            progress=partial(byte_bar, quiet),
        )
        return command(settings=made, quiet=quiet, **options)

    for option in (
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option(
            "--max-page-bytes",
            default="16M",
            show_default=True,
            callback=as_bytes,
            metavar="SIZE",
            help="A larger page is passed through whole.",
        ),
        click.option(
            "--max-page-seconds",
            default=60.0,
            show_default=True,
            type=click.FloatRange(0),
            help="A page that takes longer is passed through whole; 0 is no limit.",
        ),
        click.option("--strict", is_flag=True, help="Stop at the first page that fails."),
        click.option(
            "--memory",
            callback=as_bytes,
            metavar="SIZE",
            help="For all processes together, as 1500M or 4G: fewer start.",
        ),
        click.option("--workers", type=click.IntRange(1), help="Processes; one for each core unless told."),
    ):
        with_settings = option(with_settings)
    return with_settings


def allowing(options, settings):
    """The options, so that no page is refused in reading that may be judged."""
    from dataclasses import replace

    return replace(options, max_page_bytes=max(options.max_page_bytes, settings.limits.n_bytes))
