"""Measures of an answer against gold: words, tokens, lines, labels. The formulas are those of the gold sets."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from declutter.lines import BYLINE, CAPTION, LABEL_CODES, LABELS, MAIN_CONTENT

#: Letters, marks and digits of the scripts written without spaces between words: Han, Hiragana, Katakana,
#: Thai, Lao, Khmer, Myanmar (with its extensions).
UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0edf\u1780-\u17d3\u17e0-\u17e9"
    "\u1000-\u1049\u1050-\u109d\ua9e0-\ua9fe\uaa60-\uaa7f"
)
WORD = re.compile(r"\w+")
TOKEN = re.compile(rf"[^\W{UNSPACED}]+|[{UNSPACED}]")

#: Labels whose lines are neither right nor wrong to keep: line scores leave them out.
LEFT_OUT = frozenset({LABELS[CAPTION], LABELS[BYLINE]})


def words(text: str) -> Counter[str]:
    r"""The `\w+` of the lower-cased text, with how often each stands there."""
    return Counter(WORD.findall(text.lower()))


def token_list(text: str) -> list[str]:
    r"""The `\w+` of the lower-cased text in order, one token a character in scripts written without spaces."""
    return TOKEN.findall(text.lower())


def tokens(text: str) -> Counter[str]:
    """The tokens of a text (see `token_list`), with how often each stands there."""
    return Counter(token_list(text))


def bag_f1(answer: Counter[str], gold: Counter[str]) -> float:
    """F1 of two multisets, 0..1. Where the gold is empty: 1 if the answer is empty too, else 0."""
    n_answer, n_gold = answer.total(), gold.total()
    if not n_gold:
        return 0.0 if n_answer else 1.0
    hits = sum(min(count, answer[word]) for word, count in gold.items() if word in answer)
    return 2 * hits / (n_answer + n_gold)


def word_f1(answer: str, gold: str) -> float:
    """F1 of the words of two texts, 0..1."""
    return bag_f1(words(answer), words(gold))


def token_f1(answer: str, gold: str) -> float:
    """F1 of the tokens of two texts, 0..1."""
    return bag_f1(tokens(answer), tokens(gold))


@dataclass(frozen=True, slots=True)
class Counts:
    """What was kept, what should have been, and both: in lines, or in characters where lines were weighted."""

    hits: float = 0.0
    kept: float = 0.0
    main: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.kept + other.kept, self.main + other.main)

    @property
    def precision(self) -> float:
        """Share of what was kept that is main content; 1 where nothing was kept."""
        return self.hits / self.kept if self.kept else 1.0

    @property
    def recall(self) -> float:
        """Share of the main content that was kept; 1 where there is none."""
        return self.hits / self.main if self.main else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; where there is no main content 1 if nothing was kept, else 0."""
        return 2 * self.hits / (self.kept + self.main) if self.kept + self.main else 1.0


def line_counts(
    keep: Sequence[bool] | np.ndarray,
    labels: Sequence[str | None],
    weights: Sequence[float] | np.ndarray | None = None,
    main: frozenset[str] = MAIN_CONTENT,
) -> Counts:
    """Compare the lines kept of one page with its gold labels.

    `keep` is bool (n_lines,), `labels` a label or None (blank, unlabelled) a line, `weights` the characters of
    each line for a score by characters. Lines without a label and those labelled caption or byline are left
    out, unless `main` holds their label.
    """
    if len(keep) != len(labels) or (weights is not None and len(weights) != len(labels)):
        raise ValueError(f"{len(keep)} verdicts for {len(labels)} labelled lines")
    counted = np.array([label is not None and (label in main or label not in LEFT_OUT) for label in labels], dtype=bool)
    weight = np.where(counted, 1.0 if weights is None else np.asarray(weights, dtype=np.float64), 0.0)
    kept = np.asarray(keep, dtype=bool)
    is_main = np.array([label in main for label in labels], dtype=bool)
    return Counts(float(weight[kept & is_main].sum()), float(weight[kept].sum()), float(weight[is_main].sum()))


def confusion(answers: Sequence[str], labels: Sequence[str | None]) -> np.ndarray:
    """int64 (n_labels, n_labels): rows are the gold labels, columns the answers; lines without a label are left out."""
    if len(answers) != len(labels):
        raise ValueError(f"{len(answers)} answers for {len(labels)} labelled lines")
    table = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for answer, label in zip(answers, labels, strict=True):
        if label is not None:
            table[LABEL_CODES[label], LABEL_CODES[answer]] += 1
    return table


def macro(scores: Iterable[tuple[str, float]]) -> float:
    """Mean over the pages of each site, then over sites, of (site, score) pairs; nan where there are none."""
    by_site: dict[str, list[float]] = defaultdict(list)
    for site, score in scores:
        by_site[site].append(score)
    return float(np.mean([np.mean(of_site) for of_site in by_site.values()])) if by_site else float("nan")
