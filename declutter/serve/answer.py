"""What is asked over HTTP, and the answer to it: bytes to bytes, without a server.

`answers` runs in the worker processes, so that reading and writing JSON takes no time from the process that listens.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from email.message import Message
from typing import NamedTuple

from declutter.cleaner import Cleaner
from declutter.files.verdicts import JSON_DIGITS, VerdictRow, confidence_of, verdict_rows
from declutter.lines import LABELS
from declutter.pages import Cleaned, Page
from declutter.stages.repeats import Profile

BETAS = {"precision": 0.5, "even": 1.0, "recall": 2.0}  # as `declutter clean --precision` and `--recall` have them
OPTIONS = ("keep", "prefer", "verdicts")
OF_RAW_PAGES = ("url", "site")  # in the query, where the body is the page itself
PAGE_FIELDS = ("id", "text", "html", "url", "site")
RAW_TYPES = {"text/plain": "text", "text/html": "html"}
JSON_TYPE = "application/json"

logger = logging.getLogger(__name__)


class Question(NamedTuple):
    """One request, with the body as it came."""

    kind: str  # "page" and "pages": the body is JSON; "raw": it is the page itself
    content_type: str
    query: tuple[tuple[str, str], ...]
    body: bytes
    max_pages: int


class Answer(NamedTuple):
    """One response, which is JSON, and what was done for it."""

    status: int
    body: bytes
    n_pages: int = 0
    n_failed: int = 0


class RefusedError(Exception):
    """The request can't be answered as it is; the message says why, to whom sent it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class _Request(NamedTuple):
    pages: list[Page]
    cleaner: Cleaner
    shows_verdicts: bool


def answers(questions: Sequence[Question], cleaner: Cleaner) -> list[Answer]:
    """An answer to each question. Single pages with the same options are cleaned together, as it is faster.

    Pages help each other only where the question holds them together and the cleaner has no profile.
    """
    found: dict[int, Answer] = {}
    singles: dict[tuple, list[tuple[int, _Request]]] = defaultdict(list)
    for number, question in enumerate(questions):
        try:
            request = read_request(question, cleaner)
            if question.kind == "pages":
                found[number] = _answer_pages(request)
            else:
                singles[request.cleaner.keep, request.cleaner.beta].append((number, request))
        except RefusedError as error:
            found[number] = error_answer(error.status, str(error))
        except Exception:
            logger.exception("a request could not be answered")
            found[number] = error_answer(500, "internal error")
    for group in singles.values():
        found |= _answer_singles(group)
    return [found[number] for number in range(len(questions))]


def error_answer(status: int, message: str) -> Answer:
    """The answer that something is wrong."""
    return Answer(status, _as_json({"error": message}))


def _answer_singles(group: list[tuple[int, _Request]]) -> dict[int, Answer]:
    try:
        alone = group[0][1].cleaner
        alone = alone if alone.profile is not None else replace(alone, profile=Profile())
        cleaned = list(alone.clean_pages([request.pages[0] for _, request in group]))
        return {
            number: Answer(200, _as_json(_record(done, request.shows_verdicts)), 1, int(done.error is not None))
            for (number, request), done in zip(group, cleaned, strict=True)
        }
    except Exception:
        logger.exception("a page could not be answered")
        return {number: error_answer(500, "internal error") for number, _ in group}


def _answer_pages(request: _Request) -> Answer:
    cleaned = list(request.cleaner.clean_pages(request.pages))
    records = [{"id": done.page.id, **_record(done, request.shows_verdicts)} for done in cleaned]
    return Answer(200, _as_json({"pages": records}), len(cleaned), sum(done.error is not None for done in cleaned))


def _record(cleaned: Cleaned, shows_verdicts: bool) -> dict[str, object]:
    record: dict[str, object] = {"text": cleaned.text, "error": cleaned.error}
    if shows_verdicts:
        record["verdicts"] = [] if cleaned.error is not None else _verdicts(cleaned)
        record["confidence"] = confidence_of(cleaned.verdicts, JSON_DIGITS)
    return record


def _verdicts(cleaned: Cleaned) -> list[VerdictRow]:
    """The verdicts on the lines that are not blank, as `declutter explain --format json` gives them."""
    return [row for row in verdict_rows(cleaned.verdicts, JSON_DIGITS) if row["text"].strip()]


def _as_json(record: dict[str, object]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can carry and UTF-8 can't
        return json.dumps(record).encode("ascii")


def read_request(question: Question, cleaner: Cleaner) -> _Request:
    """The pages of a question and the cleaner that it asks for. Raises RefusedError where it makes no sense."""
    content_type = Message()
    content_type["Content-Type"] = question.content_type
    media_type, charset = content_type.get_content_type(), content_type.get_content_charset()
    allowed = tuple(RAW_TYPES) if question.kind == "raw" else (JSON_TYPE,)
    if media_type not in allowed:
        raise RefusedError(f"the body is {media_type}; it must be {' or '.join(allowed)}", 415)
    if question.kind == "raw":
        query = _read_query(question.query, (*OPTIONS, *OF_RAW_PAGES))
        pages = [_raw_page(RAW_TYPES[media_type], charset, question.body, query)]
    else:
        query = _read_query(question.query, OPTIONS)
        pages = _json_pages(question)
    return _Request(pages, _cleaner_for(query, cleaner), _flag(query.get("verdicts", "false")))


def _read_query(query: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in query:
        if name not in names:
            raise RefusedError(f"no such option in the query: {name}; there are {', '.join(names)}")
        if name in found:
            raise RefusedError(f"{name} stands in the query more than once")
        found[name] = value
    return found


def _cleaner_for(query: dict[str, str], cleaner: Cleaner) -> Cleaner:
    if "keep" in query:
        labels = frozenset(query["keep"].split(","))
        if not labels <= set(LABELS):
            raise RefusedError(f"keep is {query['keep']!r}; it takes labels parted by commas: {', '.join(LABELS)}")
        cleaner = replace(cleaner, keep=labels)
    if "prefer" in query:
        if query["prefer"] not in BETAS:
            raise RefusedError(f"prefer is {query['prefer']!r}; it must be {' or '.join(BETAS)}")
        cleaner = replace(cleaner, beta=BETAS[query["prefer"]])
    return cleaner


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise RefusedError(f"verdicts is {value!r}; it must be true or false")
    return value == "true"


def _raw_page(kind: str, charset: str | None, body: bytes, query: dict[str, str]) -> Page:
    site, url = query.get("site"), query.get("url")
    if kind == "html" and not charset:  # HTML says itself how it is encoded
        return Page("", site, url, html=body)
    try:
        content = body.decode(charset or "utf-8", "strict" if kind == "text" else "replace")
    except (UnicodeDecodeError, LookupError) as error:
        raise RefusedError(f"the body is no {charset or 'utf-8'}: {error}") from error
    return Page("", site, url, text=content) if kind == "text" else Page("", site, url, html=content)


def _json_pages(question: Question) -> list[Page]:
    try:
        record = json.loads(question.body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the body is no JSON: {error}") from error
    if question.kind == "page":
        return [_json_page(record, "the body", "")]
    if not isinstance(record, dict) or set(record) != {"pages"} or not isinstance(record["pages"], list):
        raise RefusedError('the body must be an object with a list: {"pages": [...]}')
    if len(record["pages"]) > question.max_pages:
        raise RefusedError(f"the body holds {len(record['pages'])} pages; {question.max_pages} are allowed")
    return [_json_page(page, f"page {number}", str(number)) for number, page in enumerate(record["pages"])]


def _json_page(record: object, where: str, number: str) -> Page:
    if not isinstance(record, dict):
        raise RefusedError(f"{where} must be an object with text or html")
    for name, value in record.items():
        if name not in PAGE_FIELDS:
            raise RefusedError(f"{where} has a field {name!r}; the fields are {', '.join(PAGE_FIELDS)}")
        if value is not None and not isinstance(value, str):
            raise RefusedError(f"{where}: {name} must be a string")
    if (record.get("text") is None) == (record.get("html") is None):
        raise RefusedError(f"{where} must have either text or html")
    return Page(**{"id": number, **{name: value for name, value in record.items() if value is not None}})
