"""Kinds of files that are not read: how their first bytes show them, and what to do instead."""

from __future__ import annotations

import re
from typing import NamedTuple

from declutter.files.markup import first_markup

EXTRACT = "extract its text first"
OCR = "recognize its text first, for example with tesseract"
TRANSCRIBE = "transcribe it first"
UNPACK = "unpack it first"
EXPORT = "export its pages as JSON lines, CSV or Parquet"
NO_TEXT = "it holds no page"
FETCH = "fetch the pages that it links to, and clean those"
CONVERT = "convert it to HTML or text first, or read it as it is with --input-format"


class RefusedKind(NamedTuple):
    """A kind of file, with its article, and what to do instead of reading it."""

    name: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}, not text; {self.advice}"


def _kinds(advice: str, *names: tuple[str, bytes, int]) -> list[tuple[bytes, int, RefusedKind]]:
    return [(magic, offset, RefusedKind(name, advice)) for name, magic, offset in names]


#: Magic numbers with their offsets, from the formats' specifications. Those of plain letters include a byte or a length
#: that text doesn't have there; `_of_container` tells RIFF, ftyp and FORM files apart.
MAGIC_NUMBERS = (
    *_kinds(
        EXTRACT,
        ("a PDF file", b"%PDF-", 0), ("a PostScript file", b"%!PS", 0), ("an RTF document", b"{\\rtf", 0),
        ("an old Office document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0), ("a DjVu document", b"AT&TFORM", 0),
        ("a MOBI e-book", b"BOOKMOBI", 60), ("a Windows help file", b"ITSF\x03", 0), ("a LIT e-book", b"ITOLITLS", 0),
    ),
    *_kinds(
        OCR,
        ("a PNG image", b"\x89PNG\r\n", 0), ("a JPEG image", b"\xff\xd8\xff", 0), ("a GIF image", b"GIF87a", 0),
        ("a GIF image", b"GIF89a", 0), ("a TIFF image", b"II*\0", 0), ("a TIFF image", b"MM\0*", 0),
        ("a BMP image", b"BM", 0), ("an icon", b"\0\0\1\0", 0), ("a Photoshop image", b"8BPS\0", 0),
        ("a JPEG 2000 image", b"\0\0\0\x0cjP  ", 0), ("a JPEG XL image", b"\0\0\0\x0cJXL ", 0),
        ("a JPEG XL image", b"\xff\x0a", 0), ("a GIMP image", b"gimp xcf", 0), ("a DICOM image", b"DICM", 128),
    ),
    *_kinds(
        TRANSCRIBE,
        ("an Ogg recording", b"OggS\0", 0), ("an MP3 recording", b"ID3\2", 0), ("an MP3 recording", b"ID3\3", 0),
        ("an MP3 recording", b"ID3\4", 0), ("an MP3 recording", b"\xff\xfb", 0), ("an MP3 recording", b"\xff\xf3", 0),
        ("a FLAC recording", b"fLaC\0", 0), ("a MIDI file", b"MThd\0\0\0\6", 0), ("an AMR recording", b"#!AMR", 0),
        ("a Matroska or WebM video", b"\x1a\x45\xdf\xa3", 0), ("an MPEG video", b"\0\0\1\xba", 0),
        ("a Flash video", b"FLV\1", 0), ("a Windows Media file", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0),
    ),
    *_kinds(
        UNPACK,
        ("a 7-Zip archive", b"7z\xbc\xaf\x27\x1c", 0), ("a RAR archive", b"Rar!\x1a\x07", 0),
        ("a cabinet archive", b"MSCF\0\0\0\0", 0), ("a Unix archive", b"!<arch>\n", 0),
        ("an RPM package", b"\xed\xab\xee\xdb", 0), ("a disk image", b"CD001", 0x8001),
        ("an LZ4 file", b"\x04\x22\x4d\x18", 0), ("an lzip file", b"LZIP\1", 0), ("a compress file", b"\x1f\x9d", 0),
        ("an LZMA file", b"\x5d\0\0", 0), ("a cpio archive", b"070701", 0), ("a Git pack", b"PACK\0\0\0", 0),
        ("a damaged or split zip archive", b"PK\7\x08", 0),
    ),
    *_kinds(
        EXPORT,
        ("an SQLite database", b"SQLite format 3\0", 0), ("an Access database", b"\0\1\0\0Standard ", 0),
        ("an Avro file", b"Obj\1", 0), ("an ORC file", b"ORC", 0), ("an HDF5 file", b"\x89HDF\r\n", 0),
        ("a NumPy array", b"\x93NUMPY", 0), ("a Python pickle", b"\x80\2", 0), ("a Python pickle", b"\x80\3", 0),
        ("a Python pickle", b"\x80\4\x95", 0), ("a Python pickle", b"\x80\5\x95", 0),
        ("a property list", b"bplist0", 0),
    ),
    *_kinds(
        NO_TEXT,
        ("a program", b"\x7fELF", 0), ("a program", b"MZ\x90\0", 0), ("a program", b"\xca\xfe\xba\xbe", 0),
        ("a program", b"\xcf\xfa\xed\xfe", 0), ("a program", b"\xfe\xed\xfa", 0), ("a program", b"\0asm", 0),
        ("a program", b"dex\n03", 0), ("a program", b"\x1bLua", 0), ("a font", b"wOFF\0", 0), ("a font", b"wOF2", 0),
        ("a font", b"\0\1\0\0\0", 0), ("a font", b"OTTO\0", 0), ("a font", b"ttcf\0", 0),
        ("a network capture", b"\xd4\xc3\xb2\xa1", 0), ("a network capture", b"\x0a\x0d\x0d\x0a", 0),
        ("a torrent", b"d8:announce", 0), ("an encrypted message", b"-----BEGIN PGP MESSAGE", 0),
        ("a Windows shortcut", b"L\0\0\0\1\x14\2\0", 0),
    ),
)  # fmt: skip
#: Magic numbers that may begin a text; the files have NULs too.
WEAK_NUMBERS = frozenset({b"BM", b"ORC", b"DICM", b"CD001", b"\xff\x0a", b"\xff\xfb", b"\xff\xf3"})
#: What stands behind the four letters and the length of a container file.
CONTAINERS = {
    b"WEBP": RefusedKind("a WebP image", OCR), b"WAVE": RefusedKind("a WAV recording", TRANSCRIBE),
    b"AVI ": RefusedKind("an AVI video", TRANSCRIBE), b"AIFF": RefusedKind("an AIFF recording", TRANSCRIBE),
}  # fmt: skip
XML_ROOTS = {
    "rss": RefusedKind("an RSS feed", FETCH), "feed": RefusedKind("an Atom feed", FETCH),
    "rdf:rdf": RefusedKind("an RSS or RDF file", FETCH), "urlset": RefusedKind("a sitemap", FETCH),
    "sitemapindex": RefusedKind("a sitemap", FETCH), "opml": RefusedKind("a list of feeds (OPML)", FETCH),
    "svg": RefusedKind("an SVG image", CONVERT),
    "mediawiki": RefusedKind("a MediaWiki dump", "extract its pages first, for example with wikiextractor"),
}  # fmt: skip
OWN_ROOTS = frozenset({"rss", "urlset", "sitemapindex", "opml", "mediawiki"})  # with or without an XML declaration
MHTML = re.compile(rb"\A(?:[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*){1,40}", re.I)
#: First members of zip files that are documents or programs and no archives of pages.
ZIP_MEMBERS = (
    (b"mimetypeapplication/epub+zip", RefusedKind("an EPUB e-book", "unpack it and clean the pages in it")),
    (b"mimetypeapplication/vnd.", RefusedKind("an OpenDocument file", EXTRACT)),
    (b"[Content_Types].xml", RefusedKind("an Office document", EXTRACT)),
    (b"word/", RefusedKind("an Office document", EXTRACT)),
    (b"_rels/.rels", RefusedKind("an Office document", EXTRACT)),
    (b"xl/", RefusedKind("an Office document", EXTRACT)), (b"ppt/", RefusedKind("an Office document", EXTRACT)),
    (b"META-INF/MANIFEST.MF", RefusedKind("a program (Java)", NO_TEXT)),
    (b"AndroidManifest.xml", RefusedKind("a program (Android)", NO_TEXT)),
)  # fmt: skip
XML_HEAD_BYTES = 20_000  # where the root of an XML file is looked for
ZIP_NAME = 30  # where a zip file's first member's name begins
ISO_BASE_MEDIA = {b"avif", b"heic", b"heix", b"mif1", b"msf1"}  # brands of images


def refused_zip(names: list[str]) -> RefusedKind | None:
    """The kind of a zip file that is a document or a program, by its members' names; None for an archive."""
    if "META-INF/container.xml" in names:
        return ZIP_MEMBERS[0][1]
    return next((kind for member, kind in ZIP_MEMBERS[2:3] + ZIP_MEMBERS[-2:] if member.decode() in names), None)


def refused_kind(head: bytes) -> RefusedKind | None:
    """The kind of a file that is not read, by its first bytes; None for what may be read."""
    for magic, offset, kind in MAGIC_NUMBERS:
        if head.startswith(magic, offset) and (magic not in WEAK_NUMBERS or b"\0" in head):
            return kind
    if head.startswith(b"PK\3\4"):
        return next((kind for member, kind in ZIP_MEMBERS if head.startswith(member, ZIP_NAME)), None)
    return _of_container(head) or _of_text(head)


def _of_container(head: bytes) -> RefusedKind | None:
    if head[:4] in (b"RIFF", b"FORM"):
        return CONTAINERS.get(head[8:12])
    if head[4:8] == b"ftyp" and head[:2] == b"\0\0":
        is_image = head[8:12] in ISO_BASE_MEDIA
        return RefusedKind("an AVIF or HEIC image", OCR) if is_image else RefusedKind("an MP4 video", TRANSCRIBE)
    return None


def _of_text(head: bytes) -> RefusedKind | None:
    """XML other than pages, and pages saved as mail."""
    if MHTML.match(head) and b"multipart/related" in head and b"MIME-Version" in head:
        return RefusedKind("an MHTML archive", "save the page as HTML")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"<":
        return None
    found = first_markup(head[:XML_HEAD_BYTES].decode("utf-8", "replace"))
    if found.element in XML_ROOTS and (found.is_xml or b"xmlns" in head or found.element in OWN_ROOTS):
        return XML_ROOTS[found.element]
    if found.is_xml and found.element not in ("", "html") and found.doctype != "html":
        return RefusedKind(f"an XML document (<{found.element[:40]}>)", CONVERT)
    return None
