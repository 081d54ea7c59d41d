"""Examples: gold pages to rows of features, labels and page numbers that belong together."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from declutter.lines import LABEL_CODES, LABELS
from declutter.stages.features import FEATURE_NAMES
from declutter.train import examples as examples_module
from declutter.train.examples import UNKNOWN, label_dumps, make_examples
from declutter.train.gold import GoldPage, read_gold

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
    monkeypatch.setattr(examples_module.teach, "carry", None)  # what is kept is not made again
    (kept,) = label_dumps(html_page(), ["blocks"], tmp_path)
    assert (kept.text, kept.is_main.tolist(), kept.labels.tolist()) == (
        made.text, made.is_main.tolist(), made.labels.tolist(),
    )  # fmt: skip
    for changed in (html_page(main_text=PROSE), html_page(html=HTML.replace("Home", "Start"))):
        with pytest.raises(TypeError):
            label_dumps(changed, ["blocks"], tmp_path)
    monkeypatch.setattr(examples_module, "LABELLING", -1)
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


def test_rows_of_pages(tide):
    made = make_examples(tide)
    wanted = np.arange(len(made.pages)) == 2
    assert set(made.page[made.rows_of(wanted)].tolist()) == {2}
