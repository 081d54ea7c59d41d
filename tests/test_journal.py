"""Runs that are broken off, by kill -9 too, and resumed: nothing is done twice, and the output is the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from declutter import Cleaner, run
from declutter.errors import OutputError
from declutter.run import journal, passes, shards
from test_cli import ENVIRONMENT
from test_run import clean, contents, pages_file

pytestmark = pytest.mark.slow


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Files enough for shards and parts, in a run that journals all it does."""
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)
    monkeypatch.setattr(passes, "DIVIDED_BYTES", 100_000)
    monkeypatch.setattr(shards, "SHARD_BYTES", 50_000)
    monkeypatch.setattr(shards, "PART_PAGES", 30)
    (tmp_path / "in").mkdir()
    for number, n_pages in enumerate([40, 150, 40, 40]):
        pages_file(tmp_path / "in" / f"{number}.jsonl", n_pages)
    clean(tmp_path / "in", tmp_path / "undisturbed")
    return tmp_path


class BrokenOff(BaseException):
    """Stands for what ends a run at once."""


def break_off(monkeypatch, owner, name, after):
    """End the run when a function has been called so often; returns what it was called with since."""
    real, calls = getattr(owner, name), []

    def counted(*arguments):
        calls.append(arguments[1:])
        if len(calls) > after:
            raise BrokenOff
        return real(*arguments)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.mark.parametrize("method", ["learn_shard", "learn_part", "clean_shard", "clean_part"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_broken_off_anywhere_is_resumed(corpus, monkeypatch, method, after):
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, method, after)
        clean(corpus / "in", corpus / "out")
    with monkeypatch.context() as patch:
        calls = {name: break_off(patch, shards.Job, name, 99) for name in ("learn_shard", "learn_part", method)}
        summary = clean(corpus / "in", corpus / "out", resume=True)
    n_all = {"learn_shard": 3, "learn_part": 5, "clean_shard": 3, "clean_part": 5}
    assert len(calls[method]) == n_all[method] - after  # what was finished is not done again
    if method.startswith("clean"):
        assert calls["learn_shard"] == calls["learn_part"] == []
    assert contents(corpus / "out") == contents(corpus / "undisturbed")
    assert (summary.n_pages, summary.failures) == (270, [])
    assert [n_pages for _, n_pages in summary.sites] == [92, 89, 89]


def test_an_output_that_is_gone_is_made_again(corpus, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, "clean_shard", 2)
        clean(corpus / "in", corpus / "out")
    (corpus / "out" / "0.jsonl").write_bytes(b"")  # as after a power failure
    clean(corpus / "in", corpus / "out", resume=True)
    assert contents(corpus / "out") == contents(corpus / "undisturbed")


@pytest.mark.parametrize("content", [b"", b"{", b"\x93NUMPY\x01", b"[1]", b"\xff" * 200])
@pytest.mark.parametrize("method", ["learn_shard", "learn_part", "clean_shard", "clean_part"])
def test_damaged_files_of_the_journal_are_made_again(corpus, monkeypatch, method, content):
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, method, 2)
        clean(corpus / "in", corpus / "out")
    noted = [path for path in (corpus / "out" / ".declutter").rglob("*") if path.is_file()]
    damaged = [path for path in noted if path.name not in ("settings.json", "lock")]
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    summary = clean(corpus / "in", corpus / "out", resume=True)
    assert contents(corpus / "out") == contents(corpus / "undisturbed")
    assert (summary.n_pages, summary.failures) == (270, [])


def test_a_run_whose_settings_are_damaged_is_refused(corpus, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, "clean_shard", 2)
        clean(corpus / "in", corpus / "out")
    (corpus / "out" / ".declutter" / "settings.json").write_bytes(b"{")
    with pytest.raises(OutputError, match="damaged.*--force"):
        clean(corpus / "in", corpus / "out", resume=True)


def test_a_link_in_the_journals_place_is_refused(corpus):
    (corpus / "target").mkdir()
    (corpus / "target" / "kept.txt").write_text("kept")
    (corpus / "out").mkdir()
    (corpus / "out" / ".declutter").symlink_to(corpus / "target")
    with pytest.raises(OutputError, match="a link"):
        clean(corpus / "in", corpus / "out")
    assert [path.name for path in (corpus / "target").iterdir()] == ["kept.txt"]


def test_another_run_is_not_resumed(corpus, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, "clean_shard", 1)
        clean(corpus / "in", corpus / "out")
    found = run.inputs([corpus / "in"])
    outputs = run.outputs_for(found.paths, str(corpus / "out"))
    assert run.is_broken_off(outputs)
    with pytest.raises(OutputError, match="other labels to keep"):
        run.clean(found, outputs, Cleaner(keep={"title"}), run.Settings(resume=True))
    pages_file(corpus / "in" / "4.jsonl", 2)
    with pytest.raises(OutputError, match="other inputs"):
        clean(corpus / "in", corpus / "out", resume=True)
    assert clean(corpus / "in", corpus / "out").n_pages == 272  # anew
    assert not run.is_broken_off(outputs)


def test_two_runs_do_not_write_to_one_place(tmp_path):
    if journal.fcntl is None:
        pytest.skip("no file locks here")
    code = f"""
import sys
from pathlib import Path
from declutter.run.journal import open_journal
open_journal(Path({str(tmp_path / "out" / ".declutter")!r}), {{}}, False)
print("open", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    assert other.stdout.readline() == "open\n"
    pages_file(tmp_path / "in.jsonl", 3)
    with pytest.raises(OutputError, match="another run"):
        clean([tmp_path / "in.jsonl", tmp_path / "in.jsonl"], tmp_path / "out/")
    other.communicate()
    assert clean(tmp_path / "in.jsonl", tmp_path / "out").n_pages == 3  # a lock ends with its process


def test_killed_three_times_and_resumed(tmp_path):
    (tmp_path / "in").mkdir()
    for number, n_pages in enumerate([400, 900, 400]):
        pages_file(tmp_path / "in" / f"{number}.jsonl", n_pages, n_sites=7, size=4)
    command = [sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--engine", "rules", "--workers", "2"]
    begin = time.monotonic()
    subprocess.run([*command, tmp_path / "in", tmp_path / "undisturbed"], check=True, env=ENVIRONMENT)
    duration = time.monotonic() - begin
    chance = random.Random(0)
    n_kills = 0
    for _ in range(20):
        arguments = [*command, "--resume", tmp_path / "in", tmp_path / "out"]
        process = subprocess.Popen(arguments, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        try:
            if n_kills < 3:
                process.wait(duration * chance.uniform(0.3, 0.8))
            error = process.communicate()[1]
            assert process.returncode == 0, error
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            n_kills += 1
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert n_kills > 0
    _wait_for_the_end_of(process.pid)


def _wait_for_the_end_of(pid):
    """No process that a killed run had started is left."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ours = [entry for entry in os.listdir("/proc") if entry.isdigit() and _is_orphan(entry)]
        if not ours:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes are left: {ours}")


def _is_orphan(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return "PPid:\t1\n" in file.read() and b"spawn_main" in open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        return False


def test_failures_are_told_again_after_resuming(corpus, monkeypatch):
    lines = (corpus / "in" / "0.jsonl").read_text().splitlines()
    lines[5] = "{broken"
    (corpus / "in" / "0.jsonl").write_text("\n".join(lines) + "\n")
    whole = clean(corpus / "in", corpus / "whole", errors=corpus / "whole.errors")
    with monkeypatch.context() as patch, pytest.raises(BrokenOff):
        break_off(patch, shards.Job, "clean_shard", 2)
        clean(corpus / "in", corpus / "out")
    resumed = clean(corpus / "in", corpus / "out", resume=True, errors=corpus / "out.errors")
    assert whole == resumed and len(whole.failures) == 1
    assert (corpus / "whole.errors").read_text() == (corpus / "out.errors").read_text()
    assert json.loads((corpus / "out.errors").read_text())["input"] == "0.jsonl"
