"""Text that only JSON carries: a page whose elements hold next to none may have its text in a script, for a browser
to show. It is written as markup, for the page to be segmented with it.

Measured on 1,358 pages (wcxb_dev) and 550 others, mostly news: all 47 articleBody texts of 200 characters and more
stood in the elements too. Of such strings in __NEXT_DATA__ that the elements lack, 14 were main content and more than
600 were not: other products, popups, search results. Adding JSON-LD's text to pages with up to 5,000 characters of
text changed 3 pages, by +.01, 0 and -.13 of F1. So a page with text of its own is left alone.
"""

from __future__ import annotations

import html as markup
import json
import re
from collections.abc import Iterator

#: A page with more characters of text in its elements is left alone.
NO_TEXT_CHARS = 1_000
#: Shorter JSON texts are names, teasers and interface.
LEAST_CHARS = 150
#: Bounds for hostile pages: characters of a script that is read, values visited, characters of text taken.
MAX_SCRIPT_CHARS, MAX_VALUES, MAX_TEXT_CHARS = 5_000_000, 200_000, 500_000

LD_JSON, OTHER_JSON = "application/ld+json", "application/json"
#: What schema.org calls the text of a page about one thing, and the things whose `text` or `description` is that.
BODY_KEYS = ("articleBody", "reviewBody", "recipeInstructions")
POSTS = frozenset({"DiscussionForumPosting", "SocialMediaPosting", "Question", "Answer", "Comment"})
THINGS = frozenset(
    "Product ProductGroup Course Event JobPosting Recipe Service SoftwareApplication Book Accommodation Dataset".split()
)
LISTS = ("itemListElement", "review", "comment", "hasPart", "isRelatedTo", "isSimilarTo", "mainEntityOfPage")
#: Words of a key (split at capitals and underscores) that names text in any other JSON.
TEXT_WORDS = frozenset("body content text html description copy paragraph markdown".split())
KEY_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
LETTERS = re.compile(r"[^\W\d_]")


def scripts(html: str, media_type: str) -> Iterator[object]:
    """What the page's scripts of a media type hold.

    Those that hold no JSON, or too much, are passed over, as browsers do.
    """
    place = html.find(media_type)
    while place >= 0:
        start = html.find(">", place) + 1
        end = html.find("</script", start) if start else -1
        if end < 0:
            return  # the page ends within it
        if end - start <= MAX_SCRIPT_CHARS:
            try:
                yield json.loads(html[start:end].strip().removeprefix("<!--").removesuffix("-->"), strict=False)
            except (ValueError, RecursionError):  # broken, or too deep
                pass
        place = html.find(media_type, end)


def objects(html: str) -> Iterator[dict]:
    """The objects of the page's JSON-LD that have a type, those within others too."""
    for value, _ in _values(scripts(html, LD_JSON)):
        if isinstance(value, dict) and "@type" in value:
            yield value


def types(thing: dict) -> set[str]:
    """The schema.org types of a JSON-LD object."""
    found = thing.get("@type")
    names = found if isinstance(found, list) else [found]
    return {name.rpartition("/")[2] for name in names if isinstance(name, str)}


def _values(roots: Iterator[object], skipped: tuple[str, ...] = ()) -> Iterator[tuple[object, str]]:
    """(value, its key) of all that JSON values hold, in document order, without what stands under `skipped` keys."""
    for root in roots:
        waiting: list[tuple[object, str]] = [(root, "")]
        for _ in range(MAX_VALUES):
            if not waiting:
                break
            value, key = waiting.pop()
            yield value, key
            if isinstance(value, dict):
                waiting += [(value[name], name) for name in reversed(value) if name not in skipped]
            elif isinstance(value, list):
                waiting += [(item, key) for item in reversed(value)]


def json_markup(html: str, text: str) -> str:
    """Markup of the text that the page's JSON has and its elements (`text`) lack; "" where there is none to use.

    What schema.org's vocabulary names goes first; other JSON doesn't say what is the page's own.
    """
    if len(text) > NO_TEXT_CHARS:
        return ""
    seen = _squeezed(text)
    found = _unseen(_schema_texts(html), seen) or _unseen(_other_texts(html), seen)
    return f"<article>{''.join(found)}</article>" if found else ""


def _schema_texts(html: str) -> Iterator[str]:
    """The text of the one thing that the page is about, or of a forum's posts."""
    for value, _ in _values(scripts(html, LD_JSON), LISTS):
        if not isinstance(value, dict):
            continue
        kinds = types(value)
        keys = BODY_KEYS + ("text",) * bool(kinds & POSTS) + ("description",) * bool(kinds & THINGS)
        yield from (value[key] for key in keys if isinstance(value.get(key), str))


def _other_texts(html: str) -> Iterator[str]:
    for value, key in _values(scripts(html, OTHER_JSON)):
        if isinstance(value, str) and TEXT_WORDS.intersection(map(str.lower, KEY_WORD.findall(key))):
            yield value


def _unseen(texts: Iterator[str], seen: str) -> list[str]:
    """The texts as markup, without short ones, code, and what was seen before."""
    found, n_chars = [], 0
    for text in texts:
        plain = markup.unescape(TAG.sub(" ", markup.unescape(text)))
        squeezed = _squeezed(plain)
        if len(plain) < LEAST_CHARS or not _is_prose(plain) or squeezed[: LEAST_CHARS // 2] in seen:
            continue
        n_chars += len(text)
        if n_chars > MAX_TEXT_CHARS:
            break
        seen += squeezed
        found.append(_as_markup(text))
    return found


def _squeezed(text: str) -> str:
    """Letters and digits alone, to compare by."""
    return re.sub(r"[\W_]+", "", text.lower())


def _is_prose(plain: str) -> bool:
    """Whether the text is mostly letters: no code, data or list of links."""
    visible = "".join(plain.split())
    return len(LETTERS.findall(visible)) > 0.8 * len(visible) and "://" not in plain[:40]


def _as_markup(text: str) -> str:
    """The text's own markup where it has some, else its lines as paragraphs."""
    if "&lt;" in text and not TAG.search(text):
        text = markup.unescape(text)
    if TAG.search(text):
        return f"<div>{text}</div>"
    lines = [line for line in markup.unescape(text).splitlines() if line.strip()]
    return "".join(f"<p>{markup.escape(line)}</p>" for line in lines)
