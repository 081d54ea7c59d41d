"""Compressed files, in and out: .gz, .bz2, .xz and .zst. They are streamed, and a bomb ends at a limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections import deque
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from declutter.errors import InputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READ_BYTES = 1 << 16
MAX_STARTS = 10_000  # whose offsets are remembered, the last ones: more than a buffer holds
BUFFER_BYTES = 1 << 18
#: Text compresses three to thirty times. What unpacks to more than this many times its size is a bomb, once it has
#: unpacked to FREE_BYTES: so far a log of blanks may go. gzip ends at 1,030 times, the others far above.
MAX_RATIO = 500
FREE_BYTES = 256 << 20
#: A hostile header may ask for gigabytes to unpack in; `xz -9` takes 65 MB, `zstd --ultra --long` 128 MB.
MAX_XZ_MEMORY = 160 << 20
MAX_ZSTD_WINDOW_LOG = 27
#: The programs' own default levels; but zlib packs dumps at 4 in half the time it takes at 6, into files
#: a tenth larger (zlib alone at 1, 4, 6 on seeds/ as JSON lines: 84, 46, 21 MB/s to 33, 28, 25% of the size).
LEVELS = {"gzip": 4, "bzip2": 9, "xz": 6, "zstd": 3}

SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zstd": "zstd"}
ZSTD_SKIPPABLE = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
MAGIC_NUMBERS = {
    "gzip": (b"\x1f\x8b\x08",),
    "bzip2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd", *ZSTD_SKIPPABLE),
}


class BudgetSpent(InputError):
    """An input unpacks to more than it may."""


class Budget:
    """The limit on what one input may unpack to, summed over all its layers: members, bodies, values."""

    def __init__(self, name: str, n_packed: int = 0):
        self._name = name
        self._n_unpacked = 0
        self.n_packed = n_packed  # bytes of the file that were read

    def unpack(self, n_bytes: int) -> None:
        """Count what was unpacked. Raises BudgetSpent where it is too much."""
        self._n_unpacked += n_bytes
        if self._n_unpacked > FREE_BYTES and self._n_unpacked > MAX_RATIO * self.n_packed:
            raise BudgetSpent(f"{self._name}: unpacks to more than {MAX_RATIO} times its size; taken for a bomb")


def compression_of(head: bytes) -> str | None:
    """The compression of a file that begins with `head`: "gzip", "bzip2", "xz", "zstd", or None."""
    return next((kind for kind, magic in MAGIC_NUMBERS.items() if head.startswith(magic)), None)


def without_compression(name: str) -> tuple[str, str | None]:
    """A file's name without the suffix of its compression, and what it is compressed with by that suffix."""
    stem, dot, suffix = name.rpartition(".")
    kind = SUFFIXES.get(dot + suffix.lower()) if stem else None
    return (stem, kind) if kind else (name, None)


def unpacked(stream: io.BufferedReader, name: str, budget: Budget | None = None) -> io.BufferedReader:
    """A reader of what `stream` holds, unpacked where its first bytes say that it is compressed.

    Reading raises InputError, naming the file, where it is cut off, damaged or a bomb, or takes a library that is not
    installed. `budget` is that of an input in which the stream is a member.
    """
    kind = compression_of(stream.peek(8)[:8])
    return io.BufferedReader(Unpacked(stream, kind, name, budget), BUFFER_BYTES) if kind else stream


def packing(stream: BinaryIO, kind: str | None, closes: bool = False) -> BinaryIO:
    """A writer that packs into `stream`. The same content gives the same bytes. It closes the stream if `closes`.

    Raises InputError where `kind` takes a library that is not installed.
    """
    if kind is None:
        return stream if closes else cast("BinaryIO", _Open(stream))  # typeshed says so only of its subclasses
    level = LEVELS[kind]
    if kind == "gzip":
        packer: io.BufferedIOBase = gzip.GzipFile("", "wb", level, stream, mtime=0)
    elif kind == "bzip2":
        packer = bz2.BZ2File(stream, "wb", compresslevel=level)
    elif kind == "xz":
        packer = lzma.LZMAFile(stream, "wb", preset=level)
    else:
        zstd = _zstd("written")
        options = {zstd.CompressionParameter.compression_level: level, zstd.CompressionParameter.checksum_flag: 1}
        packer = zstd.ZstdFile(stream, "wb", options=options)
    return _Packer(packer, stream, closes)


class _Packer(io.BufferedWriter):
    """A buffer before a compressor, which is dear to call for each line."""

    def __init__(self, packer: io.BufferedIOBase, stream: BinaryIO, closes: bool):
        super().__init__(cast("io.RawIOBase", packer), BUFFER_BYTES)  # a writer calls no more than they have
        self._stream = stream
        self._is_empty = True
        self._closes = closes

    def write(self, data: ReadableBuffer) -> int:
        self._is_empty = self._is_empty and not data
        return super().write(data)

    def close(self) -> None:
        if self._is_empty and not self.closed:
            self.raw.write(b"")  # zstd's file writes no frame where nothing was written
            self._is_empty = False
        super().close()
        if self._closes:
            self._stream.close()


class _Open(io.BufferedIOBase):
    """A writer on a stream that stays open when the writer is closed."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def zstd_decompressor() -> tuple[Unpacker, tuple[type[Exception], ...]]:
    """A decompressor for zstd, and the errors that it raises. Raises InputError where its library is not installed."""
    zstd = _zstd("read")
    options = {zstd.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
    return zstd.ZstdDecompressor(options=options), (zstd.ZstdError,)


def _zstd(doing: str) -> ModuleType:
    """The module for zstd: Python's own from 3.14 on, which backports.zstd gives to the older ones."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise InputError(f'zstd can\'t be {doing} without its library: pip install "declutter-text[zstd]"') from error
    return zstd


class Unpacker(Protocol):
    """What bz2, lzma and zstd call a decompressor: of one stream, a piece at a time."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of those of bz2, lzma and zstd."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        tail = self._zlib.unconsumed_tail
        return self._zlib.decompress(tail + data if tail else data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


class Unpacked(io.RawIOBase):
    """A reader that unpacks a stream, a buffer at a time. Streams that follow one another read as one."""

    def __init__(self, stream: BinaryIO, kind: str, name: str, budget: Budget | None = None):
        self._stream = stream
        self._kind = kind
        self._name = name
        self._packed = b""  # read, and not yet given to the unpacker
        self._given = b""  # the last that was given to it
        self.n_packed = self._n_unpacked = 0
        self._is_inner = budget is not None  # of an input whose size is counted already
        self._budget = budget or Budget(name)
        self._unpacker: Unpacker | None = None
        self.starts = deque([(0, 0)])  # of the streams that follow one another: unpacked and packed offset

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def readinto(self, buffer) -> int:
        data = b""
        while not data:
            if self._current.eof and not self._next_stream():
                return 0
            is_hungry = self._current.needs_input
            if is_hungry:
                self._packed = self._packed or self._read()
            packed, self._packed = self._packed, b""
            self._given = packed or self._given
            data = self._unpack(packed, len(buffer))
            if is_hungry and not (data or packed or self._current.eof):
                raise InputError(f"{self._name}: cut off, its {self._kind} data ends too early")
        buffer[: len(data)] = data
        return len(data)

    @property
    def _current(self) -> Unpacker:
        """The unpacker of the stream that is read."""
        if self._unpacker is None:
            self._unpacker = self._new_unpacker()
        return self._unpacker

    def _new_unpacker(self) -> Unpacker:
        if self._kind == "gzip":
            return _Gzip()
        if self._kind == "bzip2":
            return bz2.BZ2Decompressor()
        if self._kind == "xz":
            return lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY)
        try:
            return zstd_decompressor()[0]
        except InputError as error:
            raise InputError(f"{self._name}: {error}") from error

    def _read(self) -> bytes:
        packed = self._stream.read(READ_BYTES)
        self.n_packed += len(packed)
        if not self._is_inner:
            self._budget.n_packed += len(packed)
        return packed

    def find_stream(self, begins_with: bytes) -> bool:
        """After damage, go to the next stream that unpacks to something that begins so. False at the end."""
        data, start = self._given, int(self.n_packed - len(self._given) == self.starts[-1][1])
        magic = MAGIC_NUMBERS[self._kind][0]
        while True:
            while (found := data.find(magic, start)) >= 0:
                rest = data[found:]
                if len(rest) < READ_BYTES:
                    rest += self._read()
                if self._begins(rest, begins_with):
                    self._packed, self._unpacker = rest, self._new_unpacker()
                    self.starts.append((self._n_unpacked, self.n_packed - len(rest)))
                    return True
                data, start = rest, 1
            packed = self._read()
            if not packed:
                return False
            data, start = data[-len(magic) :] + packed, 0

    def _begins(self, packed: bytes, begins_with: bytes) -> bool:
        try:
            return self._new_unpacker().decompress(packed, len(begins_with)) == begins_with
        except self._errors():
            return False

    def _errors(self) -> tuple[type[Exception], ...]:
        """What an unpacker raises at damaged data."""
        errors = (zlib.error, lzma.LZMAError, OSError, EOFError)
        return (*errors, _zstd("read").ZstdError) if self._kind == "zstd" else errors

    def _next_stream(self) -> bool:
        """Go on to the next stream, if there is one; zeros that fill up a block are skipped."""
        rest = self._current.unused_data.lstrip(b"\0")
        while len(rest) < 8 and (packed := self._read()):
            rest = (rest + packed).lstrip(b"\0")
        if not rest:
            return False
        if compression_of(rest) != self._kind:
            self._given = rest
            raise InputError(f"{self._name}: damaged, something else follows its {self._kind} data")
        self._packed = rest
        self._unpacker = self._new_unpacker()
        self.starts.append((self._n_unpacked, self.n_packed - len(rest)))
        if len(self.starts) > MAX_STARTS:
            self.starts.popleft()
        return True

    def _unpack(self, packed: bytes, n_bytes: int) -> bytes:
        try:
            data = self._current.decompress(packed, n_bytes)
        except self._errors() as error:
            raise InputError(f"{self._name}: damaged {self._kind} data ({error})") from error
        self._n_unpacked += len(data)
        self._budget.unpack(len(data))
        return data
