"""Features: from what was measured, counted over the site, and said by neighbours, to X.

`features(Columns(lines, measures, repeats))` gives float32 `(n_lines, n_features)` over the lines that are not blank. columns.py has
what features are made of, outline.py where a page's text begins and ends, table.py the feature table.
"""

from declutter.features.columns import Columns
from declutter.features.outline import Outline, outline_of
from declutter.features.table import FAMILIES, FEATURE_NAMES, FEATURES, features

__all__ = ["FAMILIES", "FEATURES", "FEATURE_NAMES", "Columns", "Outline", "features", "outline_of"]
