"""The bytes of an input: a file, or a stream, which can be read only once and is kept on disk for a second pass."""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, ClassVar

from declutter.errors import InputError
from declutter.files.compression import BUFFER_BYTES, unpacked
from declutter.files.records import Failure, Note, Options, Record


class Replayed(io.RawIOBase):
    """A stream read from its beginning once more: first what was `kept` of it in a file, then the rest, which is kept.

    One reader at a time; closing it leaves the stream and the file open for the next.
    """

    def __init__(self, stream: BinaryIO, kept: io.FileIO) -> None:
        self._stream = stream
        self._kept = kept
        kept.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        n_bytes = self._kept.readinto(buffer)
        if not n_bytes:
            data = _read_some(self._stream, len(buffer))
            self._kept.write(data)
            n_bytes = len(data)
            buffer[:n_bytes] = data
        return n_bytes


class Unkept(io.RawIOBase):
    """A stream that is read only once; closing the reader leaves it open."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = _read_some(self._stream, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _read_some(stream: BinaryIO, n_bytes: int) -> bytes:
    """What is there already, so that a filter answers before its input ends; b"" at the end."""
    return stream.read1(n_bytes) if hasattr(stream, "read1") else stream.read(n_bytes)


class Stream:
    """Standard input or a pipe, which can be read only once: opened several times, it is kept on disk."""

    def __init__(self, path: Path | None, is_kept: bool):
        self._path = path
        self._is_kept = is_kept
        self._is_elsewhere = False

    def __getstate__(self) -> dict[str, object]:
        """The state for another process, which gets the pages of a stream but not the open stream."""
        return {"_path": self._path, "_is_kept": self._is_kept, "_is_elsewhere": True}

    @cached_property
    def _stream(self) -> BinaryIO:
        return sys.stdin.buffer if self._path is None else self._path.open("rb")

    @cached_property
    def _kept(self) -> io.FileIO:
        return tempfile.TemporaryFile(buffering=0)

    @cached_property
    def _only_reader(self) -> io.BufferedReader:
        return io.BufferedReader(Unkept(self._stream), BUFFER_BYTES)

    def open(self) -> io.BufferedReader:
        """A reader from the beginning, or, where nothing is kept, always the same one.

        Raises InputError in a process that did not open the stream.
        """
        if self._is_elsewhere:
            raise InputError(f"{self._path or 'standard input'}: only the process that opened it can read it")
        if self._is_kept:
            return io.BufferedReader(Replayed(self._stream, self._kept), BUFFER_BYTES)
        return self._only_reader


@dataclass(frozen=True)
class File:
    """Where an input's bytes come from."""

    id: str  # relative path with forward slashes
    path: Path | None  # None for standard input
    stream: Stream | None = None  # where the file can be read only once

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def n_bytes(self) -> int:
        """Its size on disk in bytes; 0 for a stream, and for a file that can't be accessed."""
        if self.stream is not None:
            return 0
        try:
            return self._on_disk.stat().st_size
        except OSError:  # reading it will tell
            return 0

    @property
    def _on_disk(self) -> Path:
        """The path of a file that is no stream."""
        assert self.path is not None
        return self.path

    def open(self) -> io.BufferedReader:
        """A reader of its bytes from the beginning. Raises OSError, and InputError for devices and the like."""
        if self.stream is not None:
            return self.stream.open()
        self._check_is_regular()
        return io.BufferedReader(io.FileIO(self._on_disk), BUFFER_BYTES)

    def head(self, n_bytes: int) -> bytes:
        """Its first bytes, which a stream still gives afterwards. Raises as `open` does."""
        if self.stream is not None:
            return self.stream.open().peek(n_bytes)[:n_bytes]
        self._check_is_regular()
        with self._on_disk.open("rb", buffering=0) as file:
            return file.read(n_bytes)

    def _check_is_regular(self) -> None:
        if not stat.S_ISREG(os.stat(self._on_disk).st_mode):
            raise InputError(f"{self.path}: not a regular file")

    def open_unpacked(self) -> io.BufferedReader:
        """The same, unpacked where its first bytes say that it is compressed."""
        return unpacked(self.open(), self.name)

    def seekable(self) -> Path:
        """The path of a file that is read from its end. Raises InputError for standard input and pipes, OSError."""
        if self.stream is not None:
            raise InputError(f"{self.name}: this format can't be read from a pipe; give a file")
        self.open().close()
        return self._on_disk


@dataclass(frozen=True)
class FileInput(ABC):
    """An Input of one file. Errors come as Failures. Each format defines how its pages are read."""

    file: File
    options: Options
    format: ClassVar[str]

    @property
    def id(self) -> str:
        return self.file.id

    @property
    def path(self) -> Path | None:
        return self.file.path

    @property
    def n_bytes(self) -> int:
        return self.file.n_bytes

    def records(self) -> Iterator[Record | Failure | Note]:
        """The pages in order, read anew, a few in memory at a time; at the end the notes."""
        counts: Counter[str] = Counter()
        try:
            yield from self._records(counts)
        except InputError as error:
            yield Failure(self.id, "", str(error))
        except OSError as error:
            yield Failure(self.id, "", f"{self.file.name}: {error.strerror or error}")
        except MemoryError:
            yield Failure(self.id, "", f"{self.file.name}: too large for the memory")
        for what, n in counts.items():
            if n:
                yield Note(self.id, what, n)

    @abstractmethod
    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        """The pages; what a Note shall tell is added to `counts`.

        May raise InputError, OSError and MemoryError where nothing more can be read.
        """

    def _unreadable(self, position: str, reason: str) -> Failure:
        return Failure(self.id, position, f"{self.file.name}, {position}: {reason}")


@dataclass(frozen=True)
class RefusedInput(FileInput):
    """A file of a kind that is not read."""

    reason: str
    format: ClassVar[str] = "refused"

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        raise InputError(f"{self.file.name}: {self.reason}")
        yield


def read_whole(stream: BinaryIO, max_bytes: int, name: str) -> bytes:
    """All that is left of a stream. Raises InputError, naming the page, where that is more than `max_bytes`."""
    parts, n_bytes = [], 0
    while part := stream.read(BUFFER_BYTES):
        parts.append(part)
        n_bytes += len(part)
        if n_bytes > max_bytes:
            limit = megabytes(max_bytes)
            raise InputError(f"{name}: a page longer than {limit}, not read; --max-page-bytes sets this")
    return b"".join(parts)


def megabytes(n_bytes: int) -> str:
    """A limit in words."""
    return f"{n_bytes >> 20} MB" if n_bytes >= 1 << 20 else f"{n_bytes} bytes"
