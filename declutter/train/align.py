"""Align: which lines of a dump are main content, found by laying the gold text along the dump in order.

Runs of equal tokens (never across lines of the dump) are candidates; the chain of candidates, in order in both texts,
with the most tokens and the fewest lines jumped over is chosen, first from runs of SEED_TOKENS and more, then
between the chosen ones from shorter runs. What of the gold is still unmatched is then looked for out of order,
in long runs only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from declutter.train.f1 import token_list

SEED_TOKENS = 4  # shortest run of the first round, in tokens
OUT_OF_ORDER_TOKENS = 6  # shortest run taken out of order, where it isn't a whole line
OUT_OF_ORDER_LINE_TOKENS = 2  # shortest whole line taken out of order: +.001 oracle F1 on WCXB, elsewhere no change
MAX_OCCURRENCES = 24  # a run of tokens that stands more often in the gold doesn't say where a line belongs
MAX_CANDIDATES = 4000  # most runs chained at once: the chain takes time by their square (0.3 s at this number)
JUMP_COST = 0.5  # tokens that ln(1 + lines jumped over) costs: of two equal lines the one by its neighbours wins
PARTIAL_COST = 1.0  # tokens that a run pays when it isn't all of its line
KEEP_SHARE, DROP_SHARE = 0.6, 0.3  # shares between them leave a line undecided

#: What stands in words without being of them, and Markdown's link targets.
NOT_WORDS = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]|\]\(<?[^)\s]*\)?")
KEEP, DROP, UNDECIDED = 1, 0, -1


class Runs(NamedTuple):
    """Equal stretches of dump and gold, one row a run; int64 (n_runs,) but for the weights."""

    dump: np.ndarray  # first token in the dump
    gold: np.ndarray  # first token in the gold
    length: np.ndarray  # in tokens
    weight: np.ndarray  # float64 (n_runs,)

    def take(self, rows: np.ndarray) -> Runs:
        return Runs(*(column[rows] for column in self))


def align(lines: Sequence[str], main_text: str) -> np.ndarray:
    """Share of each line's tokens that are in the gold, float32 (n_lines,), 0..1.

    Lines without tokens (blank, bullets, punctuation) take the smaller share of the lines with tokens round them.
    """
    vocabulary: dict[str, int] = {}
    gold = _ids(_align_tokens(main_text), vocabulary)
    in_lines = [_ids(_align_tokens(line), vocabulary) for line in lines]
    n_tokens = np.array([len(ids) for ids in in_lines], dtype=np.int64)
    dump, line_of = _join(in_lines)
    matched = np.zeros(len(dump), dtype=bool)
    if len(dump) and len(gold):
        free_gold = np.ones(len(gold), dtype=bool)
        for run in _in_order(dump, gold, line_of):
            _mark(run, matched, free_gold)
        for run in _out_of_order(dump, gold, line_of, matched, free_gold):
            _mark(run, matched, free_gold)
    hits = np.bincount(line_of, weights=matched, minlength=len(lines))
    return _fill_tokenless(hits, n_tokens)


def match(lines: Sequence[str], targets: Sequence[str]) -> np.ndarray:
    """The row of `targets` that holds most of each line's tokens, int64 (n_lines,), -1 where none does.

    `lines` and `targets` are the same page in two styles of dump: in the same order, cut differently.
    """
    vocabulary: dict[str, int] = {}
    in_targets = [_ids(_align_tokens(target), vocabulary) for target in targets]
    in_lines = [_ids(_align_tokens(line), vocabulary) for line in lines]
    found = np.full(len(lines), -1, dtype=np.int64)
    dump, line_of = _join(in_lines)
    goal, target_of = _join(in_targets)
    if not len(dump) or not len(goal):
        return found
    pairs: Counter[tuple[int, int]] = Counter()
    for dump_start, goal_start, length in _in_order(dump, goal, line_of, max_occurrences=1):
        for step in range(length):
            pairs[int(line_of[dump_start + step]), int(target_of[goal_start + step])] += 1
    for (line, target), _ in sorted(pairs.items(), key=lambda pair: (pair[1], -pair[0][1])):
        found[line] = target  # the pair with the most tokens comes last
    return found


def labels_from(share: np.ndarray, keep_share: float = KEEP_SHARE, drop_share: float = DROP_SHARE) -> np.ndarray:
    """KEEP, DROP or UNDECIDED for each line, int8 (n_lines,), from the shares that `align` gives."""
    return np.where(share >= keep_share, KEEP, np.where(share <= drop_share, DROP, UNDECIDED)).astype(np.int8)


def oracle(lines: Sequence[str], share: np.ndarray, keep_share: float = 0.5) -> str:
    """The text of the lines whose share is at least `keep_share`: the best that a choice of lines can do.

    Keeping a line raises F1 if more than half the F1 reached of its tokens are right, so 0.5 is the threshold.
    """
    return "\n".join(line for line, of_line in zip(lines, share, strict=True) if of_line >= keep_share)


def _align_tokens(text: str) -> list[str]:
    """Tokens without what extractors add to words: Markdown's underscores, soft hyphens, direction marks."""
    return token_list(NOT_WORDS.sub("", text).replace("_", " "))


def _ids(tokens: list[str], vocabulary: dict[str, int]) -> np.ndarray:
    return np.array([vocabulary.setdefault(token, len(vocabulary)) for token in tokens], dtype=np.int64)


def _join(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All tokens in one row, and the number of the part that each comes from."""
    joined = np.concatenate([*parts, np.zeros(0, dtype=np.int64)])
    return joined, np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _mark(run: tuple[int, int, int], matched: np.ndarray, free_gold: np.ndarray) -> None:
    dump_start, gold_start, length = run
    matched[dump_start : dump_start + length] = True
    free_gold[gold_start : gold_start + length] = False


def _fill_tokenless(hits: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
    """Shares of all lines, those without tokens by their neighbours."""
    share = np.zeros(len(n_tokens), dtype=np.float32)
    told = np.flatnonzero(n_tokens)
    share[told] = hits[told] / n_tokens[told]
    before = np.searchsorted(told, np.arange(len(share)), side="right") - 1
    around = np.concatenate([[0.0], share[told], [0.0]])
    silent = n_tokens == 0
    share[silent] = np.minimum(around[before + 1], around[before + 2])[silent]
    return share


def _in_order(
    dump: np.ndarray, gold: np.ndarray, line_of: np.ndarray, max_occurrences: int = MAX_OCCURRENCES
) -> list[tuple[int, int, int]]:
    """The chain of runs through the whole page, and the chains of shorter runs between them."""
    chosen = _chain(_find_runs(dump, gold, line_of, SEED_TOKENS, max_occurrences=max_occurrences), line_of)
    edges = [(0, 0, 0), *chosen, (len(dump), len(gold), 0)]
    for (dump_start, gold_start, length), (dump_end, gold_end, _) in pairwise(edges):
        dump_start, gold_start = dump_start + length, gold_start + length
        if dump_start < dump_end and gold_start < gold_end:
            part = slice(dump_start, dump_end)
            runs = _find_runs(dump[part], gold[gold_start:gold_end], line_of[part], 2, short_lines=True)
            between = _chain(runs, line_of[part], bounded=(dump_start > 0, dump_end < len(dump)))
            chosen += [(dump_start + first, gold_start + at, tokens) for first, at, tokens in between]
    return chosen


def _out_of_order(
    dump: np.ndarray, gold: np.ndarray, line_of: np.ndarray, matched: np.ndarray, free_gold: np.ndarray
) -> list[tuple[int, int, int]]:
    """Long runs and whole lines of gold that the chain left over, longest first, where nothing is matched yet."""
    dump_left, gold_left = np.where(matched, -1, dump), np.where(free_gold, gold, -2)
    runs = _find_runs(dump_left, gold_left, line_of, OUT_OF_ORDER_LINE_TOKENS)
    runs = runs.take((runs.length >= OUT_OF_ORDER_TOKENS) | (runs.weight == runs.length))
    taken: list[tuple[int, int, int]] = []
    free_dump, free_gold = ~matched, free_gold.copy()
    for row in np.argsort(-runs.length, kind="stable"):
        dump_start, gold_start, length = int(runs.dump[row]), int(runs.gold[row]), int(runs.length[row])
        in_dump, in_gold = slice(dump_start, dump_start + length), slice(gold_start, gold_start + length)
        if free_dump[in_dump].all() and free_gold[in_gold].all():
            free_dump[in_dump] = free_gold[in_gold] = False
            taken.append((dump_start, gold_start, length))
    return taken


def _find_runs(
    dump: np.ndarray, gold: np.ndarray, line_of: np.ndarray, seed_tokens: int, short_lines: bool = False,
    max_occurrences: int = MAX_OCCURRENCES,
) -> Runs:  # fmt: skip
    """The maximal runs of `seed_tokens` and more within lines; with `short_lines`, shorter lines found whole too."""
    line_starts = np.flatnonzero(np.diff(line_of, prepend=-1))
    line_tokens = np.diff(line_starts, append=len(dump))
    n_in_line = np.repeat(line_tokens, line_tokens)
    left_in_line = np.repeat(line_starts + line_tokens, line_tokens) - np.arange(len(dump))
    pairs = [_pairs(dump, gold, np.flatnonzero(left_in_line >= seed_tokens), seed_tokens, max_occurrences)]
    lengths = [seed_tokens]
    if short_lines:
        for n_tokens in range(1, seed_tokens):
            whole = line_starts[line_tokens == n_tokens]
            pairs.append(_pairs(dump, gold, whole, n_tokens, max_occurrences))
            lengths.append(n_tokens)
    starts, at, length = _merge(*pairs[0], line_of, seed_tokens)
    starts = np.concatenate([starts, *(pair[0] for pair in pairs[1:])])
    at = np.concatenate([at, *(pair[1] for pair in pairs[1:])])
    length = np.concatenate(
        [length, *(np.full(len(pair[0]), n) for pair, n in zip(pairs[1:], lengths[1:], strict=True))]
    )
    weight = length - PARTIAL_COST * (length < n_in_line[starts])
    runs = Runs(starts, at, length, weight)
    if len(starts) > MAX_CANDIDATES:
        runs = runs.take(np.argsort(-weight, kind="stable")[:MAX_CANDIDATES])
    return runs.take(np.lexsort((runs.gold, runs.dump)))


def _pairs(
    dump: np.ndarray, gold: np.ndarray, starts: np.ndarray, n_tokens: int, max_occurrences: int
) -> tuple[np.ndarray, np.ndarray]:
    """(dump positions, gold positions) of equal n-grams, for the dump's n-grams that begin at `starts`."""
    if len(gold) < n_tokens or not len(starts):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    gold_keys = _ngram_keys(gold, np.arange(len(gold) - n_tokens + 1), n_tokens)
    dump_keys = _ngram_keys(dump, starts, n_tokens)
    order = np.argsort(gold_keys, kind="stable")
    first = np.searchsorted(gold_keys[order], dump_keys, side="left")
    count = np.searchsorted(gold_keys[order], dump_keys, side="right") - first
    count[count > max_occurrences] = 0
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(starts, count), order[np.repeat(first, count) + offset]


def _ngram_keys(ids: np.ndarray, starts: np.ndarray, n_tokens: int) -> np.ndarray:
    """A 64-bit key of each n-gram, uint64 (n_starts,); chance collisions are below one in 10**11 for a page."""
    keys = np.zeros(len(starts), dtype=np.uint64)
    for step in range(n_tokens):
        keys = (keys ^ ids[starts + step].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def _merge(
    starts: np.ndarray, at: np.ndarray, line_of: np.ndarray, n_tokens: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join n-gram pairs that follow one another on one diagonal and line into (starts, at, length) of runs."""
    if not len(starts):
        return starts, at, starts
    order = np.lexsort((starts, at - starts))
    starts, at = starts[order], at[order]
    begins = np.ones(len(starts), dtype=bool)
    begins[1:] = (np.diff(starts) != 1) | (np.diff(at - starts) != 0) | (line_of[starts[1:]] != line_of[starts[:-1]])
    heads = np.flatnonzero(begins)
    length = np.diff(heads, append=len(starts)) + n_tokens - 1
    return starts[heads], at[heads], length


def _chain(runs: Runs, line_of: np.ndarray, bounded: tuple[bool, bool] = (False, False)) -> list[tuple[int, int, int]]:
    """The best chain of runs that follow one another in dump and gold, as (dump start, gold start, length).

    A chain scores its runs' weights less JUMP_COST times ln(1 + lines jumped over) between neighbours; where an end
    is `bounded` (a chosen run stands there), the jump to it counts too.
    """
    n_runs = len(runs.dump)
    if not n_runs:
        return []
    first_line = line_of[runs.dump].astype(np.float64)
    last_line = line_of[runs.dump + runs.length - 1].astype(np.float64)
    dump_end, gold_end = runs.dump + runs.length, runs.gold + runs.length
    best, previous = runs.weight.copy(), np.full(n_runs, -1)
    if bounded[0]:
        best -= JUMP_COST * np.log1p(first_line - line_of[0])
    for row in range(1, n_runs):
        fits = np.flatnonzero((dump_end[:row] <= runs.dump[row]) & (gold_end[:row] <= runs.gold[row]))
        if len(fits):
            jumped = np.maximum(first_line[row] - last_line[fits] - 1, 0)
            scores = best[fits] - JUMP_COST * np.log1p(jumped)
            highest = int(np.argmax(scores))
            if scores[highest] + runs.weight[row] > best[row]:
                best[row], previous[row] = scores[highest] + runs.weight[row], fits[highest]
    at_end = best - JUMP_COST * np.log1p(line_of[-1] - last_line) if bounded[1] else best
    row = int(np.argmax(at_end))
    chain = []
    while row >= 0:
        chain.append((int(runs.dump[row]), int(runs.gold[row]), int(runs.length[row])))
        row = int(previous[row])
    return chain[::-1]
