"""What a page says of itself."""

import json
import sys
import time
from dataclasses import replace

import pytest

import declutter
from declutter.extras import metadata
from declutter.extras.metadata import Metadata, page_metadata
from declutter.pages import Cleaned, Page

GERMAN = "Der Sturm erreichte den Hafen am Montag um zwölf Uhr und riss zwei Boote los, sagte der Bürgermeister."


@pytest.fixture
def without_libraries(monkeypatch):
    monkeypatch.setattr(metadata, "find_spec", lambda name: None)


def of(html, text=""):
    """The metadata of a page of which `text` was kept."""
    (page,) = declutter.Cleaner(profile=declutter.Profile()).clean_pages([Page("a", html=html)])
    return page_metadata(replace(page, text=text))


def with_json_ld(thing, rest=""):
    return (
        f'<html><head><script type="application/ld+json">{json.dumps(thing)}</script>{rest}</head><body></body></html>'
    )


def test_json_ld_says_it_all(without_libraries):
    thing = {
        "@type": ["NewsArticle"], "headline": " Storm\nhits harbour ", "datePublished": "2026-11-02T10:00:00Z",
        "author": [{"@type": "Person", "name": "Ada Lisle"}, "Wilf Ormero", "https://example.org/ada"],
        "publisher": {"@type": "Organization", "name": "The Tide"},
    }  # fmt: skip
    html = with_json_ld(thing, "<title>Storm hits harbour | The Tide</title>").replace("<html", "<html lang=en-GB")
    assert of(html) == Metadata("Storm hits harbour", "Ada Lisle; Wilf Ormero", "2026-11-02", "en-GB", "The Tide")


def test_meta_elements_and_microdata(without_libraries):
    html = """<html><head><title>The Tide - Storm hits harbour</title><meta property="og:site_name" content="The Tide">
    <meta name="og:title" content="The Tide - Storm hits harbour">
    <meta property="article:published_time" content="20261102">
    <meta http-equiv="content-language" content="cy_GB"></head><body><h1>One<h1>Two</h1>
    <span itemprop="author"><b itemprop="name">By  Ada Lisle</b></span>"""
    assert of(html) == Metadata("Storm hits harbour", "Ada Lisle", "2026-11-02", "cy-GB", "The Tide")


@pytest.mark.parametrize("html", ["", "<p>x", "\0", "<title></title>", "<meta content>", "<div>" * 100_000])
def test_a_page_that_says_nothing(html, without_libraries):
    assert of(html) == Metadata(None, None, None, "und", None)


@pytest.mark.parametrize(
    "thing", [[], 5, {"@type": None, "author": 5}, {"@type": "Article", "author": {"name": []}, "headline": {"a": 1}}]
)
def test_json_ld_of_other_shapes(thing, without_libraries):
    assert of(with_json_ld(thing)) == Metadata(None, None, None, "und", None)


def test_dates_that_are_none_are_left_out(without_libraries):
    for value in ("yesterday", "2026-13-40", "0000-00-00", "12026-11-02", ""):
        assert of(with_json_ld({"@type": "Article", "datePublished": value})).date is None


def test_the_site_is_no_author(without_libraries):
    thing = {"@type": "Article", "author": {"name": "The Tide"}, "publisher": {"name": "The Tide"}}
    assert of(with_json_ld(thing)).author is None


def test_a_record_of_json_output(without_libraries):
    html = f"<html lang=de><title>Sturm</title><article><h1>Sturm</h1>{f'<p>{GERMAN}' * 9}</article>".encode()
    (answer,) = declutter.Cleaner(profile=declutter.learn([])).clean_pages([Page("a", html=html)])
    record = metadata.record(answer)
    keys = ["id", "url", "title", "author", "date", "language", "site", "kind", "text"]
    assert list(record) == keys
    assert [record[key] for key in keys[:-1]] == ["a", None, "Sturm", None, None, "de", None, "article"]
    assert record["text"] == answer.text and GERMAN in answer.text
    failed = metadata.record(Cleaned(answer.page, "whole", answer.verdicts, error="why"))
    assert (failed["title"], failed["kind"], failed["text"]) == (None, None, "whole")
    dump = metadata.record(Cleaned(Page("b", text=GERMAN), GERMAN, answer.verdicts))
    assert (dump["title"], dump["kind"], dump["language"], dump["text"]) == (None, None, "und", GERMAN)


def test_authors_are_read_from_elements_in_the_order_of_the_page(without_libraries):
    html = """<meta itemprop=author content=""><p><a href=/a rel="nofollow author">By Ada <b>Lisle</b></a>
    <div itemprop="x author"><div>Wilf Ormero</div></div><span data-author=no itemprop=name>No One</span>
    <div itemprop=author><i itemprop=name>Zoe &amp; Co</i></div>"""
    assert of(html).author == "Ada Lisle; Wilf Ormero; Zoe & Co"


@pytest.mark.parametrize(
    "html",
    [
        "<div itemprop=author>" * 2000,
        "<h1>a" * 20_000,
        f"<p itemprop=x {'author ' * 100_000}>",
        "<a rel=author>" * 9000,
    ],
    ids=["nested", "headings", "attributes", "links"],
)
def test_hostile_pages_take_bounded_time(html, without_libraries):
    begin = time.process_time()
    of(f"<html><body>{html}x")
    assert time.process_time() - begin < 5  # measured 0.1 to 0.6


def test_htmldate_searches_where_the_page_does_not_say():
    pytest.importorskip("htmldate")
    html = '<html><body><article><time datetime="2026-03-04">4 March</time><p>Text</article>'
    assert of(html).date == "2026-03-04"


def test_the_language_of_the_text_goes_before_the_declared_one():
    pytest.importorskip("py3langid")
    html = "<html lang=en><p>x"
    assert of(html, text=GERMAN).language == "de"
    assert of(html, text="kurz").language == "en"


def test_the_libraries_are_not_loaded_without_need(without_libraries):
    before = set(sys.modules)
    of("<p>x", text=GERMAN)
    assert not {"htmldate", "py3langid"} & (set(sys.modules) - before)
