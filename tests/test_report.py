"""The report on a corpus: what it counts, which pages it picks, and that no page's text gets out of its place."""

import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from declutter import Cleaner, Page
from declutter.cli import main
from declutter.lines import LABEL_CODES
from declutter.report.corpus import Corpus, gather
from declutter.report.corpus_page import LARGEST_BYTES, corpus_page, within
from declutter.report.markup import Html, markup, page_text, tag
from declutter.report.odd import OddPages
from declutter.report.specimen import LeftOut, specimen
from declutter.stages.segment.text import split_lines

SEEDS = Path(__file__).parent.parent / "seeds"
RULES = Cleaner(engine="rules")  # whatever model is shipped
HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style></details></ol><img src=x onerror=alert(2)>",
    "\" onmouseover='alert(3)' x=\"",
    "safe \u202egnihsif\u202c text",
    "nul \x00 and \x1b[31m and \ud800 alone",
    "<!-- --> ]]> &lt;b&gt; &#60;",
    "javascript:alert(4)",
]


def pages_of(*sites):
    paths = [path for site in sites for path in sorted((SEEDS / site).glob("*.txt"))]
    return [Page(path.relative_to(SEEDS).as_posix(), text=path.read_text("utf-8")) for path in paths]


class Parsed(html.parser.HTMLParser):
    """The elements, attributes and text of a document."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.text = set(), set(), ""
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.names.add(name)
        self.attributes |= {key for key, _ in attributes}

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data


def test_counts_are_those_of_cleaning():
    pages = pages_of("wendle-tide-en", "neurin-travel-ko")
    corpus = gather(pages, RULES)
    cleaned = list(RULES.clean_pages(pages))
    kept = [line for done in cleaned for line in done.text.split("\n") if line.strip()]
    everything = [line for page in pages for line in page.text.split("\n") if line.strip()]
    assert corpus.lines[:, 1].sum() == len(kept)
    assert corpus.lines.sum() == len(everything)
    assert corpus.n_pages == len(pages) == corpus.share_pages.sum()
    assert sorted(site.folder for site in corpus.sites) == ["neurin-travel-ko", "wendle-tide-en"]
    assert corpus.n_sites == 2


def test_template_lines_are_shown_with_their_pages():
    site = gather(pages_of("wendle-tide-en"), RULES).sites[0]
    top = site.top_templates(5)
    assert [line.pages_with for line in top] == [6] * 5
    assert all(line.seen >= 6 for line in top)
    report = corpus_page(gather(pages_of("wendle-tide-en"), RULES), "wendle")
    assert "6 of 6" in report


def test_hostile_text_stays_text():
    text = "\n".join(HOSTILE) + "\n"
    pages = [
        Page(f"{HOSTILE[number % 5]}/{number}", text=text + f"line {number}", site=HOSTILE[0]) for number in range(7)
    ]
    pages.append(Page("url", text=text, url="https://example.org/</script>\u202e"))
    corpus = gather(pages, RULES)
    report = corpus_page(corpus, HOSTILE[1] + "\x00\ud800")
    report.encode("utf-8")
    parsed = Parsed(report)
    assert not parsed.names & {"script", "img", "iframe", "object"}
    assert not [name for name in parsed.attributes if name.startswith("on") or name == "style"]
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", report)
    assert "U+202E" in parsed.text and "U+0000" in parsed.text and "U+D800" in parsed.text
    assert HOSTILE[0] in parsed.text


def test_the_policy_forbids_scripts_and_the_network():
    report = corpus_page(Corpus(), "nothing")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', report)[1]
    assert policy.startswith("default-src &#x27;none&#x27;") and "unsafe" not in policy
    assert not re.search(r"(src|href)=\"(?!#|data:)", report)


def test_an_empty_corpus_has_a_report():
    report = corpus_page(gather([Page("blank", text="\n\n")], RULES), "blank")
    assert "<dt>lines</dt><dd>0</dd>" in report and "<dt>of lines kept</dt><dd>–</dd>" in report


def test_the_report_is_bounded():
    line = "&<>\"'" * 90  # five or six bytes each, escaped
    text = "\n".join(f"{line}{row}" for row in range(400))
    pages = [Page(f"{'&' * 200}{n}", site=f"site {n // 3}{'<' * 90}", text=text) for n in range(3 * 60)]
    corpus = gather(pages, RULES)
    size = len(corpus_page(corpus, line).encode("utf-8"))
    assert 200_000 < size < LARGEST_BYTES


def test_sites_told_apart_are_bounded(monkeypatch):
    monkeypatch.setattr("declutter.report.corpus.LARGEST_SITES", 2)
    monkeypatch.setattr("declutter.report.corpus.FIRST_SITES", 3)
    words = "Menu\nHome\nContact\nImprint\n"
    pages = [Page(str(number), site=f"s{number // 2}", text=f"{words}Page {number}") for number in range(20)]
    corpus = gather(pages, RULES)
    assert len(corpus.sites) == 6 and corpus.sites[-1].name is None
    assert corpus.n_pages == 20


def test_the_same_seed_gives_the_same_report():
    pages = pages_of("wendle-tide-en", "kellerfunk-forum-de")
    reports = [corpus_page(gather(pages, RULES, seed=seed), "x") for seed in (1, 1, 2)]
    assert reports[0] == reports[1] != reports[2]


def shown(note=""):
    lines = split_lines(["a line\n"])
    verdicts = RULES.explain("a line\n")
    return specimen("page", lines, verdicts, np.array([0]), note=note)


def look(odd, keep, score=0.9, site="s", error=None):
    keep = np.array(keep, bool)
    odd.look_at(site, error, keep, np.full(len(keep), 10), np.full(len(keep), score, np.float32), shown)


def test_odd_pages_are_found():
    odd = OddPages()
    for _ in range(9):
        look(odd, [True] * 5 + [False] * 5)
    look(odd, [True] + [False] * 9)  # a fifth of what is usual here
    look(odd, [False] * 10)
    look(odd, [True] * 10)
    look(odd, [True] * 3)  # too short to be odd
    look(odd, [True, False], score=0.5)
    look(odd, [True, False], error="ValueError: broken")
    found = odd.found()
    assert set(found) == {"passed", "nothing", "everything", "less", "unsure"}
    assert found["less"][0][1] == "keeps 10% of its characters; half of the site's pages keep 50% or more"
    assert found["passed"][0][1] == "ValueError: broken"
    assert all(len(pages) == 1 for pages in found.values())


def test_a_usual_site_has_no_odd_page():
    odd = OddPages()
    for kept in (4, 5, 6, 5, 4, 6):
        look(odd, [True] * kept + [False] * (10 - kept))
    assert odd.found() == {}


def test_long_runs_are_folded():
    text = "".join(f"Menu {row}\n" for row in range(300))
    verdicts = RULES.explain(text)
    found = specimen("page", split_lines([text]), verdicts, np.arange(300))
    gaps = [item for item in found.shown if isinstance(item, LeftOut)]
    shown_lines = len(found.shown) - len(gaps)
    assert shown_lines + sum(gap.n_lines for gap in gaps) == 300
    assert found.n_kept == int(verdicts.keep.sum())


def test_what_is_passed_through_is_named(monkeypatch):
    def broken(*_):
        raise ValueError("a bug of ours")

    monkeypatch.setattr("declutter.cleaner.judge", broken)
    corpus = gather([Page("a", text="One line\n")], RULES)
    assert corpus.passed_through == 1
    assert "a bug of ours" in corpus_page(corpus, "x")


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "<b>", tag("b", "x"), title='"') == '<p title="&quot;">&lt;b&gt;<b>x</b></p>'
    assert markup("a\x00b", None) == "a\ufffdb"
    assert page_text("\u202ex", 9) == '<bdi dir="auto"><i>U+202E</i>x</bdi>'
    assert page_text("می\u200cخواهم", 99) == '<bdi dir="auto">می\u200cخواهم</bdi>'
    assert list(within(7, [Html("abc"), Html("def"), Html("ghi")])) == ["abc", "def"]


def test_labels_have_meanings():
    from declutter.report.corpus_page import MEANINGS

    assert set(MEANINGS) == set(LABEL_CODES)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for path in sorted((SEEDS / "wendle-tide-en").glob("*.txt")):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())

    def invoke(*arguments):
        return CliRunner().invoke(main, ["report", *arguments, "--engine", "rules"])

    return invoke


def test_the_command_writes_a_report(run):
    result = run("in", "-o", "report.html")
    assert result.exit_code == 0, result.output
    assert "pages    6; wrote report.html\n" in result.stderr
    report = Path("report.html").read_text("utf-8")
    assert report.startswith("<!DOCTYPE html>") and "What declutter did to in" in report
    assert "report.html exists" in run("in", "-o", "report.html").stderr
    assert run("in", "-o", "report.html", "--force", "--quiet").output == ""


def test_pages_that_cannot_be_judged_are_told_by_the_command(run, monkeypatch):
    monkeypatch.setattr("declutter.cleaner.judge", None)
    result = run("in", "-o", "report.html", "--quiet")
    assert (result.exit_code, result.stderr) == (1, "failed: 6 pages can't be judged; the report names some of them\n")


def test_the_report_stays_out_of_its_input(run):
    result = run("in", "-o", "in/report.html")
    assert result.exit_code == 2 and "the report lies inside the input in" in result.stderr


def test_pages_that_cannot_be_read_are_in_the_report(run):
    Path("in/broken.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 20)
    result = run("in", "-o", "report.html")
    assert result.exit_code == 1 and "failed: " in result.stderr
    assert "broken.txt" in Path("report.html").read_text("utf-8")


def test_pages_of_other_formats_are_read(run):
    texts = [path.read_text("utf-8") for path in sorted(Path("in").glob("*.txt"))]
    lines = [json.dumps({"text": text, "url": f"https://tide.example/{n}"}) for n, text in enumerate(texts)]
    Path("pages.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n", "utf-8")
    result = run("pages.jsonl", "-o", "report.html")
    assert result.exit_code == 1 and "pages    6; wrote" in result.stderr
    report = Path("report.html").read_text("utf-8")
    assert "tide.example" in report and "Not read <small>1 page</small>" in report
