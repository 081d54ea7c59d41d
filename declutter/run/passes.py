"""The two passes over many inputs: learn the sites' templates, then clean and write."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from declutter.cleaner import Cleaner
from declutter.errors import DeclutterError, OutputError
from declutter.files import paths
from declutter.files.records import Failure, Input
from declutter.run.journal import journal_folder, open_journal
from declutter.run.limits import Limits
from declutter.run.outputs import Outputs, Written, refuse_overlap
from declutter.run.shards import SHARD_BYTES, InputRun, Job, Part, Shard, divided, given_up, shards
from declutter.run.summary import Summary
from declutter.run.workers import Alone, Lost, Task, Workers
from declutter.stages.repeats import Profile, TemplateCounter
from declutter.stages.repeats.counting import COUNTED_PAGES

SMALL_BYTES = 8 << 20  # of input for each process: less is done sooner than a process is started
DIVIDED_BYTES = 32 << 20  # a larger input is divided, so that little is lost when the run is broken off
SHARDS_A_WORKER = 4  # with fewer, inputs are divided, so that no process waits for another's last
WORKER_BYTES = 300 << 20  # of memory: what a process takes at rest and with common pages
REST_BYTES = 200 << 20  # what the first process takes


class Bar(Protocol):
    """Told of each piece of work that is done."""

    def __call__(self, n_pages: int, n_bytes: int) -> None: ...


#: Begins a pass: takes its title and the bytes of its inputs (0 where they aren't known), gives a context with a Bar.
Progress = Callable[[str, int], AbstractContextManager[Bar]]


@contextmanager
def _silent(_title: str, _n_bytes: int) -> Iterator[Bar]:
    yield lambda n_pages, n_bytes: None


@dataclass(frozen=True)
class Settings:
    """How a run is done; none of it changes what is kept of a page within the limits."""

    workers: int = 1  # processes
    memory_bytes: int | None = None  # of all processes together; None: what the system has
    limits: Limits = Limits()
    is_strict: bool = False  # stop at the first failure
    resume: bool = False
    errors: Path | None = None  # a file of failures, a JSON object a line; written where there are any
    progress: Progress = _silent


def clean(
    inputs: Iterable[Input],
    outputs: Outputs,
    cleaner: Cleaner | None = None,
    settings: Settings | None = None,
    *,
    dry_run: bool = False,
) -> Summary:
    """Clean every page and write what is kept, and what was removed where `outputs` has a place for it.

    The first pass learns the sites' templates, unless the `cleaner` has a profile; the second cleans and writes. A
    page that can't be read, judged or written is noted in the summary's `failures`, and the others are done.
    """
    cleaner, settings = cleaner or Cleaner(), settings or Settings()
    planned = list(shards(inputs))
    outputs = outputs.without_clashes(source for shard in planned for source in shard.inputs)
    n_workers = _n_workers(planned, outputs, settings)
    is_readable_again = not any(shard.is_stream for shard in planned)
    is_lasting = not dry_run and outputs.out is not None and is_readable_again
    folder = journal_folder(outputs.out, outputs.is_file) if is_lasting and outputs.out is not None else None
    journal = open_journal(folder, _identity(planned, outputs, cleaner, settings), settings.resume)
    is_large = is_lasting and _unpacked(planned) > SMALL_BYTES  # a small run is soon repeated
    is_done = False
    try:
        job = Job(
            cleaner, None if dry_run else outputs, journal, settings.limits, settings.is_strict,
            keeps_sketches=n_workers > 1 or is_large, keeps_texts=is_large,
            memory_bytes=_worker_bytes(n_workers, settings),
        )  # fmt: skip
        summary = _two_passes(job, planned, n_workers, settings, failed=getattr(inputs, "failed", {}))
        is_done = not is_large or all(failure.kind != "unwritable" for failure in summary.failures)
    finally:
        journal.close(is_done)
    if settings.errors is not None and not dry_run:
        try:
            _write_errors(settings.errors, summary)
        except OutputError as error:
            summary.failures.append(Failure("", "", str(error), "unwritable"))
    return summary


def learn(
    inputs: Iterable[Input], path: Path, roots: Sequence[Path | None] = (), settings: Settings | None = None
) -> Summary:
    """Learn the sites of the readable pages, and write the profile to `path`, which must lie in none of `roots`."""
    refuse_overlap(path, [root for root in roots if root is not None])
    settings = settings or Settings()
    planned = list(shards(inputs))
    n_workers = _n_workers(planned, None, settings)
    journal = open_journal(None, {}, False)
    try:
        job = Job(
            Cleaner(engine="rules"), None, journal, settings.limits, settings.is_strict, keeps_sketches=n_workers > 1,
            memory_bytes=_worker_bytes(n_workers, settings),
        )  # fmt: skip
        pool = _pool(job, n_workers)
        try:
            profile, summary = _learn(pool, planned, n_workers, settings, rarest=1)
        finally:
            pool.close()
        with paths.whole_file(path) as temporary:
            profile.save(temporary)
    finally:
        journal.close(True)
    summary.sites = _sites(profile)
    summary.failures += _unread(getattr(inputs, "failed", {}))
    return summary


def _two_passes(job: Job, planned: list[Shard], n_workers: int, settings: Settings, failed: dict[str, str]) -> Summary:
    pool = _pool(job, n_workers)
    sites = []
    try:
        if job.cleaner.profile is None:
            profile = job.journal.profile()
            if profile is None:
                profile, _ = _learn(pool, planned, n_workers, settings, rarest=2)
                if job.keeps_sketches:
                    job.journal.save_profile(profile)
            sites = _sites(profile)
        elif n_workers > 1 and not job.journal.profile_folder.exists():
            job.journal.save_profile(job.cleaner.profile)
        if n_workers > 1:
            pool.job = replace(job, cleaner=replace(job.cleaner, profile=None), profile_is_mapped=True)
        elif job.cleaner.profile is None:
            pool.job = replace(job, cleaner=replace(job.cleaner, profile=profile))
        summary = _clean(pool, planned, n_workers, settings)
    finally:
        pool.close()
    summary.sites = sites
    summary.failures = _unread(failed) + summary.failures
    return summary


def _learn(
    pool: Alone | Workers, planned: list[Shard], n_workers: int, settings: Settings, rarest: int
) -> tuple[Profile, Summary]:
    """The first pass: sketches of all pages, in order, and from them the counts."""
    counter = TemplateCounter(pool.job.journal.sketches)
    summary = Summary()
    with settings.progress("learning the sites", _n_bytes(planned)) as tell:
        for task, result in pool.map(_learning_tasks(pool.job, planned, n_workers)):
            if isinstance(result, Lost):
                continue  # the second pass says so
            assert isinstance(task.place, tuple) and isinstance(result, tuple)
            name, n_bytes = task.place
            sketches, done = result
            if sketches is None:
                counter.add_file(name)
            else:
                counter.add_sketches(sketches)
            summary.add(done)
            tell(done.n_pages, n_bytes or done.bytes_in)

    def spread(function: Callable, arguments: Iterable) -> Iterator[object]:
        for _, sites in pool.map(Task("call", (function, argument)) for argument in arguments):
            if isinstance(sites, Lost):
                raise DeclutterError(f"counting the sites failed: {sites.reason}")
            yield sites

    return counter.profile(spread, rarest), summary


def _learning_tasks(job: Job, planned: list[Shard], n_workers: int) -> Iterator[Task]:
    for shard in planned:
        if not _is_divided(shard, job, planned, n_workers):
            is_done = job.keeps_sketches and job.journal.has_sketches(shard.name)
            argument: object = (None, Summary()) if is_done else shard
            yield Task(None if is_done else "learn_shard", argument, (shard.name, shard.n_bytes))
            continue
        for part in divided(shard):
            is_done = job.keeps_sketches and job.journal.has_sketches(part.name)
            argument = (None, Summary()) if is_done else part
            yield Task(None if is_done else "learn_part", argument, (part.name, 0))


def _clean(pool: Alone | Workers, planned: list[Shard], n_workers: int, settings: Settings) -> Summary:
    """The second pass: texts, in order."""
    summary = Summary()
    writing = _Divided(pool.job)
    with settings.progress("cleaning", _n_bytes(planned)) as tell:
        for task, result in pool.map(_cleaning_tasks(pool.job, planned, n_workers, writing)):
            if isinstance(task.place, Part):
                assert isinstance(result, dict | Lost)
                done = writing.take(task.place, result)
                n_bytes = sum(record.n_bytes for record in task.place.records)
            else:
                assert isinstance(task.place, Shard) and isinstance(result, Summary | Lost)
                done = _lost(task.place, result) if isinstance(result, Lost) else result
                n_bytes = task.place.n_bytes
            summary.add(done)
            tell(done.n_pages, n_bytes)
    return summary


def _cleaning_tasks(job: Job, planned: list[Shard], n_workers: int, writing: _Divided) -> Iterator[Task]:
    for shard in planned:
        if (done := _done_before(job, shard)) is not None:
            yield Task(None, done, shard)
        elif not _is_divided(shard, job, planned, n_workers):
            yield Task("clean_shard", shard, shard)
        else:
            writing.begin(shard)
            for part in divided(shard):
                written = job.journal.read(part.name) if job.keeps_texts else None
                yield Task("clean_part", part, part) if written is None else Task(None, written, part)
                if writing.is_lost(shard):
                    break


def _done_before(job: Job, shard: Shard) -> Summary | None:
    """What a run that was broken off did with a shard, if it is done and its outputs are there, whole."""
    noted = job.journal.read(shard.name)
    if noted is None:
        return None
    for source in shard.inputs:
        n_bytes = noted["sizes"].get(source.id)
        if n_bytes is not None and job.outputs is not None:
            path = job.outputs.kept_path(source)
            if path is None or not path.is_file() or path.stat().st_size != n_bytes:
                return None
    return Summary.from_json(noted["summary"])


def _lost(shard: Shard, lost: Lost) -> Summary:
    failures = [Failure(source.id, "", f"{source.id}: {lost.reason}", "unwritable") for source in shard.inputs]
    return Summary(failures=failures)


class _Divided:
    """The outputs of inputs that are divided, written here from what other processes judged."""

    def __init__(self, job: Job):
        self._job = job
        self._runs: dict[str, tuple[Shard, InputRun]] = {}

    def begin(self, shard: Shard) -> None:
        self._runs[shard.inputs[0].id] = shard, InputRun(shard.inputs[0], self._job, shard.name)

    def is_lost(self, shard: Shard) -> bool:
        """Whether the output can't be written, so that what is left need not be judged."""
        held = self._runs.get(shard.inputs[0].id)
        return held is not None and held[1].is_lost

    def take(self, part: Part, result: dict | Lost) -> Summary:
        """Write a part; with the last one the file is finished, and what was done with the input is returned."""
        shard, run = self._runs[part.source.id]
        done = given_up(part, result.reason, self._job) if isinstance(result, Lost) else result
        for record, written in zip(part.records, done["pages"], strict=True):
            run.write(record, written and Written(*written))
        if run.is_lost:
            return run.finish([])[0]
        run.summary.add(Summary.from_json(done["summary"]))
        if not part.is_last:
            return Summary()
        failures, run.summary.failures = run.summary.failures, []
        summary, n_bytes = run.finish(failures)
        self._job.note_done(shard, summary, {part.source.id: n_bytes})
        del self._runs[part.source.id]
        return summary


def _is_divided(shard: Shard, job: Job, planned: list[Shard], n_workers: int) -> bool:
    """Whether the pages of a shard are read and written here, and judged by whichever process has time."""
    if len(shard.inputs) > 1:
        return False
    if n_workers == 1 or shard.unpacked_bytes > DIVIDED_BYTES:
        return shard.unpacked_bytes > DIVIDED_BYTES
    to_stdout = job.outputs is not None and job.outputs.out is None
    is_of_few = len(planned) < SHARDS_A_WORKER * n_workers and shard.unpacked_bytes > SHARD_BYTES
    return shard.is_stream or to_stdout or is_of_few


def _n_workers(planned: list[Shard], outputs: Outputs | None, settings: Settings) -> int:
    """As many processes as are wanted, fit in memory, and have enough to do. Many inputs to stdout are one's work."""
    if outputs is not None and outputs.out is None and len(planned) > 1:
        return 1
    is_known = not any(shard.is_stream for shard in planned)
    wanted = min(settings.workers, 1 + _unpacked(planned) // SMALL_BYTES) if is_known else settings.workers
    if settings.memory_bytes is not None:
        wanted = min(wanted, (settings.memory_bytes - REST_BYTES) // WORKER_BYTES)
    return max(1, wanted)


def _worker_bytes(n_workers: int, settings: Settings) -> int | None:
    if settings.memory_bytes is None or n_workers == 1:
        return None
    return max(WORKER_BYTES, (settings.memory_bytes - REST_BYTES) // n_workers)


def _pool(job: Job, n_workers: int) -> Alone | Workers:
    return Alone(job) if n_workers == 1 else Workers(job, n_workers)


def _n_bytes(planned: list[Shard]) -> int:
    return sum(shard.n_bytes for shard in planned)


def _unpacked(planned: list[Shard]) -> int:
    """The bytes of text or HTML that the inputs hold, about."""
    return sum(shard.unpacked_bytes for shard in planned)


def _sites(profile: Profile) -> list[tuple[str, int]]:
    """Names and pages. Of a small site, all of whose pages were counted, the distinct ones are told."""
    told = [(name, seen if seen > COUNTED_PAGES else n_pages) for name, n_pages, seen in profile.sizes()]
    return sorted(told, key=lambda site: (-site[1], site[0]))


def _unread(failed: dict[str, str]) -> list[Failure]:
    return [Failure(name, "", reason) for name, reason in failed.items()]


def _write_errors(path: Path, summary: Summary) -> None:
    """The failures, a JSON object a line; no file where there are none."""
    found = [*summary.failures, *summary.partial]
    if not found:
        path.unlink(missing_ok=True)  # of an earlier run
        return
    lines = [json.dumps(failure._asdict(), ensure_ascii=False) + "\n" for failure in found]
    paths.write_bytes(path, "".join(lines).encode("utf-8", "backslashreplace"))


def _identity(planned: list[Shard], outputs: Outputs, cleaner: Cleaner, settings: Settings) -> dict[str, object]:
    """What a run is asked, by name: a run that was broken off is resumed only where all of it is the same."""
    inputs = hashlib.blake2b(digest_size=16)
    for shard in planned:
        for source in shard.inputs:
            inputs.update(f"{source.id}\0{_version(source)}\n".encode("utf-8", "surrogatepass"))
    return {
        "inputs": inputs.hexdigest(),
        "formats and columns": [
            outputs.to,
            outputs.is_guessed,
            outputs.links,
            str(outputs.removed),
            asdict(outputs.options),
        ],
        "labels to keep": sorted(cleaner.keep),
        "engine": [cleaner.engine, cleaner.beta, _digest(cleaner.model), _digest(cleaner.html_model)],
        "profile": _digest(cleaner.profile and cleaner.profile._columns),
        "limits": [settings.limits.seconds, settings.limits.n_bytes, settings.is_strict],
    }


def _version(source: Input) -> tuple[int, int] | None:
    if source.path is None:
        return None
    try:
        status = os.stat(source.path)
    except OSError:
        return None  # reading it will tell
    return status.st_size, status.st_mtime_ns


def _digest(value: object) -> str | None:
    """A hash of a record of arrays."""
    if value is None:
        return None
    digest = hashlib.blake2b(digest_size=16)
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, np.ndarray):
            digest.update(item.tobytes())
        elif is_dataclass(item):
            waiting += [getattr(item, part.name) for part in fields(item)]
        elif isinstance(item, tuple | list):
            waiting += item
        else:
            digest.update(repr(item).encode())
    return digest.hexdigest()
