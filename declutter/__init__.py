"""declutter cleans what a scraper left: main content kept, boilerplate removed, line by line, in any script."""

from declutter.cleaner import Cleaner, learn
from declutter.errors import DeclutterError
from declutter.lines import LABELS, Verdicts
from declutter.pages import Cleaned, Page
from declutter.repeats import Profile

__version__ = "0.1.0"
__all__ = [
    "LABELS", "Cleaned", "Cleaner", "DeclutterError", "Page", "Profile", "Verdicts",
    "clean", "clean_html", "explain", "explain_html", "learn",
]  # fmt: skip


def clean(text: str) -> str:
    """The main content of one text dump; its lines are byte for byte those of `text`."""
    return Cleaner().clean(text)


def clean_html(html: str | bytes, url: str | None = None) -> str:
    """The main content of one HTML page, a block a line."""
    return Cleaner().clean_html(html, url)


def explain(text: str) -> Verdicts:
    """The verdict on each line of one text dump, blank lines included."""
    return Cleaner().explain(text)


def explain_html(html: str | bytes, url: str | None = None) -> Verdicts:
    """The verdict on each text block of one HTML page."""
    return Cleaner().explain_html(html, url)
