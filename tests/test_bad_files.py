"""Broken, hostile and huge files among good ones, and disks that are full or read-only, through the command line."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from declutter.errors import OutputError
from declutter.run import passes, shards
from test_cli import ENVIRONMENT
from test_run import article, clean, contents, pages_file

pytestmark = pytest.mark.slow

CLEAN = [sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--engine", "rules"]


def run_clean(*arguments, code):
    """Runs `declutter clean` in a process; returns what it printed as errors."""
    done = subprocess.run([*CLEAN, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done.stderr


def failures_of(path):
    return {failure["input"]: failure for failure in map(json.loads, path.read_text("utf-8").splitlines())}


def json_page(topic):
    return json.dumps({"text": article(topic)})


# Each writes a broken file and tells its name, what its failure says, and how many pages of it can be read.


def cut_gzip(folder):
    lines = "".join(f"{json_page(f'bridge number {number}')}\n" for number in range(2000))
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-100])
    return "cut.jsonl.gz", "cut off", range(1000, 2000)


def cut_warc(folder):
    page = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>{article('harbor')}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: {len(page)}\r\n\r\n"
    record = gzip.compress(head.encode() + page + b"\r\n\r\n")
    (folder / "cut.warc.gz").write_bytes(record * 3 + record[: len(record) // 2])
    return "cut.warc.gz", "cut off", range(3, 4)


def other_columns(folder):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs the extra parquet")
    from pyarrow.parquet import write_table

    write_table(pyarrow.table({"price": [1, 2], "stock": ["a", "b"]}), folder / "columns.parquet")
    return "columns.parquet", "--text-column", range(1)


def broken_line(folder):
    (folder / "line.jsonl").write_text(f'{json_page("market")}\n{{"text": "cut\n{json_page("school")}\n')
    return "line.jsonl", "line 2: broken JSON", range(2, 3)


def long_line(folder):
    """A line longer than the limit; 1 GB of it is the same: benchmarks/scale.md."""
    with (folder / "long.jsonl").open("w") as file:
        file.write(f'{json_page("market")}\n{{"text": "')
        for _ in range(3 << 10):
            file.write("word " * 205)
        file.write(f'"}}\n{json_page("school")}\n')
    return "long.jsonl", "line 2: longer than 2 MB, skipped", range(2, 3)


def bomb_in_gzip(folder):
    blanks = gzip.compress(bytes(1 << 24))
    (folder / "bomb.jsonl.gz").write_bytes(gzip.compress(f"{json_page('market')}\n".encode()) + blanks * 24)
    return "bomb.jsonl.gz", "taken for a bomb", range(1, 2)


def bomb_in_zip(folder):
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.txt", article("market"))
        with archive.open("bomb.txt", "w") as member:
            for _ in range(80):
                member.write(bytes(1 << 20))
    return "bomb.zip", "bomb.txt", range(1, 2)


def climbing_zip(folder):
    with zipfile.ZipFile(folder / "climbs.zip", "w") as archive:
        archive.writestr("good.txt", article("market"))
        archive.writestr("../../climbed.txt", article("school"))
    return "climbs.zip", "../../climbed.txt", range(1, 2)


def climbing_tar(folder):
    (folder.parent / "page.txt").write_text(article("school"))
    with tarfile.open(folder / "climbs.tar", "w") as archive:
        archive.add(folder.parent / "page.txt", "good.txt")
        archive.add(folder.parent / "page.txt", "deep/../../climbed.txt")
    return "climbs.tar", "climbed.txt", range(1, 2)


BROKEN = (
    cut_gzip, cut_warc, other_columns, broken_line, long_line, bomb_in_gzip, bomb_in_zip, climbing_zip, climbing_tar
)  # fmt: skip


@pytest.mark.parametrize("write", BROKEN, ids=lambda write: write.__name__)
def test_a_broken_file_is_told_and_all_else_is_done(tmp_path, write):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(article("bridge"))
    (tmp_path / "in" / "z.jsonl").write_text(f"{json_page('bridge')}\n")
    name, reason, n_readable = write(tmp_path / "in")
    before = set(os.listdir(tmp_path))
    out, summary = tmp_path / "out", tmp_path / "summary.json"
    limits = ("--max-record-bytes", "2M", "--errors", tmp_path / "errors.jsonl", "--summary", summary)
    told = run_clean(*limits, tmp_path / "in", out, code=1)
    failure = failures_of(tmp_path / "errors.jsonl").pop(name)
    assert reason in failure["reason"] and name in failure["reason"]
    assert failure["reason"] in told
    assert json.loads(summary.read_text())["pages"] - 2 in n_readable
    assert "said on Monday" in (out / "a.txt").read_text() and "said on Monday" in (out / "z.jsonl").read_text()
    assert "Sign in" not in (out / "a.txt").read_text()
    assert set(os.listdir(tmp_path)) - before == {"out", "errors.jsonl", "summary.json"}  # nothing climbed out
    assert ".declutter" not in os.listdir(out)


def peak_of(*arguments):
    """The memory, in bytes, that `declutter clean` takes at most."""
    process = subprocess.Popen([*CLEAN, *map(str, arguments)], env={**ENVIRONMENT, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss << (0 if sys.platform == "darwin" else 10)


def test_memory_does_not_grow_with_the_length_of_a_file(tmp_path):
    """20 GB in one file were cleaned once, by hand: benchmarks/scale.md."""
    pages_file(tmp_path / "member", 150, size=12)
    member = (tmp_path / "member").read_bytes()
    peaks = {}
    for n_members in (8, 16):  # batches are full from 5 on
        path = tmp_path / f"{n_members}.jsonl.gz"
        path.write_bytes(gzip.compress(member, 1) * n_members)
        peaks[n_members] = peak_of("--workers", 1, path, tmp_path / "out")
        with gzip.open(tmp_path / "out" / path.name) as lines:
            assert sum(1 for _ in lines) == 150 * n_members
    grown_bytes = 8 * len(member)
    assert grown_bytes > 15e6
    assert peaks[16] - peaks[8] < grown_bytes / 3  # measured: it does not grow at all, up to 20 GB


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 256 kB, and how to mount it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        if not sys.platform.startswith("linux") or shutil.which("mount") is None:
            return "mounting a small disk takes Linux"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True
        )  # fmt: skip
        return done.stderr.strip() if done.returncode else None

    if reason := mount("size=256k"):
        pytest.skip(f"a small disk can't be mounted here: {reason}")
    yield folder, mount
    subprocess.run(["umount", "--lazy", folder], check=True)  # what was mapped of it is held until the process ends


def test_a_disk_that_is_full_is_told_and_the_run_goes_on_where_there_is_room(tmp_path, small_disk, monkeypatch):
    disk, mount = small_disk
    (tmp_path / "in").mkdir()
    for number in range(4):
        pages_file(tmp_path / "in" / f"{number}.jsonl", 40, size=4)
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)  # as a long run: with a journal
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    clean(tmp_path / "in", tmp_path / "undisturbed", engine="rules")
    whole = contents(tmp_path / "undisturbed")
    assert sum(map(len, whole.values())) > 400_000
    summary = clean(tmp_path / "in", disk / "out", engine="rules")
    assert {failure.kind for failure in summary.failures} == {"unwritable"}
    assert all("No space left on device" in failure.reason for failure in summary.failures)
    assert all(str(disk / "out") in failure.reason for failure in summary.failures)
    done = {path.name: path.read_bytes() for path in (disk / "out").glob("*.jsonl")}
    assert 0 < len(done) < 4 and done.items() <= whole.items()
    assert mount("remount,size=16m") is None
    assert clean(tmp_path / "in", disk / "out", engine="rules", resume=True).failures == []
    assert contents(disk / "out") == whole


def test_a_disk_without_room_for_the_first_pass_says_what_to_do(tmp_path, small_disk, monkeypatch):
    disk, mount = small_disk
    (tmp_path / "in").mkdir()
    pages_file(tmp_path / "in" / "0.jsonl", 60)
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)
    free = shutil.disk_usage(disk).free
    (disk / "full").write_bytes(bytes(free - 4 * 4096))  # room for the journal's folders
    with pytest.raises(OutputError, match=r"No space left on device; make room and go on with --resume"):
        clean(tmp_path / "in", disk / "out")
    (disk / "full").unlink()
    assert clean(tmp_path / "in", disk / "out", resume=True).n_pages == 60


def test_a_disk_that_is_read_only_is_told(tmp_path, small_disk):
    disk, mount = small_disk
    (tmp_path / "a.txt").write_text(article("bridge"))
    assert mount("remount,ro") is None
    told = run_clean(tmp_path / "a.txt", disk / "out", code=2)
    assert "Read-only file system" in told and str(disk) in told


FORMS = {
    "a.jsonl": lambda folder: pages_file(folder / "a.jsonl", 3),
    "a.json": lambda folder: (folder / "a.json").write_text(json.dumps([{"text": article("bridge")}])),
    "a.csv": lambda folder: (folder / "a.csv").write_text(f'text\n"{article("bridge")}"\n'),
    "a.txt": lambda folder: (folder / "a.txt").write_text(article("bridge")),
    "a.jsonl.gz": lambda folder: (folder / "a.jsonl.gz").write_bytes(gzip.compress(json_page("bridge").encode())),
    "a.parquet": lambda folder: table_file(folder / "a.parquet"),
    "a.arrow": lambda folder: table_file(folder / "a.arrow"),
    "a.zip": lambda folder: zip_file(folder / "a.zip"),
}


def table_file(path):
    pyarrow = pytest.importorskip("pyarrow", reason="tables need the extra parquet")
    from pyarrow import feather, parquet

    table = pyarrow.table({"text": [article("bridge")]})
    parquet.write_table(table, path) if path.suffix == ".parquet" else feather.write_feather(table, path)


def zip_file(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", article("bridge"))


@pytest.mark.parametrize("to", [None, "parquet", "jsonl"])
@pytest.mark.parametrize("name", FORMS)
def test_an_output_that_can_not_be_written_costs_itself_only(tmp_path, name, to):
    (tmp_path / "in").mkdir()
    FORMS[name](tmp_path / "in")
    (tmp_path / "in" / "z.txt").write_text(article("school"))
    run_clean("--workers", 1, *(("--to", to) if to else ()), tmp_path / "in", tmp_path / "out", code=0)
    (written,) = (path for path in (tmp_path / "out").iterdir() if path.name.startswith("a."))
    written.unlink()
    (written / "in the way").mkdir(parents=True)
    told = run_clean("--force", *(("--to", to) if to else ()), tmp_path / "in", tmp_path / "out", code=1)
    assert f"{written}: Is a directory" in told
    assert "Exception ignored" not in told
    assert len(list((tmp_path / "out").iterdir())) == 2
