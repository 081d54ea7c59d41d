"""Journal: what a run has finished, in a folder beside its output, so that `--resume` goes on where it was broken off.

    settings.json           what the run was asked; another run is not resumed
    learn/NAME.sketches     what was remembered of the pages of a shard or part, for counting
    profile/                the counts, once all pages were counted
    clean/NAME.json         a shard, done: its Summary, and its outputs with their sizes; or a part, with its texts
    temporary/              outputs that are being written; moved to their place when they are whole

NAME is the shard's number, and behind a hyphen the part's. Every file appears whole: it is written under another name
and moved. The folder is deleted when the run ends.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from declutter.errors import OutputError
from declutter.stages.repeats import Profile, SketchFolder

try:
    import fcntl
except ImportError:  # Windows: two runs that write to one place are not told of each other there
    fcntl = None  # type: ignore[assignment]  # mypy has no type for a module or None

FOLDERS = ("learn", "clean", "temporary")
LOCKS: dict[Path, TextIO] = {}  # the open lock files of this process: a lock ends with its file


@dataclass(frozen=True)
class Journal:
    """The journal of one run; `is_kept` where it outlives a run that is broken off. Picklable."""

    folder: Path
    is_kept: bool

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    @property
    def sketches(self) -> SketchFolder:
        return SketchFolder(self.folder / "learn")

    @property
    def profile_folder(self) -> Path:
        return self.folder / "profile"

    def has_sketches(self, name: str) -> bool:
        """Whether the sketches of a shard or part are there, whole."""
        try:
            self.sketches[name]
        except (OSError, ValueError, EOFError, KeyError):  # missing, cut or overwritten: they are made again
            return False
        return True

    def profile(self) -> Profile | None:
        """The counts that were saved; None where there are none, or not all of them."""
        try:
            return Profile.map_columns(self.profile_folder)
        except (OSError, ValueError, EOFError):  # missing, cut or overwritten: the pages are counted again
            return None

    def save_profile(self, profile: Profile) -> None:
        """Keep the profile as columns that processes map."""
        temporary = self.temporary / "profile"
        with self.writing(temporary):
            shutil.rmtree(temporary, ignore_errors=True)  # of a run that was broken off here
            shutil.rmtree(self.profile_folder, ignore_errors=True)
            profile.save_columns(temporary)
            os.replace(temporary, self.profile_folder)

    def write(self, name: str, values: object) -> None:
        """Note a shard or part as done."""
        path = self.folder / "clean" / f"{name}.json"
        with self.writing(path):
            _write_whole(path, self.temporary / f"{name}.json.{os.getpid()}", values)

    def read(self, name: str) -> dict | None:
        """What was noted, or None where the shard or part is not done, or its note is damaged: it is done again."""
        return _read_object(self.folder / "clean" / f"{name}.json")

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Turns an error of the system into an OutputError that says what to do."""
        try:
            yield
        except OSError as error:
            advice = "; make room and go on with --resume" if self.is_kept else ""
            raise OutputError(f"{path}: {error.strerror or error}{advice}") from error

    def close(self, is_done: bool) -> None:
        """Delete the folder, unless the run is to be resumed."""
        _unlock(self.folder)
        is_empty = not any(os.scandir(self.folder / "learn")) and not any(os.scandir(self.folder / "clean"))
        if (is_done or is_empty) and self.is_kept:
            done = self.folder.with_name(f"{self.folder.name}-done")
            os.replace(self.folder, done)  # at one go: what is left of a journal must not look like one
            shutil.rmtree(done, ignore_errors=True)
        elif not self.is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)


def journal_folder(out: Path, is_file: bool) -> Path:
    """Where the journal of an output stands: hidden, in the output's folder."""
    return out.parent / f".{out.name}.declutter" if is_file else out / ".declutter"


def has_journal(out: Path, is_file: bool) -> bool:
    """Whether a run into this output was broken off."""
    return (journal_folder(out, is_file) / "settings.json").exists()


def open_journal(folder: Path | None, settings: dict, resume: bool) -> Journal:
    """Begin a journal, or go on with the one that is there. Without `folder` it is a temporary one.

    Raises OutputError where the folder can't be written, another run writes there, or --resume is asked for and the
    run that was broken off was asked something else.
    """
    if folder is None:
        journal = Journal(Path(tempfile.mkdtemp(prefix="declutter-")), False)
    else:
        journal = Journal(folder, True)
    place = journal.folder
    try:
        if place.is_symlink():  # what it leads to would be emptied
            raise OutputError(f"{place}: a link, where the journal of the run has to be a folder; remove the link")
        place.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place.with_name(f"{place.name}-done"), ignore_errors=True)  # of a run killed at its very end
        _lock(place)
        if not (resume and _is_same(place, settings)):
            _empty(place)
        for name in FOLDERS:
            (place / name).mkdir(exist_ok=True)
        _write_whole(place / "settings.json", journal.temporary / "settings.json", settings)
    except OSError as error:
        _unlock(place)
        raise OutputError(f"{place.parent}: {error.strerror}") from error
    except OutputError:
        _unlock(place)
        raise
    return journal


def _lock(folder: Path) -> None:
    if fcntl is None:
        return
    file = open(folder / "lock", "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutputError(f"{folder.parent}: another run of declutter writes there") from None
    LOCKS[folder] = file


def _unlock(folder: Path) -> None:
    if lock := LOCKS.pop(folder, None):
        lock.close()


def _is_same(folder: Path, settings: dict) -> bool:
    """Whether the journal is of a run with these settings. Raises OutputError where it is of another run."""
    path = folder / "settings.json"
    if not path.exists():
        return False
    before = _read_object(path)
    if before is None:
        raise OutputError(f"{path}: damaged, so the run can't be resumed; --force begins anew")
    for name, value in settings.items():
        if before.get(name) != json.loads(json.dumps(value)):
            raise OutputError(
                f"{folder.parent}: the run that was broken off there had other {name}; repeat it as it was, or begin "
                f"anew with --force"
            )
    shutil.rmtree(folder / "temporary", ignore_errors=True)
    return True


def _write_whole(path: Path, temporary: Path, values: object) -> None:
    """Write JSON under another name, bring it to the disk, and move it to its place."""
    with temporary.open("w") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _read_object(path: Path) -> dict | None:
    """A JSON object from a file; None if the file is missing, cut or overwritten."""
    try:
        values = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # ValueError: no JSON, or no text
        return None
    return values if isinstance(values, dict) else None


def _empty(folder: Path) -> None:
    for name in (*FOLDERS, "profile"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "settings.json").unlink(missing_ok=True)
