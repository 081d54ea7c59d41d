"""The C kernel for HTML and its NumPy twin give the same rows and columns, whatever the page."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.stages import kernels
from declutter.stages.segment import bounds, dom, html

kernel = kernels.compiled("html")
if kernel is None:
    pytest.skip("the kernel is not compiled here", allow_module_level=True)
twin = kernels.twin("html")

PAGES = sorted((Path(__file__).parent.parent / "fixtures").rglob("*.html"))
TITLED = {"titles": frozenset({"Home", "a b"}), "title_parts": frozenset({"a", "b"})}

#: What lexbor writes out, and what it never would.
STARTS = [
    "<div>", "<p>", "<b>", '<a href="x">', "<table>", "<tr>", "<td>", "<ul>", "<li>", "<pre>", "<textarea>", "<h1>",
    "<x-a>", "<x-b>", '<x-c class="ad">', "<button>", "<span>",
    "<template>", "<video>", "<html>", "<other>", "<é>", '<div class="a b">',
    '<div class="menuItem postBody">', '<li class="card">', '<p id="nav-main">', '<p class="" id="x1">',
    '<div role="list">', '<span role="link">', '<span role="link ">', '<div itemprop="articleBody\tNAME x">',
    '<div itemprop="é name">', '<div hidden="">', '<div aria-hidden="true">',
    '<div aria-hidden="false" aria-hidden="true">', '<div style="x;display : NONE">',
    '<div style="visibility:hidden">', '<div style="di\u017fplay:none">', '<div "="">', '<div x"y="" class="ad">',
    '<div title=" class=" id="footer">', '<a class="class=" id="b">', '<div class="é n" data-x="1">',
    '<div class=" lead">', '<div class>', "<div class=x>", '<div  class="x">', '<div =a="b" class="hero">',
    '<div class="share" class="promo">', '<div class="' + "é" * 170 + '">', '<div class="' + "menu " * 60 + '">',
    '<p style="' + " " * 158 + 'display:none">',
]  # fmt: skip
OTHERS = [
    "<br>", "<hr>", '<img src="x">', "<!---->", "<!--<p>-->", "<!-->", "<!--", "-->", "<", ">", "<>", "</>", "< p>",
    "<!x>", "</p>", "</div>", "&amp;", "&lt;", "&gt;", "&nbsp;", "&amp;lt;", "&am", "&", "a", "b", "Home", "word",
    "<br>", "<br>", "A long line of text that someone set by hand, as in mails and", "Es ist eine Zeile, die lang ist",
    "small, as «quoted» …", "ünd", "\u03ac", "и так далее", "\u0459", "\u0460", "÷", "End.", "so,",
    "é", "字", "😀", " ", "\n", "\n\n", "\n  ", "\r", "\t", "\xa0", "\x1c", "\x85", "\u2003", "\u2028", "\u3000",
    "\u1680", "\u205f", "\u202f", "\u200b", "\ufeff", "\0", '"',
]  # fmt: skip


def closed(start: str, inner: str) -> str:
    return f"{start}{inner}</{start[1:-1].split(' ')[0]}>"


INNER = st.recursive(
    st.sampled_from(OTHERS[:6] + OTHERS[16:]) | st.sampled_from(OTHERS) | st.text(max_size=4),
    lambda inner: st.builds(closed, st.sampled_from(STARTS), st.lists(inner, max_size=6).map("".join)),
    max_leaves=25,
)
SERIALISED = st.lists(INNER, max_size=5).map(lambda parts: f"<html>{''.join(parts)}</html>")
ODD = st.lists(st.sampled_from(STARTS + OTHERS + ["</html>", "</b>", "</ul>"]), max_size=30).map("".join)


def assert_same(parsed) -> bool:
    """Holds the kernel to its twin; False where the kernel leaves the page to it."""
    [rows] = kernel.rows(html._tables(kernel), [parsed.html])
    if rows is None:
        return False
    found = html._part(parsed, *rows)
    expected = html._part(parsed, *twin.rows(html._tables(twin), [parsed.html])[0])
    assert found.text == expected.text
    assert found.chars.tolist() == expected.chars.tolist()
    assert set(found.columns) == set(expected.columns) == set(html.COLUMNS) | set(html.NEAR_COLUMNS)
    for name, column in expected.columns.items():
        assert found.columns[name].dtype == column.dtype, name
        assert np.array_equal(found.columns[name], column), name
    return True


@settings(max_examples=400, deadline=None)
@given(SERIALISED)
@pytest.mark.slow
def test_serialised_pages_are_read_alike(text):
    assert_same(html.ParsedPage(text, **TITLED))


@settings(max_examples=200, deadline=None)
@given(ODD)
def test_no_text_is_read_differently(text):
    assert_same(html.ParsedPage(text, **TITLED))


@settings(max_examples=200, deadline=None)
@given(st.lists(SERIALISED | ODD, max_size=3))
@pytest.mark.slow
def test_pages_give_the_same_lines_with_and_without_the_kernel(pages):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "html", kernel)
        with_kernel, _ = html.split_html(pages)
        patch.setattr(kernels, "html", twin)
        without, _ = html.split_html(pages)
    assert with_kernel.text == without.text
    assert with_kernel.starts.tolist() == without.starts.tolist()
    assert with_kernel.page_starts.tolist() == without.page_starts.tolist()
    for name, column in without.dom.items():
        assert np.array_equal(with_kernel.dom[name], column), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_fixtures_are_read_alike(path):
    parsed = html._parsed(path.read_text("utf-8", "replace"))
    taken = assert_same(parsed)
    assert taken or path.stem == "raw-text"  # tags in raw text don't pair up


WELL_FORMED = {
    "words in many scripts": "<html><p>слово 字 字</p><h1>é😀</h1></html>",
    "titles": "<html><h1>Home</h1><p>Home</p><p>a</p><pre>x\nb\n</pre></html>",
    "nested as deep as can be": "<html>" + "<div>" * 2_499 + "x" + "</div>" * 2_499 + "</html>",
    "many siblings": "<html>" + '<p class="a">x</p>' * 5_000 + "</html>",
    "a long text": "<html><p>" + "word \u3000 " * 50_000 + "</p></html>",
    "quotes in names": '<html><a title="Nike" shoes"="" class="nav">x</a></html>',
    "no text": "<html><p> &nbsp;\u2003</p></html>",
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_the_kernel_takes_well_formed_pages(name):
    assert assert_same(html.ParsedPage(WELL_FORMED[name], **TITLED))


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "<p>x</p>x", "<html>", "<html></html></html>", "<html><p></html>", "<html></p></html>", "<br>",
        "<b>x</b>", "<html></html>x", "<html></html><p></p>", "<html><p class></p></html>",
        "<html><p a='b'></p></html>", '<html><p itemprop="é"></p></html>',
        "<html>" + "<b>" * 2_500 + "x" + "</b>" * 2_500 + "</html>",
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_left_to_the_twin(text):
    assert kernel.rows(html._tables(kernel), [text]) == [None]


def test_bad_arguments_are_refused():
    tables = list(dom.kernel_tables())
    with pytest.raises(ValueError, match="longer than 31"):
        kernel.tables({b"x" * 32: 1}, *tables[1:], 0)
    with pytest.raises(ValueError, match="65 families"):
        kernel.tables(*tables[:6], 65, *tables[7:], 0)
    with pytest.raises(TypeError):
        kernel.tables({"text": 1}, *tables[1:], 0)
    with pytest.raises(TypeError):
        kernel.rows(html._tables(kernel), [b"<html></html>"])
    with pytest.raises(TypeError):
        kernel.rows(html._tables(kernel), "<html></html>")
    with pytest.raises(ValueError):
        kernel.rows(object(), ["<html></html>"])
    with pytest.raises(ValueError, match="more than 16 names"):
        kernel.survey(b"", b"a " * 16 + b"b", b"", 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(STARTS + OTHERS + ["<B>", "<strong/>", "</STRONG>", "<i a='>'>", "<i\n", "='"]), max_size=40
    )
)
def test_the_survey_counts_as_the_bounds_do(parts):
    page = "".join(parts).encode()
    n_tags, n_attributes, _, _ = kernel.survey(page, bounds.FORMATTING_NAMES, b"", 0)
    assert n_tags == page.count(b"<")
    for short in (0, 4, 1000):
        arguments = page, bounds.FORMATTING_NAMES, b"math rt p template", short
        assert kernel.survey(*arguments) == twin.survey(*arguments)
    for tag in page.split(b"<")[1:]:
        if bounds.TAG_NAME.match(b"<" + tag):
            end = next((found.end() for found in bounds.QUOTED_OR_END.finditer(tag) if found[0] == b">"), len(tag))
            assert bounds._attribute_count(tag[:end]) <= n_attributes
