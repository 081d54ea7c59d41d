"""HTTP responses: their header fields, and their bodies without chunks, gzip, deflate, Brotli and zstd.

Archives hold bodies in every state: already decoded under the original headers, or encoded without a header.
So a coding that the header names but the body lacks is skipped, and one that the header omits is undone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from declutter.errors import InputError
from declutter.files.compression import Budget, zstd_decompressor

HEADER_END = re.compile(rb"\r?\n\r?\n")
STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})", re.I)
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
NO_CODINGS = frozenset({"identity", "utf-8", "none", "", "8bit", "binary"})
READ_BYTES = 1 << 16
MAX_CODINGS = 4  # servers send one or two; a chain of them is a bomb


def header_fields(block: bytes) -> dict[str, str]:
    """The fields of a header by their names in lower case; the first of several. Folded lines belong to the last."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.split(b"\n"):
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        if text[:1] in (" ", "\t") and name:
            fields[name] += " " + text.strip()
            continue
        key, colon, value = text.partition(":")
        name = key.strip().lower() if colon else ""
        if name in fields:
            name = ""
        elif name:
            fields[name] = value.strip()
    return fields


def response(block: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status of an HTTP response, its header fields and its body. 0 where it doesn't begin as one."""
    status = STATUS.match(block)
    if status is None:
        return 0, {}, block
    end = HEADER_END.search(block)
    head, body = (block, b"") if end is None else (block[: end.start()], block[end.end() :])
    return int(status[1]), header_fields(head.partition(b"\n")[2]), body


def unwrapped(body: bytes, fields: Mapping[str, str], max_bytes: int, budget: Budget) -> bytes:
    """The body as the browser shows it; at most `max_bytes`, so one more than a limit shows that it is longer.

    Raises OSError where it is damaged, InputError where it takes a library that is not installed or the budget is
    spent.
    """
    names = ",".join(fields.get(name, "") for name in ("content-encoding", "transfer-encoding"))
    codings = [coding for name in names.split(",") if (coding := name.strip().lower()) not in NO_CODINGS]
    if len(codings) > MAX_CODINGS:
        raise OSError(f"encoded {len(codings)} times")
    while codings:
        coding = codings.pop()
        if coding != "chunked" or not codings or _joined(body, is_strict=False) is not None:
            body = _undone(body, coding, max_bytes, budget)
    for _ in range(MAX_CODINGS):
        if body.startswith(GZIP_MAGIC):
            body = _inflated(body, (31,), max_bytes, budget)
        elif (joined := _joined(body, is_strict=True)) is not None:
            body = joined
        else:
            return body
    raise OSError("encoded many times")


def _undone(body: bytes, coding: str, max_bytes: int, budget: Budget) -> bytes:
    """The body without a coding that its header names; as it is where it doesn't have it."""
    if coding == "chunked":
        joined = _joined(body, is_strict=False)
        return _as_text(body, coding) if joined is None else joined
    if coding in ("gzip", "x-gzip"):
        if body.startswith(GZIP_MAGIC):
            return _inflated(body, (31,), max_bytes, budget)
        return body if _joined(body, is_strict=True) is not None else _as_text(body, coding)
    if coding == "deflate":  # with zlib's header, as the standard has it, and without
        return _as_text(body, coding, False) or _inflated(body, (zlib.MAX_WBITS, -zlib.MAX_WBITS), max_bytes, budget)
    if coding == "br":
        return _as_text(body, coding, False) or _brotli(body, max_bytes, budget)
    if coding == "zstd":
        return _zstd(body, max_bytes, budget) if body.startswith(ZSTD_MAGIC) else _as_text(body, coding)
    if _as_text(body, coding, False):
        return body
    raise OSError(f"an unknown encoding, {coding[:40]}")


def _as_text(body: bytes, coding: str, is_asked: bool = True) -> bytes:
    """A body that a crawler unwrapped and left its headers: it begins with a tag. Raises OSError, or gives b""."""
    if body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" or not body:
        return body
    if is_asked:
        raise OSError(f"its body is not {coding}")
    return b""


def _joined(body: bytes, is_strict: bool) -> bytes | None:
    """The chunks of a body put together, None where it has none.

    `is_strict` where no header names them: the last chunk must be there. Raises OSError where chunks are cut short.
    """
    parts: list[bytes] = []
    position = 0
    while found := CHUNK_SIZE.match(body, position):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(parts)
        end = found.end() + size
        if end > len(body):
            if is_strict or not parts:
                break
            raise OSError("its last chunk is cut off")
        parts.append(body[found.end() : end])
        position = end + 2 if body.startswith(b"\r\n", end) else end + body.startswith(b"\n", end)
    if is_strict or not parts:
        return None
    if position >= len(body):
        return b"".join(parts)  # the last chunk, which is empty, is missing
    raise OSError("its chunks are damaged")


def _inflated(body: bytes, headers: tuple[int, ...], max_bytes: int, budget: Budget) -> bytes:
    """gzip or deflate, in pieces, so that a bomb ends at the limit. `headers` are zlib's wbits, to be tried in turn."""
    for wbits in headers:
        unpacker = zlib.decompressobj(wbits)
        try:
            data = unpacker.decompress(body, max_bytes)
        except zlib.error:  # the other kind, or damaged
            continue
        budget.unpack(len(data))
        if unpacker.eof or len(data) == max_bytes:
            return data
        raise OSError("its packed body is cut off")
    raise OSError("its packed body is damaged")


def _brotli(body: bytes, max_bytes: int, budget: Budget) -> bytes:
    try:
        import brotli
    except ImportError as error:
        raise InputError('Brotli takes a library: pip install "declutter-text[warc]"') from error
    unpacker = brotli.Decompressor()
    parts, n_bytes = [], 0
    try:
        part = unpacker.process(body, output_buffer_limit=READ_BYTES)
        while True:
            parts.append(part)
            n_bytes += len(part)
            budget.unpack(len(part))
            if n_bytes >= max_bytes or unpacker.is_finished():
                return b"".join(parts)[:max_bytes]
            if not part and unpacker.can_accept_more_data():
                raise OSError("its Brotli body is cut off")
            part = unpacker.process(b"", output_buffer_limit=READ_BYTES)
    except brotli.error as error:
        raise OSError("its Brotli body is damaged") from error


def _zstd(body: bytes, max_bytes: int, budget: Budget) -> bytes:
    unpacker, errors = zstd_decompressor()
    try:
        data = unpacker.decompress(body, max_bytes)
    except errors as error:
        raise OSError("its zstd body is damaged") from error
    budget.unpack(len(data))
    if unpacker.eof or len(data) == max_bytes:
        return data
    raise OSError("its zstd body is cut off")
