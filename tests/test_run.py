"""Many files in two passes: what is written where, what is counted, and failures that stay their own."""

import os

import pytest

from declutter import Cleaner, run, write
from declutter.errors import OutputError
from declutter.formats.encoding import decode
from declutter.formats.folders import Folders
from declutter.repeats import Profile

TOPICS = ("bridge", "market", "school")
MENU = "Home\nPolitics\nWeather\nSign in\n\n"
FOOTER = "\nShare this article\nRelated articles\nContact us\n© 2024 Harbor Gazette. All rights reserved.\n"


def article(topic):
    prose = "".join(
        f"The council said on {day} that the {topic} would open again in spring, after two years of repairs that cost "
        f"more than anyone on the {topic} committee had expected, and that nobody would have to pay for it twice.\n\n"
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday")
    )
    return MENU + prose + FOOTER


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for topic in TOPICS[:2]:
        (tmp_path / "in" / f"{topic}.txt").write_text(article(topic))
    (tmp_path / "in" / "deep" / "school.txt").write_bytes(article("school").replace("\n", "\r\n").encode("utf-16"))
    return tmp_path / "in"


def clean(inputs, out, removed=None, **options):
    folders = Folders([inputs] if not isinstance(inputs, list) else inputs)
    cleaner = Cleaner(**{name: options.pop(name) for name in ("keep", "profile", "engine") if name in options})
    return run.clean(folders, run.outputs_for(folders, str(out), removed and str(removed)), cleaner, **options)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_mirrored_without_its_boilerplate(folder, tmp_path):
    summary = clean(folder, tmp_path / "out")
    assert tree(tmp_path / "out") == ["bridge.txt", "deep/school.txt", "market.txt"]
    kept = (tmp_path / "out" / "bridge.txt").read_text()
    assert kept.count("The council said") == 4
    assert "Weather" not in kept and "All rights reserved" not in kept
    assert (tmp_path / "out" / "deep" / "school.txt").read_bytes().startswith("\ufeffThe council".encode("utf-16-le"))
    assert (summary.n_pages, summary.failed) == (3, {})
    assert summary.kept_lines == {"body": 12}
    assert sum(summary.removed_lines.values()) == 24
    assert [n_pages for _, n_pages in summary.sites] == [3]
    assert summary.bytes_in == sum(path.stat().st_size for path in folder.rglob("*.txt"))


def test_kept_and_removed_rebuild_the_input(folder, tmp_path):
    clean(folder, tmp_path / "out", tmp_path / "gone")
    for name in tree(folder):
        page, encoding = decode((folder / name).read_bytes(), name)
        kept = decode((tmp_path / "out" / name).read_bytes(), name)[0]
        removed = decode((tmp_path / "gone" / f"{name}.removed.tsv").read_bytes(), name)[0]
        assert removed != ""
        assert encoding.encode(write.rebuild(kept, removed)) == (folder / name).read_bytes()
        assert write.rebuild(kept, removed) == page


def test_a_dry_run_counts_the_same_and_writes_nothing(folder, tmp_path):
    dry = clean(folder, tmp_path / "out", tmp_path / "gone", dry_run=True)
    assert sorted(os.listdir(tmp_path)) == ["in"]
    assert dry == clean(folder, tmp_path / "out", tmp_path / "gone")


def test_one_bad_page_does_not_stop_the_others(folder, tmp_path):
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "out" / "market.txt").mkdir(parents=True)  # a folder stands where the output should go
    summary = clean(folder, tmp_path / "out")
    assert set(summary.failed) == {"a.png", "market.txt"}
    assert str(folder / "a.png") in summary.failed["a.png"]
    assert str(tmp_path / "out" / "market.txt") in summary.failed["market.txt"]
    assert summary.n_pages == 2
    assert tree(tmp_path / "out") == ["bridge.txt", "deep/school.txt"]


def test_outputs_never_leave_out_by_a_link(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "elsewhere")
    assert set(clean(folder, tmp_path / "out").failed) == {"deep/school.txt"}
    assert tree(tmp_path / "elsewhere") == []


def test_a_single_file_goes_to_a_file_or_into_a_folder(folder, tmp_path):
    clean(folder / "bridge.txt", tmp_path / "clean.txt")
    clean(folder / "bridge.txt", tmp_path / "out")
    assert (tmp_path / "clean.txt").read_text() == (tmp_path / "out" / "bridge.txt").read_text() != ""


@pytest.mark.parametrize(
    ("inputs", "out"),
    [
        ("in", "in"),
        ("in", "in/out"),
        ("in/deep", "in"),
        ("in/bridge.txt", "in/bridge.txt"),
        ("in/bridge.txt", "in"),
        ("in", "link"),
        ("link", "in"),
        ("link/bridge.txt", "in/bridge.txt"),
        ("in", "in/../in/deep/.."),
    ],
)
def test_in_and_out_must_lie_apart(folder, tmp_path, inputs, out):
    (tmp_path / "link").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.txt")}
    for places in ((out, None), ("elsewhere", out)):
        out_path, removed = (place and str(tmp_path / place) for place in places)
        with pytest.raises(OutputError, match="input"):
            clean(str(tmp_path / inputs), out_path, removed)
    assert before == {path: path.read_bytes() for path in folder.rglob("*.txt")}


def test_a_learned_profile_does_what_the_first_pass_does(folder, tmp_path):
    run.learn(Folders([folder]), tmp_path / "site.profile")
    with pytest.raises(OutputError, match="input"):
        run.learn(Folders([folder]), folder / "bridge.txt")
    clean(folder, tmp_path / "one")
    clean(folder, tmp_path / "two", profile=Profile.load(tmp_path / "site.profile"))
    for name in tree(folder):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_number_of_pages_in_memory_is_bounded(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(600):
        (tmp_path / "in" / f"{number}.txt").write_text(article(f"bridge number {number}") * 4)
    seen = []

    def watch(pages, title, _n_pages):
        for number, page in enumerate(pages):
            if title == "cleaning" and number == 590:
                seen.extend(tree(tmp_path / "out"))
            yield page

    clean(tmp_path / "in", tmp_path / "out", progress=watch)
    assert len(seen) > 0  # outputs were there before the last pages were read
    assert len(tree(tmp_path / "out")) == 600
