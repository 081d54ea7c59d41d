"""Page: one scraped document. Cleaned: what declutter made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from declutter.lines import Verdicts


@dataclass(frozen=True, slots=True)
class Page:
    """One scraped document: a text dump (`text`) or HTML (`html`), never both.

    `id` names the page in results and messages. `site` groups pages that share templates; where it is
    None, the registered domain of `url` does, and where that is None too, pages are grouped by the
    lines they share.
    """

    id: str
    site: str | None = None
    url: str | None = None
    text: str | None = None
    html: str | bytes | None = None

    def __post_init__(self):
        if (self.text is None) == (self.html is None):
            raise ValueError(f"page {self.id!r}: give either text or html")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A page, the text kept of it, and the verdict on each of its lines.

    `error` is None, or says why the page could not be judged; its text is then passed through whole. `partial` is
    None, or says what of a hostile HTML page was not read.
    """

    page: Page
    text: str
    verdicts: Verdicts
    error: str | None = None
    partial: str | None = None
