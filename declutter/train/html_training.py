"""Training for HTML pages: gold folders with HTML to a model file and the card beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from declutter.errors import GoldError
from declutter.files import paths
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.stages.judge.decide import choose
from declutter.stages.judge.model import Model
from declutter.train.card import card_path_of, describe, html_card_text
from declutter.train.examples import HTML_STYLE, Examples, label_dumps, make_examples
from declutter.train.f1 import bag_f1, tokens, words
from declutter.train.fit import Settings, cross_validate, digest, fit, folds
from declutter.train.gold import read_gold
from declutter.train.labelling import LEAST_ORACLE, oracle_f1

DEFAULTS = Settings(n_line=64, label_loss=0.1)  # the DOM tells labels: they teach a network little


def train_html(
    gold_folders: Sequence[str | Path],
    out: str | Path,
    *,
    seed: int = 0,
    settings: Settings = DEFAULTS,
    cache: Path | None = None,
    cross_validation: bool = True,
    folds_to: Path | None = None,
) -> Model:
    """Train the model for HTML pages on gold with HTML and write it to `out`, with its card beside it.

    Cross-validation parts the pages by family; each page is cut into blocks, judged by a model that saw no page of
    its family, together with its site's pages and alone; `folds_to` is a folder to keep these models in. Raises
    GoldError for gold that can't be read.
    """
    folders = [Path(folder) for folder in gold_folders]
    settings = replace(settings, seed=seed, words=False)  # beside the DOM they were worth nothing: benchmarks/models.md

    pages = (page for folder in folders for page in read_gold(folder) if page.html is not None)
    labelled = [dump for page in pages for dump in label_dumps(page, (HTML_STYLE,), cache)]
    sound = [dump for dump in labelled if oracle_f1(dump) >= LEAST_ORACLE]
    if not sound:
        raise GoldError("the gold holds no page with HTML in which its main content is found")
    examples = make_examples(sound, seed)
    scores = {}
    if cross_validation and len(set(folds(examples).tolist())) > 1:  # else all are tested, none learned
        tested = [dump for dump in labelled if dump.page.main_text is not None]
        tests = [make_examples(tested, seed, sizes) for sizes in ((), (1,))]
        answers = cross_validate(examples, tests, HTML_FEATURE_NAMES, settings, folds_to=folds_to)
        for name, test, (score, _) in zip(("together", "alone"), tests, answers, strict=True):
            scores[name] = score_of_sets(test, score)
    card = {
        "data": describe(folders, labelled), "lines": len(examples.x), "pages": len(examples.pages),
        "pages_left_out": len(labelled) - len(sound), "settings": asdict(settings), "training_digest": digest(examples),
        "scores": scores, "command": f"declutter train {' '.join(folder.resolve().name for folder in folders)} "
        f"-o {Path(out).name} --html --seed {seed}",
    }  # fmt: skip
    model = fit(examples, HTML_FEATURE_NAMES, settings, card)
    with paths.whole_file(Path(out)) as temporary:
        model.save(temporary)
    paths.write_bytes(card_path_of(out), html_card_text(card, model).encode())
    return model


def score_of_sets(test: Examples, score: np.ndarray) -> dict[str, float]:
    """Word F1 (WCXB) or token F1 (other sets) of each set: mean over a site's pages, then sites; WCXB over pages."""
    by_site: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for dump, text in kept_texts(test, score):
        page = dump.page
        bag = words if page.set == "wcxb_dev" else tokens
        f1 = bag_f1(bag(text), bag(page.gold_text))
        by_site[page.set][page.id if page.set == "wcxb_dev" else page.site].append(f1)
    return {
        name: round(float(np.mean([np.mean(values) for values in sites.values()])), 4)
        for name, sites in by_site.items()
    }


def kept_texts(test: Examples, score: np.ndarray) -> Iterable:
    """(page, text kept of it) for the scores of its lines."""
    page_starts = test.page_starts
    keep, _ = choose(page_starts, test.tokens, score)
    for number, dump in enumerate(test.pages):
        rows = slice(page_starts[number], page_starts[number + 1])
        lines = dump.text.split("\n")
        yield dump, "\n".join(lines[line] for line in test.line[rows][keep[rows]])
