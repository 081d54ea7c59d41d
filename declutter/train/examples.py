"""Examples: labelled pages to rows of features, measured as parts of their sites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from declutter.cleaner import segment
from declutter.lines import Repeats
from declutter.pages import Page
from declutter.stages.features import Columns, features, html_features
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import TemplateCounter
from declutter.train.f1 import token_list
from declutter.train.labelling import HTML_STYLE, LabelledDump

SITE_SIZES = (1, 2, 5, 20)  # pages of a site seen together, so that the model knows the lone page and the site


@dataclass(frozen=True, slots=True)
class Examples:
    """Lines that are not blank, as columns; one row a line."""

    x: np.ndarray  # float32 (n, n_features)
    is_main: np.ndarray  # int8 (n,): 1, 0, or -1 undecided
    labels: np.ndarray  # uint8 (n,): codes into LABELS, UNKNOWN where not known
    tokens: np.ndarray  # float32 (n,), the line's tokens as the scores count them
    page: np.ndarray  # int64 (n,), row of `pages`
    line: np.ndarray  # int64 (n,), the line's number on its page, from 0
    n_words: np.ndarray  # int32 (n,), how many of `word_hashes` are the line's
    word_hashes: np.ndarray  # uint64 (n_words,), as in Measures
    pages: tuple[LabelledDump, ...]

    @property
    def page_starts(self) -> np.ndarray:
        """int64 (n_pages + 1,): the row with which each page begins, and the end."""
        return np.searchsorted(self.page, np.arange(len(self.pages) + 1))


def make_examples(labelled: Iterable[LabelledDump], seed: int = 0, sizes: Sequence[int] = SITE_SIZES) -> Examples:
    """Measure labelled pages as parts of their sites: groups of a random size of `sizes`, or whole (`sizes=()`).

    Lines are fingerprinted together with pages of the same site and style only, as one scraper would leave them. `x`
    is what `html_features` gives for pages in HTML_STYLE, and what `features` gives for dumps. Raises ValueError where
    both are mixed, and where there is no page.
    """
    random = np.random.default_rng(seed)
    by_site: dict[tuple[str, str, str], list[LabelledDump]] = {}
    for dump in labelled:
        by_site.setdefault((dump.page.set, dump.page.site, dump.style), []).append(dump)
    are_html = {style == HTML_STYLE for _, _, style in by_site}
    if len(are_html) != 1:
        raise ValueError("HTML pages and dumps make no common examples" if are_html else "no page to make examples of")
    features_of = html_features if are_html.pop() else features
    parts: list[dict[str, np.ndarray]] = []
    pages: list[LabelledDump] = []
    for dumps_of_site in by_site.values():
        for group in random_groups(dumps_of_site, sizes, random):
            parts.append(_measure_group(group, len(pages), features_of))
            pages += [replace(dump, page=replace(dump.page, html=None)) for dump in group]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Examples(pages=tuple(pages), **columns)


def random_groups(pages: list, sizes: Sequence[int], random: np.random.Generator) -> list[list]:
    """The pages of a site in groups of a random size of `sizes` each, in random order; one group where `sizes` is ().

    A size is drawn as often as it is small, so that about as many pages stand in groups of each size.
    """
    if not sizes:
        return [pages]
    chances = 1.0 / np.array(sizes)
    chances /= chances.sum()
    shuffled = [pages[number] for number in random.permutation(len(pages))]
    groups = []
    while shuffled:
        size = int(random.choice(sizes, p=chances))
        groups.append(shuffled[:size])
        shuffled = shuffled[size:]
    return groups


def page_of(dump: LabelledDump, site: str | None = None) -> Page:
    """A labelled page as cleaning takes it."""
    content = {"html": dump.page.html} if dump.style == HTML_STYLE else {"text": dump.text}
    return Page(f"{dump.page.set}/{dump.page.site}/{dump.page.id}", site=site, **content)


def _measure_group(
    group: Sequence[LabelledDump], first_page: int, features_of: Callable[[Columns], np.ndarray]
) -> dict[str, np.ndarray]:
    """The columns of Examples for pages of one site; pages count from `first_page`."""
    lines, _ = segment([page_of(dump) for dump in group])
    measures = measure(lines)
    repeats = Repeats.none(len(measures))
    if len(group) > 1:
        counter = TemplateCounter()
        counter.add(measures, ["site"] * len(group))
        repeats = counter.profile().repeats(measures, ["site"] * len(group))
    page = np.repeat(np.arange(len(group)), np.diff(measures.page_starts))
    line = measures.rows - lines.page_starts[page]
    return {
        "x": features_of(Columns(lines, measures, repeats)),
        "is_main": np.concatenate([dump.is_main[line[page == number]] for number, dump in enumerate(group)]),
        "labels": np.concatenate([dump.labels[line[page == number]] for number, dump in enumerate(group)]),
        "tokens": np.array([len(token_list(lines[row])) for row in measures.rows.tolist()], np.float32),
        "page": page + first_page,
        "line": line,
        "n_words": np.diff(measures.word_starts).astype(np.int32),
        "word_hashes": measures.word_hashes,
    }
