"""Examples: gold pages to rows of features, labels and page numbers that belong together."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from declutter.lines import LABEL_CODES, LABELS
from declutter.stages.features import FEATURE_NAMES, HTML_FEATURE_NAMES
from declutter.train import labelling
from declutter.train.examples import make_examples
from declutter.train.gold import GoldPage, read_gold
from declutter.train.labelling import HTML_STYLE, UNKNOWN, label_dumps

SEEDS = Path(__file__).parent.parent / "seeds"
PROSE = "The ferry will sail again on Monday, the harbour office said, once the new ropes have been tested."
HTML = f"""<title>Ferry sails again</title><nav><a href="/">Home</a> <a href="/news">News</a></nav>
<h1>Ferry sails again</h1><p>{PROSE}</p><p>{PROSE[::-1]}</p><footer><p>© 2025 Harbour Daily</p></footer>"""


def html_page(**changes):
    known = {"set": "made", "site": "a.org", "family": "a", "id": "1", "url": None, "kind": None, "script": "Latin",
             "lang": "en", "html": HTML, "text": None, "main_text": f"Ferry sails again\n\n{PROSE}\n\n{PROSE[::-1]}",
             "labels": None}  # fmt: skip
    return GoldPage(**{**known, **changes})


def labelled(*sites):
    return [dump for site in sites for page in read_gold(SEEDS) if page.site == site for dump in label_dumps(page, [])]


@pytest.fixture(scope="module")
def tide():
    return labelled("wendle-tide-en")


def test_a_dump_labelled_by_hand_is_taken_as_it_is(tide):
    dump = tide[0]
    assert (dump.style, dump.text) == ("labelled", dump.page.text)
    for label, main, code in zip(dump.page.labels, dump.is_main.tolist(), dump.labels.tolist(), strict=True):
        assert code == (UNKNOWN if label is None else LABEL_CODES[label])
        assert main == (-1 if label is None else int(label in ("title", "body")))


def test_a_page_is_labelled_in_every_style():
    first, second = label_dumps(html_page(), ["blocks", "inner_text"])
    assert (first.style, second.style) == ("blocks", "inner_text")
    by_line = {
        line: (main, "unknown" if code == UNKNOWN else LABELS[code])
        for line, main, code in zip(first.text.split("\n"), first.is_main.tolist(), first.labels.tolist(), strict=True)
    }
    assert by_line["Ferry sails again"] == (1, "title")
    assert by_line[PROSE] == (1, "body")
    assert by_line["© 2025 Harbour Daily"] == (0, "legal")
    blank = [not line.strip() for line in second.text.split("\n")]
    assert any(blank) and set(second.is_main[blank].tolist()) == {-1}


def test_labels_are_kept_and_made_again_where_they_would_differ(tmp_path, monkeypatch):
    (made,) = label_dumps(html_page(), ["blocks"], tmp_path)
    monkeypatch.setattr(labelling, "label_blocks", None)  # what is kept is not made again
    (kept,) = label_dumps(html_page(), ["blocks"], tmp_path)
    assert (kept.text, kept.is_main.tolist(), kept.labels.tolist()) == (
        made.text, made.is_main.tolist(), made.labels.tolist(),
    )  # fmt: skip
    for changed in (html_page(main_text=PROSE), html_page(html=HTML.replace("Home", "Start"))):
        with pytest.raises(TypeError):
            label_dumps(changed, ["blocks"], tmp_path)
    monkeypatch.setattr(labelling, "LABELLING", -1)
    with pytest.raises(TypeError):
        label_dumps(html_page(), ["blocks"], tmp_path)


@pytest.mark.parametrize("sizes", [(), (1,), (1, 2, 5, 20)])
def test_rows_are_the_lines_that_are_not_blank(tide, sizes):
    made = make_examples(tide, sizes=sizes)
    assert made.x.shape == (len(made.is_main), len(FEATURE_NAMES)) and made.x.dtype == np.float32
    assert sorted(dump.page.id for dump in made.pages) == sorted(dump.page.id for dump in tide)
    for number, dump in enumerate(made.pages):
        rows = np.flatnonzero(made.page == number)
        lines = dump.text.split("\n")
        assert made.line[rows].tolist() == [row for row, line in enumerate(lines) if line.strip()]
        np.testing.assert_array_equal(made.is_main[rows], dump.is_main[made.line[rows]])
        np.testing.assert_array_equal(made.labels[rows], dump.labels[made.line[rows]])
        longest = rows[np.argmax([len(lines[line]) for line in made.line[rows]])]
        assert made.x[longest, FEATURE_NAMES.index("chars_log")] == made.x[rows, FEATURE_NAMES.index("chars_log")].max()
        assert made.tokens[longest] > 10


def test_pages_know_their_group_alone(tide):
    column = FEATURE_NAMES.index("site_pages_log")
    assert not make_examples(tide, sizes=(1,)).x[:, column].any()
    assert np.allclose(make_examples(tide, sizes=()).x[:, column], np.log(len(tide)))
    pairs = make_examples(tide, sizes=(2,))
    assert np.allclose(pairs.x[:, column], np.log(2))
    np.testing.assert_array_equal(make_examples(tide[:1], sizes=()).x, make_examples(tide[:1], sizes=(1,)).x)


def test_sites_and_styles_are_never_mixed():
    pages = [html_page(id=str(number), site=site) for site in ("a.org", "b.org") for number in range(3)]
    dumps = [dump for page in pages for dump in label_dumps(page, ["blocks", "text_content"])]
    made = make_examples(dumps, sizes=())
    assert Counter((dump.page.site, dump.style) for dump in made.pages) == Counter(
        {(site, style): 3 for site in ("a.org", "b.org") for style in ("blocks", "text_content")}
    )
    alike = made.x[:, FEATURE_NAMES.index("site_pages_log")]
    assert alike.max() <= np.log(3) + 1e-6


def test_the_seed_draws_the_groups(tide):
    twice = [make_examples(tide, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(twice[0].x, twice[1].x)
    orders = {tuple(dump.page.id for dump in make_examples(tide, seed=seed).pages) for seed in range(6)}
    assert len(orders) > 1


def rows_of(examples, page_id):
    return examples.page == next(row for row, dump in enumerate(examples.pages) if dump.page.id == page_id)


STORIES = (
    "The storm reached the harbour at noon on Monday and tore two boats from their moorings.",
    "Nobody was hurt, the mayor said, but the fish market will stay closed until the weekend.",
    "Engineers will look at the north wall once the water has gone down far enough to do so.",
)
MENU = "<nav><ul><li><a href=/>Home</a><li><a href=/s>Sport news</a></ul></nav>"


def storm(number, site="a.example"):
    body = f"Page {number} says this. {STORIES[number % 3]}"
    html = f"<body>{MENU}<article><h1>Storm number {number}</h1><p>{body}<pre>x\n\ny</pre></article>Imprint"
    main_text = f"Storm number {number}\n\n{body}\n\nx\n\ny"
    return html_page(id=str(number), site=site, html=html, main_text=main_text)


def html_dumps(*pages):
    return [dump for page in pages for dump in label_dumps(page, [HTML_STYLE])]


def test_html_pages_have_the_labels_of_their_rows_and_the_features_of_html():
    examples = make_examples(html_dumps(storm(1)), sizes=())
    dump = examples.pages[0]
    assert dump.text.split("\n")[:3] == ["Home", "Sport news", "Storm number 1"]
    assert (dump.style, dump.page.html, dump.page.main_text) == (HTML_STYLE, None, storm(1).main_text)
    assert examples.x.shape == (7, len(HTML_FEATURE_NAMES)) and examples.x.dtype == np.float32
    assert examples.is_main.tolist() == [0, 0, 1, 1, 1, 1, 0]
    assert examples.line.tolist() == [0, 1, 2, 3, 4, 6, 7]  # the blank line of the <pre> is no example
    labels = ("navigation", "navigation", "title", "body")
    assert examples.labels[:4].tolist() == [LABEL_CODES[label] for label in labels]
    assert examples.tokens.tolist()[:3] == [1, 2, 3]


def test_the_html_pages_of_a_site_are_measured_together():
    share = HTML_FEATURE_NAMES.index("site_share")
    pages = html_dumps(*(storm(number, site) for site in ("a.example", "b.example") for number in range(3)))
    whole, lone = make_examples(pages, sizes=()), make_examples(pages, sizes=(1,))
    assert whole.x[whole.line == 0, share].tolist() == [1.0] * 6
    assert not lone.x[:, share].any()
    assert {dump.page.site for dump in whole.pages[:3]} == {"a.example"}


def test_html_pages_without_rows_have_no_examples():
    examples = make_examples(html_dumps(html_page(html="<p></p>", main_text=""), storm(2)), sizes=())
    assert rows_of(examples, "1").sum() == 0 and rows_of(examples, "2").sum() == 7


def test_html_pages_and_dumps_are_not_mixed(tide):
    with pytest.raises(ValueError, match="no common examples"):
        make_examples([*tide, *html_dumps(storm(1))])
    with pytest.raises(ValueError, match="no page"):
        make_examples([])


RECIPE = """<h1>Plum cake</h1><nav><a href=/>Home</a> <a href=/s>Salt and more</a></nav><p>Everybody loves it.</p>
<ul><li>200&nbsp;g <b>plums</b></li><li>½ tsp salt</li></ul>
<p>Stone the plums. Bake them for an hour.</p><p>Share</p>"""


@pytest.mark.parametrize("style", [HTML_STYLE, "blocks", "inner_text"])
def test_snippets_decide_the_lines_that_hold_them_and_no_others(style):
    wanted = ("200 g plums", "1/2 tsp SALT", "Stone the plums.", "Bake them for an hour.", "salt")
    (dump,) = label_dumps(html_page(html=RECIPE, main_text=None, wanted=wanted, unwanted=("Share",)), [style])
    found = {line: main for line, main in zip(dump.text.split("\n"), dump.is_main.tolist(), strict=True) if main >= 0}
    assert sorted(line.replace("\xa0", " ").strip("• ") for line, main in found.items() if main) == [
        "200 g plums", "Stone the plums. Bake them for an hour.", "½ tsp salt",
    ]  # fmt: skip
    assert [line for line, main in found.items() if not main] == ["Share"]


def test_labels_that_say_only_what_is_main_content_tell_no_label():
    page = html_page(html=None, main_text=None, text="Menu\n\nProse", labels=("boilerplate", None, "main"))
    (dump,) = label_dumps(page, ["blocks"])
    assert dump.is_main.tolist() == [0, -1, 1] and set(dump.labels.tolist()) == {UNKNOWN}


def test_a_headline_that_the_gold_leaves_out_is_undecided_wherever_it_stands():
    html = HTML.replace("<nav>", "<div>Ferry sails again</div><nav>")
    gold = f"{PROSE}\n\n{PROSE[::-1]}"
    for title_in_main, n_undecided in ((False, 2), (None, 1)):
        (dump,) = label_dumps(html_page(html=html, main_text=gold, title_in_main=title_in_main), ["blocks"])
        lines = np.array(dump.text.split("\n"))
        assert lines[dump.is_main < 0].tolist() == ["Ferry sails again"] * n_undecided
        assert LABEL_CODES["title"] in dump.labels[dump.is_main < 0]
