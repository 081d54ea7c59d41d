"""The command line: each command parses, calls the library once, and tells what came out."""

from __future__ import annotations

import json
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator
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
  130  broken off with Ctrl-C; files written so far are whole"""

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


CLEAN_EXAMPLES = """\b
Examples:
  declutter clean scraped/ clean/                  a folder, mirrored
  declutter clean a.txt b.txt 'more/*.txt' clean/  files and globs
  declutter clean page.txt -                       to standard output
  curl -s https://example.org/a.txt | declutter clean - -
  declutter clean scraped/ clean/ --keep title,body,caption --removed gone/
  declutter clean scraped/ clean/ --dry-run        only the summary"""


@main.command(epilog=f"{CLEAN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("out", metavar="OUT")
@judging
@click.option(
    "--removed",
    metavar="DIR",
    help="Write what is removed to DIR, a record a line (number, label, line): with it the input can be rebuilt.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show the summary.")
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def clean(inputs, out, cleaner, removed, dry_run, force, quiet):
    """Clean text dumps and HTML pages.

    IN are files, folders (recursively, without hidden files), globs, or - for standard input. OUT is a folder
    that mirrors them; for a single file it may be a file name with an extension; - is standard output. HTML
    pages (.html, .htm, .xhtml) become text, with .txt appended to their name.

    Pages of the same site help each other, so clean them together. Kept lines come out byte for byte.
    """
    from declutter import run

    folders = run.Folders(inputs)
    outputs = run.outputs_for(folders, out, removed)
    if not dry_run and not force:
        _refuse_or_ask(outputs.existing(folders.sources()))
    summary = run.clean(folders, outputs, cleaner, dry_run=dry_run, progress=partial(_progress, quiet))
    _finish(summary, quiet or (outputs.out is None and not dry_run))


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


def _finish(summary, quiet: bool) -> None:
    """Show the summary and the failures; exit with 1 if there are any."""
    if not quiet:
        for line in _summary_lines(summary):
            click.echo(line, err=True)
    failures = list(summary.failed.values())
    for reason in failures[:SHOWN_FAILURES]:
        click.echo(f"failed: {_visible(reason)}", err=True)
    if len(failures) > SHOWN_FAILURES:
        click.echo(f"failed: {len(failures) - SHOWN_FAILURES} more", err=True)
    if failures:
        click.get_current_context().exit(1)


def _summary_lines(summary) -> Iterator[str]:
    failed = f", {len(summary.failed)} failed" if summary.failed else ""
    sizes = f"; {_size(summary.bytes_in)} read, {_size(summary.bytes_kept)} kept" if summary.bytes_in else ""
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
@click.option("--force", is_flag=True, help="Replace a profile that exists.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def learn(inputs, output, force, quiet):
    """Learn which lines repeat over the pages of each site, for `clean --profile`.

    IN are files, folders, globs, or - for standard input.
    """
    from declutter import run

    path = Path(output)
    if path.exists() and not force:
        _refuse_or_ask([path])
    summary = run.learn(run.Folders(inputs), path, progress=partial(_progress, quiet))
    _finish(summary, quiet)


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
    "--no-cross-validation", is_flag=True, help="Fit the model only, in a sixth of the time; measure nothing."
)
@click.option("--force", is_flag=True, help="Replace a model and card that exist.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(gold, output, seeds, seed, styles, drawn, cache, html, no_cross_validation, force, quiet):
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
            folders, output, seed=seed, cache=cache, cross_validation=not no_cross_validation
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
