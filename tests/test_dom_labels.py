import pytest

from declutter.train.dom_labels import label_blocks, label_lines
from declutter.train.dumps import STYLES

PROSE = [
    "The storm reached the harbour at noon on Monday and tore two boats from their moorings.",
    "Nobody was hurt, the mayor said, but the fish market will stay closed until the weekend.",
    "Engineers will look at the north wall once the water has gone down far enough to do so.",
]
PAGE = f"""<html><head><title>Storm tears boats from moorings - Daily</title></head><body class="has-comments">
<header><nav><ul><li><a href="/">Home</a></li><li><a href="/s">Sport</a></li></ul></nav></header>
<div id="content"><article><h1>Storm tears boats from moorings</h1>
<div class="post-meta"><span class="author">By Ann Onym</span> <time>3 May</time></div>
<div class="shareButtons"><a href="#">Tell your friends</a></div>
<figure><img><figcaption>The harbour after the storm</figcaption></figure>
<p>{PROSE[0]}</p><p>{PROSE[1]}</p><p>{PROSE[2]}</p></article>
<section class="related-posts"><h2>More of this</h2><ul>\
<li><a href="/a">Ferry timetable changes after the storm week</a>
<time>2 May</time></li><li><a href="/b">North wall was due for repair since last year</a></li></ul></section>
<div id="comments"><h3>2 comments</h3><div class="author">Bo</div>\
<p>Glad that nobody was hurt in the end.</p></div></div>
<footer><a href="/privacy">Privacy</a><p>© 2025 Daily</p></footer></body></html>"""
MAIN = "\n\n".join(["Storm tears boats from moorings", *PROSE])


def labels_of(html, dump, main_text):
    return label_lines(label_blocks(html, main_text), dump, main_text)


EXPECTED = {
    "Home": "navigation", "Sport": "navigation", "Storm tears boats from moorings": "title",
    "By Ann Onym": "byline", "3 May": "byline", "Tell your friends": "promo", "The harbour after the storm": "caption",
    **dict.fromkeys(PROSE, "body"), "More of this": "headlines",
    "Ferry timetable changes after the storm week": "headlines", "2 May": "headlines",
    "North wall was due for repair since last year": "headlines", "2 comments": "comments", "Bo": "comments",
    "Glad that nobody was hurt in the end.": "comments", "Privacy": "legal", "© 2025 Daily": "legal",
}  # fmt: skip


@pytest.mark.parametrize("style", ["blocks", "get_text", "inscriptis", "resiliparse", "html2text", "inner_text"])
def test_lines_learn_from_the_page_in_every_style(style):
    dump = STYLES[style](PAGE)
    labels = labels_of(PAGE, dump, MAIN).labels
    found = dict(zip((line.strip(" *•#") for line in dump.split("\n")), labels, strict=True))
    wrong = {line: label for line, label in found.items() if line in EXPECTED and label != EXPECTED[line]}
    assert not wrong
    assert sum(line in EXPECTED for line in found) >= 15


def test_is_main_follows_the_gold_and_blank_lines_are_undecided():
    labels, is_main = labels_of(PAGE, f"Home\n\n{PROSE[0]}\nUnheard of", MAIN)
    assert labels == ["navigation", None, "body", None]
    assert is_main.tolist() == [0, -1, 1, 0]


def test_a_title_that_the_gold_leaves_out_is_still_a_title():
    labels, is_main = labels_of(PAGE, f"Storm tears boats from moorings\n{PROSE[0]}", "\n".join(PROSE))
    assert labels == ["title", "body"] and is_main.tolist() == [-1, 1]


def test_names_of_the_whole_page_say_nothing():
    blocks = label_blocks(f"<div class='comments-open'><p>{PROSE[0]}</p><p>Some odd line</p></div>", PROSE[0])
    assert dict(zip(blocks.texts, blocks.labels, strict=True)) == {PROSE[0]: None, "Some odd line": None}


def test_unnamed_lists_of_links_are_menus_or_headlines_by_their_length():
    menu = "".join(f"<div><a href='/{name}'>{name}</a></div>" for name in ("News", "Sport", "Culture", "Weather"))
    lists = "".join(f"<div><a href='/{row}'>The {row} longer headline of another story</a></div>" for row in "abcd")
    blocks = label_blocks(f"{menu}<p>{PROSE[0]}</p><hr><p>Plain words between</p>{lists}", PROSE[0])
    assert blocks.labels == ("navigation",) * 4 + (None, None) + ("headlines",) * 4


@pytest.mark.parametrize("html", ["", "<p>", "<a href='/x'></a>"])
def test_empty_pages_teach_nothing(html):
    assert label_blocks(html, "").labels == ()
    assert labels_of(html, "", "").labels == [None]
