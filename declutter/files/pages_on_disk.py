"""Pages kept on disk between the two passes, where they come from an iterator that can be read only once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator

from declutter.pages import Page


class PagesOnDisk:
    """Pages in a temporary file of JSON lines: they can be iterated over repeatedly; closing deletes the file."""

    def __init__(self, pages: Iterable[Page]):
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")
        for page in pages:
            html = page.html.decode("latin-1") if isinstance(page.html, bytes) else page.html
            json.dump([page.id, page.site, page.url, page.text, html, isinstance(page.html, bytes)], self._file)
            self._file.write("\n")

    def __iter__(self) -> Iterator[Page]:
        self._file.seek(0)
        for record in self._file:
            page_id, site, url, text, html, is_bytes = json.loads(record)
            yield Page(page_id, site, url, text, html.encode("latin-1") if is_bytes else html)

    def close(self) -> None:
        self._file.close()
