"""zip and tar: members are pages, names that lead out are refused, and no damage or bomb stops the others."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile

import pytest

from declutter.files import compression
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.records import Failure, Options, Record

pytestmark = pytest.mark.slow

PAGE = "Menu\nThe boats came back at dawn, é.\n"
MEMBERS = {
    "folder/a.txt": PAGE.encode(),
    "b.html": b"<p>x",
    "c.txt.gz": gzip.compress(b"packed"),
    "d": PAGE.encode("utf-16"),
}


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path, members, mode="w", **attributes):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in attributes.get(name, {}).items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content))


WRITERS = {
    "a.zip": write_zip,
    "a.tar": write_tar,
    "a.tar.gz": lambda path, members: write_tar(path, members, "w:gz"),
    "a.txz": lambda path, members: write_tar(path, members, "w:xz"),
}


@pytest.fixture(params=WRITERS)
def name(request):
    return request.param


def opened(path, **options):
    (found,) = inputs([path], Options(**options))
    return found


def rewritten(found, out, to=None):
    output = output_for(found, out, to)
    for record in found.records():
        if isinstance(record, Record):
            output.write(record, record.page.text.upper() if record.page.text is not None else "x")
    output.close()
    return out


def contents(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return {member: archive.read(member) for member in archive.namelist()}
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def test_members_are_pages(tmp_path, name):
    WRITERS[name](tmp_path / name, {**MEMBERS, ".hidden": b"x", "__MACOSX/a": b"x", "a.labels.tsv": b"1\tbody"})
    found = list(opened(tmp_path / name).records())
    assert [record.page.id for record in found] == [f"{name}/{member}" for member in MEMBERS]
    assert [record.page.text for record in found] == [PAGE, None, "packed", PAGE]
    assert found[1].page.html == b"<p>x"


def test_an_archive_comes_out_as_one_with_the_same_names_and_encodings(tmp_path, name):
    WRITERS[name](tmp_path / name, MEMBERS)
    found = opened(tmp_path / name)
    assert output_name(found) == name
    outputs = [rewritten(found, tmp_path / out) for out in "xy"]
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    result = contents(outputs[0])
    assert result["c.txt.gz"][:3] == b"\x1f\x8b\x08"
    assert gzip.decompress(result.pop("c.txt.gz")) == b"PACKED"
    assert result == {"folder/a.txt": PAGE.upper().encode(), "b.html.txt": b"x\n", "d": PAGE.upper().encode("utf-16")}


def test_markdown_has_its_suffix(tmp_path):
    write_zip(tmp_path / "a.zip", {"a.txt": b"x", "b.html": b"x"})
    assert list(contents(rewritten(opened(tmp_path / "a.zip"), tmp_path / "out", "markdown"))) == [
        "a.txt.md",
        "b.html.md",
    ]


LEADING_OUT = ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt", "c:evil.txt", "c:"]


@pytest.mark.parametrize("bad", LEADING_OUT)
def test_names_that_lead_out_are_refused_and_the_others_read(tmp_path, name, bad):
    WRITERS[name](tmp_path / name, {"a.txt": b"first", bad: b"evil", "b..c.txt": b"last"})
    first, refused, last = opened(tmp_path / name).records()
    assert (first.page.text, last.page.text) == ("first", "last")
    assert isinstance(refused, Failure)
    assert "leads out of the archive" in refused.reason
    assert str(tmp_path / name) in refused.reason


def test_what_is_no_page_is_told(tmp_path, name):
    WRITERS[name](
        tmp_path / name,
        {"a.png": b"\x89PNG\r\n\x1a\n", "b.jsonl": b"{}", "c.zip": b"PK", "d.txt.gz": gzip.compress(b"x")[:-4]},
    )
    found = list(opened(tmp_path / name).records())
    assert [one.position for one in found] == ["a.png", "b.jsonl", "c.zip", "d.txt.gz"]
    for one, words in zip(found, ["a PNG image", "unpack the archive", "unpack the archive", "cut off"], strict=True):
        assert words in one.reason


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path):
    link = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
    write_tar(tmp_path / "a.tar", {"link": b"", "fifo": b"", "a.txt": b"x"}, link=link, fifo={"type": tarfile.FIFOTYPE})
    link, fifo, page = opened(tmp_path / "a.tar").records()
    assert "not followed" in link.reason
    assert "not followed" in fifo.reason
    assert page.page.text == "x"


def test_an_encrypted_member_is_told(tmp_path):
    write_zip(tmp_path / "a.zip", {"a.txt": b"x", "b.txt": b"y"})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    encrypted, sound = opened(tmp_path / "a.zip").records()
    assert "encrypted" in encrypted.reason
    assert sound.page.text == "y"


def test_a_member_longer_than_the_limit_is_skipped(tmp_path, name):
    WRITERS[name](tmp_path / name, {"a.txt": bytes(5 << 20), "b.txt.gz": gzip.compress(bytes(5 << 20)), "c.txt": b"x"})
    large, packed, small = opened(tmp_path / name, max_page_bytes=1 << 20).records()
    assert "longer than 1 MB" in large.reason
    assert "longer than 1 MB" in packed.reason
    assert small.page.text == "x"


def test_a_bomb_of_many_members_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 4 << 20)
    write_zip(tmp_path / "a.zip", {f"{number}.txt": b" " * (1 << 20) for number in range(40)})
    *_, last = opened(tmp_path / "a.zip").records()
    assert "taken for a bomb" in last.reason


@pytest.mark.parametrize("packed", [gzip.compress, lzma.compress, bz2.compress])
def test_what_members_unpack_to_is_counted_over_all_layers(tmp_path, name, packed, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 4 << 20)
    bomb = packed(b" " * (1 << 20))
    WRITERS[name](tmp_path / name, {"a.txt": b"x", **{f"{number}.txt.z": bomb for number in range(400)}})
    first, *_, last = opened(tmp_path / name).records()
    assert first.page.text == "x"
    assert "taken for a bomb" in last.reason


def test_many_packed_pages_are_no_bomb(tmp_path, name, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 16)
    texts = [random.Random(number).randbytes(2000).hex().encode() for number in range(90)]
    pages = {f"{number}.txt.gz": gzip.compress(text) for number, text in enumerate(texts)}
    WRITERS[name](tmp_path / name, pages)
    assert all(isinstance(one, Record) for one in opened(tmp_path / name).records())


@pytest.mark.parametrize("format", ["GNU", "PAX 0.0", "PAX 1.0"])
def test_sparse_members_of_a_tar_are_not_read(tmp_path, format):
    sparse = tarfile.TarInfo("holes.txt")
    if format == "GNU":
        header = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
        header[156:157] = tarfile.GNUTYPE_SPARSE
        header[483:495] = b"%011o\0" % (1 << 30)
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header[:512])
        data = bytes(header)
    else:
        fields = {"GNU.sparse.major": format[4], "GNU.sparse.minor": "0", "GNU.sparse.name": "holes.txt"}
        fields |= {"GNU.sparse.realsize": str(1 << 30), "GNU.sparse.size": str(1 << 30)}
        fields |= {"GNU.sparse.map": "0,0", "GNU.sparse.numblocks": "1"}
        sparse.pax_headers = fields
        content = b"1\n0\n0\n".ljust(512, b"\0") if format == "PAX 1.0" else b""
        sparse.size = len(content)
        data = sparse.tobuf(tarfile.PAX_FORMAT) + content
    after = tarfile.TarInfo("b.txt")
    after.size = 1
    (tmp_path / "a.tar").write_bytes(data + after.tobuf() + b"x".ljust(512, b"\0") + bytes(1024))
    holes, page = opened(tmp_path / "a.tar").records()
    assert "sparse" in holes.reason
    assert page.page.text == "x"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damage", ["in its data", "at its beginning", "its method"])
def test_a_damaged_member_of_a_zip_costs_itself_only(tmp_path, method, damage):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for number in range(3):
            archive.writestr(f"{number}.txt", random.Random(number).randbytes(3000).hex())
    data = bytearray((tmp_path / "a.zip").read_bytes())
    start = data.index(b"1.txt") + 5
    if damage == "its method":
        for place in (data.index(b"1.txt") - 22, data.rindex(b"1.txt") - 36):
            data[place : place + 2] = b"\x63\0"
    else:
        start += 800 if damage == "in its data" else 0
        data[start : start + 40] = b"\xff" * 40
    (tmp_path / "a.zip").write_bytes(data)
    kinds = [type(one) for one in opened(tmp_path / "a.zip").records()]
    assert kinds == [Record, Failure, Record]


def test_a_tar_that_is_cut_gives_what_came_before(tmp_path):
    write_tar(tmp_path / "a.tar", {f"{number}.txt": b"x" * 700 for number in range(4)})
    data = (tmp_path / "a.tar").read_bytes()
    for length in range(100, 4 * 1536 + 1, 100):
        (tmp_path / "a.tar").write_bytes(data[:length])
        *pages, last = opened(tmp_path / "a.tar").records()
        assert isinstance(last, Failure)
        assert str(tmp_path / "a.tar") in last.reason
        assert len(pages) == min(4, (length + 324) // 1536), length


def test_a_zip_that_is_cut_or_damaged_says_so(tmp_path):
    write_zip(tmp_path / "a.zip", {f"{number}.txt": bytes(range(48, 90)) * 20 for number in range(3)})
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data[:-30])
    (found,) = opened(tmp_path / "a.zip").records()
    assert "damaged zip archive" in found.reason
    middle = data.index(b"1.txt") + 12
    (tmp_path / "a.zip").write_bytes(data[:middle] + b"\xff" * 8 + data[middle + 8 :])
    kinds = [type(one) for one in opened(tmp_path / "a.zip").records()]
    assert kinds == [Record, Failure, Record]


def test_a_tar_header_of_gigabytes_is_refused(tmp_path):
    header = tarfile.TarInfo("PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 20 << 30
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    (found,) = opened(tmp_path / "a.tar").records()
    assert "damaged tar archive" in found.reason


def test_files_that_are_no_archives_say_so(tmp_path, name):
    for data in (b"", b"plain text\n" * 100):
        (tmp_path / name).write_bytes(data)
        (found,) = opened(tmp_path / name).records()
        assert isinstance(found, Failure)
