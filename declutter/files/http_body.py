"""The body of an HTTP response without what it was wrapped in for the way: chunks, gzip, deflate, Brotli, zstd."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

#: The codings that browsers know; the readers are fastwarc's, which is there where responses are read.
READERS = {
    "gzip": "GzipReader",
    "x-gzip": "GzipReader",
    "br": "BrotliReader",
    "zstd": "ZstdReader",
    "chunked": "ChunkedReader",
}
NO_CODINGS = frozenset({"identity", "utf-8", "none", ""})
READ_BYTES = 1 << 20
MAX_CODINGS = 4  # servers send one; a chain of them is a bomb


def unwrapped(body: bytes, header: Callable[[str], str | None], max_bytes: int) -> bytes:
    """The body; at most `max_bytes` of it, so that one byte more than a limit shows that it is longer.

    `header` gives a response's header by name. Raises OSError where the body is not what the headers say.
    """
    names = [header("Content-Encoding"), header("Transfer-Encoding")]
    codings = [coding.strip().lower() for name in names for coding in (name or "").split(",")]
    codings = [coding for coding in codings if coding not in NO_CODINGS]
    if len(codings) > MAX_CODINGS:
        raise OSError(f"encoded {len(codings)} times")
    for coding in reversed(codings):
        if coding == "deflate":
            body = _inflated(body, max_bytes)
        elif coding in READERS:
            from fastwarc import stream_io

            body = _read(getattr(stream_io, READERS[coding])(io.BytesIO(body)), max_bytes)
        else:
            raise OSError(f"an unknown encoding, {coding[:40]}")
    return body


def _read(reader, max_bytes: int) -> bytes:
    """All of it, up to `max_bytes`: in pieces, as fastwarc makes room for all that it is asked for."""
    parts, n_left = [], max_bytes
    while n_left and (part := reader.read(min(n_left, READ_BYTES))):
        parts.append(part)
        n_left -= len(part)
    return b"".join(parts)


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """Deflate comes with zlib's header, as the standard has it, and without."""
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(wbits)
        try:
            data = unpacker.decompress(body, max_bytes)
        except zlib.error:  # the other kind, or damaged
            continue
        if unpacker.eof or len(data) == max_bytes:
            return data
    raise OSError("damaged deflate data")
