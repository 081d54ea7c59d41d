"""The registry of peers: other extractors and text cleaners, each as its documentation says to use it.

Nothing but the standard library is imported here: a peer runs in whatever interpreter has it (see `answers.py`). To add
one, write a function that imports the library and returns `(content, url) -> text`, and add a row to PEERS.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

#: (a page's HTML or a dump's text, the page's URL or None) to the text it keeps.
Clean = Callable[[str, "str | None"], str]


@dataclass(frozen=True)
class Peer:
    """One tool in one setting."""

    name: str
    package: str | None  # its distribution; None for what needs none
    source: str  # "html" or "dump": what it is given
    load: Callable[[], Clean]  # imports the library, so that import time is no page's
    about: str = ""  # the setting, where it is not the default


def _trafilatura(**options) -> Clean:
    import trafilatura

    return lambda html, url: trafilatura.extract(html, **options) or ""


def _rs_trafilatura(with_url: bool) -> Clean:
    import rs_trafilatura

    return lambda html, url: rs_trafilatura.extract(html, url=url if with_url else None).main_content or ""


def _resiliparse() -> Clean:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda html, url: extract_plain_text(html, main_content=True)


def _justext(language: str | None) -> Clean:
    """Without a language no stop words are asked for, as jusText's documentation has it."""
    import justext

    words = frozenset() if language is None else justext.get_stoplist(language)
    options = {"stopwords_low": 0, "stopwords_high": 0} if language is None else {}

    def clean(html: str, url: str | None) -> str:
        paragraphs = justext.justext(html.encode("utf-8"), words, encoding="utf-8", **options) if html.strip() else []
        return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)

    return clean


def _readability_lxml() -> Clean:
    """Its answer is HTML; its text nodes are parted by line ends, so that neighbours don't become one word."""
    from lxml import html as lxml_html
    from readability import Document

    def clean(html: str, url: str | None) -> str:
        return "\n".join(lxml_html.fromstring(Document(html).summary(html_partial=True)).itertext())

    return clean


def _go_readability() -> Clean:
    from pygoreadability import from_string

    return lambda html, url: from_string(html, url).content_text


def _boilerpy3() -> Clean:
    from boilerpy3.extractors import CanolaExtractor

    extractor = CanolaExtractor()
    return lambda html, url: extractor.get_content(html)


def _newspaper4k() -> Clean:
    from newspaper import Article

    def clean(html: str, url: str | None) -> str:
        article = Article(url or "https://example.org/", fetch_images=False)
        article.download(input_html=html)
        article.parse()
        return article.text

    return clean


def _goose3() -> Clean:
    from goose3 import Goose

    goose = Goose({"enable_image_fetching": False})
    return lambda html, url: goose.extract(raw_html=html).cleaned_text


def _magic_html() -> Clean:
    """Its answer is HTML; its text nodes are parted by line ends, so that neighbours don't become one word."""
    from lxml import html as lxml_html
    from magic_html import GeneralExtractor

    extractor = GeneralExtractor()

    def clean(html: str, url: str | None) -> str:
        found = extractor.extract(html, base_url=url or "")["html"]
        return "\n".join(lxml_html.fromstring(found).itertext()) if found.strip() else ""

    return clean


def _html_text() -> Clean:
    import html_text

    return lambda html, url: html_text.extract_text(html)


def _winnow(aggressiveness: float) -> Clean:
    """It judges blocks of Markdown, which blank lines part: every line is given to it as a block."""
    import winnow

    def clean(text: str, url: str | None) -> str:
        blocks = "\n\n".join(line for line in text.split("\n") if line.strip())
        return winnow.clean(blocks, url=url, aggressiveness=aggressiveness).markdown

    return clean


def _c4() -> Clean:
    """The rules for lines alone: those that drop whole pages (few sentences, a curly bracket) are switched off."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter

    c4 = C4QualityFilter(min_num_sentences=-1, filter_lorem_ipsum=False, filter_curly_bracket=False)

    def clean(text: str, url: str | None) -> str:
        document = Document(text=text, id="")
        c4.filter(document)
        return document.text

    return clean


def _keep_all() -> Clean:
    return lambda content, url: content


def _empty() -> Clean:
    return lambda content, url: ""


PEERS = (
    Peer("rs-trafilatura", "rs-trafilatura", "html", functools.partial(_rs_trafilatura, True), "with the URL"),
    Peer("rs-trafilatura, no URL", "rs-trafilatura", "html", functools.partial(_rs_trafilatura, False)),
    Peer("trafilatura", "trafilatura", "html", _trafilatura, "with comments"),
    Peer("trafilatura, no comments", "trafilatura", "html", functools.partial(_trafilatura, include_comments=False)),
    Peer("go-readability", "pygoreadability", "html", _go_readability),
    Peer("resiliparse", "resiliparse", "html", _resiliparse, "main content"),
    Peer("magic-html", "magic-html", "html", _magic_html),
    Peer("jusText, no language", "justext", "html", functools.partial(_justext, None)),
    Peer("jusText, English", "justext", "html", functools.partial(_justext, "English")),
    Peer("boilerpy3", "boilerpy3", "html", _boilerpy3, "Canola"),
    Peer("readability-lxml", "readability-lxml", "html", _readability_lxml),
    Peer("newspaper4k", "newspaper4k", "html", _newspaper4k),
    Peer("goose3", "goose3", "html", _goose3),
    Peer("html-text", "html-text", "html", _html_text, "keeps everything"),
    Peer("winnow-md", "winnow-md", "dump", functools.partial(_winnow, 0.5)),
    Peer("winnow-md, hardest", "winnow-md", "dump", functools.partial(_winnow, 1.0), "aggressiveness 1"),
    Peer("C4 line rules", "datatrove", "dump", _c4, "datatrove, without the rules that drop whole pages"),
    Peer("keep all", None, "dump", _keep_all),
    Peer("empty", None, "dump", _empty),
)
BY_NAME = {peer.name: peer for peer in PEERS}
