"""The benchmark report: made of result files, and of gold pages for those where declutter loses."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from declutter.report.figures import Bar, Bin, Point, bars, reliability, scatter

pytest.importorskip("bs4", reason="the benchmarks need declutter-text[train]")
pytest.importorskip("sklearn", reason="the benchmarks need declutter-text[train]")

from benchmarks import report as benchmark_report  # noqa: E402
from benchmarks.accuracy import measure  # noqa: E402
from benchmarks.datasets import open_dataset  # noqa: E402
from benchmarks.report import command, write_report  # noqa: E402
from benchmarks.results import write_result  # noqa: E402
from declutter.errors import GoldError  # noqa: E402

PROSE = "The harbour froze over in the night, and the boats that had not left by noon stayed where they were."
PEERS = {"quick": (0.62, 80.0), "careful": (0.84, 5.0), "slow": (0.83, 0.6), "careful, no comments": (0.835, 5.2)}


def page(number):
    menu = "".join(f"<li><a href='/{word}'>{word}</a>" for word in ("Home", "News", "Sport", "Contact"))
    body = "".join(f"<p>{PROSE} Day {number}.{part}</p>" for part in range(4))
    return f"<html><body><ul>{menu}</ul><h1>Harbour {number}</h1>{body}<footer>© Harbour News</footer></body></html>"


def make_gold(path):
    """A set of gold pages; the gold of one of them is its menu, so that declutter loses there."""
    (path / "pages").mkdir(parents=True)
    rows = []
    for number in range(6):
        name = f"pages/{number}.html.gz"
        (path / name).write_bytes(gzip.compress(page(number).encode()))
        main_text = "\n\n".join(f"{PROSE} Day {number}.{part}" for part in range(4))
        rows.append({"set": "harbour", "site": f"site{number % 2}", "id": str(number), "url": None, "lang": "en",
                     "script": "Latin", "html": name, "title": f"Harbour {number}", "title_in_main": False,
                     "main_text": "Home News" if number == 3 else main_text})  # fmt: skip
    (path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    families = "".join(f"site{number}\tsite{number}\n" for number in range(2))
    (path / "sites.tsv").write_text("site\tfamily\n" + families, "utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    return make_gold(tmp_path / "harbour")


def with_peers(result):
    """The result with rows of invented peers that answer from HTML."""
    for system, (score, _) in PEERS.items():
        own = next(row for row in result["rows"] if row["system"] == "declutter" and row["source"] == "html")
        groups = {
            group: {name: {**about, "score": score} for name, about in of_group.items()}
            for group, of_group in own["groups"].items()
        }
        scores = np.clip(np.linspace(score - 0.2, score + 0.2, len(own["scores"])), 0, 1).tolist()
        result["rows"].append({
            **own, "system": system, "version": "1.0", "about": "", "status": "unseen pages", "score": score,
            "low": score - 0.02, "high": score + 0.02, "groups": groups, "scores": scores, "empty": 1, "failed": 2,
            "failures": {"ValueError": 2},
        })  # fmt: skip
        after = {"source": f"after {system}", "group": "all", "name": "all", "than": system}
        result["rows"].append({**own, "source": after["source"]})
        result["differences"].append({**after, "mean": 0.01, "low": -0.002, "high": 0.02})
    return result


def write_results(folder, path):
    """Result files of a run over the gold, and of a speed run over the same pages."""
    ((_, result),) = measure([open_dataset(folder)], {}, {"lost-peer": "not installed"}, say=lambda _: None)
    write_result("harbour", with_peers(result), path)
    rates = {"declutter": 15.0, "declutter, page by page": 12.0, **{name: speed for name, (_, speed) in PEERS.items()}}
    rows = [{"system": name, "source": "html", "mb_a_second": rate} for name, rate in rates.items()]
    write_result("speed-harbour", {"dataset": {"name": "harbour"}, "in_process": rows}, path)
    return path


@pytest.fixture
def results(folder, tmp_path):
    return write_results(folder, tmp_path / "results")


def test_figures_and_tables_of_a_result(results):
    report = benchmark_report.benchmark_page(
        {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))}
    )
    for name in ("scatter-0", "s0-html", "s0-dump", "s0-calibration"):
        assert f'<figure id="{name}">' in report
    assert "As second stage" in report and "lost-peer: not installed" in report
    assert report.count("careful, no comments") >= 4
    assert "<script" not in report


def test_worst_pages_are_shown_line_by_line(folder, results, tmp_path):
    output = write_report(results, tmp_path / "report.html", [folder])
    report = output.read_text("utf-8")
    assert "site1/3" in report and "wrongly" in report and "rightly" in report
    assert PROSE not in write_report(results, tmp_path / "bare.html").read_text("utf-8")


def test_losses_are_where_a_peer_is_better(results):
    result = json.loads((results / "harbour.json").read_text("utf-8"))
    found = benchmark_report.losses(result, "html", 3)
    assert found[0].key == "site1/3" and found[0].best > found[0].score
    gaps = [loss.best - loss.score for loss in found]
    assert gaps == sorted(gaps, reverse=True) and all(gap > 0 for gap in gaps)


def test_models_trained_on_the_pages_are_marked(results):
    result = json.loads((results / "harbour.json").read_text("utf-8"))
    own = next(row for row in result["rows"] if row["system"] == "declutter" and row["source"] == "html")
    own["status"] = "trained on these pages"
    assert 'class="trained"' in benchmark_report.benchmark_page({"harbour": result})


def test_other_pages_than_those_measured_are_refused(folder, results):
    (folder / "pages" / "0.html.gz").write_bytes(gzip.compress(page(99).encode()))
    with pytest.raises(GoldError, match="not the pages that harbour.json was measured on"):
        write_report(results, Path("report.html"), [folder])


def test_the_command_needs_a_result(tmp_path):
    result = CliRunner().invoke(command, ["-r", str(tmp_path), "-o", str(tmp_path / "report.html")])
    assert isinstance(result.exception, GoldError) and "no result of" in str(result.exception)


def test_labels_of_a_scatter_stand_apart():
    points = [Point(f"system {number}", 10.0 ** (number % 3), 0.8 + number / 1e4, "") for number in range(14)]
    drawn = scatter("s", "title", "words", points, ("speed", "score"), ["system", "score", "speed"])
    heights = [float(part.split('y="')[1].split('"')[0]) for part in drawn.split("<text")[1:] if "system" in part]
    heights.sort()
    assert len(heights) == 14
    assert all(after - before >= 14 for before, after in zip(heights, heights[1:], strict=False))


def test_figures_have_words_and_stay_inside():
    drawn = bars("b", "a <title>", "what it says", [Bar("x", 3.0, "3", low=-1, high=9, marks=(5.0,))], 1.0, ["", "n"])
    assert "a &lt;title&gt;" in drawn and '<desc id="b-text">what it says</desc>' in drawn
    assert 'role="img"' in drawn and 'width="300' not in drawn and '"-' not in drawn
    assert '<circle cx="50.0%"' in reliability("r", "t", "a", [Bin(0.4, 0.6, 0.5, 0.7, 0.2)])
