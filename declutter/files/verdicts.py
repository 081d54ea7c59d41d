"""Verdicts as rows: one description of their columns, for JSON, Arrow, and the tables of every host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from declutter.lines import Verdicts

if TYPE_CHECKING:
    import pyarrow

#: The columns of verdicts and their Arrow types. Hosts with types of their own translate these.
COLUMNS = {
    "line": "int32", "text": "string", "label": "string", "score": "float32", "keep": "bool", "reason": "string",
}  # fmt: skip
JSON_DIGITS = 3  # of scores in JSON that people read
SURROGATE = re.compile("[\ud800-\udfff]")  # stands for a byte that is not UTF-8, or came as an escape of JSON

#: The field and the column of a page's confidence, beside its verdicts.
CONFIDENCE = "declutter_confidence"
#: Verdicts that travel between processes, and to outputs: the values of each of COLUMNS, as JSON has them, and under
#: CONFIDENCE a list with the page's confidence, empty where the page could not be judged.
VerdictColumns = dict[str, list]
PageVerdicts = Verdicts | VerdictColumns


class VerdictRow(TypedDict):
    """The verdict on one line, as JSON and the tables of hosts have it."""

    line: int
    text: str
    label: str
    score: float
    keep: bool
    reason: str


def verdict_columns(verdicts: Verdicts) -> VerdictColumns:
    """The values of each column, a value a line, blank lines included; the confidence of the page."""
    return {
        "line": verdicts.line, "text": verdicts.text, "label": verdicts.label, "score": verdicts.score.tolist(),
        "keep": verdicts.keep.tolist(), "reason": verdicts.reason, CONFIDENCE: verdicts.confidence.tolist(),
    }  # fmt: skip


def confidence_of(verdicts: PageVerdicts, digits: int | None = None) -> float | None:
    """The confidence of the page that the verdicts are on, 0..1; None where the page could not be judged."""
    known = verdicts.confidence.tolist() if isinstance(verdicts, Verdicts) else verdicts.get(CONFIDENCE)
    if not known:
        return None
    return known[0] if digits is None else round(known[0], digits)


def verdict_rows(verdicts: PageVerdicts, digits: int | None = None) -> list[VerdictRow]:
    """An object a line: line, text, label, score, keep, reason. Scores are rounded to `digits` where that is given."""
    columns = verdict_columns(verdicts) if isinstance(verdicts, Verdicts) else verdicts
    if digits is not None:
        columns = {**columns, "score": [round(score, digits) for score in columns["score"]]}
    return [
        {"line": line, "text": text, "label": label, "score": score, "keep": keep, "reason": reason}
        for line, text, label, score, keep, reason in zip(*(columns[name] for name in COLUMNS), strict=True)
    ]


def verdicts_type() -> pyarrow.DataType:
    """The Arrow type of the verdicts on one page: a list with a struct a line."""
    import pyarrow

    return pyarrow.list_(pyarrow.struct({name: getattr(pyarrow, f"{kind}_" if kind == "bool" else kind)()
                                         for name, kind in COLUMNS.items()}))  # fmt: skip


def verdicts_array(pages: Sequence[PageVerdicts | None]) -> pyarrow.Array:
    """The verdicts on each page, of `verdicts_type`; null for None."""
    import pyarrow

    given = [page if isinstance(page, dict) or page is None else verdict_columns(page) for page in pages]
    ends = np.cumsum([0, *(0 if page is None else len(page["line"]) for page in given)])
    kind = verdicts_type()
    columns = []
    for field in kind.value_type:
        values = [value for page in given if page is not None for value in page[field.name]]
        try:
            columns.append(pyarrow.array(values, field.type))
        except (UnicodeEncodeError, pyarrow.ArrowInvalid):
            columns.append(pyarrow.array([without_surrogates(value) for value in values], field.type))
    lines = pyarrow.StructArray.from_arrays(columns, fields=list(kind.value_type))
    is_null = pyarrow.array([page is None for page in given], pyarrow.bool_())
    return pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), lines, kind, mask=is_null)


def confidences_array(pages: Sequence[PageVerdicts | None]) -> pyarrow.Array:
    """The confidence of each page, float32; null for None and for pages that could not be judged."""
    import pyarrow

    return pyarrow.array([None if page is None else confidence_of(page) for page in pages], pyarrow.float32())


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each surrogate, for tables that hold UTF-8 alone."""
    return SURROGATE.sub("\ufffd", text)
