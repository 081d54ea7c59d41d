"""Which format a file is in: by its name, then by its first bytes."""

from __future__ import annotations

import io
import json

from declutter.errors import InputError
from declutter.files.compression import compression_of, unpacked, without_compression
from declutter.files.page_columns import looks_like_html

SUFFIXES = {
    "txt": (".txt", ".text", ".md", ".markdown"),
    "html": (".html", ".htm", ".xhtml"),
    "jsonl": (".jsonl", ".ndjson", ".jsonlines"),
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".arrows", ".feather", ".ipc"),
    "wet": (".wet",),
    "warc": (".warc",),
    "zip": (".zip",),
    "tar": (".tar", ".tgz", ".tbz2", ".txz", ".tzst"),
}
FORMAT_BY_SUFFIX = {suffix: format for format, suffixes in SUFFIXES.items() for suffix in suffixes}
HEAD_BYTES = 1 << 16


def format_of_name(name: str) -> str | None:
    """The format that a file's name tells, None where it tells none (.json may be one document, or lines)."""
    stem, _ = without_compression(name.lower())
    suffix = "." + stem.rpartition(".")[2]
    format = FORMAT_BY_SUFFIX.get(suffix)
    return "wet" if format == "warc" and stem.endswith((".wet.warc", ".warc.wet")) else format


def format_of_bytes(head: bytes, name: str | None) -> str:
    """The format that a file's first bytes tell: "txt" where nothing else is sure. `name` is None for a stream.

    A dump may begin with a brace, so lines of JSON are looked for only where the name ends in .json, and in streams.
    """
    head = _unpacked_head(head) if compression_of(head) else head
    for magic, format in ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"WARC/", "warc")):
        if head.startswith(magic):
            return format
    if head[257:262] == b"ustar":
        return "tar"
    if name is None and head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.lstrip().startswith(b"{") and (name is None or _is_json_name(name) and _begins_with_object(head)):
        return "jsonl"
    return "html" if looks_like_html(head.decode("utf-8", "replace")) else "txt"


def _is_json_name(name: str) -> bool:
    return without_compression(name.lower())[0].endswith(".json")


def _begins_with_object(head: bytes) -> bool:
    """Whether the first line is a JSON object, or at least longer than what was read."""
    line, newline, _ = head.lstrip().partition(b"\n")
    if not newline:
        return True
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _unpacked_head(head: bytes) -> bytes:
    try:
        return unpacked(io.BufferedReader(io.BytesIO(head)), "").read1(HEAD_BYTES)
    except InputError:  # reading the file will tell
        return head
