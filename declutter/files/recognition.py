"""Which format a file is in: by its first bytes where they are certain, else by its name."""

from __future__ import annotations

import io
import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it

from declutter.errors import InputError
from declutter.files.compression import compression_of, unpacked, without_compression
from declutter.files.encoding import is_binary
from declutter.files.markup import holds_markup, looks_like_html
from declutter.files.refused_kinds import RefusedKind, refused_kind

SUFFIXES = {
    "txt": (".txt", ".text", ".md", ".markdown"),
    "html": (".html", ".htm", ".xhtml"),
    "jsonl": (".jsonl", ".ndjson", ".jsonlines"),
    "json": (".json",),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".arrows", ".feather", ".ipc"),
    "wet": (".wet",),
    "warc": (".warc",),
    "zip": (".zip",),
    "tar": (".tar", ".tgz", ".tbz2", ".txz", ".tzst"),
}
FORMAT_BY_SUFFIX = {suffix: format for format, suffixes in SUFFIXES.items() for suffix in suffixes}
#: Formats whose bytes are unmistakable: a file of that name with other bytes is damaged.
BINARY_FORMATS = frozenset({"parquet", "arrow", "warc", "wet", "zip", "tar"})
HEAD_BYTES = 1 << 16
JSON_LINES_CHECKED = 20
SHORT_BYTES = 4096  # a longer binary file has a NUL
SPACES = b" \t\r\n"
TOKENS_CUT = "-Infinity"  # the longest token that the head may end in
BOM = b"\xef\xbb\xbf"


def format_of_name(name: str) -> str | None:
    """The format of files of this name, None where the name says nothing."""
    stem, _ = without_compression(name.lower())
    suffix = "." + stem.rpartition(".")[2]
    format = FORMAT_BY_SUFFIX.get(suffix)
    return "wet" if format == "warc" and stem.endswith((".wet.warc", ".warc.wet")) else format


def recognized(head: bytes, name: str | None) -> str | RefusedKind:
    """The format of a file that begins with `head`, up to HEAD_BYTES of it, or the kind that is not read.

    `name` is None for a stream. Bytes that are certain decide against the name; text without marks is what the name
    says, and "txt" where the name says nothing.
    """
    named = format_of_name(name) if name is not None else None
    head = _unpacked_head(head) if compression_of(head) else head
    if compression_of(head):
        return RefusedKind("compressed more than once", "unpack it first")
    format = _of_binary(head)
    if format is not None:
        return "wet" if (named, format) == ("wet", "warc") else format
    kind = refused_kind(head)
    if kind is not None:
        return kind
    if named in BINARY_FORMATS:
        return named
    return _of_text(head, named, name)


def _of_binary(head: bytes) -> str | None:
    for magic, format in ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"WARC/", "warc")):
        if head.startswith(magic):
            return format
    if head[257:262] == b"ustar":
        return "tar"
    return "zip" if head.startswith((b"PK\3\4", b"PK\5\6")) and refused_kind(head) is None else None


def _of_text(head: bytes, named: str | None, name: str | None) -> str | RefusedKind:
    """Text of a kind: JSON that parses, HTML, or what its name says."""
    json_format = _of_json(head)
    if json_format is not None:
        is_known = named in ("json", "jsonl") or name is None
        if is_known or _is_whole_json(head, json_format):
            return "jsonl" if named == "jsonl" and json_format == "jsonl" else json_format
    if named == "json" and head.strip(SPACES):
        return RefusedKind("JSON that holds no objects", "give one object a page")
    if named == "html" and (b"\0" in head or len(head) < SHORT_BYTES) and is_binary(head):
        return RefusedKind("binary", "remove it, or name its format with --input-format")
    if named in ("csv", "tsv", "jsonl", "html"):
        is_html = named in ("csv", "tsv") and looks_like_html(head.decode("utf-8", "replace"))
        return "html" if is_html else named
    if head[:200].lstrip(SPACES + BOM)[:1] not in (b"<", b""):
        return named or "txt"
    text = head.decode("utf-8", "replace")
    is_markdown = name is not None and without_compression(name.lower())[0].endswith((".md", ".markdown"))
    is_html = looks_like_html(text) or (not is_markdown and len(head) < HEAD_BYTES and holds_markup(text))
    return "html" if is_html else named or "txt"


def _of_json(head: bytes) -> str | None:
    """ "jsonl" where each line is an object, "json" where an array of objects begins or an object goes over lines.

    None for other text. A line that is longer than the head may be either; it is taken for a line.
    """
    start = head.removeprefix(BOM).lstrip(SPACES)
    if start.startswith(b"["):
        return "json" if start[1:].lstrip(SPACES)[:1] in (b"{", b"]", b"") else None
    if not start.startswith(b"{"):
        return None
    line, newline, _ = start.partition(b"\n")
    if not newline or _is_object(line):
        return "jsonl"
    inside = start[1:].lstrip(SPACES)
    if not inside.startswith(b'"'):
        return "json" if inside.startswith(b"}") or not inside else None
    try:
        _, end = scanstring(inside.decode("utf-8", "replace"), 1, False)
    except ValueError:
        return None
    return "json" if inside.decode("utf-8", "replace")[end:].lstrip().startswith(":") else None


def _is_whole_json(head: bytes, format: str) -> bool:
    """Whether what begins as JSON is JSON as far as it can be seen: a dump may begin with a brace."""
    start = head.removeprefix(BOM).lstrip(SPACES)
    if format == "jsonl":
        lines = start.split(b"\n")
        whole = lines if len(head) < HEAD_BYTES else lines[:-1]
        return all(not line.strip() or _is_object(line) for line in whole[:JSON_LINES_CHECKED]) and bool(whole)
    text = start.decode("utf-8", "replace")
    first = text.find("{")
    try:
        json.JSONDecoder(strict=False).raw_decode(text, max(first, 0))
    except json.JSONDecodeError as error:
        is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(text) - len(TOKENS_CUT)
        return is_cut and len(head) >= HEAD_BYTES
    except (ValueError, RecursionError):
        return False
    return True


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _unpacked_head(head: bytes) -> bytes:
    try:
        return unpacked(io.BufferedReader(io.BytesIO(head)), "").read1(HEAD_BYTES)
    except InputError:  # reading the file will say so
        return head
