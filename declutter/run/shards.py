"""Shards: the pieces of a run, and what is done with one of them, in whichever process.

A shard is a run of small inputs, or one large input; a large input may be divided into parts of its pages, which one
process reads and writes while others judge. Pages are judged in the same batches whoever does it, so that the output
is the same whatever the number of processes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

from declutter.cleaner import Cleaner, cleaned, passed_through, sketched
from declutter.errors import InputError, OutputError
from declutter.files.inputs import read
from declutter.files.records import Failure, Input, Record
from declutter.pages import Cleaned, Page, n_text_chars, runs
from declutter.run.journal import Journal
from declutter.run.limits import DIED, Limits
from declutter.run.outputs import InputWriter, Outputs, Written, written_of
from declutter.run.summary import Summary
from declutter.stages.repeats import Profile, Sketches
from declutter.stages.repeats.sketches import joined

SHARD_BYTES = 4 << 20  # of small inputs that make a shard: about a second's work
SHARD_INPUTS = 256
UNPACKED = 5  # bytes of text to one of a compressed file, about
PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz", ".zip", ".parquet", ".arrow", ".tgz")
PART_CHARS = 1 << 21  # four of the cleaner's batches
PART_PAGES = 1024


@dataclass(frozen=True)
class Shard:
    """Inputs that are done one after the other, and journaled together."""

    number: int
    inputs: tuple[Input, ...]
    n_bytes: int = 0  # on disk
    unpacked_bytes: int = 0  # of text or HTML, about
    is_stream: bool = False  # one input, which can be read by this process only, and perhaps only once

    @property
    def name(self) -> str:
        return f"{self.number:06d}"


@dataclass(frozen=True)
class Part:
    """Some pages of an input that is divided; `failures` are those met while reading up to here."""

    name: str
    source: Input
    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    is_last: bool = False
    notes: dict[str, int] = field(default_factory=dict)  # of the whole input, with its last part

    def __reduce__(self):
        """What another process needs: the pages without what only their output does, as plain tuples.

        Pickling Records and Pages one by one takes twice as long.
        """
        pages = [(record.page.id, record.page.site, record.page.url, record.page.text, record.page.html, record.n_bytes)
                 for record in self.records]  # fmt: skip
        return _received, (self.name, self.source, pages, self.failures, self.is_last, self.notes)


def _received(
    name: str, source: Input, pages: list[tuple], failures: tuple[Failure, ...], is_last: bool, notes: dict[str, int]
) -> Part:
    records = tuple(Record(Page(*page), n_bytes=n_bytes) for *page, n_bytes in pages)
    return Part(name, source, records, failures, is_last, notes)


def shards(inputs: Iterable[Input]) -> Iterator[Shard]:
    """The inputs in order, as shards."""
    shard = Shard(0, ())
    for source in inputs:
        n_bytes = source.n_bytes
        is_stream = source.path is None or (n_bytes == 0 and not source.path.is_file())
        unpacked = n_bytes * (UNPACKED if source.id.lower().endswith(PACKED_SUFFIXES) else 1)
        is_full = shard.unpacked_bytes + unpacked > SHARD_BYTES or len(shard.inputs) == SHARD_INPUTS
        if shard.inputs and (is_full or is_stream or shard.is_stream):
            yield shard
            shard = Shard(shard.number + 1, ())
        shard = Shard(
            shard.number, (*shard.inputs, source), shard.n_bytes + n_bytes, shard.unpacked_bytes + unpacked, is_stream
        )
    if shard.inputs:
        yield shard


def parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Runs of records of about PART_CHARS characters."""
    return runs(records, lambda record: n_text_chars(record.page), PART_CHARS, PART_PAGES)


def divided(shard: Shard) -> Iterator[Part]:
    """The parts of a shard of one input, the last one marked."""
    source = shard.inputs[0]
    failures: list[Failure] = []
    notes: Counter[str] = Counter()
    records: list[Record] = []
    number = n_told = 0
    for following in parts(read(source, failures, notes)):
        if records:
            yield Part(f"{shard.name}-{number:06d}", source, tuple(records), tuple(failures[n_told:]))
            number, n_told = number + 1, len(failures)
        records = following
    yield Part(f"{shard.name}-{number:06d}", source, tuple(records), tuple(failures[n_told:]), True, dict(notes))


@dataclass(frozen=True)
class Job:
    """What is to be done with the shards of a run. Picklable; its methods run in any process."""

    cleaner: Cleaner
    outputs: Outputs | None  # None: nothing is written
    journal: Journal
    limits: Limits
    is_strict: bool = False
    keeps_sketches: bool = False  # in the journal's files
    keeps_texts: bool = False  # of parts, in the journal's files
    profile_is_mapped: bool = False
    memory_bytes: int | None = None  # of a process

    def begin_process(self) -> None:
        """Bound this process's memory, so that a page too large is one page's failure."""
        if self.memory_bytes is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (self.memory_bytes, self.memory_bytes))

    @cached_property
    def ready_cleaner(self) -> Cleaner:
        """The cleaner with the profile that all processes share."""
        if not self.profile_is_mapped:
            return self.cleaner
        return replace(self.cleaner, profile=Profile.map_columns(self.journal.profile_folder))

    def call(self, what: tuple[Callable, object], _limits: Limits) -> object:
        """A function of something, in another process."""
        function, argument = what
        return function(argument)

    def learn_shard(self, shard: Shard, limits: Limits) -> tuple[Sketches | None, Summary]:
        """What is to be remembered of the pages; None where the journal has it."""
        summary = Summary()
        records = chain.from_iterable(read(source, summary.failures, summary.notes) for source in shard.inputs)
        sketches = [found for part in parts(_counted(records, summary)) for found, _ in sketched(_pages(part), limits)]
        return self._kept(shard.name, sketches), summary

    def learn_part(self, part: Part, limits: Limits) -> tuple[Sketches | None, Summary]:
        """The same for a part."""
        summary = Summary(failures=list(part.failures))
        records = _counted(part.records, summary)
        return self._kept(part.name, [found for found, _ in sketched(_pages(records), limits)]), summary

    def _kept(self, name: str, sketches: list[Sketches]) -> Sketches | None:
        found = joined(sketches)
        if not self.keeps_sketches:
            return found
        with self.journal.writing(self.journal.sketches.path_of(name)):
            self.journal.sketches.save(name, found)
        return None

    def clean_shard(self, shard: Shard, limits: Limits) -> Summary:
        """Clean the pages, write the outputs, and note the shard as done."""
        failures: dict[str, list[Failure]] = {source.id: [] for source in shard.inputs}
        numbers: deque[int] = deque()  # of the inputs of the records that were read and are not yet judged
        summary, sizes = Summary(), {}
        records = _of_all(shard, failures, numbers, summary.notes)
        cleaned = chain.from_iterable(self._cleaned(part, limits) for part in parts(records))
        following = next(cleaned, None)
        for number, source in enumerate(shard.inputs):
            run = InputRun(source, self, f"{shard.name}-{number}")
            while following is not None and numbers[0] == number:
                run.add(*self.for_writing(source, *following, limits))
                numbers.popleft()
                following = next(cleaned, None)
            done, sizes[source.id] = run.finish(failures[source.id])
            summary.add(done)
        self.note_done(shard, summary, sizes)
        return summary

    def _cleaned(self, records: Iterable[Record], limits: Limits) -> Iterator[tuple[Record, Cleaned]]:
        """The records with their pages cleaned, in order."""
        waiting: deque[Record] = deque()

        def pages() -> Iterator[Page]:
            for record in records:
                waiting.append(record)
                yield record.page

        for page in cleaned(self.ready_cleaner, pages(), limits):
            yield waiting.popleft(), page

    def for_writing(
        self, source: Input, record: Record, page: Cleaned, limits: Limits
    ) -> tuple[Record, Cleaned, Written | None]:
        """The record, its page as it is counted, and what is written of it (None: nothing is written)."""
        if self.outputs is None:
            return record, page, None
        return record, *written_of(page, source, self.outputs, limits)

    def note_done(self, shard: Shard, summary: Summary, sizes: dict[str, int | None]) -> None:
        """Note a shard as done, unless an output could not be written: that is tried again by `--resume`."""
        if not any(failure.kind == "unwritable" for failure in summary.failures):
            self.journal.write(shard.name, {"summary": summary.as_json(), "sizes": sizes})

    def clean_part(self, part: Part, limits: Limits) -> dict:
        """The texts of a part's pages, for another process to write, and the part's Summary."""
        summary, pages = Summary(failures=list(part.failures), notes=Counter(part.notes)), []
        for found in self._cleaned(part.records, limits):
            record, page, written = self.for_writing(part.source, *found, limits)
            count_page(summary, part.source, record, page)
            pages.append(written)
        done = {"pages": pages, "summary": summary.as_json()}
        if self.keeps_texts:
            self.journal.write(part.name, done)
        return done


def _pages(records: Iterable[Record]) -> Iterator[Page]:
    return (record.page for record in records)


def _counted(records: Iterable[Record], summary: Summary) -> Iterator[Record]:
    for record in records:
        summary.n_pages += 1
        summary.bytes_in += record.n_bytes
        yield record


def _of_all(
    shard: Shard, failures: dict[str, list[Failure]], numbers: deque[int], notes: Counter[str]
) -> Iterator[Record]:
    """The records of all inputs; the number of each one's input is added to `numbers`."""
    for number, source in enumerate(shard.inputs):
        for record in read(source, failures[source.id], notes):
            numbers.append(number)
            yield record


class InputRun:
    """One input on its way out: its file, opened with the first page, and what was done so far."""

    def __init__(self, source: Input, job: Job, name: str):
        self.source, self._job = source, job
        self.summary = Summary()
        self.is_lost = False  # its output can't be written
        self._writer: InputWriter | None = None
        self._temporary = job.journal.temporary / name

    def add(self, record: Record, page: Cleaned, written: Written | None) -> None:
        """Write a page and count it."""
        self.write(record, written)
        if not self.is_lost:
            count_page(self.summary, self.source, record, page)
            self._stop_if_strict(self.summary.failures)

    def write(self, record: Record, written: Written | None) -> None:
        """Write a page; where that fails, the whole input's output is given up."""
        if written is None or self.is_lost:
            return
        try:
            self._open().write(record, written)
        except OutputError as error:
            self._give_up(error)

    def finish(self, failures: list[Failure]) -> tuple[Summary, int | None]:
        """What was done, with the failures met while reading, and the size of the output (None: there is none).

        An input of which nothing could be read has no output; one that holds no pages has an empty one.
        """
        self._stop_if_strict(failures)
        n_bytes = None
        try:
            if self._writer is None and not failures and not self.is_lost and self._job.outputs is not None:
                self._open()
            if self._writer is not None:
                n_bytes = self._writer.close()
        except OutputError as error:
            self._give_up(error)
        self.summary.failures = list(failures) + self.summary.failures
        return self.summary, n_bytes

    def _open(self) -> InputWriter:
        if self._writer is None:
            assert self._job.outputs is not None  # a dry run writes nothing
            self._writer = InputWriter(self.source, self._job.outputs, self._temporary)
        return self._writer

    def _give_up(self, error: OutputError) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        if self._job.outputs is not None and self._job.outputs.out is None:
            raise error  # standard output is one for all pages
        self.is_lost = True
        self.summary = Summary(failures=[Failure(self.source.id, "", str(error), "unwritable")])
        self._stop_if_strict(self.summary.failures)

    def _stop_if_strict(self, failures: list[Failure]) -> None:
        if self._job.is_strict and failures:
            if self._writer is not None:
                self._writer.discard()
            raise InputError(f"{failures[0].reason} (--strict stops here)")


def count_page(summary: Summary, source: Input, record: Record, cleaned: Cleaned) -> None:
    """Count a page, or note its failure."""
    position = record.page.id.removeprefix(source.id).lstrip(":/")
    if cleaned.error is not None:
        reason = f"{record.page.id}: passed through whole, {cleaned.error}"
        summary.failures.append(Failure(source.id, position, reason, "passed through"))
        return
    if cleaned.partial is not None:
        reason = f"{record.page.id}: a part was left out, {cleaned.partial}"
        summary.partial.append(Failure(source.id, position, reason, "partial"))
    summary.count(cleaned, record.n_bytes)


def given_up(part: Part, reason: str, job: Job) -> dict:
    """What stands for `clean_part` where no process could do it: the pages as they came in."""
    pages, failures = [], list(part.failures)
    for record in part.records:
        error = f"{DIED}: {reason}"
        pages.append(job.for_writing(part.source, record, passed_through(record.page, error), job.limits)[2])
        failures.append(Failure(part.source.id, record.position, f"{record.page.id}: {error}", "passed through"))
    return {"pages": pages, "summary": Summary(failures=failures, notes=Counter(part.notes)).as_json()}
