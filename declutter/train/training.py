"""Training: gold folders to a model file and the card beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from declutter.errors import GoldError
from declutter.files import paths
from declutter.stages.judge.model import Model
from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.card import card_path_of, card_text, describe
from declutter.train.composed import compose_dumps
from declutter.train.cross_validation import (
    DUMP_HYPERPARAMETERS,
    HTML_HYPERPARAMETERS,
    check_teaches,
    cross_validate,
    fit_pages,
    one_style_each,
)
from declutter.train.dumps import STYLES
from declutter.train.examples import Examples, make_examples
from declutter.train.fit import Hyperparameters, digest
from declutter.train.labelling import (
    HTML_STYLE,
    LEAST_ORACLE,
    UNKNOWN,
    LabelledDump,
    Progress,
    StylesOf,
    draw_styles,
    label_gold,
    no_progress,
    usable_styles,
)
from declutter.train.scoring import summary_text

STYLES_OF_EVERY_PAGE = ("blocks", "get_text")
DRAWN_STYLES = 2  # beside them: an eighth style of a page adds little, and all eleven don't fit the memory


@dataclass(frozen=True)
class Training:
    """The outcome of a training."""

    model: Model
    together: dict | None  # cross-validated scores of pages with their sites, as scoring.summarise gives them
    alone: dict | None  # the same of each page without the others of its site


def train(
    gold_folders: Sequence[str | Path],
    out: str | Path,
    *,
    html: bool = False,
    seeds: str | Path | None = None,
    seed: int = 0,
    styles: Sequence[str] = STYLES_OF_EVERY_PAGE,
    n_drawn: int = DRAWN_STYLES,
    hyperparameters: Hyperparameters | None = None,
    cache: Path | None = None,
    jobs: int = 1,
    cross_validation: bool = True,
    folds_to: Path | None = None,
    progress: Progress = no_progress,
) -> Training:
    """Train a model on gold and write it to `out`, with its card beside it.

    The model is one for dumps: every page with HTML is dumped in the `styles` and in `n_drawn` others, drawn by the
    `seed`; styles whose library isn't installed are left out. Where styles are drawn, the pages of some sites are
    composed too (composed.py), to be learned from. With `html` it is one for HTML pages, and gold without
    HTML is left out. `seeds` is one more folder of gold. Cross-validation separates the pages by family, and cleans
    each by a model that saw no page of its family; `folds_to` is a folder to keep these models in. `jobs` processes
    label at once. The same gold, seed, hyperparameters and releases of libraries give the same model.

    Raises GoldError for gold that can't be read or teaches nothing, ValueError for an unknown style, OutputError
    where `out` can't be written.
    """
    folders = [Path(folder) for folder in (*gold_folders, *([] if seeds is None else [seeds]))]
    hyperparameters = hyperparameters or (HTML_HYPERPARAMETERS if html else DUMP_HYPERPARAMETERS)
    hyperparameters = replace(hyperparameters, seed=seed, words=hyperparameters.words and not html)
    styles_of, missing = (_html_only, {}) if html else styles_of_dumps(styles, n_drawn, seed)
    labelled = label_gold(folders, styles_of, cache, progress, jobs)
    sound = [dump for dump in labelled if dump.oracle_f1 >= LEAST_ORACLE]
    composed = [] if html or not n_drawn else compose_dumps(labelled, seed)
    examples = make_training_examples([*sound, *composed], seed)
    check_teaches(examples, "the gold")
    scores = cross_validate(examples, labelled, hyperparameters, progress, folds_to) if cross_validation else None
    summaries = {} if scores is None else scores.summaries()
    card = {
        "data": describe(folders, labelled), "pages": _count_pages(labelled, sound), "lines": _count_lines(examples),
        "styles": dict(Counter(dump.style for dump in (*labelled, *composed))), "missing_styles": missing,
        "settings": asdict(hyperparameters), "training_digest": digest(examples),
        "command": _command(folders, seeds, out, seed, None if html else (styles, n_drawn)),
        "scores": {name: _scores(found) for name, found in summaries.items()},
    }  # fmt: skip
    [model] = [fit_pages(examples, hyperparameters, card) for _ in progress(["everything"], "fitting", 1)]
    with paths.whole_file(Path(out)) as temporary:
        model.save(temporary)
    paths.write_bytes(card_path_of(out), card_text(card, model, summaries).encode())
    return Training(model, summaries.get("together"), summaries.get("alone"))


def _html_only(_page) -> tuple[str, ...]:
    return (HTML_STYLE,)


def styles_of_dumps(styles: Sequence[str], n_drawn: int, seed: int = 0) -> tuple[StylesOf, dict[str, str]]:
    """(the styles that a page is dumped in for training, those left out with the distribution that each needs)."""
    always, missing = usable_styles(styles)
    others, missing_drawn = usable_styles(style for style in STYLES if style not in styles) if n_drawn else ((), {})
    draw = partial(draw_styles, always=always, others=others, n_drawn=n_drawn, seed=seed)
    return draw, {**missing, **missing_drawn}


def make_training_examples(labelled: Sequence[LabelledDump], seed: int = 0) -> Examples:
    """The lines of labelled pages in groups of pages of their site.

    Each page of a larger site is there once more, alone, in one of its styles. (A page that is its site's only one is
    alone in its group already.)
    """
    if not labelled:
        raise GoldError(f"no page of the gold is found again in its own HTML (token F1 of {LEAST_ORACLE} or more)")
    grouped = make_examples(labelled, seed)
    lone = one_style_each(labelled, seed)
    return _join(grouped, make_examples(lone, seed, sizes=(1,))) if lone else grouped


def _join(first: Examples, second: Examples) -> Examples:
    columns = {
        field.name: np.concatenate((getattr(first, field.name), getattr(second, field.name)))
        for field in fields(Examples) if field.name not in ("page", "pages")
    }  # fmt: skip
    page = np.concatenate((first.page, second.page + len(first.pages)))
    return Examples(page=page, pages=first.pages + second.pages, **columns)


def _count_pages(labelled: Sequence[LabelledDump], sound: Sequence[LabelledDump]) -> dict:
    left_out = Counter(dump.style for dump in labelled) - Counter(dump.style for dump in sound)
    pages = {(dump.page.set, dump.page.site, dump.page.id) for dump in sound}
    return {"used": len(pages), "dumps": len(sound), "dumps_left_out": dict(sorted(left_out.items()))}


def _count_lines(examples: Examples) -> dict[str, int]:
    counts = {"main": KEEP, "boilerplate": DROP, "undecided": UNDECIDED}
    lines = {name: int((examples.is_main == worth).sum()) for name, worth in counts.items()}
    return {**lines, "with_label": int((examples.labels != UNKNOWN).sum())}


def _scores(found: dict) -> list[dict]:
    """The part of a summary that is stored in the model: word, token and line F1 of each set."""
    return [
        {"set": row["name"], "pages": row["pages"], "word_f1": round(row["words"]["f1"], 4),
         "token_f1": round(row["token_f1"], 4), "line_f1": round(row["lines"]["f1"], 4)}
        for row in found["groups"]["set"] if row["words"]["f1"] is not None
    ]  # fmt: skip


def _command(
    folders: Sequence[Path],
    seeds: str | Path | None,
    out: str | Path,
    seed: int,
    styles: tuple[Iterable[str], int] | None,
) -> str:
    """The command that trains this model, `styles` None for HTML. Folders have their last names only: other machines
    have them elsewhere."""
    names = [folder.resolve().name for folder in folders]
    gold = names if seeds is None else [*names[:-1], "--seeds", names[-1]]
    choices = ["--html"] if styles is None else ["--styles", ",".join(styles[0]), "--drawn", str(styles[1])]
    return " ".join(["declutter", "train", *gold, "-o", Path(out).name, "--seed", str(seed), *choices])


def training_lines(training: Training) -> Iterator[str]:
    """The outcome of a training, for people: pages and lines used, then the cross-validated scores."""
    pages, lines = training.model.card["pages"], training.model.card["lines"]
    left_out = sum(pages["dumps_left_out"].values())
    yield f"{pages['used']:,} pages in {pages['dumps']:,} dumps; {left_out:,} dumps left out, not holding their gold"
    numbers = f"{lines['main']:,} lines of main content, {lines['boilerplate']:,} of boilerplate"
    yield f"{numbers}, {lines['undecided']:,} undecided"
    for title, found in (("With the other pages of the site", training.together), ("Each page alone", training.alone)):
        if found is not None:
            yield f"\n{title}, by models that saw no page of the family\n\n{summary_text(found)}"
