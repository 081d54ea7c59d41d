"""Odd pages: those where the decision is most likely wrong, picked while the pages go by."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from statistics import median

import numpy as np

from declutter.report.specimen import Specimen

SHOWN_OF_A_KIND = 6
SITE_SHARES = 200  # kept shares of a site's pages that are remembered, to know what is usual there
FEWEST_PAGES = 5  # of a site, from which on something is usual
FEWEST_LINES = 8  # of a page where keeping everything is odd
OFF_BY = 3.0  # a page is off where it keeps (or removes) a third of what is usual on its site,
OFF_AT_LEAST = 0.15  # and the share differs by this much
UNSURE = (0.3, 0.7)  # scores of lines that the engine does not know
UNSURE_SHARE = 0.25  # of a page's characters

KINDS = {
    "passed": ("Passed through", "These pages could not be judged and came out whole."),
    "nothing": ("Nothing kept", "No line of these pages was taken for main content. Right for a list of links."),
    "everything": ("Everything kept", "No line was removed. Right for a dump that is clean already."),
    "less": ("Less than usual on its site", "A far smaller share was kept than of the site's other pages."),
    "more": ("More than usual on its site", "A far smaller share was removed than of the site's other pages."),
    "unsure": ("Least sure", "Much of these pages has scores near a half, so some lines may be decided wrongly."),
}


@dataclass
class _Site:
    """The kept shares of a site's pages, and those of its pages that keep least and most."""

    n_pages: int = 0
    shares: list[float] = field(default_factory=list)
    least: list[tuple[float, int, Specimen]] = field(default_factory=list)  # heaps, the least odd one first
    most: list[tuple[float, int, Specimen]] = field(default_factory=list)


class OddPages:
    """Picks a few pages of each kind of KINDS, in memory that grows with the sites told apart alone."""

    def __init__(self, rng: random.Random | None = None):
        self._random = rng or random.Random(0)
        self._order = count()  # no two specimens are compared
        self._sites: dict[str, _Site] = {}
        self._drawn: dict[str, list[Specimen]] = {}
        self._unsure: list[tuple[float, int, Specimen]] = []
        self.n_pages = dict.fromkeys(KINDS, 0)  # found of each kind; of "less" and "more", those shown alone

    def look_at(
        self,
        site: str | None,
        error: str | None,
        keep: np.ndarray,
        n_chars: np.ndarray,
        score: np.ndarray,
        shown: Callable[[str], Specimen],
    ) -> None:
        """Look at one page by its lines that are not blank; `shown` makes its Specimen, given a note."""
        total = int(n_chars.sum())
        if error is not None:
            self._draw("passed", lambda: shown(error))
        elif not len(keep):
            return
        elif not keep.any():
            self._draw("nothing", lambda: shown("no line kept"))
        elif keep.all():
            if len(keep) >= FEWEST_LINES:
                self._draw("everything", lambda: shown("every line kept"))
        else:
            doubtful = float(n_chars[(score > UNSURE[0]) & (score < UNSURE[1])].sum() / max(total, 1))
            if doubtful >= UNSURE_SHARE:
                self.n_pages["unsure"] += 1
                note = f"{100 * doubtful:.0f}% of its characters stand in lines with scores near a half"
                self._push(self._unsure, doubtful, SHOWN_OF_A_KIND, lambda: shown(note))
            if site is not None:
                self._compare(site, float(n_chars[keep].sum() / max(total, 1)), shown)

    def _draw(self, kind: str, make: Callable[[], Specimen]) -> None:
        """Keep a few of a kind, each as likely as any other."""
        self.n_pages[kind] += 1
        drawn = self._drawn.setdefault(kind, [])
        if len(drawn) < SHOWN_OF_A_KIND:
            drawn.append(make())
        elif (place := self._random.randrange(self.n_pages[kind])) < SHOWN_OF_A_KIND:
            drawn[place] = make()

    def _push(self, heap: list, oddness: float, most: int, make: Callable[[], Specimen]) -> None:
        if len(heap) < most:
            heapq.heappush(heap, (oddness, next(self._order), make()))
        elif oddness > heap[0][0]:
            heapq.heapreplace(heap, (oddness, next(self._order), make()))

    def _compare(self, name: str, share: float, shown: Callable[[str], Specimen]) -> None:
        site = self._sites.setdefault(name, _Site())
        site.n_pages += 1
        if len(site.shares) < SITE_SHARES:
            site.shares.append(share)
        elif (place := self._random.randrange(site.n_pages)) < SITE_SHARES:
            site.shares[place] = share
        self._push(site.least, -share, 2, lambda: shown(""))
        self._push(site.most, share, 2, lambda: shown(""))

    def found(self) -> dict[str, list[tuple[Specimen, str]]]:
        """The pages picked of each kind that there are any of, with a note on each, the oddest first."""
        picked = {kind: [(page, page.note) for page in pages] for kind, pages in self._drawn.items()}
        picked["unsure"] = [(page, page.note) for _, _, page in sorted(self._unsure, key=lambda item: -item[0])]
        picked["less"], picked["more"] = self._off("less"), self._off("more")
        self.n_pages.update({kind: len(picked[kind]) for kind in ("less", "more")})
        return {kind: picked[kind][:SHOWN_OF_A_KIND] for kind in KINDS if picked.get(kind)}

    def _off(self, kind: str) -> list[tuple[Specimen, str]]:
        """The pages whose share is far from the median of their site's."""
        off = []
        for site in self._sites.values():
            if site.n_pages < FEWEST_PAGES:
                continue
            usual = median(site.shares)
            for oddness, order, page in site.least if kind == "less" else site.most:
                share = -oddness if kind == "less" else oddness
                small, large = (share, usual) if kind == "less" else (1 - share, 1 - usual)
                if small * OFF_BY <= large and large - small >= OFF_AT_LEAST:
                    verb = "keeps" if kind == "less" else "removes"
                    note = f"{verb} {100 * small:.0f}% of its characters; half of the site's pages {verb[:-1]} "
                    off.append((small / large, order, page, note + f"{100 * large:.0f}% or more"))
        return [(page, note) for _, _, page, note in sorted(off, key=lambda item: item[:2])]
