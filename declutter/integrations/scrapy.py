"""Scrapy (2.15 or later): an item pipeline that cleans a field of each item, and learns the sites while it crawls.

    # settings.py
    ITEM_PIPELINES = {"declutter.integrations.scrapy.CleanPipeline": 300}
    DECLUTTER_FIELD = "text"

    # spider
    yield {"url": response.url, "text": response}                             # the response's HTML
    yield {"url": response.url, "text": trafilatura.extract(response.text)}   # or after another extractor

Settings, each with its default:

    DECLUTTER_FIELD = "text"            the field to clean: a str, or a TextResponse, which is HTML with a URL
    DECLUTTER_HTML = False              whether a str in it is HTML
    DECLUTTER_URL_FIELD = "url"         the field with the page's URL, which tells its site; else the spider is the site
    DECLUTTER_VERDICTS_FIELD = None     a field for the verdict on each line
    DECLUTTER_KEEP = ["title", "body"]  the labels to keep
    DECLUTTER_ENGINE = "auto"           what decides: auto, model or rules
    DECLUTTER_PROFILE = None            a profile file: read where it exists, and written with what was learned since
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

try:
    from itemadapter import ItemAdapter
    from scrapy.http import TextResponse
    from scrapy.utils.asyncio import is_asyncio_available, run_in_thread
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[scrapy]"') from error

from declutter import Cleaned, Cleaner, Page, Profile, learn
from declutter.files.verdicts import verdict_rows

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

LEARNED_PAGES = 64  # of a host; its templates are known by then
SHARE_TO_LEARN = 2  # what waits is learned when it is 1 in so many of the pages learned before,
FEWEST_TO_LEARN, MOST_TO_LEARN = 2, 4096  # between these numbers: a growing profile is indexed anew each time
QUICK_CHARS = 50_000  # a page up to this size is cleaned in a few milliseconds

logger = logging.getLogger(__name__)


class CleanPipeline:
    """Puts what is kept of a page in its place. Pages that arrive while others are cleaned are cleaned together.

    A page is judged with what was learned before it came: the first pages of a site are judged alone, unless a profile
    knows the site. Sites that DECLUTTER_PROFILE knew when the crawl began are not learned again, because a page that
    is counted twice would look like a template. Pages that came together, or are long, are cleaned in a thread, and the
    crawl goes on meanwhile; a short page that came alone is cleaned at once, which takes as long as going to a thread.
    An item without a page is let through. A page that can't be judged stays whole, is logged, and is counted in the
    stats as declutter/failed.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CleanPipeline:
        """Raises ValueError for unknown labels and engines, ProfileError where DECLUTTER_PROFILE is no profile."""
        return cls(crawler)

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.field = settings.get("DECLUTTER_FIELD", "text")
        self.html = settings.getbool("DECLUTTER_HTML")
        self.url_field = settings.get("DECLUTTER_URL_FIELD", "url")
        self.verdicts_field = settings.get("DECLUTTER_VERDICTS_FIELD")
        self.path = Path(settings["DECLUTTER_PROFILE"]) if settings.get("DECLUTTER_PROFILE") else None
        self._profile = Profile.load(self.path) if self.path is not None and self.path.exists() else Profile()
        keep = settings.getlist("DECLUTTER_KEEP", ["title", "body"])
        self._cleaner = Cleaner(keep, self._profile, settings.get("DECLUTTER_ENGINE", "auto"))
        self._cleaner.clean("")  # loads the model, so that one that doesn't fit fails here
        self._known_sites = {site.name for site in self._profile.sites}
        self._seen: Counter[str] = Counter()  # pages to learn from, of each host
        self._n_learned = 0
        self._to_learn: list[Page] = []
        self._waiting: deque[tuple[int, Page]] = deque()
        self._done: dict[int, Cleaned] = {}
        self._n_pages = 0
        self._lock = threading.Lock()

    async def process_item(self, item):
        """The item, with what is kept of its page in the field."""
        adapter = ItemAdapter(item)
        page = self._page(adapter)
        if page is None:
            self.crawler.stats.inc_value("declutter/no_page")
            return item
        self._n_pages += 1
        number = self._n_pages
        self._waiting.append((number, page))
        if is_asyncio_available():
            await asyncio.sleep(0)  # other items that are ready come too
            quick = self._is_quick(page)
        else:
            quick = False
        cleaned = self._cleaned(number) if quick else await run_in_thread(self._cleaned, number)
        adapter[self.field] = cleaned.text
        if self.verdicts_field:
            adapter[self.verdicts_field] = verdict_rows(cleaned.verdicts)
        self._count(cleaned)
        return item

    def close_spider(self) -> None:
        """Learn from what waits, and write the profile."""
        with self._lock:
            self._learn()
        self.crawler.stats.set_value("declutter/sites", len(self._profile.sites))
        if self.path is not None:
            temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
            self._profile.save(temporary)
            os.replace(temporary, self.path)

    def _page(self, adapter: ItemAdapter) -> Page | None:
        value, url = adapter.get(self.field), adapter.get(self.url_field)
        is_html = self.html
        if isinstance(value, TextResponse):
            url, value, is_html = url or value.url, value.text, True
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"{url}: {self.field} is {type(value).__name__}; it must be a str or a TextResponse")
        spider = self.crawler.spider
        assert spider is not None  # the item comes from it
        site = None if _host(url) else spider.name
        return Page(url or f"item {self._n_pages + 1}", site, url, **{"html" if is_html else "text": value})

    def _is_quick(self, page: Page) -> bool:
        """Whether this page alone waits, no thread is at work, it's short, and nothing is learned before that."""
        alone = len(self._waiting) == 1 and self._waiting[0][1] is page and not self._lock.locked()
        return alone and len(page.text or page.html or "") <= QUICK_CHARS and not self._learns_with(1)

    def _learns_with(self, n_pages: int) -> bool:
        """Whether there is enough to learn from, with so many pages more."""
        enough = max(FEWEST_TO_LEARN, min(MOST_TO_LEARN, self._n_learned // SHARE_TO_LEARN))
        return len(self._to_learn) + n_pages >= enough

    def _cleaned(self, number: int) -> Cleaned:
        """What was made of a page. Who comes first cleans all that wait, faster than one by one."""
        with self._lock:
            if number not in self._done:
                waiting = dict(self._waiting.popleft() for _ in range(len(self._waiting)))
                self._to_learn += filter(self._is_new, waiting.values())
                if self._learns_with(0):
                    self._learn()
                self._done.update(zip(waiting, self._cleaner.clean_pages(list(waiting.values())), strict=True))
            return self._done.pop(number)

    def _is_new(self, page: Page) -> bool:
        """Whether there is something to learn from the page, which is then counted."""
        host = page.site or _host(page.url)
        labels = host.split(".")
        if any(".".join(labels[first:]) in self._known_sites for first in range(len(labels))):
            return False
        self._seen[host] += 1
        return self._seen[host] <= LEARNED_PAGES

    def _learn(self) -> None:
        pages, self._to_learn = self._to_learn, []
        self._n_learned += len(pages)
        self._profile |= learn(pages)
        self._cleaner = replace(self._cleaner, profile=self._profile)
        self.crawler.stats.set_value("declutter/learned", self._n_learned)

    def _count(self, cleaned: Cleaned) -> None:
        stats = self.crawler.stats
        stats.inc_value("declutter/pages")
        stats.inc_value("declutter/chars_kept", len(cleaned.text))
        stats.inc_value("declutter/lines", len(cleaned.verdicts))
        stats.inc_value("declutter/lines_kept", int(cleaned.verdicts.keep.sum()))
        if cleaned.error is not None:
            stats.inc_value("declutter/failed")
            logger.warning("%s: passed through whole, %s", cleaned.page.id, cleaned.error)


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:  # a malformed address has no host
        return ""
