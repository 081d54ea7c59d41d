"""Where declutter loses: the pages on which a peer's answer is most better, and their lines beside the gold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.datasets import Dataset, dump_of
from benchmarks.declutters import FoldModels, clean, page_key, page_of
from declutter.cleaner import segment
from declutter.pages import Cleaned, Page
from declutter.report.specimen import Specimen, specimen
from declutter.train.examples import label_dumps
from declutter.train.gold import GoldPage
from declutter.train.html_examples import label_rows

NO_PEERS = frozenset({"keep all", "empty"})


@dataclass(frozen=True, slots=True)
class Loss:
    """A page on which declutter is worse than the best peer."""

    number: int  # the page's place in the result
    key: str  # "site/id"
    kind: str  # of page, or its script where no kind is known
    score: float
    best: float
    best_system: str


def losses(result: dict, source: str, n_pages: int) -> list[Loss]:
    """The pages with the largest gap between declutter's score from a source ("html", "dump") and the best peer's from
    HTML, largest first; pages where no peer is better are no losses, and those whose gold is empty are left out."""
    rows = {(row["system"], row["source"]): first_scores(row) for row in result["rows"]}
    own = rows.get(("declutter", source))
    systems = [system for system, origin in rows if origin == "html" and system not in NO_PEERS]
    peers = [system for system in systems if not system.startswith("declutter")]
    if own is None or not peers:
        return []
    of_peers = np.stack([rows[name, "html"] for name in peers])
    best = of_peers.argmax(axis=0)
    gap = np.where(is_empty(result), -1.0, of_peers.max(axis=0) - own)
    pages = result["pages"]
    return [
        Loss(
            number, f"{pages['site'][number]}/{pages['id'][number]}", _kind(pages, number),
            float(own[number]), float(of_peers[best[number], number]), peers[best[number]],
        )
        for number in np.argsort(-gap, kind="stable")[:n_pages].tolist()
        if gap[number] > 0
    ]  # fmt: skip


def _kind(pages: dict, number: int) -> str:
    kind = pages["kind"][number]
    return pages["script"][number] if kind == "unknown" else kind


def is_empty(result: dict) -> np.ndarray:
    """bool (n_pages,): whether the gold is empty, as the score of an empty answer tells; else False."""
    rows = [row for row in result["rows"] if row["system"] == "empty"]
    return first_scores(rows[0]) == 1.0 if rows else np.zeros(len(result["pages"]["id"]), bool)


def first_scores(row: dict) -> np.ndarray:
    """float64 (n_pages,): the score of each page; of shingles the share that is right."""
    scores = np.array(row["scores"], np.float64)
    return scores if scores.ndim == 1 else scores[:, 0]


def specimens(
    dataset: Dataset, found: Sequence[Loss], source: str, models: Path | None, cache: Path | None
) -> Iterator[tuple[Loss, Specimen]]:
    """The pages of the losses, their lines judged again with all pages of their families, and beside them the gold."""
    wanted = {loss.key: loss for loss in found}
    families = {page.family for page in dataset.pages if page_key(page) in wanted}
    folds = FoldModels.load(models, "html" if source == "html" else "text") if models is not None else None
    gold = {page_key(page): page for page in dataset.read() if page.family in families}  # a few pages each
    sources = [(page, partial(_read_page, page, source, cache)) for page in gold.values()]
    shown = {
        cleaned.page.id: _specimen(cleaned, gold[cleaned.page.id], cache)
        for cleaned in clean(sources, folds, "auto", False)
        if cleaned.page.id in wanted
    }
    yield from ((loss, shown[loss.key]) for loss in found)


def _read_page(page: GoldPage, source: str, cache: Path | None) -> Page:
    return page_of(page, **({"html": page.html} if source == "html" else {"text": dump_of(page, cache)}))


def _specimen(cleaned: Cleaned, page: GoldPage, cache: Path | None) -> Specimen:
    lines = segment([cleaned.page])
    text = lines.text[lines.starts[0] : lines.starts[-1]]
    labelled = label_dumps(page, ["blocks"], cache)[0] if cleaned.page.html is None else label_rows(page, text, cache)
    is_main = labelled.is_main[: len(lines)].astype(np.int8)
    rows = np.array([row for row in range(len(lines)) if lines[row].strip()], np.int64)
    return specimen(cleaned.page.id, lines, cleaned.verdicts, rows, url=page.url, gold=is_main)
