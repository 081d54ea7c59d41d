"""Features: from what was measured, counted over the site, and said by neighbours, to X.

`features(Columns(lines, measures, repeats))` gives float32 `(n_lines, n_features)` over the lines that are not blank;
`html_features` does for lines of HTML pages, with what their DOM says beside what their text does; `word_features` are
put beside those of dumps: what a model's lexicon says of the words. columns.py has what features are made of,
pagewise.py how columns are combined without leaving a page, outline.py where a page's text begins and ends, cohesion.py
which lines speak of the same, table.py the feature table, dom.py the DOM's part, words.py the lexicon's.
"""

from declutter.stages.features.columns import Columns
from declutter.stages.features.dom import (
    DOM_FAMILIES,
    DOM_FEATURES,
    HTML_FEATURE_NAMES,
    dom_of,
    html_features,
    in_consent_dialog,
    linked_list,
    page_mean,
)
from declutter.stages.features.outline import Outline, outline_of
from declutter.stages.features.pagewise import Pagewise
from declutter.stages.features.table import FAMILIES, FEATURE_NAMES, features
from declutter.stages.features.words import WORD_FEATURE_NAMES, word_features

__all__ = [
    "DOM_FAMILIES",
    "DOM_FEATURES",
    "FAMILIES",
    "FEATURE_NAMES",
    "HTML_FEATURE_NAMES",
    "WORD_FEATURE_NAMES",
    "Columns",
    "Outline",
    "Pagewise",
    "dom_of",
    "features",
    "html_features",
    "in_consent_dialog",
    "linked_list",
    "outline_of",
    "page_mean",
    "word_features",
]
