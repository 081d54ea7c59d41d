"""Scores: of a page's answer, of a set of pages, and how sure the difference between two systems is.

Word F1 (WCXB) averages over pages; token F1, line F1 and recall average over the pages of a site, then over sites;
shingle F1 is the F1 of mean precision and mean recall over pages. Every score is 0 to 1.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from declutter.train.f1 import Counts, bag_f1, tokens, words
from declutter.train.snippets import letters

N_DRAWS = 2000  # of the bootstrap
INTERVAL = (2.5, 97.5)  # percentiles
SHINGLE_WORDS = 4
HEADLINE_LINES = 12  # lines of an answer among which its headline must be
WORD = re.compile(r"\w+")


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Runs of four words, case kept; a shorter text is one run. The units of scrapinghub's benchmark."""
    found = WORD.findall(text)
    runs = [tuple(found[start : start + SHINGLE_WORDS]) for start in range(max(1, len(found) - SHINGLE_WORDS + 1))]
    return Counter(run for run in runs if run)


def line_characters(text: str) -> Counter[str]:
    """The characters of each line that is not blank."""
    found: Counter[str] = Counter()
    for line in text.split("\n"):
        found[line] += len(line.strip())
    return +found


@dataclass(frozen=True, slots=True)
class PageScore:
    """One answer: what a result stores of it, and its precision and recall."""

    stored: tuple[float, ...]  # (f1,); of shingles the shares (right, wrong, missing) of all that either has
    precision: float
    recall: float


BAGS: dict[str, Callable[[str], Counter]] = {
    "word_f1": words, "token_f1": tokens, "shingle_f1": shingles, "line_f1": line_characters,
}  # fmt: skip


def score_page(metric: str, answer: str, gold: str) -> PageScore:
    """Score a text against the gold by "word_f1", "token_f1", "line_f1", "shingle_f1" or "recall".

    Of "recall", `gold` is the lines that must be kept; the share of them whose letters stand in the answer counts, and
    precision is the share of the answer's letters that those lines would fill, 1 at most.
    """
    if metric == "recall":
        wanted, kept = [found for line in gold.split("\n") if (found := letters(line))], letters(answer)
        recall = sum(line in kept for line in wanted) / len(wanted) if wanted else 1.0
        return PageScore((recall,), min(1.0, len("".join(wanted)) / len(kept)) if kept else 1.0, recall)
    given, wanted = BAGS[metric](answer), BAGS[metric](gold)
    counts = Counts((given & wanted).total(), given.total(), wanted.total())
    if metric != "shingle_f1":
        return PageScore((bag_f1(given, wanted),), counts.precision, counts.recall)
    parts = (counts.hits, counts.kept - counts.hits, counts.main - counts.hits)
    total = sum(parts) or 1
    return PageScore(tuple(part / total for part in parts), counts.precision, counts.recall)


def has_headline(answer: str, headline: str) -> bool:
    """Whether the headline begins one of the first lines of an answer; letters and digits alone are compared."""
    lines = [line for line in answer.split("\n") if line.strip()][:HEADLINE_LINES]
    return any(letters(line).startswith(letters(headline)) for line in lines)


def shingle_precision(answer: str, gold: str) -> float:
    """The share of the answer's runs of four words that stand in the gold; nan for an empty answer."""
    given = shingles(answer)
    return (given & shingles(gold)).total() / given.total() if given else float("nan")


def mean_of_sites(scores: Sequence[float], sites: Sequence[str]) -> float:
    """The mean over each site's pages, then over sites; nan without pages."""
    return set_score("token_f1", np.array(scores, float)[:, None], sites) if len(scores) else float("nan")


def family_sums(metric: str, scores: np.ndarray, sites: Sequence[str], families: Sequence[str]) -> np.ndarray:
    """float64 (n_families, n_parts, 2): sums and counts of what the metric averages, by family.

    `scores` is float64 (n_pages, n_stored), `sites` and `families` name those of each page. Families come in sorted
    order.
    """
    family_names, family = np.unique(np.asarray(families), return_inverse=True)
    parts = _averaged(metric, scores)  # (n_pages, n_parts), nan where a page does not count
    if metric not in ("word_f1", "shingle_f1"):
        _, first, site = np.unique(np.asarray(sites), return_index=True, return_inverse=True)
        counts = np.bincount(site)[:, None]
        parts = np.stack([np.bincount(site, weights=column) for column in parts.T], axis=1) / counts
        family = family[first]
    has_say = ~np.isnan(parts)
    sums = np.zeros((len(family_names), parts.shape[1], 2))
    np.add.at(sums, family, np.stack((np.where(has_say, parts, 0.0), has_say), axis=2))
    return sums


def _averaged(metric: str, scores: np.ndarray) -> np.ndarray:
    if metric != "shingle_f1":
        return scores
    right, wrong, missing = scores.T
    with np.errstate(invalid="ignore"):  # pages where nothing was given have no precision, empty gold no recall
        return np.stack((right / (right + wrong), right / (right + missing)), axis=1)


def value(metric: str, sums: np.ndarray) -> np.ndarray:
    """The score of a set from sums and counts (..., n_parts, 2); nan where there is nothing to average."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[..., 0] / sums[..., 1]
        if metric != "shingle_f1":
            return means[..., 0]
        precision, recall = means[..., 0], means[..., 1]
        both = precision + recall
        return 2 * precision * recall / np.where(both == 0, 1.0, both)


def set_score(metric: str, scores: np.ndarray, sites: Sequence[str]) -> float:
    """The score of a set of pages."""
    return float(value(metric, family_sums(metric, scores, sites, sites).sum(axis=0)))


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one system is than another, with the bounds of a 95% interval."""

    mean: float
    low: float
    high: float


def difference(
    metric: str, one: np.ndarray, other: np.ndarray, sites: Sequence[str], families: Sequence[str], seed: int = 0
) -> Difference:
    """The score of `one` less that of `other`, on the same pages, by a paired bootstrap over families of sites."""
    sums = [family_sums(metric, scores, sites, families) for scores in (one, other)]
    means = [value(metric, of_family.sum(axis=0)) for of_family in sums]
    weights = _draws(len(sums[0]), seed)
    drawn = [value(metric, np.tensordot(weights, of_family, axes=1)) for of_family in sums]
    low, high = np.nanpercentile(drawn[0] - drawn[1], INTERVAL)
    return Difference(float(means[0] - means[1]), float(low), float(high))


def interval(
    metric: str, scores: np.ndarray, sites: Sequence[str], families: Sequence[str], seed: int = 0
) -> tuple[float, float]:
    """The bounds of a 95% interval of a set's score, by the same bootstrap."""
    sums = family_sums(metric, scores, sites, families)
    low, high = np.nanpercentile(value(metric, np.tensordot(_draws(len(sums), seed), sums, axes=1)), INTERVAL)
    return float(low), float(high)


@functools.lru_cache(maxsize=64)  # the groups of a dataset are drawn again for every system
def _draws(n_families: int, seed: int) -> np.ndarray:
    """float64 (N_DRAWS, n_families): how often each family is drawn, with replacement."""
    random = np.random.default_rng(seed)
    return random.multinomial(n_families, np.full(n_families, 1.0 / n_families), size=N_DRAWS).astype(np.float64)
