"""The pipeline: segment, measure, repeats, features, model or rules, decide. Everything else is a face of this page."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from declutter.errors import MarkupWarning, ModelError
from declutter.files.markup import holds_markup
from declutter.files.pages_on_disk import PagesOnDisk
from declutter.lines import LABELS, MAIN_CONTENT, Lines, Verdicts
from declutter.pages import Cleaned, Page
from declutter.stages.features import (
    FEATURE_NAMES,
    HTML_FEATURE_NAMES,
    WORD_FEATURE_NAMES,
    Columns,
    features,
    html_features,
    word_features,
)
from declutter.stages.judge import rules
from declutter.stages.judge.decide import by_model, decide
from declutter.stages.judge.model import Model, shipped_model
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import Profile, Sketches, TemplateCounter, registered_domain, sketch
from declutter.stages.segment.text import split_lines
from declutter.stages.write import kept_texts

ENGINES = ("auto", "model", "rules")
BATCH_CHARS = 1 << 19  # pages judged at once: large enough for numpy, small enough for the processor's cache
BATCH_PAGES = 256
TEXT_MODEL_FEATURES = FEATURE_NAMES + WORD_FEATURE_NAMES  # what a model for dumps must have been trained on
HTML_TO_TEXT = 16  # characters of HTML to one of text, about: most of a page is markup


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

    def __post_init__(self):
        object.__setattr__(self, "keep", frozenset(self.keep))
        if unknown := self.keep - set(LABELS):
            raise ValueError(f"no such label: {', '.join(sorted(unknown))}; labels are {', '.join(LABELS)}")
        if self.engine not in ENGINES:
            raise ValueError(f"no such engine: {self.engine}; engines are {', '.join(ENGINES)}")
        if not 0.0 < self.beta < float("inf"):
            raise ValueError(f"beta is {self.beta}; it must be greater than 0")
        for model, names in ((self.model, TEXT_MODEL_FEATURES), (self.html_model, HTML_FEATURE_NAMES)):
            if model is not None:
                model.check(names)
        if self.engine == "model" and self._model_for("text")[0] is None:
            raise ModelError("this release ships no model; give one, or use engine='rules' or 'auto'")

    def _model_for(self, kind: str) -> tuple[Model | None, Callable[[Columns, Model], np.ndarray]]:
        """The model for "text" or "html" pages and what computes its features.

        HTML without a model of its own is judged as text. Raises ModelError where a model doesn't fit.
        """
        if self.engine == "rules":
            return None, _text_features
        if kind == "html" and (model := self.html_model or shipped_model("html")) is not None:
            model.check(HTML_FEATURE_NAMES)
            return model, lambda columns, _: html_features(columns)
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
            yield from _cleaned(self, pages)
            return
        kept = PagesOnDisk(pages) if iter(pages) is pages else None
        try:
            source = kept or pages
            yield from _cleaned(replace(self, profile=learn(source)), source)
        finally:
            if kept:
                kept.close()

    def _clean_one(self, page: Page) -> Cleaned:
        return _judge_batch(self, [page])[0]


def learn(pages: Iterable[Page]) -> Profile:
    """Count on how many pages of its site each line stands. Pages that can't be read as text are left out."""
    counter = TemplateCounter()
    for sketches, _ in sketches_of(pages):
        counter.add_sketches(sketches)
    return counter.profile()


def sketches_of(pages: Iterable[Page]) -> Iterator[tuple[Sketches, list[Page]]]:
    """What is remembered of the pages until they are counted, batch by batch, and the pages that could be read."""
    for batch in batches(pages):
        for part, lines in _segmented(batch):
            yield sketch(measure(lines), [site_of(page) for page in part]), part


def site_of(page: Page) -> str | None:
    """The site of a page where it is known: given, or the registered domain of its URL."""
    return page.site or registered_domain(page.url)


def segment(pages: Sequence[Page]) -> Lines:
    """The lines of pages that are all dumps or all HTML."""
    return _segment(pages)[0]


def _segment(pages: Sequence[Page]) -> tuple[Lines, Sequence[str | None]]:
    """The lines, and what of each page was left out because it is hostile."""
    if pages[0].html is None:
        return split_lines([page.text for page in pages]), [None] * len(pages)
    from declutter.stages.segment.decode import decode_html
    from declutter.stages.segment.html import split_html
    from declutter.stages.segment.json_text import NO_TEXT_CHARS, json_markup

    htmls = [page.html if isinstance(page.html, str) else decode_html(page.html) for page in pages]
    lines, partial = split_html(htmls)
    bounds = lines.starts[lines.page_starts]
    added = {
        page: json_markup(htmls[page], lines.text[bounds[page] : bounds[page + 1]])
        for page in np.flatnonzero(np.diff(bounds) <= NO_TEXT_CHARS).tolist()
    }
    if any(added.values()):  # text that only JSON carries
        lines, partial = split_html([html + added.get(page, "") for page, html in enumerate(htmls)])
    return lines, partial


def judge(lines: Lines, pages: Sequence[Page], cleaner: Cleaner) -> Verdicts:
    """The pipeline, for pages that are all dumps or all HTML: the verdict on each of their lines."""
    measures = measure(lines)
    repeats = (cleaner.profile or Profile()).repeats(measures, [site_of(page) for page in pages])
    columns = Columns(lines, measures, repeats)
    judgement = rules.judge(columns)
    model, features_of = cleaner._model_for("text" if pages[0].html is None else "html")
    if model is not None:
        x = features_of(columns, model)
        judgement = by_model(columns, *model.scores(x, measures.page_starts), judgement, cleaner.beta)
    return decide(lines, measures, judgement, cleaner.keep)


def _text_features(columns: Columns, model: Model) -> np.ndarray:
    """TEXT_MODEL_FEATURES of the lines, with what the model's lexicon says of them."""
    measures = columns.measures
    of_words = word_features(columns, measures.word_starts, measures.word_hashes, model.lexicon)
    return features(columns, of_words)


def _cleaned(cleaner: Cleaner, pages: Iterable[Page]) -> Iterator[Cleaned]:
    cleaner._model_for("text")  # a model that doesn't fit is no fault of the pages
    for batch in batches(pages):
        try:
            cleaned = _judge_batch(cleaner, batch)
        except Exception:  # one page of the batch; find it, and do the others
            cleaned = (_clean_or_pass_through(cleaner, page) for page in batch)
        yield from cleaned


def _clean_or_pass_through(cleaner: Cleaner, page: Page) -> Cleaned:
    try:
        return _judge_batch(cleaner, [page])[0]
    except Exception as error:  # the page is the unit: it is passed through, and says why
        reason = f"{type(error).__name__}: {error}"
    return passed_through(page, reason)  # out here, where what the error held of memory is free again


def warn_of_markup(text: str) -> None:
    """Warn where a text is HTML, at the line that called declutter."""
    if holds_markup(text):
        level, frame = 1, sys._getframe()
        while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "declutter":
            level, frame = level + 1, frame.f_back
        message = "this text is HTML, and is cleaned as a text dump; clean_html and explain_html read HTML"
        warnings.warn(message, MarkupWarning, stacklevel=level)


def passed_through(page: Page, error: str) -> Cleaned:
    """The page whole, and why."""
    whole = page.text if page.text is not None else page.html
    text = whole.decode("utf-8", "replace") if isinstance(whole, bytes) else whole
    n_lines = len(split_lines([text]))
    everything = Verdicts(
        labels=np.full(n_lines, LABELS.index("body"), np.uint8),
        score=np.full(n_lines, 0.5, np.float32),
        keep=np.ones(n_lines, bool),
        reasons=(f"passed through: {error}",),
        reason_codes=np.zeros(n_lines, np.int32),
    )
    return Cleaned(page, text, everything, error)


def n_text_chars(page: Page) -> int:
    """The characters of a page's text, of an HTML page about: what batches are measured by."""
    return len(page.text) if page.text is not None else len(page.html) // HTML_TO_TEXT


def batches(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Runs of pages that are all dumps or all HTML, of about BATCH_CHARS characters."""
    batch: list[Page] = []
    n_chars = 0
    for page in pages:
        size = n_text_chars(page)
        other_kind = bool(batch) and (batch[0].html is None) != (page.html is None)
        if batch and (other_kind or n_chars + size > BATCH_CHARS or len(batch) == BATCH_PAGES):
            yield batch
            batch, n_chars = [], 0
        batch.append(page)
        n_chars += size
    if batch:
        yield batch


def _segmented(batch: list[Page]) -> Iterator[tuple[list[Page], Lines]]:
    """The batch and its lines, or its pages one by one, without those that can't be segmented (clean_pages tells)."""
    try:
        lines = segment(batch)
    except Exception:
        if len(batch) > 1:
            for page in batch:
                yield from _segmented([page])
    else:
        yield batch, lines


def _judge_batch(cleaner: Cleaner, pages: list[Page]) -> list[Cleaned]:
    lines, partial = _segment(pages)
    verdicts = judge(lines, pages, cleaner)
    cleaned, bounds = [], lines.page_starts.tolist()
    for number, (page, text) in enumerate(zip(pages, kept_texts(lines, verdicts.keep), strict=True)):
        text = text if page.html is None else text.removesuffix("\n")
        of_page = verdicts[bounds[number] : bounds[number + 1]]
        cleaned.append(Cleaned(page, text, of_page, partial=partial[number]))
    return cleaned
