"""Forms: what is written of an HTML page beside or instead of its kept text, as the outputs ask for it.

Markdown takes the place of the text; JSON lines also carry what the page says of itself. Dumps have neither.
"""

from __future__ import annotations

from dataclasses import replace

from declutter.errors import ModelError
from declutter.files.records import Input, Record
from declutter.pages import Cleaned
from declutter.run.limits import Limits, TooSlow, time_limit
from declutter.run.outputs import Outputs

FIELDS = ("url", "title", "author", "date", "language", "site", "kind")  # of declutter.extras.metadata.record


def formed(
    record: Record, cleaned: Cleaned, source: Input, outputs: Outputs, limits: Limits
) -> tuple[Record, Cleaned, Cleaned]:
    """The record with its metadata, the page as it is counted, and as it is written.

    A page that was passed through stays whole, and is not read again. Where a form can't be made, the kept text is
    written, and `partial` says what is missing.
    """
    is_markdown, has_metadata = outputs.to == "markdown", outputs.has_metadata(source)
    if record.page.html is None or not (is_markdown or has_metadata):
        return record, cleaned, cleaned
    if has_metadata:
        nothing = {**dict.fromkeys(FIELDS), "url": record.page.url}
        record = replace(record, metadata=nothing)
    if cleaned.error is not None:
        return record, cleaned, cleaned
    try:
        with time_limit(record.page.id, limits):
            if is_markdown:
                return record, cleaned, replace(cleaned, text=_markdown(cleaned, outputs.links))
            return replace(record, metadata=_metadata(cleaned)), cleaned, cleaned
    except TooSlow:
        reason = f"it takes longer than {limits.seconds:g} seconds"
    except ModelError:
        raise  # a model that doesn't fit is no fault of the page
    except Exception as error:  # the page is the unit: its text is written, and it is told what is missing
        reason = f"{type(error).__name__}: {error}"
    missing = f"{'its Markdown' if is_markdown else 'its metadata'}: {reason}"
    cleaned = replace(cleaned, partial=missing if cleaned.partial is None else f"{cleaned.partial}; {missing}")
    return record, cleaned, cleaned


def _markdown(cleaned: Cleaned, links: bool) -> str:
    """The Markdown without its last line's end, as the kept text of HTML has none: outputs add it."""
    from declutter.extras import markdown

    return markdown.of(cleaned, links).removesuffix("\n")


def _metadata(cleaned: Cleaned) -> dict[str, str | None]:
    from declutter.extras import metadata

    found = metadata.record(cleaned)
    return {name: found[name] for name in FIELDS}
