"""The generated corpus of the scale benchmarks: the same pages each time, made one by one, and like a crawl."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from declutter import learn
from declutter.pages import Page

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def corpus():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import corpus
    finally:
        sys.path.remove(str(BENCHMARKS))
    return corpus


def test_pages_depend_on_their_number_and_the_seed_alone(corpus):
    pages = list(corpus.pages(30, n_sites=4))
    assert pages[20] == corpus.page(20, n_sites=4) == next(corpus.pages(1, 4, first=20))
    assert pages != list(corpus.pages(30, n_sites=4, seed=1))
    code = "import corpus, json; print(json.dumps(corpus.page(20, n_sites=4)))"
    other = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert json.loads(other.stdout) == pages[20]


def test_sites_have_templates_and_articles_of_their_own(corpus):
    pages = [Page(page["id"], url=page["url"], text=page["text"]) for page in corpus.pages(120, n_sites=4)]
    profile = learn(pages)
    assert len(profile.sites) == 4
    for site in profile.sites:
        assert site.n_pages > 15
        assert (site.pages_with > 0.5 * site.n_pages).sum() > 10
        assert len(site.fingerprints) > 20


def test_a_corpus_is_written_in_files_of_so_many_pages(corpus, tmp_path):
    n_bytes = corpus.write(tmp_path, 25, n_sites=3, pages_a_file=10)
    lines = [path.read_text("utf-8").splitlines() for path in sorted(tmp_path.iterdir())]
    assert [len(of_file) for of_file in lines] == [10, 10, 5]
    assert n_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert [json.loads(line) for line in lines[1]] == list(corpus.pages(10, 3, first=10))


def test_tiny_files_hold_the_first_lines_of_the_pages(corpus, tmp_path):
    n_bytes = corpus.write_tiny(tmp_path, 5, n_sites=2)
    files = sorted(tmp_path.rglob("*.txt"))
    assert sum(path.stat().st_size for path in files) == n_bytes
    assert [path.stem for path in files] == [f"page-{number}" for number in range(5)]
    assert files[3].read_text("utf-8").splitlines() == corpus.page(3, 2)["text"].split("\n")[: corpus.TINY_LINES]


def test_one_file_holds_the_same_pages_again_and_again(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "PAGES_A_FILE", 4)
    n_bytes = corpus.write_one(tmp_path, 10, n_sites=2)
    with gzip.open(tmp_path / "one.jsonl.gz") as file:
        lines = file.read().splitlines(keepends=True)
    assert sum(map(len, lines)) == n_bytes
    assert [json.loads(line)["id"] for line in lines] == [f"page-{number % 4}" for number in range(12)]
