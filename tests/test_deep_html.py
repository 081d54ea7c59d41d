"""Elements nested deeper than 16 bits count: every tag, both kernels, closed or not, in bounded time."""

import signal
from contextlib import contextmanager

import pytest

from declutter.stages import kernels
from declutter.stages.segment import html

pytestmark = pytest.mark.slow

LIMIT = 60  # seconds; each of these takes under 1 on an idle machine, with kernels and without
DEPTHS = (2_500, 32_766, 32_768, 32_800, 65_540, 131_080)
TAGS = {
    "rt": ["rt"], "div": ["div"], "b": ["b"], "li": ["li"], "custom": ["x-y"], "option": ["option"],
    "mixed": ["ul", "li", "rt", "span", "section", "h1", "ruby"],
}  # fmt: skip


@contextmanager
def limited():
    """Fails what runs longer than LIMIT, even if it never returns."""

    def stop(*_):
        raise TimeoutError(f"more than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["compiled", "numpy"])
def kernel(request, monkeypatch):
    module = kernels.compiled("html") if request.param == "compiled" else kernels.twin("html")
    if module is None:
        pytest.skip("no kernels: declutter was installed without a compiler")
    monkeypatch.setattr(kernels, "html", module)
    return module


def opened(name, depth):
    return [TAGS[name][level % len(TAGS[name])] for level in range(depth)]


def rows(page):
    [part] = html._parts([html.ParsedPage(page, frozenset(), frozenset())])
    return part


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_elements_that_are_closed(name, depth, kernel):
    names = opened(name, depth)
    starts, ends = "".join(f"<{tag}>" for tag in names), "".join(f"</{tag}>" for tag in reversed(names))
    with limited():
        part = rows(f"<html><p>above</p>{starts}deep{ends}<p>below</p></html>")
    assert part.text.split("\n") == ["above", "deep", "below"]
    assert part.columns["depth"].tolist()[::2] == [1, 1]


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("depth", DEPTHS[1:-1])
def test_deep_elements_that_nobody_closes_or_others_do(name, depth, kernel):
    starts = "".join(f"<{tag}>" for tag in opened(name, depth))
    for end in (
        "",
        "</p>",
        "</html>",
        f"</{TAGS[name][0]}>" * 9,
        "<i></rt></i>" * 9,
        f"</{TAGS[name][-1]}></b>" * depth,
    ):
        with limited():
            assert "deep" in rows(f"<html><p>above</p>{starts}deep{end}").text.split("\n")


def test_a_page_whose_ends_close_others_beside_one_that_lacks_ends(kernel):
    pages = ["<html><p>one</html></p>", "<html><b>two", "<html><p>three</p></html>", "<html><p><b>four</p></b></html>"]
    parts = html._parts([html.ParsedPage(page, frozenset(), frozenset()) for page in pages])
    assert [part.text for part in parts] == ["one", "two", "three", "four"]


@pytest.mark.parametrize("tag", ["rt", "rp", "mark", "x-y"])
def test_deep_pages_from_the_parser_on(tag, kernel):
    with limited():
        lines, _ = html.split_html([f"<p>above</p><{tag}>" + f"<{tag}>" * 32_800 + "deep"])
    assert "deep" in lines.text and "above" in lines.text
