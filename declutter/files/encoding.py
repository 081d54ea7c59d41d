"""The encoding of text files: bytes to text and back, so that kept lines come out byte for byte."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from declutter.errors import InputError
from declutter.files.compression import compression_of
from declutter.files.refused_kinds import refused_kind
from declutter.stages.segment.decode import detected_codecs, utf8_counts


class Encoding(NamedTuple):
    """How a file's text is written: `encode` gives the bytes that `decode` read."""

    codec: str
    errors: str = "strict"
    bom: bytes = b""

    def encode(self, text: str) -> bytes:
        """The bytes of `text`, behind the byte order mark if the file had one, whichever lines are left of it."""
        return self.bom + text.encode(self.codec, self.errors)


UTF8 = Encoding("utf-8")
HTML_OUTPUT = Encoding("utf-8", "replace")  # the text kept of HTML pages

# Longest first: the UTF-32 mark begins with the UTF-16 one. Broken sequences are let through, as they can be
# written back exactly.
BOMS = (
    Encoding("utf-32-le", "surrogatepass", codecs.BOM_UTF32_LE),
    Encoding("utf-32-be", "surrogatepass", codecs.BOM_UTF32_BE),
    Encoding("utf-8", "surrogateescape", codecs.BOM_UTF8),
    Encoding("utf-16-le", "surrogatepass", codecs.BOM_UTF16_LE),
    Encoding("utf-16-be", "surrogatepass", codecs.BOM_UTF16_BE),
)

CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r\x1b"))  # ESC stands in terminal logs
FEW_CONTROLS = FEW_BROKEN = 4  # so many are debris in any text, however short
# Of the bytes. Text has hardly any; random bytes have 10%, and are valid UTF-8 only by accident, so there the
# benefit of the doubt is larger (zero-filled files and arrays of small integers are over 50%).
MAX_CONTROLS = 0.03
MAX_CONTROLS_UTF8 = 0.3
MAX_BROKEN = 0.01  # of the bytes, where no other encoding fits: UTF-8 with debris

KIND_BYTES = 1 << 16  # which show what kind of file it is
HEAD_BYTES = 1 << 19  # where controls, NULs and broken bytes are counted
MAX_CANDIDATES = 5


def decode(data: bytes, name: str) -> tuple[str, Encoding]:
    """The text of a file and how it is written; `encoding.encode(text) == data`, always.

    A byte order mark decides; then come strict UTF-8, UTF-16 without a mark, UTF-8 with broken bytes (kept as
    lone surrogates, see PEP 383), and what the detector makes of the lines that are not ASCII.
    Stateful encodings (ISO-2022, UTF-7) are left out: their lines cannot be taken apart.

    Raises InputError, naming the file, where it is binary or nothing fits.
    """
    for encoding in BOMS:
        if data.startswith(encoding.bom):
            text = _decode_exactly(data[len(encoding.bom) :], encoding._replace(bom=b""))
            if text is not None:
                return text, encoding
    kind = refused_kind(data[:KIND_BYTES])
    packed = "zip" if data.startswith(b"PK\3\4") else compression_of(data)
    if kind or packed:
        raise InputError(f"{name}: {kind or f'{packed} data, not text'}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _decode_other(data, error.start, name)
    # UTF-16 is valid UTF-8 too where it holds nothing but ASCII or Cyrillic, half of its bytes being controls
    if _too_many_controls(data, MAX_CONTROLS_UTF8):
        wide = _wide_without_mark(data)
        if wide is None:
            raise InputError(f"{name}: binary, not text")
        return wide
    return text, UTF8


def is_binary(head: bytes) -> bool:
    """Whether a file that begins with `head` holds too many control characters for a text in any encoding."""
    if head.startswith(tuple(encoding.bom for encoding in BOMS)) or _wide_without_mark(head[: len(head) // 2 * 2]):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the head may end inside a character
    except UnicodeDecodeError:
        return _too_many_controls(head, MAX_CONTROLS)
    return _too_many_controls(head, MAX_CONTROLS_UTF8)


def _too_many_controls(data: bytes, share: float) -> bool:
    head = data[:HEAD_BYTES]
    return len(head) - len(head.translate(None, CONTROLS)) > max(FEW_CONTROLS, share * len(head))


def _decode_exactly(data: bytes, encoding: Encoding) -> str | None:
    """The text, or None where the bytes are not in this encoding or don't come back the same."""
    try:
        text = data.decode(encoding.codec, encoding.errors)
        return text if encoding.encode(text) == data else None
    except UnicodeError:
        return None


def _wide_without_mark(data: bytes) -> tuple[str, Encoding] | None:
    """UTF-16 without a byte order mark shows by its NULs, all on one side of the byte pairs.

    In scripts beyond Latin only spaces, digits and line ends have them: 2% of the bytes is little enough.
    """
    head = data[:HEAD_BYTES]
    n_nuls = head.count(0)
    if len(data) % 2 or n_nuls < max(2, len(head) / 50):
        return None
    even = head[::2].count(0)
    side = "utf-16-le" if even <= 0.05 * n_nuls else "utf-16-be" if even >= 0.95 * n_nuls else None
    if side is None:
        return None
    text = _decode_exactly(data, Encoding(side))
    if text is None:
        return None
    n_odd = sum(len(found) for found in re.findall(r"[\x00-\x08\x0e-\x1a\ue000-\uf8ff\ufff0-\uffff]+", text))
    return (text, Encoding(side)) if n_odd <= MAX_CONTROLS * len(text) else None


def _decode_other(data: bytes, first_error: int, name: str) -> tuple[str, Encoding]:
    """The text of a file that is not valid UTF-8; what it is shows round its first error."""
    wide = _wide_without_mark(data)
    if wide:
        return wide
    if _too_many_controls(data, MAX_CONTROLS):
        raise InputError(f"{name}: binary, not text")
    around = data[max(0, first_error - HEAD_BYTES) : first_error + HEAD_BYTES]
    n_broken, n_multibyte = utf8_counts(around)
    # In legacy encodings pairs of bytes that happen to be UTF-8 are rare; where most are, the file is UTF-8.
    if n_broken <= n_multibyte:
        return _decode_escaped(data)
    for codec in detected_codecs(data)[:MAX_CANDIDATES]:
        candidate = Encoding(codec)
        if not codec.startswith(("iso2022", "hz", "utf_7")):
            found = _decode_exactly(data, candidate)
            if found is not None:
                return found, candidate
    if n_broken <= max(FEW_BROKEN, MAX_BROKEN * len(around)):
        return _decode_escaped(data)
    raise InputError(f"{name}: no encoding fits (it is not UTF-8, and no legacy encoding was recognized)")


def _decode_escaped(data: bytes) -> tuple[str, Encoding]:
    encoding = Encoding("utf-8", "surrogateescape")
    return data.decode(encoding.codec, encoding.errors), encoding
