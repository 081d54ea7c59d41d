"""declutter cleans what a scraper left: main content kept, boilerplate removed, line by line, in any script."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from declutter.cleaner import Cleaner, learn
    from declutter.errors import DeclutterError, MarkupWarning
    from declutter.extras import kinds as kinds
    from declutter.extras import markdown as markdown
    from declutter.extras import metadata as metadata
    from declutter.lines import LABELS, Verdicts
    from declutter.pages import Cleaned, Page
    from declutter.stages.repeats import Profile

__version__ = "0.1.0"
__all__ = [
    "LABELS", "Cleaned", "Cleaner", "DeclutterError", "MarkupWarning", "Page", "Profile", "Verdicts",
    "clean", "clean_html", "explain", "explain_html", "learn",
]  # fmt: skip

# Loaded at first use: numpy alone takes 0.1 s to import, and `declutter --help` needs none of it.
_MODULES = {
    "Cleaner": "cleaner",
    "learn": "cleaner",
    "DeclutterError": "errors",
    "MarkupWarning": "errors",
    "LABELS": "lines",
    "Verdicts": "lines",
    "Cleaned": "pages",
    "Page": "pages",
    "Profile": "stages.repeats",
}
_EXTRAS = ("kinds", "markdown", "metadata")  # modules: what else an HTML page says


if not TYPE_CHECKING:  # a type checker that sees it takes every name, misspelled ones too, for one of the package's

    def __getattr__(name: str):
        if name in _EXTRAS:
            return import_module(f"{__name__}.extras.{name}")
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def clean(text: str) -> str:
    """The main content of one text dump; its lines are byte for byte those of `text`."""
    return _cleaner().clean(text)


def clean_html(html: str | bytes, url: str | None = None) -> str:
    """The main content of one HTML page, a block a line."""
    return _cleaner().clean_html(html, url)


def explain(text: str) -> Verdicts:
    """The verdict on each line of one text dump, blank lines included."""
    return _cleaner().explain(text)


def explain_html(html: str | bytes, url: str | None = None) -> Verdicts:
    """The verdict on each text block of one HTML page."""
    return _cleaner().explain_html(html, url)


def _cleaner() -> Cleaner:
    from declutter.cleaner import Cleaner

    return Cleaner()
