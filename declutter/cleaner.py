"""The pipeline: segment, measure, repeats, features, model or rules, decide. Everything else is a face of this page."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from declutter.errors import MarkupWarning, ModelError
from declutter.files.markup import holds_markup
from declutter.files.pages_on_disk import PagesOnDisk
from declutter.lines import LABELS, MAIN_CONTENT, Lines, Measures, Repeats, Verdicts
from declutter.pages import Cleaned, Markup, Page, PageLimits, content, dump_text, in_batches
from declutter.stages.features import (
    FEATURE_NAMES,
    HTML_FEATURE_NAMES,
    WORD_FEATURE_NAMES,
    Columns,
    features,
    html_features,
    page_mean,
    word_features,
)
from declutter.stages.judge import rules
from declutter.stages.judge.decide import by_model, decide
from declutter.stages.judge.model import Model, shipped_model
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import Profile, Sketches, TemplateCounter, registered_domain, sketch
from declutter.stages.segment.text import split_lines
from declutter.stages.write import kept_texts

if TYPE_CHECKING:
    from types import FrameType

    from declutter.stages.segment.html import ParsedPage

ENGINES = ("auto", "model", "rules")
TEXT_MODEL_FEATURES = FEATURE_NAMES + WORD_FEATURE_NAMES  # what a model for dumps must have been trained on


@dataclass(frozen=True)
class Cleaner:
    """Decides what of a page is main content. Immutable, and safe to share between threads.

    `keep` names the labels to keep, `profile` what was learned of the sites' templates, `engine` who decides:
    "rules", "model", or "auto" (the model where one is shipped). `model` (for dumps) and `html_model` are ones that
    you trained yourself. `beta` weighs recall against precision in what a model keeps: 1 is even, 0.5 prefers
    precision, 2 recall.
    Raises ValueError for unknown names, ModelError where a model is asked for and none fits.
    """

    keep: Collection[str] = MAIN_CONTENT
    profile: Profile | None = None
    engine: str = "auto"
    model: Model | None = None
    html_model: Model | None = None
    beta: float = 1.0

    def __post_init__(self) -> None:
        keep = frozenset(self.keep)
        object.__setattr__(self, "keep", keep)
        if unknown := keep - set(LABELS):
            raise ValueError(f"no such label: {', '.join(sorted(unknown))}; labels are {', '.join(LABELS)}")
        if self.engine not in ENGINES:
            raise ValueError(f"no such engine: {self.engine}; engines are {', '.join(ENGINES)}")
        if not 0.0 < self.beta < float("inf"):
            raise ValueError(f"beta is {self.beta}; it must be greater than 0")
        for model, names in ((self.model, TEXT_MODEL_FEATURES), (self.html_model, HTML_FEATURE_NAMES)):
            if model is not None:
                model.check(names)
        if self.engine == "model" and self.model_for("text")[0] is None:
            raise ModelError("this release ships no model; give one, or use engine='rules' or 'auto'")

    def model_for(self, kind: str) -> tuple[Model | None, Callable[[Columns, Model], np.ndarray]]:
        """The model for "text" or "html" pages and what computes its features.

        HTML without a model of its own is judged as text. Raises ModelError where a model doesn't fit.
        """
        if self.engine == "rules":
            return None, _text_features
        if kind == "html" and (model := self.html_model or shipped_model("html")) is not None:
            model.check(HTML_FEATURE_NAMES)
            return model, _html_features
        model = self.model or shipped_model("text")
        if model is not None:
            model.check(TEXT_MODEL_FEATURES)
        return model, _text_features

    def clean(self, text: str) -> str:
        """The main content of one dump; its lines are byte for byte those of `text`. Warns where it is HTML."""
        warn_of_markup(text)
        return self._clean_one(Page("", text=text)).text

    def clean_html(self, html: str | bytes, url: str | None = None) -> str:
        """The main content of one HTML page, a block a line."""
        return self._clean_one(Page("", url=url, html=html)).text

    def explain(self, text: str) -> Verdicts:
        """The verdict on each line of a dump, blank lines included. Warns where it is HTML."""
        warn_of_markup(text)
        return self._clean_one(Page("", text=text)).verdicts

    def explain_html(self, html: str | bytes, url: str | None = None) -> Verdicts:
        """The verdict on each text block of an HTML page."""
        return self._clean_one(Page("", url=url, html=html)).verdicts

    def clean_pages(self, pages: Iterable[Page]) -> Iterator[Cleaned]:
        """The pages cleaned, in order, a batch in memory at a time.

        Without a profile there are two passes, the first of which learns the sites' templates; an iterator, which
        can be read only once, is kept in a temporary file between them. A page that can't be judged comes out whole,
        with `error` set.
        """
        if self.profile is not None:
            yield from cleaned(self, pages)
            return
        kept = PagesOnDisk(pages) if iter(pages) is pages else None
        try:
            source = kept or pages
            yield from cleaned(replace(self, profile=learn(source)), source)
        finally:
            if kept:
                kept.close()

    def _clean_one(self, page: Page) -> Cleaned:
        return clean_batch(self, [page])[0]


def learn(pages: Iterable[Page]) -> Profile:
    """Count on how many pages of its site each line stands. Pages that can't be read as text are left out."""
    counter = TemplateCounter()
    for sketches, _ in sketched(pages):
        counter.add_sketches(sketches)
    return counter.profile()


def cleaned(cleaner: Cleaner, pages: Iterable[Page], limits: PageLimits | None = None) -> Iterator[Cleaned]:
    """The pages cleaned with what the cleaner's profile knows. A page that fails, or is refused, is passed through."""
    cleaner.model_for("text")  # a model that doesn't fit is no fault of the pages
    return in_batches(pages, partial(clean_batch, cleaner), lambda page, reason: [passed_through(page, reason)], limits)


def sketched(pages: Iterable[Page], limits: PageLimits | None = None) -> Iterator[tuple[Sketches, list[Page]]]:
    """What is remembered of the pages until they are counted, batch by batch, and the pages themselves.

    A page that fails, or is refused, is left out; `cleaned` reports it.
    """
    return in_batches(pages, sketch_batch, lambda page, reason: [], limits)


def warn_of_markup(text: str) -> None:
    """Warn where a text is HTML, at the line that called declutter."""
    if holds_markup(text):
        level = 1
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "declutter":
            level, frame = level + 1, frame.f_back
        message = "this text is HTML, and is cleaned as a text dump; clean_html and explain_html read HTML"
        warnings.warn(message, MarkupWarning, stacklevel=level)


def passed_through(page: Page, error: str) -> Cleaned:
    """The page whole, and why."""
    whole = content(page)
    text = whole.decode("utf-8", "replace") if isinstance(whole, bytes) else whole
    lines = split_lines([text])
    n_lines = len(lines)
    everything = Verdicts(
        labels=np.full(n_lines, LABELS.index("body"), np.uint8),
        score=np.full(n_lines, 0.5, np.float32),
        keep=np.ones(n_lines, bool),
        reasons=(f"passed through: {error}",),
        reason_codes=np.zeros(n_lines, np.int32),
        lines=lines,
        rows=range(n_lines),
    )
    return Cleaned(page, text, everything, error)


# ---- the pipeline, for a batch of pages that are all dumps or all HTML ----


def clean_batch(cleaner: Cleaner, pages: list[Page]) -> list[Cleaned]:
    """The pages cleaned."""
    lines, parsed = segment(pages)
    judged = judge(lines, pages, cleaner)
    texts, bounds = kept_texts(lines, judged.verdicts.keep), lines.page_starts.tolist()
    found = []
    for number, (page, text) in enumerate(zip(pages, texts, strict=True)):
        verdicts = judged.verdicts[bounds[number] : bounds[number + 1]]
        verdicts = replace(verdicts, confidence=judged.verdicts.confidence[number : number + 1])
        if page.html is None:
            found.append(Cleaned(page, text, verdicts))
            continue
        html, read = parsed[number]
        measures = judged.measures.part(number, bounds[number])
        markup = Markup(html, read.head, read.html, measures, judged.mean(number, measures))
        found.append(Cleaned(page, text.removesuffix("\n"), verdicts, partial=read.partial, markup=markup))
    return found


def sketch_batch(pages: list[Page]) -> list[tuple[Sketches, list[Page]]]:
    """What is remembered of the pages, and the pages."""
    return [(sketch(measure(segment(pages)[0]), [site_of(page) for page in pages]), pages)]


def site_of(page: Page) -> str | None:
    """The site of a page where it is known: given, or the registered domain of its URL."""
    return page.site or registered_domain(page.url)


def segment(pages: Sequence[Page]) -> tuple[Lines, list[tuple[str, ParsedPage]]]:
    """The lines of the pages and, of each HTML page, its decoded text and what the parser made of it."""
    if pages[0].html is None:
        return split_lines([dump_text(page) for page in pages]), []
    from declutter.stages.segment.html import lines_of_html
    from declutter.stages.segment.json_text import NO_TEXT_CHARS, json_markup

    htmls = [_decoded(content(page)) for page in pages]
    lines, parsed = lines_of_html(htmls)
    bounds = lines.starts[lines.page_starts]
    added = {
        page: json_markup(htmls[page], lines.text[bounds[page] : bounds[page + 1]])
        for page in np.flatnonzero(np.diff(bounds) <= NO_TEXT_CHARS).tolist()
    }
    if any(added.values()):  # text that only JSON carries
        lines, parsed = lines_of_html([html + added.get(page, "") for page, html in enumerate(htmls)])
    return lines, list(zip(htmls, parsed, strict=True))


def _decoded(html: str | bytes) -> str:
    from declutter.stages.segment.decode import decode_html

    return html if isinstance(html, str) else decode_html(html)


class Judged(NamedTuple):
    """The verdicts on the lines of some pages, and what they were judged by."""

    verdicts: Verdicts
    measures: Measures
    repeats: Repeats
    x: np.ndarray | None  # HTML_FEATURE_NAMES, float32 (n, n_features), where a model for HTML judged

    def mean(self, page: int, measures: Measures) -> np.ndarray | None:
        """The `page_mean` of a page's features, None where there are none, or they know the page's site."""
        rows = slice(*self.measures.page_starts[page : page + 2].tolist())
        if self.x is None or self.repeats.is_known[rows].any():
            return None
        return page_mean(self.x[rows], measures)


def judge(lines: Lines, pages: Sequence[Page], cleaner: Cleaner) -> Judged:
    """The verdict on each line of pages that are all dumps or all HTML."""
    measures = measure(lines)
    repeats = (cleaner.profile or Profile()).repeats(measures, [site_of(page) for page in pages])
    columns = Columns(lines, measures, repeats)
    judgement, x = rules.judge(columns), None
    model, features_of = cleaner.model_for("text" if pages[0].html is None else "html")
    if model is not None:
        x = features_of(columns, model)
        judgement = by_model(columns, *model.scores(x, measures.page_starts), judgement, cleaner.beta)
    verdicts = decide(lines, measures, judgement, cleaner.keep)
    return Judged(verdicts, measures, repeats, x if features_of is _html_features else None)


def _text_features(columns: Columns, model: Model) -> np.ndarray:
    """TEXT_MODEL_FEATURES of the lines, with what the model's lexicon says of them."""
    measures = columns.measures
    of_words = word_features(columns, measures.word_starts, measures.word_hashes, model.lexicon)
    return features(columns, of_words)


def _html_features(columns: Columns, model: Model) -> np.ndarray:
    """HTML_FEATURE_NAMES of the lines; the model reads no words."""
    return html_features(columns)
