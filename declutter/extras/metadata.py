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
from itertools import islice

from declutter.extras.elements import attribute_of, html_within, text_of
from declutter.extras.kinds import page_kinds
from declutter.pages import Cleaned, Markup
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
MAX_HEADINGS = 20  # <h1> elements that are read
META = re.compile(r"<meta( [^>]*)>")
H1, TITLE = re.compile(r"<(h1)((?= |>)[^>]*)>"), re.compile(r"<(title)((?= |>)[^>]*)>")
AUTHOR_TAG = re.compile(r"<([a-z][^\s>]*)( [^>]*author[^>]*)>")
NAME_TAG = re.compile(r"<([a-z][^\s>]*)( [^>]*itemprop[^>]*)>")
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


def page_metadata(cleaned: Cleaned) -> Metadata:
    """The metadata of a cleaned page. A dump has only a language; a page with `error` has nothing."""
    if cleaned.error is not None:
        return Metadata(None, None, None, UNKNOWN_LANGUAGE, None)
    markup = cleaned.markup
    if markup is None:
        return Metadata(None, None, None, _language("", {}, cleaned.text), None)
    things = list(objects(markup.html))
    metas = _metas(markup)
    site = _first([*_contents(metas, SITE_METAS), *_publishers(things)])
    return Metadata(
        title=_title(markup, metas, things, site),
        author=_author(markup, metas, things, site),
        date=_date(markup.html, cleaned.page.url, metas, things),
        language=_language(markup.body, metas, cleaned.text),
        site=site,
    )


def record(cleaned: Cleaned) -> dict[str, str | None]:
    """The fields of a cleaned page in JSON output: id, url, title, author, date, language, site, kind, text.

    A dump has no kind, nor has a page that was passed through because it can't be judged.
    """
    page = cleaned.page
    kind = None if cleaned.markup is None or cleaned.error is not None else next(iter(page_kinds(cleaned)))
    return {"id": page.id, "url": page.url, **asdict(page_metadata(cleaned)), "kind": kind, "text": cleaned.text}


def _metas(markup: Markup) -> dict[tuple[str, str], list[str]]:
    """The contents of <meta> elements by (attribute, its value in lower case), in the page's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for tag in (*META.findall(markup.head), *META.findall(markup.body)):
        content = attribute_of(tag, "content")
        for name in ("property", "name", "itemprop", "http-equiv"):
            value = attribute_of(tag, name)
            if value:
                found.setdefault((name, value.lower()), []).append(content)
                if name != "itemprop":  # pages mix up `property` and `name`
                    other = "name" if name == "property" else "property"
                    found.setdefault((other, value.lower()), []).append(content)
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


def _title(markup: Markup, metas: dict, things: list[dict], site: str | None) -> str | None:
    """The page's headline, without the name of the site that titles end or begin with."""
    headlines = [thing.get("headline") for thing in things if types(thing) & ARTICLES]
    headings = [text_of(html_within(markup.body, start)) for start in islice(H1.finditer(markup.body), MAX_HEADINGS)]
    titles = (
        text_of(html_within(part, start)) for part in (markup.head, markup.body) for start in TITLE.finditer(part)
    )
    whole = _first([*islice(titles, 1), *_contents(metas, TITLE_METAS)])
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


def _author(markup: Markup, metas: dict, things: list[dict], site: str | None) -> str | None:
    """Who wrote the page; the site itself is no author."""
    of_articles = [name for thing in things if types(thing) & ARTICLES for name in _named(thing.get("author"))]
    of_metas = [name for name in _contents(metas, AUTHOR_METAS) if "://" not in name]
    in_elements = islice(_author_elements(markup.body), MAX_AUTHORS)
    for names in (of_articles, of_metas, in_elements):
        folded = (BY.sub("", " ".join(name.split()))[:MAX_VALUE_CHARS] for name in names)
        different = dict.fromkeys(name for name in folded if name and _folded(name) != _folded(site or ""))
        if different:
            return "; ".join(list(different)[:MAX_AUTHORS])
    return None


def _author_elements(body: str) -> Iterator[str]:
    """The texts of the elements that name the author, in the page's order."""
    for start in AUTHOR_TAG.finditer(body):
        is_author = "author" in attribute_of(start[2], "itemprop").split()
        if is_author or (start[1] == "a" and "author" in attribute_of(start[2], "rel").split()):
            inner = html_within(body, start)
            yield text_of(inner)
            for of_name in NAME_TAG.finditer(inner) if is_author else ():
                if "name" in attribute_of(of_name[2], "itemprop").split():
                    yield text_of(html_within(inner, of_name))


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


def _language(body: str, metas: dict, text: str) -> str:
    """The language of the text where a library tells it, else what the page declares."""
    if len(text) >= LEAST_LANGUAGE_CHARS and find_spec("py3langid") is not None:
        from py3langid import classify

        return classify(text[:LANGUAGE_CHARS])[0]
    root = body[: body.find(">")]
    for value in (attribute_of(root, "lang") or attribute_of(root, "xml:lang"), *_contents(metas, LANGUAGE_METAS)):
        if value and LANGUAGE_TAG.match(value.strip()):
            return value.strip().replace("_", "-")
    return UNKNOWN_LANGUAGE
