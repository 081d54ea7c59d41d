"""Cleaning from files to files is measured on the same pages in every format."""

import json

import pytest
from click.testing import CliRunner

from benchmarks import files as on_files  # noqa: E402
from benchmarks.datasets import open_dataset  # noqa: E402
from test_benchmarks import write_aeb  # noqa: E402

pytestmark = pytest.mark.slow

PAGES = {"a": "The boats came back at dawn, and nobody in the harbour had slept.", "b": "Ünwétter, said the mayor."}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "gold").mkdir()
    write_aeb(tmp_path / "gold", {name: (f"<ul><li>Menu</ul><p>{text}</p>", text) for name, text in PAGES.items()})
    (tmp_path / "files").mkdir()
    dataset = open_dataset(tmp_path / "gold")
    return tmp_path / "files", dataset, on_files.write_files(dataset, tmp_path / "files", None)


def test_all_files_hold_the_same_pages(files):
    folder, dataset, megabytes = files
    htmls = [page.html for page in dataset.pages]
    for name in ("pages.warc", "pages.warc.gz"):
        assert [page.html for page in on_files.decoded(folder / name)] == htmls
    dumps = [json.loads(line)["text"] for line in (folder / "dumps.jsonl").read_text("utf-8").splitlines()]
    assert all(text in dump for text, dump in zip(PAGES.values(), dumps, strict=True))
    assert megabytes["html"] == pytest.approx(sum(len(html.encode()) for html in htmls) / 1e6)


def test_rates_are_compared_within_a_round(monkeypatch):
    slow = iter([2.0, 4.0])
    fast = iter([1.0, 2.0])
    runs = {"file": ("html", lambda: next(slow)), on_files.IN_MEMORY: ("html", lambda: next(fast))}
    rows = {row["run"]: row for row in on_files.measure(runs, {"html": 8.0, "dump": 1.0}, 2)}
    assert rows["file"]["share_of_in_memory"] == 0.5
    assert (rows["file"]["least"], rows["file"]["mb_a_second"], rows["file"]["greatest"]) == (2.0, 3.0, 4.0)


def test_each_run_of_declutter_takes_time(files):
    runs = on_files.runs_of(files[0], None)
    assert len(runs) == 5 and all(run() > 0 for _, run in runs.values())


def test_every_format_is_read_and_written():
    pytest.importorskip("pyarrow", reason="Parquet needs the extra parquet")
    result = CliRunner().invoke(on_files.command, ["formats", "--mb", "0.05", "--repeats", "1"], catch_exceptions=False)
    rows = [line.split(" | ") for line in result.output.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 17 and all(float(cell.strip(" |")) > 0 for row in rows for cell in row[1:])
