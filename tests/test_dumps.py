import pytest

from declutter.train import dumps
from declutter.train.dumps import STYLES, blocks, inner_text, make_dump, parse, walk

PAGE = """<html><head><title>Head title</title><style>p {}</style></head><body>
<nav><a href="/">Home</a></nav><h1>Big   <b>hea</b>dline</h1>
<p>First <i>line</i><br>second&nbsp;line<script>var hidden = 1;</script> goes on</p>
<div>loose <p>inner</p> tail</div><svg><text>drawn</text></svg><template>later</template>
<table><tr><td>one</td><td>two</td></tr><tr><td>three</td><td>four</td></tr></table>
<p hidden>unseen</p><noscript>no script</noscript><!-- note --></body></html>"""


def test_blocks_are_lines_with_inline_elements_joined():
    assert blocks(PAGE).split("\n") == [
        "Home", "Big headline", "First line", "second line goes on", "loose", "inner", "tail",
        "one", "two", "three", "four", "unseen", "no script",
    ]  # fmt: skip


def test_walk_tells_the_elements_of_each_piece():
    block = next(block for block in walk(parse(PAGE)) if block.text == "Big headline")
    assert [(text, element.tag) for text, element in block.pieces] == [("Big   ", "h1"), ("hea", "b"), ("dline", "h1")]


def test_inner_text_leaves_out_what_is_not_shown():
    assert inner_text(PAGE) == (
        "Home\n\nBig headline\n\nFirst line\nsecond\xa0line goes on\n\nloose\n\ninner\n\ntail\none\ttwo\nthree\tfour"
    ).replace("\xa0", " ")


def test_inner_text_keeps_the_lines_of_code():
    assert inner_text("<p>a<pre>x\n  y\n</pre><div style='display: none'>b</div>c") == "a\n\nx\n  y\n\nc"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_the_text(style):
    prose = "<p>" + "A sentence about the harbour that is long enough to be prose. " * 8 + "</p>"
    dump = STYLES[style](f"<html><body><h1>Title of it</h1>{prose}{prose}</body></html>")
    assert "sentence about the harbour" in dump.replace("\n", " ")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("html", ["", " \n", "<", "\x00", "<?xml version='1.0' encoding='utf-16'?><p>a"])
def test_no_style_fails_on_broken_pages(style, html):
    assert isinstance(STYLES[style](html), str)


def test_deep_pages_are_not_cut():
    assert blocks("<div>" * 1500 + "deep" + "</div>" * 1500) == "deep"


def test_dumps_are_cached_by_page_and_style(tmp_path, monkeypatch):
    first = make_dump(PAGE, "blocks", tmp_path)
    monkeypatch.setitem(STYLES, "blocks", lambda html: pytest.fail("made twice"))
    assert make_dump(PAGE, "blocks", tmp_path) == first
    assert make_dump(PAGE, "inner_text", tmp_path) == inner_text(PAGE)
    assert len(list(tmp_path.rglob("*.txt"))) == 2


def test_a_new_release_of_a_library_makes_dumps_anew(tmp_path, monkeypatch):
    make_dump(PAGE, "get_text", tmp_path)
    dumps._maker.cache_clear()
    monkeypatch.setattr(dumps.metadata, "version", lambda name: "99")
    monkeypatch.setitem(STYLES, "get_text", lambda html: "of release 99")
    assert make_dump(PAGE, "get_text", tmp_path) == "of release 99"
    dumps._maker.cache_clear()


def test_unknown_styles_and_missing_libraries_are_named(monkeypatch):
    with pytest.raises(ValueError, match="unknown dump style 'nope'"):
        make_dump(PAGE, "nope")

    def fail(name):
        raise ImportError(name)

    monkeypatch.setattr(dumps.importlib, "import_module", fail)
    with pytest.raises(ImportError, match="pip install beautifulsoup4"):
        make_dump(PAGE, "get_text")
