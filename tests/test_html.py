"""HTML pages -> Lines with DOM columns."""

import re

import numpy as np
import pytest

from declutter.stages import kernels
from declutter.stages.segment import dom
from declutter.stages.segment.html import COLUMNS, split_html

kernel_html = kernels.twin("html")

ARTICLE = """<!doctype html><html><head><title>A storm passes - The Harbour Post</title>
<meta property="og:title" content="A storm passes"><style>p{}</style></head><body>
<nav class="main-menu"><ul>
<li><a href="/a">Home</a></li><li><a href="/b">Weather</a></li>
<li><a href="/c">Sea</a></ul></nav>
<main><article class="post-content" itemprop="articleBody"><h1>A storm passes</h1>
<p>The storm w<b>ea</b>kened &amp; left <a href="/d">the coast</a>&nbsp;on&#10;Monday.</p>
<script>var a = "<p>no</p>";</script>
<div class="share-bar" aria-hidden="true"><span>Share</span> <span>this</span></div></article></main>
<footer>&copy; The Harbour Post</footer></body></html>"""


def rows(html):
    lines, _ = split_html([html])
    return [lines[row] for row in range(len(lines))]


def columns(html):
    lines, _ = split_html([html])
    return [lines[row] for row in range(len(lines))], lines.dom


def test_a_row_is_a_block_and_inline_tags_split_no_words():
    assert rows(ARTICLE) == [
        "Home", "Weather", "Sea", "A storm passes", "The storm weakened & left the coast on Monday.", "Share this",
        "© The Harbour Post",
    ]  # fmt: skip


def test_rows_of_a_page_joined_are_the_page():
    lines, partial = split_html([ARTICLE, "", "<p>a<p>b", "   ", ARTICLE])
    assert partial == (None,) * 5
    assert lines.page_starts.tolist() == [0, 7, 7, 9, 9, 16]
    first, last = lines.page_starts[2:4]
    assert "".join(lines.part(range(row, row + 1)).text for row in range(first, last)) == "a\nb"
    assert lines.starts[-1] == len(lines.text)
    assert [lines[row] for row in range(9, 16)] == rows(ARTICLE)
    assert all(len(column) == len(lines) for column in lines.dom.values())


def test_a_page_has_the_same_columns_alone_and_among_others():
    many, _ = split_html(["<ul><li>x<li>y</ul>" * 5, ARTICLE, "<table><tr><td>1<td>2</table>"])
    alone, _ = split_html([ARTICLE])
    start, end = many.page_starts[1:3]
    for name, column in alone.dom.items():
        assert column.tolist() == many.dom[name][start:end].tolist(), name


def test_columns_are_the_documented_ones():
    _, dom_columns = columns(ARTICLE)
    assert set(dom_columns) == set(COLUMNS) | {f"near_{family}" for family in dom.FAMILIES}
    for name, column in dom_columns.items():
        kind = COLUMNS.get(name, "int32")
        if not kind.startswith("int32, the same for") and kind.split(",")[0] in {"int32", "float32", "uint64"}:
            assert column.dtype == np.dtype(kind.split(",")[0]), name


def test_distances_and_class_families():
    texts, column = columns(ARTICLE)
    home, body, share = texts.index("Home"), 4, texts.index("Share this")
    assert (column["near_nav"][home], column["near_link"][home], column["near_item"][home]) == (3, 0, 1)
    assert column["near_c_nav"][home] == 3
    assert column["near_nav"][body] == dom.NO_ANCESTOR
    assert (column["near_article"][body], column["near_main"][body], column["near_c_content"][body]) == (1, 2, 1)
    assert column["near_i_body"][body] == 1
    assert (column["near_c_share"][share], column["near_hidden"][share]) == (1, 1)
    assert column["tag"][body] == dom.TAG_CODES["p"]


def test_links_siblings_and_shares():
    texts, column = columns(ARTICLE)
    assert column["link_chars"][:5].tolist() == [4, 7, 3, 0, 9]
    assert column["links"].tolist() == [1, 1, 1, 0, 1, 0, 0]
    assert column["siblings"][:3].tolist() == [3, 3, 3]
    assert column["repeat_siblings"][0] == 3
    assert column["container_link_share"][0] == 1
    assert 0 < column["container_share"][0] < 0.5
    assert column["container"][0] == column["container"][2] != column["container"][4]


def test_titles():
    texts, column = columns(ARTICLE)
    row = texts.index("A storm passes")
    assert (column["is_title"][row], column["is_h1"][row]) == (2, 1)
    assert column["is_title"].sum() == 2
    _, column = columns("<title>Rain | Post</title><p>Rain<p>rain")
    assert column["is_title"].tolist() == [1, 0]


LONG = "The ferry to the islands leaves the pier at seven in the morning and"
PAROM = "Паром уходит от причала на острова в семь часов утра и"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<br>b<br><br>c<br> <br>d", ["a", "b", "c", "d"]),
        ("<p>The lamp is out<br>the tide is low<br>And so", ["The lamp is out", "the tide is low", "And so"]),
        ("<p>4 Mill Lane<br/>Ardmere<br>Tel. 12 34", ["4 Mill Lane", "Ardmere", "Tel. 12 34"]),
        ("<p>Open daily.<br><a href=x>Read also: Eels cross</a>", ["Open daily.", "Read also: Eels cross"]),
        ("<td>Mo 9-12<br>Tu 9-17<p>x", ["Mo 9-12", "Tu 9-17", "x"]),
        ("<p>春の海<br>ひねもすのたり<br>のたりかな", ["春の海", "ひねもすのたり", "のたりかな"]),
        ("<p><b>Keeper:</b> No.<br><b>Boy:</b> why?", ["Keeper: No.", "Boy: why?"]),
        (f"<p>{LONG}<br>comes back.<br>In winter not.", [f"{LONG} comes back.", "In winter not."]),
        (f"<p>{LONG}<br>Comes back", [LONG, "Comes back"]),
        (f"<p>{LONG}.<br>comes back", [f"{LONG}.", "comes back"]),
        (f"<p>{LONG}<br><i>comes</i> back<br><br>never", [f"{LONG} comes back", "never"]),
        (f"<p>{PAROM}<br>возвращается в полдень", [f"{PAROM} возвращается в полдень"]),
        ("<h2>The ferry<br>to the islands</h2>And back", ["The ferry to the islands", "And back"]),
        ("<h1><span>Eels<br></span>cross</h1><button>Go<br>on</button>", ["Eels cross", "Go on"]),
        ("<h1>One<br><br>Two</h1>", ["One", "Two"]),
    ],
)  # fmt: skip
def test_br_parts_rows_but_where_it_is_typesetting(html, expected):
    assert rows(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<x-card><x-h>Salmon pass</x-h><x-p>The weir</x-p></x-card>", ["Salmon pass", "The weir"]),
        ("<div><my-h>Eels</my-h>\n<my-p>Cross the <b>road</b></my-p><p>x", ["Eels", "Cross the road", "x"]),
        ("<ul-like><li-like><a href=x>Home</a></li-like><li-like>News</li-like></ul-like>", ["Home", "News"]),
        ("<p>A <g-emoji>!</g-emoji> and <tool-tip>more</tool-tip>over", ["A ! and moreover"]),
        ("<p><hi-light>Wo</hi-light>rd by <hi-light>wo</hi-light>rd", ["Word by word"]),
    ],
)  # fmt: skip
def test_custom_elements_part_rows_where_no_text_stands_beside_them(html, expected):
    assert rows(html) == expected


CODE = ["def shut(gate):", "    if gate.leaks:", "\treturn 1", "        call()"]


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("<pre><code>", "<div class=line>{}</div>", "</code></pre>"),
        ("<pre><ol>", "<li>{}</li>", "</ol></pre>"),
        ("<pre><table>", "<tr><td>{}</td></tr>", "</table></pre>"),
        ("<pre>", "<span>{}</span><br>", "</pre>"),
        ("<pre>", "{}\n", "</pre>"),
        ("<pre><x-code>", "<x-line>{}</x-line>", "</x-code></pre>"),
    ],
)
def test_code_keeps_its_indents(before, line, after):
    marked = [re.sub(r"^(\s*)(.*)", r"<span>\1</span><b>\2</b>", text) for text in CODE]
    assert rows(f"<p>x{before}{''.join(line.format(text) for text in marked)}{after}y") == ["x", *CODE, "y"]


def test_pre_keeps_its_lines():
    texts, column = columns("<p>x</p><pre>\n\ndef f():\n    <b>return</b> 1  \n\nf()<br>g()\n</pre>")
    assert texts == ["x", "def f():", "    return 1", "", "f()", "g()"]
    assert len(set(column["element"][1:].tolist())) == 1


def test_cells_are_rows_that_know_their_table_row():
    texts, column = columns("<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr></table><p>e")
    assert texts == ["a", "b", "c", "d", "e"]
    one, two, three, four, outside = column["table_row"].tolist()
    assert one == two != three == four and outside == 0


def test_noscript_is_kept_and_told_and_other_texts_are_left_out():
    texts, column = columns(
        "<body><noscript><p>post</p></noscript><template>t</template><svg><text>s</text></svg>x<!-- <p>c -->"
    )
    assert texts == ["post", "x"]
    assert column["near_noscript"].tolist() == [1, dom.NO_ANCESTOR]


def test_nested_lists_are_counted():
    _, column = columns("<ul><li>a<ol><li>b</ol></ul>")
    assert column["list_depth"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("articleBody", {"c_content", "c_article"}),
        ("menuItem", {"c_nav", "c_card"}),
        ("headache", set()),
        ("é nav", {"c_nav"}),
    ],
)
def test_class_families_match_whole_words(name, families):
    asked = ("c_content", "c_article", "c_nav", "c_card", "c_header")
    tables = kernel_html.tables(*dom.kernel_tables(), 0)
    bits = int(kernel_html.class_bits(tables, ["x", name, ""])[1])
    assert {family for family in asked if bits & dom.BITS[family]} == families


def test_bytes_need_a_decoder():
    with pytest.raises(TypeError, match="decode"):
        split_html([b"<p>x"])
    lines, _ = split_html(["<p>é".encode("latin-1")], decode=lambda octets: octets.decode("latin-1"))
    assert lines[0] == "é"
