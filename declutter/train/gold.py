"""Gold: pages whose main content or line labels are known. Reads the folders it comes in."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from declutter.errors import GoldError
from declutter.lines import LABEL_CODES


@dataclass(frozen=True, slots=True)
class GoldPage:
    """One page with what is known of it.

    Either `html` and `main_text` are given (the page and its main content as text), or `text` and `labels`
    (a dump and the label of each of its lines as `text.split("\\n")` gives them, None for blank lines).
    """

    set: str  # name of the folder
    site: str
    family: str  # sites of one owner or template: never parted between training and testing
    id: str
    url: str | None
    kind: str | None  # article, forum, product, ... where known
    script: str | None
    lang: str | None
    html: str | None
    text: str | None
    main_text: str | None
    labels: tuple[str | None, ...] | None


def read_gold(path: str | Path) -> Iterator[GoldPage]:
    """The gold pages of a folder, in a fixed order; the format is recognised by what the folder holds.

    - `html/`, `ground-truth/` and `metadata.json`: pages of WCXB; the registered domain is site and family;
    - `gold.jsonl` (and `sites.tsv`): one object a page, html beside it;
    - `NAME.txt` beside `NAME.labels.tsv`, in the folder or its subfolders: labelled dumps; a dump without labels
      is not gold and is passed over. The folder that holds the files is the site.

    Raises GoldError for a folder that is none of these, and for files that can't be read, naming file and line.
    """
    folder = Path(path)
    if (folder / "metadata.json").is_file() and (folder / "ground-truth").is_dir():
        return _read_wcxb(folder)
    if (folder / "gold.jsonl").is_file():
        return _read_jsonl(folder)
    if any(folder.glob("*.labels.tsv")) or any(folder.glob("*/*.labels.tsv")):
        return _read_labelled(folder)
    raise GoldError(f"{folder}: no gold here (neither metadata.json with ground-truth/, gold.jsonl nor *.labels.tsv)")


def _read_wcxb(folder: Path) -> Iterator[GoldPage]:
    """Pages of WCXB. Where `main_content` is missing the page has none (2 of 1,358; empty on 19 more)."""
    files = _field(_load_json(folder / "metadata.json"), "files", folder / "metadata.json")
    for page_id, about in sorted(files.items()):
        gold_path = folder / "ground-truth" / f"{page_id}.json"
        gold = _load_json(gold_path)
        site = registered_domain(_field(about, "domain", folder / "metadata.json"))
        yield GoldPage(
            set=folder.name, site=site, family=site, id=page_id, url=gold.get("url"),
            kind=about.get("page_type"), script="Latin", lang="en",
            html=read_html(folder / "html" / f"{page_id}.html.gz"), text=None,
            main_text=_field(gold, "ground_truth", gold_path).get("main_content", ""), labels=None,
        )  # fmt: skip


def _read_jsonl(folder: Path) -> Iterator[GoldPage]:
    families = _families(folder / "sites.tsv")
    gold_path = folder / "gold.jsonl"
    for number, row in enumerate(_read_text(gold_path).split("\n"), start=1):
        if not row.strip():
            continue
        where = f"{gold_path}:{number}"
        try:
            page = json.loads(row)
        except json.JSONDecodeError as error:
            raise GoldError(f"{where}: not JSON ({error})") from error
        site = _field(page, "site", where)
        yield GoldPage(
            set=page.get("set") or folder.name, site=site, family=families.get(site, site),
            id=_field(page, "id", where), url=page.get("url"), kind=page.get("kind"),
            script=page.get("script"), lang=page.get("lang"),
            html=read_html(folder / _field(page, "html", where)), text=None,
            main_text=_field(page, "main_text", where), labels=None,
        )  # fmt: skip


def _read_labelled(folder: Path) -> Iterator[GoldPage]:
    for labels_path in sorted([*folder.glob("*.labels.tsv"), *folder.glob("*/*.labels.tsv")]):
        name = labels_path.name.removesuffix(".labels.tsv")
        text_path = labels_path.with_name(f"{name}.txt")
        text = _read_text(text_path)
        site = labels_path.parent.name
        yield GoldPage(
            set=folder.name, site=site, family=site, id=name, url=None, kind=None, script=None, lang=None,
            html=None, text=text, main_text=None, labels=read_labels(labels_path, text),
        )  # fmt: skip


def read_labels(path: Path, text: str) -> tuple[str | None, ...]:
    """The label of each line of `text`, None for blank ones, from rows of line number (from 1), TAB, label.

    Raises GoldError where a row is malformed, names an unknown label or a line that isn't there or is blank,
    where a line has two rows, or where a line with text has none.
    """
    lines = text.split("\n")
    labels: list[str | None] = [None] * len(lines)
    for number, row in enumerate(_read_text(path).splitlines(), start=1):
        line, tab, label = row.partition("\t")
        if not tab or not line.isascii() or not line.isdigit():
            raise GoldError(f"{path}:{number}: not a line number, TAB and label: {row!r}")
        if label not in LABEL_CODES:
            raise GoldError(f"{path}:{number}: unknown label {label!r}; known are {', '.join(LABEL_CODES)}")
        if not 1 <= int(line) <= len(lines) or not lines[int(line) - 1].strip():
            raise GoldError(f"{path}:{number}: line {line} of the dump is blank or isn't there ({len(lines)} lines)")
        if labels[int(line) - 1] is not None:
            raise GoldError(f"{path}:{number}: line {line} has a label already")
        labels[int(line) - 1] = label
    for line, (content, label) in enumerate(zip(lines, labels, strict=True), start=1):
        if content.strip() and label is None:
            raise GoldError(f"{path}: no label for line {line} of the dump")
    return tuple(labels)


def read_html(path: Path) -> str:
    """A page's HTML, gzipped or not, decoded as browsers would. Raises GoldError where it can't be read."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise GoldError(f"{path}: can't be read ({error})") from error
    return decode_html(content)


BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
#: Browsers read these labels as the Windows encoding that holds them (WHATWG Encoding Standard).
WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030"}


def decode_html(content: bytes) -> str:
    """Text of an HTML page: by its byte order mark, as UTF-8 if it is valid, by its meta charset, else windows-1252.

    Valid UTF-8 goes before the declared charset: text in another encoding is almost never valid UTF-8, while
    declarations left over from a conversion are common. Bytes that don't fit become U+FFFD.
    """
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        declared = META_CHARSET.search(content[:4096])
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name if declared else "cp1252"
    except LookupError:  # a charset nobody knows: as if none were declared
        name = "cp1252"
    return content.decode(WIDER.get(name, name), "replace")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registered_domain(host: str) -> str:
    """The registered domain of a host name (`a.b.co.uk` -> `b.co.uk`), or the host where it has none."""
    return _suffixes().privatesuffix(host.lower().rstrip(".")) or host


def _families(path: Path) -> dict[str, str]:
    """Site to family, from `sites.tsv`; empty where there is no such file or column."""
    if not path.is_file():
        return {}
    rows = csv.DictReader(_read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["site"]: row["family"] for row in rows if row.get("site") and row.get("family")}


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GoldError(f"{path}: can't be read as UTF-8 ({error})") from error


def _load_json(path: Path) -> dict:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise GoldError(f"{path}:{error.lineno}: not JSON ({error})") from error


def _field(row: dict, name: str, where: str | Path):
    """A field that must be there."""
    if not isinstance(row, dict) or name not in row:
        raise GoldError(f"{where}: no {name!r}")
    return row[name]
