"""Bytes of an HTML page -> str: by its byte order mark, as UTF-8 where it is that, by its labels, by detection.

Browsers believe a label against the bytes. A folder of scraped pages can't be read so: a scraper that saves
`response.text` writes UTF-8 below a <meta> that still names the server's encoding. So the bytes decide wherever they
can: valid UTF-8 with characters of several bytes is UTF-8, and a label counts only if the page decodes with it.

Labels mean what the WHATWG encoding standard says ("latin1" is windows-1252); webencodings holds its tables. Nothing
here raises on bad bytes: they become U+FFFD.
"""

from __future__ import annotations

import codecs
import re

import webencodings

#: Bytes at the beginning in which a <meta> may declare the encoding; browsers look at 1,024, some pages begin later.
META_BYTES = 4_096
#: Bytes in which NULs and shift sequences are looked for.
HEAD_BYTES = 65_536
#: Bytes of text without markup that the detector sees. More made no difference on 727 re-encoded pages in 17 encodings.
DETECTION_BYTES = 8_192
BYTE_ORDER_MARKS = (  # the longest first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
META_CHARSET = re.compile(rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
XML_ENCODING = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)""", re.I)
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
#: Python's codecs of what the web, or the detector, calls by these names: the standard's tables hold more characters.
SUPERSETS = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "shift_jis": "cp932",
    "shift_jis_2004": "cp932",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "euc_jis_2004": "euc_jp",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
#: Where these leave something undecoded (circled digits in EUC-JP), the wider one is asked too.
WIDER = {"cp932": "shift_jis_2004", "euc_jp": "euc_jis_2004", "iso2022_jp": "iso2022_jp_2004"}
#: Labels of encodings that browsers refuse and that Python reads.
REFUSED_BY_BROWSERS = {"hz-gb-2312": "hz", "iso-2022-kr": "iso2022_kr"}
#: Encodings that look like ASCII: their escapes, which begin nothing else.
SHIFTS = ((re.compile(rb"\x1b\$\)C"), "iso2022_kr"), (re.compile(rb"\x1b(?:\$[@B]|\([IJ]|\$\([DOPQ])"), "iso2022_jp"))
WIDE = frozenset({"utf-16-le", "utf-16-be"})
MULTIBYTE = frozenset({"gb18030", "cp932", "big5hkscs", "cp949", "euc_jp", "iso2022_jp", "iso2022_kr", "hz"})
#: So few characters of several bytes may be UTF-8 by accident, where a label of MULTIBYTE fits too: a common Chinese
#: character in GBK is valid UTF-8 with a probability of 0.13.
MIN_UTF8_CHARS = 3
#: Broken bytes for each sound character of UTF-8 that are debris in it whatever a label says; 2,500 texts in legacy
#: encodings have 1 and more.
SURELY_DEBRIS = 0.2
#: A label fits where no more of the characters beyond ASCII are undecodable: pages hold debris.
MAX_UNDECODABLE, FEW_UNDECODABLE = 0.02, 2
#: Of the bytes beyond ASCII, how many stand in runs of four and more where a page is in a Latin encoding: at most 0.02
#: in 1,200 texts.
MAX_IN_LONG_RUNS = 0.2
LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
LONG_ASCII = re.compile(rb"([\x00-\x7f]{80})[\x00-\x7f]{240,}([\x00-\x7f]{80})")  # as in style sheets
NOT_ASCII = re.compile(rb"[\x80-\xff]")
LATIN = frozenset(
    "cp1250 cp1252 cp1254 cp1257 cp1258 mac-roman iso8859-2 iso8859-3 iso8859-4 iso8859-10 iso8859-13 iso8859-14"
    " iso8859-15 iso8859-16".split()
)
CYRILLIC = frozenset("cp1251 koi8-r koi8-u iso8859-5 mac-cyrillic cp866".split())
#: Bytes beyond ASCII from which the detector finds what is not windows-1252: right in 257 of 257 texts of 200
#: characters and more, in 79 of 88 of 40.
ENOUGH_TO_DETECT = 10
#: What the detector answers with less is a guess: "Café" alone gets 0.017, bytes in no language less than 0.008.
MIN_CONFIDENCE = 0.01
C1_CONTROL = re.compile("[\x80-\x84\x86-\x9f]")
#: Of the characters beyond ASCII, how many are letters where text is read right, half-width Katakana aside: 0.77 and
#: more in 1,300 texts of 12 encodings (the least in Thai); 0.65 and less in most that are read wrong.
MIN_LETTERS = 0.7
NOT_LETTER = re.compile("[^\\w\\x00-\\x7f]|[\uff61-\uff9f]")
#: Characters, or bytes, beyond ASCII that are looked at.
LOOKED_AT = 10_000


def decode_html(html: bytes, header: str | None = None) -> str:
    """The text of a page. `header` is the Content-Type it came with ("text/html; charset=koi8-r") or a bare label."""
    for mark, codec in BYTE_ORDER_MARKS:
        if html.startswith(mark):
            html = html[len(mark) :]
            if codec != "utf-8" or (not html.isascii() and _is_utf8(html)):
                return html.decode(codec, "replace")
            break  # the mark of a template before text that isn't UTF-8
    labels = [label for label in (_header_label(header), _declared_label(html)) if label]
    if html.isascii() and b"\0" not in html[:HEAD_BYTES]:
        return _decoded(html, _shifted_codec(html, labels))
    try:
        text = html.decode()
    except UnicodeDecodeError:
        pass  # not valid as a whole: what it is is found below
    else:
        if not _may_be_by_accident(text, html, labels):
            wide = wide_codec(html)
            return html.decode(wide, "replace") if wide else text
    return _decoded(html, _codec(html, labels))


def _decoded(html: bytes, codec: str) -> str:
    text = html.decode(codec, "replace")
    if "\ufffd" in text and codec in WIDER:
        return min(text, html.decode(WIDER[codec], "replace"), key=lambda text: text.count("\ufffd"))
    return text


def web_codec(label: str) -> str | None:
    """The Python codec of an encoding label as the web means it, None for an unknown one."""
    label = label.strip().lower()
    if label in REFUSED_BY_BROWSERS:
        return REFUSED_BY_BROWSERS[label]
    encoding = webencodings.lookup(label) if label.isascii() else None
    if encoding is None or encoding.name in {"x-user-defined", "replacement"}:
        return None
    codec = encoding.codec_info.name
    return SUPERSETS.get(codec, codec)


def wide_codec(data: bytes) -> str | None:
    """UTF-16 without a byte order mark shows by its NULs, all on one side of the byte pairs.

    In scripts beyond Latin only spaces, digits and markup have them: 2% of the bytes is little enough.
    """
    head = data[: HEAD_BYTES & ~1]
    n_nuls = head.count(0)
    if n_nuls < max(4, len(head) / 50):
        return None
    even = head[::2].count(0)
    codec = "utf-16-le" if even <= 0.05 * n_nuls else "utf-16-be" if even >= 0.95 * n_nuls else None
    if codec is None:
        return None
    text = head.decode(codec, "replace")
    n_odd = sum(map(len, re.findall(r"[\x00-\x08\x0e-\x1a\ue000-\uf8ff\ufff0-\uffff]+", text)))
    return codec if n_odd <= 0.03 * len(text) else None


def utf8_counts(data: bytes) -> tuple[int, int]:
    """How many bytes are broken UTF-8, and how many characters of several bytes are sound."""
    text = data.decode("utf-8", "surrogateescape")
    n_broken = len(text) - len(text.encode("utf-8", "ignore").decode("utf-8"))
    return n_broken, len(text) - n_broken - len(text.encode("ascii", "ignore"))


def detected_codecs(data: bytes) -> list[str]:
    """The Python codecs of legacy encodings that `data` may be in, the likeliest first."""
    from chardet import EncodingEra, detect_all  # takes 0.1 s to import, and few pages need it

    sample = _sample(data)
    eras = EncodingEra.ALL & ~EncodingEra.MAINFRAME
    found = detect_all(sample, ignore_threshold=True, encoding_era=eras, compat_names=False)
    narrow = [
        codecs.lookup(answer["encoding"]).name
        for answer in found
        if answer["encoding"] and answer["confidence"] >= MIN_CONFIDENCE
    ]
    likely = (name for codec in narrow for name in (SUPERSETS.get(codec, codec), codec))
    return [codec for codec in dict.fromkeys(likely) if not C1_CONTROL.search(sample.decode(codec, "replace"))]


def _sample(data: bytes) -> bytes:
    """The stretches of text that are not ASCII, without markup; "<", ">" and "\\n" are part of no wider character."""
    lines, n_bytes = [], 0
    for line in re.sub(rb"<[^<>]*>", b"\n", data[: 1 << 20]).split(b"\n"):
        if not line.isascii():
            lines.append(LONG_ASCII.sub(rb"\1\n\2", line)[:DETECTION_BYTES])
            n_bytes += len(lines[-1])
            if n_bytes >= DETECTION_BYTES:
                break
    return b"\n".join(lines)


def _header_label(header: str | None) -> str | None:
    if not header:
        return None
    found = HEADER_CHARSET.search(header)
    return found[1] if found else header


def _declared_label(html: bytes) -> str | None:
    """What <meta> or an XML declaration says."""
    head = COMMENT.sub(b"", html[:META_BYTES])
    found = META_CHARSET.search(head) or XML_ENCODING.search(head)
    return found[1].decode("ascii", "replace") if found else None


def _shifted_codec(html: bytes, labels: list[str]) -> str:
    """The encoding of a page that is ASCII as bytes: one with escapes, or UTF-8."""
    if b"\x1b" in html:
        for escape, codec in SHIFTS:
            if escape.search(html):
                return codec
    return "hz" if b"~{" in html and "hz" in map(web_codec, labels) else "utf-8"


def _is_utf8(html: bytes) -> bool:
    """Whether the characters of several bytes are UTF-8, some debris aside."""
    n_broken, n_sound = utf8_counts(html)
    return n_broken <= n_sound


def _may_be_by_accident(text: str, html: bytes, labels: list[str]) -> bool:
    """Whether valid UTF-8 may be what a label says it is. text: `html` decoded as UTF-8."""
    named = [codec for codec in map(web_codec, labels) if codec in MULTIBYTE]
    if not named or len(text) - len(text.encode("ascii", "ignore")) >= MIN_UTF8_CHARS:
        return False
    return any(_fits(html, label) for label in labels if web_codec(label) in MULTIBYTE)


def _codec(html: bytes, labels: list[str]) -> str:
    """The codec of a page that is not valid UTF-8, or so short that it may be by accident."""
    wide = wide_codec(html)
    if wide:
        return wide
    n_broken, n_sound = utf8_counts(html)
    if n_broken <= n_sound * SURELY_DEBRIS:
        return "utf-8"
    if n_broken <= n_sound and not any(web_codec(label) in MULTIBYTE and _fits(html, label) for label in labels):
        return "utf-8"
    for label in labels:
        codec = web_codec(label)
        if codec is not None and _fits(html, label):
            return codec
    for codec in detected_codecs(html):
        if _decoded(html, codec).count("\ufffd") <= FEW_UNDECODABLE + MAX_UNDECODABLE * len(NOT_ASCII.findall(html)):
            return codec
    known = [codec for codec in map(web_codec, labels) if codec and codec not in WIDE]
    return known[0] if known else "cp1252"


def _fits(html: bytes, label: str) -> bool:
    """Whether a page may be in the encoding that a label names: its bytes decode, and the text looks like its script.

    Bytes that could be read for the label are not UTF-16, whatever it says.
    """
    codec = web_codec(label)
    if codec is None or codec in WIDE:
        return False
    high = NOT_ASCII.findall(html)
    text = _decoded(html, codec)
    if text.count("\ufffd") > FEW_UNDECODABLE + MAX_UNDECODABLE * len(high):
        return False
    if codec in LATIN and sum(map(len, LONG_RUN.findall(html))) > MAX_IN_LONG_RUNS * len(high):
        return False
    if codec == "cp1252":  # what servers say that know no better
        return len(high) < ENOUGH_TO_DETECT or detected_codecs(html)[:1] in ([], ["cp1252"])
    if codec in LATIN:
        return True
    letters = "".join(found for found in re.findall(r"[^\x00-\x7f]+", text))[:LOOKED_AT]
    if len(NOT_LETTER.findall(letters)) > (1 - MIN_LETTERS) * len(letters):
        return False
    # capitals outweigh where KOI8 is read as windows-1251, and the other way round
    return codec not in CYRILLIC or sum(map(str.isupper, letters)) <= sum(map(str.islower, letters))
