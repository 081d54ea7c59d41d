"""The trained classifier: a file of plain arrays, evaluated with numpy alone.

A model is boosted trees of one fixed depth and a network, whose log-odds of main content are added up; the network says
how well each label fits too.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from declutter.errors import ModelError
from declutter.lines import LABELS
from declutter.stages import kernels
from declutter.stages.features.lexicon import Lexicon
from declutter.stages.judge.network import REACH, SCALED_GRID, Linear, Network

MODEL_VERSION = 4
SUMMED_LINES = 512  # whose sums are made at once: what fits the processor's second-level cache
LARGEST_ODDS = 30.0  # log-odds beyond which a float32 probability is 0 or 1; exp would overflow at 89
MAX_DEPTH = 8  # leaves are numbered in a byte
LEAF_GRID = 65536.0  # leaves are multiples of 1 / LEAF_GRID, so that sums below 256 are exact in any order
#: What NumPy and zipfile raise for files that are none, are cut short or have other bytes than were written; a plain
#: .npy file has no `with` (AttributeError in Python 3.10, TypeError later), a damaged directory asks for features that
#: zipfile lacks (NotImplementedError) or for a password (RuntimeError).
UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
ARRAYS = {  # name: type, and number of axes
    "feature": (np.int32, 2), "threshold": (np.float32, 2), "leaf": (np.float32, 2), "offset": (np.float32, 0),
    "feature_mean": (np.float32, 1), "feature_scale": (np.float32, 1),
    "word_hashes": (np.uint64, 1), "word_weights": (np.float32, 1),
    **{f"network_{name}": (np.float32, len(shape)) for name, shape in Network.shapes(0, 0, 0, 0).items()},
}  # fmt: skip


class Trees(NamedTuple):
    """Boosted trees of depth `depth`; a line goes right at a node where its feature is greater than the threshold."""

    feature: np.ndarray  # int32 (n_trees, 2**depth - 1), columns of X, level by level
    threshold: np.ndarray  # float32 (n_trees, 2**depth - 1)
    leaf: np.ndarray  # float32 (n_trees, 2**depth)

    @property
    def depth(self) -> int:
        return int(self.leaf.shape[1]).bit_length() - 1

    def sum(self, x: np.ndarray) -> np.ndarray:
        """The sum over the trees of each line's leaf; float32 (n_lines,), for X float32 (n_lines, n_features).

        X is read by columns: Fortran order saves a copy.
        """
        columns = np.ascontiguousarray(x.T)
        total = np.zeros(len(x), np.float32)
        kernels.trees.leaf_sums(columns, self.feature, self.threshold, self.leaf, total)
        return total


class Scores(NamedTuple):
    """What a model says of lines."""

    main: np.ndarray  # float32 (n_lines,), P(line is main content)
    labels: np.ndarray  # float32 (n_lines, n_labels), how well each label fits; only their order in a line counts


@dataclass(frozen=True)
class Model:
    """What was learned. `feature_names` must be the columns that it is given, in order."""

    feature_names: tuple[str, ...]
    trees: Trees  # log-odds of main content
    offset: float  # added to their sum
    network: Network  # log-odds that are added too, and how well labels fit
    feature_mean: np.ndarray  # float32 (n_features,)
    feature_scale: np.ndarray  # float32 (n_features,), what a feature is divided by
    lexicon: Lexicon  # what single words say, for the features that read it
    card: dict  # how it was made: data, licences, seed, scores, command, digest of the training examples

    def scores(self, x: np.ndarray, page_starts: np.ndarray) -> Scores:
        """What the model says of each line, for X float32 (n_lines, n_features); a line's neighbours bear on it.

        `page_starts` int64 (n_pages + 1,) tells where each page begins, and the end.
        """
        page = np.repeat(np.arange(len(page_starts) - 1), np.diff(page_starts))
        odds, labels = np.empty(len(x), np.float32), np.empty((len(x), len(LABELS)), np.float32)
        for first in range(0, len(x), SUMMED_LINES):
            beyond = min(first + SUMMED_LINES, len(x))
            seen = slice(max(first - REACH, 0), min(beyond + REACH, len(x)))
            inside = slice(first - seen.start, beyond - seen.start)
            columns = np.ascontiguousarray(x[seen].T)
            sums = self.network.sums(self._first_layer.said(columns), page[seen])[:, inside]
            odds[first:beyond] = self.trees.sum(columns.T)[inside] + np.float32(self.offset) + sums[0]
            labels[first:beyond] = sums[1:].T
        odds = np.clip(odds, -LARGEST_ODDS, LARGEST_ODDS)
        return Scores(1.0 / (1.0 + np.exp(-odds)), labels)

    @cached_property
    def _first_layer(self) -> Linear:
        grid, weights = np.float32(SCALED_GRID), self.network.line.T
        return Linear(
            self.feature_mean, grid / self.feature_scale, np.ascontiguousarray(weights[:, :-1] / grid),
            weights[:, -1].copy(),
        )  # fmt: skip

    def check(self, feature_names: Sequence[str]) -> None:
        """Raise ModelError unless the model was trained on exactly these features."""
        if tuple(feature_names) != self.feature_names:
            other = sorted(set(feature_names) ^ set(self.feature_names))
            raise ModelError(
                f"the model was trained on other features than this release computes ({len(self.feature_names)} and "
                f"{len(feature_names)}; different: {', '.join(other[:5]) or 'their order'}); train it again"
            )

    def save(self, path: str | Path) -> None:
        """Write the model as a NumPy archive of plain arrays (no pickle, no code)."""
        arrays = {
            "declutter_model": np.array(MODEL_VERSION), "feature_names": np.array(self.feature_names, np.str_),
            "labels": np.array(LABELS, np.str_), "feature": self.trees.feature.astype(np.int32),
            "threshold": self.trees.threshold.astype(np.float32), "leaf": self.trees.leaf.astype(np.float32),
            "offset": np.array(self.offset, np.float32),
            "feature_mean": self.feature_mean.astype(np.float32),
            "feature_scale": self.feature_scale.astype(np.float32),
            "word_hashes": self.lexicon.hashes.astype(np.uint64),
            "word_weights": self.lexicon.weights.astype(np.float32),
            **{f"network_{name}": array.astype(np.float32) for name, array in self.network._asdict().items()},
            "card": np.array(json.dumps(self.card, sort_keys=True)),
        }  # fmt: skip
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model. Raises ModelError where the file is none, is damaged, or is of another version."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            version = int(arrays["declutter_model"])
            if version != MODEL_VERSION:
                raise ModelError(f"{path}: model version {version}; this release reads version {MODEL_VERSION}")
            if tuple(arrays["labels"].tolist()) != LABELS:
                raise ModelError(f"{path}: trained for other labels")
            return cls._checked(arrays)
        except UNREADABLE as error:
            raise ModelError(f"{path}: not a declutter model ({error})") from error

    @classmethod
    def _checked(cls, arrays: dict[str, np.ndarray]) -> Model:
        for name, (dtype, n_axes) in ARRAYS.items():
            if arrays[name].dtype != dtype or arrays[name].ndim != n_axes:
                raise ValueError(f"{name} is {arrays[name].dtype} with {arrays[name].ndim} axes")
        names = tuple(arrays["feature_names"].tolist())
        network = Network(**{name: arrays[f"network_{name}"] for name in Network._fields})
        shapes_of_network = Network.shapes(len(names), network.line.shape[1], len(network.near_offset), len(LABELS))
        trees = Trees(arrays["feature"], arrays["threshold"], arrays["leaf"])
        n_nodes = trees.leaf.shape[1] - 1
        shapes = {
            "feature": (len(trees.leaf), n_nodes), "threshold": (len(trees.leaf), n_nodes),
            "feature_mean": (len(names),), "feature_scale": (len(names),),
            "word_weights": arrays["word_hashes"].shape,
            **{f"network_{name}": shape for name, shape in shapes_of_network.items()},
        }  # fmt: skip
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
        if min(network.line.shape[1], len(network.near_offset)) < 1:
            raise ValueError("a network with an empty layer")
        if n_nodes + 1 != 1 << trees.depth or not 0 < trees.depth <= MAX_DEPTH:
            raise ValueError(f"trees of {n_nodes + 1} leaves")
        if trees.feature.min(initial=0) < 0 or trees.feature.max(initial=0) >= len(names):
            raise ValueError("a tree asks for a feature that is not there")
        mean, scale = arrays["feature_mean"], arrays["feature_scale"]
        lexicon = Lexicon(arrays["word_hashes"], arrays["word_weights"])
        card = json.loads(str(arrays["card"]))
        return cls(names, trees, float(arrays["offset"]), network, mean, scale, lexicon, card)

    @property
    def digest(self) -> str:
        """SHA-256 of what the model computes with, in hexadecimal."""
        arrays = (
            *self.trees, *self.network, self.feature_mean, self.feature_scale,
            np.float32(self.offset), self.lexicon.hashes, self.lexicon.weights,
        )  # fmt: skip
        joined = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        return hashlib.sha256(joined + "\n".join(self.feature_names).encode()).hexdigest()


@cache
def shipped_model(kind: str) -> Model | None:
    """The model that this release ships for pages of a kind, "text" or "html"; None where it ships none."""
    path = Path(str(resources.files("declutter"))) / "models" / f"{kind}.npz"
    return Model.load(path) if path.is_file() else None
