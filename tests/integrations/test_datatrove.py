"""The datatrove steps, run by datatrove's own local executor with several tasks and workers."""

import gzip
import json
import textwrap
from functools import partial

import pytest

from declutter import LABELS, Cleaner, DeclutterError, Page, learn

pytest.importorskip("datatrove", reason="needs declutter-text[datatrove]")

from datatrove.data import Document  # noqa: E402
from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402

import declutter.integrations.datatrove as hook  # noqa: E402
from declutter.integrations.datatrove import CleanPages, CollectPages, LearnSites  # noqa: E402


@pytest.fixture
def corpus(tmp_path, pages):
    """The pages in five files, so that the pages of a site stand in two or more of them."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        rows = [{"text": page.text, "id": page.id, "metadata": {"url": page.url}} for page in pages[number * 40 :][:40]]
        (folder / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def run(tmp_path, corpus, tasks, workers, **options):
    """All steps, and the documents that came out, by id."""
    reader, cleaning = JsonlReader(str(corpus)), CleanPages(str(tmp_path / "profiles"), verdicts="verdicts")
    steps = [
        ([reader, CollectPages(str(tmp_path / "pages"), n_buckets=3, **options)], tasks, "collect"),
        ([LearnSites(str(tmp_path / "pages"), str(tmp_path / "profiles"))], 3, "learn"),
        ([reader, cleaning, JsonlWriter(str(tmp_path / "out"))], tasks, "clean"),
    ]
    stats = [
        LocalPipelineExecutor(pipeline, tasks=n, workers=workers, logging_dir=str(tmp_path / "logs" / name)).run()
        for pipeline, n, name in steps
    ]
    return kept_in(tmp_path / "out"), stats


def kept_in(folder):
    documents = {}
    for path in folder.glob("*.jsonl.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            documents |= {row["id"]: row for row in map(json.loads, file)}
    return documents


@pytest.mark.parametrize(("tasks", "workers", "options"), [(4, 2, {}), (1, 1, {"thin": True, "compression": "gzip"})])
def test_verdicts_are_those_of_the_library(tmp_path, corpus, expected, tasks, workers, options):
    documents, _ = run(tmp_path, corpus, tasks, workers, **options)
    for cleaned in expected:
        if cleaned.text:
            found = documents.pop(cleaned.page.id)
            assert found["text"] == cleaned.text
            verdicts = [(v["label"], v["score"], v["keep"], v["reason"]) for v in found["metadata"]["verdicts"]]
            assert verdicts == list(cleaned.verdicts)
    assert not documents


def test_statistics_are_reported(tmp_path, corpus, expected):
    _, (collecting, learning, cleaning) = run(tmp_path, corpus, tasks=1, workers=1)
    collected, learned, cleaned = (step.stats for step in (collecting.stats[1], learning.stats[0], cleaning.stats[1]))
    assert collected["collected"].total == learned["pages"].total == cleaned["total"].total == len(expected)
    assert learned["sites"].total == len({page.page.url.split("/")[2] for page in expected})
    assert cleaned["forwarded"].total == sum(bool(page.text) for page in expected)
    for what, is_kept in (("kept_body", True), ("removed_navigation", False)):
        code = LABELS.index(what.partition("_")[2])
        n_lines = sum(
            int(((v.labels == code) & (v.keep == is_kept)).sum()) for v in (page.verdicts for page in expected)
        )
        assert cleaned[what].total == n_lines > 0


def test_the_example_runs(tmp_path, corpus, expected, monkeypatch):
    example = textwrap.dedent("\n".join(line for line in hook.__doc__.split("\n") if line.startswith("    ")))
    monkeypatch.chdir(tmp_path)
    names = {"LocalPipelineExecutor": partial(LocalPipelineExecutor, workers=1)}
    exec(example.replace("from datatrove.executor import LocalPipelineExecutor", ""), names)
    found = kept_in(tmp_path / "out")
    assert {name: row["text"] for name, row in found.items()} == {
        cleaned.page.id: cleaned.text for cleaned in expected if cleaned.text
    }


def test_html_documents(tmp_path):
    rows = [f"<title>T</title><nav><a href=/>Home</a></nav><p>{word * 30}.</p>" for word in ("boats ", "dawn ")]
    documents = [Document(html, str(n), metadata={"url": "https://a.example/"}) for n, html in enumerate(rows)]
    list(CollectPages(str(tmp_path / "pages"), html=True).run(iter(documents)))
    list(LearnSites(str(tmp_path / "pages"), str(tmp_path / "profiles")).run())
    found = list(CleanPages(str(tmp_path / "profiles"), html=True).run(iter(documents)))
    pages = [Page(str(n), url="https://a.example/", html=html) for n, html in enumerate(rows)]
    assert [document.text for document in found] == [cleaned.text for cleaned in Cleaner().clean_pages(pages)]


def test_thinned_pages_are_few(tmp_path):
    documents = [Document(f"Home\nNews {n}", str(n), metadata={"site": "large"}) for n in range(1000)]
    step = CollectPages(str(tmp_path), thin=True)
    assert len(list(step.run(iter(documents)))) == 1000
    n_rows = len((tmp_path / "00000" / "00000.pages.jsonl").read_text("utf-8").splitlines())
    assert 64 < n_rows < 250
    assert step.stats["collected"].total == n_rows


def test_documents_of_no_known_site_are_counted(tmp_path):
    step = CollectPages(str(tmp_path))
    assert len(list(step.run(iter([Document("Home\nNews", "a")])))) == 1
    assert step.stats["site_unknown"].total == 1
    with pytest.raises(DeclutterError, match="give documents a url or site"):
        list(LearnSites(str(tmp_path), str(tmp_path)).run())


def test_a_folder_without_profiles_is_refused(tmp_path, pages):
    with pytest.raises(DeclutterError, match="run LearnSites first"):
        list(CleanPages(str(tmp_path)).run(iter([Document("Home", "a")])))
    profile = learn(pages[:6])
    profile.save(tmp_path / "tide.profile")
    document = Document(pages[0].text, "a", metadata={"url": pages[0].url})
    expected = next(Cleaner(profile=profile).clean_pages(pages[:1])).text
    assert [found.text for found in CleanPages(str(tmp_path / "tide.profile")).run(iter([document]))] == [expected]


def test_what_is_dropped_goes_to_the_exclusion_writer(tmp_path, pages):
    document = Document("Home\nContact", "a", metadata={"site": "a"})
    writer = JsonlWriter(str(tmp_path), compression=None)
    step = CleanPages(learn(pages[:6]), Cleaner(keep={"legal"}), exclusion_writer=writer)
    assert list(step.run(iter([document]))) == []
    assert step.stats["dropped"].total == 1
    assert json.loads((tmp_path / "00000.jsonl").read_text("utf-8"))["text"] == "Home\nContact"
