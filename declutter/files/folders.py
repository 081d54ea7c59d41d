"""Files, folders, globs and standard input: which files they name, in what order, under which ids."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from declutter.errors import InputError

NO_PAGES = (".labels.tsv", ".removed.tsv")  # stand beside pages in gold folders and in what `clean --removed` writes
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. `id` is its relative path with forward slashes; `path` is None for standard input."""

    id: str
    path: Path | None


class Folders:
    """The files that files, folders (walked recursively, in sorted order), globs, and `-` for standard input name.

    Ids are paths relative to the deepest folder that holds all the inputs: to the folder itself where one folder is
    given. A folder's hidden files and NO_PAGES are skipped. A link is followed only to a file inside the folder; a link
    to a folder is skipped, since its files are read at their own place. A link that leads out of the folder or nowhere,
    and a folder that can't be read, are noted in `failed` ({id: reason}). An input given by name
    may be a link or hidden.

    Raises InputError where an input doesn't exist or a glob matches nothing.
    """

    def __init__(self, inputs: Sequence[str | os.PathLike]):
        self.inputs = _without_nested(_expand(inputs))  # real paths, sorted as given; None is stdin
        self.root = _common_folder([path for path in self.inputs if path is not None])
        self.failed: dict[str, str] = {}

    def sources(self) -> Iterator[Source]:
        """The sources in order, read or not; folders are walked anew each time."""
        for path in self.inputs:
            if path is None:
                yield Source("stdin.txt", None)
            elif path.is_dir():
                yield from self._walk(path)
            else:
                yield Source(self._id(path), path)

    def _id(self, path: str | Path) -> str:
        """The path relative to the root (which it lies in: cutting is ten times faster than pathlib)."""
        assert self.root is not None  # there is a path
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


def _may_be_page(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(NO_PAGES)


def _expand(inputs: Sequence[str | os.PathLike]) -> list[Path | None]:
    """The inputs as absolute paths, globs expanded; None for stdin."""
    paths: list[Path | None] = []
    for name in [os.fspath(path) for path in inputs]:
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
    """Each input once, without those that lie in a folder that is an input too."""
    folders = {path for path in paths if path is not None and path.is_dir()}
    return [path for path in dict.fromkeys(paths) if path is None or not folders.intersection(path.parents)]


def _common_folder(paths: list[Path]) -> Path | None:
    folders = [path if path.is_dir() else path.parent for path in paths]
    return Path(os.path.commonpath(folders)) if folders else None
