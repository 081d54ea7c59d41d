"""Files, folders and globs to pages."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from declutter.errors import InputError
from declutter.files.encoding import Encoding, decode
from declutter.pages import Page

HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
NO_PAGES = (".labels.tsv", ".removed.tsv")  # stand beside pages in gold folders and in what `clean --removed` writes
STDIN = "-"
HTML_OUTPUT = Encoding("utf-8", "replace")  # how the text of HTML pages is written


@dataclass(frozen=True, slots=True)
class Source:
    """Where a page comes from. `id` is its relative path with forward slashes; `path` is None for stdin."""

    id: str
    path: Path | None

    @property
    def is_html(self) -> bool:
        return self.path is not None and self.path.suffix.lower() in HTML_SUFFIXES


class Folders:
    """The pages of files, folders (walked recursively, in sorted order), globs, and `-` for standard input.

    Iterating gives a Page a readable file, anew each time, with one file in memory; `.html`, `.htm` and
    `.xhtml` files become HTML pages, all others text dumps. What can't be read is noted in `failed`
    ({page id: reason}) once, and left out of later iterations. Page ids are paths relative to the deepest
    folder that holds all the inputs: to the folder itself where one folder is given.

    Inside a folder, hidden files and folders and NO_PAGES are left out, and links are followed only to files inside the
    folder: a link to a folder of it is left out (its files are read at their own place), a link that leads
    out of it or nowhere is noted in `failed`. An input given by name may be a link or hidden.

    Raises InputError where an input doesn't exist or a glob matches nothing.
    """

    def __init__(self, inputs: Sequence[str | os.PathLike]):
        self.inputs = _without_nested(_expand(inputs))  # real paths, sorted as given; None is stdin
        self.root = _common_folder([path for path in self.inputs if path is not None])
        self.failed: dict[str, str] = {}
        self._streams: dict[Source, bytes] = {}  # what can be read only once: stdin and pipes

    def __iter__(self) -> Iterator[Page]:
        for _, page, _ in self.read():
            yield page

    def sources(self) -> Iterator[Source]:
        """The sources in order, read or not; folders are walked anew each time."""
        for path in self.inputs:
            if path is None:
                yield Source("stdin.txt", None)
            elif path.is_dir():
                yield from self._walk(path)
            else:
                yield Source(self._id(path), path)

    def read(self) -> Iterator[tuple[Source, Page, Encoding]]:
        """The readable pages, with where each comes from and how its text is to be written."""
        for source in self.sources():
            if source.id in self.failed:
                continue
            try:
                page, encoding = self._page(source)
            except InputError as error:
                self.failed[source.id] = str(error)
                continue
            yield source, page, encoding

    def _id(self, path: str | Path) -> str:
        """The path relative to the root (which it lies in: cutting is ten times faster than pathlib)."""
        inside = os.fspath(path)[len(os.fspath(self.root)) :].replace(os.sep, "/")
        return inside.lstrip("/") or "."

    def _walk(self, top: Path) -> Iterator[Source]:
        waiting = self._entries(top)  # the next one last; no recursion, as folders can be deeper than its limit
        while waiting:
            entry = waiting.pop()
            if entry.is_dir(follow_symlinks=False):
                waiting += self._entries(entry.path)
            elif not entry.is_symlink() or self._leads_to_file_inside(entry.path, top):
                yield Source(self._id(entry.path), Path(entry.path))

    def _entries(self, folder: str | Path) -> list[os.DirEntry]:
        """What stands in a folder and may be a page or hold some, last name first."""
        try:
            with os.scandir(folder) as scan:
                entries = [entry for entry in scan if _may_be_page(entry.name)]
        except OSError as error:
            self.failed[self._id(folder)] = f"{folder}: {error.strerror}"
            return []
        return sorted(entries, key=lambda entry: entry.name, reverse=True)

    def _leads_to_file_inside(self, link: str, top: Path) -> bool:
        target = Path(os.path.realpath(link))
        if not target.exists():
            self.failed[self._id(link)] = f"{link}: a link that leads nowhere"
        elif not target.is_relative_to(top):
            self.failed[self._id(link)] = f"{link}: a link out of the input folder, not followed"
        return target.is_relative_to(top) and target.is_file()

    def _page(self, source: Source) -> tuple[Page, Encoding]:
        try:
            data = self._bytes(source)
            if source.is_html:
                return Page(source.id, html=data), HTML_OUTPUT
            text, encoding = decode(data, str(source.path or "standard input"))
            return Page(source.id, text=text), encoding
        except OSError as error:
            raise InputError(f"{source.path}: {error.strerror}") from error
        except MemoryError as error:
            raise InputError(f"{source.path}: too large for the memory") from error

    def _bytes(self, source: Source) -> bytes:
        if source in self._streams:
            return self._streams[source]
        if source.path is None:
            return self._streams.setdefault(source, sys.stdin.buffer.read())
        mode = source.path.stat().st_mode
        if stat.S_ISFIFO(mode) and source.path in self.inputs:  # `<(command)` of a shell
            return self._streams.setdefault(source, source.path.read_bytes())
        if not stat.S_ISREG(mode):
            raise InputError(f"{source.path}: not a regular file")
        return source.path.read_bytes()


def _may_be_page(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(NO_PAGES)


def _expand(inputs: Sequence[str | os.PathLike]) -> list[Path | None]:
    """The inputs as absolute paths, globs expanded; None for stdin."""
    paths: list[Path | None] = []
    for name in map(os.fspath, inputs):
        if name == STDIN:
            paths.append(None)
        elif os.path.lexists(name):
            paths.append(_absolute(name))
        else:
            found = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []
            if not found:
                raise InputError(f"{name}: no such file or folder")
            paths.extend(map(_absolute, found))
    return paths


def _absolute(name: str) -> Path:
    """Links to folders are resolved; a file keeps its own name, even where it is a link, in its real folder."""
    path = Path(name)
    return Path(os.path.realpath(path)) if path.is_dir() else Path(os.path.realpath(path.parent)) / path.name


def _without_nested(paths: list[Path | None]) -> list[Path | None]:
    """Each input once, and none that lies in a folder which is an input too."""
    folders = {path for path in paths if path is not None and path.is_dir()}
    return [path for path in dict.fromkeys(paths) if path is None or not folders.intersection(path.parents)]


def _common_folder(paths: list[Path]) -> Path | None:
    folders = [path if path.is_dir() else path.parent for path in paths]
    return Path(os.path.commonpath(folders)) if folders else None
