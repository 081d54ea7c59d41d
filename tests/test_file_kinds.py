"""Forty kinds of files under right and wrong names: read as what they are, or refused by name. Never damaged."""

import gzip
import io
import json
import os
import struct
import zipfile
import zlib

import pytest

from test_cli import declutter
from test_run import article

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
BINARY = bytes(range(256)) * 8
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def zipped(*members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


#: name: first bytes as the format's specification has them, a usual suffix, and words of the refusal.
REFUSED = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "PDF"),
    "ps": (b"%!PS-Adobe-3.0\n%%Title: a page\n/Times findfont\nshowpage\n", "PostScript"),
    "rtf": (b"{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Times;}}\n\\f0\\fs60 Hello\n}\n", "RTF"),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "Office"),
    "docx": (zipped(("[Content_Types].xml", "<Types/>"), ("word/document.xml", "<w:document/>")), "Office"),
    "odt": (zipped(("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", "<x/>")), "OpenDocument"),
    "epub": (zipped(("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<x/>")), "EPUB"),
    "jar": (zipped(("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"), ("A.class", "x")), "program"),
    "djvu": (b"AT&TFORM\0\0\1\0DJVU" + BINARY, "DjVu"),
    "png": (PNG, "PNG"),
    "jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1" + BINARY, "JPEG"),
    "gif": (b"GIF89a\1\0\1\0\x80\0\0" + BINARY, "GIF"),
    "tif": (b"II*\0\x08\0\0\0" + BINARY, "TIFF"),
    "bmp": (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0" + BINARY, "BMP"),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 " + BINARY, "WebP"),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0" + BINARY, "AVIF"),
    "ico": (b"\0\0\1\0\1\0\x10\x10" + BINARY, "icon"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><text>A</text></svg>\n', "SVG"),
    "mp3": (b"ID3\3\0\0\0\0\0\x21" + BINARY, "MP3"),
    "ogg": (b"OggS\0\2" + BINARY, "Ogg"),
    "flac": (b"fLaC\0\0\0\x22" + BINARY, "FLAC"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt " + BINARY, "WAV"),
    "mid": (b"MThd\0\0\0\6\0\1\0\2" + BINARY, "MIDI"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\2\0" + BINARY, "MP4"),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81" + BINARY, "WebM"),
    "avi": (b"RIFF\x24\0\0\0AVI LIST" + BINARY, "AVI"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + BINARY, "7-Zip"),
    "rar": (b"Rar!\x1a\x07\1\0" + BINARY, "RAR"),
    "lz4": (b"\x04\x22\x4d\x18" + BINARY, "LZ4"),
    "sqlite": (b"SQLite format 3\0" + bytes(84), "SQLite"),
    "avro": (b"Obj\1\4\x16avro.schema" + BINARY, "Avro"),
    "orc": (b"ORC\n\x03\0\0" + BINARY, "ORC"),
    "h5": (b"\x89HDF\r\n\x1a\n" + BINARY, "HDF5"),
    "npy": (b"\x93NUMPY\1\0v\0{'descr': '<f8'}" + bytes(80), "NumPy"),
    "pkl": (b"\x80\4\x95\x10\0\0\0\0\0\0\0}\x94" + BINARY, "pickle"),
    "exe": (b"MZ\x90\0\3\0\0\0" + BINARY, "program"),
    "so": (b"\x7fELF\2\1\1\0" + BINARY, "program"),
    "wasm": (b"\0asm\1\0\0\0" + BINARY, "program"),
    "woff2": (b"wOF2\0\1\0\0" + BINARY, "font"),
    "ttf": (b"\0\1\0\0\0\x0f\0\x80" + BINARY, "font"),
    "rss": (f'{XML}<rss version="2.0"><channel><title>News</title></channel></rss>\n'.encode(), "RSS"),
    "atom": (f'{XML}<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title></feed>\n'.encode(), "Atom"),
    "rdf": (f'{XML}<rdf:RDF xmlns="http://purl.org/rss/1.0/"></rdf:RDF>\n'.encode(), "RSS"),
    "sitemap": (f"{XML}<urlset><url><loc>https://a.example/</loc></url></urlset>\n".encode(), "sitemap"),
    "mediawiki": (b"<mediawiki><page><title>A</title></page></mediawiki>\n", "MediaWiki"),
    "xml": (f"{XML}<!-- a catalogue --><books><book>A</book></books>\n".encode(), "XML"),
    "mht": (
        b"From: <Saved by Blink>\r\nSubject: A\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n"
        b'\tboundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>A\r\n--x--\r\n',
        "MHTML",
    ),
    "gz.gz": (gzip.compress(gzip.compress(b"A page\n", mtime=0), mtime=0), "more than once"),
    "random": (zlib.compress(os.urandom(3000)) * 2, "binary"),
    "zeros": (bytes(5000), "binary"),
    "floats": (struct.pack("<500f", *(0.37 * number for number in range(500))), "binary"),
}
ITEM = {"url": "https://a.example/1", "text": article("bridge")}
LINE = json.dumps(ITEM).encode() + b"\n"
#: name: content, and what every output of it must be: a check of the bytes.
READ = {
    "txt": (article("bridge").encode(), lambda out: b"said on Monday" in out),
    "html": (f"<!doctype html><title>A</title><p>{article('bridge')}".encode(), lambda out: b"<" not in out),
    "fragment": (f"<div><p>{article('bridge')}</p></div>".encode(), lambda out: b"<" not in out),
    "xhtml": (f'{XML}<html xmlns="http://www.w3.org/1999/xhtml"><p>A</p></html>'.encode(), lambda out: b"<" not in out),
    "jsonl": (
        f"{json.dumps(ITEM)}\n{json.dumps(ITEM)}\n".encode(),
        lambda out: [json.loads(line).keys() for line in out.splitlines()] == [ITEM.keys()] * 2,
    ),
    "array": (json.dumps([ITEM, ITEM]).encode(), lambda out: len(json.loads(out)) == 2),
    "scrapy": (
        b"[\n" + json.dumps(ITEM).encode() + b",\n" + json.dumps(ITEM).encode() + b"\n]",
        lambda out: len(json.loads(out)) == 2,
    ),
    "pretty": (json.dumps(ITEM, indent=2).encode(), lambda out: json.loads(out).keys() == ITEM.keys()),
    "zip": (zipped(("a.txt", article("bridge"))), lambda out: zipfile.is_zipfile(io.BytesIO(out))),
}
NAMES = ["page.txt", "page.html", "page", "page.json", "page.csv", "page.md", "page.dat"]


def cleaned(tmp_path, name, data):
    """The exit code, what was said, and the outputs of a folder with one file."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    result = declutter("clean", tmp_path / "in", tmp_path / "out", "--force", "--engine", "rules")
    outputs = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    return result.exit_code, result.stderr, outputs


def test_there_are_forty():
    assert len(REFUSED) + len(READ) > 50


@pytest.mark.parametrize("suffix", [None, *NAMES])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_kind_that_is_not_read_is_refused_by_name_whatever_its_name(tmp_path, kind, suffix):
    data, words = REFUSED[kind]
    code, said, outputs = cleaned(tmp_path, suffix or f"page.{kind}", data)
    assert (code, outputs) == (1, []), said
    assert words in said or "JSON that holds no objects" in said


@pytest.mark.parametrize("kind", [kind for kind in REFUSED if kind not in ("gz.gz",)])
def test_a_refused_kind_is_refused_packed_and_on_standard_input(tmp_path, kind):
    data, words = REFUSED[kind]
    code, said, outputs = cleaned(tmp_path, "page.txt.gz", gzip.compress(data))
    assert (code, outputs) == (1, []) and words in said
    result = declutter("clean", "-", "-", stdin=data)
    assert result.exit_code == 1 and result.stdout_bytes == b"" and words in result.stderr


@pytest.mark.parametrize("name", ["page.txt", "page.html", "page", "page.dat", "page.jsonl"])
@pytest.mark.parametrize("kind", READ)
def test_a_kind_that_is_read_comes_out_as_its_kind_whatever_its_name(tmp_path, kind, name):
    if kind in ("txt", "html", "fragment", "xhtml") and name == "page.jsonl":
        pytest.skip("JSON lines that are none fail line by line")
    data, is_its_kind = READ[kind]
    code, said, outputs = cleaned(tmp_path, name, data)
    assert code == 0, said
    assert len(outputs) == 1 and is_its_kind(outputs[0])
