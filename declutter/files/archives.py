"""zip and tar files of text and HTML files, in and out: a page a member. Members are never unpacked to disk."""

from __future__ import annotations

import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

from declutter.errors import InputError
from declutter.files.compression import BUFFER_BYTES, Budget, BudgetSpent, packing, unpacked, without_compression
from declutter.files.documents import content_of, document
from declutter.files.folders import NO_PAGES
from declutter.files.recognition import HEAD_BYTES, format_of_name, recognized
from declutter.files.records import ONE_PAGE, READ_AS_HTML, Failure, Input, Record
from declutter.files.refused_kinds import RefusedKind, refused_zip
from declutter.files.streams import FileInput, read_whole

if TYPE_CHECKING:
    from declutter.files.verdicts import PageVerdicts

OUTSIDE = re.compile(r"^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)|\0", re.I)  # names that lead out of a folder
#: What zipfile raises at a member that is damaged or packed in a way that it doesn't know.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, OSError, ValueError,
    RuntimeError,
)  # fmt: skip
MAX_TAR_HEADER = 1 << 20  # of a tar's long names and attributes, which tarfile reads whole
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the first that zip knows: the same pages make the same bytes


class _Archive(FileInput):
    """The common part of zip and tar: which members are pages, and which are refused."""

    def _member(self, name: str, stream: IO[bytes] | None, budget: Budget, counts: Counter[str]) -> Record | Failure:
        """The page of a member."""
        assert isinstance(stream, io.BufferedIOBase)  # what zipfile and tarfile open files as
        page_id, shown = f"{self.id}/{name}", f"{self.file.name}, {name}"
        try:
            reader = unpacked(io.BufferedReader(stream, BUFFER_BYTES), shown, budget)
            format = recognized(reader.peek(HEAD_BYTES)[:HEAD_BYTES], name)
            if isinstance(format, RefusedKind):
                raise InputError(f"{shown}: {format}")
            if format not in ONE_PAGE:
                raise InputError(f"{shown}: {format} inside an archive is not read; unpack the archive")
            if format == "html" and format_of_name(name) != "html":
                counts[READ_AS_HTML] += 1
            data = read_whole(reader, self.options.max_page_bytes, shown)
            return document(data, page_id, shown, format, self.options)
        except BudgetSpent:
            raise
        except InputError as error:
            return Failure(self.id, name, str(error))

    def _refused(self, name: str) -> Failure | None:
        if OUTSIDE.search(name):
            return self._unreadable(name, "a name that leads out of the archive, refused")
        return None

    def _is_page(self, name: str) -> bool:
        """False for hidden files and those of gold folders. True for names that lead out, which are refused."""
        if OUTSIDE.search(name):
            return True
        parts = name.split("/")
        is_hidden = any(part.startswith(".") and part != "." for part in parts)
        return not is_hidden and parts[0] != "__MACOSX" and not name.endswith(NO_PAGES)


class ZipInput(_Archive):
    """A zip file, its members in the archive's order."""

    format = "zip"

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        try:
            with zipfile.ZipFile(self.file.seekable()) as archive:
                kind = refused_zip(archive.namelist())
                if kind is not None:
                    raise InputError(f"{self.file.name}: {kind}")
                budget = Budget(self.file.name, self.n_bytes)
                for member in archive.infolist():
                    if member.is_dir() or not self._is_page(member.filename):
                        continue
                    yield self._refused(member.filename) or self._read(archive, member, budget, counts)
                    budget.unpack(min(member.file_size, self.options.max_page_bytes))
        except zipfile.BadZipFile as error:
            raise InputError(f"{self.file.name}: a damaged zip archive ({error})") from error

    def _read(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget, counts: Counter[str]
    ) -> Record | Failure:
        name = member.filename
        if member.flag_bits & 1:
            return self._unreadable(name, "encrypted")
        try:
            with archive.open(member) as stream:
                return self._member(name, stream, budget, counts)
        except DAMAGE as error:
            return self._unreadable(name, f"damaged, or packed in a way that can't be read ({error})")


class _Forward(io.RawIOBase):
    """A read-only stream with the forward seeks that tarfile makes. Headers are bounded."""

    def __init__(self, stream: io.BufferedReader, archive: _Archive):
        self._stream = stream
        self._archive = archive
        self._position = 0
        self.last_block = b""

    def read(self, n_bytes: int = -1) -> bytes:
        if n_bytes < 0 or n_bytes > max(MAX_TAR_HEADER, BUFFER_BYTES):
            raise InputError(f"{self._archive.file.name}: a damaged tar archive (a header of {n_bytes} bytes)")
        data = self._stream.read(n_bytes)
        self._position += len(data)
        self.last_block = data
        return data

    def readinto(self, buffer) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != io.SEEK_SET or offset < self._position:
            raise InputError(f"{self._archive.file.name}: a damaged tar archive (it points backwards)")
        while self._position < offset and self.read(min(offset - self._position, BUFFER_BYTES)):
            pass
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


class TarInput(_Archive):
    """A tar file, compressed or not, read once from its beginning to its end; links in it are not followed."""

    format = "tar"

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        last = "the beginning"
        try:
            budget = Budget(self.file.name)
            with self.file.open_unpacked() as unpacked_stream:
                stream = _Forward(unpacked_stream, self)
                with tarfile.open(fileobj=stream, mode="r:") as archive:
                    while (member := archive.next()) is not None:
                        # tarfile would keep all members; typeshed lacks the list
                        archive.members = []  # type: ignore[attr-defined]
                        budget.n_packed = max(budget.n_packed, self.n_bytes or stream.tell())
                        if not member.isdir() and self._is_page(member.name):
                            last = member.name
                            yield self._refused(last) or self._read(archive, member, budget, counts)
                if stream.last_block != bytes(tarfile.BLOCKSIZE):
                    yield self._unreadable(f"after {last}", "the archive has no end, it is cut off")
        except InputError as error:
            yield Failure(self.id, f"after {last}", str(error))
        except (tarfile.TarError, EOFError) as error:
            yield self._unreadable(f"after {last}", f"damaged, or no tar archive ({error})")

    def _read(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, budget: Budget, counts: Counter[str]
    ) -> Record | Failure:
        if not member.isfile():
            return self._unreadable(member.name, "a link or device, not followed")
        if member.issparse():
            return self._unreadable(member.name, "a sparse file, not read")
        budget.unpack(min(member.size, self.options.max_page_bytes))
        return self._member(member.name, archive.extractfile(member), budget, counts)


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

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
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
