"""The generated corpus of the scale benchmarks: the same pages each time, made one by one, and like a crawl."""

import gzip
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

pytest.importorskip("psutil", reason="the benchmarks need declutter-text[benchmarks]")

from benchmarks import scale  # noqa: E402
from benchmarks.answers import REPOSITORY, environment  # noqa: E402
from declutter import learn  # noqa: E402
from declutter.pages import Page  # noqa: E402


def test_pages_depend_on_their_number_and_the_seed_alone():
    pages = list(scale.pages(30, n_sites=4))
    assert pages[20] == scale.page(20, n_sites=4) == next(scale.pages(1, 4, first=20))
    assert pages != list(scale.pages(30, n_sites=4, seed=1))
    code = "import json; from benchmarks import scale; print(json.dumps(scale.page(20, n_sites=4)))"
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, env=environment(), cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert json.loads(other.stdout) == pages[20]


def test_sites_have_templates_and_articles_of_their_own():
    pages = [Page(page["id"], url=page["url"], text=page["text"]) for page in scale.pages(120, n_sites=4)]
    profile = learn(pages)
    assert len(profile.sites) == 4
    for site in profile.sites:
        assert site.n_pages > 15
        assert (site.pages_with > 0.5 * site.n_pages).sum() > 10
        assert len(site.fingerprints) > 20


def test_a_corpus_is_written_in_files_of_so_many_pages(tmp_path):
    n_bytes = scale.write(tmp_path, 25, n_sites=3, pages_a_file=10)
    lines = [path.read_text("utf-8").splitlines() for path in sorted(tmp_path.iterdir())]
    assert [len(of_file) for of_file in lines] == [10, 10, 5]
    assert n_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert [json.loads(line) for line in lines[1]] == list(scale.pages(10, 3, first=10))


def test_tiny_files_hold_the_first_lines_of_the_pages(tmp_path):
    n_bytes = scale.write_tiny(tmp_path, 5, n_sites=2)
    files = sorted(tmp_path.rglob("*.txt"))
    assert sum(path.stat().st_size for path in files) == n_bytes
    assert [path.stem for path in files] == [f"page-{number}" for number in range(5)]
    assert files[3].read_text("utf-8").splitlines() == scale.page(3, 2)["text"].split("\n")[: scale.TINY_LINES]


def test_one_file_holds_the_same_pages_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "PAGES_A_FILE", 4)
    n_bytes = scale.write_one(tmp_path, 10, n_sites=2)
    with gzip.open(tmp_path / "one.jsonl.gz") as file:
        lines = file.read().splitlines(keepends=True)
    assert sum(map(len, lines)) == n_bytes
    assert [json.loads(line)["id"] for line in lines] == [f"page-{number % 4}" for number in range(12)]


def test_a_run_that_is_killed_ends_as_one_that_is_not():
    result = CliRunner().invoke(scale.command, ["crash", "--kills", "2", "--pages", "40"])
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "the outputs are the same")


def test_a_row_for_each_size(tmp_path):
    result = CliRunner().invoke(scale.command, ["grow", "20", "--engine", "rules", "--folder", str(tmp_path)])
    cells = [cell.strip() for cell in result.output.splitlines()[-1].split("|")[1:-1]]
    assert result.exit_code == 0 and cells[0] == "20" and all(float(cell) > 0 for cell in cells)
