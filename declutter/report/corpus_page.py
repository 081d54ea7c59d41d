"""The report on a corpus as one HTML page, never larger than LARGEST_BYTES."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from declutter import __version__
from declutter.lines import LABELS
from declutter.report.corpus import Corpus, SiteCounts, shown_sample
from declutter.report.figures import Bar, bars, histogram, legend, share_bar, table
from declutter.report.markup import Html, cut, document, markup, page_text, tag
from declutter.report.odd import KINDS
from declutter.report.specimen import LINE_CHARS, NAME_CHARS, Specimen, specimen_html

SHOWN_SITES = 40
TEMPLATE_SITES = 20
TEMPLATE_LINES = 15
SHOWN_FAILURES = 40
SAMPLE_PAGES = 24
SITE_CHARS = 60
LARGEST_BYTES = 2_000_000
#: What each part that grows with the corpus may take; together with the figures and the style they stay below.
PART_BYTES = {"sites": 150_000, "templates": 350_000, "odd": 550_000, "sample": 750_000, "failed": 60_000}
SHADES = 6  # of a cell, by the share it holds

MEANINGS = {
    "title": "headline of the page",
    "body": "prose, lists, tables, code",
    "caption": "image captions and credits",
    "byline": "author, date, source",
    "navigation": "menus, breadcrumbs, topics, pagers",
    "headlines": "links to other articles",
    "comments": "comment headings, links, forms",
    "promo": "share bars, newsletters, ads",
    "legal": "copyright, cookies, terms",
}


def corpus_page(corpus: Corpus, name: str) -> str:
    """The report as HTML; `name` says what was looked at."""
    title = f"What declutter did to {cut(name, NAME_CHARS)}"
    sections = [
        _section("labels", "What was kept and removed", _labels(corpus)),
        _section("sites", "Site by site", _sites(corpus)),
        _section("templates", "Template lines", _templates(corpus)),
        _section("odd", "Pages to look at", _odd(corpus)),
        _section("sample", "A sample, line by line", _sample(corpus)),
    ]
    anchors = {"labels": "Labels", "sites": "Sites", "templates": "Templates", "odd": "Odd pages", "sample": "Sample"}
    contents = tag("nav", *[tag("a", words, href=f"#{name}") for name, words in anchors.items()], aria_label="Contents")
    foot = tag("footer", tag("p", f"declutter {__version__}; {corpus.settings}."))
    header = tag("header", tag("p", "declutter report", class_="eyebrow"), tag("h1", title), _tiles(corpus), contents)
    return document(title, header, tag("main", *sections), foot)


def _section(anchor: str, heading: str, *parts: object) -> Html:
    return tag("section", tag("h2", heading), *parts, id=anchor)


def _tiles(corpus: Corpus) -> Html:
    lines, chars = corpus.lines, corpus.chars
    facts = [
        (f"{corpus.n_pages:,}", "pages"),
        (f"{int(lines.sum()):,}", "lines"),
        (_percent(chars[:, 1].sum(), chars.sum()), "of characters kept"),
        (_percent(lines[:, 1].sum(), lines.sum()), "of lines kept"),
        (f"{corpus.confidence / max(corpus.n_pages - corpus.passed_through, 1):.2f}", "expected F1 of a page"),
        (f"{corpus.n_sites:,}", "sites with shared templates"),
        (f"{corpus.passed_through + corpus.n_failed:,}", "pages not judged"),
    ]
    return tag("dl", *[tag("div", tag("dt", words), tag("dd", number)) for number, words in facts], class_="tiles")


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "–"


def _labels(corpus: Corpus) -> Html:
    (removed, kept), lines = corpus.repeated.tolist(), corpus.lines.sum(axis=0)
    repeated = tag(
        "p",
        *(
            "Of the lines removed, ",
            tag("b", _percent(removed, lines[0])),
            " stand on two or more pages of their site; ",
        ),
        *("of the lines kept, ", tag("b", _percent(kept, lines[1])), "."),
    )
    key = legend(("kept", "kept"), ("removed", "removed"))
    distributions = tag("div", _shares(corpus), _scores(corpus))
    return markup(key, tag("div", _label_bars(corpus), distributions, class_="pair"), repeated)


def _label_bars(corpus: Corpus) -> Html:
    """The labels kept, then those removed, each by its share of the characters."""
    lines, chars = corpus.lines, corpus.chars
    total = max(int(chars.sum()), 1)
    rows = []
    for kept in (1, 0):
        for code in np.argsort(-chars[:, kept], kind="stable").tolist():
            if lines[code, kept]:
                shown = f"{_percent(chars[code, kept], total)} · {int(lines[code, kept]):,} lines"
                kind, label = "kept" if kept else "removed", LABELS[code]
                rows.append(Bar(label, chars[code, kept] / total, shown, kind, MEANINGS[label]))
    of_lines = _percent(lines[:, 1].sum(), lines.sum())
    words = f"{_percent(chars[:, 1].sum(), total)} of the characters and {of_lines} of the lines were kept."
    greatest = max([row.value for row in rows], default=1)
    return bars("by-label", "Characters by label.", words, rows, greatest, ["label", "characters · lines"])


def _shares(corpus: Corpus) -> Html:
    n_steps = len(corpus.share_pages)
    labels = [f"{100 * step // n_steps}%" for step in range(n_steps)]
    labels[-1] = "100%"
    words = "Pages at either end are worth a look: there nothing or everything was kept."
    return histogram(
        "kept-shares", "Pages by the share of them that was kept.", words, labels,
        {"plain": corpus.share_pages.tolist()}, "pages",
    )  # fmt: skip


def _scores(corpus: Corpus) -> Html:
    n_steps = len(corpus.score_lines)
    labels = [f"{step / n_steps:.2f}" for step in range(n_steps)]
    labels[0], labels[n_steps // 2], labels[-1] = "score 0", "0.5", "1"
    near = int(corpus.score_lines[int(0.3 * n_steps) : int(0.7 * n_steps)].sum())
    share = _percent(near, corpus.score_lines.sum())
    words = f"{share} have a score between 0.3 and 0.7, where the engine is not sure."
    parts = {"removed": corpus.score_lines[:, 0].tolist(), "kept": corpus.score_lines[:, 1].tolist()}
    return histogram("scores", "Lines by score.", words, labels, parts, "lines")


def _sites(corpus: Corpus) -> Html:
    """A row a site: what share of its characters each label was, and whether that was kept."""
    used = [code for code in range(len(LABELS)) if corpus.lines[code].sum()]
    head = ["site", "pages", "kept", *[LABELS[code] for code in used]]
    rows = [_site_row(site, used) for site in corpus.sites[:SHOWN_SITES]]
    fitting = list(within(PART_BYTES["sites"], [markup(*row) for row in rows]))
    words = (
        "Each cell is the share of a site's characters that has the label; the stronger its colour, the larger. "
        "Blue was kept, orange removed."
    )
    left_out = len(corpus.sites) - len(fitting)
    more = tag("p", f"{left_out} more sites are not shown.") if left_out > 0 else None
    cells = table(head, rows[: len(fitting)], "heat")
    scrolled = tag("div", cells, class_="scroll", tabindex="0", role="region", aria_label="Labels by site")
    return markup(tag("p", words), scrolled, more)


def _site_row(site: SiteCounts, used: list[int]) -> list[object]:
    total = max(int(site.chars.sum()), 1)
    known = markup(_site_name(site), tag("small", _site_detail(site)))
    kept = tag("td", share_bar(site.kept_share), f" {100 * site.kept_share:.0f}%", class_="n")
    return [known, f"{site.n_pages:,}", kept, *[_label_cell(*(site.chars[code] / total).tolist()) for code in used]]


def _label_cell(removed: float, kept: float) -> Html:
    """The shares of a site's characters that have a label, and were removed or kept."""
    share = removed + kept
    if share < 0.005:
        return tag("td", "·" if share else "", class_="n")
    shade = min(SHADES, int(np.ceil(share * 2 * SHADES)))
    return tag("td", f"{100 * share:.0f}%", class_=f"n {'k' if kept > removed else 'r'}{shade}")


def _site_name(site: SiteCounts) -> Html:
    """A site that was found by its template lines is named by the folder that its pages stand in, if in one."""
    if site.name is None:
        return Html("pages alone")
    return page_text(site.folder or site.name, SITE_CHARS)


def _site_detail(site: SiteCounts) -> Html:
    if site.name is not None and site.folder not in ("", site.name):
        return page_text(site.name, SITE_CHARS)
    return markup("such as ", page_text(site.example, SITE_CHARS))


def _templates(corpus: Corpus) -> Html:
    sites = [site for site in corpus.sites if site.name is not None and site.templates]
    if not sites:
        return tag("p", "No line stands on two or more pages of a site.")
    words = (
        "Lines that recur over the pages of a site, counted without digits, case and punctuation. Those that were kept "
        "somewhere are marked: a heading of every page's table belongs there, a menu does not."
    )
    parts = [_site_templates(site, number == 0) for number, site in enumerate(sites[:TEMPLATE_SITES])]
    shown = list(within(PART_BYTES["templates"], parts))
    left_out = len(sites) - len(shown)
    return markup(tag("p", words), *shown, tag("p", f"{left_out} more sites are not shown.") if left_out else None)


def _site_templates(site: SiteCounts, is_open: bool) -> Html:
    rows = []
    for line in site.top_templates(TEMPLATE_LINES):
        label = line.labels.most_common(1)[0][0]
        kept = "removed" if not line.kept else f"kept {line.kept:,} of {line.seen:,}"
        cell = tag("td", kept, class_="warn" if line.kept else None)
        on_pages = f"{line.pages_with:,} of {site.site_pages:,}"
        rows.append([page_text(line.text, LINE_CHARS // 2), on_pages, tag("td", label), cell])
    facts = tag("small", _counted(site.n_pages), ", ", _site_detail(site), class_="facts")
    summary = tag("summary", tag("b", _site_name(site)), " ", facts)
    shown = tag("div", table(["line", "on pages", "label", "decision"], rows, "templates"), class_="scroll")
    return tag("details", summary, shown, class_="page", open=is_open)


def _odd(corpus: Corpus) -> Html:
    found = corpus.odd.found()
    parts: list[Html] = []
    left = PART_BYTES["odd"]
    for kind, picked in found.items():
        heading, words = KINDS[kind]
        share = left // max(len(found) - len(parts), 1)
        pages = within(share, (specimen_html(page, note=note) for page, note in picked))
        counted = tag("small", _counted(corpus.odd.n_pages[kind]))
        part = tag("div", tag("h3", f"{heading} ", counted), tag("p", words), *pages)
        left -= size(part)
        parts.append(part)
    if corpus.failed:
        parts.append(_failed(corpus))
    return markup(*parts) if parts else tag("p", "None: every page was judged, and none stands out from its site.")


def _counted(n_pages: int) -> str:
    return f"{n_pages:,} page{'s' if n_pages != 1 else ''}"


def _failed(corpus: Corpus) -> Html:
    entries = [tag("li", page_text(reason, 2 * NAME_CHARS)) for reason in list(corpus.failed.values())[:SHOWN_FAILURES]]
    shown = list(within(PART_BYTES["failed"], entries))
    left_out = corpus.n_failed - len(shown)
    more = tag("p", f"{left_out:,} more.") if left_out else None
    return tag("div", tag("h3", "Not read ", tag("small", _counted(corpus.n_failed))), tag("ul", *shown), more)


def _sample(corpus: Corpus) -> Html:
    words = (
        "Pages drawn by chance, of each site in turn. A blue bar marks what was kept, a thin orange one what was "
        "removed. Point at a line, tap it, or reach it with the Tab key, and its reason is shown."
    )
    pages: list[Specimen] = list(shown_sample(corpus.sites, SAMPLE_PAGES))
    shown = within(PART_BYTES["sample"], (specimen_html(page, is_open=not number) for number, page in enumerate(pages)))
    return markup(tag("p", words), *shown)


def within(n_bytes: int, parts: Iterable[Html]) -> Iterator[Html]:
    """The parts, as long as they fit into so many bytes together."""
    for part in parts:
        n_bytes -= size(part)
        if n_bytes < 0:
            return
        yield part


def size(part: Html) -> int:
    """Its bytes in a file."""
    return len(part.encode("utf-8", "replace"))
