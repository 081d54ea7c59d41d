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
    "attribute flood": ("<p " + " ".join(f"a{i}=1" for i in range(50_000)) + ">deep", "attributes"),
    "flood behind a quote": ('<p a=">" ' + " ".join(f"a{i}" for i in range(50_000)) + ">deep", "attributes"),
    "siblings": ("<p>deep" * 1_000_000, "400,000 tags"),
    "large": ("<p>deep " + "word " * 10_000_000, "20,000,000 bytes"),
    "rows": ("<pre>deep\n" + "a\n" * 300_000, "100,000 rows"),
    "rows of blocks": ("deep<p>x<br>y" * 130_000, "100,000 rows"),
}
OPEN = "".join(f"<b id={i}><i x='</b>'><!--</b>-->" for i in range(3_000))
#: Shapes that take the parser minutes or gigabytes, with ends that only seem to be there. Their text is kept whole.
SLOW = {
    "formatting": "<p>" + "".join(f"<b id={i}>" for i in range(4_000)) + "</p>" + "<p>deep</p>" * 4_000,
    "formatting with hidden ends": OPEN + "<p>deep" * 3_000,
    "code and nobr": "".join(f"<code id={i}><nobr id={i}>" for i in range(2_000)) + "<p>deep" * 3_000,
    "readings": "<rt>" * 60_000 + "deep",
    "options": "<select>" + "<option>x" * 60_000 + "</select>deep",
    "options in lists": "<select><option>x</select>" * 5_000 + "deep",
    "headings in items": "<li><h1>" * 30_000 + "deep",
    "headings in definitions": "<dd><h1>" * 30_000 + "deep",
    "options in headings": "<h1><option>" * 30_000 + "deep",
    "ends in attributes": "<div><i x='</div>'>" * 30_000 + "deep",
    "ends in comments": "<div><!--</div>-->" * 30_000 + "deep",
    "ends in scripts": "<div><script>'</div>'</script>" * 30_000 + "deep",
    "forms in templates": "<template><form>" * 30_000 + "</template>deep",
    "tables in cells": "<table><tr><td>" * 30_000 + "deep",
    "links in objects": "<object><a href=x>" * 30_000 + "</object>" * 30_000 + "deep",
    "groups": "<svg>" + "<g>" * 60_000 + "</svg>deep",
    "custom elements": "<x-a>" * 60_000 + "deep",
    "quotes that never end": "deep" + '<b a=">' * 60_000 + "<i a='>" * 60_000,
    "comments that never end": "deep" + "<!--" * 60_000,
    "tags that never end": "deep" + "<b" * 60_000,
    "scripts that never end": "deep" + "<script>" * 60_000,
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


@pytest.mark.parametrize("name", SLOW)
def test_slow_shapes_are_read_whole_in_time(name):
    start = time.process_time()
    lines, _ = split_html([SLOW[name]])
    assert time.process_time() - start < LIMIT
    assert "deep" in lines.text


def test_a_huge_honest_page_is_read_as_a_small_one():
    entry = (
        '<div class="entry" id=x><h2><a href="/a">A title</a></h2><p>One <b>bold</b> &amp; <i>thin</i><p>Two'
        "<ul><li>a<li>b</ul><table><tr><td>1<td>2<tr><td title='>'>3</table><!-- <p>no --><script>'<p>'</script>"
        "<pre>x\n  y</pre><svg><text>s</text></svg><textarea>t</textarea><br>z</div>"
    )
    few, many = (split_html([f"<title>T</title><body class=c>{entry * n}"])[0] for n in (2, 700))
    n_rows = len(few) // 2
    assert [many[row] for row in range(n_rows)] == [few[row] for row in range(n_rows)]
    assert len(many) == 700 * n_rows
    for name in ("tag", "near_c_card", "near_link", "near_item", "links"):
        assert many.dom[name][:n_rows].tolist() == few.dom[name][:n_rows].tolist(), name


@pytest.mark.parametrize("name", ODD)
def test_odd_pages_give_their_text_whole(name):
    html, expected = ODD[name]
    lines, (partial,) = split_html(["<p>before", html, "<p>next"])[0], split_html([html])[1]
    assert partial is None
    assert expected in lines.text
    assert lines[0] == "before" and lines[len(lines) - 1] == "next"


def test_honest_pages_lose_nothing():
    honest = "<div class=a><b>x</b> <p>y</p></div>" * 2_000
    page, partial, _ = bounds.bounded(honest.encode())
    assert page.replace(b"fb>", b"b>") == honest.encode() and partial is None


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
