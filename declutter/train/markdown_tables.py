"""Rows as a Markdown table whose columns line up, for the terminal and the model card alike."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table. Numbers stand to the right: floats with 4 places, counts with thousands separators.

    None is an empty cell."""
    cells = [[str(name) for name in header], *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    is_number = [
        all(value is None or isinstance(value, (int, float)) for value in column) for column in zip(*rows, strict=True)
    ]
    is_number = is_number or [False] * len(widths)
    rule = [f"{'-' * (width - 1)}:" if right else "-" * width for width, right in zip(widths, is_number, strict=True)]
    cells.insert(1, rule)
    return "\n".join(
        "| " + " | ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ) + " |"
        for row in cells
    )  # fmt: skip


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")
