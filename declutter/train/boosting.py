"""Boosted trees of a fixed depth, grown by LightGBM and kept as plain arrays.

LightGBM grows the same trees as scikit-learn's HistGradientBoostingClassifier in a seventh of the time.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from declutter.errors import DeclutterError
from declutter.stages.judge.model import LEAF_GRID, Trees

LEAST_LEAF_LINES = 40
FEATURE_SHARE = 0.4  # features that a node may choose from; trees that see all of them are worse (benchmarks/models.md)


def boosted(
    x: np.ndarray,
    is_main: np.ndarray,
    weight: np.ndarray,
    *,
    n_trees: int,
    depth: int,
    learning_rate: float,
    seed: int,
    share: float = 1.0,
    least_leaf_lines: int = LEAST_LEAF_LINES,
) -> Trees:
    """Trees whose sum is `share` times the log-odds of main content.

    `x` is float32 (n, n_features), `is_main` (n,) 0 or 1, `weight` float64 (n,). The same examples and seed give the
    same trees, on one thread as on several. Raises DeclutterError where LightGBM can't be loaded.
    """
    settings = {
        "objective": "binary", "max_depth": depth, "num_leaves": 1 << depth, "learning_rate": learning_rate,
        "min_data_in_leaf": least_leaf_lines, "min_sum_hessian_in_leaf": 1e-3, "use_missing": False,
        "feature_fraction_bynode": FEATURE_SHARE, "seed": seed, "deterministic": True, "force_row_wise": True,
        "verbose": -1,
    }  # fmt: skip
    lightgbm = _lightgbm()
    lines = lightgbm.Dataset(x, is_main, weight=weight / weight.mean(), params=settings)
    grown = lightgbm.train(settings, lines, n_trees).dump_model()["tree_info"]
    return fixed_depth([tree["tree_structure"] for tree in grown], depth, share)


def fixed_depth(roots: list[dict], depth: int, share: float = 1.0) -> Trees:
    """LightGBM's trees with every leaf on the last level; a leaf above it stands there several times.

    The values of leaves are multiplied by `share`, and rounded to the grid on which sums are exact.
    """
    n_trees, n_nodes = len(roots), (1 << depth) - 1
    feature = np.zeros((n_trees, n_nodes), np.int32)
    threshold = np.full((n_trees, n_nodes), np.inf, np.float32)  # nothing is greater: go left
    leaf = np.zeros((n_trees, n_nodes + 1), np.float32)
    for number, root in enumerate(roots):
        waiting = [(root, 0, 0)]  # node, level, place in the level
        while waiting:
            node, level, place = waiting.pop()
            if level == depth:
                leaf[number, place] = np.rint(node["leaf_value"] * share * LEAF_GRID) / LEAF_GRID
            elif "leaf_value" in node:
                waiting += [(node, level + 1, 2 * place), (node, level + 1, 2 * place + 1)]
            else:
                feature[number, (1 << level) - 1 + place] = node["split_feature"]
                threshold[number, (1 << level) - 1 + place] = _rounded_down(node["threshold"])
                waiting.append((node["left_child"], level + 1, 2 * place))
                waiting.append((node["right_child"], level + 1, 2 * place + 1))
    return Trees(feature, threshold, leaf)


def _lightgbm() -> ModuleType:
    """LightGBM, which training alone loads. Its wheels need the OpenMP library of the system."""
    try:
        import lightgbm
    except ImportError as error:
        raise DeclutterError('training needs LightGBM: pip install "declutter-text[train]"') from error
    except OSError as error:
        raise DeclutterError(
            f"LightGBM can't be loaded ({error}); it needs the system's libgomp (on Debian: libgomp1)"
        ) from error
    return lightgbm


def _rounded_down(threshold: float) -> np.float32:
    """The greatest float32 that is not above a threshold: a float32 is greater than both or than neither."""
    nearest = np.float32(threshold)
    return nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf))
