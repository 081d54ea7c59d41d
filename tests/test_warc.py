"""WARC and WET: which records are pages, what they are decoded by, and files that are cut, damaged or hostile."""

import gzip
import json
import sys
import zlib

import pytest

from declutter.files import warc
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.records import Failure, Options, Record
from declutter.files.streams import File
from declutter.files.warc import WarcInput

pytest.importorskip("fastwarc", reason="WARC needs the extra warc")

CYRILLIC = "<html><p>Лодки вернулись на рассвете.".encode("koi8-r")
KOI8 = "text/html; charset=koi8-r"


def warc_record(kind, content, **headers):
    names = {"uri": "WARC-Target-URI", "id": "WARC-Record-ID", "language": "WARC-Identified-Content-Language"}
    lines = [f"WARC-Type: {kind}", "WARC-Date: 2026-01-01T00:00:00Z", f"Content-Length: {len(content)}"]
    lines += [f"{names.get(name, name.replace('_', '-'))}: {value}" for name, value in headers.items()]
    return "\r\n".join(["WARC/1.0", *lines, "", ""]).encode() + content + b"\r\n\r\n"


def response(body, content_type=KOI8, status="200 OK", uri="https://a.example/x", **headers):
    found = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in found.items() if value), "", ""]
    return warc_record("response", "\r\n".join(lines).encode() + body, uri=uri, Content_Type="application/http")


def warcinfo():
    return warc_record("warcinfo", b"software: a test\r\n")


def read(tmp_path, data, name="a.warc", **options):
    (tmp_path / name).write_bytes(data)
    return list(WarcInput(File(name, tmp_path / name), Options(**options)).records())


def test_html_responses_are_pages_decoded_by_their_header(tmp_path):
    first = warcinfo()
    (found,) = read(tmp_path, first + response(CYRILLIC, uri="<https://a.example/x>"))
    assert found.page.html == "<html><p>Лодки вернулись на рассвете."
    assert (found.page.id, found.page.url) == (f"a.warc:{len(first)}", "https://a.example/x")
    assert found.rest == {"url": "https://a.example/x", "date": "2026-01-01T00:00:00Z"}


def test_other_records_are_passed_over(tmp_path):
    request = warc_record("request", b"GET / HTTP/1.1\r\n\r\n", Content_Type="application/http")
    others = [
        warcinfo(),
        request,
        warc_record("revisit", b"", uri="u"),
        warc_record("metadata", b"a: b"),
        warc_record("resource", b"dns", uri="dns:a.example", Content_Type="text/dns"),
        response(b"{}", "application/json"),
        response(b"moved", status="301 Moved"),
        response(b"<html>not found", status="404 Not Found"),
        response(b"GIF89a", None),
    ]
    pages = [response(b"<!doctype html><p>no type", None), response(b"<p>x", "application/xhtml+xml")]
    pages.append(warc_record("resource", b"<p>y", uri="u", Content_Type="text/html"))
    found = read(tmp_path, b"".join(others + pages + [request]))
    assert [record.page.html for record in found] == ["<!doctype html><p>no type", "<p>x", "<p>y"]


@pytest.mark.parametrize(
    "wrap, headers",
    [
        (gzip.compress, {"Content_Encoding": "gzip"}),
        (zlib.compress, {"Content_Encoding": "deflate"}),
        (lambda body: zlib.compress(body)[2:-4], {"Content_Encoding": "deflate"}),
        (lambda body: b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), {"Transfer_Encoding": "chunked"}),
        (
            lambda body: b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(body)), gzip.compress(body)),
            {"Transfer_Encoding": "chunked", "Content_Encoding": "gzip"},
        ),
        (lambda body: body, {"Content_Encoding": "gzip"}),  # the crawler unwrapped it, and kept the header
        (lambda body: body, {"Content_Encoding": "identity"}),
    ],
)
def test_bodies_are_unwrapped(tmp_path, wrap, headers):
    (found,) = read(tmp_path, response(wrap(CYRILLIC), **headers))
    assert found.page.html == CYRILLIC.decode("koi8-r")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "br"},
        {"Content_Encoding": "deflate"},
        {"Transfer_Encoding": "chunked"},
        {"Content_Encoding": "rot13"},
        {"Content_Encoding": "gzip, " * 20},
    ],
)
def test_a_body_that_can_not_be_unwrapped_is_told_and_the_next_is_read(tmp_path, headers):
    broken, sound = read(tmp_path, response(b"zz junk\r\n", **headers) + response(CYRILLIC))
    assert broken.position == "offset 0"
    assert "the response is damaged" in broken.reason
    assert isinstance(sound, Record)


def test_long_bodies_are_unwrapped_piece_by_piece(monkeypatch):
    monkeypatch.setattr(warc, "READ_BYTES", 7)
    body = bytes(range(256)) * 3
    headers = {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"}
    packed = gzip.compress(body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:50], packed[50:], b""))
    assert warc.unwrapped(chunks, headers.get, 10_000) == body
    assert warc.unwrapped(chunks, headers.get, 600) == body[:600]


def test_a_body_that_unpacks_to_more_than_the_limit_is_skipped(tmp_path):
    bomb = response(gzip.compress(bytes(50 << 20)), Content_Encoding="gzip")
    large = response(b"<p>" + b"x" * (3 << 20))
    found = read(tmp_path, bomb + large + response(CYRILLIC), max_page_bytes=1 << 20)
    assert ["longer than 1 MB" in getattr(one, "reason", "") for one in found] == [True, True, False]


def test_each_way_to_compress_gives_the_same_pages(tmp_path):
    parts = [warcinfo(), response(CYRILLIC), warcinfo(), response(b"<p>two")]
    by_record = [gzip.compress(part) for part in parts]
    plain = read(tmp_path, b"".join(parts))
    one_by_one = read(tmp_path, b"".join(by_record), "a.warc.gz")
    in_one = read(tmp_path, gzip.compress(b"".join(parts)), "b.warc.gz")
    assert (
        [one.page.html for one in plain] == [one.page.html for one in one_by_one] == [one.page.html for one in in_one]
    )
    offsets = [len(by_record[0]), sum(map(len, by_record[:3]))]
    assert [one.position for one in one_by_one] == [str(offset) for offset in offsets]
    assert len({one.page.id for one in in_one}) == 2


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_that_is_cut_gives_its_whole_records(tmp_path, is_packed):
    parts = [warcinfo(), response(b"<p>one"), response(b"<p>two"), warcinfo()]
    parts = [gzip.compress(part) for part in parts] if is_packed else parts
    data = b"".join(parts)
    ends = [sum(map(len, parts[: number + 1])) for number in range(len(parts))]
    n_told = 0
    for length in range(1, len(data)):
        found = read(tmp_path, data[:length])
        pages = [one for one in found if isinstance(one, Record)]
        assert [one.page.html for one in pages] == ["<p>one", "<p>two"][: len(pages)], length
        if length in ends:  # nobody can tell
            assert len(pages) == len(found) == min(2, ends.index(length))
            continue
        # cut in what follows its body (empty lines, a checksum), a page may be told as cut or given
        assert abs(len(pages) - sum(length >= end for end in ends[1:3])) <= 1
        n_told += isinstance(found[-1], Failure) if found else 0
    assert n_told >= len(data) - 12  # not where the cut comes behind the empty lines that end a header or a record


def test_damage_ends_the_file_and_what_came_before_is_read(tmp_path):
    page, last = read(tmp_path, response(CYRILLIC) + b"garbage\r\n\r\n" + response(CYRILLIC))
    assert isinstance(page, Record)
    assert "damaged, nothing is read after the record at offset 0" in last.reason
    (found,) = read(tmp_path, b"This is no WARC file\n")
    assert "damaged" in found.reason
    assert read(tmp_path, b"") == []


def test_a_header_without_end_is_told(tmp_path):
    (found,) = read(tmp_path, b"WARC/1.0\r\nA: " + b"x" * (5 << 20))
    assert isinstance(found, Failure)


def wet():
    texts = ["Menu\nThe boats came back.\n", "中文\n"]
    return b"".join(
        warc_record("conversion", text.encode(), uri=f"https://{row}.example/", id=f"<{row}>", language="eng")
        for row, text in enumerate(texts)
    )


@pytest.mark.parametrize("name", ["a.warc.wet.gz", "a.wet"])
def test_wet_is_text_and_comes_out_as_wet(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(wet()) if name.endswith(".gz") else wet())
    (found,) = inputs([tmp_path / name])
    assert (found.format, output_name(found)) == ("wet", name)
    output = output_for(found, tmp_path / "out")
    for record in found.records():
        output.write(record, record.page.text.removeprefix("Menu\n"))
    output.close()
    pages = read(tmp_path, (tmp_path / "out").read_bytes())
    assert [record.page.text for record in pages] == ["The boats came back.\n", "中文\n"]
    assert pages[1].rest == {
        "id": "<1>",
        "url": "https://1.example/",
        "date": "2026-01-01T00:00:00Z",
        "languages": "eng",
    }


def test_warc_becomes_json_lines(tmp_path):
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(response(CYRILLIC)))
    (found,) = inputs([tmp_path / "a.warc.gz"])
    assert output_name(found) == "a.jsonl.gz"
    output = output_for(found, tmp_path / "out")
    for record in found.records():
        output.write(record, "Лодки")
    output.close()
    line = json.loads(gzip.decompress((tmp_path / "out").read_bytes()))
    assert line == {"url": "https://a.example/x", "date": "2026-01-01T00:00:00Z", "text": "Лодки"}


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastwarc.warc", None)
    (found,) = read(tmp_path, response(CYRILLIC))
    assert 'pip install "declutter-text[warc]"' in found.reason
