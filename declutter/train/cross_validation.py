"""Cross-validation: gold pages cleaned by models that saw no page of their family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from declutter.cleaner import Cleaner
from declutter.errors import GoldError
from declutter.files import paths
from declutter.stages.features import FEATURE_NAMES, HTML_FEATURE_NAMES
from declutter.stages.judge.model import Model
from declutter.train.align import DROP, KEEP
from declutter.train.examples import Examples
from declutter.train.fit import Hyperparameters, fit, fold_of, select
from declutter.train.labelling import HTML_STYLE, LabelledDump, Progress, no_progress
from declutter.train.scoring import PageScore, score_dumps, site_gain, summarise, summary_text

DUMP_HYPERPARAMETERS = Hyperparameters()
#: The DOM tells labels, which then teach a network little; beside it words were worth nothing (benchmarks/models.md).
HTML_HYPERPARAMETERS = Hyperparameters(
    n_line=64, label_loss=0.1, lines_a_page=60, site_power=0.4, epochs=6, page_lines=250, words=False
)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The scores of pages cleaned with the others of their site, and of each page of a larger site alone."""

    together: list[PageScore]
    alone: list[PageScore]  # of dumps, in one of the page's styles

    def summaries(self) -> dict[str, dict]:
        """The scores "together" and, where a site has several pages, "alone", as `summarise` gives them."""
        gain = site_gain(self.together, self.alone)
        summaries = {"together": {**summarise(self.together), "site_gain": gain}}
        return {**summaries, "alone": summarise(self.alone)} if self.alone else summaries

    def text(self) -> str:
        """The summaries as tables."""
        return "\n".join(f"# {name}\n\n{summary_text(found)}" for name, found in self.summaries().items())


def is_html(examples: Examples) -> bool:
    """Whether the examples are of HTML pages; else they are of dumps."""
    return examples.pages[0].style == HTML_STYLE


def fit_pages(examples: Examples, hyperparameters: Hyperparameters | None = None, card: dict | None = None) -> Model:
    """A model of pages' examples, dumps or HTML, by the hyperparameters of these unless others are given."""
    names, usual = (
        (HTML_FEATURE_NAMES, HTML_HYPERPARAMETERS) if is_html(examples) else (FEATURE_NAMES, DUMP_HYPERPARAMETERS)
    )
    return fit(examples, names, hyperparameters or usual, card)


def cleaner_with(model: Model | None, engine: str = "auto") -> Cleaner:
    """A Cleaner that judges by a model, of dumps or HTML, whichever it was trained on."""
    for_html = model is not None and model.feature_names == HTML_FEATURE_NAMES
    return Cleaner(engine=engine, html_model=model) if for_html else Cleaner(engine=engine, model=model)


def cross_validate(
    examples: Examples,
    labelled: Sequence[LabelledDump],
    hyperparameters: Hyperparameters | None = None,
    progress: Progress = no_progress,
    folds_to: Path | None = None,
) -> CrossValidation | None:
    """The labelled pages, each cleaned by the whole pipeline with a model that saw no page of its family.

    `labelled` may hold pages that are not among the examples: those that can't teach are scored too. The models are
    kept in the folder `folds_to`, where one is given. None where there are too few families to separate.
    """
    folds = np.array([fold_of(dump.page.family) for dump in examples.pages])
    numbers = sorted(set(folds.tolist()))
    if len(numbers) < 2:
        return None
    lone = one_style_each(labelled, hyperparameters.seed if hyperparameters else 0)
    found = CrossValidation([], [])
    for number in progress(numbers, "cross-validation", len(numbers)):
        training = select(examples, folds != number)
        check_teaches(training, f"the gold without fold {number}")
        pages = [dump.page for dump, fold in zip(examples.pages, folds.tolist(), strict=True) if fold == number]
        card = {"left_out": sorted({f"{page.set}/{page.family}" for page in pages})}
        model = fit_pages(training, hyperparameters, card)
        if folds_to is not None:
            _keep(model, folds_to, f"{'html' if is_html(examples) else 'text'}-fold{number}.npz")
        for scores, tested, is_alone in ((found.together, labelled, False), (found.alone, lone, True)):
            # a fold without examples has no model: no model saw its families
            of_fold = [dump for dump in tested if _nearest(fold_of(dump.page.family), numbers) == number]
            scores += score_dumps(of_fold, cleaner_with(model, "model"), is_alone)
    return found


def _nearest(fold: int, numbers: Sequence[int]) -> int:
    return fold if fold in numbers else numbers[0]


def one_style_each(labelled: Sequence[LabelledDump], seed: int) -> list[LabelledDump]:
    """One dump of each page whose site has several pages, in a style drawn by the seed."""
    of_page: dict[tuple[str, str, str], list[LabelledDump]] = {}
    for dump in labelled:
        of_page.setdefault((dump.page.set, dump.page.site, dump.page.id), []).append(dump)
    site_pages = Counter(key[:2] for key in of_page)
    return [Random(f"{seed}\n{key}").choice(of_page[key]) for key in of_page if site_pages[key[:2]] > 1]


def check_teaches(examples: Examples, what: str) -> None:
    """Raise GoldError unless there are lines to keep and to remove."""
    for worth, name in ((KEEP, "main content"), (DROP, "boilerplate")):
        if not (examples.is_main == worth).any():
            raise GoldError(f"{what} holds no line of {name}; a model needs both kinds to learn from")


def _keep(model: Model, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(folder / name) as temporary:
        model.save(temporary)
