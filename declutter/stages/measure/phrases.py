"""Interface phrases ("comments", "share", "read also", ...) in many languages, from `phrases.json`.

They are clues, not verdicts: a phrase counts by the share of a short line that it covers. The file maps a language
code to categories, each a list of phrases in ordinary spelling; case, spaces, digits and punctuation do not matter.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

#: The categories, in the order of the columns of `Measures.phrases`.
CATEGORIES = (
    "comments", "share", "follow", "related", "latest", "source", "author", "readingtime", "caption", "navigation",
    "newsletter", "app", "ads", "copyright", "cookies", "privacy", "contact", "shop", "forum",
)  # fmt: skip


@cache
def phrases_by_category() -> dict[str, tuple[str, ...]]:
    """Every phrase of a category, all languages together, each once."""
    languages = json.loads(resources.files("declutter.stages.measure").joinpath("phrases.json").read_text("utf-8"))
    return {
        category: tuple(dict.fromkeys(phrase for table in languages.values() for phrase in table[category]))
        for category in CATEGORIES
    }
