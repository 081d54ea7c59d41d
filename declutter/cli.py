"""The command line: each command parses, calls the library once, and tells what came out."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path

import click

from declutter import __version__
from declutter.errors import DeclutterError, OutputError

# The library (numpy, lxml) is imported inside the commands, so that help and completion answer at once.

EXIT_CODES = """\b
Exit codes:
  0    all done
  1    some pages failed; the others are done
  2    wrong usage, or refused (outputs exist, IN and OUT overlap)
  130  broken off with Ctrl-C; files written so far are whole, and --resume goes on"""

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
SHOWN_FAILURES = SHOWN_SITES = 20
SUMMARY_SITES = 1000  # the largest ones, in the summary's file
LONG_SECONDS = 10  # the speed of a shorter run is not worth a line
LONGEST_REASON = 48
JOINERS = "\u200c\u200d"  # part of words in Persian, Hindi and other scripts


class Program(click.Group):
    """The group of commands; turns errors and Ctrl-C into messages and the documented exit codes."""

    def invoke(self, ctx: click.Context):
        is_main_thread = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGTERM, _stop) if is_main_thread else None
        try:
            return super().invoke(ctx)
        except DeclutterError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)
        except (KeyboardInterrupt, click.Abort):
            click.echo("Broken off.", err=True)
            ctx.exit(130)
        finally:
            if is_main_thread:
                signal.signal(signal.SIGTERM, before)


def _stop(_signal, _frame):
    """Leave by an exception, so that temporary files are deleted on the way."""
    sys.exit(128 + signal.SIGTERM)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="declutter")
def main():
    """Clean what a scraper left: keep a page's main content, remove the boilerplate, line by line.

    \b
    declutter clean scraped/ clean/      a folder of text dumps
    declutter explain page.txt           why each line is kept or removed
    """


BETA_PRECISION, BETA_RECALL = 0.5, 2.0


def _labels(_ctx, _option, value: str | None) -> frozenset[str] | None:
    """The labels of `--keep`, parted by commas."""
    from declutter.lines import LABELS

    labels = frozenset(value.replace(",", " ").split())
    if not labels or not labels <= set(LABELS):
        raise click.BadParameter(f"{value!r}; the labels are {', '.join(LABELS)}")
    return labels


def _profile(_ctx, _option, path: str | None):
    from declutter.repeats import Profile

    return None if path is None else Profile.load(path)


def _model(_ctx, _option, path: str | None):
    from declutter.model import Model

    return None if path is None else Model.load(path)


def _path(_ctx, _option, path: str | None) -> Path | None:
    return None if path is None else Path(path)


def _styles(_ctx, _option, value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The dump styles of `--styles`, parted by commas, or of several `--style`."""
    styles = tuple(dict.fromkeys(",".join([value] if isinstance(value, str) else value).replace(",", " ").split()))
    known = _training("dumps").STYLES
    if not styles or not set(styles) <= set(known):
        raise click.BadParameter(f"{', '.join(styles) or 'none'}; the dump styles are {', '.join(known)}")
    return styles


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
            callback=_model,
            help="A model of `declutter train --html`, instead of the one that comes with declutter.",
        ),
        click.option(
            "--model",
            type=click.Path(exists=True, dir_okay=False),
            callback=_model,
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
            callback=_profile,
            help="What `declutter learn` learned of the sites; the pages are then not counted again.",
        ),
        click.option(
            "--keep",
            default="title,body",
            show_default=True,
            callback=_labels,
            metavar="LABELS",
            help="The labels to keep, parted by commas: title, body, caption, byline, navigation, headlines, "
            "comments, promo, legal.",
        ),
    ):
        with_cleaner = option(with_cleaner)
    return with_cleaner


def _bytes(_ctx, _option, value: str | None) -> int | None:
    """A size: "1500M", "2G", or a number of bytes."""
    if value is None:
        return None
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    number, unit = (value[:-1], units[value[-1].lower()]) if value[-1:].lower() in units else (value, 1)
    if not number.isdecimal() or int(number) * unit == 0:
        raise click.BadParameter(f"{value!r}; give a number of bytes, or one with K, M or G behind it")
    return int(number) * unit


def _all_cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def reading(command):
    """The options of what is read; the command gets the Options that they make."""

    @wraps(command)
    def with_options(*, input_format, encoding, sites_by_folder, max_record_bytes, **options):
        from declutter.formats.records import Options

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
            callback=_bytes,
            metavar="SIZE",
            help="A longer line of JSON or WARC record is skipped, and told.",
        ),
        click.option("--sites-by-folder", is_flag=True, help="The site of a file is the folder that it stands in."),
        click.option("--encoding", metavar="NAME", help="Of text and HTML files, instead of what is detected."),
        click.option(
            "--input-format",
            type=click.Choice(["txt", "html", "jsonl", "parquet", "arrow", "warc", "wet", "zip", "tar"]),
            help="What IN is, instead of what names and first bytes tell.",
        ),
    ):
        with_options = option(with_options)
    return with_options


COLUMN_OPTIONS = {
    "text_column": "The column of the text in JSONL and Parquet; the usual names are found.",
    "html_column": "The column of the HTML.",
    "url_column": "The column of the URL, whose domain is the page's site.",
    "id_column": "The column that names a page in messages.",
    "site_column": "The column that names a page's site.",
}


def running(command):
    """The options of commands that go over many pages; the command gets the Settings that they make."""

    @wraps(command)
    def with_settings(*, workers, memory, strict, max_page_seconds, max_page_bytes, quiet, **options):
        from declutter.run import Limits, Settings

        made = Settings(
            workers=workers or _all_cores(),
            memory_bytes=memory,
            limits=Limits(max_page_seconds, max_page_bytes),
            is_strict=strict,
            progress=partial(_bar, quiet),
        )
        return command(settings=made, quiet=quiet, **options)

    for option in (
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option(
            "--max-page-bytes",
            default="16M",
            show_default=True,
            callback=_bytes,
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
            "--memory", callback=_bytes, metavar="SIZE", help="For all processes together, as 1500M or 4G: fewer start."
        ),
        click.option("--workers", type=click.IntRange(1), help="Processes; one for each core unless told."),
    ):
        with_settings = option(with_settings)
    return with_settings


CLEAN_EXAMPLES = """\b
Examples:
  declutter clean scraped/ clean/                  a folder, mirrored
  declutter clean a.txt b.txt 'more/*.txt' clean/  files and globs
  declutter clean page.txt -                       to standard output
  curl -s https://example.org/a.txt | declutter clean - -
  declutter clean scraped/ clean/ --keep title,body,caption --removed gone/
  declutter clean scraped/ clean/ --dry-run        only the summary
  declutter clean crawl/*.jsonl.gz clean/ --to parquet --verdicts
  declutter clean crawl/ clean/ --resume           after a crash or Ctrl-C
  zcat pages.jsonl.gz | declutter clean - - --profile sites.profile | gzip > clean.jsonl.gz"""


@main.command(epilog=f"{CLEAN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("out", metavar="OUT")
@judging
@reading
@running
@click.option(
    "--to", type=click.Choice(["txt", "jsonl", "parquet", "markdown"]), help="The outputs' format, if not the input's."
)
@click.option("--output-column", metavar="NAME", help="The column of the kept text, if not the text's own.")
@click.option("--verdicts", is_flag=True, help="JSONL and Parquet carry the verdict on every line.")
@click.option(
    "--removed",
    metavar="DIR",
    help="Write what is removed to DIR, a record a line (number, label, line): with it the input can be rebuilt.",
)
@click.option("--summary", metavar="FILE", callback=_path, help="Write the summary to a file, as JSON.")
@click.option(
    "--errors",
    metavar="FILE",
    callback=_path,
    help="Where failures are written, a JSON object a line; OUT.errors.jsonl unless told.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was broken off; nothing is done twice.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show the summary.")
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
def clean(
    inputs, out, cleaner, options, settings, to, output_column, verdicts, removed, summary, errors, resume, dry_run,
    force, quiet,
):  # fmt: skip
    """Clean text dumps and HTML pages, one a file or many: JSONL, Parquet, WARC, zip, tar, compressed or not.

    IN are files, folders (recursively, without hidden files), globs, or - for standard input. OUT is a folder
    that mirrors them; for a single file it may be a file name with an extension; - is standard output. HTML
    pages (.html, .htm, .xhtml) become text, with .txt appended to their name.

    Pages of the same site help each other, so clean them together. Kept lines come out byte for byte.
    """
    from dataclasses import replace

    from declutter import run

    options = replace(_fit(options, settings), output_column=output_column, verdicts=verdicts)
    options = replace(options, one_pass=cleaner.profile is not None)
    found = run.inputs(inputs, options)
    outputs = run.outputs_for(found.paths, out, removed, to, options)
    if errors is None and outputs.out is not None and not dry_run:
        errors = outputs.out.with_name(f"{outputs.out.name}.errors.jsonl")
    if not dry_run and not force and not _may_write(outputs, found, resume):
        click.echo("nothing to resume: all outputs are there", err=True)
        return
    began = time.monotonic()
    done = run.clean(found, outputs, cleaner, replace(settings, resume=resume, errors=errors), dry_run=dry_run)
    seconds = time.monotonic() - began
    if summary is not None:
        _write_summary(summary, done, seconds)
    _finish(done, quiet or (outputs.out is None and not dry_run), seconds)


def _fit(options, settings):
    """The options, so that no page is refused in reading that may be judged."""
    from dataclasses import replace

    return replace(options, max_page_bytes=max(options.max_page_bytes, settings.limits.n_bytes))


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
    _refuse_or_ask(existing)
    return True


def _write_summary(path: Path, summary, seconds: float) -> None:
    from declutter.write import write_bytes

    values = {
        "pages": summary.n_pages,
        "failed": len(summary.failures),
        "partial": len(summary.partial),
        "bytes_in": summary.bytes_in,
        "bytes_kept": summary.bytes_kept,
        "kept_lines": dict(summary.kept_lines.most_common()),
        "removed_lines": dict(summary.removed_lines.most_common()),
        "n_sites": len(summary.sites),
        "sites": dict(summary.sites[:SUMMARY_SITES]),
        "seconds": round(seconds, 3),
    }
    write_bytes(path, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace"))


def _refuse_or_ask(existing: list[Path]) -> None:
    if not existing:
        return
    what = f"{existing[0]} exists" + (f", and {len(existing) - 1} more outputs" if len(existing) > 1 else "")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OutputError(f"{what}; --force replaces what exists")
    if not click.confirm(f"{what}. Replace?", err=True):
        raise OutputError("nothing was written")


def _progress(quiet: bool, pages, title: str, n_pages: int | None, unit: str = " pages"):
    """The pages, with a bar on work that takes more than a second, if someone is looking."""
    if quiet or not sys.stderr.isatty():
        return pages
    from tqdm import tqdm

    return tqdm(pages, title, n_pages, unit=unit, delay=1, leave=False)


@contextmanager
def _bar(quiet: bool, title: str, n_bytes: int) -> Iterator:
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


def _finish(summary, quiet: bool, seconds: float = 0.0) -> None:
    """Show the summary and the failures; exit with 1 if there are any."""
    if not quiet:
        for line in _summary_lines(summary):
            click.echo(line, err=True)
        if seconds >= LONG_SECONDS:
            speed = f"{summary.n_pages / seconds:,.0f} pages/s, {_size(summary.bytes_in / seconds)}/s"
            click.echo(f"time     {seconds:.0f} s; {speed}", err=True)
    failures = [failure.reason for failure in summary.failures]
    for reason in failures[:SHOWN_FAILURES]:
        click.echo(f"failed: {_visible(reason)}", err=True)
    if len(failures) > SHOWN_FAILURES:
        click.echo(f"failed: {len(failures) - SHOWN_FAILURES} more", err=True)
    if failures:
        click.get_current_context().exit(1)


def _summary_lines(summary) -> Iterator[str]:
    failed = f", {len(summary.failures)} failed" if summary.failures else ""
    failed += f", {len(summary.partial)} read in part" if summary.partial else ""
    sizes = f"; {_size(summary.bytes_in)} read, {_size(summary.bytes_kept)} kept" if summary.bytes_kept else ""
    yield f"pages    {summary.n_pages}{failed}{sizes}"
    for title, counter in (("kept", summary.kept_lines), ("removed", summary.removed_lines)):
        if counter:
            by_label = ", ".join(f"{label} {number}" for label, number in counter.most_common())
            yield f"{title:<8} {counter.total()} lines: {by_label}"
    groups = [(name, n_pages) for name, n_pages in summary.sites if n_pages > 1]
    for name, n_pages in groups[:SHOWN_SITES]:
        yield f"site     {_visible(name)}: {n_pages} pages"
    if len(groups) > SHOWN_SITES:
        yield f"site     {len(groups) - SHOWN_SITES} more"


def _size(n_bytes: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} GB"


EXPLAIN_EXAMPLES = """\b
Examples:
  declutter explain page.txt
  declutter explain page.txt --profile example.profile
  declutter explain page.txt --format json | jq '.[] | select(.keep | not)'"""


@main.command(epilog=f"{EXPLAIN_EXAMPLES}\n\n{EXIT_CODES}")
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

    lines, verdicts = run.explain(file, cleaner)
    rows = ((row + 1, *verdict, lines[row]) for row, verdict in enumerate(verdicts) if lines[row].strip())
    form = form or ("table" if sys.stdout.isatty() else "tsv")
    for text in {"table": _table, "tsv": _tsv, "json": _json}[form](rows):
        click.echo(text if form == "table" else text.encode("utf-8", "backslashreplace"))


def _tsv(rows) -> Iterator[str]:
    yield "line\tlabel\tscore\tkeep\treason\ttext"
    for number, label, score, keep, reason, text in rows:
        yield f"{number}\t{label}\t{score:.3f}\t{str(keep).lower()}\t{reason}\t{text}"


def _json(rows) -> Iterator[str]:
    """One array, an object a line."""
    names = ("line", "label", "score", "keep", "reason", "text")
    opening = "["
    for row in rows:
        record = dict(zip(names, row, strict=True))
        record["score"] = round(record["score"], 3)
        yield opening + json.dumps(record, ensure_ascii=False)
        opening = ","
    yield "]" if opening == "," else "[]"


def _table(rows) -> Iterator[str]:
    import shutil

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    for number, label, score, keep, reason, text in rows:
        begin = f"{number:>5} {'+' if keep else ' '} "
        shown = _cut(_visible(text), max(20, width - LONGEST_REASON - 28))
        # isolates keep right-to-left text from moving the columns
        yield (
            click.style(begin, dim=not keep)
            + click.style(f"{label:<10}", fg=COLOURS[label], bold=keep)
            + click.style(f" {score:.2f}  {_cut(reason, LONGEST_REASON):<{LONGEST_REASON}}  ", dim=True)
            + click.style(f"\u2068{shown}\u2069", dim=not keep)
        )


def _visible(text: str) -> str:
    """The text with what would steer a terminal (controls, bidi marks, broken bytes) written as escapes."""
    if text.isprintable():
        return text
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in hidden and char not in JOINERS else char
        for char in text
    )


def _cut(text: str, width: int) -> str:
    """The text, cut to so many columns; characters of East Asian scripts take two."""
    columns = 0
    for position, char in enumerate(text):
        columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if columns > width:
            return text[: max(0, position - 1)] + "…"
    return text


LEARN_EXAMPLES = """\b
Examples:
  declutter learn scraped/ -o example.profile
  declutter clean tomorrow/ clean/ --profile example.profile"""


@main.command(epilog=f"{LEARN_EXAMPLES}\n\n{EXIT_CODES}")
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
        _refuse_or_ask([path])
    found = run.inputs(inputs, replace(_fit(options, settings), one_pass=True))
    began = time.monotonic()
    summary = run.learn(found, path, found.paths, settings)
    _finish(summary, quiet, time.monotonic() - began)


PROFILE_EXAMPLES = """\b
Examples:
  declutter profile show sites.profile
  declutter profile merge monday.profile tuesday.profile -o week.profile"""


@main.group(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
def profile():
    """Show what a site profile of `declutter learn` holds, or merge several."""


@profile.command(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--format", "form", type=click.Choice(["text", "tsv"]), default="text", help="A summary, or a line a site."
)
def show(file, form):
    """Say what a profile holds: sites, pages, and the lines that repeat."""
    from declutter.repeats import Profile

    held = Profile.load(file)
    if form == "tsv":
        click.echo("site\tpages\tcounted\tlines\ttemplates")
    else:
        for line in _profile_lines(held):
            click.echo(line)
    for site in held.sites if form == "tsv" else ():
        name = _visible(site.name).replace("\t", " ")
        click.echo(f"{name}\t{site.n_seen}\t{site.n_pages}\t{len(site.fingerprints)}\t{site.n_templates}")


def _profile_lines(held) -> Iterator[str]:
    sites = sorted(held.sites, key=lambda site: (-site.n_seen, site.name))
    n_lines, n_templates = sum(len(site.fingerprints) for site in sites), sum(site.n_templates for site in sites)
    yield f"version  {held.version}"
    yield f"sites    {len(sites)}"
    yield f"pages    {sum(site.n_seen for site in sites)}; {sum(site.n_pages for site in sites)} distinct ones counted"
    yield f"lines    {n_lines}; {n_templates} stand on two pages of their site or more"
    for site in sites[:SHOWN_SITES]:
        yield f"site     {_visible(site.name)}: {site.n_seen} pages, {site.n_templates} template lines"
    if len(sites) > SHOWN_SITES:
        yield f"site     {len(sites) - SHOWN_SITES} more"


@profile.command(epilog=f"{PROFILE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The profile to write.")
@click.option("--force", is_flag=True, help="Replace a profile that exists.")
def merge(files, output, force):
    """Merge profiles that were learned of different pages; no page should stand in two of them."""
    from declutter.repeats import Profile
    from declutter.write import whole_file

    path = Path(output)
    if path.exists() and not force:
        _refuse_or_ask([path])
    merged = Profile()
    for file in files:
        merged |= Profile.load(file)
    with whole_file(path) as temporary:
        merged.save(temporary)


SERVE_EXAMPLES = """\b
Examples:
  declutter serve
  declutter serve --port 9000 --workers 4 --profile sites.profile
  curl -s --data-binary @page.html -H 'Content-Type: text/html' localhost:8000/clean/raw | jq -r .text"""


@main.command(epilog=SERVE_EXAMPLES)
@judging
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Processes that clean; the default is one a processor.")
@click.option("--max-body", default=10.0, show_default=True, type=click.FloatRange(0.001), help="MB of a body.")
@click.option("--max-pages", default=1000, show_default=True, type=click.IntRange(1), help="Pages of one request.")
@click.option(
    "--time-limit",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Seconds in which a body must come, a process be free, and a request be cleaned.",
)
@click.option("--quiet", is_flag=True, help="Log nothing but warnings and errors.")
def serve(cleaner, host, port, workers, max_body, max_pages, time_limit, quiet):
    """Clean pages over HTTP, for programs in other languages.

    POST /clean takes {"text": ...} or {"html": ...}, /clean/pages several of them, /clean/raw the page itself; GET
    /openapi.json describes them, /health and /metrics (Prometheus) tell how it goes. --keep, --precision and --recall
    are what requests get that don't ask for other. There is no encryption and no password: put a proxy before it
    to serve others than this machine.
    """
    try:
        from declutter.serve import app, server
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "declutter":
            raise
        raise DeclutterError(str(error)) from error
    cleaner.clean("")  # loads the model, so that one that doesn't fit is told at once
    limits = app.Limits(int(max_body * 1e6), max_pages, time_limit)
    server.run(cleaner, host, port, workers or _all_cores(), limits, "warning" if quiet else "info")


TRAIN_EXAMPLES = """\b
Examples:
  declutter train seeds/ -o model.npz
  declutter train gold/news gold/forums -o model.npz --seeds seeds/
  declutter train gold/news -o model.npz --styles blocks,inscriptis --drawn 0
  declutter score gold/other --model model.npz"""


@main.command(epilog=f"{TRAIN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The model to write.")
@click.option("--seeds", type=click.Path(exists=True, file_okay=False), help="One more folder of gold: labelled dumps.")
@click.option("--seed", default=0, show_default=True, help="The number that all that is drawn at random is drawn by.")
@click.option(
    "--styles",
    default="blocks,get_text",
    show_default=True,
    callback=_styles,
    metavar="STYLES",
    help="The dump styles of every page with HTML, parted by commas: blocks, get_text, text_content, inscriptis, "
    "html2text, html2text_links, resiliparse, resiliparse_main, trafilatura, trafilatura_bare, inner_text.",
)
@click.option(
    "--drawn", default=2, show_default=True, type=click.IntRange(0), help="Other styles a page, drawn at random."
)
@click.option("--cache", type=click.Path(file_okay=False), callback=_path, help="A folder to keep dumps and labels in.")
@click.option("--html", is_flag=True, help="Train the model for HTML pages, from the pages' own HTML.")
@click.option(
    "--folds-to",
    type=click.Path(file_okay=False),
    callback=_path,
    metavar="DIR",
    help="Keep the models of cross-validation in DIR, each of which saw no page of some families.",
)
@click.option(
    "--no-cross-validation", is_flag=True, help="Fit the model only, in a sixth of the time; measure nothing."
)
@click.option("--force", is_flag=True, help="Replace a model and card that exist.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(gold, output, seeds, seed, styles, drawn, cache, html, folds_to, no_cross_validation, force, quiet):
    """Train a model on gold: pages whose main content, or whose lines' labels, are known.

    GOLD are folders of WCXB, of gold.jsonl with HTML pages, or of dumps (NAME.txt beside NAME.labels.tsv). Pages
    with HTML are dumped in several styles and their lines labelled by the gold and the HTML. The model is measured by
    cross-validation grouped by site, and described in a card (.md) beside it.
    """
    training = _training("training")
    paths = [Path(output), training.card_path_of(output)]
    if not force:
        _refuse_or_ask([path for path in paths if path.exists()])
    if html:
        folders = [*gold, *([seeds] if seeds else [])]
        _training("html_training").train_html(
            folders, output, seed=seed, cache=cache, cross_validation=not no_cross_validation, folds_to=folds_to
        )
        return
    _tell_missing(training.usable_styles([*styles, *(training.STYLES if drawn else ())])[1], quiet)
    done = training.train(
        gold,
        output,
        seeds=seeds,
        seed=seed,
        styles=styles,
        n_drawn=drawn,
        cache=cache,
        cross_validation=not no_cross_validation,
        folds_to=folds_to,
        progress=partial(_progress, quiet, unit=" done"),
    )
    if not quiet:
        for text in training.training_lines(done):
            click.echo(text)
        click.echo(f"wrote {_visible(output)} and {_visible(str(paths[1]))}", err=True)


def _training(name: str):
    """A module of declutter.train, which needs libraries that cleaning does without."""
    from importlib import import_module

    try:
        return import_module(f"declutter.train.{name}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "declutter":
            raise
        message = f'{error.name} is not installed; training needs it: pip install "declutter[train]"'
        raise DeclutterError(message) from error


def _tell_missing(missing: dict[str, str], quiet: bool) -> None:
    if missing and not quiet:
        styles = ", ".join(f"{style} (needs {library})" for style, library in missing.items())
        click.echo(f'left out, not installed: {styles}; pip install "declutter[train]"', err=True)


SCORE_EXAMPLES = """\b
Examples:
  declutter score seeds/
  declutter score gold/news --model model.npz --style blocks --style get_text
  declutter score gold/news --engine rules --alone --format json | jq '.groups.script'"""


@main.command(epilog=f"{SCORE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@click.option(
    "--engine",
    type=click.Choice(["auto", "model", "rules"]),
    default="auto",
    help="What decides. auto: the model where there is one, else the rules.",
)
@click.option(
    "--model", type=click.Path(exists=True, dir_okay=False), callback=_model, help="A model of `declutter train`."
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    default=["blocks"],
    callback=_styles,
    metavar="STYLE",
    help="The dump style of pages with HTML, blocks by default; may be given several times.",
)
@click.option("--alone", is_flag=True, help="Clean each page without the others of its site.")
@click.option("--cache", type=click.Path(file_okay=False), callback=_path, help="A folder to keep dumps and labels in.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Tables, or one JSON object."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def score(gold, engine, model, styles, alone, cache, form, quiet):
    """Measure what is kept of gold pages: lines, words and characters, by set, style, script, site and label.

    GOLD are folders as `declutter train` takes them. Score a model on sites that it was not trained on.
    """
    from declutter.cleaner import Cleaner

    scoring = _training("scoring")
    progress = partial(_progress, quiet)
    found = scoring.score(
        gold, Cleaner(engine=engine, model=model), styles=styles, alone=alone, cache=cache, progress=progress
    )
    _tell_missing(found["missing_styles"], quiet)
    click.echo(
        json.dumps(found, ensure_ascii=False, indent=1) if form == "json" else scoring.report_text(found),
        nl=form == "json",
    )
    if found["failed"]:
        click.get_current_context().exit(1)


@main.command(epilog="\b\nExample:\n  declutter completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell):
    """Print the script that completes commands and options in a shell."""
    from click.shell_completion import get_completion_class

    click.echo(get_completion_class(shell)(main, {}, "declutter", "_DECLUTTER_COMPLETE").source())


if __name__ == "__main__":
    main(prog_name="declutter")
