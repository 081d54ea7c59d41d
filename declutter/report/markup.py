"""HTML written by plain functions: text is escaped unless it is `Html` already, so that nothing is escaped by habit.

A template language would be one more dependency for two documents, and escapes only what its author remembers to
print through it; here a string that was not made by `tag` or `markup` can't become an element.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import unicodedata
from functools import cache
from importlib import resources

VOID = frozenset({"meta", "link", "br", "circle", "line", "rect", "path"})  # elements written without a closing tag
#: What reorders text for the eye, beyond its own line's direction: overrides, embeddings and isolates.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
NO_HTML = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # what HTML, or UTF-8, has no place for
ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M1 3h14M1 13h14' stroke='#b98a5a' "
    "stroke-width='2'/><path d='M1 8h14' stroke='#1f6f9c' stroke-width='4'/></svg>"
)


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: object) -> Html:
    """Text as HTML. `Html` is left as it is; characters that HTML has no place for become U+FFFD."""
    return text if isinstance(text, Html) else Html(html.escape(NO_HTML.sub("\ufffd", str(text))))


def markup(*parts: object) -> Html:
    """The parts one after the other: text is escaped, `Html` taken as it is, None left out."""
    return Html("".join([escaped(part) for part in parts if part is not None]))


def tag(name: str, /, *parts: object, **attributes: object) -> Html:
    """An element. In the names of attributes `_` stands for `-`, and a last `_` is dropped (`class_`).

    An attribute that is None or False is left out; True writes its name alone.
    """
    written = "".join(
        [
            f" {_attribute_name(key)}" + ("" if value is True else f'="{escaped(value)}"')
            for key, value in attributes.items()
            if value is not None and value is not False
        ]
    )
    if name in VOID:
        return Html(f"<{name}{written}>" if name in ("meta", "link", "br") else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{markup(*parts)}</{name}>")


def _attribute_name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def cut(text: str, longest_chars: int) -> str:
    return text if len(text) <= longest_chars else text[: longest_chars - 1] + "…"


def page_text(text: str, longest_chars: int) -> Html:
    """Text of a page, in a bidi isolate of its own direction.

    Controls, broken surrogates and bidi overrides are shown by their code points: they would steer the reader's eye,
    or can't stand in HTML. Marks that words are written with (joiners, LRM, RLM) are left in.
    """
    shown = [
        tag("i", f"U+{ord(char):04X}") if _is_hidden(char) else escaped(char) for char in cut(text, longest_chars)
    ] if _has_hidden(text[:longest_chars]) else [escaped(cut(text, longest_chars))]  # fmt: skip
    return tag("bdi", *shown, dir="auto")


def _has_hidden(text: str) -> bool:
    return not text.isprintable() and any(map(_is_hidden, text))


def _is_hidden(char: str) -> bool:
    return char != "\t" and (char in BIDI_CONTROLS or unicodedata.category(char) in HIDDEN_CATEGORIES)


@cache
def style() -> str:
    """The style sheet of every report."""
    text = resources.files("declutter.report").joinpath("style.css").read_text("utf-8")
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.S)).strip()


def document(title: str, *body: object) -> str:
    """A whole page that needs nothing else: no script, no network, and a policy that forbids both."""
    sheet = f"\n{style()}\n"
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    # nothing may be fetched, no script may run, and no style but this sheet counts
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    icon = "data:image/svg+xml;base64," + base64.b64encode(ICON.encode()).decode()
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content="declutter"),
        tag("title", title),
        tag("link", rel="icon", href=icon),
        tag("style", Html(sheet)),
    )
    page = tag("html", head, tag("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"
