"""Texts that are HTML: what is taken for one, and who warns."""

import time
import warnings

import pytest

import declutter
from declutter import MarkupWarning
from declutter.files.markup import first_markup, holds_markup, looks_like_html
from declutter.integrations.columns import cleaned_rows, pages_of

HTML = [
    "<!doctype html><p>x",
    "\ufeff\n <!-- saved --><HTML lang=en>",
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">',
    "<head><title>A</title></head>",
    "<p>One paragraph.</p>",
    "<div class='a'>\n<p>One</p>\n</div>\n\n",
    "  <article><h1>Лодки</h1><p>Вернулись.</p></article>",
    "<ul><li>a<li>b</ul>",
    "<table><tr><td>1</td></tr></table>",
    "<p>" + "A long paragraph. " * 150 + "</p>",
]
TEXT = [
    "",
    " \n",
    "A text about <p>paragraphs</p>",
    "<p> is a tag of HTML, and </p> its end.",
    "<b>Bold</b> in the first line\nand a dump after it.\n",
    "<https://a.example/>",
    "<john@a.example> wrote:\n> hello\n",
    "<3 <3 <3",
    "< 5 % der Befragten",
    "<name>value</name>",
    "<|endoftext|>\nA page\n",
    "<body",
    "# Title\n<div>x</div>",
    '<p align="center"><img src="a.png"></p>\n\n# A readme\n\nwith words\n',
    "Menu\n<!doctype html>\n",
]


@pytest.mark.parametrize("text", HTML)
def test_html_is_noticed(text):
    assert holds_markup(text)


@pytest.mark.parametrize("text", TEXT)
def test_text_is_not_taken_for_html(text):
    assert not holds_markup(text)


def test_documents_are_told_from_fragments():
    assert [looks_like_html(text) for text in HTML] == [True] * 4 + [False] * 6


def test_the_first_element_comes_after_comments_and_declarations():
    assert first_markup('<?xml version="1"?><!-- a > b --><!doctype html [x]><a:b c>') == ("a:b", "html", True)
    assert first_markup("<!-- no end") == ("", "", False)


@pytest.mark.parametrize("text", ["<!--a-->" * 100_000 + "x", "<" * 1_000_000, "<p " * 300_000 + ">", " " * 1_000_000])
def test_hostile_beginnings_take_no_time(text):
    begin = time.process_time()
    holds_markup(text)
    assert time.process_time() - begin < 1


def test_clean_and_explain_warn_of_html_where_they_are_called():
    for call in (declutter.clean, declutter.explain, declutter.Cleaner().clean, declutter.Cleaner().explain):
        with pytest.warns(MarkupWarning, match="clean_html") as told:
            call("<p>One</p>")
        assert [one.filename for one in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declutter.clean("One\n<p>Two</p>\n")
        declutter.clean_html("<p>One</p>")


def test_hooks_read_texts_that_are_html_as_html():
    with pytest.warns(MarkupWarning, match="2 of 4 texts are HTML"):
        pages = list(pages_of({"text": ["<p>One</p>", "Two", None, "<div><p>Three</p></div>"]}))
    assert [page and page.html for page in pages] == ["<p>One</p>", None, None, "<div><p>Three</p></div>"]
    cleaned = cleaned_rows(declutter.Cleaner(), pages)
    assert [done and "<" in done.text for done in cleaned] == [False, False, None, False]
