"""Page: one scraped document. Cleaned: the page with its verdicts and the text kept. Markup: its HTML, read once.

`in_batches` is how pages are worked on: together, because that is faster, and one by one where a batch fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Protocol, TypeVar

from declutter.errors import ModelError, PageError

if TYPE_CHECKING:
    import numpy as np

    from declutter.lines import Lines, Measures, Verdicts

BATCH_CHARS = 1 << 19  # pages judged at once: large enough for NumPy, small enough for the processor's cache
BATCH_PAGES = 256
HTML_TO_TEXT = 16  # characters of HTML to one of text, about: most of a page is markup


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

    def __post_init__(self) -> None:
        if (self.text is None) == (self.html is None):
            raise ValueError(f"page {self.id!r}: give either text or html")


@dataclass(frozen=True, slots=True)
class Markup:
    """An HTML page as judging it read it, so that nothing that writes it decodes, parses or measures it again.

    `head` and `body` are well formed, and in attribute values "<" and ">" are escaped.
    """

    html: str  # the page, decoded
    head: str  # its <head>, as the parser wrote it; "" where there is none
    body: str  # the rest, as the parser wrote it, without scripts and the like
    measures: Measures  # of its lines
    mean: np.ndarray | None = None  # the features' `page_mean`, where they were computed and no site is known


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A page, the text kept of it, and the verdict on each of its lines.

    `error` is None, or says why the page could not be judged; its text is then passed through whole. `partial` is
    None, or says which part of a hostile HTML page was not read. `markup` is there for HTML pages that were judged.
    """

    page: Page
    text: str
    verdicts: Verdicts
    error: str | None = None
    partial: str | None = None
    markup: Markup | None = field(default=None, repr=False)

    @property
    def confidence(self) -> float | None:
        """The F1 that the page's main content is expected to have, 0..1; None where the page could not be judged."""
        known = self.verdicts.confidence
        return float(known[0]) if len(known) else None

    @property
    def lines(self) -> Lines:
        """The lines of the page, to which the verdicts belong."""
        return self.verdicts.lines.part(self.verdicts.rows)


class PageLimits(Protocol):
    """Which pages may be worked on, and for how long."""

    @property
    def one_by_one(self) -> bool:
        """Whether no two pages may be worked on together."""
        ...

    def refusal(self, page: Page) -> str | None:
        """Why the page must not be worked on, or None."""
        ...

    def watched(self, batch: Sequence[Page]) -> AbstractContextManager[None]:
        """Entered around the work on a batch; raises PageError when that takes too long."""
        ...


class Unlimited:
    """PageLimits that allow everything."""

    one_by_one = False

    def refusal(self, page: Page) -> str | None:
        return None

    def watched(self, batch: Sequence[Page]) -> AbstractContextManager[None]:
        return nullcontext()


Item = TypeVar("Item")
Result = TypeVar("Result")


def in_batches(
    pages: Iterable[Page],
    work: Callable[[list[Page]], Iterable[Result]],
    given_up: Callable[[Page, str], Iterable[Result]],
    limits: PageLimits | None = None,
) -> Iterator[Result]:
    """The results of `work` on the pages, in order, a batch at a time: pages that are all dumps or all HTML.

    Where it fails on a batch, each of the batch's pages is worked on alone. A page that fails alone, or that the limits
    refuse, has the results of `given_up`, which takes the page and the reason. Raises ModelError: no page is to blame.
    """
    for batch in runs(pages, n_text_chars, BATCH_CHARS, BATCH_PAGES, lambda page: page.html is None):
        yield from _worked(batch, work, given_up, limits or Unlimited())


def _worked(batch: list[Page], work: Callable, given_up: Callable, limits: PageLimits) -> Iterable:
    refusals = [limits.refusal(page) for page in batch]
    if len(batch) == 1 and refusals[0]:
        return given_up(batch[0], refusals[0])
    if len(batch) == 1 or not (limits.one_by_one or any(refusals)):
        done, reason = _tried(batch, work, limits)
        if reason is None:
            return done
        if len(batch) == 1:
            return given_up(batch[0], reason)
    return chain.from_iterable(_worked([page], work, given_up, limits) for page in batch)


def _tried(batch: list[Page], work: Callable, limits: PageLimits) -> tuple[Iterable, str | None]:
    """The results, and the reason where there are none. What an exception holds of memory is free on return."""
    try:
        with limits.watched(batch):
            return work(batch), None
    except ModelError:
        raise
    except PageError as error:
        return (), str(error)
    except Exception as error:  # a page is the unit: the others are done
        return (), f"{type(error).__name__}: {error}"


def runs(
    items: Iterable[Item],
    size_of: Callable[[Item], int],
    max_size: int,
    max_items: int,
    group_of: Callable[[Item], object] = lambda item: None,
) -> Iterator[list[Item]]:
    """Runs of items of one group: at most `max_items`, and at most `max_size` together unless one alone is larger."""
    run: list[Item] = []
    n_size, group = 0, None
    for item in items:
        size, own_group = size_of(item), group_of(item)
        if run and (own_group != group or n_size + size > max_size or len(run) == max_items):
            yield run
            run, n_size = [], 0
        run.append(item)
        n_size, group = n_size + size, own_group
    if run:
        yield run


def n_text_chars(page: Page) -> int:
    """The characters of a page's text, for HTML an estimate: what batches are measured by."""
    return len(page.text) if page.text is not None else len(content(page)) // HTML_TO_TEXT


def content(page: Page) -> str | bytes:
    """The text of a page, or its HTML."""
    whole = page.html if page.text is None else page.text
    assert whole is not None  # a Page has one of the two
    return whole


def dump_text(page: Page) -> str:
    """The text of a page that is a dump."""
    assert page.text is not None
    return page.text
