"""Kept and removed text, rebuilding, and files that are whole or not there."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from declutter.errors import OutputError
from declutter.files.paths import path_inside, whole_file, write_bytes
from declutter.lines import LABELS, Verdicts
from declutter.stages.segment.text import split_lines
from declutter.stages.write import kept_texts, rebuild, removed_text


def judged(text, keep):
    """One page's Lines, and verdicts that keep the rows where `keep`, taken in a circle, is true."""
    lines = split_lines([text])
    mask = np.array([keep[row % len(keep)] for row in range(len(lines))], bool)
    labels = np.arange(len(lines), dtype=np.uint8) % len(LABELS)
    return lines, Verdicts(
        labels, mask.astype(np.float32), mask, ("x",), np.zeros(len(lines), np.int32), lines, range(len(lines))
    )


text_of_lines = st.text(alphabet=st.sampled_from("a1\t+ é語\n\r\u2028\u2029\u0085\x0b\ufeff\udcff\x00"), max_size=60)


@given(text_of_lines | st.text(max_size=60), st.lists(st.booleans(), min_size=1, max_size=7))
@example("a\rb\n\n", [True, False, True])  # CR and LF meet once b is gone
@example("a\r\nb\n\n", [True, False, True])
@example("a\rb\nc\r\r\n", [True, False, False, True])
@example("only line", [False])
@example("", [True])
def test_kept_and_removed_rebuild_the_page(text, keep):
    lines, verdicts = judged(text, keep)
    [kept], removed = kept_texts(lines, verdicts.keep), removed_text(lines, verdicts)
    assert kept == "".join(lines.part(range(row, row + 1)).text for row in range(len(lines)) if verdicts.keep[row])
    assert rebuild(kept, removed) == text


@given(st.lists(text_of_lines, min_size=1, max_size=5), st.lists(st.booleans(), min_size=1, max_size=7))
def test_the_pages_of_a_batch_keep_what_they_keep_alone(texts, keep):
    lines = split_lines(texts)
    mask = np.array([keep[row % len(keep)] for row in range(len(lines))], bool)
    bounds = lines.page_starts.tolist()
    assert kept_texts(lines, mask) == [
        "".join(lines.part(range(row, row + 1)).text for row in range(first, beyond) if mask[row])
        for first, beyond in zip(bounds, bounds[1:], strict=False)
    ]


def test_a_removed_line_is_a_record():
    lines, verdicts = judged("Title\r\n\tMenu\r\nEnd", [True, False, False])
    assert removed_text(lines, verdicts) == "2\tbody\t\tMenu\r\n3\tcaption\tEnd"


@pytest.mark.parametrize("removed", ["9\tbody\tx\n", "no record\n", "1\tbody\ta\n1\tbody\tb\n"])
def test_removed_lines_of_another_page_are_refused(removed):
    with pytest.raises(ValueError, match="not the removed lines of this page"):
        rebuild("one\ntwo\n", removed)


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_writing_broken_off_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(error), whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["file/a.txt", "n" * 300, "folder"])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=name):
        write_bytes(tmp_path / name, b"x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("page_id", ["../a.txt", "/etc/a.txt", "x/../../a.txt", "link/a.txt"])
def test_outputs_stay_in_their_folder(tmp_path, page_id):
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="outside"):
        path_inside(out, page_id)
    assert path_inside(out, "x/y..txt", ".removed.tsv") == out / "x" / "y..txt.removed.tsv"


@pytest.mark.parametrize("folder", ["../out", "in/../out", "./out", "../../{here}/out"])
def test_the_folder_that_was_named_may_have_dots(tmp_path, monkeypatch, folder):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in" if folder.startswith("..") else tmp_path)
    folder = Path(folder.format(here=f"{tmp_path.parent.name}/{tmp_path.name}"))
    assert path_inside(folder, "x/a.txt") == folder / "x" / "a.txt"
    with pytest.raises(OutputError, match="outside"):
        path_inside(folder, "../a.txt")
