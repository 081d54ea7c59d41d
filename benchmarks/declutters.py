"""declutter as it is measured: by the shipped models, or by models of cross-validation that saw no page of a family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from declutter.cleaner import Cleaner
from declutter.errors import ModelError
from declutter.pages import Cleaned, Page
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.stages.judge.model import Model, shipped_model
from declutter.stages.repeats import Profile
from declutter.train.gold import GoldPage

TRAINED_ON = "trained on these pages"
UNSEEN = "unseen pages"


@dataclass(frozen=True)
class FoldModels:
    """The models of a cross-validation, of `declutter train ... --folds-to FOLDER`, for dumps ("text") or "html"."""

    models: tuple[Model, ...]

    @classmethod
    def load(cls, folder: str | Path, kind: str) -> FoldModels | None:
        """The models of one kind in a folder; None where it has none. Raises ModelError for what is no fold's model."""
        models = []
        for path in sorted(Path(folder).glob("*.npz")):
            model = Model.load(path)
            if not isinstance(model.card.get("left_out"), list):
                raise ModelError(
                    f"{path}: not a model of cross-validation; make them with `declutter train --folds-to`"
                )
            if (kind == "html") == (model.feature_names == HTML_FEATURE_NAMES):
                models.append(model)
        return cls(tuple(models)) if models else None

    def number_for(self, page: GoldPage) -> int:
        """The model that saw no page of the page's family; the first one where none of them did."""
        family = f"{page.set}/{page.family}"
        return next((number for number, model in enumerate(self.models) if family in model.card["left_out"]), 0)


def status_of(kind: str, sets: Sequence[str], folds: FoldModels | None) -> str:
    """Whether declutter is judged on pages that its model was trained on: UNSEEN, or TRAINED_ON.

    A shipped model names the sets of its training in its card.
    """
    if folds is not None:
        return UNSEEN
    model = shipped_model(kind) or shipped_model("text")
    trained = {about.get("name") for about in model.card.get("data", [])} if model else set()
    return TRAINED_ON if trained & set(sets) else UNSEEN


def clean(
    sources: Sequence[tuple[GoldPage, Callable[[], Page]]], folds: FoldModels | None, engine: str, alone: bool
) -> Iterator[Cleaned]:
    """Each page cleaned with those of its site (or `alone`), by a model that didn't see its family; fold by fold.

    `sources` are gold pages and functions that read their pages, at each pass again, so that no more than a batch is
    held.
    """
    cleaner = Cleaner(engine=engine, profile=Profile() if alone else None)
    if engine == "rules" or folds is None:
        yield from cleaner.clean_pages(_Pages([read for _, read in sources]))
        return
    for number, model in enumerate(folds.models):
        kind = {"html_model": model} if model.feature_names == HTML_FEATURE_NAMES else {"model": model}
        of_fold = [read for gold, read in sources if folds.number_for(gold) == number]
        yield from replace(cleaner, **kind).clean_pages(_Pages(of_fold))


@dataclass(frozen=True)
class _Pages:
    """Pages that are read again at each pass."""

    reads: Sequence[Callable[[], Page]]

    def __iter__(self) -> Iterator[Page]:
        return (read() for read in self.reads)


def page_of(gold: GoldPage, **content: str) -> Page:
    """A page with its site, where the gold tells one: a folder that holds labelled dumps itself may mix sites."""
    site = None if gold.site == gold.set else f"{gold.set}/{gold.site}"
    return Page(page_key(gold), site=site, url=gold.url, **content)


def page_key(gold: GoldPage) -> str:
    """What names a page in a result: its site and id within its set."""
    return f"{gold.site}/{gold.id}"
