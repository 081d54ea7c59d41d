"""Inputs: files, folders, globs and standard input, each opened as the format that it is in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from declutter.errors import DeclutterError, InputError
from declutter.files.folders import Folders, Source
from declutter.files.recognition import HEAD_BYTES, format_of_bytes, format_of_name
from declutter.files.records import Failure, Input, Options, Record
from declutter.files.streams import File, FileInput, Stream

STDIN_ID = "stdin"
MAX_NAMED_FAILURES = 1000  # of one input; above it they are counted


def inputs(names: Sequence[str | os.PathLike], options: Options | None = None) -> Inputs:
    """The inputs that files, folders, globs and `-` stand for.

    Raises InputError where one doesn't exist or a glob matches nothing.
    """
    return Inputs(names, options or Options())


class Inputs:
    """Inputs in sorted order, found anew by each iteration; folders are walked as `Folders` says.

    `failed` ({id: reason}) are files and folders that are no inputs at all: links that lead out, folders that can't be
    read. What is wrong with an input itself its records tell.
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
                file = File(f"{STDIN_ID}.{format}", None, file.stream)
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


def read(source: Input, failures: list[Failure]) -> Iterator[Record]:
    """The pages of an input; what can't be read is added to `failures`, and the rest is read."""
    n_failures = 0
    try:
        for item in source.records():
            if isinstance(item, Record):
                yield item
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
    if format in ("txt", "html"):
        from declutter.files.documents import HtmlInput, TextInput

        kind = TextInput if format == "txt" else HtmlInput
    elif format == "jsonl":
        from declutter.files.jsonl import JsonlInput as kind
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


def _format_of(file: File) -> str:
    """The format that the name tells, or else the first bytes; what can't be read is left to fail as text."""
    name = None if file.stream is not None else file.id
    format = format_of_name(name) if name is not None else None
    if format is not None:
        return format
    try:
        stream = file.open()
        head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    except (OSError, InputError):  # reading it will tell
        return "txt"
    if file.stream is None:
        stream.close()
    return format_of_bytes(head, name)
