"""The benchmark report: one HTML page of the result files, with the worst pages line by line where gold is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks import options
from benchmarks.accuracy import FoldModels, clean, is_main
from benchmarks.datasets import HTML, Dataset, check_folders, dump_of, page_key, page_of
from benchmarks.results import FOLDER, read_results
from benchmarks.tables import KINDS, METRICS, TRAINED_ON, rows_from, second_rows, shown
from declutter import __version__
from declutter.errors import GoldError
from declutter.files import paths
from declutter.pages import Cleaned
from declutter.report.corpus_page import LARGEST_BYTES, size, within
from declutter.report.figures import Bar, Bin, Point, bars, legend, reliability, scatter, table
from declutter.report.markup import Html, document, markup, page_text, tag
from declutter.report.specimen import NAME_CHARS, Specimen, specimen, specimen_html
from declutter.train.gold import GoldPage

SHOWN_LOSSES = 6  # pages of a dataset and source
SPARE_BYTES = 60_000  # of LARGEST_BYTES, for the style sheet and what surrounds the worst pages
SOURCES = {"html": "From HTML", "dump": "From the bare dump"}
OURS, TRAINED, PEER = "ours", "trained", "peer"  # classes of the style sheet
NO_PEERS = frozenset({"keep all", "empty"})


@dataclass(frozen=True, slots=True)
class Loss:
    """A page on which declutter is worse than the best peer."""

    key: str  # "site/id"
    kind: str  # of page, or its script where no kind is known
    score: float
    best: float
    best_system: str


#: The pages to show line by line, by the dataset's name and the source.
Worst = dict[tuple[str, str], list[tuple[Loss, Specimen]]]


def losses(result: dict, source: str, n_pages: int = SHOWN_LOSSES) -> list[Loss]:
    """The pages where declutter from a source ("html", "dump") is furthest behind the best peer from HTML, furthest
    first. Pages with an empty gold are left out."""
    rows = {(row["system"], row["source"]): first_scores(row) for row in result["rows"]}
    own = rows.get(("declutter", source))
    peers = [system for system, origin in rows
             if origin == "html" and system not in NO_PEERS and not system.startswith("declutter")]  # fmt: skip
    if own is None or not peers:
        return []
    of_peers = np.stack([rows[name, "html"] for name in peers])
    best = of_peers.argmax(axis=0)
    gap = np.where(is_empty(result), -1.0, of_peers.max(axis=0) - own)
    pages = result["pages"]
    kinds = [script if kind == "unknown" else kind for kind, script in zip(pages["kind"], pages["script"], strict=True)]
    return [
        Loss(f"{pages['site'][page]}/{pages['id'][page]}", kinds[page], float(own[page]),
             float(of_peers[best[page], page]), peers[best[page]])
        for page in np.argsort(-gap, kind="stable")[:n_pages].tolist()
        if gap[page] > 0
    ]  # fmt: skip


def is_empty(result: dict) -> np.ndarray:
    """bool (n_pages,): whether the gold is empty, which the score of an empty answer shows; else False."""
    rows = [row for row in result["rows"] if row["system"] == "empty"]
    return first_scores(rows[0]) == 1.0 if rows else np.zeros(len(result["pages"]["id"]), bool)


def first_scores(row: dict) -> np.ndarray:
    """float64 (n_pages,): the score of each page; of shingles the share that is right."""
    scores = np.array(row["scores"], np.float64)
    return scores if scores.ndim == 1 else scores[:, 0]


def specimens(
    dataset: Dataset, found: Sequence[Loss], source: str, models: Path | None, cache: Path | None
) -> Iterator[tuple[Loss, Specimen]]:
    """The pages of the losses, their lines judged again with all pages of their families, beside the gold."""
    wanted = {loss.key for loss in found}
    families = {page.family for page in dataset.pages if page_key(page) in wanted}
    gold = {page_key(page): page for page in dataset.pages if page.family in families}
    pages = [
        (page, page_of(page, source, page.html if source == HTML else dump_of(page, cache))) for page in gold.values()
    ]
    folds = FoldModels.load(models, HTML if source == HTML else "text")
    cleaned = {done.page.id: done for done in clean(pages, folds)}
    for loss in found:
        yield loss, _specimen(cleaned[loss.key], gold[loss.key], cache)


def _specimen(cleaned: Cleaned, page: GoldPage, cache: Path | None) -> Specimen:
    lines = cleaned.lines
    text = lines.text[lines.starts[0] : lines.starts[-1]]
    of_lines = is_main(text, page)
    rows = np.array([row for row in range(len(lines)) if lines[row].strip()], np.int64)
    gold = of_lines[: len(lines)].astype(np.int8)
    return specimen(cleaned.page.id, lines, cleaned.verdicts, rows, url=page.url, gold=gold)


def benchmark_page(results: Mapping[str, dict], worst: Worst | None = None) -> str:
    """The report on results by name; `worst` holds the pages to show line by line."""
    quality = {name: result for name, result in results.items() if "rows" in result and "dataset" in result}
    sections = [_section("speed", "Accuracy against speed", _accuracy_against_speed(results, quality))]
    sections += [_section(f"set-{number}", _heading(result), _dataset(f"s{number}", result))
                 for number, result in enumerate(quality.values())]  # fmt: skip
    left = LARGEST_BYTES - SPARE_BYTES - sum(size(section) for section in sections)
    sections.append(_section("lost", "Where declutter loses", _lost(quality, worst or {}, left)))
    sections.append(_section("about", "How this was measured", _about(quality)))
    anchors = [("speed", "Speed"), *((f"set-{n}", name) for n, name in enumerate(quality)), ("lost", "Where it loses"),
               ("about", "How it was measured")]  # fmt: skip
    contents = tag("nav", *[tag("a", words, href=f"#{anchor}") for anchor, words in anchors], aria_label="Contents")
    header = tag(
        "header",
        tag("p", "declutter benchmarks", class_="eyebrow"),
        tag("h1", "declutter and its peers on the same pages"),
        _tiles(quality),
        contents,
    )
    used = [name for name, result in results.items() if name in quality or "in_process" in result]
    foot = tag("footer", tag("p", f"Made by declutter {__version__} from the result files {', '.join(used)}."))
    return document("declutter and its peers on the same pages", header, tag("main", *sections), foot)


def _section(anchor: str, heading: str, *parts: object) -> Html:
    return tag("section", tag("h2", heading), *parts, id=anchor)


def _heading(result: dict) -> str:
    about = result["dataset"]
    return f"{about['name']}: {METRICS[about['metric']]}"


def _tiles(quality: Mapping[str, dict]) -> Html:
    systems = {row["system"] for result in quality.values() for row in result["rows"]}
    peers = {name for name in systems if not name.startswith("declutter") and name not in NO_PEERS}
    facts = [
        (str(len(quality)), "datasets"),
        (f"{sum(result['dataset']['pages'] for result in quality.values()):,}", "pages"),
        (str(len(peers)), "settings of peers"),
        (max(result["made"] for result in quality.values()), "last measured"),
    ]
    return tag("dl", *[tag("div", tag("dt", words), tag("dd", number)) for number, words in facts], class_="tiles")


def kind_of(row: dict) -> str:
    """The class of the style sheet that a row is drawn by."""
    if row["status"] == TRAINED_ON:
        return TRAINED
    return OURS if row["system"].startswith("declutter") else PEER


def _key(results: Iterable[dict], *, with_mark: bool = False) -> Html:
    """What the colours mean, of those that are drawn."""
    drawn = {kind_of(row) for result in results for row in result["rows"]}
    entries = [(OURS, "declutter, on pages it never saw"), (TRAINED, "declutter, trained on these pages: not ranked"),
               (PEER, "a peer")]  # fmt: skip
    entries = [entry for entry in entries if entry[0] in drawn]
    return legend(*entries, *([("mark", "the best peer")] if with_mark else []))


def speeds_of(results: Mapping[str, dict], name: str) -> dict[str, float]:
    """MB of HTML a second of every system, in process: measured on a dataset's own pages, else on another's."""
    measured = [result for result in results.values() if "in_process" in result]
    measured.sort(key=lambda result: result["dataset"]["name"] != name)
    rows = [row for row in measured[0]["in_process"] if row["source"] == "html"] if measured else []
    return {row["system"].replace(", page by page", ", page alone"): row["mb_a_second"] for row in rows}


def _accuracy_against_speed(results: Mapping[str, dict], quality: Mapping[str, dict]) -> Html:
    parts = []
    for number, result in enumerate(quality.values()):
        speeds = speeds_of(results, result["dataset"]["name"])
        points = [_point(row, speeds[row["system"]]) for row in rows_from(result, "html") if row["system"] in speeds]
        if len(points) > 1:
            metric = METRICS[result["dataset"]["metric"]]
            words = "Up is more right, to the right is faster; each line to the right is ten times the speed."
            axes = ("MB of HTML a second, in one process", metric)
            title = f"{result['dataset']['name']}, from HTML."
            parts.append(scatter(f"scatter-{number}", title, words, points, axes, ["system", metric, "speed"]))
    if not parts:
        return tag("p", "No speed was measured of the systems in these results.")
    return markup(_key(quality.values()), *parts)


def _point(row: dict, speed: float) -> Point:
    return Point(_system(row), speed, row["score"], f"{shown(row['score'])}, {speed:.3g} MB/s", kind_of(row))


def _dataset(name: str, result: dict) -> Html:
    about = result["dataset"]
    words = f"{about['pages']:,} pages of {about['sites']:,} sites"
    if about["every"] > 1:
        words += f", one family of sites in {about['every']}"
    rankings = [_ranking(f"{name}-{source}", result, source) for source in SOURCES]
    return markup(
        tag("p", words, ". Lines over the bars are 95% intervals, by a bootstrap over sites."),
        _key([result]),
        tag("div", *rankings, class_="pair"),
        _groups(name, result),
        tag("div", _second_stage(result), _calibration(name, result), class_="pair"),
        _failures(result),
    )


def _ranking(name: str, result: dict, source: str) -> Html | None:
    rows = rows_from(result, source)
    if not rows:
        return None
    best = next((row for row in rows if kind_of(row) != TRAINED), None)
    words = f"Best of those that may be ranked: {best['system']} with {shown(best['score'])}." if best else ""
    found = [_system_bar(row) for row in rows]
    return bars(name, f"{SOURCES[source]}.", words, found, 1.0, ["system", METRICS[result["dataset"]["metric"]], "95%"])


def _system_bar(row: dict) -> Bar:
    interval = (row["low"], row["high"])
    return Bar(_system(row), row["score"], shown(row["score"]), kind_of(row), row.get("version") or "", *interval)


def _system(row: dict) -> str:
    return row["system"] + (" *" if kind_of(row) == TRAINED else "")


def _groups(name: str, result: dict) -> Html | None:
    """declutter's score by kind of page and by script, the best peer's beside it."""
    parts = []
    for source, heading in SOURCES.items():
        for group, words in (("kind", "kind of page"), ("script", "script")):
            rows = rows_from(result, source)
            own = next((row for row in rows if row["system"] == "declutter"), None)
            peers = [row for row in rows if kind_of(row) == PEER and row["system"] not in NO_PEERS]
            if own is None or len(own["groups"][group]) < 2:
                continue
            found = [_group_bar(own, peers, group, kind) for kind in _ordered(own["groups"][group])]
            about = "Circles are the best peer of each." if peers else ""
            head = [words, METRICS[result["dataset"]["metric"]], "95%", "best peer"]
            parts.append(bars(f"{name}-{source}-{group}", f"{heading}, by {words}.", about, found, 1.0, head))
    return tag("div", _key([result], with_mark=True), tag("div", *parts, class_="pair")) if parts else None


def _ordered(groups: Mapping[str, dict]) -> list[str]:
    """Kinds in their usual order, scripts by their pages."""
    places = {name: place for place, name in enumerate(KINDS)}
    return sorted(groups, key=lambda name: (places.get(name, len(KINDS)), -groups[name]["pages"], name))


def _group_bar(own: dict, peers: Sequence[dict], group: str, name: str) -> Bar:
    of_group = own["groups"][group][name]
    best = max((row["groups"][group][name]["score"] for row in peers if name in row["groups"][group]), default=None)
    value = f"{shown(of_group['score'])}" + (f" · peer {shown(best)}" if best is not None else "")
    return Bar(
        name, of_group["score"], value, kind_of(own), f"{of_group['pages']:,} pages", of_group["low"], of_group["high"],
        (best,) if best is not None else (),
    )  # fmt: skip


def _second_stage(result: dict) -> Html | None:
    rows = second_rows(result)
    if not rows:
        return None
    words = "What an extractor answered, and what declutter makes of that answer without seeing the HTML."
    shown_table = table(["extractor", "alone", "then declutter", "difference", "95%"], rows)
    return tag("div", tag("h3", "As second stage"), tag("p", words), tag("div", shown_table, class_="scroll"))


def _calibration(name: str, result: dict) -> Html | None:
    found = result.get("calibration") or []
    total = sum(row["lines"] for row in found)
    if not total:
        return None
    bins = [Bin(row["from"], row["to"], row["score"], row["main_share"], row["lines"] / total) for row in found]
    off = sum(bin_.share * abs(bin_.right - bin_.mean_score) for bin_ in bins)
    words = (
        "Of the lines that get a score, how many are main content. On the diagonal scores mean what they say; "
        f"on average they are off by {off:.3f}."
    )
    return reliability(f"{name}-calibration", "Calibration, from the dump.", words, bins)


def _failures(result: dict) -> Html | None:
    rows = [
        [row["system"], SOURCES.get(row["source"], row["source"]), str(row["empty"]), str(row["failed"]),
         ", ".join(f"{kind} {number}" for kind, number in row["failures"].items())]
        for row in result["rows"]
        if (row["failed"] or row["empty"]) and row["system"] not in NO_PEERS
    ]  # fmt: skip
    absent = [tag("li", f"{name}: {reason}") for name, reason in result["absent"].items()]
    parts = []
    if rows:
        head = ["system", "source", "empty answers", "failed", "errors"]
        parts += [tag("p", "They count as answers."), tag("div", table(head, rows), class_="scroll")]
    if absent:
        parts += [tag("p", "Not installed where this was measured:"), tag("ul", *absent)]
    if not parts:
        return None
    return tag("details", tag("summary", "Failures, empty answers and absent peers"), *parts, class_="numbers")


def _lost(quality: Mapping[str, dict], worst: Worst, n_bytes: int) -> Html:
    """The worst pages, within `n_bytes` together: line by line where they are given, else in a table."""
    words = "The pages where the best peer is furthest ahead. A cross and a wavy line mark what the gold contradicts."
    parts: list[Html] = [tag("p", words)]
    for name, result in quality.items():
        for source, heading in SOURCES.items():
            found = losses(result, source)
            if not found:
                continue
            parts.append(tag("h3", f"{name}, {heading[0].lower()}{heading[1:]}"))
            row = next(row for row in result["rows"] if (row["system"], row["source"]) == ("declutter", source))
            kept = int((is_empty(result) & (first_scores(row) < 1)).sum())
            if kept:
                n_empty = is_empty(result).sum()
                parts.append(tag("p", f"Not shown: it keeps text on {kept} of the {n_empty} pages with an empty gold."))
            if kind_of(row) == TRAINED:
                parts.append(tag("p", "The model was trained on these pages. On others it loses more."))
            pages = worst.get((name, source))
            share = n_bytes // max(len(worst), 1)
            parts += within(share, map(_lost_page, pages)) if pages else [_lost_table(found)]
    return markup(*parts) if len(parts) > 1 else tag("p", "No peer was measured on these pages.")


def _lost_page(pair: tuple[Loss, Specimen]) -> Html:
    loss, page = pair
    note = f"{loss.kind}: declutter {shown(loss.score)}, {loss.best_system} {shown(loss.best)}"
    return specimen_html(page, note=note)


def _lost_table(found: Sequence[Loss]) -> Html:
    rows = [
        [page_text(loss.key, NAME_CHARS), loss.kind, shown(loss.score), shown(loss.best), loss.best_system]
        for loss in found
    ]
    return tag("div", table(["page", "kind or script", "declutter", "best peer", "which"], rows), class_="scroll")


def _about(quality: Mapping[str, dict]) -> Html:
    rows = []
    for result in quality.values():
        about = result["dataset"]
        rows.append([
            about["name"], result["made"], result["declutter"], about["published"] or "", about["licence"] or "",
            result["machine"]["processor"], about["digest"][:16],
        ])  # fmt: skip
    peers = [row for result in quality.values() for row in result["rows"] if row.get("version")]
    versions = sorted({(row["system"], row["version"], row["about"]) for row in peers})
    head = ["dataset", "measured", "declutter", "published at", "licence", "processor", "digest"]
    return markup(
        tag("p", "Every system answers for the same pages. Each page is scored against its gold; scores are averaged."),
        tag("div", table(head, rows), class_="scroll"),
        tag("div", table(["peer", "release", "setting"], versions), class_="scroll"),
    )


def write_report(
    results: Path, output: Path, folders: Sequence[Path] = (), models: Path | None = None, cache: Path | None = None
) -> Path:
    """Write the report on the result files in a folder.

    `folders` hold the datasets whose worst pages are shown line by line, judged again by `models` (of
    `declutter train --folds-to`) or the shipped ones. The report then holds their text: don't publish it where the
    datasets' licences forbid that. Raises GoldError where there is no result, or a dataset is not the one that was
    measured.
    """
    found = read_results(results)
    if not any("rows" in result and "dataset" in result for result in found.values()):
        raise GoldError(f"{results}: no result of `python -m benchmarks accuracy` in it")
    worst: Worst = {}
    for folder in folders:
        name = check_folders([folder])[0].name
        if name not in found:
            raise GoldError(f"{folder}: no result of it in {results}")
        about = found[name]["dataset"]
        dataset = check_folders([folder], about["every"], about.get("sample"))[0]
        if dataset.digest != about["digest"]:
            raise GoldError(f"{folder}: not the pages that {name}.json was measured on; measure again")
        for source in SOURCES:
            if lost := losses(found[name], source):
                worst[name, source] = list(specimens(dataset, lost, source, models, cache))
    paths.write_bytes(output, benchmark_page(found, worst).encode("utf-8"))
    return output


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=options.FOLDER)
@click.option("-o", "--output", default="report.html", show_default=True, type=options.NEW_FILE)
@options.RESULTS
@options.MODELS
@options.CACHE
def command(folders, output, results, models, cache):
    """Make one HTML page of the results. It shows the worst pages of the datasets in FOLDERs line by line."""
    click.echo(f"wrote {write_report(results or FOLDER, output, folders, models, cache)}")
