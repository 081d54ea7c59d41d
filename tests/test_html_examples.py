"""Gold pages with HTML to examples."""

import json

import numpy as np
import pytest

from declutter.lines import LABEL_CODES
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.train.examples import UNKNOWN
from declutter.train.gold import GoldPage
from declutter.train.html_examples import count_undecided, label_rows, make_html_examples

PROSE = [
    "The storm reached the harbour at noon on Monday and tore two boats from their moorings.",
    "Nobody was hurt, the mayor said, but the fish market will stay closed until the weekend.",
    "Engineers will look at the north wall once the water has gone down far enough to do so.",
]
MENU = "<nav><ul><li><a href=/>Home</a><li><a href=/s>Sport news</a></ul></nav>"


def page(number, site="a.example", main_text=None, html=None):
    body = f"Page {number} says this. {PROSE[number % 3]}"
    html = html or f"<body>{MENU}<article><h1>Storm number {number}</h1><p>{body}<pre>x\n\ny</pre></article>Imprint"
    main_text = f"Storm number {number}\n\n{body}\n\nx\n\ny" if main_text is None else main_text
    return GoldPage("made", site, site, str(number), None, None, None, None, html, None, main_text, None)


def rows_of(examples, number):
    return examples.page == next(row for row, dump in enumerate(examples.pages) if dump.page.id == str(number))


def test_examples_have_the_labels_of_the_rows_and_the_features_of_html():
    examples = make_html_examples([page(1)], sizes=())
    dump = examples.pages[0]
    assert dump.text.split("\n")[:3] == ["Home", "Sport news", "Storm number 1"]
    assert (dump.style, dump.page.html, dump.page.main_text) == ("html", None, page(1).main_text)
    assert examples.x.shape == (7, len(HTML_FEATURE_NAMES)) and examples.x.dtype == np.float32
    assert examples.is_main.tolist() == [0, 0, 1, 1, 1, 1, 0]
    assert examples.line.tolist() == [0, 1, 2, 3, 4, 6, 7]  # the blank line of the <pre> is no example
    labels = ("navigation", "navigation", "title", "body")
    assert examples.labels[:4].tolist() == [LABEL_CODES[label] for label in labels]
    assert examples.tokens.tolist()[:3] == [1, 2, 3]


def test_the_pages_of_a_site_are_measured_together():
    share = HTML_FEATURE_NAMES.index("site_share")
    pages = [page(number, site) for site in ("a.example", "b.example") for number in range(3)]
    whole, lone = make_html_examples(pages, sizes=()), make_html_examples(pages, sizes=(1,))
    assert whole.pages[0].text.startswith("Home\n")
    assert whole.x[whole.line == 0, share].tolist() == [1.0] * 6
    assert not lone.x[:, share].any()
    assert {dump.page.site for dump in whole.pages[:3]} == {"a.example"}
    for seed in (1, 2):
        again = make_html_examples(pages, seed, (1, 2))
        np.testing.assert_array_equal(again.x, make_html_examples(pages, seed, (1, 2)).x)


def test_a_gold_that_the_rows_cannot_give_is_left_out_and_counted():
    fetched = page(2, main_text="Words that a script fetched after the page was read, a good many of them. " + PROSE[2])
    empty = page(3, main_text="", html="<body><footer>Imprint")
    examples = make_html_examples([page(1), fetched, empty], sizes=())
    assert set(examples.is_main[rows_of(examples, 2)].tolist()) == {-1}
    assert set(examples.labels[rows_of(examples, 2)].tolist()) == {UNKNOWN}
    assert examples.is_main[rows_of(examples, 3)].tolist() == [0]  # a page without main content is all boilerplate
    assert count_undecided(examples) == 1


def test_labels_are_kept_until_the_rows_are_cut_otherwise(tmp_path):
    gold = page(1)
    first = make_html_examples([gold], sizes=(), cache=tmp_path)
    (path,) = (tmp_path / "labelled" / "html").iterdir()
    text, is_main, codes, oracle_f1 = json.loads(path.read_text())
    assert oracle_f1 > 0.95
    path.write_text(json.dumps([text, [1 - main for main in is_main], codes, oracle_f1]))
    assert make_html_examples([gold], sizes=(), cache=tmp_path).is_main.tolist() != first.is_main.tolist()
    assert label_rows(gold, f"Home\n{gold.main_text}", tmp_path).is_main.tolist() == [0, 1, -1, 1, -1, 1, -1, 1]


def test_pages_without_rows_have_no_examples():
    examples = make_html_examples([page(1, html="<p></p>", main_text=""), page(2)], sizes=())
    assert rows_of(examples, 1).sum() == 0 and rows_of(examples, 2).sum() == 7


def test_pages_without_html_are_refused():
    dump = GoldPage("made", "s", "s", "1", None, None, None, None, None, "a line", None, ("body",))
    with pytest.raises(ValueError, match="made/s/1"):
        make_html_examples([dump])
    with pytest.raises(ValueError, match="no pages"):
        make_html_examples([])
