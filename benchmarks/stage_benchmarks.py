"""The pipeline's stages as pytest-benchmark sees them: `python -m pytest benchmarks/stage_benchmarks.py`.

They run over the seeds, as dumps and as plain HTML made of them. `stages.py` compares them with the stored baseline.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest

from declutter.cleaner import Cleaner, learn, segment, site_of
from declutter.lines import Lines
from declutter.pages import Page
from declutter.stages.features import Columns, features, html_features
from declutter.stages.judge import rules
from declutter.stages.judge.decide import decide
from declutter.stages.judge.model import shipped_model
from declutter.stages.measure.measure import measure
from declutter.stages.write import kept_texts

SEEDS = Path(__file__).parent.parent / "seeds"
WORD = re.compile(r"\w+")


def dumps() -> list[Page]:
    return [
        Page(str(path), site=path.parent.name, text=path.read_text("utf-8")) for path in sorted(SEEDS.glob("*/*.txt"))
    ]


def as_html(page: Page) -> Page:
    """The dump's lines in lists, headings and paragraphs, by their length."""
    rows = []
    for number, line in enumerate(page.text.split("\n")):
        tag = "p" if len(line) > 80 else "h2" if number % 9 == 0 else "li"
        rows.append(f"<div class='c{number % 7}'><{tag}>{html.escape(line)}</{tag}></div>")
    return Page(page.id, site=page.site, html=f"<html><body>{''.join(rows)}</body></html>")


@pytest.fixture(scope="module", params=["text", "html"])
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def pages(kind) -> list[Page]:
    return dumps() if kind == "text" else [as_html(page) for page in dumps()]


@pytest.fixture(scope="module")
def lines(pages) -> Lines:
    return segment(pages)


@pytest.fixture(scope="module")
def profile(pages):
    return learn(pages)


@pytest.fixture(scope="module")
def columns(lines, pages, profile) -> Columns:
    measures = measure(lines)
    return Columns(lines, measures, profile.repeats(measures, [site_of(page) for page in pages]))


@pytest.fixture(scope="module")
def x(kind, columns) -> np.ndarray:
    model, features_of = Cleaner()._model_for(kind)
    return features_of(columns, model)


def test_calibration(benchmark, pages):
    """What all other figures are ratios to: every word of the pages replaced by itself."""
    texts = [page.text or page.html for page in pages]
    benchmark(lambda: [WORD.sub(lambda found: found[0], text) for text in texts])


def test_segment(benchmark, pages):
    benchmark(segment, pages)


def test_measure(benchmark, lines):
    benchmark(measure, lines)


def test_learn(benchmark, pages):
    benchmark(learn, pages)


def test_features(benchmark, kind, lines, pages, profile):
    measures = measure(lines)
    repeats = profile.repeats(measures, [site_of(page) for page in pages])
    benchmark(lambda: (features if kind == "text" else html_features)(Columns(lines, measures, repeats)))


def test_rules(benchmark, columns):
    benchmark(rules.judge, columns)


def test_model(benchmark, kind, x, columns):
    benchmark(shipped_model(kind).scores, x, columns.measures.page_starts)


def test_decide(benchmark, lines, columns):
    judgement = rules.judge(columns)
    benchmark(decide, lines, columns.measures, judgement, frozenset({"title", "body"}))


def test_write(benchmark, lines):
    keep = np.arange(len(lines)) % 3 > 0
    benchmark(kept_texts, lines, keep)


def test_clean_pages(benchmark, pages, profile):
    cleaner = Cleaner(profile=profile)
    benchmark(lambda: sum(len(done.text) for done in cleaner.clean_pages(pages)))
