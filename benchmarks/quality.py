"""Quality: declutter and its peers on the same gold pages, page by page, with intervals; one result file a dataset."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks import options
from benchmarks.answers import Answers
from benchmarks.calibration import calibrate
from benchmarks.datasets import PUBLISHED, Dataset, check_folders, dump_of, gold_text
from benchmarks.declutters import UNSEEN, FoldModels, clean, page_key, page_of, status_of
from benchmarks.measures import PageScore, difference, interval, score_page, set_score
from benchmarks.peers import PEERS, Peer
from benchmarks.results import FOLDER as RESULTS
from benchmarks.results import about_this_run, rounded, write_result
from benchmarks.workers import Answer, Installed

HTML, DUMP, AFTER = "html", "dump", "after "
#: declutter's rows from each source: name, engine, each page without the others of its site.
DECLUTTERS = (
    ("declutter", "auto", False),
    ("declutter, page alone", "auto", True),
    ("declutter rules", "rules", False),
    ("declutter rules, page alone", "rules", True),
)
LEAST_GROUP_PAGES = 5  # a kind or script with fewer has no row of its own


@dataclass
class Bench:
    """One run over a dataset: what is measured, and what came out so far."""

    dataset: Dataset
    installed: dict[str, Installed]
    answers: Path
    cache: Path | None
    models: Path | None
    say: Callable[[str], None]
    rows: list[dict] = field(default_factory=list)
    scores: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    @property
    def peers(self) -> list[Peer]:
        """The peers that are installed and can read this dataset."""
        has_html = self.dataset.layout != "dumps"
        return [peer for peer in PEERS if peer.name in self.installed and (has_html or peer.takes == "text")]


def measure(
    dataset: Dataset,
    installed: dict[str, Installed],
    absent: dict[str, str],
    *,
    cache: Path | None = None,
    models: Path | None = None,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> dict:
    """The result of a dataset, in plain values that JSON can hold; benchmarks/README.md describes its fields.

    `cache` keeps peers' answers, dumps and labels; `models` is a folder of fold models. `jobs` peers are asked at once.
    """
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(dataset, installed, Path(cache or temporary), cache, models, say)
        _ask_peers(bench, jobs)
        _peer_rows(bench)
        for source in (HTML, DUMP) if dataset.layout != "dumps" else (DUMP,):
            _declutter_rows(bench, source)
        _second_stage_rows(bench)
    result = {
        **about_this_run(), "fold_models": _fold_models(models), "dataset": _about(dataset),
        "pages": _page_columns(dataset), "rows": bench.rows,
        "absent": absent, "differences": _differences(bench),
        "calibration": calibrate(dataset, models, cache),
    }  # fmt: skip
    return rounded(result)


def _ask_peers(bench: Bench, jobs: int) -> None:
    """Ask every peer for every page, some peers at once; the answers are kept."""

    def ask(peer: Peer) -> None:
        for _ in _answers_of(bench, peer):
            pass
        bench.say(f"{bench.dataset.name}: {peer.name} has answered")

    with ThreadPoolExecutor(jobs) as threads:
        list(threads.map(ask, bench.peers))


def _answers_of(bench: Bench, peer: Peer) -> Iterator[Answer]:
    content = partial(dump_of, cache=bench.cache) if peer.takes == "text" else (lambda page: page.html)
    store = Answers(bench.answers)
    try:
        pages = ((content(page), page.url) for page in bench.dataset.read())
        yield from store.ask(peer, bench.installed[peer.name], pages)
    finally:
        store.close()


def _peer_rows(bench: Bench) -> None:
    for peer in bench.peers:
        answers = list(_answers_of(bench, peer))
        source = HTML if peer.takes == "html" else DUMP
        version = bench.installed[peer.name].version
        _add_row(bench, peer.name, source, answers, {"version": version, "about": peer.about, "status": UNSEEN})


def _declutter_rows(bench: Bench, source: str) -> None:
    def read():
        for gold in bench.dataset.read():
            content = {"html": gold.html} if source == HTML else {"text": dump_of(gold, bench.cache)}
            yield gold, page_of(gold, **content)

    for name, engine, alone in DECLUTTERS:
        _add_declutter(bench, name, source, read, engine, alone)


def _second_stage_rows(bench: Bench) -> None:
    """What declutter makes of every extractor's answers: the pages of a site together, as dumps."""
    for peer in bench.peers:
        if peer.takes != "html":
            continue
        texts = [answer.text for answer in _answers_of(bench, peer)]

        def read(texts=texts):
            for gold, text in zip(bench.dataset.pages, texts, strict=True):
                yield gold, page_of(gold, text=text)

        _add_declutter(bench, "declutter", AFTER + peer.name, read, "auto", False)


def _add_declutter(bench: Bench, name: str, source: str, read, engine: str, alone: bool) -> None:
    kind = "html" if source == HTML else "text"
    folds = FoldModels.load(bench.models, kind) if bench.models is not None else None
    cleaned = {done.page.id: Answer(done.text, done.error, 0.0) for done in clean(read, folds, engine, alone)}
    answers = [cleaned[page_key(page)] for page in bench.dataset.pages]
    sets = {page.set for page in bench.dataset.pages}
    status = UNSEEN if engine == "rules" else status_of(kind, sorted(sets), folds)
    _add_row(bench, name, source, answers, {"status": status})


def _add_row(bench: Bench, system: str, source: str, answers: Sequence[Answer], about: dict) -> None:
    metric, pages = bench.dataset.metric, bench.dataset.pages
    if len(answers) != len(pages):
        raise ValueError(f"{system}: {len(answers)} answers on {len(pages)} pages")
    scored = [score_page(metric, answer.text, gold_text(page)) for answer, page in zip(answers, pages, strict=True)]
    scores = np.array([page.stored for page in scored])
    failures = Counter(answer.error.partition(":")[0] for answer in answers if answer.error is not None)
    bench.scores[system, source] = scores
    bench.rows.append({
        "system": system, "source": source, **about, **_summary(bench.dataset, scores, scored),
        "empty": sum(not answer.text.strip() for answer in answers), "failed": failures.total(),
        "failures": dict(failures), "groups": _groups(bench.dataset, scores),
        "scores": scores[:, 0].tolist() if scores.shape[1] == 1 else scores.tolist(),
    })  # fmt: skip
    row = bench.rows[-1]
    bench.say(f"{bench.dataset.name}: {row['score']:.4f} {system}, from {source}; {row['status']}")


def _summary(dataset: Dataset, scores: np.ndarray, scored: Sequence[PageScore]) -> dict:
    sites, families = site_names(dataset), family_names(dataset)
    low, high = interval(dataset.metric, scores, sites, families)
    return {
        "score": set_score(dataset.metric, scores, sites), "low": low, "high": high,
        "precision": float(np.mean([page.precision for page in scored])),
        "recall": float(np.mean([page.recall for page in scored])),
    }  # fmt: skip


def site_names(dataset: Dataset) -> list[str]:
    return [page.site for page in dataset.pages]


def family_names(dataset: Dataset) -> list[str]:
    return [page.family for page in dataset.pages]


@dataclass(frozen=True)
class Group:
    """Some pages of a dataset, and what its bootstrap draws: families of sites, or a single site's pages."""

    group: str  # "all", "kind", "script" or "site"
    name: str
    mask: np.ndarray  # bool (n_pages,)
    sites: list[str]
    families: list[str]


def groups_of(dataset: Dataset) -> Iterator[Group]:
    """All pages; then those of each kind, script and site that are enough to speak of."""
    columns = {
        "all": ["all"] * len(dataset.pages), "kind": [page.kind or "unknown" for page in dataset.pages],
        "script": [page.script for page in dataset.pages], "site": site_names(dataset),
    }  # fmt: skip
    for group, column in columns.items():
        for name, n_pages in sorted(Counter(column).items()):
            if group != "all" and n_pages < LEAST_GROUP_PAGES:
                continue
            pages = [page for page, its_name in zip(dataset.pages, column, strict=True) if its_name == name]
            each = [page.id for page in pages] if group == "site" else None
            yield Group(
                group, name, np.array([its_name == name for its_name in column]),
                each or [page.site for page in pages], each or [page.family for page in pages],
            )  # fmt: skip


def _groups(dataset: Dataset, scores: np.ndarray) -> dict[str, dict[str, dict]]:
    """The score of each kind of page, script and site, with its interval."""
    found: dict[str, dict[str, dict]] = {"kind": {}, "script": {}, "site": {}}
    for group in groups_of(dataset):
        if group.group != "all":
            of_group = scores[group.mask]
            low, high = interval(dataset.metric, of_group, group.sites, group.families)
            score = set_score(dataset.metric, of_group, group.sites)
            found[group.group][group.name] = {"pages": len(of_group), "score": score, "low": low, "high": high}
    return found


def _differences(bench: Bench) -> list[dict]:
    """declutter less each other system from the same source, and declutter after a peer less that peer."""
    groups = list(groups_of(bench.dataset))
    status = {(row["system"], row["source"]): row["status"] for row in bench.rows}
    found = []
    for system, source in bench.scores:
        one = ("declutter", source)
        other = (source.removeprefix(AFTER), HTML) if source.startswith(AFTER) else (system, source)
        if one == other or one not in bench.scores:
            continue
        for group in groups:
            pair = (bench.scores[one][group.mask], bench.scores[other][group.mask])
            of_pair = difference(bench.dataset.metric, *pair, group.sites, group.families)
            found.append({
                "source": source, "than": other[0], "status": status[one], "group": group.group, "name": group.name,
                "mean": of_pair.mean, "low": of_pair.low, "high": of_pair.high,
            })  # fmt: skip
    return found


def _fold_models(folder: Path | None) -> dict[str, list[str]]:
    """The digests of the models of cross-validation that judged, by kind; empty where the shipped ones did."""
    found = {kind: FoldModels.load(folder, kind) for kind in ("text", "html")} if folder is not None else {}
    return {kind: [model.digest[:16] for model in folds.models] for kind, folds in found.items() if folds is not None}


def _about(dataset: Dataset) -> dict:
    published, licence = PUBLISHED.get(dataset.layout, (None, None))
    return {
        "name": dataset.name, "layout": dataset.layout, "metric": dataset.metric, "digest": dataset.digest,
        "pages": len(dataset.pages), "sites": len(set(site_names(dataset))), "every": dataset.every,
        "published": published, "licence": licence,
    }  # fmt: skip


def _page_columns(dataset: Dataset) -> dict[str, list]:
    """What each page is, in the order of every row's scores."""
    return {
        "id": [page.id for page in dataset.pages], "site": site_names(dataset), "family": family_names(dataset),
        "kind": [page.kind or "unknown" for page in dataset.pages], "script": [page.script for page in dataset.pages],
    }  # fmt: skip


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=options.FOLDER)
@click.option(
    "--models", type=options.FOLDER, help="Models of `declutter train --folds-to`; without them the shipped ones."
)
@click.option("--every", default=1, type=click.IntRange(1), help="Only the pages of about one family of sites in N.")
@click.option("--jobs", default=1, type=click.IntRange(1), help="How many peers are asked at once.")
@options.CACHE
@options.PYTHONS
@options.PEERS
@options.RESULTS
def command(folders, models, every, jobs, cache, pythons, peers, results):
    """Score declutter and its peers on gold: WCXB, scrapinghub's benchmark, gold.jsonl sets, labelled dumps.

    Writes one result a dataset. Where the shipped models were trained on the pages, declutter's rows say so.
    """
    installed, absent = options.peers_of(pythons, peers)
    for dataset in check_folders(folders, every):
        found = measure(dataset, installed, absent, cache=cache, models=models, jobs=jobs, say=click.echo)
        click.echo(f"wrote {write_result(dataset.name, found, results or RESULTS)}")
