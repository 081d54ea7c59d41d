"""Pages as text files in a zip or tar file."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import BinaryIO, Protocol

from declutter.files.compression import packing, without_compression
from declutter.files.document_outputs import content_of
from declutter.files.records import Input, Record
from declutter.lines import Verdicts

ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the first that zip knows: the same pages make the same bytes


class Members(Protocol):
    """An archive that is written."""

    def add(self, name: str, content: bytes) -> None: ...

    def close(self) -> None: ...


class ZipMembers:
    """A zip file that is written."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)

    def add(self, name: str, content: bytes) -> None:
        member = zipfile.ZipInfo(name, ZIP_DATE)
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        self._archive.writestr(member, content)

    def close(self) -> None:
        self._archive.close()
        self._stream.close()


class TarMembers:
    """A tar file that is written."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._archive = tarfile.open(fileobj=stream, mode="w|")

    def add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._archive.addfile(member, io.BytesIO(content))

    def close(self) -> None:
        self._archive.close()
        self._stream.close()


class ArchiveOutput:
    """Pages as members of an archive: under their own names if they come from one, else by their positions.

    `suffix` is what is put behind the names: ".txt", ".md", or "" for text that stays text.
    """

    def __init__(self, input: Input, members: Members, suffix: str):
        self._input = input
        self._members = members
        self._suffix = suffix

    def write(self, record: Record, text: str, verdicts: Verdicts | None = None, error: str | None = None) -> None:
        name = record.page.id[len(self._input.id) + 1 :]
        content = content_of(record, text)
        if self._input.format not in ("zip", "tar"):
            self._members.add(f"{name}{self._suffix or '.txt'}", content)
            return
        stem, kind = without_compression(name)
        suffix = self._suffix or (".txt" if record.page.html is not None else "")
        packed = io.BytesIO()
        with packing(packed, kind) as packer:
            packer.write(content)
        self._members.add(f"{stem}{suffix}{name[len(stem) :]}", packed.getvalue())

    def close(self) -> None:
        self._members.close()
