"""Rows of a result: what one system made of all pages of a dataset from one source, scored page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.answers import Answers
from benchmarks.calibration import calibrate, is_main
from benchmarks.datasets import gold_text
from benchmarks.declutters import UNSEEN, FoldModels, clean, page_key, page_of, status_of
from benchmarks.measures import PageScore, interval, score_page, set_score
from benchmarks.peers import BY_NAME, Peer
from benchmarks.spool import Spooled
from benchmarks.workers import Answer, Installed

HTML, DUMP, AFTER = "html", "dump", "after "
#: declutter's rows from each source: name, engine, each page without the others of its site.
DECLUTTERS = (
    ("declutter", "auto", False),
    ("declutter, page alone", "auto", True),
    ("declutter rules", "rules", False),
    ("declutter rules, page alone", "rules", True),
)
CALIBRATED = ("declutter", DUMP)  # the row whose scores are compared with the gold, line by line
LEAST_GROUP_PAGES = 5  # a kind or script with fewer has no row of its own


@dataclass(frozen=True)
class Bench:
    """One run over a dataset: what is measured, and with what."""

    spooled: Spooled
    installed: dict[str, Installed]
    answers: Path
    models: Path | None

    @property
    def name(self) -> str:
        return self.spooled.dataset.name

    @property
    def metric(self) -> str:
        return self.spooled.dataset.metric

    @property
    def peers(self) -> list[Peer]:
        """The peers that are installed and can read this dataset."""
        has_html = bool(self.spooled.html)
        peers = [peer for name, peer in BY_NAME.items() if name in self.installed]
        return [peer for peer in peers if has_html or peer.takes == "text"]

    def systems(self) -> list[tuple[str, str]]:
        """(system, source) of every row, in the order of the result."""
        peers = [(peer.name, HTML if peer.takes == "html" else DUMP) for peer in self.peers]
        sources = (HTML, DUMP) if self.spooled.html else (DUMP,)
        own = [(name, source) for source in sources for name, _, _ in DECLUTTERS]
        return peers + own + [("declutter", AFTER + name) for name, source in peers if source == HTML]


@dataclass(frozen=True)
class Row:
    """One row as the result has it, its scores (float64 (n_pages, 1 or 3)), and the calibration of its scores."""

    about: dict
    scores: np.ndarray
    calibration: list[dict] | None = None


def make_row(bench: Bench, system: str, source: str) -> Row:
    """Score a system from a source: a peer by the answers kept, declutter by cleaning all pages."""
    if system in BY_NAME:
        version = bench.installed[system].version
        about = {"version": version, "about": BY_NAME[system].about, "status": UNSEEN}
        return _scored(bench, system, source, _answers_of(bench, BY_NAME[system]), about)
    engine, alone = next(rest for name, *rest in DECLUTTERS if name == system)
    kind = HTML if source == HTML else "text"
    folds = FoldModels.load(bench.models, kind) if bench.models is not None else None
    status = UNSEEN if engine == "rules" else status_of(kind, sorted({page.set for page in bench.spooled.pages}), folds)
    gold = {page_key(page): page for page in bench.spooled.pages}
    answers: dict[str, Answer] = {}
    scores, decided = [], []
    for done in clean(_sources(bench, source), folds, engine, alone):
        answers[done.page.id] = Answer(done.text, done.error, 0.0)
        if (system, source) == CALIBRATED:
            scores.append(done.verdicts.score)
            decided.append(is_main(done.page.text, gold[done.page.id]))
    in_order = [answers[key] for key in gold]
    row = _scored(bench, system, source, in_order, {"status": status})
    return Row(row.about, row.scores, calibrate(scores, decided) if scores else None)


def _sources(bench: Bench, source: str) -> list:
    """Each gold page with a function that reads it: its HTML, its dump, or what a peer answered, as a dump."""
    if not source.startswith(AFTER):
        return bench.spooled.sources("html" if source == HTML else "text")
    answers = _answers_of(bench, BY_NAME[source.removeprefix(AFTER)])
    pages = [page_of(gold, text=answer.text) for gold, answer in zip(bench.spooled.pages, answers, strict=True)]
    return [(gold, lambda page=page: page) for gold, page in zip(bench.spooled.pages, pages, strict=True)]


def _answers_of(bench: Bench, peer: Peer) -> list[Answer]:
    store = Answers(bench.answers)
    try:
        contents = bench.spooled.contents(peer.takes)
        return [store.kept(peer, bench.installed[peer.name], stored.digest) for stored in contents]
    finally:
        store.close()


def _scored(bench: Bench, system: str, source: str, answers: Sequence[Answer], about: dict) -> Row:
    spooled = bench.spooled
    scored = [
        score_page(bench.metric, answer.text, gold_text(page))
        for answer, page in zip(answers, spooled.pages, strict=True)
    ]
    scores = np.array([page.stored for page in scored])
    failures = Counter(answer.error.partition(":")[0] for answer in answers if answer.error is not None)
    row = {
        "system": system, "source": source, **about, **_summary(bench, scores, scored),
        "empty": sum(not answer.text.strip() for answer in answers), "failed": failures.total(),
        "failures": dict(failures), "groups": _group_scores(bench, scores),
        "scores": scores[:, 0].tolist() if scores.shape[1] == 1 else scores.tolist(),
    }  # fmt: skip
    return Row(row, scores)


def _summary(bench: Bench, scores: np.ndarray, scored: Sequence[PageScore]) -> dict:
    sites, families = site_names(bench.spooled), family_names(bench.spooled)
    low, high = interval(bench.metric, scores, sites, families)
    return {
        "score": set_score(bench.metric, scores, sites), "low": low, "high": high,
        "precision": float(np.mean([page.precision for page in scored])),
        "recall": float(np.mean([page.recall for page in scored])),
    }  # fmt: skip


def _group_scores(bench: Bench, scores: np.ndarray) -> dict[str, dict[str, dict]]:
    """The score of each kind of page, script and site, with its interval."""
    found: dict[str, dict[str, dict]] = {"kind": {}, "script": {}, "site": {}}
    for group in groups_of(bench.spooled):
        if group.group != "all":
            of_group = scores[group.mask]
            low, high = interval(bench.metric, of_group, group.sites, group.families)
            score = set_score(bench.metric, of_group, group.sites)
            found[group.group][group.name] = {"pages": len(of_group), "score": score, "low": low, "high": high}
    return found


def site_names(spooled: Spooled) -> list[str]:
    return [page.site for page in spooled.pages]


def family_names(spooled: Spooled) -> list[str]:
    return [page.family for page in spooled.pages]


@dataclass(frozen=True)
class Group:
    """Some pages of a dataset, and what its bootstrap draws: families of sites, or a single site's pages."""

    group: str  # "all", "kind", "script" or "site"
    name: str
    mask: np.ndarray  # bool (n_pages,)
    sites: list[str]
    families: list[str]


def groups_of(spooled: Spooled) -> Iterator[Group]:
    """All pages; then those of each kind, script and site that are enough to speak of."""
    columns = {
        "all": ["all"] * len(spooled.pages), "kind": [page.kind or "unknown" for page in spooled.pages],
        "script": [page.script for page in spooled.pages], "site": site_names(spooled),
    }  # fmt: skip
    for group, column in columns.items():
        for name, n_pages in sorted(Counter(column).items()):
            if group != "all" and n_pages < LEAST_GROUP_PAGES:
                continue
            pages = [page for page, its_name in zip(spooled.pages, column, strict=True) if its_name == name]
            each = [page.id for page in pages] if group == "site" else None
            yield Group(
                group, name, np.array([its_name == name for its_name in column]),
                each or [page.site for page in pages], each or [page.family for page in pages],
            )  # fmt: skip
