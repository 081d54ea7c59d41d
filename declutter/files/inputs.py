"""Inputs: files, folders, globs and standard input, each opened in its format."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from declutter.errors import DeclutterError, InputError
from declutter.files.folders import Folders, Source
from declutter.files.recognition import HEAD_BYTES, format_of_name, recognized
from declutter.files.records import Failure, Input, Note, Options, Record
from declutter.files.refused_kinds import RefusedKind
from declutter.files.streams import File, FileInput, RefusedInput, Stream

STDIN_ID = "stdin"
MAX_NAMED_FAILURES = 1000  # of one input; above it they are counted


def inputs(names: Sequence[str | os.PathLike], options: Options | None = None) -> Inputs:
    """The inputs that files, folders, globs and `-` name.

    Raises InputError where one doesn't exist or a glob matches nothing.
    """
    return Inputs(names, options or Options())


class Inputs:
    """Inputs in sorted order, found anew by each iteration; folders are walked as `Folders` says.

    `failed` ({id: reason}) holds links that lead out and folders that can't be read. Faults of an input itself come as
    Failures of its records.
    """

    def __init__(self, names: Sequence[str | os.PathLike], options: Options):
        self.folders = Folders(names)
        self.options = options
        self._streams: dict[str, Stream] = {}  # opened once for all iterations

    @property
    def failed(self) -> dict[str, str]:
        return self.folders.failed

    @property
    def paths(self) -> list[Path | None]:
        """What was named, as real paths, globs expanded; None is standard input."""
        return self.folders.inputs

    def __iter__(self) -> Iterator[FileInput]:
        for source in self.folders.sources():
            file = File(source.id, source.path, self._stream(source))
            format = self.options.input_format or _format_of(file)
            if source.path is None:
                suffix = "txt" if isinstance(format, RefusedKind) else format
                file = File(f"{STDIN_ID}.{suffix}", None, file.stream)
            if isinstance(format, RefusedKind):
                yield RefusedInput(file, self.options, str(format))
            else:
                yield opened(file, format, self.options)

    def _stream(self, source: Source) -> Stream | None:
        """How to read what can be read only once: standard input, and pipes that are named (`<(command)`)."""
        if source.path is not None:
            try:
                is_pipe = stat.S_ISFIFO(source.path.stat().st_mode)
            except OSError:  # reading it will tell
                return None
            if not is_pipe or source.path not in self.folders.inputs:
                return None
        if source.id not in self._streams:
            self._streams[source.id] = Stream(source.path, is_kept=not self.options.one_pass)
        return self._streams[source.id]


def read(source: Input, failures: list[Failure], notes: Counter[str] | None = None) -> Iterator[Record]:
    """The pages of an input. Adds what can't be read to `failures`, and counts for the summary to `notes`."""
    n_failures = 0
    try:
        for item in source.records():
            if isinstance(item, Record):
                yield item
                continue
            if isinstance(item, Note):
                if notes is not None:
                    notes[item.what] += item.n
                continue
            n_failures += 1
            if n_failures <= MAX_NAMED_FAILURES:
                failures.append(item)
    except DeclutterError as error:
        failures.append(Failure(source.id, "", str(error)))
    except Exception as error:  # whatever a library raises at broken bytes: the other inputs are done
        failures.append(Failure(source.id, "", f"{source.id}: {type(error).__name__}: {error}"))
    if n_failures > MAX_NAMED_FAILURES:
        more = f"{source.id}: {n_failures - MAX_NAMED_FAILURES} more records can't be read"
        failures.append(Failure(source.id, "", more))


def opened(file: File, format: str, options: Options) -> FileInput:
    """The input of a file in a format. Modules whose formats are not met are not loaded."""
    kind: Callable[[File, Options], FileInput]
    if format in ("txt", "html"):
        from declutter.files.documents import HtmlInput, TextInput

        kind = TextInput if format == "txt" else HtmlInput
    elif format == "jsonl":
        from declutter.files.jsonl import JsonlInput

        kind = JsonlInput
    elif format == "json":
        from declutter.files.json_documents import JsonInput

        kind = JsonInput
    elif format in ("csv", "tsv"):
        from declutter.files.separated_values import CsvInput, TsvInput

        kind = CsvInput if format == "csv" else TsvInput
    elif format in ("parquet", "arrow"):
        from declutter.files.tables import ArrowInput, ParquetInput

        kind = ParquetInput if format == "parquet" else ArrowInput
    elif format in ("warc", "wet"):
        from declutter.files.warc import WarcInput, WetInput

        kind = WarcInput if format == "warc" else WetInput
    else:
        from declutter.files.archives import TarInput, ZipInput

        kind = ZipInput if format == "zip" else TarInput
    return kind(file, options)


def _format_of(file: File) -> str | RefusedKind:
    """The format of a file, or the kind that is not read; what can't be opened is left to fail as text."""
    try:
        head = file.head(HEAD_BYTES)
    except (OSError, InputError):  # reading it will say so
        return format_of_name(file.id) or "txt"
    return recognized(head, file.id if file.stream is None else None)
