"""Hostile HTML: bounded time, never a crash, what was cut is said."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.stages.segment import bounds
from declutter.stages.segment.html import split_html

#: Seconds that no page may take, far above what any of these does (under 4 on a slow machine).
LIMIT = 30

HOSTILE = {
    "nested": ("<div>" * 100_000 + "deep", "nest deeper"),
    "nested lists": ("<ul><li>" * 50_000 + "deep", "nest deeper"),
    "formatting bomb": (
        "<p>" + "".join(f"<b id={i}>" for i in range(4_000)) + "</p>" + "<p>deep</p>" * 4_000,
        "formatting",
    ),
    "attribute flood": ("<p " + " ".join(f"a{i}=1" for i in range(50_000)) + ">deep", "attributes"),
    "flood behind a quote": ('<p a=">" ' + " ".join(f"a{i}" for i in range(50_000)) + ">deep", "attributes"),
    "siblings": ("<p>deep" * 1_000_000, "400,000 tags"),
    "large": ("<p>deep " + "word " * 10_000_000, "20,000,000 bytes"),
}
ODD = {
    "plaintext": ("<p>a<plaintext>deep <b>b</p> < c", "deep"),
    "xmp": ("<div><xmp><p>deep</div></xmp></div><p>after", "after"),
    "odd names": ("<div<p a\"b='<' <!--c>deep</div<p><p/\"=>x", "deep"),
    "NULs": ("<\0p>d\0e\0e\0p", "deep"),
    "lone surrogates": ("<p>deep \ud800 \udc00", "deep"),
    "entity bomb": ("<!DOCTYPE x [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><p>deep &c;" + "&amp;" * 100_000, "deep"),
    "unclosed": ("<table><tr><td><form><a><b><i><li><select><option>deep", "deep"),
    "frameset": ("<frameset><frame></frameset><noframes>x", ""),
    "only a comment": ("<!-- deep", ""),
    "NUL bytes alone": ("\0\0\0", ""),
    "tags that never end": ("<p>deep</p>" + "<b" * 50_000, "deep"),
    "broken UTF-16": (b"\xff\xfe<\0p\0>\0d\0e\0e\0p\0\xd8\0\xd8".decode("utf-16", "replace"), "deep"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_are_cut_and_said_so(name):
    html, said = HOSTILE[name]
    start = time.perf_counter()
    lines, (partial,) = split_html([html])
    assert time.perf_counter() - start < LIMIT
    assert said in partial
    assert "deep" in lines.text


@pytest.mark.parametrize("name", ODD)
def test_odd_pages_give_their_text_whole(name):
    html, expected = ODD[name]
    lines, (partial,) = split_html(["<p>before", html, "<p>next"])[0], split_html([html])[1]
    assert partial is None
    assert expected in lines.text
    assert lines[0] == "before" and lines[len(lines) - 1] == "next"


def test_honest_pages_lose_nothing():
    honest = "<div class=a><b>x</b> <p>y</p></div>" * 3_000
    assert bounds.bounded(honest.encode()) == (honest.encode(), None, frozenset())


def test_a_long_attribute_is_no_flood():
    image = b'<img src="data:image/png;base64,' + b"Ab/ " * 10_000 + b'"><p>x'
    assert bounds.bounded(image) == (image, None, frozenset())


PIECES = st.sampled_from(
    "<div> </div> <p> <b> </b> <table> <tr> <td> </table> <ul> <li> <a> <br> <pre> <xmp> </xmp> <plaintext> <svg>"
    " </svg> <template> </template> <noscript> <select> <option> <form> <math> <!-- --> <script> </script> <frameset>"
    " <head> <body> </body> </html> <title> <textarea> &amp; &lt; &#0; \" ' = / < > \0 \ud800 é 字".split(" ")
)


@settings(max_examples=300, deadline=5_000)
@given(st.lists(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=60).map("".join), max_size=3))
def test_any_text_gives_consistent_lines(pages):
    lines, partial = split_html([*pages, "<p>last</p>"])
    assert lines.n_pages == len(partial) == len(pages) + 1
    assert lines.page_starts[-1] == len(lines) and lines.starts[-1] == len(lines.text)
    assert lines[len(lines) - 1] == "last"
    assert all("\n" not in lines[row] for row in range(len(lines)))
    assert all(len(column) == len(lines) for column in lines.dom.values())
