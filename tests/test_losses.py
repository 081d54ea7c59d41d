"""Loss by cause: it adds up, and is laid at the right door."""

from collections import Counter

import numpy as np
import pytest

from declutter.lines import BODY, NAVIGATION
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.train.examples import UNKNOWN, Examples, LabelledDump
from declutter.train.f1 import bag_f1, words
from declutter.train.gold import GoldPage
from declutter.train.losses import ABSENT, EXTRA, MISSED, losses, losses_text, sorts_of


def examples_of(pages):
    """Examples of (kind, gold, rows of (text, is_main, label)) pages."""
    dumps, rows = [], []
    for number, (kind, gold, lines) in enumerate(pages):
        page = GoldPage("made", "a", "a", str(number), None, kind, None, None, None, None, gold, None)
        text = "\n".join(line for line, _, _ in lines)
        dumps.append(LabelledDump(page, "html", text, np.zeros(0, np.int8), np.zeros(0, np.uint8)))
        rows += [(number, place, main, label) for place, (_, main, label) in enumerate(lines)]
    page, line, main, labels = (np.array(column) for column in zip(*rows, strict=True))
    x = np.zeros((len(rows), len(HTML_FEATURE_NAMES)), np.float32)
    x[0, HTML_FEATURE_NAMES.index("tag_li")] = x[0, HTML_FEATURE_NAMES.index("link_only")] = 1
    tokens, no_words = np.ones(len(rows), np.float32), (np.zeros(len(rows), np.int32), np.zeros(0, np.uint64))
    return Examples(x, main.astype(np.int8), labels.astype(np.uint8), tokens, page, line, *no_words, tuple(dumps))


PAGES = [
    ("article", "a b c d z", [("home a", 0, NAVIGATION), ("a b", 1, BODY), ("c d", 1, BODY), ("x y", 0, UNKNOWN)]),
    ("forum", "", [("q", 0, NAVIGATION)]),
]


def test_words_too_many_and_missed_are_laid_at_the_right_lines():
    examples = examples_of(PAGES)
    found = list(losses(examples, np.array([1, 1, 0, 0, 0], bool), HTML_FEATURE_NAMES))
    told = [(loss.kind, loss.cause, loss.label, loss.sort, round(loss.f1 * 9, 6)) for loss in found]
    assert told == [
        ("article", EXTRA, "navigation", "list item", 2),  # its "a" was found in the line of main content
        ("article", MISSED, "main content", "other", 2),
        ("article", ABSENT, "main content", "none", 1),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_of_a_page_add_up_to_its_loss(seed):
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(list("abcdefg"), random.integers(0, 6))) for _ in range(13)]
    lines = [(text, int(random.integers(-1, 2)), NAVIGATION) for text in texts[:-1]]
    examples, keep = examples_of([("article", texts[-1] or "a", lines)]), random.random(12) < 0.5
    kept = words("\n".join(line for line, is_kept in zip(texts, keep, strict=False) if is_kept))
    lost = sum(loss.f1 for loss in losses(examples, keep, HTML_FEATURE_NAMES))
    assert lost == pytest.approx(1 - bag_f1(kept, words(texts[-1] or "a")))


def test_the_tables_give_points_by_kind():
    examples = examples_of(PAGES)
    found = list(losses(examples, np.array([1, 1, 0, 0, 1], bool), HTML_FEATURE_NAMES))
    text = losses_text(found, dict(Counter(dump.page.kind for dump in examples.pages)))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["cause", "all", "article", "forum"] in rows
    assert ["kept too much", "61.1111", "22.2222", "100.0000"] in rows
    assert ["missed: main content", "11.1111", "22.2222", "0.0000"] in rows


def test_features_that_do_not_tell_make_every_line_other():
    assert sorts_of(np.ones((2, 1), np.float32), ["words_log"]) == ["other", "other"]
