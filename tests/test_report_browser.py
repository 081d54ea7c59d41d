"""Both reports in a headless Chromium: nothing in its console, nothing fetched, every figure drawn, all of it readable.

With REPORT_SCREENSHOTS set to a folder, pictures of every page, width and colour scheme are written there.
"""

import os
from pathlib import Path

import pytest

from chromium import PROGRAM, chromium
from declutter import Cleaner, Page
from declutter.report.corpus import gather
from declutter.report.corpus_page import corpus_page

pytestmark = pytest.mark.slow

if PROGRAM is None:
    pytest.skip("no Chromium here (apt-get install chromium)", allow_module_level=True)

SEEDS = Path(__file__).parent.parent / "seeds"
SITES = ("wendle-tide-en", "sindyan-portal-ar", "hamorad-magazine-he", "mochuan-portal-zh")
VIEWS = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
SCREENSHOTS = os.environ.get("REPORT_SCREENSHOTS")
LONG = "a-folder-with-quite-a-long-name/and-another-one/" + "x" * 120
HOSTILE = "</script><script>console.log('run')</script><img src=//example.org/x.png onerror=console.log('run')>\u202e"

#: Figures in which nothing was drawn, or whose text stands outside of the window.
NOT_DRAWN = """[...document.querySelectorAll('figure svg')].filter(svg => {
  const inside = [...svg.querySelectorAll('rect,circle,line,text')];
  const boxes = inside.map(part => part.getBoundingClientRect());
  const outside = inside.filter((part, n) => part.tagName == 'text' && getComputedStyle(part).display != 'none'
    && (boxes[n].left < -1 || boxes[n].right > document.documentElement.clientWidth + 1));
  return !boxes.some(box => box.width * box.height > 20) || outside.length || svg.getBoundingClientRect().width < 100;
}).map(svg => svg.closest('figure').id)"""

#: Pairs of words of a figure that are printed over each other.
OVERLAPPING = """[...document.querySelectorAll('figure svg')].flatMap(svg => {
  const words = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const found = [];
  for (let i = 0; i < words.length; i++) for (let j = 0; j < i; j++) {
    const [a, b] = [words[i][1], words[j][1]];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 2 && tall > 5) found.push(svg.closest('figure').id + ': ' + words[i][0] + ' | ' + words[j][0]);
  }
  return found;
})"""

#: Text with less contrast to what is behind it than WCAG 2 asks for (4.5).
PALE = """(() => {
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length == 3 || color[3] == 1) return color;
    }
    return [255, 255, 255];
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('style, title, desc')) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const pair = [light(ink), light(behind(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 4.5) found[element.tagName + '.' + element.className + ' ' + contrast.toFixed(2)] = 1;
  }
  return Object.keys(found);
})()"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The files of both reports by name."""
    folder = tmp_path_factory.mktemp("reports")
    paths = [path for site in SITES for path in sorted((SEEDS / site).glob("*.txt"))]
    pages = [Page(path.relative_to(SEEDS).as_posix(), text=path.read_text("utf-8")) for path in paths]
    pages += [Page(f"{LONG}{n}", site="example.org", text=f"{HOSTILE}\n{n} {'w' * 3000}\n") for n in range(8)]
    (folder / "corpus.html").write_text(corpus_page(gather(pages, Cleaner(engine="rules")), "four sites"), "utf-8")
    pytest.importorskip("sklearn", reason="the benchmark report needs declutter-text[train]")
    import test_report_benchmarks as made
    from benchmarks.report import write_report

    gold = made.make_gold(folder / "harbour")
    write_report(made.write_results(gold, folder / "results"), folder / "benchmarks.html", [gold])
    return {name: folder / f"{name}.html" for name in ("corpus", "benchmarks")}


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("width, scheme", VIEWS)
@pytest.mark.parametrize("name", ["corpus", "benchmarks"])
def test_a_report_is_drawn_and_readable(browser, reports, name, width, scheme):
    browser.open(reports[name], width, 900, scheme)
    if SCREENSHOTS:
        browser.screenshot(Path(SCREENSHOTS, f"{name}-{width}-{scheme}.png"), whole=True)
    assert browser.messages == []
    assert {url for url in browser.events if not url.startswith("data:")} == {reports[name].resolve().as_uri()}
    assert browser.value("document.querySelectorAll('figure svg').length") >= 3
    browser.value("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.value(NOT_DRAWN) == []
    assert browser.value(OVERLAPPING) == []
    assert browser.value(PALE) == []


def test_the_reason_is_shown_by_keyboard_and_rtl_lines_run_right_to_left(browser, reports):
    browser.open(reports["corpus"], 390, 900)
    browser.value("document.querySelectorAll('details').forEach(part => part.open = true)")
    opacity = "getComputedStyle(document.querySelector('ol.lines li:not(.gap) .why')).opacity"
    assert browser.value(opacity) == "0"
    browser.value("document.querySelector('ol.lines li:not(.gap)').focus()")
    assert browser.value(opacity) == "1"
    directions = "[...document.querySelectorAll('ol.lines bdi')].map(line => getComputedStyle(line).direction)"
    assert {"rtl", "ltr"} == set(browser.value(directions))


def test_the_policy_holds(browser, reports, tmp_path):
    """A script that stood in the page would not run: the browser names the policy."""
    report = reports["corpus"].read_text("utf-8")
    script = "<script>console.log('run')</script>"
    (tmp_path / "report.html").write_text(report.replace("<main>", f"<main>{script}"), "utf-8")
    browser.open(tmp_path / "report.html")
    assert any("Content Security Policy" in message for message in browser.messages)
    assert not any("'run'" in message and "Content Security Policy" not in message for message in browser.messages)
