"""Composed dumps: the shapes of portals and forms, labelled as they are made."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, which training needs, is not installed")

from declutter.lines import BODY, COMMENTS, LABELS, NAVIGATION, TITLE
from declutter.train import composed
from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.composed import COMPOSED_STYLE, compose_dumps
from declutter.train.examples import make_examples
from declutter.train.gold import GoldPage
from declutter.train.labelling import LabelledDump

TOWNS = ("Arle", "Bexwick", "Corrow", "Dunmere", "Eastleigh", "Farrow", "Gull", "Harwen")


def gold_dump(site, number, kind="article"):
    town = TOWNS[number % len(TOWNS)]
    headline = f"Town hall of {town} is sold {number} days after the flood of {site}"
    story = [
        f"The council of {town} said on day {part} that the building had been under water, {site}." for part in range(6)
    ]
    if kind == "list":
        story = [f"{town} {part}" for part in range(12)]
    page = GoldPage("made", site, site, f"{number}", None, None, "Latin", "en", None, None,
                    "\n\n".join([headline, *story]), None, title_in_main=True)  # fmt: skip
    lines = ["Home", "Sport", f"Weather {site}", headline, *story, "Comments", "Details"]
    is_main = [DROP] * 3 + [KEEP] * (1 + len(story)) + [DROP, KEEP]
    labels = [NAVIGATION] * 3 + [TITLE] + [BODY] * len(story) + [COMMENTS, BODY]
    return LabelledDump(page, "blocks", "\n".join(lines), np.array(is_main, np.int8), np.array(labels, np.uint8))


@pytest.fixture(scope="module")
def gold():
    return [gold_dump(f"paper{site}.example", number) for site in range(12) for number in range(8)]


def composed_by(layout, page):
    return layout.compose(composed._article_of(page)).dump(page)


def rows(dump):
    return list(zip(dump.text.split("\n"), dump.is_main.tolist(), dump.labels.tolist(), strict=True))


def test_composed_pages_hold_their_article_and_only_it_is_main_content(gold):
    found = compose_dumps(gold, share=1.0)
    assert len(found) == len(gold) and {dump.style for dump in found} == {COMPOSED_STYLE}
    for dump in found:
        main = [line for line, worth, _ in rows(dump) if worth == KEEP]
        headline, *story = dump.page.main_text.split("\n\n")
        assert main[0] == headline and " ".join(main[1:]).count("The council of") == len(story)
        assert all(worth == UNDECIDED for line, worth, _ in rows(dump) if not line.strip())
        labels = Counter(LABELS[code] for line, worth, code in rows(dump) if worth == DROP and line.strip())
        assert labels["headlines"] >= 1


def test_the_seed_draws_sites_and_shapes(gold):
    texts = [[dump.text for dump in compose_dumps(gold, seed, 0.5)] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert 0 < len(texts[0]) < len(gold) and not compose_dumps(gold, share=0.0)
    assert len({dump.page.site for dump in compose_dumps(gold, 1, 0.5)}) * 8 == len(texts[0])  # whole sites


def test_a_carousel_recurs_with_one_item_of_the_page_alone(gold):
    layout = composed._Portal(composed._pools(gold, [dump.page for dump in gold])["en", 0], "paper.example", Random(3))
    layout.has_carousel = layout.repeats_items = layout.lists_own = True
    pages = [dump.page for dump in gold[:8]]
    above = []
    for page in pages:
        lines = rows(composed_by(layout, page))
        title = next(row for row, (_, worth, _) in enumerate(lines) if worth == KEEP)
        assert all(worth != KEEP for _, worth, _ in lines[:title])
        above.append({line.strip(" \t•*-·") for line, _, _ in lines[:title] if line.strip()})
        assert page.headline in above[-1]  # the page's own headline stands in the list too
    common = set.intersection(*above)
    assert set(layout.topics) <= common and sum(bool(lines - common - {page.headline}) for lines, page in
                                                zip(above, pages, strict=True)) >= 4  # fmt: skip


def test_the_rows_of_a_form_recur_inside_the_text(gold):
    layout = composed._Form(composed._pools(gold, [dump.page for dump in gold])["en", 0], "paper.example", Random(5))
    layout.rows, pages = [("Details", False), ("Weight", True)], []
    for dump in gold[:6]:
        main = [line for line, worth, _ in rows(composed_by(layout, dump.page)) if worth == KEEP]
        assert main.count("Details") == 1 and 0 < main.index("Details") < len(main) - 1
        pages.append([line for line in main if line.startswith("Weight")])
    assert all(len(lines) == 1 for lines in pages)


def test_folds_lend_each_other_nothing(gold):
    one, other = [dump for dump in gold if composed.fold_of(dump.page.family) == 0], gold
    texts = {dump.page: dump.text for dump in compose_dumps(other, share=1.0)}
    assert all(texts[dump.page] == dump.text for dump in compose_dumps(one, share=1.0))
    assert 0 < len(one) < len(gold)


def test_lists_and_pages_without_a_known_headline_are_not_composed(gold):
    lists = [gold_dump("lists.example", number, "list") for number in range(8)]
    untitled = [replace(dump, page=replace(dump.page, site="u", title_in_main=False)) for dump in gold[:8]]
    found = compose_dumps([*gold, *lists, *untitled], share=1.0)
    assert {dump.page.site for dump in found} == {dump.page.site for dump in gold}


def test_composed_pages_are_examples_like_others(gold):
    examples = make_examples(compose_dumps(gold, share=0.4))
    assert len(examples.x) == sum(bool(line.strip()) for dump in examples.pages for line in dump.text.split("\n"))
