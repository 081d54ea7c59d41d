"""What one page may cost: pages over a limit are passed through whole, with the reason, and the others are judged."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from declutter.cleaner import Cleaner, batches, passed_through, sketches_of
from declutter.files.records import Record
from declutter.pages import Cleaned, Page
from declutter.stages.repeats import Sketches

DIED = "the process that judged it died, of memory most likely"


@dataclass(frozen=True)
class Limits:
    """What one page may cost, and the pages that must not be judged at all."""

    seconds: float = 60.0  # about 10,000 times what a page takes; 0 is no limit
    n_bytes: int = 16 << 20  # of its text or HTML
    n_lines: int = 400_000  # of its text: judging takes about 1.3 kB a line, so 520 MB
    suspects: Container[str] = frozenset()  # ids of pages on which a process died
    watch: Callable[[str], None] | None = None  # told each page's id before the page is judged, one by one


class TooSlow(BaseException):
    """Time is up. No Exception, so that nothing that catches those for a page's sake holds it up."""


def judged(cleaner: Cleaner, records: Iterable[Record], limits: Limits) -> Iterator[tuple[Record, Cleaned]]:
    """The records cleaned, in order. The `cleaner` has a profile."""
    waiting: deque[Record] = deque()
    for batch in batches(_pages(records, waiting)):
        for cleaned in _clean_batch(cleaner, batch, limits):
            yield waiting.popleft(), cleaned


def sketched(records: Iterable[Record], limits: Limits) -> Iterator[Sketches]:
    """What is to be remembered of the records' pages, batch by batch, without those over a limit."""
    for batch in batches(record.page for record in records):
        allowed = [page for page in batch if _refusal(page, limits) is None]
        if limits.watch:
            for page in allowed:
                yield from _sketch_batch([page], limits)
        elif allowed:
            yield from _sketch_batch(allowed, limits)


def _pages(records: Iterable[Record], waiting: deque[Record]) -> Iterator[Page]:
    for record in records:
        waiting.append(record)
        yield record.page


def _sketch_batch(batch: list[Page], limits: Limits) -> list[Sketches]:
    """The batch, or its pages one by one where it takes too long; a page that does is left out."""
    try:
        with time_limit(batch[0].id, limits):
            return [sketches for sketches, _ in sketches_of(batch)]
    except TooSlow:
        if len(batch) == 1:
            return []
        return [sketches for page in batch for sketches in _sketch_batch([page], limits)]


def _clean_batch(cleaner: Cleaner, batch: list[Page], limits: Limits) -> Iterator[Cleaned]:
    refusals = [_refusal(page, limits) for page in batch]
    if len(batch) > 1 and (limits.watch or any(refusals)):
        for page in batch:
            yield from _clean_batch(cleaner, [page], limits)
        return
    if refusals[0]:
        yield passed_through(batch[0], refusals[0])
        return
    try:
        with time_limit(batch[0].id, limits):
            cleaned = list(cleaner.clean_pages(batch))
    except TooSlow:
        if len(batch) == 1:
            yield passed_through(
                batch[0], f"it takes longer than {limits.seconds:g} seconds; --max-page-seconds sets this"
            )
            return
        for page in batch:
            yield from _clean_batch(cleaner, [page], limits)
        return
    yield from cleaned


def _refusal(page: Page, limits: Limits) -> str | None:
    """Why a page is not to be judged."""
    size = len(page.text if page.text is not None else page.html)
    if size > limits.n_bytes:
        return f"it is larger than {limits.n_bytes:,} bytes; --max-page-bytes sets this"
    if page.text is not None and size > limits.n_lines and page.text.count("\n") > limits.n_lines:
        return f"it has more than {limits.n_lines:,} lines"
    return DIED if page.id in limits.suspects else None


@contextmanager
def time_limit(page_id: str, limits: Limits) -> Iterator[None]:
    """Raises TooSlow when time is up. Only the main thread of a process has a clock for that."""
    if limits.watch:
        limits.watch(page_id)
    has_clock = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not limits.seconds or not has_clock:
        yield
        return
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _stop(_signal, _frame):
    raise TooSlow
