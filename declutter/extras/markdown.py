"""A cleaned page as Markdown (CommonMark with tables): headings, lists, quotes, tables, code, links if asked.

The elements around the kept rows (elements.py) say what each row is. Text that Markdown would read as markup is
escaped: a reader of the rendered page sees the rows as they were kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, takewhile
from urllib.parse import quote, urljoin, urlsplit

import numpy as np

from declutter.extras.elements import Element, Piece, rows_in_tree
from declutter.lines import TITLE, Lines
from declutter.pages import Cleaned, Markup

LINK_SCHEMES = frozenset({"", "http", "https", "mailto", "tel", "ftp"})
LANGUAGE = re.compile(r"\b(?:language|lang|highlight-source|brush:?)[-\s]+([\w+#.-]{1,30})")
LANGUAGE_LEVELS = 5  # of elements around code that are asked for its language

MAY_BE_MARKUP = re.compile(r"[\\`*\[\]<&~_]")  # most texts have none of these, and a class of characters is quick
MARKUP = re.compile(r"[\\`*\[\]]|<(?=[a-zA-Z/!?])|&(?=#?\w{1,32};)|~(?=~)|(?<=~)~|(?<!\w)_+|_+(?!\w)")
LINE_MARKUP = re.compile(r"(?:#{1,6}(?=\s|$)|>|[-+](?=\s|$|-)|=(?==*\s*$)|\d{1,9}(?P<dot>[.)])(?=\s|$))")
URL_MARKUP = re.compile(r"[\x00-\x20()<>\"\\\x7f]|&(?=#?\w{1,32};)")
CLOSING_HASHES = re.compile(r"(?:(?<=\s)|^)#(?=#*$)")


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A kept row: its text, marked up if Markdown is to read it as text, and the element around it (None: unknown)."""

    text: str
    element: Element | None
    is_title: bool = False
    goes_on: bool = False  # a `<br>` parts it from the row before

    def nearest(self, role: str) -> Element | None:
        """The innermost element around the row that is a "heading", "cell", "pre", ... (elements.ROLES)."""
        return self.element.nearest.get(role) if self.element is not None else None

    @property
    def cell(self) -> Element:
        """The cell around a row of a table."""
        cell = self.nearest("cell")
        assert cell is not None
        return cell


def to_markdown(cleaned: Cleaned, links: bool = False) -> str:
    """The kept rows of a page as Markdown, ending in a newline unless nothing was kept.

    A dump has no structure: each of its lines is a paragraph. So is a row that the page's tree doesn't have. Links
    lead where they do on a page at the page's URL. A page that was passed through because it can't be judged
    (`cleaned.error`) comes out as it is.
    """
    if cleaned.error is not None:
        return cleaned.text
    lines, kept = cleaned.lines, np.flatnonzero(cleaned.verdicts.keep).tolist()
    is_title = cleaned.verdicts.labels == TITLE
    found: Iterator[tuple[int, str, Element | None, bool]]
    if cleaned.markup is None:
        found = ((row, _escaped_line(lines[row]), None, False) for row in kept if lines[row].strip())
    else:
        found = _with_elements(cleaned.markup, lines, kept, _link_writer(cleaned.page.url) if links else None)
    rows = [_Row(text, element, bool(is_title[row]), goes_on) for row, text, element, goes_on in found]
    text = "\n".join(_written(rows))
    return f"{text}\n" if text else ""


def _with_elements(
    markup: Markup, lines: Lines, kept: Sequence[int], link_of: Callable[[str], str] | None
) -> Iterator[tuple[int, str, Element | None, bool]]:
    """(row, its text marked up, the innermost element of its first piece, whether it goes on) of each kept row."""
    for row, pieces, element, goes_on in rows_in_tree(lines, kept, markup.body):
        text = lines[row]
        if element is not None and "pre" in element.nearest:
            yield row, text, element, False
        elif text:
            # a row that the tree doesn't have, such as a line of broken HTML, is a paragraph
            yield row, _marked(pieces, link_of) if pieces else _escaped_line(text), element, goes_on


def _link_writer(base: str | None) -> Callable[[str], str]:
    """What makes a link's target of its href: absolute where the page's URL is known, "" where it leads nowhere."""

    def target(href: str) -> str:
        try:
            url = urljoin(base or "", "".join(href.split("\n")).strip())
            is_link = bool(href) and not href.startswith("#") and urlsplit(url).scheme.lower() in LINK_SCHEMES
        except ValueError:  # what urllib takes for a broken host is no link
            return ""
        return URL_MARKUP.sub(lambda found: quote(found[0]), url) if is_link else ""

    return target


def _marked(own: Sequence[Piece], link_of: Callable[[str], str] | None) -> str:
    """The row's text with its code and links marked and all else escaped, spaces folded."""
    parts: list[str] = []
    for link, inside in groupby(own, lambda piece: piece.element.nearest.get("link") if link_of else None):
        text = "".join(
            _written_as(formula, code)("".join(piece.text for piece in run))
            for (formula, code), run in groupby(inside, _kind_of)
        )
        target = link_of(link.attribute("href")) if link is not None and link_of is not None else ""
        inner = text.strip()
        if target and inner:
            front, back = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            text = f"{front}[{inner}]({target}){back}"
            if not front and parts and parts[-1].endswith("!"):  # "![" begins an image
                parts[-1] = f"{parts[-1][:-1]}\\!"
        parts.append(text)
    return _line_escaped(" ".join("".join(parts).split()))


def _kind_of(piece: Piece) -> tuple[Element | None, bool]:
    return piece.element.nearest.get("formula"), "code" in piece.element.nearest


def _written_as(formula: Element | None, code: bool) -> Callable[[str], str]:
    """What writes a text that stands in a formula, or in code, or in neither."""
    if formula is not None:
        signs = "$$" if formula.attribute("display") == "block" else "$"
        return lambda text: f"{signs}{' '.join(text.split())}{signs}"
    return _code if code else _escaped


def _code(text: str) -> str:
    """Inline code between more backticks than it holds in a row; its outer spaces stay outside."""
    inner = " ".join(text.split())
    if not inner:
        return text
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", inner)), default=0))
    padding = " " if inner[0] == "`" or inner[-1] == "`" else ""
    front, back = " " * text[0].isspace(), " " * text[-1].isspace()
    return f"{front}{ticks}{padding}{inner}{padding}{ticks}{back}"


def _escaped(text: str) -> str:
    """Text that Markdown reads as itself within a line."""
    if not MAY_BE_MARKUP.search(text):
        return text
    return MARKUP.sub(lambda found: "".join(f"\\{character}" for character in found[0]), text)


def _line_escaped(text: str) -> str:
    """The same for what only counts at the line's beginning: headings, lists, quotes, rules."""
    found = LINE_MARKUP.match(text)
    if found is None:
        return text
    place = found.start("dot") if found["dot"] else 0
    return f"{text[:place]}\\{text[place:]}"


def _escaped_line(text: str) -> str:
    return _line_escaped(_escaped(" ".join(text.split())))


def _written(rows: Sequence[_Row]) -> list[str]:
    """The lines of the rows' Markdown."""
    page = _Writer()
    tables = _tables(rows)
    for key, of_block in _blocks(rows, tables):
        if isinstance(key, _Row):
            block = _paragraph(of_block)
        else:
            block = _table(of_block) if key in tables else _fence(of_block)
        page.add(block, of_block[0].element)
    return page.lines


def _blocks(rows: Sequence[_Row], tables: set[Element]) -> Iterator[tuple[Element | _Row, list[_Row]]]:
    """The rows that are written together, and with what."""
    keys: list[Element | _Row] = []
    for row in rows:
        key = _block(row, tables)
        last = keys[-1] if keys else None
        goes_on = row.goes_on and key is row and isinstance(last, _Row) and not _level(row) and not _level(last)
        keys.append(last if last is not None and goes_on else key)
    for key, run in groupby(zip(keys, rows, strict=True), lambda pair: pair[0]):
        yield key, [row for _, row in run]


def _block(row: _Row, tables: set[Element]) -> Element | _Row:
    """What the row is written with: rows of one <pre> or one table together, any other alone."""
    table = _table_of(row)
    return row.nearest("pre") or (table if table in tables else row)


def _table_of(row: _Row) -> Element | None:
    """The table in a cell of which the row stands."""
    cell = row.nearest("cell")
    return cell.nearest.get("table") if cell is not None else None


def _tables(rows: Sequence[_Row]) -> set[Element]:
    """The tables that show data: two rows and two columns at least, and nothing but text in the cells.

    A table with a heading, list, quote, code or table in a cell is there for the page's layout.
    """
    columns: dict[Element, set[int]] = defaultdict(set)
    table_rows: dict[Element, set[Element | None]] = defaultdict(set)
    for_layout: set[Element] = set()
    for row in rows:
        table, cell, element = _table_of(row), row.nearest("cell"), row.element
        if table is None or cell is None or element is None:
            continue
        columns[table].add(cell.place)
        table_rows[table].add(cell.parent)
        for other in (row.nearest("heading"), row.nearest("pre"), *element.inside[-1:]):
            if other is not None and other.nearest.get("table") is table:
                for_layout.add(table)
        outer = table.parent.nearest.get("table") if table.parent is not None else None
        if outer is not None:
            for_layout.add(outer)
    return {
        table
        for table, found in columns.items()
        if table not in for_layout and len(found) > 1 and len(table_rows[table]) > 1
    }


def _level(row: _Row) -> int:
    """The level of the heading that a row is, 0 for none."""
    heading = row.nearest("heading")
    return int(heading.tag[1]) if heading is not None else int(row.is_title)


def _paragraph(rows: Sequence[_Row]) -> list[str]:
    """A heading of one row, or a paragraph with a hard break between its rows."""
    row = rows[0]
    level = _level(row)
    if not level:
        return [*(f"{row.text}\\" for row in rows[:-1]), rows[-1].text]
    return [f"{'#' * level} {CLOSING_HASHES.sub(lambda found: chr(92) + found[0], row.text)}"]


def _fence(rows: Sequence[_Row]) -> list[str]:
    """A code block between more backticks than it holds in a row, with its language where a class tells."""
    longest = max((len(run) for row in rows for run in re.findall("`+", row.text)), default=0)
    ticks = "`" * max(3, longest + 1)
    innermost = rows[0].element
    assert innermost is not None  # a <pre> is around it
    around = takewhile(lambda element: element.tag not in ("article", "main", "body"), innermost.path())
    found = (LANGUAGE.search(element.attribute("class")) for element in islice(around, LANGUAGE_LEVELS))
    return [f"{ticks}{next((match[1] for match in found if match), '')}", *(row.text for row in rows), ticks]


def _table(rows: Sequence[_Row]) -> list[str]:
    """The kept cells of a table, a row a line. Its head is the first row where that has header cells, else empty."""
    cells: dict[Element | None, dict[int, list[str]]] = {}
    first_row = rows[0].cell.parent
    has_head = all(row.cell.tag == "th" for row in rows if row.cell.parent is first_row)
    for row in rows:
        cell = row.cell
        line = cells.setdefault(cell.parent, {})
        line.setdefault(cell.place - 1, []).append(row.text.replace("|", "\\|"))
    n_columns = 1 + max(column for line in cells.values() for column in line)
    written = [[" ".join(line.get(column, ())) for column in range(n_columns)] for line in cells.values()]
    if not has_head:
        written.insert(0, [""] * n_columns)
    written.insert(1, ["---"] * n_columns)
    return [f"| {' | '.join(line)} |" for line in written]


class _Writer:
    """Writes blocks one below the other, within the lists and quotes that they stand in."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.markers: dict[Element, str] = {}  # of the list items begun
        self.last: tuple[Element, ...] = ()  # the lists and quotes around the last block
        self.last_is_paragraph = False

    def add(self, block: Sequence[str], element: Element | None) -> None:
        """Writes the lines of a block that stands in `element`."""
        around = element.inside if element is not None else ()
        begun = [e for e in around if e.tag == "li" and e not in self.markers]
        if self.lines:
            shared = [e for e, before in zip(around, self.last, strict=False) if e is before]
            if not (begun and self.last_is_paragraph and len(block) == 1 and self._goes_on(begun[0])):
                self.lines.append(self._prefix(shared, ()).rstrip())
        for item in begun:
            self.markers[item] = _marker(item)
        self.lines.append(self._prefix(around, begun) + block[0])
        prefix = self._prefix(around, ())
        self.lines += [(prefix + line).rstrip() if not line else prefix + line for line in block[1:]]
        self.last, self.last_is_paragraph = around, len(block) == 1

    def _goes_on(self, item: Element) -> bool:
        """Whether the item needs no blank line above: it is the next of its list, or the first within an item."""
        in_numbered = item.parent is not None and item.parent.tag == "ol"
        is_first_within = not in_numbered and any(e in self.last for e in item.inside[:-1] if e.tag == "li")
        return is_first_within or any(e.parent is item.parent for e in self.last)

    def _prefix(self, around: Sequence[Element], begun: Sequence[Element]) -> str:
        return "".join(
            "> " if e.tag == "blockquote" else self.markers[e] if e in begun else " " * len(self.markers[e])
            for e in around
        )


def _marker(item: Element) -> str:
    """ "- ", or the item's number in an ordered list."""
    if item.parent is None or item.parent.tag != "ol":
        return "- "
    start = item.parent.attribute("start")
    first = int(start) if re.fullmatch("[0-9]{1,8}", start) else 1
    return f"{first + item.place - 1}. "
