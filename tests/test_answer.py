"""What the service answers, without a server: bodies in, bodies out."""

import json
from pathlib import Path

import pytest

from declutter import Cleaner, Page, learn
from declutter.serve import answer
from declutter.serve.answer import Question, answers

SEEDS = Path(__file__).parent.parent / "seeds"
BOATS = "The boats came back at dawn, and nobody had slept that night."


@pytest.fixture(scope="module")
def pages():
    paths = sorted(SEEDS.glob("[v-z]*/*.txt"))
    urls = (f"https://www.{path.parent.name}.example/{path.stem}" for path in paths)
    return [Page(path.stem, url=url, text=path.read_text("utf-8")) for path, url in zip(paths, urls, strict=True)]


def question(kind, body, content_type="application/json", **query):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Question(kind, content_type, tuple(query.items()), body, max_pages=100)


def asked(*arguments, cleaner=None, **query):
    """(status, what the JSON of the answer holds)."""
    (found,) = answers([question(*arguments, **query)], cleaner or Cleaner())
    return found.status, json.loads(found.body)


def record(page):
    return {"id": page.id, "url": page.url, "text": page.text}


def test_pages_are_what_clean_pages_makes_of_them(pages):
    status, found = asked("pages", {"pages": [record(page) for page in pages]}, verdicts="true")
    assert status == 200
    for got, cleaned in zip(found["pages"], Cleaner().clean_pages(pages), strict=True):
        assert (got["id"], got["text"], got["error"]) == (cleaned.page.id, cleaned.text, None)
        lines = cleaned.page.text.splitlines()
        rows = [verdict for verdict, line in zip(cleaned.verdicts, lines, strict=True) if line.strip()]
        assert got["confidence"] == round(cleaned.confidence, 3)
        assert [(line["label"], line["keep"], line["reason"]) for line in got["verdicts"]] == [
            (label, keep, reason) for label, _, keep, reason in rows
        ]
        assert [line["text"] for line in got["verdicts"]] == [lines[line["line"] - 1] for line in got["verdicts"]]


def test_single_pages_together_are_each_answered_alone(pages):
    questions = [question("page", record(page)) for page in pages]
    questions.insert(3, question("page", b"no json"))
    found = answers(questions, Cleaner())
    assert found.pop(3).status == 400
    assert [json.loads(one.body)["text"] for one in found] == [Cleaner().clean(page.text) for page in pages]


def test_a_profile_is_used_for_single_pages(pages):
    cleaner = Cleaner(profile=learn(pages))
    found = answers([question("page", record(page)) for page in pages], cleaner)
    assert [json.loads(one.body)["text"] for one in found] == [done.text for done in cleaner.clean_pages(pages)]


def test_options_stand_in_the_query(pages):
    text = pages[0].text
    assert asked("page", {"text": text}, keep="title,byline")[1]["text"] == Cleaner(keep={"title", "byline"}).clean(
        text
    )
    lengths = [len(asked("page", {"text": text}, prefer=prefer)[1]["text"]) for prefer in ("precision", "recall")]
    assert lengths == [len(Cleaner(beta=beta).clean(text)) for beta in (0.5, 2.0)]
    assert set(asked("page", {"text": text}, verdicts="false")[1]) == {"text", "error"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f"<p>{BOATS}</p>".encode(), "text/html"),
        (f"<p>{BOATS}</p>".encode("utf-16-le"), "text/html; charset=utf-16-le"),
        (f"{BOATS}\n".encode(), "text/plain; charset=utf-8"),
    ],
)
def test_the_body_may_be_the_page_itself(body, content_type):
    status, found = asked("raw", body, content_type, url="https://a.example/")
    assert (status, found["text"].rstrip("\n")) == (200, BOATS)


def test_half_a_surrogate_pair_comes_back_as_it_went_in():
    status, found = asked("page", b'{"text": "The boats came back at dawn, and nobody had slept \\ud800 that night."}')
    assert (status, found["text"]) == (200, "The boats came back at dawn, and nobody had slept \ud800 that night.")


@pytest.mark.parametrize(
    ("kind", "body", "content_type", "query", "status", "message"),
    [
        ("page", b"", "application/json", {}, 400, "no JSON"),
        ("page", b"\xff\xfe\x00", "application/json", {}, 400, "no JSON"),
        ("page", b"[" * 100_000, "application/json", {}, 400, "no JSON"),
        ("page", b"9" * 10_000, "application/json", {}, 400, "no JSON"),
        ("page", [], "application/json", {}, 400, "must be an object"),
        ("page", {}, "application/json", {}, 400, "either text or html"),
        ("page", {"text": "a", "html": "b"}, "application/json", {}, 400, "either text or html"),
        ("page", {"text": 5}, "application/json", {}, 400, "text must be a string"),
        ("page", {"text": "a", "txet": "b"}, "application/json", {}, 400, "'txet'"),
        ("page", {"text": "a"}, "application/json", {"keep": "bodies"}, 400, "keep is 'bodies'"),
        ("page", {"text": "a"}, "application/json", {"keep": ""}, 400, "keep is ''"),
        ("page", {"text": "a"}, "application/json", {"prefer": "both"}, 400, "prefer is 'both'"),
        ("page", {"text": "a"}, "application/json", {"verdicts": "1"}, 400, "verdicts is '1'"),
        ("page", {"text": "a"}, "application/json", {"url": "b"}, 400, "no such option in the query: url"),
        ("page", {"text": "a"}, "text/plain", {}, 415, "text/plain; it must be application/json"),
        ("raw", b"a", "application/json", {}, 415, "text/plain or text/html"),
        ("raw", b"a", "", {}, 200, None),
        ("raw", b"\xff", "text/plain", {}, 400, "no utf-8"),
        ("raw", b"a", "text/html; charset=klingon", {}, 400, "no klingon"),
        ("raw", b"a", "text/html; charset=base64", {}, 400, "no base64"),
        ("pages", {"pages": {}}, "application/json", {}, 400, "with a list"),
        ("pages", {"pages": [{"text": "a"}, 5]}, "application/json", {}, 400, "page 1 must be an object"),
        ("pages", {"pages": [{"text": "a"}] * 101}, "application/json", {}, 400, "101 pages; 100 are allowed"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(kind, body, content_type, query, status, message):
    got, found = asked(kind, body, content_type, **query)
    assert got == status
    assert message is None or message in found["error"]


def test_what_nobody_foresaw_shows_no_trace(monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(answer, "read_request", fails)
    assert asked("page", {"text": "a"}) == (500, {"error": "internal error"})
    monkeypatch.undo()
    monkeypatch.setattr(answer, "_record", fails)
    assert asked("page", {"text": "a"}) == (500, {"error": "internal error"})
    assert asked("pages", {"pages": [{"text": "a"}]}) == (500, {"error": "internal error"})
    assert caplog.text.count("RuntimeError: a secret") == 3
