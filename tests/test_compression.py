"""Compressed streams: what they unpack to, where they end too early, and bombs."""

import bz2
import gzip
import io
import lzma
import sys

import pytest

from declutter.errors import InputError
from declutter.files import compression
from declutter.files.compression import packing, unpacked, without_compression

KINDS = ["gzip", "bzip2", "xz", "zstd"]
TEXT = b"".join(b"Line %d of a page.\n" % number for number in range(50_000))


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param == "zstd" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="zstd needs its extra before Python 3.14")
    return request.param


def packed(kind, data=TEXT):
    found = io.BytesIO()
    with packing(found, kind) as packer:
        packer.write(data)
    return found.getvalue()


def read(data):
    return unpacked(io.BufferedReader(io.BytesIO(data)), "a.gz").read()


def test_what_is_packed_unpacks_and_the_same_bytes_come_out(kind):
    data = packed(kind)
    assert len(data) < len(TEXT) / 3
    assert read(data) == TEXT
    assert packed(kind) == data


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_other_programs_files_are_read(pack):
    assert read(pack(TEXT)) == TEXT


def test_nothing_packed_is_a_whole_file_of_nothing(kind):
    found = io.BytesIO()
    with packing(found, kind):
        pass
    assert found.getvalue() and read(found.getvalue()) == b""
    assert compression.compression_of(found.getvalue()) == kind
    assert packed(kind, b"") == found.getvalue()


def test_streams_one_after_the_other_read_as_one(kind):
    assert read(packed(kind) + packed(kind, b"more\n") + bytes(512)) == TEXT + b"more\n"


def test_a_file_that_is_not_compressed_is_given_as_it_is():
    assert read(TEXT) == TEXT
    assert read(b"") == b""


@pytest.mark.parametrize("length", [9, 0.5, -1])
def test_a_file_that_is_cut_off_says_so(kind, length):
    data = packed(kind)
    with pytest.raises(InputError, match="a.gz: cut off"):
        read(data[: int(length * len(data)) if isinstance(length, float) else length])


def test_damage_and_garbage_are_told(kind):
    data = packed(kind)
    middle = len(data) // 2
    with pytest.raises(InputError, match="a.gz: (damaged|cut off)"):
        read(data[:middle] + bytes(byte ^ 0x55 for byte in data[middle : middle + 40]) + data[middle + 40 :])
    with pytest.raises(InputError, match="something else follows"):
        read(data + b"garbage")


def test_what_comes_before_the_end_is_read(kind):
    stream = unpacked(io.BufferedReader(io.BytesIO(packed(kind)[:-1])), "a.gz")
    lines = []
    with pytest.raises(InputError):
        for line in stream:
            lines.append(line)
    assert lines == TEXT.splitlines(keepends=True)[: len(lines)]
    assert len(lines) > 0.4 * TEXT.count(b"\n")


def test_a_bomb_ends_before_it_fills_anything(kind, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 20)
    stream = unpacked(io.BufferedReader(io.BytesIO(packed(kind, bytes(30 << 20)))), "a.gz")
    n_bytes = 0
    with pytest.raises(InputError, match="taken for a bomb"):
        while data := stream.read1(1 << 16):
            n_bytes += len(data)
    assert n_bytes < 25 << 20


def test_a_large_but_empty_log_is_no_bomb(kind):
    assert read(packed(kind, bytes(5 << 20))) == bytes(5 << 20)


def test_offsets_of_the_streams_are_known():
    stream = compression.Unpacked(io.BytesIO(gzip.compress(b"one") + gzip.compress(b"three")), "gzip", "a.gz")
    assert stream.read() == b"onethree"
    assert list(stream.starts) == [(0, 0), (3, len(gzip.compress(b"one")))]


@pytest.mark.parametrize(
    "name, found",
    [
        ("a.txt.gz", ("a.txt", "gzip")),
        ("A.JSONL.ZST", ("A.JSONL", "zstd")),
        ("a.gz.txt", ("a.gz.txt", None)),
        (".gz", (".gz", None)),
        ("gz", ("gz", None)),
    ],
)
def test_names(name, found):
    assert without_compression(name) == found


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    for module in ("backports.zstd", "backports", "compression"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r'a\.gz: zstd .*pip install "declutter-text\[zstd\]"'):
        read(b"\x28\xb5\x2f\xfd" + bytes(20))
