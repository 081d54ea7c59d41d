"""The description of the service for programs: OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Sequence

from declutter import __version__
from declutter.lines import LABELS
from declutter.serve.answer import BETAS

PAGES_SUMMARY = "Clean several pages, in order. Pages of a site help each other, unless the service has a profile."
_TEXT: dict = {"type": "string"}
_OPTIONAL: dict = {"type": ["string", "null"]}
_REFUSALS = {
    "400": "The request makes no sense; the message says why.",
    "408": "The body came too slowly.",
    "413": "The body is over the limit.",
    "415": "The body is of another type.",
    "500": "The process that cleaned died.",
    "503": "Too much is waiting; try again later.",
    "504": "Cleaning took longer than the limit.",
}


def description(max_pages: int) -> dict:
    """The whole description, as an object for JSON."""
    raw: dict[str, dict] = {"text/plain": {}, "text/html": {}}  # any bytes, and none: nothing is a page too
    one = {"application/json": {"schema": _reference("Page")}}
    many = {"application/json": {"schema": _reference("Pages")}}
    of_raw = [_query("url", _TEXT, "Of a raw page: its URL."), _query("site", _TEXT, "Of a raw page: its site.")]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "declutter",
            "version": __version__,
            "description": "Keeps the main content of scraped pages.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/clean": {"post": _post("clean", "Clean one page.", one, "Cleaned")},
            "/clean/raw": {"post": _post("cleanRaw", "Clean the page that the body is.", raw, "Cleaned", of_raw)},
            "/clean/pages": {"post": _post("cleanPages", PAGES_SUMMARY, many, "CleanedPages")},
            "/health": {"get": _get("health", "Whether it answers.", "application/json", _reference("Health"))},
            "/metrics": {"get": _get("metrics", "Counts, for Prometheus.", "text/plain", _TEXT)},
            "/openapi.json": {"get": _get("openapi", "This description.", "application/json", {"type": "object"})},
        },
        "components": {"schemas": _schemas(max_pages)},
    }


def _options() -> list[dict]:
    labels = {"type": "array", "items": {"type": "string", "enum": list(LABELS)}, "minItems": 1}
    return [
        {**_query("keep", labels, "The labels to keep, parted by commas."), "style": "form", "explode": False},
        _query("prefer", {"type": "string", "enum": list(BETAS)}, "Which error to avoid where a line is doubtful."),
        _query(
            "verdicts",
            {"type": "boolean"},
            "Whether to give the verdicts on lines that are not blank, and the confidence.",
        ),
    ]


def _query(name: str, schema: dict, meaning: str) -> dict:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": meaning}


def _post(operation: str, summary: str, content: dict, answer: str, more_options: Sequence[dict] = ()) -> dict:
    refusals = {status: _response(meaning, _reference("Error")) for status, meaning in _REFUSALS.items()}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [*_options(), *more_options],
        "requestBody": {"required": {} not in content.values(), "content": content},
        "responses": {"200": _response("What is kept.", _reference(answer)), **refusals},
    }


def _get(operation: str, summary: str, media_type: str, schema: dict) -> dict:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _response("It does.", schema, media_type)},
    }


def _response(meaning: str, schema: dict, media_type: str = "application/json") -> dict:
    return {"description": meaning, "content": {media_type: {"schema": schema}}}


def _reference(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Sequence[str], **properties: dict) -> dict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _schemas(max_pages: int) -> dict:
    verdict = _object(
        ["line", "label", "score", "keep", "reason", "text"],
        line={"type": "integer", "minimum": 1},
        label={"type": "string", "enum": list(LABELS)},
        score={"type": "number", "minimum": 0, "maximum": 1},
        keep={"type": "boolean"},
        reason=_TEXT,
        text=_TEXT,
    )
    cleaned: dict[str, dict] = {
        "text": {**_TEXT, "description": "What is kept; the whole page where it could not be judged."},
        "error": {**_OPTIONAL, "description": "Why the page could not be judged."},
        "verdicts": {"type": "array", "items": verdict},
        "confidence": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "The F1 that the main content of the page is expected to have; null where it has an error.",
        },
    }
    names = {"id": _OPTIONAL, "url": _OPTIONAL, "site": _OPTIONAL}
    return {
        "Page": {"oneOf": [_object(["text"], text=_TEXT, **names), _object(["html"], html=_TEXT, **names)]},
        "Pages": _object(["pages"], pages={"type": "array", "items": _reference("Page"), "maxItems": max_pages}),
        "Cleaned": _object(["text", "error"], **cleaned),
        "CleanedPages": _object(
            ["pages"], pages={"type": "array", "items": _object(["id", "text", "error"], id=_TEXT, **cleaned)}
        ),
        "Health": _object(["status", "version"], status={"const": "ok"}, version=_TEXT),
        "Error": _object(["error"], error=_TEXT),
    }
