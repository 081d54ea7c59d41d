"""What an HTML page says of itself: title, author, date, language, site.

The page's own statements are read here: schema.org's JSON-LD, Open Graph and meta elements, microdata. Where they say
no date, `htmldate` looks for one in the page; the language is told from the text by `py3langid`. Both come with
`pip install "declutter-text[metadata]"` and may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec

from selectolax.lexbor import LexborHTMLParser

from declutter.extras import kinds
from declutter.pages import Cleaned
from declutter.stages.segment.bounds import bounded
from declutter.stages.segment.json_text import objects, types

UNKNOWN_LANGUAGE = "und"  # as BCP 47 has it
LEAST_LANGUAGE_CHARS = 60  # letters of text from which on its language is told from it rather than from the page
LANGUAGE_CHARS = 3_000  # of text that its language is told from
MAX_VALUE_CHARS = 400  # of a title or name
MAX_AUTHORS = 10

ARTICLES = frozenset(
    "Article NewsArticle BlogPosting Report TechArticle ScholarlyArticle ReportageNewsArticle OpinionNewsArticle"
    " AnalysisNewsArticle BackgroundNewsArticle ReviewNewsArticle LiveBlogPosting SocialMediaPosting"
    " DiscussionForumPosting Question Recipe HowTo Review Book Course JobPosting Event Product".split()
)
#: Where a page says it, best first: (attribute, its value) of a <meta>, whose `content` is read.
TITLE_METAS = (("property", "og:title"), ("name", "twitter:title"), ("name", "dc.title"), ("name", "citation_title"))
AUTHOR_METAS = (
    ("name", "author"), ("property", "article:author"), ("name", "dc.creator"), ("name", "citation_author"),
    ("name", "parsely-author"), ("name", "sailthru.author"), ("property", "author"),
)  # fmt: skip
DATE_METAS = (
    ("property", "article:published_time"), ("property", "og:published_time"), ("name", "date"),
    ("name", "dc.date"), ("name", "dc.date.issued"), ("name", "citation_publication_date"), ("name", "pubdate"),
    ("name", "parsely-pub-date"), ("name", "publish-date"), ("itemprop", "datepublished"),
)  # fmt: skip
SITE_METAS = (("property", "og:site_name"), ("name", "application-name"), ("name", "apple-mobile-web-app-title"))
LANGUAGE_METAS = (("http-equiv", "content-language"), ("name", "language"), ("property", "og:locale"))
#: Elements that name the author, where no meta does.
AUTHOR_ELEMENTS = '[itemprop~="author"] [itemprop~="name"], [itemprop~="author"], a[rel~="author"]'
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
LANGUAGE_TAG = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8})*$")
TITLE_PARTS = re.compile(r"\s+[|\-–—:·»•]+\s+|\s*[|»]\s*")
BY = re.compile(r"^(?:written |posted |story )?by:?\s+", re.I)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a page beside its text; None where it isn't."""

    title: str | None
    author: str | None  # several are joined by "; "
    date: str | None  # when it was first published, "2026-11-22"
    language: str  # a BCP 47 tag, "und" where it is unknown
    site: str | None  # the site's own name for itself


def of(html: str, url: str | None = None, text: str = "") -> Metadata:
    """The metadata of a page; `text` is what was kept of it, to tell its language from.

    Hostile pages are cut as `split_html` cuts them.
    """
    octets, *_ = bounded(html.replace("\0", "").encode("utf-8", "replace"))
    tree = LexborHTMLParser(octets or b" ")
    things = list(objects(html))
    metas = _metas(tree)
    site = _first([*_contents(metas, SITE_METAS), *_publishers(things)])
    return Metadata(
        title=_title(tree, metas, things, site),
        author=_author(tree, metas, things, site),
        date=_date(html, url, metas, things),
        language=_language(tree, metas, text),
        site=site,
    )


def record(cleaned: Cleaned) -> dict[str, str | None]:
    """What JSON output says of a cleaned page: id, url, title, author, date, language, site, kind, text.

    Of a dump only its language is told. A page that was passed through because it can't be judged has no kind.
    """
    page = cleaned.page
    if page.html is None:
        found, kind = Metadata(None, None, None, of("", text=cleaned.text).language, None), None
    else:
        from declutter.stages.segment.decode import decode_html

        html = page.html if isinstance(page.html, str) else decode_html(page.html)
        found = of(html, page.url, "" if cleaned.error else cleaned.text)
        kind = None if cleaned.error else next(iter(kinds.of(page)))
    return {"id": page.id, "url": page.url, **asdict(found), "kind": kind, "text": cleaned.text}


def _metas(tree: LexborHTMLParser) -> dict[tuple[str, str], list[str]]:
    """The contents of <meta> elements by (attribute, its value in lower case), in the page's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        for name in ("property", "name", "itemprop", "http-equiv"):
            if attributes.get(name):
                found.setdefault((name, attributes[name].lower()), []).append(attributes["content"] or "")
                if name != "itemprop":  # pages mix up `property` and `name`
                    other = "name" if name == "property" else "property"
                    found.setdefault((other, attributes[name].lower()), []).append(attributes["content"] or "")
    return found


def _contents(metas: dict[tuple[str, str], list[str]], keys: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key in keys:
        yield from metas.get(key, ())


def _first(values: Iterable[object]) -> str | None:
    """The first value that is text, its spaces folded."""
    for value in values:
        if isinstance(value, str) and (folded := " ".join(value.split())):
            return folded[:MAX_VALUE_CHARS]
    return None


def _named(values: object) -> Iterator[str]:
    """The names in what JSON-LD gives for a person or firm: a name, an object with one, or a list of them."""
    for value in values if isinstance(values, list) else [values]:
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, list):
            name = next(iter(name), None)
        if isinstance(name, str) and name.strip() and "://" not in name:
            yield " ".join(name.split())[:MAX_VALUE_CHARS]


def _publishers(things: list[dict]) -> Iterator[str]:
    for thing in things:
        if "WebSite" in types(thing):
            yield from _named(thing.get("name"))
    for thing in things:
        yield from _named(thing.get("publisher"))


def _title(tree: LexborHTMLParser, metas: dict, things: list[dict], site: str | None) -> str | None:
    """The page's headline, without the name of the site that titles end or begin with."""
    headlines = [thing.get("headline") for thing in things if types(thing) & ARTICLES]
    headings = [node.text() for node in tree.css("h1")[:20]]
    whole = _first([*(node.text() for node in tree.css("title")[:1]), *_contents(metas, TITLE_METAS)])
    only = headings if len({_folded(heading) for heading in headings} - {""}) == 1 else []
    title = _first([*only, *headlines, *_contents(metas, TITLE_METAS), whole, *headings])
    return _without_site(title, site) if title else None


def _folded(text: str) -> str:
    return "".join(text.split()).lower()


def _without_site(title: str, site: str | None) -> str:
    parts = TITLE_PARTS.split(title)
    for part, rest in ((parts[-1], title.removesuffix(parts[-1])), (parts[0], title.removeprefix(parts[0]))):
        if len(parts) > 1 and site and _folded(part) == _folded(site):
            return rest.strip(" |-–—:·»•")
    return title


def _author(tree: LexborHTMLParser, metas: dict, things: list[dict], site: str | None) -> str | None:
    """Who wrote the page; the site itself is no author."""
    of_articles = [name for thing in things if types(thing) & ARTICLES for name in _named(thing.get("author"))]
    of_metas = [name for name in _contents(metas, AUTHOR_METAS) if "://" not in name]
    in_elements = [node.text() for node in tree.css(AUTHOR_ELEMENTS)[:MAX_AUTHORS]]
    for names in (of_articles, of_metas, in_elements):
        folded = (BY.sub("", " ".join(name.split()))[:MAX_VALUE_CHARS] for name in names)
        different = dict.fromkeys(name for name in folded if name and _folded(name) != _folded(site or ""))
        if different:
            return "; ".join(list(different)[:MAX_AUTHORS])
    return None


def _date(html: str, url: str | None, metas: dict, things: list[dict]) -> str | None:
    """The day of first publication, YYYY-MM-DD."""
    of_things = [thing.get("datePublished") or thing.get("datePosted") for thing in things if types(thing) & ARTICLES]
    of_pages = [thing.get("datePublished") or thing.get("uploadDate") for thing in things]
    for value in (*of_things, *_contents(metas, DATE_METAS), *of_pages):
        found = DAY.match(value.strip()) if isinstance(value, str) else None
        if found:
            return "-".join(found.groups())
    return _searched_date(html, url)


def _searched_date(html: str, url: str | None) -> str | None:
    """The date that htmldate finds, None where it isn't installed."""
    if find_spec("htmldate") is None:
        return None
    from htmldate import find_date

    return find_date(html, url=url, original_date=True, extensive_search=False)


def _language(tree: LexborHTMLParser, metas: dict, text: str) -> str:
    """The language of the text where a library tells it, else what the page declares."""
    if len(text) >= LEAST_LANGUAGE_CHARS and find_spec("py3langid") is not None:
        from py3langid import classify

        return classify(text[:LANGUAGE_CHARS])[0]
    root = tree.css_first("html")
    declared = (root.attributes.get("lang") or root.attributes.get("xml:lang")) if root is not None else None
    for value in (declared, *_contents(metas, LANGUAGE_METAS)):
        if value and LANGUAGE_TAG.match(value.strip()):
            return value.strip().replace("_", "-")
    return UNKNOWN_LANGUAGE
