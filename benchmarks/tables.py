"""Tables: Markdown made of result files, between `<!-- table: RESULTS VIEW -->` and `<!-- end of table -->`.

`python -m benchmarks tables README.md benchmarks/README.md` makes the tables of these files again. RESULTS are names of
result files parted by commas, VIEW is one of VIEWS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.options import RESULTS
from benchmarks.results import FOLDER, read_results
from declutter.errors import GoldError

MARKED = re.compile(r"(<!-- table: (\S+) (\w+) -->\n).*?(<!-- end of table -->)", re.S)
DOCUMENTS = ("README.md", "docs/benchmarks.md", "benchmarks/README.md")
#: The systems of the README's tables, by source: declutter and the best of each kind of tool.
SHORT = {
    "html": ("declutter", "rs-trafilatura", "trafilatura, no comments", "go-readability", "resiliparse"),
    "dump": ("declutter", "declutter, page alone", "winnow-md, hardest", "C4 line rules"),
}  # fmt: skip
METRICS = {"word_f1": "word F1", "token_f1": "token F1", "line_f1": "line F1", "shingle_f1": "shingle F1",
           "recall": "lines kept"}  # fmt: skip
KINDS = ("article", "documentation", "service", "forum", "listing", "product", "collection")
AFTER = "after "
TRAINED_ON = "trained on these pages"


def shown(score: float | None) -> str:
    """A score with three places and without its leading zero, as all documents of the project show it."""
    if score is None:
        return ""
    return f"{score:.3f}".replace("0.", ".", 1)


def signed(score: float) -> str:
    return ("+" if score >= 0 else "−") + shown(abs(score))


def between(pair: dict) -> str:
    """The interval of a difference."""
    return f"{signed(pair['low'])} to {signed(pair['high'])}"


def rows_from(result: dict, source: str) -> list[dict]:
    """The rows of a source, best first; those whose model was trained on the pages come last."""
    found = [row for row in result["rows"] if row["source"] == source]
    return sorted(found, key=lambda row: (row["status"] == TRAINED_ON, -row["score"]))


def name_of(row: dict) -> str:
    """The system with its release and, where it was trained on the pages, a word about that."""
    named = " ".join(filter(None, (row["system"], row.get("version"))))
    return named + (f" ({row['about']})" if row.get("about") else "") + _mark(row)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _ranking(result: dict, source: str) -> str:
    """Every system from one source: score, interval, by kind or script, empty answers and failures."""
    group = "kind" if result["dataset"]["layout"] == "wcxb" else "script"
    first = next(row for row in result["rows"])["groups"][group]
    names = sorted(first, key=lambda name: (KINDS.index(name) if name in KINDS else len(KINDS), name))
    rows = [
        [
            name_of(row), shown(row["score"]), f"{shown(row['low'])}–{shown(row['high'])}",
            *(shown(row["groups"][group][name]["score"]) for name in names), str(row["empty"]), str(row["failed"]),
        ]
        for row in rows_from(result, source)
    ]  # fmt: skip
    return markdown([_metric(result), "all", "95%", *names, "empty", "failed"], rows) + _note(result)


def _metric(result: dict) -> str:
    return f"{METRICS[result['dataset']['metric']]}, {result['dataset']['name']}"


def _note(result: dict) -> str:
    dataset = result["dataset"]
    absent = "".join(f" Absent: {name} ({reason})." for name, reason in result["absent"].items())
    return f"\n{dataset['pages']:,} pages of {dataset['sites']:,} sites, {result['made']}.{absent}\n"


def html_view(results: Sequence[dict]) -> str:
    """From HTML: every system, by kind of page or script."""
    return "\n".join(_ranking(result, "html") for result in results)


def dump_view(results: Sequence[dict]) -> str:
    """From the dump (block lines): every system, by kind of page or script."""
    return "\n".join(_ranking(result, "dump") for result in results)


def second_rows(result: dict) -> list[list[str]]:
    """Each extractor: its score, the score of what declutter makes of its answer, the difference, the interval."""
    after = {row["source"]: row for row in result["rows"] if row["source"].startswith(AFTER)}
    gains = {pair["source"]: pair for pair in result["differences"] if pair["group"] == "all"}
    return [
        [name_of(row), shown(row["score"]), shown(after[source]["score"]) + _mark(after[source]),
         signed(gains[source]["mean"]), between(gains[source])]
        for row in rows_from(result, "html")
        if (source := AFTER + row["system"]) in after
    ]  # fmt: skip


def second_view(results: Sequence[dict]) -> str:
    """As second stage: each extractor's answer, then what declutter makes of it, and the difference."""
    return "\n".join(
        markdown([_metric(result), "alone", "then declutter", "difference", "95%"], second_rows(result)) + _note(result)
        for result in results
    )


def overview_view(results: Sequence[dict]) -> str:
    """Every system of every source on several datasets, one column each."""
    header = ["", "from", *(f"{one['dataset']['name']}, {METRICS[one['dataset']['metric']]}" for one in results)]
    order: dict[tuple[str, str], list[dict | None]] = {}
    for number, result in enumerate(results):
        for row in result["rows"]:
            order.setdefault((row["source"], row["system"]), [None] * len(results))[number] = row
    sources = sorted({source for source, _ in order}, key=lambda source: (source != "html", source != "dump", source))
    rows = []
    for source in sources:
        of_source = [(system, found) for (its_source, system), found in order.items() if its_source == source]
        for system, found in sorted(of_source, key=_by_mean):
            cells = [_overview_cell(row) for row in found]
            rows.append([system, "HTML" if source == "html" else source, *cells])
    return markdown(header, rows) + "".join(_note(result) for result in results)


def short_view(results: Sequence[dict]) -> str:
    """The overview of the SHORT systems, without notes."""
    kept = [{**result, "rows": [row for row in result["rows"] if _is_short(row)]} for result in results]
    return overview_view(kept).split("\n\n")[0].rstrip() + "\n"


def short_speed_view(results: Sequence[dict]) -> str:
    """The speed of the SHORT systems, from HTML."""
    kept = [
        {**result, "in_process": [row for row in result["in_process"] if row["source"] == "html" and _is_short(row)]}
        for result in results
    ]
    return speed_view(kept)


def _is_short(row: dict) -> bool:
    return row["system"] in SHORT.get(row["source"], ())


def speed_view(results: Sequence[dict]) -> str:
    """Speed: every system's rate as a ratio to declutter's from the same source, and its whole process."""
    parts = []
    for result in results:
        own = {row["source"]: row["ratio"] for row in result["in_process"] if row["system"] == "declutter"}
        whole = {(row["system"].removesuffix(" clean"), row["source"]): row for row in result["whole_process"]}
        start = {row["system"]: row["wall"] for row in result["loading"]}
        start["declutter"] = start["declutter.clean, first page"]
        rows = []
        for row in sorted(result["in_process"], key=lambda row: (row["source"] != "html", -row["ratio"])):
            process = whole.get((row["system"], row["source"]))
            rows.append([
                " ".join(filter(None, (row["system"], result["versions"].get(row["system"])))),
                "HTML" if row["source"] == "html" else "dump", f"{row['ratio'] / own[row['source']]:.2f}",
                f"{row['mb_a_second']:.3g}", f"{process['peak_mb']:.0f}" if process else "",
                f"{start[row['system']]:.2f}" if process else "",
            ])  # fmt: skip
        header = ["", "from", "rate, declutter = 1", "MB/s", "peak MB", "seconds to load"]
        about = f"{result['dataset']['pages']} pages of {result['dataset']['name']}, {result['rounds']} rounds"
        parts.append(f"{markdown(header, rows)}\n{about}, {result['machine']['processor']}, {result['made']}.\n")
    return "\n".join(parts)


def summary_view(results: Sequence[dict]) -> str:
    """What declutter is judged by, a row a dataset: scores beside the best peer's, headlines, what a site brings."""
    of_source = ["alone", "headlines", "alone", "false titles", "a site brings", "sites losing"]
    header = ["", "pages", "HTML", of_source[0], "best peer", *of_source[1:], "dump", *of_source,
              "after an extractor, least gain", "other"]  # fmt: skip
    return markdown(header, [_summary_row(result) for result in results])


def _summary_row(result: dict) -> list[str]:
    rows = {(row["system"], row["source"]): row for row in result["rows"]}
    own = rows["declutter", "dump"]
    cells = [f"{result['dataset']['name']}, {METRICS[result['dataset']['metric']]}{_mark(own)}",
             str(result["dataset"]["pages"])]  # fmt: skip
    for source in ("html", "dump"):
        pair = [rows.get((system, source), {}) for system in ("declutter", "declutter, page alone")]
        cells += [shown(row.get("score")) for row in pair]
        if source == "html":
            peers = [row for row in rows_from(result, "html") if not row["system"].startswith("declutter")]
            cells.append(f"{shown(peers[0]['score'])} {peers[0]['system']}" if peers else "")
        cells += [shown(row.get("headlines")) for row in pair] + [shown(pair[0].get("false_titles"))]
        gain = result["site_gains"].get(source)
        cells += [signed(gain["mean"]), f"{gain['losing']:.0%}"] if gain else ["", ""]
    return [*cells, _least_gain(result), _other(result, rows)]


def _least_gain(result: dict) -> str:
    """What declutter adds to an extractor's answer, where it adds least; of lines, to keeping all, by site."""
    of_lines = result["dataset"]["metric"] == "line_f1"
    pairs = [pair for pair in result["differences"]
             if (pair["source"].startswith(AFTER) and pair["group"] == "all")
             or (of_lines and pair["than"] == "keep all" and pair["group"] == "site")]  # fmt: skip
    least = min(pairs, key=lambda pair: pair["mean"], default=None)
    return "" if least is None else f"{signed(least['mean'])} {least['name'] if of_lines else least['than']}"


def _other(result: dict, rows: dict[tuple[str, str], dict]) -> str:
    """What only some datasets have: kept letters, precision of the body."""
    letters = [f"{row['kept_letters']:.2f} {source}" for (system, source), row in rows.items()
               if system == "declutter" and source in ("html", "dump") and "kept_letters" in row]  # fmt: skip
    body = [shown(row["shingle_precision"]) for row in rows.values() if row.get("shingle_precision") is not None]
    return "; ".join([*(f"kept letters {one}" for one in letters), *(f"body precision {one}" for one in body)])


def _by_mean(item: tuple[str, list[dict | None]]) -> float:
    scores = [row["score"] for row in item[1] if row is not None]
    return -sum(scores) / len(scores)


def _overview_cell(row: dict | None) -> str:
    if row is None:
        return ""
    return shown(row["score"]) + _mark(row)


def _mark(row: dict) -> str:
    """What is said beside a figure of a model on pages that it was trained on: such a figure ranks nowhere."""
    return f" ({TRAINED_ON})" if row["status"] == TRAINED_ON else ""


VIEWS = {
    "html": html_view, "dump": dump_view, "second": second_view, "overview": overview_view,
    "short": short_view, "short_speed": short_speed_view, "speed": speed_view, "summary": summary_view,
}  # fmt: skip


def table_of(names: str, view: str, results: dict[str, dict]) -> str:
    """The table that a marker asks for. Raises GoldError for results or views that aren't there."""
    wanted = names.split(",")
    if missing := [name for name in wanted if name not in results]:
        raise GoldError(f"no result file for {', '.join(missing)}; run `python -m benchmarks accuracy` first")
    if view not in VIEWS:
        raise GoldError(f"no such table: {view}; tables are {', '.join(VIEWS)}")
    return VIEWS[view]([results[name] for name in wanted])


def updated(text: str, results: dict[str, dict]) -> str:
    """A document with all its marked tables made again."""
    return MARKED.sub(lambda found: found[1] + table_of(found[2], found[3], results) + found[4], text)


@click.command()
@click.argument("documents", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@RESULTS
def command(documents, results):
    """Make the benchmark tables of documents again from the result files."""
    repository = Path(__file__).parent.parent
    found = read_results(results or FOLDER)
    for document in documents or [repository / name for name in DOCUMENTS]:
        document.write_text(updated(document.read_text("utf-8"), found), "utf-8")
        click.echo(f"made the tables of {document}")
