"""Where outputs go: paths that can't leave their folder, and files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from declutter.errors import OutputError


def path_inside(folder: Path, page_id: str, suffix: str = "") -> Path:
    """Where the page's output goes in `folder`. Raises OutputError if that would be outside, by `..` or a link."""
    path = folder / (page_id + suffix)
    if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder)) or ".." in Path(page_id).parts:
        raise OutputError(f"{path}: lies outside {folder}")
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, making its folders. Raises OutputError, naming the file."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved there at the end; deleted where writing fails or is broken off.

    Raises OutputError, naming `path`, where the system doesn't let it be written (a full disk, no permission).
    """
    temporary = path.parent / f".declutter-{os.getpid()}-{get_ident()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        _delete(temporary)
        if isinstance(error, OSError):
            raise OutputError(f"{path}: {error.strerror or error}") from error
        raise


def _delete(path: Path) -> None:
    """Delete a file that may not exist, and whose folder may not either."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
