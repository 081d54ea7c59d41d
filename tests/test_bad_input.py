"""Hostile inputs and broken runs, through the command line: nothing is lost, nothing is left half-written."""

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from declutter import run
from declutter.errors import OutputError
from declutter.files.inputs import inputs
from declutter.run import outputs, passes, shards
from declutter.stages import write
from test_cli import ENVIRONMENT, declutter
from test_run import article, clean, contents, learn, pages_file

pytestmark = pytest.mark.slow

CLEAN = [sys.executable, "-m", "declutter.cli", "clean"]

HOSTILE = {
    "empty": b"",
    "one newline": b"\n",
    "one line": b"One line of words without an end",
    "only blanks": b" \n\t\n\n   \n",
    "bom alone": b"\xef\xbb\xbf",
    "bom and text": b"\xef\xbb\xbf" + article("bom").encode(),
    "bom in the middle": (article("bom") + "\ufeff" + article("mob")).encode(),
    "nul bytes": article("nul").replace("council", "coun\0cil").encode(),
    "crlf": article("crlf").replace("\n", "\r\n").encode(),
    "lone cr": article("cr").replace("\n", "\r").encode(),
    "mixed ends": b"Menu\r\rMenu\n\r\nText\r\n\nMore\n\r",
    "unicode separators": article("sep").replace("\n", "\u2028").replace("Tuesday", "Tues\u2029day").encode(),
    "next line and form feed": article("nel").replace("spring,", "spring\u0085\f\v").encode(),
    "bidi controls": article("bidi").replace("council", "\u202ecouncil\u2066\u202c\u200f").encode(),
    "broken utf-8": article("ünïcödé").encode() + b"\xff\xfe\xc3\n\xed\xa0\x80\n",
    "latin-1": article("café à l'été").encode("latin-1"),
    "utf-16 with bom": article("wide").encode("utf-16"),
    "utf-16 without": article("wide").encode("utf-16-be"),
    "utf-32": article("wider").encode("utf-32"),
    "mixed encodings": "Привет из города, сказал мэр.\n".encode() * 3 + "Привет из города.\n".encode("cp1251"),
    "combining": ("e" + "\u0301" * 5000 + "\n").encode(),
    "astral": ("\U0001f600\U0010ffff\U00020000" * 300 + "\n").encode(),
    "private and unassigned": "\ue000\uffff\ufdd0\u0378\n".encode() * 50,
    "many spaces": b" " * 100_000 + b"x" + b" " * 100_000,
    "many tabs and bullets": "\t\u2022\t-\n".encode() * 5000,
    "html in a dump": b"One\n<html><body><p>One</p>\n<script>x</script>\n",
    "one huge line": b"word " * 200_000,
    "many lines": b"a\n" * 100_000,
    "many blank lines": b"\n" * 100_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_judged_and_nothing_is_lost(tmp_path, kind):
    (tmp_path / "in.txt").write_bytes(HOSTILE[kind])
    summary = clean(tmp_path / "in.txt", f"{tmp_path}/out", tmp_path / "gone")
    assert (summary.n_pages, summary.failed) == (1, {})
    (found,) = inputs([tmp_path / "in.txt"])
    (record,) = found.records()
    page, encoding = record.page, record.rest
    kept, removed = (
        path.read_bytes()[len(encoding.bom) :].decode(encoding.codec, encoding.errors)
        for path in (tmp_path / "out" / "in.txt", tmp_path / "gone" / "in.txt.removed.tsv")
    )
    assert write.rebuild(kept, removed) == page.text
    assert encoding.encode(page.text) == HOSTILE[kind]


def test_all_the_hostile_files_in_one_run(tmp_path):
    (tmp_path / "in").mkdir()
    for kind, data in HOSTILE.items():
        (tmp_path / "in" / f"{kind}.txt").write_bytes(data)
    (tmp_path / "in" / "binary").write_bytes(bytes(range(256)) * 9)
    summary = clean(tmp_path / "in", tmp_path / "out")
    assert set(summary.failed) == {"binary"}
    assert summary.n_pages == len(HOSTILE) == len(os.listdir(tmp_path / "out"))


def test_time_is_linear_in_the_length_of_a_line_and_the_number_of_lines(tmp_path):
    seconds = {}
    for name, data in {"line": b"word, " * 830_000, "lines": b"A menu\n" * 200_000}.items():
        (tmp_path / name).write_bytes(data)
        start = time.process_time()
        clean(tmp_path / name, tmp_path / "out")
        seconds[name] = time.process_time() - start
    assert max(seconds.values()) < 20  # bounds quadratic behaviour, not speed: measured under 2


@pytest.fixture
def open_folder():
    """A folder with a page, and the tests' process without root's right to read everything."""
    with tempfile.TemporaryDirectory() as name:  # not tmp_path, whose parents only the user may enter
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "in").mkdir()
        (folder / "in" / "a.txt").write_text(article("bridge"))
        declutter("clean", folder / "in", folder / "warm-up")  # imports what the user may not read
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        yield folder
        if is_root:
            os.seteuid(0)


def test_unreadable_files_and_folders_are_reported_and_the_others_done(open_folder):
    closed = open_folder / "warm-up"
    secret = open_folder / "warm-up" / "a.txt"
    for path in (closed, secret):
        _chmod(path, 0)
    result = declutter("clean", open_folder, open_folder.parent / "nowhere", "--dry-run")
    assert result.exit_code == 1
    assert f"{closed}: Permission denied" in result.stderr
    assert "pages    1, 1 failed" in result.stderr
    _chmod(closed, 0o755)
    result = declutter("clean", open_folder, open_folder.parent / "nowhere", "--dry-run")
    assert result.exit_code == 1
    assert f"{secret}: Permission denied" in result.stderr
    assert "pages    1, 1 failed" in result.stderr


def test_an_output_folder_without_permission_is_reported(open_folder):
    _chmod(open_folder / "warm-up", 0o555)
    result = declutter("clean", open_folder / "in", open_folder / "warm-up", "--force")
    assert result.exit_code == 2
    assert f"{open_folder}/warm-up: Permission denied" in result.stderr


def _chmod(path, mode):
    user = os.geteuid()
    os.seteuid(os.getuid())
    path.chmod(mode)
    os.seteuid(user)


def test_a_full_disk_names_the_file_and_leaves_no_part_of_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a small.txt").write_text(article("bridge"))
    (tmp_path / "in" / "b large.txt").write_text("".join(article(f"bridge number {n}") for n in range(300)))
    (tmp_path / "in" / "c small.txt").write_text(article("market"))

    def nearly_full():  # a write beyond the limit fails as one to a full disk does
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    command = [*CLEAN, "--engine", "rules", tmp_path / "in", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, preexec_fn=nearly_full)
    assert result.returncode == 1
    assert f"{tmp_path}/out/b large.txt: File too large" in result.stderr
    assert sorted(os.listdir(tmp_path / "out")) == ["a small.txt", "c small.txt"]


def test_a_full_disk_is_made_room_on_and_the_run_goes_on(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for number in range(6):
        pages_file(tmp_path / "in" / f"{number}.jsonl", 60, size=4)
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    real = outputs.os.replace
    n_moved = 0

    def full(source, target):
        nonlocal n_moved
        if str(target).endswith(".jsonl"):
            n_moved += 1
            if n_moved > 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(outputs.os, "replace", full)
    summary = clean(tmp_path / "in", tmp_path / "out")
    assert [failure.kind for failure in summary.failures] == ["unwritable"] * 3
    assert "No space left" in summary.failures[0].reason
    monkeypatch.setattr(outputs.os, "replace", real)
    assert clean(tmp_path / "in", tmp_path / "out", resume=True).n_pages == 360
    clean(tmp_path / "in", tmp_path / "undisturbed")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_tiny_files_are_done_in_shards_of_bounded_size(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(600):  # 100,000 were cleaned once, by hand: benchmarks/scale.md
        (tmp_path / "in" / f"{number}.txt").write_text(f"Menu\nPage {number}\n")
    summary = clean(tmp_path / "in", tmp_path / "out")
    assert (summary.n_pages, len(os.listdir(tmp_path / "out"))) == (600, 600)
    planned = list(shards.shards(run.inputs([tmp_path / "in"])))
    assert [len(shard.inputs) for shard in planned] == [256, 256, 88]


def test_a_full_standard_output_is_an_error(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    (tmp_path / "a.txt").write_text(article("bridge"))
    with open("/dev/full", "wb") as full:
        result = subprocess.run([*CLEAN, tmp_path / "a.txt", "-"], stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert result.returncode != 0
    assert b"No space left" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_failing_write_of_a_profile_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text(article("bridge"))
    (tmp_path / "folder.profile").mkdir()
    with pytest.raises(OutputError, match="folder.profile"):
        learn([tmp_path / "a.txt"], tmp_path / "folder.profile")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "folder.profile"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_broken_off_leaves_whole_files_only(tmp_path, number, code):
    (tmp_path / "in").mkdir()
    text = article("bridge") * 10
    for page in range(900):
        (tmp_path / "in" / f"{page}.txt").write_text(text)
    command = [*CLEAN, tmp_path / "in", tmp_path / "out"]
    # a shell lets its background jobs ignore SIGINT, and a child inherits that: the signal must reach ours anyway
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("out/[0-9]*"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == code, error
    assert "Traceback" not in error
    names = set(os.listdir(tmp_path / "out")) - {".declutter"}
    assert 3 <= len(names) < 900
    assert all(name.endswith(".txt") and not name.startswith(".") for name in names)
    sizes = {(tmp_path / "out" / name).stat().st_size for name in names}
    assert len(sizes) == 1 and 0 not in sizes
    refused = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert refused.returncode == 2 and "--resume goes on" in refused.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True, env=ENVIRONMENT)
    assert len(os.listdir(tmp_path / "out")) == 900  # and no journal


def test_a_pipe_given_by_name_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    process = subprocess.Popen([*CLEAN, tmp_path / "pipe.txt", "-"], stdout=subprocess.PIPE, env=ENVIRONMENT)
    (tmp_path / "pipe.txt").write_text(article("bridge"))
    assert process.communicate(timeout=60)[0].count(b"The council said") == 4
