"""`declutter train` and `declutter score`: models made of gold, and measured on it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from declutter.cli.options import as_model, as_path
from declutter.cli.shown import EXIT_CODES, page_bar, refuse_or_ask, visible
from declutter.errors import DeclutterError

TRAIN_EXAMPLES = """\b
Examples:
  declutter train seeds/ -o model.npz
  declutter train gold/news gold/forums -o model.npz --seeds seeds/
  declutter train gold/news -o model.npz --styles blocks,inscriptis --drawn 0
  declutter train gold/news -o html.npz --html --cache cache/ --jobs 4
  declutter score gold/other --model model.npz"""
SCORE_EXAMPLES = """\b
Examples:
  declutter score seeds/
  declutter score gold/news --model model.npz --style blocks --style get_text
  declutter score gold/news --style html --site-gain
  declutter score gold/news --engine rules --alone --format json | jq '.groups.script'"""


def as_styles(_ctx, _option, value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The dump styles of `--styles`, parted by commas, or of several `--style`."""
    styles = tuple(dict.fromkeys(",".join([value] if isinstance(value, str) else value).replace(",", " ").split()))
    known = of_training("labelling").ALL_STYLES
    if not styles or not set(styles) <= set(known):
        raise click.BadParameter(f"{', '.join(styles) or 'none'}; the dump styles are {', '.join(known)}")
    return styles


@click.command(epilog=f"{TRAIN_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The model to write.")
@click.option("--seeds", type=click.Path(exists=True, file_okay=False), help="One more folder of gold: labelled dumps.")
@click.option("--seed", default=0, show_default=True, help="The number that all that is drawn at random is drawn by.")
@click.option(
    "--styles",
    default="blocks,get_text",
    show_default=True,
    callback=as_styles,
    metavar="STYLES",
    help="The dump styles of every page with HTML, parted by commas: blocks, get_text, text_content, inscriptis, "
    "html2text, html2text_links, resiliparse, resiliparse_main, trafilatura, trafilatura_bare, inner_text.",
)
@click.option(
    "--drawn", default=2, show_default=True, type=click.IntRange(0), help="Other styles a page, drawn at random."
)
@click.option(
    "--cache", type=click.Path(file_okay=False), callback=as_path, help="A folder to keep dumps and labels in."
)
@click.option("--html", is_flag=True, help="Train the model for HTML pages, from the pages' own HTML.")
@click.option("--kinds", is_flag=True, help="Train the model of page kinds (article, forum, ...), from HTML pages.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes that label at once.")
@click.option(
    "--folds-to",
    type=click.Path(file_okay=False),
    callback=as_path,
    metavar="DIR",
    help="Keep the models of cross-validation in DIR, each of which saw no page of some families.",
)
@click.option(
    "--no-cross-validation", is_flag=True, help="Fit the model only, in a sixth of the time; measure nothing."
)
@click.option("--force", is_flag=True, help="Replace a model and card that exist.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(
    gold, output, seeds, seed, styles, drawn, cache, html, kinds, jobs, folds_to, no_cross_validation, force, quiet
):
    """Train a model on gold: pages whose main content, or whose lines' labels, are known.

    GOLD are folders of WCXB, of gold.jsonl or snippets.jsonl with HTML pages, or of dumps (NAME.txt beside
    NAME.labels.tsv). Pages with HTML are dumped in several styles and their lines labelled by the gold and the HTML.
    The model is measured by cross-validation grouped by site, and described in a card (.md) beside it.
    """
    training = of_training("training")
    paths = [Path(output), *([] if kinds else [training.card_path_of(output)])]
    if not force:
        refuse_or_ask([path for path in paths if path.exists()])
    if kinds:
        _train_kinds([*gold, *([seeds] if seeds else [])], output, not no_cross_validation, quiet)
        return
    if not html:
        tell_missing(training.styles_of_dumps(styles, drawn)[1], quiet)
    done = training.train(
        gold,
        output,
        html=html,
        seeds=seeds,
        seed=seed,
        styles=styles,
        n_drawn=drawn,
        cache=cache,
        jobs=jobs,
        cross_validation=not no_cross_validation,
        folds_to=folds_to,
        progress=partial(page_bar, quiet, unit=" done"),
    )
    if not quiet:
        for text in training.training_lines(done):
            click.echo(text)
        click.echo(f"wrote {visible(output)} and {visible(str(paths[1]))}", err=True)


def _train_kinds(folders: list[str], output: str, cross_validation: bool, quiet: bool) -> None:
    kinds_training = of_training("kinds_training")
    card = kinds_training.train_kinds(folders, output, cross_validation).card
    if not quiet:
        click.echo(f"{card['pages']:,} pages with a kind")
        if cross_validation:
            click.echo(f"accuracy {card['accuracy']:.4f}, by models that saw no page of the family\n")
            click.echo(kinds_training.confusion_text(card["confusion"]))
        click.echo(f"wrote {visible(output)}", err=True)


@click.command(epilog=f"{SCORE_EXAMPLES}\n\n{EXIT_CODES}")
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@click.option(
    "--engine",
    type=click.Choice(["auto", "model", "rules"]),
    default="auto",
    help="What decides. auto: the model where there is one, else the rules.",
)
@click.option(
    "--model", type=click.Path(exists=True, dir_okay=False), callback=as_model, help="A model of `declutter train`."
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    default=["blocks"],
    callback=as_styles,
    metavar="STYLE",
    help="The dump style of pages with HTML, blocks by default, or html: the pages themselves. Repeatable.",
)
@click.option("--alone", is_flag=True, help="Clean each page without the others of its site.")
@click.option("--site-gain", is_flag=True, help="Clean the pages both ways, and report what a site's pages add.")
@click.option(
    "--cache", type=click.Path(file_okay=False), callback=as_path, help="A folder to keep dumps and labels in."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Tables, or one JSON object."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def score(gold, engine, model, styles, alone, site_gain, cache, form, quiet):
    """Measure what is kept of gold pages: lines, words and characters, by set, style, script, site and label.

    GOLD are folders as `declutter train` takes them. Score a model on sites that it was not trained on.
    """
    scoring = of_training("scoring")
    progress = partial(page_bar, quiet)
    found = scoring.score(
        gold,
        of_training("cross_validation").cleaner_with(model, engine),
        styles=styles,
        alone=alone,
        both_ways=site_gain,
        cache=cache,
        progress=progress,
    )
    tell_missing(found["missing_styles"], quiet)
    click.echo(
        json.dumps(found, ensure_ascii=False, indent=1) if form == "json" else scoring.summary_text(found),
        nl=form == "json",
    )
    if found["failed"]:
        click.get_current_context().exit(1)


def of_training(name: str):
    """A module of declutter.train, which needs libraries that cleaning does without."""
    from importlib import import_module

    try:
        return import_module(f"declutter.train.{name}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "declutter":
            raise
        message = f'{error.name} is not installed; training needs it: pip install "declutter-text[train]"'
        raise DeclutterError(message) from error


def tell_missing(missing: dict[str, str], quiet: bool) -> None:
    if missing and not quiet:
        styles = ", ".join(f"{style} (needs {library})" for style, library in missing.items())
        click.echo(f'left out, not installed: {styles}; pip install "declutter-text[train]"', err=True)
