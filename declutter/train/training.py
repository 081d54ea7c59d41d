"""Training: gold folders to a model file and the card beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from random import Random

import numpy as np

from declutter.cleaner import Cleaner
from declutter.errors import GoldError
from declutter.files import paths
from declutter.stages.features import FEATURE_NAMES
from declutter.stages.judge.model import Model
from declutter.train.card import card_path_of, card_text, describe
from declutter.train.dumps import STYLES
from declutter.train.examples import UNKNOWN, Examples, LabelledDump, make_examples
from declutter.train.fit import Settings, digest, fit, fold_card, folds, save_fold, select
from declutter.train.labelling import (
    LEAST_ORACLE,
    Progress,
    draw_styles,
    label_gold,
    no_progress,
    oracle_f1,
    usable_styles,
)  # fmt: skip
from declutter.train.scoring import PageScore, report, report_text, score_dumps

STYLES_OF_EVERY_PAGE = ("blocks", "get_text")
DEFAULTS = Settings()
DRAWN_STYLES = 2  # beside them: what a page adds in an eighth style is little, and all eleven don't fit the memory


@dataclass(frozen=True)
class Training:
    """What came of a training."""

    model: Model
    together: dict | None  # cross-validated scores of pages with their sites, as scoring.report gives them
    alone: dict | None  # the same of each page without the others of its site


def train(
    gold_folders: Sequence[str | Path],
    out: str | Path,
    *,
    seeds: str | Path | None = None,
    seed: int = 0,
    styles: Sequence[str] = STYLES_OF_EVERY_PAGE,
    n_drawn: int = DRAWN_STYLES,
    settings: Settings = DEFAULTS,
    cache: Path | None = None,
    cross_validation: bool = True,
    folds_to: Path | None = None,
    progress: Progress = no_progress,
) -> Training:
    """Train a model on gold and write it to `out`, with its card beside it.

    Every page with HTML is dumped in the `styles` and in `n_drawn` others, drawn by the `seed`; styles whose library
    isn't installed are left out. `seeds` is one more folder of gold. Cross-validation parts the pages by family, and
    cleans each by a model that saw no page of its family; `folds_to` is a folder to keep these models in. The same
    gold, seed, settings and releases of libraries give the same model.

    Raises GoldError for gold that can't be read or teaches nothing, ValueError for an unknown style, OutputError
    where `out` can't be written.
    """
    folders = [Path(folder) for folder in (*gold_folders, *([] if seeds is None else [seeds]))]
    settings = replace(settings, seed=seed)
    always, missing = usable_styles(styles)
    others, missing_drawn = usable_styles(style for style in STYLES if style not in styles) if n_drawn else ((), {})
    dumps = label_gold(folders, lambda page: draw_styles(page, always, others, n_drawn, seed), cache, progress)
    sound = [dump for dump in progress(dumps, "checking", len(dumps)) if oracle_f1(dump) >= LEAST_ORACLE]
    examples = _make_examples(sound, seed)
    _check(examples, "the gold")
    together, alone = (
        _cross_validate(examples, dumps, settings, progress, folds_to) if cross_validation else (None, None)
    )
    card = {
        "data": describe(folders, dumps), "pages": _count_pages(dumps, sound), "lines": _count_lines(examples),
        "styles": dict(Counter(dump.style for dump in dumps)), "missing_styles": {**missing, **missing_drawn},
        "settings": asdict(settings), "training_digest": digest(examples),
        "command": _command(folders, seeds, out, seed, styles, n_drawn),
        "scores": {name: _scores(found) for name, found in (("together", together), ("alone", alone)) if found},
    }  # fmt: skip
    [model] = [fit(examples, FEATURE_NAMES, settings, card) for _ in progress(["everything"], "fitting", 1)]
    with paths.whole_file(Path(out)) as temporary:
        model.save(temporary)
    paths.write_bytes(card_path_of(out), card_text(card, model, together, alone).encode())
    return Training(model, together, alone)


def _make_examples(dumps: Sequence[LabelledDump], seed: int) -> Examples:
    """The lines of the dumps in groups of pages of their site, and of each page of a larger site alone in one style.

    A page that is its site's only one is alone in its group already.
    """
    if not dumps:
        raise GoldError(f"no page of the gold is found again in its own HTML (token F1 of {LEAST_ORACLE} or more)")
    grouped = make_examples(dumps, seed)
    lone = _one_style_each(dumps, seed)
    return _join(grouped, make_examples(lone, seed, sizes=(1,))) if lone else grouped


def _one_style_each(dumps: Sequence[LabelledDump], seed: int) -> list[LabelledDump]:
    """One dump of each page whose site has several pages, in a style drawn by the seed."""
    of_page: dict[tuple[str, str, str], list[LabelledDump]] = {}
    for dump in dumps:
        of_page.setdefault((dump.page.set, dump.page.site, dump.page.id), []).append(dump)
    site_pages = Counter(key[:2] for key in of_page)
    return [Random(f"{seed}\n{key}").choice(of_page[key]) for key in of_page if site_pages[key[:2]] > 1]


def _join(first: Examples, second: Examples) -> Examples:
    columns = {
        field.name: np.concatenate((getattr(first, field.name), getattr(second, field.name)))
        for field in fields(Examples) if field.name not in ("page", "pages")
    }  # fmt: skip
    page = np.concatenate((first.page, second.page + len(first.pages)))
    return Examples(page=page, pages=first.pages + second.pages, **columns)


def _check(examples: Examples, what: str) -> None:
    """Raise GoldError unless there are lines to keep and to remove."""
    for worth, name in ((1, "main content"), (0, "boilerplate")):
        if not (examples.is_main == worth).any():
            raise GoldError(f"{what} holds no line of {name}; a model needs both kinds to learn from")


def _cross_validate(
    examples: Examples,
    dumps: Sequence[LabelledDump],
    settings: Settings,
    progress: Progress,
    folds_to: Path | None = None,
) -> tuple[dict, dict] | tuple[None, None]:
    """Reports on all dumps, sound or not, each cleaned by the whole pipeline with a model that saw none of its family.

    (None, None) where there are too few families to part.
    """
    fold_of = folds(examples)
    by_family = {
        (dump.page.set, dump.page.family): int(fold) for dump, fold in zip(examples.pages, fold_of, strict=True)
    }
    numbers = sorted(set(by_family.values()))
    if len(numbers) < 2:
        return None, None
    lone = _one_style_each(dumps, settings.seed)
    together: list[PageScore] = []
    alone: list[PageScore] = []
    for number in progress(numbers, "cross-validation", len(numbers)):
        training = select(examples, fold_of != number)
        _check(training, f"the gold without fold {number}")
        model = fit(training, FEATURE_NAMES, settings, fold_card(examples, fold_of == number))
        if folds_to is not None:
            save_fold(model, folds_to, f"text-fold{number}.npz")
        cleaner = Cleaner(engine="model", model=model)
        for scores, tested, is_alone in ((together, dumps, False), (alone, lone, True)):
            # a family that taught nothing is in no fold, and every model is one that didn't see it
            of_fold = [
                dump for dump in tested if by_family.get((dump.page.set, dump.page.family), numbers[0]) == number
            ]
            scores += score_dumps(of_fold, cleaner, is_alone)
    return report(together), report(alone) if alone else None


def _count_pages(dumps: Sequence[LabelledDump], sound: Sequence[LabelledDump]) -> dict:
    left_out = Counter(dump.style for dump in dumps) - Counter(dump.style for dump in sound)
    pages = {(dump.page.set, dump.page.site, dump.page.id) for dump in sound}
    return {"used": len(pages), "dumps": len(sound), "dumps_left_out": dict(sorted(left_out.items()))}


def _count_lines(examples: Examples) -> dict[str, int]:
    return {
        "main": int((examples.is_main == 1).sum()), "boilerplate": int((examples.is_main == 0).sum()),
        "undecided": int((examples.is_main < 0).sum()), "with_label": int((examples.labels != UNKNOWN).sum()),
    }  # fmt: skip


def _scores(found: dict) -> list[dict]:
    """What of a report is stored in the model: word, token and line F1 of each set."""
    rows = found["groups"]["set"]
    return [
        {"set": row["name"], "pages": row["pages"], "word_f1": round(row["words"]["f1"], 4),
         "token_f1": round(row["token_f1"], 4), "line_f1": round(row["lines"]["f1"], 4)}
        for row in rows if row["words"]["f1"] is not None
    ]  # fmt: skip


def _command(
    folders: Sequence[Path], seeds: str | Path | None, out: str | Path, seed: int, styles: Iterable[str], n_drawn: int
) -> str:
    """The command that trains this model; folders by their last names, since where they lie tells nobody anything."""
    names = [folder.resolve().name for folder in folders]
    gold = names if seeds is None else [*names[:-1], "--seeds", names[-1]]
    choices = ["--seed", str(seed), "--styles", ",".join(styles), "--drawn", str(n_drawn)]
    return " ".join(["declutter", "train", *gold, "-o", Path(out).name, *choices])


def training_lines(training: Training) -> Iterator[str]:
    """What came of a training, for people: pages and lines used, then the cross-validated scores."""
    pages, lines = training.model.card["pages"], training.model.card["lines"]
    left_out = sum(pages["dumps_left_out"].values())
    yield f"{pages['used']:,} pages in {pages['dumps']:,} dumps; {left_out:,} dumps left out, not holding their gold"
    numbers = f"{lines['main']:,} lines of main content, {lines['boilerplate']:,} of boilerplate"
    yield f"{numbers}, {lines['undecided']:,} undecided"
    for title, found in (("With the other pages of the site", training.together), ("Each page alone", training.alone)):
        if found is not None:
            yield f"\n{title}, by models that saw no page of the family\n\n{report_text(found)}"
