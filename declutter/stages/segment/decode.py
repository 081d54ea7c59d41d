"""Bytes of an HTML page -> str, as browsers decide: byte order mark, the header given, <meta>, then detection.

Labels mean what the WHATWG encoding standard says they mean ("latin1" is windows-1252, "gb2312" is gb18030); nothing
here raises on bad bytes, they become U+FFFD.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

#: Bytes at the beginning in which a <meta> may declare the encoding; browsers look at 1,024, some pages begin later.
META_BYTES = 4_096
#: Bytes that detection looks at.
DETECTION_BYTES = 65_536
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
META_CHARSET = re.compile(rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
XML_ENCODING = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)""", re.I)
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
#: Python codecs that stand for other bytes than the web's labels of the same name do.
#: https://encoding.spec.whatwg.org/#names-and-labels
WEB_CODECS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "utf-16": "utf-16-le",
}
#: Labels that Python does not know.
WEB_LABELS = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ks_c_5601-1987": "cp949",
    "windows-949": "cp949",
    "x-gbk": "gb18030",
    "windows-874": "cp874",
    "x-user-defined": "cp1252",
    "x-x-big5": "big5hkscs",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso8859-8",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
}
#: Codecs of text that browsers refuse, or that are Python's own escapes.
NO_WEB_CODECS = frozenset({"utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode"})


def decode_html(html: bytes, header: str | None = None) -> str:
    """The text of a page. `header` is the Content-Type it came with ("text/html; charset=koi8-r") or a bare label."""
    for mark, codec in BYTE_ORDER_MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(codec, "replace")
    codec = _header_codec(header) or _declared_codec(html) or _detected_codec(html)
    return html.decode(codec, "replace")


def web_codec(label: str) -> str | None:
    """The Python codec of an encoding label as the web means it, None for an unknown one."""
    label = label.strip().lower()
    try:
        name = codecs.lookup(WEB_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    codec = WEB_CODECS.get(name, name)
    return codec if _is_text_codec(codec) else None


def _is_text_codec(codec: str) -> bool:
    """Whether a codec makes text of bytes, and web pages may be in it."""
    try:
        return isinstance(b" ".decode(codec, "replace"), str) and codec not in NO_WEB_CODECS
    except LookupError:  # rot13, base64: codecs, but not of text
        return False


def _header_codec(header: str | None) -> str | None:
    if not header:
        return None
    found = HEADER_CHARSET.search(header)
    return web_codec(found[1] if found else header)


def _declared_codec(html: bytes) -> str | None:
    """What <meta> or an XML declaration says; a page that we could read it in is not UTF-16, whatever it says."""
    head = COMMENT.sub(b"", html[:META_BYTES])
    found = META_CHARSET.search(head) or XML_ENCODING.search(head)
    if not found:
        return None
    codec = web_codec(found[1].decode("ascii", "replace"))
    return "utf-8" if codec in {"utf-16-le", "utf-16-be", "utf-32"} else codec


def _detected_codec(html: bytes) -> str:
    """UTF-8 where it fits, UTF-16 without a mark by its zero bytes, otherwise what charset-normalizer finds."""
    sample = html[:DETECTION_BYTES]
    for codec, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if len(sample) > 3 and zeros.count(0) > 0.4 * len(zeros) and sample.count(0) < 1.2 * zeros.count(0):
            return codec
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # incremental: the sample may end within a character
        return "utf-8"
    except UnicodeDecodeError:
        pass  # not UTF-8: the detector decides
    best = from_bytes(sample).best()
    return (web_codec(best.encoding) if best else None) or "cp1252"
