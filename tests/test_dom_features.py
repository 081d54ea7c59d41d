"""The DOM's features: named once, finite, and the same for a page alone or in a batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.lines import Repeats
from declutter.stages.features import (
    DOM_FAMILIES,
    DOM_FEATURES,
    FEATURE_NAMES,
    HTML_FEATURE_NAMES,
    Columns,
    features,
    html_features,
)
from declutter.stages.features.table import names_of
from declutter.stages.measure.measure import measure
from declutter.stages.segment.html import split_html
from declutter.stages.segment.text import split_lines

PROSE = "The harbor wall will close on Monday for eleven weeks, the council said, so that its cracks can be filled."
NEWS = f"""<title>The wall closes - Harbor Post</title><body><nav class="menu"><ul>
<li><a href=/a>Home</a><li><a href=/b>Sea</a></ul></nav>
<main><article class="post-content" itemprop="articleBody"><h1>The wall closes</h1><time>3 May</time>
<p>{PROSE}<p>Short <a href=/c>words</a> here.<p>{PROSE} {PROSE}<pre>one\n\n two</pre></article>
<section class="related"><h2>Read also</h2><div class="card"><h3><a href=/d>A boat</a></h3></div>
<div class="card"><h3><a href=/e>A net</a></h3></div><div class="card"><h3><a href=/f>A gale</a></h3></div>
</section></main><footer hidden><p>All rights reserved</footer>"""
TABLE = f"""<body><table><caption>Tides</caption><tr><td>1<td>2</table><dl><dt>Ebb<dd>low</dl><form><label>Name</label>
<button>Send</button></form><blockquote>{PROSE}</blockquote><figure><figcaption>A wall</figcaption></figure>"""
CHINESE = "<h1>港口</h1><div><p>渔民们在黎明时分回到港口，说风暴追上了他们，灯都灭了。</p><a>首页</a></div>"
PARTS = [
    "<p>", "</p>", "<div class=a>", "<div class=card>", "</div>", "<ul><li>", "</ul>", "<h2>", "<h1>", "<pre>",
    "</pre>", "<a href=/>", "</a>", "Home ", "\n\n", PROSE, "漢字。", "<td>", "<footer>", "<br><br>", "\u200b",
]  # fmt: skip


def columns_of(htmls):
    lines, _ = split_html(htmls)
    measures = measure(lines)
    return Columns(lines, measures, Repeats.none(len(measures)))


def feature(htmls, name):
    """{line: value} of a feature."""
    columns = columns_of(htmls)
    values = html_features(columns)[:, HTML_FEATURE_NAMES.index(name)].tolist()
    return {columns.lines[row]: value for row, value in zip(columns.measures.rows.tolist(), values, strict=True)}


def assert_the_same_alone(htmls):
    together = columns_of(htmls)
    matrix = html_features(together)
    assert np.isfinite(matrix).all()
    for page, html in enumerate(htmls):
        rows = slice(int(together.page_starts[page]), int(together.page_starts[page + 1]))
        alone = html_features(columns_of([html]))
        # the DOM's own columns exactly; the text's may differ in the last digit (test_features.py)
        differs = (matrix[rows] != alone).any(axis=0)
        assert not differs[len(FEATURE_NAMES) :].any(), [HTML_FEATURE_NAMES[place] for place in np.flatnonzero(differs)]
        np.testing.assert_allclose(matrix[rows], alone, rtol=1e-5, atol=1e-5)


def test_names_are_unique_and_the_text_features_come_first():
    assert len(set(HTML_FEATURE_NAMES)) == len(HTML_FEATURE_NAMES)
    assert HTML_FEATURE_NAMES == FEATURE_NAMES + names_of(DOM_FEATURES)
    columns = columns_of([NEWS, TABLE])
    matrix = html_features(columns)
    assert (matrix.shape, matrix.dtype) == ((columns.n, len(HTML_FEATURE_NAMES)), np.float32)
    np.testing.assert_array_equal(matrix[:, : len(FEATURE_NAMES)], features(columns))


@pytest.mark.parametrize("htmls", [[], [""], ["<p></p>"], ["", "<script>1</script>", "   "]])
def test_pages_without_rows_give_no_rows(htmls):
    assert html_features(columns_of(htmls)).shape == (0, len(HTML_FEATURE_NAMES))


def test_dumps_have_no_dom():
    lines = split_lines(["a line"])
    with pytest.raises(KeyError):
        html_features(Columns(lines, measure(lines), Repeats.none(1)))


def test_a_page_has_the_same_features_alone_and_in_a_batch():
    assert_the_same_alone([NEWS, "", TABLE, NEWS * 3, CHINESE, "<p>x", f"<p>{PROSE}" * 50])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=25).map("".join), min_size=2, max_size=4))
def test_odd_pages_have_the_same_features_alone_and_in_a_batch(htmls):
    assert_the_same_alone(htmls)


def test_every_feature_outside_of_the_class_families_tells_some_lines_apart():
    matrix = html_features(columns_of([NEWS, TABLE, CHINESE]))[:, len(FEATURE_NAMES) :]
    names = names_of(DOM_FEATURES)
    constant = {name for name, column in zip(names, matrix.T, strict=True) if column.min() == column.max()}
    near = names_of(DOM_FAMILIES["near"])
    assert constant <= set(near)
    in_the_sample = ("article", "nav", "link", "hidden", "c_related", "i_body")
    assert constant.isdisjoint(f"near_{family}" for family in in_the_sample)


def test_what_elements_say():
    assert feature([NEWS], "heading_level")["The wall closes"] == 1
    assert feature([NEWS], "says_title")["The wall closes"] == 1
    assert feature([NEWS], "link_share")["Short words here."] == pytest.approx(5 / 16, abs=0.03)
    assert feature([NEWS], "near_nav")["Home"] == pytest.approx(1 / 4)
    assert feature([NEWS], "near_nav")[PROSE] == pytest.approx(1 / 65)
    assert {line for line, is_cell in feature([TABLE], "tag_cell").items() if is_cell} == {"1", "2"}
    hidden = feature([NEWS], "near_hidden")
    assert (hidden["All rights reserved"], hidden["Home"]) == (0.5, pytest.approx(1 / 65))


def test_what_is_summed_over_lines_that_the_tree_ties_together():
    assert feature([NEWS], "signature_long_share")["Short words here."] == 0.5  # two of four paragraphs are long
    links = feature([NEWS], "container_signature_links")
    assert links["A boat"] == 1 and 0 < links[PROSE] < 0.05
    best = feature([NEWS], "container_prose_of_best")
    assert (best[PROSE], best["The wall closes"], best["A boat"]) == (1, 1, 0)
    same = feature([NEWS], "same_container_+1")
    assert (same["Home"], same["Sea"], same["Short words here."]) == (1, 0, 1)
    lines = feature([NEWS], "container_lines_log")
    assert lines["Home"] == pytest.approx(np.log1p(2))
    assert lines[PROSE] == pytest.approx(np.log1p(6))  # heading, three paragraphs, two lines of code


def test_headings_say_what_stands_below_them():
    level, phrase, distance = (feature([NEWS], name) for name in ("level_above", "phrase_above", "h1_distance"))
    assert (level["Home"], level[PROSE], level["Read also"], level["A boat"]) == (0, 1, 2, 3)
    assert phrase["Read also"] > 0.5 and phrase[PROSE] == 0
    assert (distance["The wall closes"], distance["3 May"]) == (0, pytest.approx(np.log(2)))
    assert distance["Sea"] == pytest.approx(-np.log(2))
    assert set(feature([TABLE], "h1_distance").values()) == {0}
