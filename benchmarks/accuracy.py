"""Accuracy: declutter and its peers on the same gold pages, page by page, with intervals; one result file a dataset.

A row is a system from a source: a peer from HTML or a dump, declutter from both (with the pages of the site, and each
page alone), and declutter as second stage after each peer. Peers answer first, and their answers are kept; then several
processes make the rows.
"""

from __future__ import annotations

import functools
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import click
import numpy as np

from benchmarks import options
from benchmarks.answers import Answer, Answers, Installed, ask_peers
from benchmarks.datasets import DUMP, HTML, PUBLISHED, Dataset, check_folders, page_key, page_of
from benchmarks.peers import BY_NAME, Peer
from benchmarks.results import FOLDER as RESULTS
from benchmarks.results import about_this_run, rounded, write_result
from benchmarks.scores import (
    difference,
    has_headline,
    interval,
    letters,
    mean_of_sites,
    score_page,
    set_score,
    shingle_precision,
)
from benchmarks.tables import AFTER, TRAINED_ON, VIEWS
from declutter.cleaner import Cleaner
from declutter.errors import ModelError
from declutter.lines import MAIN_CONTENT, TITLE
from declutter.pages import Cleaned, Page
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.stages.judge.model import Model, shipped_model
from declutter.stages.repeats import Profile
from declutter.train.gold import GoldPage
from declutter.train.labelling import label_text

UNSEEN = "unseen pages"
BODY_ONLY = "declutter, body only"
#: declutter's rows: engine, labels to keep, whether each page is cleaned without the others of its site.
OWN = {
    "declutter": ("auto", MAIN_CONTENT, False),
    "declutter, page alone": ("auto", MAIN_CONTENT, True),
    "declutter rules": ("rules", MAIN_CONTENT, False),
    "declutter rules, page alone": ("rules", MAIN_CONTENT, True),
    BODY_ONLY: ("auto", frozenset({"body"}), False),  # from HTML alone
}
LEAST_GROUP_PAGES = 5  # a kind or script with fewer pages has no score of its own
LOSING = 0.005  # a site whose score falls by more, once its other pages are known, is one that loses
N_BINS = 20  # of the calibration


@dataclass(frozen=True)
class FoldModels:
    """The models of a cross-validation (`declutter train ... --folds-to FOLDER`), for dumps ("text") or "html"."""

    models: tuple[Model, ...]

    @classmethod
    @functools.lru_cache(maxsize=4)
    def load(cls, folder: str | Path | None, kind: str) -> FoldModels | None:
        """The models of one kind in a folder, None where there are none.

        Raises ModelError for a model that is not one of cross-validation.
        """
        models = []
        for path in sorted(Path(folder).glob("*.npz")) if folder is not None else ():
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
    """UNSEEN, or TRAINED_ON where a shipped model judges pages of a set that its card names."""
    if folds is not None:
        return UNSEEN
    model = shipped_model(kind) or shipped_model("text")
    trained = {about.get("name") for about in model.card.get("data", [])} if model else set()
    return TRAINED_ON if trained & set(sets) else UNSEEN


def clean(pages: Sequence[tuple[GoldPage, Page]], folds: FoldModels | None, system: str = "declutter") -> list[Cleaned]:
    """The pages cleaned with those of their site or alone, each by a model that saw none of its family."""
    engine, keep, alone = OWN[system]
    cleaner = Cleaner(keep=keep, engine=engine, profile=Profile() if alone else None)
    if engine == "rules" or folds is None:
        return list(cleaner.clean_pages([page for _, page in pages]))
    cleaned = []
    for number, model in enumerate(folds.models):
        kind = "html_model" if model.feature_names == HTML_FEATURE_NAMES else "model"
        of_fold = [page for gold, page in pages if folds.number_for(gold) == number]
        cleaned += replace(cleaner, **{kind: model}).clean_pages(of_fold)
    return cleaned


@dataclass(frozen=True)
class Bench:
    """One run over a dataset: what is measured, and with what."""

    dataset: Dataset
    installed: dict[str, Installed]
    cache: Path  # of answers, dumps and labels
    models: Path | None

    @property
    def peers(self) -> dict[Peer, Installed]:
        """The peers that are installed and can read this dataset."""
        found = {BY_NAME[name]: place for name, place in self.installed.items()}
        return {peer: place for peer, place in found.items() if peer.source in self.dataset.sources}

    def systems(self) -> list[tuple[str, str]]:
        """(system, source) of every row, in the order of the result."""
        peers = [(peer.name, peer.source) for peer in self.peers]
        own = [(name, source) for source in self.dataset.sources for name in OWN if name != BODY_ONLY or source == HTML]
        return peers + own + [("declutter", AFTER + name) for name, source in peers if source == HTML]

    def questions(self, source: str) -> list[tuple[str, str | None]]:
        """What a peer is asked about each page: its content and its URL."""
        contents = self.dataset.contents(source, self.cache)
        return [(content, page.url) for content, page in zip(contents, self.dataset.pages, strict=True)]

    def answers(self, peer: Peer) -> list[Answer]:
        """The peer's kept answers to all pages."""
        store = Answers(self.cache)
        return [store.kept(peer, self.installed[peer.name], *question) for question in self.questions(peer.source)]


@dataclass(frozen=True)
class Row:
    """One row as the result has it, its scores (float64 (n_pages, 1 or 3)), and the calibration of its lines."""

    about: dict
    scores: np.ndarray
    calibration: list[dict] | None = None


def make_row(bench: Bench, system: str, source: str) -> Row:
    """Score a system from a source: a peer by its kept answers, declutter by cleaning all pages."""
    if system in BY_NAME:
        about = {"version": bench.installed[system].version, "about": BY_NAME[system].about, "status": UNSEEN}
        return _scored(bench, system, source, bench.answers(BY_NAME[system]), about)
    kind, gold = HTML if source == HTML else "text", bench.dataset.pages
    folds = FoldModels.load(bench.models, kind)
    is_ruled = OWN[system][0] == "rules"
    about = {"status": UNSEEN if is_ruled else status_of(kind, sorted({page.set for page in gold}), folds)}
    if source.startswith(AFTER):
        contents = [answer.text for answer in bench.answers(BY_NAME[source.removeprefix(AFTER)])]
    else:
        contents = bench.dataset.contents(source, bench.cache)
    pages = [page_of(page, source, content) for page, content in zip(gold, contents, strict=True)]
    cleaned = {done.page.id: done for done in clean(list(zip(gold, pages, strict=True)), folds, system)}
    in_order = [cleaned[page_key(page)] for page in gold]
    if system == "declutter" and not source.startswith(AFTER) and (share := false_titles(in_order, gold)) is not None:
        about["false_titles"] = share
    row = _scored(bench, system, source, [Answer(done.text, done.error) for done in in_order], about)
    is_calibrated = (system, source) == ("declutter", DUMP) and bench.dataset.metric != "recall"
    return replace(row, calibration=calibrate(in_order, gold)) if is_calibrated else row


def _scored(bench: Bench, system: str, source: str, answers: Sequence[Answer], about: dict) -> Row:
    dataset = bench.dataset
    scored = [
        score_page(dataset.metric, answer.text, page.gold_text)
        for answer, page in zip(answers, dataset.pages, strict=True)
    ]
    scores = np.array([page.stored for page in scored])
    failures = Counter(answer.error.partition(":")[0] for answer in answers if answer.error is not None)
    all_pages, *groups = groups_of(dataset)
    row = {
        "system": system, "source": source, **about, **_score_of(dataset.metric, scores, all_pages),
        "precision": float(np.mean([page.precision for page in scored])),
        "recall": float(np.mean([page.recall for page in scored])), **_other_measures(dataset, system, answers),
        "empty": sum(not answer.text.strip() for answer in answers), "failed": failures.total(),
        "failures": dict(failures), "groups": {"kind": {}, "script": {}, "site": {}},
        "scores": scores[:, 0].tolist() if scores.shape[1] == 1 else scores.tolist(),
    }  # fmt: skip
    for group in groups:
        row["groups"][group.group][group.name] = {
            "pages": int(group.mask.sum()),
            **_score_of(dataset.metric, scores[group.mask], group),
        }
    return Row(row, scores)


def _score_of(metric: str, scores: np.ndarray, group: Group) -> dict[str, float]:
    low, high = interval(metric, scores, group.sites, group.families)
    return {"score": set_score(metric, scores, group.sites), "low": low, "high": high}


def _other_measures(dataset: Dataset, system: str, answers: Sequence[Answer]) -> dict[str, float]:
    """The share of headlines kept; what recall costs; the precision of runs of words of a body without its headline."""
    found, pages = {}, list(zip(dataset.pages, answers, strict=True))
    with_headline = [(page, answer, page.headline) for page, answer in pages if page.headline]
    if with_headline and system != BODY_ONLY:
        kept = [has_headline(answer.text, headline) for _, answer, headline in with_headline]
        found["headlines"] = mean_of_sites(kept, [page.site for page, _, _ in with_headline])
    if dataset.metric == "recall":
        shares = [len(letters(answer.text)) / max(1, len(letters(page.gold_text))) for page, answer in pages]
        found["kept_letters"] = float(np.median(shares))
    if system == BODY_ONLY:
        found["shingle_precision"] = float(
            np.nanmean([shingle_precision(answer.text, page.gold_text) for page, answer in pages])
        )
    return found


@dataclass(frozen=True)
class Group:
    """Some pages of a dataset, and what its bootstrap draws: families of sites, or a single site's pages."""

    group: str  # "all", "kind", "script" or "site"
    name: str
    mask: np.ndarray  # bool (n_pages,)
    sites: list[str]
    families: list[str]


def groups_of(dataset: Dataset) -> Iterator[Group]:
    """All pages; then those of each kind, script and site with enough pages."""
    pages = dataset.pages
    columns = {
        "all": ["all"] * len(pages), "kind": [page.kind or "unknown" for page in pages],
        "script": [page.script for page in pages], "site": [page.site for page in pages],
    }  # fmt: skip
    for group, column in columns.items():
        for name, n_pages in sorted(Counter(column).items()):
            if group == "all" or n_pages >= LEAST_GROUP_PAGES:
                mask = np.array(column) == name
                drawn = [page for page, is_one in zip(pages, mask, strict=True) if is_one]
                each = [page.id for page in drawn] if group == "site" else None
                sites, families = [page.site for page in drawn], [page.family for page in drawn]
                yield Group(group, name, mask, each or sites, each or families)


def is_main(text: str, gold: GoldPage) -> np.ndarray:
    """int8 (n_lines,): 1 for lines of main content, 0 for others, -1 where the gold doesn't decide.

    As training labels them: by the gold aligned with the text, a dump or the rows of HTML, or by hand.
    """
    return label_text(gold, "dump", text).is_main


def false_titles(cleaned: Sequence[Cleaned], gold: Sequence[GoldPage]) -> float | None:
    """The share of pages with a known headline where another line is labelled title; None without such pages."""
    is_false = []
    for done, page in zip(cleaned, gold, strict=True):
        if page.headline:
            text, headline = done.verdicts.text, letters(page.headline)
            titles = [letters(text[row]) for row in np.flatnonzero(done.verdicts.labels == TITLE).tolist()]
            is_false.append(
                any(not (line.startswith(headline) or headline.startswith(line)) for line in titles if line)
            )
    return float(np.mean(is_false)) if is_false else None


def calibrate(cleaned: Sequence[Cleaned], gold: Sequence[GoldPage]) -> list[dict]:
    """Bins of score: from, to, lines, their mean score, and the share of them that is main content by the gold."""
    scores = np.concatenate([done.verdicts.score for done in cleaned])
    decided = np.concatenate([  # a dump that ends in a line end has one line more than it has verdicts
        is_main(done.page.text, page)[: len(done.verdicts)] for done, page in zip(cleaned, gold, strict=True)
    ])  # fmt: skip
    scores, decided = scores[decided >= 0], decided[decided >= 0]
    numbers = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    return [
        {"from": number / N_BINS, "to": (number + 1) / N_BINS, "lines": int((numbers == number).sum()),
         "score": float(scores[numbers == number].mean()), "main_share": float(decided[numbers == number].mean())}
        for number in np.unique(numbers).tolist()
    ]  # fmt: skip


def differences(dataset: Dataset, rows: Sequence[Row]) -> list[dict]:
    """declutter less each other system from the same source, and declutter after a peer less that peer."""
    table = {(row.about["system"], row.about["source"]): row for row in rows}
    found = []
    for system, source in table:
        one = table.get(("declutter", source))
        than = (source.removeprefix(AFTER), HTML) if source.startswith(AFTER) else (system, source)
        if one is None or table[than] is one:
            continue
        for group in groups_of(dataset):
            pair = (one.scores[group.mask], table[than].scores[group.mask])
            of_pair = difference(dataset.metric, *pair, group.sites, group.families)
            found.append({
                "source": source, "than": than[0], "status": one.about["status"], "group": group.group,
                "name": group.name, "mean": of_pair.mean, "low": of_pair.low, "high": of_pair.high,
            })  # fmt: skip
    return found


def site_gains(dataset: Dataset, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """What a site's other pages bring, by source: the mean gain over sites, and the share of sites that lose by it."""
    table = {(row.about["system"], row.about["source"]): row.scores[:, 0] for row in rows}
    sites = np.array([page.site for page in dataset.pages])
    found = {}
    for source in dataset.sources:
        gains = table["declutter", source] - table["declutter, page alone", source]
        of_site = np.array([gains[sites == site].mean() for site in np.unique(sites)])
        found[source] = {"mean": float(of_site.mean()), "worst": float(of_site.min()),
                         "losing": float((of_site < -LOSING).mean())}  # fmt: skip
    return found


def measure(
    datasets: Sequence[Dataset],
    installed: dict[str, Installed],
    absent: dict[str, str],
    *,
    cache: Path | None = None,
    models: Path | None = None,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> Iterator[tuple[str, dict]]:
    """The name and the result of each dataset, in plain values that JSON can hold; benchmarks/README.md has the fields.

    `cache` keeps peers' answers and dumps; `models` is a folder of fold models; `jobs` processes work at once.
    """
    begin = time.monotonic()

    def tell(words: str) -> None:
        say(f"{(time.monotonic() - begin) / 60:5.1f} min  {words}")

    with tempfile.TemporaryDirectory() as temporary:
        for dataset in datasets:
            bench = Bench(dataset, installed, Path(cache or temporary), models)
            n_asked = ask_peers(bench.peers, lambda peer, bench=bench: bench.questions(peer.source), bench.cache, jobs)
            tell(f"{dataset.name}: {len(dataset.pages):,} pages; peers gave {n_asked:,} answers")
            rows = _rows(bench, jobs)
            for row in rows:
                tell(f"{dataset.name}: {row.about['score']:.4f} {row.about['system']}, {row.about['source']}; "
                     f"{row.about['status']}")  # fmt: skip
            yield dataset.name, rounded(_result(bench, rows, absent))


def _rows(bench: Bench, jobs: int) -> list[Row]:
    """The rows of a bench, made in several processes: declutter's first, since they take longest."""
    systems = bench.systems()
    dearest = sorted(systems, key=lambda one: (one[0] in BY_NAME, one[1] != HTML))
    if jobs == 1:
        rows = [make_row(bench, *one) for one in dearest]
    else:
        spawn = multiprocessing.get_context("spawn")  # a process that has had threads must not be forked
        with ProcessPoolExecutor(jobs, spawn) as processes:
            without_pages = replace(bench, dataset=replace(bench.dataset))
            rows = list(processes.map(_make_row, repeat(without_pages), dearest))
    found = dict(zip(dearest, rows, strict=True))
    return [found[one] for one in systems]


@functools.lru_cache(maxsize=1)
def _read_once(dataset: Dataset) -> Dataset:
    """The dataset; a process that makes several rows of it reads its pages once."""
    return dataset


def _make_row(bench: Bench, one: tuple[str, str]) -> Row:
    return make_row(replace(bench, dataset=_read_once(bench.dataset)), *one)


def _result(bench: Bench, rows: Sequence[Row], absent: dict[str, str]) -> dict:
    dataset = bench.dataset
    published, licence = PUBLISHED.get(dataset.layout, (None, None))
    folds = {kind: FoldModels.load(bench.models, kind) for kind in ("text", "html")}
    sites = [page.site for page in dataset.pages]
    return {
        **about_this_run(),
        "fold_models": {kind: [model.digest[:16] for model in of.models] for kind, of in folds.items() if of},
        "dataset": {
            "name": dataset.name, "layout": dataset.layout, "metric": dataset.metric, "digest": dataset.digest,
            "pages": len(dataset.pages), "sites": len(set(sites)), "every": dataset.every, "sample": dataset.n_pages,
            "published": published, "licence": licence,
        },
        "pages": {
            "id": [page.id for page in dataset.pages], "site": sites,
            "family": [page.family for page in dataset.pages],
            "kind": [page.kind or "unknown" for page in dataset.pages],
            "script": [page.script for page in dataset.pages],
        },
        "rows": [row.about for row in rows], "absent": absent, "differences": differences(dataset, rows),
        "site_gains": site_gains(dataset, rows),
        "calibration": next((row.calibration for row in rows if row.calibration is not None), None),
    }  # fmt: skip


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=options.FOLDER)
@click.option("--every", default=1, type=click.IntRange(1), help="Only the pages of about one family of sites in N.")
@click.option("--pages", "n_pages", type=click.IntRange(1), help="A sample: whole families, up to about N pages a set.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="How many processes work at once.")
@options.MODELS
@options.CACHE
@options.PYTHONS
@options.PEERS
@options.RESULTS
def command(folders, every, n_pages, jobs, models, cache, pythons, peers, results):
    """Score declutter and its peers on the gold in FOLDERs, write a result each, and print a summary of all.

    Gold is WCXB, scrapinghub's benchmark, gold.jsonl, snippets.jsonl or labelled dumps. Where the shipped models were
    trained on the pages, declutter's rows say so.
    """
    installed, absent = options.peers_of(pythons, peers)
    datasets, measured = check_folders(folders, every, n_pages), []
    for name, found in measure(datasets, installed, absent, cache=cache, models=models, jobs=jobs, say=click.echo):
        click.echo(f"wrote {write_result(name, found, results or RESULTS)}")
        measured.append(found)
    click.echo("\n" + VIEWS["summary"](measured))
