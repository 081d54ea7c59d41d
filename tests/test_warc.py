"""WARC and WET: which records are pages, what they are decoded by, and files that are cut, damaged or hostile."""

import gzip
import json
import zlib

import pytest

from declutter.files import compression
from declutter.files.compression import Budget
from declutter.files.http_bodies import unwrapped
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.records import REVISITS, Failure, Note, Options, Record
from declutter.files.streams import File
from declutter.files.warc import WarcInput

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
    found = WarcInput(File(name, tmp_path / name), Options(**options)).records()
    return [one for one in found if not isinstance(one, Note)]


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


def test_bodies_are_unwrapped_up_to_a_limit():
    body = bytes(range(256)) * 3
    headers = {"content-encoding": "gzip", "transfer-encoding": "chunked"}
    packed = gzip.compress(body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:50], packed[50:], b""))
    assert unwrapped(chunks, headers, 10_000, Budget("a")) == body
    assert unwrapped(chunks, headers, 600, Budget("a")) == body[:600]


def with_lf(record):
    header, _, block = record.partition(b"\r\n\r\n")
    return header.replace(b"\r\n", b"\n") + b"\n\n" + block.removesuffix(b"\r\n\r\n") + b"\n\n"


def chunked(body, size=20):
    parts = [body[start : start + size] for start in range(0, len(body), size)] + [b""]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def header_added(record, line):
    return record.replace(b"WARC-Type", line + b"\r\nWARC-Type", 1)


def brotli_of(body):
    return pytest.importorskip("brotli", reason="Brotli needs the extra warc").compress(body)


SOUND = response(CYRILLIC, uri="https://a.example/odd")
UTF8 = "<html><p>Лодки вернулись.".encode()
#: Records that are odd and sound: each is one page. Functions are called by the test.
ODD = {
    "chunked headers over a body that is not": response(CYRILLIC, Transfer_Encoding="chunked"),
    "chunked without a header": response(chunked(CYRILLIC)),
    "gzip without a header": response(gzip.compress(CYRILLIC)),
    "gzip and chunked without a header": response(chunked(gzip.compress(CYRILLIC))),
    "gzip and chunked, no longer chunked": response(
        gzip.compress(CYRILLIC), Content_Encoding="gzip", Transfer_Encoding="chunked"
    ),
    "gzip and chunked, no longer gzip": response(
        chunked(CYRILLIC), Content_Encoding="gzip", Transfer_Encoding="chunked"
    ),
    "gzip and chunked, neither any more": response(CYRILLIC, Content_Encoding="gzip", Transfer_Encoding="chunked"),
    "gzip twice, named once": response(gzip.compress(gzip.compress(CYRILLIC)), Content_Encoding="gzip"),
    "a chunk's extension": response(chunked(CYRILLIC).replace(b"\r\n", b";a=b\r\n", 1), Transfer_Encoding="chunked"),
    "no last chunk": response(chunked(CYRILLIC)[:-5], Transfer_Encoding="chunked"),
    "Brotli": lambda: response(brotli_of(CYRILLIC), Content_Encoding="br"),
    "Brotli header over a body that is not": response(CYRILLIC, Content_Encoding="br"),
    "HTTP headers with LF": warc_record(
        "response", b"HTTP/1.1 200 OK\nContent-Type: " + KOI8.encode() + b"\n\n" + CYRILLIC, uri="https://a.example/odd"
    ),
    "WARC headers with LF": with_lf(SOUND),
    "WARC/0.18 with a date that is none": with_lf(SOUND).replace(b"1.0", b"0.18", 1).replace(b"-01-01", b"-01-65"),
    "WARC/1.1": SOUND.replace(b"WARC/1.0", b"WARC/1.1"),
    "a URL in angle brackets": SOUND.replace(b"https://a.example/odd", b"<https://a.example/odd>"),
    "a header of 65 kB": header_added(SOUND, b"X-Long: " + b"x" * 65_000),
    "10,000 header lines": header_added(SOUND, b"\r\n".join(b"X-%d: y" % number for number in range(10_000))),
    "a folded header": header_added(SOUND, b"X-Folded: a\r\n  b\r\n\tc"),
    "a blank before the colon": SOUND.replace(b"Content-Length:", b"Content-Length :", 1),
    "names in other cases": SOUND.replace(b"WARC-Type", b"warc-TYPE").replace(b"Content-Type", b"CONTENT-type"),
    "HTTP/2 without a reason": response(CYRILLIC, status="200").replace(b"HTTP/1.1", b"HTTP/2"),
    "a charset that is none: undefined": response(UTF8, "text/html; charset=undefined"),
    "a charset that is none: idna": response(UTF8, "text/html; charset=idna"),
    "a charset that is none: 4,000 characters": response(UTF8, "text/html; charset=" + "x" * 4000),
    "a page about WARC": response(CYRILLIC + b"\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\n\r\n"),
}
#: Records that are broken: each is one failure.
BROKEN = {
    "a length that is too long": SOUND.replace(b"Content-Length: ", b"Content-Length: 9", 1),
    "a length that is too long by ten": None,
    "a length that is too short": None,
    "no length": SOUND.replace(b"Content-Length: ", b"X-Length: ", 1),
    "a length that is no number": SOUND.replace(b"Content-Length: ", b"Content-Length: x", 1),
    "a length of 4,000 digits": SOUND.replace(b"Content-Length: ", b"Content-Length: " + b"9" * 4000, 1),
    "a broken version": SOUND.replace(b"WARC/1.0", b"WARC 1.0"),
    "no blank line behind the header": SOUND.replace(b"\r\n\r\n", b"\r\n", 1),
    "garbage in its place": b"<p>garbage</p>\r\n" * 40 + b"\r\n\r\n",
    "a packed body that is cut": response(gzip.compress(CYRILLIC)[:-12], Content_Encoding="gzip"),
    "an unknown coding": response(b"\1\2\3", Content_Encoding="rot13"),
    "a bomb": response(gzip.compress(bytes(3 << 20)), Content_Encoding="gzip"),
    "a header without an end": SOUND.partition(b"\r\n\r\n")[0] + b"\r\n",
}
LENGTH = int(SOUND.partition(b"Content-Length: ")[2].partition(b"\r")[0])
BROKEN["a length that is too long by ten"] = SOUND.replace(b"Length: %d" % LENGTH, b"Length: %d" % (LENGTH + 10), 1)
BROKEN["a length that is too short"] = SOUND.replace(b"Length: %d" % LENGTH, b"Length: %d" % (LENGTH - 10), 1)
PACKED = {
    "plain": b"".join,
    "a member a record": lambda parts: b"".join(map(gzip.compress, parts)),
    "one member": lambda parts: gzip.compress(b"".join(parts)),
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", ODD)
def test_records_that_are_odd_are_read(tmp_path, kind, packed):
    odd = ODD[kind]() if callable(ODD[kind]) else ODD[kind]
    found = read(tmp_path, PACKED[packed]([warcinfo(), response(b"<p>one"), odd, response(b"<p>two")]))
    assert len(found) == 3 and all(isinstance(one, Record) for one in found), found
    assert "вернулись" in found[1].page.html
    assert [found[0].page.html, found[2].page.html] == ["<p>one", "<p>two"]
    assert found[1].page.url in ("https://a.example/odd", "https://a.example/x")


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_record_is_told_and_all_others_are_read(tmp_path, kind, packed):
    parts = [warcinfo(), response(b"<p>one"), BROKEN[kind], response(b"<p>two"), response(b"<p>three")]
    found = read(tmp_path, PACKED[packed](parts), max_page_bytes=1 << 20)
    assert [one.page.html for one in found if isinstance(one, Record)] == ["<p>one", "<p>two", "<p>three"]
    (failure,) = (one for one in found if isinstance(one, Failure))
    offset = len(PACKED[packed](parts[:2]))
    expected = f"offset 0+{len(parts[0] + parts[1])}" if packed == "one member" else f"offset {offset}"
    assert failure.position == expected
    assert f"a.warc, {expected}: " in failure.reason
    if b"a.example/odd" in BROKEN[kind] and kind not in ("a broken version", "a header without an end"):
        assert "https://a.example/odd" in failure.reason


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_damage_in_packed_data_costs_the_members_that_it_hits(tmp_path, place):
    pages = [gzip.compress(response(b"<p>%d %s" % (number, bytes(range(97, 123)) * number))) for number in range(30)]
    data = b"".join(pages)
    middle = int(place * len(data))
    found = read(tmp_path, data[:middle] + b"\xff" * 20 + data[middle + 20 :])
    assert len([one for one in found if isinstance(one, Record)]) >= 28
    failures = [one for one in found if isinstance(one, Failure)]
    assert 1 <= len(failures) <= 2 and "damaged" in failures[0].reason


def test_garbage_between_packed_members_is_told(tmp_path):
    parts = [gzip.compress(response(b"<p>%d" % number)) for number in (1, 2)]
    first, garbage, second = read(tmp_path, (b"junk" * 9).join(parts))
    assert (first.page.html, second.page.html) == ("<p>1", "<p>2")
    assert "something else follows" in garbage.reason


def test_revisits_are_counted(tmp_path):
    (tmp_path / "a.warc").write_bytes(warc_record("revisit", b"", uri="u") * 3 + response(b"<p>x"))
    *_, note = WarcInput(File("a.warc", tmp_path / "a.warc"), Options()).records()
    assert note == Note("a.warc", REVISITS, 3)


def test_records_of_a_bomb_end_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 20)
    bomb = response(gzip.compress(bytes(900_000)), Content_Encoding="gzip")
    *_, last = read(tmp_path, response(b"<p>x") + bomb * 30, max_page_bytes=1 << 20)
    assert "taken for a bomb" in last.reason


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


def test_damage_costs_its_record_and_what_is_around_it_is_read(tmp_path):
    page, garbage, last = read(tmp_path, response(CYRILLIC) + b"garbage\r\n\r\n" + response(CYRILLIC))
    assert isinstance(page, Record) and isinstance(last, Record)
    assert "not a WARC record" in garbage.reason
    (found,) = read(tmp_path, b"This is no WARC file\n")
    assert "not a WARC record" in found.reason
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
