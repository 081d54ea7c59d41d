"""Whatever is written of a page, it is decoded, parsed, segmented and measured once in the cleaning pass."""

import json
from collections import Counter

import pytest

import declutter
from declutter import cleaner, run
from declutter.extras import markdown, metadata
from declutter.report.corpus import gather
from declutter.serve.answer import Question, answers
from declutter.stages.segment import decode, html, shown

PROSE = "The boats came back at dawn, and nobody in the whole of the town had slept that night at all. "
MENU = "<nav><a href=/>Home</a><a href=/news>News</a></nav>"


def page(number):
    return f"<title>Boats</title>{MENU}<article><h1>Boats {number}</h1><p>{PROSE * 4}<ul><li>{PROSE}</ul></article>"


@pytest.fixture
def counts(monkeypatch):
    """How often each page was worked on, by what was done: counted in pages, whatever the batches."""
    done = Counter()

    def counted(module, name, what, pages_of):
        real = getattr(module, name)

        def counting(*arguments):
            done[what] += pages_of(*arguments)
            return real(*arguments)

        monkeypatch.setattr(module, name, counting)

    counted(decode, "decode_html", "decoded", lambda *_: 1)
    counted(shown, "LexborHTMLParser", "parsed", lambda *_: 1)
    counted(html, "lines_of_html", "segmented", len)
    counted(cleaner, "measure", "measured", lambda lines: lines.n_pages)
    return done


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.html").write_bytes(page(number).encode())
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("to", "options"),
    [("txt", {}), ("jsonl", {}), ("jsonl", {"verdicts": True}), ("markdown", {}), ("parquet", {"verdicts": True})],
)
@pytest.mark.parametrize("removed", [False, True])
def test_a_run(folder, tmp_path, counts, to, options, removed):
    found = run.inputs([str(folder)], run.Options(**options))
    gone = str(tmp_path / "gone") if removed else None
    outputs = run.outputs_for(found.paths, str(tmp_path / "out"), gone, to, run.Options(**options), to == "markdown")
    summary = run.clean(found, outputs, declutter.Cleaner(profile=declutter.Profile()))
    assert (summary.n_pages, summary.failures, summary.partial) == (5, [], [])
    assert counts == dict.fromkeys(("decoded", "parsed", "segmented", "measured"), 5)


def test_a_cleaned_page_in_python(counts):
    pages = [declutter.Page(str(number), html=page(number).encode()) for number in range(3)]
    for number, cleaned in enumerate(declutter.Cleaner(profile=declutter.learn([])).clean_pages(pages)):
        assert f"# Boats {number}\n" in markdown.to_markdown(cleaned, links=True)
        assert metadata.record(cleaned)["title"] == f"Boats {number}"
        assert [cleaned.lines[row] for row in range(len(cleaned.lines))] == cleaned.verdicts.text
    assert counts == dict.fromkeys(("decoded", "parsed", "segmented", "measured"), 3)


def test_the_service(counts):
    body = json.dumps({"html": page(1)}).encode()
    (answer,) = answers([Question("page", "application/json", (("verdicts", "true"),), body, 9)], declutter.Cleaner())
    rows = json.loads(answer.body)["verdicts"]
    assert [row["text"] for row in rows[:3]] == ["HomeNews", "Boats 1", (PROSE * 4).strip()]
    assert (counts["parsed"], counts["segmented"], counts["measured"]) == (1, 1, 1)


def test_the_report(counts):
    pages = [declutter.Page(str(number), html=page(number).encode()) for number in range(3)]
    gather(pages, declutter.Cleaner(profile=declutter.Profile()))
    assert (counts["decoded"], counts["parsed"], counts["segmented"]) == (3, 3, 3)
