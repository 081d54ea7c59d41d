"""Outputs: the format that an input's pages are written in, and the output's name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from declutter.files.compression import packing, without_compression
from declutter.files.recognition import format_of_name
from declutter.files.records import ONE_PAGE, Input, Options, Output, Record

ARCHIVES = frozenset({"zip", "tar"})
PAGE_SUFFIXES = {"txt": "", "markdown": ".md"}
#: The format of an output unless the caller names one. The kept text of a response is no longer a response, so a WARC
#: file becomes JSON lines with its records' ids, URLs and dates.
OWN_FORMATS = {"txt": "txt", "html": "txt", "warc": "jsonl"}


def output_format(input: Input, to: str | None) -> str:
    """What the pages are written as: "txt", "jsonl", "parquet", "arrow", "wet", "zip" or "tar".

    Many pages as "txt" or "markdown" become one archive: a zip file, where they don't come from a tar file. On standard
    output, and in a file whose name is that of no archive, they stand one after the other (`output_for`).
    """
    if to is None:
        return OWN_FORMATS.get(input.format, input.format)
    if to in PAGE_SUFFIXES:
        return "txt" if input.format in ONE_PAGE else input.format if input.format in ARCHIVES else "zip"
    return to


def output_name(input: Input, to: str | None = None) -> str:
    """The output's name, relative as the input's id: the input's own where its format stays.

    Compression stays too, but for Parquet and zip, which compress themselves. Other names: `page.html` to
    `page.html.txt` (`.md`, `.jsonl`), `x.warc.gz` to `x.jsonl.gz`, `x.jsonl.gz` to `x.parquet`, and to `x.txt.zip` or
    `x.md.zip`.
    """
    stem, packed_with = without_compression(input.id)
    packed = input.id[len(stem) :] if packed_with else ""
    format = output_format(input, to)
    page_suffix = PAGE_SUFFIXES.get(to or "txt", "")
    if input.format in ONE_PAGE:
        is_named_text = format_of_name(stem) == "txt"
        suffix = {"txt": page_suffix or (".txt" if input.format == "html" and not is_named_text else "")}.get(
            format, f".{format}"
        )
        return stem + suffix + ("" if format == "parquet" else packed)
    if format == input.format:
        return input.id
    base = stem.rpartition(".")[0] if format_of_name(stem) in (input.format, "warc") else stem
    if input.format in ("warc", "wet"):
        base = base.removesuffix(".warc").removesuffix(".wet")
    if format == "zip":
        return f"{base}{page_suffix or '.txt'}.zip"
    return f"{base}.{format}{'' if format == 'parquet' else packed}"


def output_for(
    input: Input, path: Path | None, to: str | None = None, options: Options | None = None, name: str | None = None
) -> Output:
    """The output of an input's pages. `path` is the file to write (a temporary one too), None is standard output.

    `name` is what the file will be called: its suffix says how it is compressed; `output_name` where it is None. JSONL
    and Parquet outputs of other formats take the pages of several inputs. Raises OSError, and InputError where a
    library is not installed.
    """
    options = options or Options()
    format = output_format(input, to)
    if to in PAGE_SUFFIXES and (path is None or (name is not None and format_of_name(name) not in ARCHIVES)):
        format = "txt"
    if path is None:
        return _output(input, packing(sys.stdout.buffer, None), format, to, options, True)
    kind = without_compression(name if name is not None else output_name(input, to))[1]
    stream = path.open("wb")
    try:
        if format == "wet" and kind == "gzip":
            from declutter.files.warc import WetOutput

            return WetOutput(stream, True)
        return _output(input, packing(stream, kind, closes=True), format, to, options, False)
    except BaseException:
        stream.close()
        raise


def _output(input: Input, stream: BinaryIO, format: str, to: str | None, options: Options, is_live: bool) -> Output:
    """The output on a stream. Modules whose formats are not met are not loaded."""
    if format == "jsonl":
        from declutter.files.jsonl import JsonlOutput

        return JsonlOutput(stream, options, is_live, _fields_of(input))
    if format == "json":
        from declutter.files.json_documents import JsonOutput

        return JsonOutput(stream, options, is_live)
    if format in ("csv", "tsv"):
        from declutter.files.separated_values import SeparatedOutput

        return SeparatedOutput(stream, options, is_live)
    if format in ("parquet", "arrow"):
        from declutter.files.tables import NewTableOutput, TableInput, TableOutput

        if isinstance(input, TableInput):
            return TableOutput(input, stream, format, options)
        return NewTableOutput(stream, options, _fields_of(input))
    if format == "wet":
        from declutter.files.warc import WetOutput

        return WetOutput(stream, False)
    if format in ARCHIVES:
        from declutter.files.archives import ArchiveOutput, TarMembers, ZipMembers

        members = ZipMembers(stream) if format == "zip" else TarMembers(stream)
        return ArchiveOutput(input, members, PAGE_SUFFIXES.get(to, "") if to else "")
    from declutter.files.documents import DocumentOutput

    return DocumentOutput(stream, is_live, has_many=input.format not in ONE_PAGE)


def _fields_of(input: Input) -> Callable[[Record], dict[str, object]] | None:
    """What gives the other fields of a page's row; None where the record itself does."""
    if input.format in ("parquet", "arrow"):
        from declutter.files.tables import TableInput, TableRows

        assert isinstance(input, TableInput)
        return TableRows(input).fields
    if input.format in ("csv", "tsv"):
        from declutter.files.separated_values import fields_of_row

        return fields_of_row
    return None
