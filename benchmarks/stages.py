"""The pipeline's stages against their stored baseline: `python -m pytest benchmarks/stages.py`, with pytest-benchmark.

They run over the seeds, as dumps and as plain HTML made of them. A stage's figure is the processor time of its fastest
round as a ratio to that of a calibration loop, run just before and after it: machines differ, and are busy. A stage
that costs more than SLOWER times its baseline in `results/stages.json` fails; `python -m benchmarks speed --stages
--write` stores a new baseline.
"""

from __future__ import annotations

import functools
import html
import json
import re
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.answers import REPOSITORY
from benchmarks.results import FOLDER
from declutter.cleaner import Cleaner, learn, segment, site_of
from declutter.lines import MAIN_CONTENT
from declutter.pages import Page
from declutter.stages.features import Columns, features, html_features
from declutter.stages.judge import rules
from declutter.stages.judge.decide import decide
from declutter.stages.judge.model import shipped_model
from declutter.stages.measure.measure import measure
from declutter.stages.write import kept_texts

BASELINE = FOLDER / "stages.json"
SLOWER = 2.0  # the fastest rounds differ by up to 1.2 on idle machines, and by up to 1.6 beside other work
ROUNDS = 5
RETRIES = 3
WORD = re.compile(r"\w+")


def as_html(page: Page) -> Page:
    """The dump's lines in lists, headings and paragraphs, by their length."""
    rows = []
    for number, line in enumerate(page.text.split("\n")):
        tag = "p" if len(line) > 80 else "h2" if number % 9 == 0 else "li"
        rows.append(f"<div class='c{number % 7}'><{tag}>{html.escape(line)}</{tag}></div>")
    return Page(page.id, site=page.site, html=f"<html><body>{''.join(rows)}</body></html>")


@functools.cache
def given(kind: str) -> SimpleNamespace:
    """What the stages of "text" or "html" work on, each made by the stages before it."""
    paths = sorted((REPOSITORY / "seeds").glob("*/*.txt"))
    dumps = [Page(str(path), site=path.parent.name, text=path.read_text("utf-8")) for path in paths]
    pages = dumps if kind == "text" else [as_html(page) for page in dumps]
    lines, profile = segment(pages)[0], learn(pages)
    measures = measure(lines)
    columns = Columns(lines, measures, profile.repeats(measures, [site_of(page) for page in pages]))
    model, features_of = Cleaner().model_for(kind)
    return SimpleNamespace(
        pages=pages, lines=lines, profile=profile, measures=measures, columns=columns, model=shipped_model(kind),
        features=features if kind == "text" else html_features, x=features_of(columns, model),
        judgement=rules.judge(columns), keep=np.arange(len(lines)) % 3 > 0,
        texts=[page.text or page.html for page in pages],
    )  # fmt: skip


STAGES: dict[str, Callable[[SimpleNamespace], object]] = {
    "segment": lambda on: segment(on.pages),
    "measure": lambda on: measure(on.lines),
    "learn": lambda on: learn(on.pages),
    "features": lambda on: on.features(Columns(on.lines, on.measures, on.columns.repeats)),
    "rules": lambda on: rules.judge(on.columns),
    "model": lambda on: on.model.scores(on.x, on.measures.page_starts),
    "decide": lambda on: decide(on.lines, on.measures, on.judgement, MAIN_CONTENT),
    "write": lambda on: kept_texts(on.lines, on.keep),
    "clean_pages": lambda on: sum(len(done.text) for done in Cleaner(profile=on.profile).clean_pages(on.pages)),
}


def fastest(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of a few rounds."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return min(seconds)


def calibrate(texts: list[str]) -> None:
    """The loop that every stage is compared with: each word is replaced by itself."""
    for text in texts:
        WORD.sub(lambda found: found[0], text)


@pytest.mark.benchmark(timer=time.process_time, disable_gc=True, min_rounds=ROUNDS, max_time=0.5)
@pytest.mark.parametrize("kind", ["text", "html"])
@pytest.mark.parametrize("stage", STAGES)
def test_stage(benchmark, stage, kind):
    on, name = given(kind), f"{stage} {kind}"
    limit = SLOWER * json.loads(BASELINE.read_text("utf-8"))["ratios"].get(name, float("inf"))
    loop = partial(calibrate, on.texts)
    before = fastest(loop)
    benchmark(STAGES[stage], on)
    ratio = benchmark.stats.stats.min / min(before, fastest(loop))
    for _ in range(RETRIES):
        if ratio > limit:  # other processes may have held the memory or the caches
            ratio = min(ratio, fastest(partial(STAGES[stage], on)) / fastest(loop))
    benchmark.extra_info.update(stage=name, ratio=ratio)
    assert ratio <= limit, f"{SLOWER * ratio / limit:.2f} times its baseline ({ratio:.4f} of the loop)"
