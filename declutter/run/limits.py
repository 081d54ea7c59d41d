"""Limits of what one page may cost: a page over a limit is passed through whole, with the reason."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from declutter.errors import PageError
from declutter.pages import Page, content

DIED = "the process that judged it died, of memory most likely"


class _TimeIsUp(BaseException):
    """Raised by the alarm. It is no Exception, so that nothing that catches those for a page's sake holds it up."""


@dataclass(frozen=True)
class Limits:
    """What one page may cost, and the pages that must not be judged at all: the PageLimits of a run."""

    seconds: float = 60.0  # about 10,000 times what a page takes; 0 is no limit
    n_bytes: int = 16 << 20  # of its text or HTML
    n_lines: int = 400_000  # of its text: judging takes about 1.3 kB a line, so 520 MB
    suspects: Container[str] = frozenset()  # ids of pages on which a process died
    on_page: Callable[[str], None] | None = None  # called with each page's id before the page is judged, one by one

    @property
    def one_by_one(self) -> bool:
        return self.on_page is not None

    def refusal(self, page: Page) -> str | None:
        size = len(content(page))
        if size > self.n_bytes:
            return f"it is larger than {self.n_bytes:,} bytes; --max-page-bytes sets this"
        if page.text is not None and size > self.n_lines and page.text.count("\n") > self.n_lines:
            return f"it has more than {self.n_lines:,} lines"
        return DIED if page.id in self.suspects else None

    @contextmanager
    def watched(self, batch: Sequence[Page]) -> Iterator[None]:
        """Raises PageError when time is up. Only the main thread of a process has a clock for that."""
        if self.on_page:
            self.on_page(batch[0].id)
        has_clock = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        if not self.seconds or not has_clock:
            yield
            return
        before = signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            yield
        except _TimeIsUp:
            reason = f"it takes longer than {self.seconds:g} seconds; --max-page-seconds sets this"
            raise PageError(reason) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _TimeIsUp
