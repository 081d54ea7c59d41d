"""What a browser shows and the tree says otherwise: XHTML, shadow roots, formulas, ruby, hidden parts."""

import pytest

from declutter.stages.segment.html import split_html


def rows(html):
    lines, _ = split_html([html])
    return [lines[row] for row in range(len(lines))]


XHTML = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><head>'


@pytest.mark.parametrize(
    "empty", ["title", "script", "style", 'iframe src="x"', "textarea rows='2' ", "noscript", "div"]
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{XHTML}<{{}}/></head><body><p>The mill</p><p>turns&nbsp;slowly.</p>", "</body></html>"),
        (f"{XHTML}<title>x</title></head><body><{{}}/><p>The mill</p><p>turns slowly.</p>", "</body></html>"),
        ('<html xmlns="http://www.w3.org/1999/xhtml"><body><{}/><p>The mill<p>turns slowly.<br></br>', "</body>"),
    ],
)
def test_empty_elements_of_xhtml_swallow_nothing(empty, before, after):
    assert [" ".join(row.split()) for row in rows(before.format(empty) + after)] == ["The mill", "turns slowly."]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p><![CDATA[5 < 6 & <p>7]]> so</p>", ["5 < 6 & <p>7 so"]),
        ("<script>//<![CDATA[\nif (a < b && '<p>') c();\n//]]></script><p>x</p>", ["x"]),
        ("<p>a</p><p>b &c; <b>unclosed</p><p>d", ["a", "b &c; unclosed", "d"]),
        ("<p>a<a id='p1'/>b</p><ul><li/><li>c</li></ul>", ["ab", "c"]),
        ("<p title='a/>b'>c</p>", ["c"]),
    ],
)
def test_xhtml_is_text_and_loses_none_where_it_is_broken(body, expected):
    assert rows(f"{XHTML}<title>t</title></head><body>{body}</body></html>") == expected


def test_entities_of_a_page_are_not_expanded_and_prefixes_are_read():
    assert rows('<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "boom">]><html><body><p>&a; x</p></body></html>') == [
        "&a; x"
    ]
    prefixed = (
        '<h:html xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title/></h:head><h:body><h:p>a</h:p><h:p>b</h:p>'
    )
    assert rows(prefixed + "</h:body></h:html>") == ["a", "b"]


def test_html_is_not_read_as_xhtml():
    assert rows("<div/><p>a<b/>c") == ["ac"]
    assert rows("<p>x<![CDATA[y]]>") == ["x"]


@pytest.mark.parametrize(
    ("math", "expected"),
    [
        ('<math alttext="a^2"><msup><mi>a</mi><mn>2</mn></msup></math>', "a^2"),
        (r'<math alttext="{\displaystyle \sqrt{h}}"><msqrt><mi>h</mi></msqrt></math>', r"\sqrt{h}"),
        (
            '<math><semantics><mi>a</mi><annotation encoding="application/x-tex">a_1</annotation></semantics></math>',
            "a_1",
        ),
        (
            "<math><msup><mi>a</mi><mn>2</mn></msup><mo>=</mo><mfrac><mi>b</mi><mrow><mi>c</mi><mo>+</mo><mn>1</mn>"
            "</mrow></mfrac></math>",
            "a^2 = b/(c + 1)",
        ),
        ("<math><mn>12</mn></math>", "12"),
        (
            '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>q</mi></mrow><annotation'
            ' encoding="application/x-tex">q</annotation></semantics></math></span><span class="katex-html"'
            ' aria-hidden="true"><span>q</span></span></span>',
            "q",
        ),
        (
            '<span class="MathJax"><nobr aria-hidden="true"><span>q</span></nobr><span class="MJX_Assistive_MathML">'
            "<math><mi>q</mi></math></span></span>",
            "q",
        ),
        (
            '<mjx-container><mjx-math aria-hidden="true"><mjx-c></mjx-c></mjx-math><mjx-assistive-mml><math><mi>q</mi>'
            "</math></mjx-assistive-mml></mjx-container>",
            "q",
        ),
        (
            r'<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;"><math'
            r' alttext="{\displaystyle q}"><mi>q</mi></math></span><img aria-hidden="true" alt="q"></span>',
            "q",
        ),
    ],
)  # fmt: skip
def test_formulas_are_read_once(math, expected):
    assert rows(f"<p>Let {math} be the flow.<table><tr><td>{math}</td></tr></table>") == [
        f"Let {expected} be the flow.",
        expected,
    ]


def test_a_formula_on_a_line_of_its_own_is_a_row_and_an_empty_one_is_nothing():
    assert rows('<p>We write<math display="block" alttext="x=1"></math>and go on<math></math>.') == [
        "We write", "x=1", "and go on.",
    ]  # fmt: skip


def test_a_formula_is_not_hidden_by_what_hides_its_markup():
    lines, _ = split_html(['<p><span style="display:none"><math alttext="q"></math></span> is the flow'])
    assert lines.text == "q is the flow" and lines.dom["near_hidden"].tolist() == [64]


@pytest.mark.parametrize(
    ("ruby", "expected"),
    [
        ("<ruby>水門<rt>すいもん</rt></ruby>の<ruby>番人<rt>ばんにん</rt></ruby>", "水門の番人"),
        ("<ruby>水門<rp>(</rp><rt>すいもん</rt><rp>)</rp></ruby>の番人", "水門の番人"),
        ("<ruby><rb>釣</rb><rb>竿</rb><rt>つり</rt><rt>ざお</rt></ruby>の", "釣竿の"),
        ("<ruby>北京<rtc><rt>Běi</rt><rt>jīng</rt></rtc></ruby>欢迎", "北京欢迎"),
        ("<ruby>帽<rt>ぼう</rt>子<rt>し</rt></ruby>を", "帽子を"),
    ],
)
def test_readings_do_not_run_into_words(ruby, expected):
    assert rows(f"<p>{ruby}</p><p>x") == [expected, "x"]


def test_what_is_called_rt_outside_of_a_ruby_is_text():
    assert rows("<p>a <rt>b</rt> c") == ["a b c"]


@pytest.mark.parametrize(
    "attribute", ['shadowrootmode="open"', "shadowrootmode=closed", "shadowroot=open delegatesfocus"]
)
def test_declared_shadow_roots_are_text(attribute):
    page = (
        f"<my-page><template {attribute}><style>p{{}}</style><h1>Eels</h1><p>Cross <slot>nothing</slot></p>"
        "<script>'<p>'</script></template>the road</my-page><template id=card><p>{{title}}</template><p>x"
    )
    assert rows(page) == ["Eels", "Cross the road", "x"]


def test_slots_are_filled_where_they_stand():
    page = (
        "<x-card><template shadowrootmode=open><h2><slot name=title>No title</slot></h2><slot name=lead>No lead</slot>"
        "<x-in><template shadowrootmode=open><p>inner <slot></slot></p></template><b>light</b></x-in><slot></slot>"
        "<footer>end</footer></template><p>One</p><p>Two</p><b slot=title>Salmon</b><p slot=other>left</p></x-card>"
    )
    assert rows(page) == ["Salmon", "No lead", "inner light", "One", "Two", "end", "left"]


def test_parts_that_open_are_text_and_attributes_are_not():
    page = (
        '<details><summary>When?</summary><p>At dawn</details><p hidden="until-found">found</p>'
        '<noscript><p>plain</noscript><p aria-label="spoken" data-text="hidden" title="tip">read<img alt="drawn"></p>'
    )
    lines, _ = split_html([page])
    assert lines.text.split("\n") == ["When?", "At dawn", "found", "plain", "read"]
    assert lines.dom["near_hidden"].tolist() == [64] * 5


CODE = ["def shut(gate):", "    if gate.leaks:", "        call()", "", "    return 1"]


@pytest.mark.parametrize(
    ("before", "line", "between", "after"),
    [
        ("<table><tr><td class=gutter><pre>1\n2\n3\n4\n5</pre><td class=code><pre>", "{}", "\n", "</pre></table>"),
        ("<table><td class=linenos><div class=linenodiv><pre>1 2</pre></div><td><pre>", "{}", "\n", "</pre></table>"),
        ("<pre><code><table>", "<tr><td class=hljs-ln-numbers>7</td><td>{}</td></tr>", "\n", "</table></code></pre>"),
        ("<pre><table>", "<tr><td class=x data-line=3></td><td><b>{}</b></td></tr>", "", "</table></pre>"),
        ("<pre>", '<span class="lineno"> 1 </span><span>{}</span>', "\n", "</pre>"),
        ("<pre class=line-numbers><code>", "{}", "\n", '<span class="line-numbers-rows"><i></i></span></code></pre>'),
        ("<div class=code><code>", "{}", "<br>\n", "</code></div>"),
        ("<p><code>", "<span>{}</span>", "<br>", "</code></p>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "button",
    [
        "<button>Copy</button>",
        '<button class="btn copy-code">Kopieren</button>',
        '<button data-clipboard-text="x">コピー</button>',
        "<clipboard-copy>Copy</clipboard-copy>",
    ],
)
def test_line_numbers_and_copy_buttons_are_no_code(before, line, between, after, button):
    lines = [text.replace(" ", "&nbsp;") if "<br>" in between else text for text in CODE]
    code = before + between.join(line.format(text) for text in lines) + after
    assert rows(f"<p>x</p><div class=highlight>{code}{button}</div><p>y") == ["x", *CODE, "y"]


def test_other_buttons_and_numbers_stay():
    assert rows("<pre>1\n2\n3</pre><button>Buy</button><code>a<b>b</b></code><p><code>5</code>") == [
        "1", "2", "3", "Buy", "ab", "5",
    ]  # fmt: skip
