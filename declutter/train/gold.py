"""Gold: pages whose main content or line labels are known. Reads the folders it comes in."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from declutter.errors import GoldError
from declutter.lines import LABEL_CODES, MAIN_CONTENT
from declutter.stages.repeats import registered_domain
from declutter.stages.segment.decode import decode_html

#: Labels of gold that says which lines are main content, and not what kind of line each is.
MAIN, BOILERPLATE = "main", "boilerplate"
MAIN_LABELS = MAIN_CONTENT | {MAIN}
GOLD_LABELS = (*LABEL_CODES, MAIN, BOILERPLATE)


@dataclass(frozen=True, slots=True)
class GoldPage:
    """One page with what is known of it, in one of three forms.

    - `html` and `main_text`: the page and its main content as text;
    - `html` and `wanted` (perhaps `unwanted`): the page, and snippets that its main content holds (does not hold);
    - `text` and `labels`: a dump and the label of each of its lines as `text.split("\\n")` gives them, one of
      GOLD_LABELS, None for blank lines.
    """

    set: str  # name of the folder
    site: str
    family: str  # sites of one owner or template: all in training or all in testing
    id: str
    url: str | None
    kind: str | None  # article, forum, product, ... where known
    script: str | None
    lang: str | None
    html: str | None
    text: str | None
    main_text: str | None
    labels: tuple[str | None, ...] | None
    title_in_main: bool | None = None  # whether `main_text` begins with the page's headline; None: not known
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @property
    def headline(self) -> str | None:
        """The page's headline where its main text begins with it, else None."""
        return self.main_text.partition("\n")[0] if self.main_text and self.title_in_main else None

    @property
    def gold_text(self) -> str:
        """The main content as text: `main_text`, the dump's lines of main content, or the wanted snippets."""
        if self.main_text is not None:
            return self.main_text
        if self.text is None or self.labels is None:
            return "\n".join(self.wanted)
        rows = zip(self.text.split("\n"), self.labels, strict=True)
        return "\n".join(line for line, label in rows if label in MAIN_LABELS)


def read_gold(path: str | Path) -> Iterator[GoldPage]:
    """The gold pages of a folder, in a fixed order; the format is recognised by what the folder holds.

    - `html/`, `ground-truth/` and `metadata.json`: pages of WCXB; the registered domain is site and family;
    - `gold.jsonl`: one object a page with its `main_text`, HTML beside it;
    - `snippets.jsonl`: one object a page with snippets `with` and `without`, HTML beside it;
    - `NAME.txt` beside `NAME.labels.tsv`, in the folder or its subfolders: labelled dumps. A dump without labels
      is skipped. The folder that holds the files is the site. Where `documents.tsv` lies beside the subfolders, they
      hold documents that have nothing in common (a folder a language): each document is a site of its own.

    `sites.tsv` names the family, language and script of each site.
    Raises GoldError for a folder in another format, and for files that can't be read, naming file and line.
    """
    folder = Path(path)
    if (folder / "metadata.json").is_file() and (folder / "ground-truth").is_dir():
        return _read_wcxb(folder)
    if (folder / "gold.jsonl").is_file():
        return _read_jsonl(folder / "gold.jsonl")
    if (folder / "snippets.jsonl").is_file():
        return _read_jsonl(folder / "snippets.jsonl")
    if any(folder.glob("*.labels.tsv")) or any(folder.glob("*/*.labels.tsv")):
        return _read_labelled(folder)
    formats = "metadata.json with ground-truth/, gold.jsonl, snippets.jsonl or *.labels.tsv"
    raise GoldError(f"{folder}: no gold here (gold is {formats})")


def _read_wcxb(folder: Path) -> Iterator[GoldPage]:
    """Pages of WCXB. Where `main_content` is missing the page has none (2 of 1,358; empty on 19 more)."""
    files = _field(_load_json(folder / "metadata.json"), "files", folder / "metadata.json")
    for page_id, about in sorted(files.items()):
        gold_path = folder / "ground-truth" / f"{page_id}.json"
        gold = _load_json(gold_path)
        domain = _field(about, "domain", folder / "metadata.json")
        site = registered_domain(domain) or domain
        yield GoldPage(
            set=folder.name, site=site, family=site, id=page_id, url=gold.get("url"),
            kind=about.get("page_type"), script="Latin", lang="en",
            html=read_html(folder / "html" / f"{page_id}.html.gz"), text=None,
            main_text=_field(gold, "ground_truth", gold_path).get("main_content", ""), labels=None,
        )  # fmt: skip


def _read_jsonl(path: Path) -> Iterator[GoldPage]:
    """Pages of gold.jsonl, with a main text, or of snippets.jsonl, with snippets."""
    sites = _read_sites(path.with_name("sites.tsv"))
    has_snippets = path.name == "snippets.jsonl"
    for number, row in enumerate(_read_text(path).split("\n"), start=1):
        if not row.strip():
            continue
        where = f"{path}:{number}"
        try:
            page = json.loads(row)
        except json.JSONDecodeError as error:
            raise GoldError(f"{where}: not JSON ({error})") from error
        site = _field(page, "site", where)
        yield GoldPage(
            set=page.get("set") or path.parent.name, site=site, family=_known(sites, site, "family") or site,
            id=_field(page, "id", where), url=page.get("url"), kind=page.get("kind"),
            script=page.get("script"), lang=page.get("lang"),
            html=read_html(path.parent / _field(page, "html", where)), text=None,
            main_text=None if has_snippets else _field(page, "main_text", where), labels=None,
            title_in_main=page.get("title_in_main"),
            wanted=tuple(_field(page, "with", where)) if has_snippets else (), unwanted=tuple(page.get("without", ())),
        )  # fmt: skip


def _read_labelled(folder: Path) -> Iterator[GoldPage]:
    sites = _read_sites(folder / "sites.tsv")
    is_each_alone = (folder / "documents.tsv").is_file()
    for labels_path in sorted([*folder.glob("*.labels.tsv"), *folder.glob("*/*.labels.tsv")]):
        name = labels_path.name.removesuffix(".labels.tsv")
        text = _read_text(labels_path.with_name(f"{name}.txt"))
        group = labels_path.parent.name
        site = f"{group}-{name}" if is_each_alone else group
        yield GoldPage(
            set=folder.name, site=site, family=site if is_each_alone else _known(sites, group, "family") or site,
            id=name, url=None, kind=None, script=_known(sites, group, "script"), lang=_known(sites, group, "lang"),
            html=None, text=text, main_text=None, labels=read_labels(labels_path, text),
        )  # fmt: skip


def read_labels(path: Path, text: str) -> tuple[str | None, ...]:
    """The label of each line of `text`, None for blank ones, from rows of line number (from 1), TAB, label.

    Raises GoldError where a row is malformed, names an unknown label, a blank line or one beyond the text's end,
    where a line has two rows, or where a line with text has no row.
    """
    lines = text.split("\n")
    labels: list[str | None] = [None] * len(lines)
    for number, row in enumerate(_read_text(path).splitlines(), start=1):
        line, tab, label = row.partition("\t")
        if not tab or not line.isascii() or not line.isdigit():
            raise GoldError(f"{path}:{number}: not a line number, TAB and label: {row!r}")
        if label not in GOLD_LABELS:
            raise GoldError(f"{path}:{number}: unknown label {label!r}; known are {', '.join(GOLD_LABELS)}")
        if not 1 <= int(line) <= len(lines) or not lines[int(line) - 1].strip():
            raise GoldError(f"{path}:{number}: line {line} of the dump is blank or isn't there ({len(lines)} lines)")
        if labels[int(line) - 1] is not None:
            raise GoldError(f"{path}:{number}: line {line} has a label already")
        labels[int(line) - 1] = label
    unlabelled = [row for row, content in enumerate(lines) if content.strip() and labels[row] is None]
    if unlabelled:
        raise GoldError(f"{path}: no label for line {unlabelled[0] + 1} of the dump")
    return tuple(labels)


def read_html(path: Path) -> str:
    """A page's HTML, gzipped or not, decoded as cleaning decodes it. Raises GoldError where it can't be read."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise GoldError(f"{path}: can't be read ({error})") from error
    return decode_html(content)


def _read_sites(path: Path) -> dict[str, dict[str, str]]:
    """The rows of `sites.tsv` by site; empty where the file is missing."""
    if not path.is_file():
        return {}
    rows = csv.DictReader(_read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["site"]: row for row in rows if row.get("site")}


def _known(sites: dict[str, dict[str, str]], site: str, column: str) -> str | None:
    """What `sites.tsv` says of a site in one column; None where it says nothing."""
    return sites.get(site, {}).get(column) or None


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
