"""Inputs and outputs of all formats: what a file is taken for, what its output is called, streams, limits."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import sys
import threading

import pytest

from declutter.errors import InputError
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.recognition import format_of_name, recognized
from declutter.files.records import Failure, Options, Record

PAGE = "Menu\r\nThe boats came back at dawn, é.\n"


def only(names, **options):
    (found,) = inputs(names, Options(**options))
    return found


def only_page(found):
    (record,) = found.records()
    assert isinstance(record, Record), record
    return record.page


def through(found, out, to=None, change=str):
    output = output_for(found, out, to)
    for record in found.records():
        output.write(record, change(record.page.text if record.page.text is not None else "text"))
    output.close()
    return out.read_bytes() if out else None


@pytest.fixture
def stdin(monkeypatch):
    """Sets what stands on standard input: bytes, or a stream of them."""

    def set_stdin(source):
        stream = io.BufferedReader(source) if isinstance(source, io.RawIOBase) else io.BytesIO(source)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))

    return set_stdin


@pytest.mark.parametrize(
    "name, format",
    [
        ("a.txt", "txt"),
        ("a.md.xz", "txt"),
        ("a.HTML", "html"),
        ("a.htm.gz", "html"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.zst", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.feather", "arrow"),
        ("a.warc.gz", "warc"),
        ("CC-MAIN-1.warc.wet.gz", "wet"),
        ("a.tar.bz2", "tar"),
        ("a.tgz", "tar"),
        ("a.zip", "zip"),
        ("a.json", "json"),
        ("a.json.gz", "json"),
        ("a.csv", "csv"),
        ("a.tsv.gz", "tsv"),
        ("a", None),
        ("a.pdf", None),
        ("gz", None),
    ],
)
def test_formats_by_name(name, format):
    assert format_of_name(name) == format


@pytest.mark.parametrize(
    "head, name, format",
    [
        (b'{"text": "a page"}\n{', None, "jsonl"),
        (b'\n {"text": "a page"}', None, "jsonl"),
        (b'{"text": "a page in a file without a suffix"}\n', "dump", "jsonl"),
        (b'{"text": "a line"}\nof a dump that begins like JSON', "dump", "txt"),
        (b'{"text": "a page"}\n{"text": "another"}\n', "wrong.txt", "jsonl"),
        (b'[\n{"text": "a page"},\n{"text": "another"}\n]\n', "items.json", "json"),
        (b'[{"text": "a page"}]', "wrong.jsonl", "json"),
        (b'[{"text": "a page"}]', None, "json"),
        (b'{\n  "text": "a page"\n}\n', "one.json", "json"),
        (b"[1] A footnote\n", "dump.txt", "txt"),
        (b"text,url\na,b\n", "a.csv", "csv"),
        (b"text\turl\n", "a.tsv.gz", "tsv"),
        (b"<!doctype html><p>", "wrong.csv", "html"),
        (b"<div><p>A paragraph.</p></div>\n", "wrong.txt", "html"),
        (b"<p> is a tag that opens a paragraph.\n", "right.txt", "txt"),
        (b'<p align="center"><img src="logo"></p>\n\n# Title\n', "README.md", "txt"),
        (b'{"text": "x"}\n{', "c4.00001.json.gz", "jsonl"),
        (b'{\n"text": "x"}', "one.json", "json"),
        (b"  <!DOCTYPE html><p>", None, "html"),
        (b"\xef\xbb\xbf<!-- saved --><HTML lang=en>", "page", "html"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC>', None, "html"),
        (b"<header> is an element of HTML", None, "txt"),
        (b"A text about <!doctype html>", None, "txt"),
        (b"WARC/1.0\r\n", "crawl", "warc"),
        (gzip.compress(b"WARC/1.0\r\n", mtime=0), "crawl", "warc"),
        (gzip.compress(b'{"text": 1}', mtime=0)[:30], None, "jsonl"),
        (b"PAR1", "table", "parquet"),
        (b"PK\x03\x04", "pages.docx", "zip"),
        (b"", None, "txt"),
    ],
)
def test_formats_by_first_bytes(head, name, format):
    assert recognized(head, name) == format


@pytest.mark.parametrize("pack, suffix", [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")])
def test_compressed_text_comes_out_compressed_byte_for_byte(tmp_path, pack, suffix):
    data = PAGE.encode("utf-16")
    (tmp_path / f"a.txt{suffix}").write_bytes(pack(data))
    found = only([tmp_path])
    assert only_page(found).text == PAGE
    assert (found.id, output_name(found)) == (f"a.txt{suffix}", f"a.txt{suffix}")
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}[suffix]
    assert unpack(through(found, tmp_path / "out")) == data


def test_a_folder_of_everything_goes_on_past_what_is_broken(tmp_path):
    (tmp_path / "a.txt").write_text(PAGE)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text":"one"}\n' * 9000)[:-40])
    (tmp_path / "c.txt").write_bytes(gzip.compress(b"packed, though its name doesn't say so"))
    (tmp_path / "d.html").write_bytes(b"<p>x")
    (tmp_path / "link").symlink_to("/etc/hostname")
    found = inputs([tmp_path])
    records = {one.id: list(one.records()) for one in found}
    assert list(records) == ["a.txt", "b.jsonl.gz", "c.txt", "d.html"]
    *pages, last = records["b.jsonl.gz"]
    assert all(isinstance(page, Record) for page in pages)
    assert "cut off" in last.reason
    assert last.position == f"line {len(pages) + 1}"
    (packed,) = records["c.txt"]
    assert packed.page.text == "packed, though its name doesn't say so"
    assert set(found.failed) == {"link"}


@pytest.mark.parametrize(
    "name, to, expected",
    [
        ("x/page.txt", None, "x/page.txt"),
        ("x/page.html", None, "x/page.html.txt"),
        ("page.html.gz", None, "page.html.txt.gz"),
        ("page.html", "markdown", "page.html.md"),
        ("page.txt", "jsonl", "page.txt.jsonl"),
        ("a.jsonl.zst", None, "a.jsonl.zst"),
        ("a.jsonl.gz", "parquet", "a.parquet"),
        ("a.jsonl.gz", "txt", "a.txt.zip"),
        ("a.jsonl", "markdown", "a.md.zip"),
        ("a.parquet", "jsonl", "a.jsonl"),
        ("a.warc.gz", None, "a.jsonl.gz"),
        ("a.warc.wet.gz", None, "a.warc.wet.gz"),
        ("a.warc.wet.gz", "jsonl", "a.jsonl.gz"),
        ("a.tar.gz", "jsonl", "a.jsonl.gz"),
        ("a.zip", "txt", "a.zip"),
        ("a.tgz", None, "a.tgz"),
    ],
)
def test_output_names(tmp_path, name, to, expected):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (tmp_path / ("x" if "/" not in name else "") / "other").parent.mkdir(exist_ok=True)
    (tmp_path / "zz.txt").touch()  # so that ids are relative to the folder
    found = next(one for one in inputs([tmp_path]) if one.id == name)
    assert output_name(found, to) == expected


def test_many_pages_as_text_are_a_zip(tmp_path):
    import zipfile

    (tmp_path / "a.jsonl").write_text('{"text":"one"}\n{"text":"two"}\n')
    through(only([tmp_path / "a.jsonl"]), tmp_path / "out", "txt")
    with zipfile.ZipFile(tmp_path / "out") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"1.txt": b"one", "2.txt": b"two"}


def test_standard_input_is_what_it_looks_like(stdin):
    for data, format, kind in (
        (b'{"text":"x"}\n', "jsonl", "text"),
        (gzip.compress(b'{"text":"x"}\n'), "jsonl", "text"),
        (b"<!doctype html><p>x", "html", "html"),
        (b"plain text", "txt", "text"),
        (gzip.compress(b"plain text"), "txt", "text"),
    ):
        stdin(data)
        found = only(["-"])
        assert (found.format, found.id, found.path) == (format, f"stdin.{format}", None)
        assert getattr(only_page(found), kind) is not None
    stdin(b"{not JSON, and told so")
    assert only_page(only(["-"], input_format="txt")).text == "{not JSON, and told so"
    stdin(b"<p>x")
    assert only_page(only(["-"], input_format="html")).html == b"<p>x"


def test_standard_input_can_be_read_twice(stdin):
    stdin(b"".join(b'{"text":"page %d"}\n' % number for number in range(50_000)))
    found = inputs(["-"])
    first = [record.page for one in found for record in one.records()]
    partly = next(next(iter(found)).records()).page
    again = [record.page for one in found for record in one.records()]
    assert first == again
    assert partly == first[0]
    assert len(first) == 50_000


class Slow(io.RawIOBase):
    """A stream that gives its lines one by one, and notes how many were asked for."""

    def __init__(self, lines):
        self.lines = list(lines)
        self.n_given = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        if self.n_given == len(self.lines):
            return 0
        line = self.lines[self.n_given]
        self.n_given += 1
        buffer[: len(line)] = line
        return len(line)


@pytest.mark.parametrize("one_pass", [True, False])
def test_a_filter_answers_line_by_line(stdin, one_pass):
    slow = Slow(b'{"text":"page %d"}\n' % number for number in range(100))
    stdin(slow)
    records = only(["-"], one_pass=one_pass).records()
    for number in range(5):
        assert next(records).page.text == f"page {number}"
        assert slow.n_given <= number + 2


def test_a_named_pipe_is_read_like_standard_input(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b'{"text":"x"}\n',), daemon=True).start()
    found = inputs([pipe])
    for _ in range(2):
        assert [record.page.text for one in found for record in one.records()] == ["x"]


def test_output_to_standard_output_leaves_it_open(tmp_path, capfdbinary):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text":"x"}\n'))
    for to in (None, "txt"):
        through(only([tmp_path / "a.jsonl.gz"]), None, to)
    sys.stdout.buffer.flush()
    assert capfdbinary.readouterr().out == b'{"text":"x"}\nx'


def test_pages_longer_than_the_limit_are_told(tmp_path):
    for name, data in {"a.txt": b"x" * 3000, "b.txt.gz": gzip.compress(b"x" * 3000), "c.html": b"<p>" * 1000}.items():
        (tmp_path / name).write_bytes(data)
    for found in inputs([tmp_path], Options(max_page_bytes=2999)):
        (unreadable,) = found.records()
        assert f"{tmp_path}/{found.id}: a page longer than 2999 bytes" in unreadable.reason


def test_a_bomb_of_text_ends_at_the_limit(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(bytes(40 << 20)))
    (unreadable,) = only([tmp_path], max_page_bytes=1 << 20).records()
    assert "longer than 1 MB" in unreadable.reason


def test_the_encoding_can_be_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("łódź".encode("iso8859-2"))
    assert only_page(only([tmp_path], encoding="iso8859-2")).text == "łódź"
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfd")
    for codec in ("ascii", "nonsense"):
        found = list(only([tmp_path], encoding=codec).records())
        assert [type(one) for one in found] == [Record if codec == "ascii" else Failure]
    (tmp_path / "a.txt").rename(tmp_path / "a.html")
    (tmp_path / "a.html").write_bytes("<p>łódź".encode("iso8859-2"))
    assert only_page(only([tmp_path], encoding="iso8859-2")).html == "<p>łódź"


def test_folders_can_be_sites(tmp_path):
    for name in ("one/a.txt", "two/deep/b.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x")
    sites = [only_page(found).site for found in inputs([tmp_path], Options(sites_by_folder=True))]
    assert sites == ["one", "two/deep"]
    assert [only_page(found).site for found in inputs([tmp_path])] == [None, None]


def test_records_and_inputs_travel_to_other_processes(tmp_path):
    (tmp_path / "a.txt").write_text(PAGE)
    (tmp_path / "b.jsonl").write_text('{"text":"x","a":1}\n')
    for found in inputs([tmp_path]):
        again = pickle.loads(pickle.dumps(found))
        assert pickle.loads(pickle.dumps(list(again.records()))) == list(found.records())


def test_the_output_is_the_same_bytes_each_time(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text":"x"}\n' * 1000))
    found = only([tmp_path / "a.jsonl.gz"])
    assert through(found, tmp_path / "one") == through(found, tmp_path / "two")
    assert gzip.decompress((tmp_path / "one").read_bytes()) == b'{"text":"x"}\n' * 1000


def test_one_output_takes_the_pages_of_several_inputs(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.html").write_text("<p>two")
    found = list(inputs([tmp_path]))
    output = output_for(found[0], tmp_path / "out.jsonl.gz", "jsonl", name="out.jsonl.gz")
    for one in found:
        for record in one.records():
            output.write(record, "text")
    output.close()
    lines = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a.txt", "b.html"]


def test_devices_and_what_is_not_there_are_refused(tmp_path):
    (unreadable,) = only(["/dev/zero"]).records()
    assert "not a regular file" in unreadable.reason
    with pytest.raises(InputError, match="no such file"):
        inputs([tmp_path / "nothing.jsonl"])
    (tmp_path / "a.jsonl").write_text("{}")
    found = only([tmp_path / "a.jsonl"])
    (tmp_path / "a.jsonl").unlink()
    (unreadable,) = found.records()
    assert unreadable.reason == f"{tmp_path}/a.jsonl: No such file or directory"
