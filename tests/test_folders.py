"""Files, folders and globs: which files they name, in what order, under which ids, and what is refused."""

import os

import pytest

from declutter.errors import InputError
from declutter.files.folders import Folders
from declutter.files.inputs import MAX_NAMED_FAILURES, inputs, read


def write(folder, **files):
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def ids(names):
    return [source.id for source in Folders([str(name) for name in names]).sources()]


def test_a_folder_is_walked_in_order_without_hidden_files(tmp_path):
    write(tmp_path, b_txt="b", a__z_md="z", a__y="y", c_html="<p>c", _hidden="h", _git__x_txt="x", b_labels_tsv="1")
    assert ids([tmp_path]) == ["a/y", "a/z.md", "b.txt", "c.html"]
    found = [record.page for one in inputs([tmp_path]) for record in one.records()]
    assert [page.text for page in found] == ["y", "z", "b", None]
    assert found[-1].html == b"<p>c"


def test_ids_are_relative_to_what_holds_all_inputs(tmp_path):
    write(tmp_path, one__x_txt="1", two__x_txt="2", two__deep__y_txt="3")
    assert ids([tmp_path / "one", tmp_path / "two"]) == ["one/x.txt", "two/deep/y.txt", "two/x.txt"]
    assert ids([tmp_path / "one/x.txt", tmp_path / "two/x.txt"]) == ["one/x.txt", "two/x.txt"]
    assert ids([tmp_path / "one/x.txt"]) == ["x.txt"]
    assert ids([tmp_path / "**/*.txt"]) == ["one/x.txt", "two/deep/y.txt", "two/x.txt"]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path):
    write(tmp_path, a_txt="a", sub__b_txt="b")
    assert ids([tmp_path / "a.txt", tmp_path / "a.txt"]) == ["a.txt"]
    assert ids([tmp_path / "sub", tmp_path, tmp_path / "a.txt"]) == ["a.txt", "sub/b.txt"]


def test_a_name_with_glob_characters_is_taken_literally_first(tmp_path):
    (tmp_path / "a[1].txt").write_text("x")
    assert ids([tmp_path / "a[1].txt"]) == ["a[1].txt"]


@pytest.mark.parametrize("name", ["nowhere.txt", "*.nothing"])
def test_an_input_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=name.replace("*", r"\*")):
        Folders([tmp_path / name])


def test_links_stay_inside_and_end(tmp_path):
    folder = write(tmp_path / "in", a_txt="a", sub__b_txt="b")
    write(tmp_path, secret_txt="s")
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "out").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "same.txt").symlink_to("a.txt")
    folders = Folders([folder])
    assert [source.id for source in folders.sources()] == ["a.txt", "same.txt", "sub/b.txt"]
    assert set(folders.failed) == {"self", "out", "up"}
    assert "nowhere" in folders.failed["self"]
    assert "not followed" in folders.failed["out"]
    assert ids([folder / "out"]) == ["out"]  # named, a link is followed


def test_what_cannot_be_read_is_a_failure_and_the_others_are_read(tmp_path):
    write(tmp_path, a_txt="a", b_png=b"\x89PNG\r\n\x1a\n", c_txt="c")
    os.mkfifo(tmp_path / "pipe")  # reading one that nobody writes to would block
    failures = []
    assert [record.page.id for one in inputs([tmp_path]) for record in read(one, failures)] == ["a.txt", "c.txt"]
    assert [failure.input for failure in failures] == ["b.png", "pipe"]
    assert "b.png: a PNG image" in failures[0].reason
    assert "not a regular file" in failures[1].reason


def test_a_file_that_goes_away_after_it_was_found_is_a_failure(tmp_path):
    write(tmp_path, a_txt="a", b_txt="b")
    first, second = inputs([tmp_path])
    (tmp_path / "b.txt").unlink()
    failures = []
    assert [len(list(read(one, failures))) for one in (first, second)] == [1, 0]
    assert "No such file" in failures[0].reason


def test_failures_of_one_input_are_named_up_to_a_limit_and_then_counted(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n' + "{\n" * (MAX_NAMED_FAILURES + 7))
    failures = []
    assert len([record for one in inputs([tmp_path]) for record in read(one, failures)]) == 1
    assert len(failures) == MAX_NAMED_FAILURES + 1
    assert "7 more records" in failures[-1].reason


@pytest.mark.slow
def test_folders_deeper_than_the_recursion_limit(tmp_path):
    (tmp_path / "e.txt").write_text("e")
    deepest = str(tmp_path) + "/d" * 1500
    cwd = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        assert ids([tmp_path]) == ["e.txt"]
    finally:
        os.fchdir(cwd)
        os.close(cwd)
        os.removedirs(deepest)  # pytest's own clean-up would recurse


def test_names_that_are_not_unicode(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    assert [os.fsencode(name) for name in ids([tmp_path])] == [b"caf\xe9.txt"]
