"""Outputs: their names and refusals, what is written of a page, and files that appear whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from declutter.errors import ModelError, OutputError, PageError
from declutter.files import paths
from declutter.files.compression import without_compression
from declutter.files.encoding import HTML_OUTPUT, Encoding
from declutter.files.outputs import output_for, output_name
from declutter.files.records import Input, Options, Record
from declutter.files.verdicts import VerdictColumns, verdict_columns
from declutter.pages import Cleaned
from declutter.run.limits import Limits
from declutter.stages import write

STDOUT = "-"
REMOVED_SUFFIX = ".removed.tsv"
REMOVED_FORMATS = ("txt", "html")
METADATA_FIELDS = ("url", "title", "author", "date", "language", "site", "kind")  # of JSON lines, beside id and text
#: What an output file's name asks for.
TO_OF_SUFFIX = {
    ".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".md": "markdown",
    ".markdown": "markdown",
}  # fmt: skip


@dataclass(frozen=True)
class Outputs:
    """Where the outputs go: `out` is a folder that mirrors the inputs, a file for a single one, or None for stdout.

    `removed` is a folder, or None. `to` is the format, None for each input's own; `is_guessed` where only the output's
    name tells it. `links` are for Markdown.
    """

    out: Path | None
    is_file: bool = False
    removed: Path | None = None
    to: str | None = None
    options: Options = field(default_factory=Options)
    is_guessed: bool = False
    links: bool = False
    clashing: frozenset[str] = frozenset()  # ids of inputs whose output would have the name of another's

    def without_clashes(self, sources: Iterable[Input]) -> Outputs:
        """The same for these inputs: of several with one output name that one is done which has it, else the first."""
        if self.out is None or self.is_file:
            return self
        owners: dict[str, str] = {}
        clashing = set()
        for source in sources:
            name = output_name(source, self.to)
            owner = owners.setdefault(name, source.id)
            if owner != source.id:
                winner, loser = (source.id, owner) if source.id == name else (owner, source.id)
                owners[name] = winner
                clashing.add(loser)
        return replace(self, clashing=frozenset(clashing))

    @property
    def errors_path(self) -> Path | None:
        """The file beside the output that failures are written to: `OUT.errors.jsonl`. None for stdout."""
        if self.out is None:
            return None
        out = self.out if self.out.name not in ("", "..") else Path(os.path.realpath(self.out))
        return out.parent / f"{out.name}.errors.jsonl"

    def has_metadata(self, source: Input) -> bool:
        """Whether the HTML pages of an input are written with what they say of themselves.

        JSON lines that only stay JSON lines keep the fields that they have.
        """
        return self.to == "jsonl" and not (self.is_guessed and source.format == "jsonl")

    def kept_path(self, source: Input) -> Path | None:
        """The output of an input. Raises OutputError where another input has the same."""
        if self.out is None or self.is_file:
            return self.out
        name = output_name(source, self.to)
        if source.id in self.clashing:
            raise OutputError(f"{source.id}: its output would have the name of another's, {name}; clean them apart")
        return paths.path_inside(self.out, name)

    def removed_path(self, source: Input) -> Path:
        """Where the lines removed of an input go."""
        assert self.removed is not None  # asked for
        return paths.path_inside(self.removed, source.id, REMOVED_SUFFIX)

    def existing(self, sources: Iterable[Input]) -> list[Path]:
        """The outputs that are there already."""
        found: list[Path] = []
        for source in sources:
            wanted: list[Callable[[Input], Path | None]] = [self.kept_path] if self.out is not None else []
            wanted += [self.removed_path] if self.removed is not None else []
            for path_of in wanted:
                try:
                    path = path_of(source)
                except OutputError:
                    continue  # nothing is replaced there; `clean` will report the page
                if path is not None and os.path.lexists(path):
                    found.append(path)
        return found


def outputs_for(
    inputs: Sequence[Path | None],
    out: str,
    removed: str | None = None,
    to: str | None = None,
    options: Options | None = None,
    links: bool = False,
) -> Outputs:
    """Where the outputs of `inputs` (files and folders; None is stdin) go.

    `out` is `-` for stdout, or a folder, or, where the only input is one file, a file name with an extension.
    Raises OutputError where an output folder is, holds, or lies inside an input.
    """
    is_single = len(inputs) == 1 and (inputs[0] is None or not inputs[0].is_dir())
    out_path = None if out == STDOUT else Path(out)
    removed_path = None if removed is None else Path(removed)
    is_file = out_path is not None and is_single and not out_path.is_dir() and not out.endswith(os.sep)
    is_file = is_file and out_path is not None and (out_path.suffix != "" or out_path.is_file())
    if out_path is not None and not is_file and out_path.exists() and not out_path.is_dir():
        raise OutputError(f"{out}: a file, where a folder is needed")
    for path in [out_path, removed_path]:
        if path is not None:
            refuse_overlap(path, [found for found in inputs if found is not None])
    is_guessed = to is None and is_file
    if is_guessed:
        to = TO_OF_SUFFIX.get(Path(without_compression(out)[0]).suffix)
    return Outputs(out_path, is_file, removed_path, to, options or Options(), is_guessed, links)


def refuse_overlap(out: Path, inputs: Sequence[Path]) -> None:
    """Raises OutputError where `out` is, holds, or lies inside an input."""
    real_out = Path(os.path.realpath(out))
    for path in [*inputs, *map(Path, map(os.path.realpath, inputs))]:  # a link counts with what it leads to
        if real_out == path or (out.exists() and path.exists() and os.path.samefile(out, path)):
            raise OutputError(f"{out}: the output is the input")
        if real_out.is_relative_to(path):
            raise OutputError(f"{out}: the output lies inside the input {path}")
        if path.is_relative_to(real_out):
            raise OutputError(f"{out}: the input {path} lies inside the output")


class Written(NamedTuple):
    """What is written of one page. JSON-able, for other processes and for the journal."""

    text: str  # kept, as text or Markdown
    error: str | None = None  # why the page was passed through
    metadata: dict[str, str | None] | None = None  # what an HTML page says of itself, for JSON lines
    verdicts: VerdictColumns | None = None  # where Options.verdicts asks for them
    removed: str | None = None  # the records of --removed


def written_of(cleaned: Cleaned, source: Input, outputs: Outputs, limits: Limits) -> tuple[Cleaned, Written]:
    """What the outputs want of a page of `source`, and the page as it is counted.

    Where Markdown or metadata can't be made, the kept text is written, and the page's `partial` says what is missing.
    Dumps have neither, and a page that was passed through stays whole.
    """
    written = Written(cleaned.text, cleaned.error)
    if outputs.options.verdicts:
        written = written._replace(verdicts=verdict_columns(cleaned.verdicts))
    if outputs.removed is not None:
        removed = "" if cleaned.verdicts.keep.all() else write.removed_text(cleaned.lines, cleaned.verdicts)
        written = written._replace(removed=removed)
    page, is_markdown, has_metadata = cleaned.page, outputs.to == "markdown", outputs.has_metadata(source)
    if page.html is None or not (is_markdown or has_metadata):
        return cleaned, written
    if has_metadata:
        written = written._replace(metadata={**dict.fromkeys(METADATA_FIELDS), "url": page.url})
    if cleaned.error is not None:
        return cleaned, written
    try:
        with limits.watched([page]):
            if is_markdown:
                return cleaned, written._replace(text=_markdown(cleaned, outputs.links))
            return cleaned, written._replace(metadata=_metadata(cleaned))
    except ModelError:
        raise  # a model that doesn't fit is no fault of the page
    except PageError as error:
        reason = str(error)
    except Exception as error:  # the page is the unit: its text is written, with a note on what is missing
        reason = f"{type(error).__name__}: {error}"
    missing = f"{'its Markdown' if is_markdown else 'its metadata'}: {reason}"
    return replace(cleaned, partial=missing if cleaned.partial is None else f"{cleaned.partial}; {missing}"), written


def _markdown(cleaned: Cleaned, links: bool) -> str:
    """The Markdown without its last line's end, as the kept text of HTML has none: outputs add it."""
    from declutter.extras.markdown import to_markdown

    return to_markdown(cleaned, links).removesuffix("\n")


def _metadata(cleaned: Cleaned) -> dict[str, str | None]:
    from declutter.extras.metadata import record

    found = record(cleaned)
    return {name: found[name] for name in METADATA_FIELDS}


class InputWriter:
    """The output of one input, under another name until it is whole. Raises OutputError, naming the file."""

    def __init__(self, source: Input, outputs: Outputs, temporary: Path):
        self._source, self._outputs, self._temporary = source, outputs, temporary
        if outputs.removed is not None and source.format not in REMOVED_FORMATS:
            raise OutputError(f"{source.id}: --removed is for text and HTML; --verdicts for others")
        self.path = outputs.kept_path(source)
        with self._naming(self.path):
            place = None if self.path is None else temporary
            name = None if self.path is None else self.path.name  # tells how it is compressed
            self._output = output_for(source, place, outputs.to, outputs.options, name)

    def write(self, record: Record, written: Written) -> None:
        """Add a page, and what was removed of it where that is wanted."""
        if written.removed is not None:
            encoding = record.rest if isinstance(record.rest, Encoding) else HTML_OUTPUT
            paths.write_bytes(self._outputs.removed_path(self._source), encoding.encode(written.removed))
        if written.metadata is not None:
            record = replace(record, metadata=written.metadata)
        with self._naming(self.path):
            self._output.write(record, written.text, written.verdicts, written.error)

    def close(self) -> int:
        """Finish the file and move it to its place; returns its size in bytes."""
        with self._naming(self.path):
            self._output.close()
            if self.path is None:
                return 0
            n_bytes = self._temporary.stat().st_size
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._temporary, self.path)
            return n_bytes

    def discard(self) -> None:
        """Leave nothing of the file."""
        try:
            self._output.close()
        except OSError:
            pass  # what was written is deleted anyway
        if self.path is not None:
            self._temporary.unlink(missing_ok=True)

    def _naming(self, path: Path | None) -> _Naming:
        return _Naming(path)


class _Naming:
    """Turns an error of the system into an OutputError that names the file."""

    def __init__(self, path: Path | None):
        self._path = path

    def __enter__(self) -> _Naming:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, BrokenPipeError) and self._path is None:
            return  # nobody reads any more
        if isinstance(error, OSError):
            if self._path is None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
            raise OutputError(f"{self._path or 'standard output'}: {error.strerror or error}") from error
