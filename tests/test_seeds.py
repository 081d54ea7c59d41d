"""The seed corpus: complete labels, many sites and scripts, and floors that the rules reach on it.

`python tests/test_seeds.py` measures the floors again and prints the file `fixtures/seeds_floors.json`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from declutter import Cleaner, Page
from declutter.lines import LABELS
from declutter.stages.measure.characters import SCRIPTS
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines
from declutter.train.f1 import Counts, line_counts
from declutter.train.gold import read_gold

REPOSITORY = Path(__file__).parent.parent
SEEDS = REPOSITORY / "seeds"
SITES = sorted(path.name for path in SEEDS.iterdir() if path.is_dir())
FLOORS_PATH = Path(__file__).parent.parent / "fixtures" / "seeds_floors.json"
FLOORS = json.loads(FLOORS_PATH.read_text("utf-8")) if FLOORS_PATH.exists() else {}
BELOW_MEASURED = 0.02
FOUNDING_DUMPS = REPOSITORY.parent / "shared" / "data" / "seeds"


def gold_of(folder):
    return list(read_gold(folder))


def pages_of(gold):
    return [Page(page.id, text=page.text) for page in gold]


def score(cleaned, gold):
    """(Counts, labels right, labels) of one page; a text's last, empty line has no verdict."""
    labels = gold.labels[: len(cleaned.verdicts)]
    assert not any(gold.labels[len(cleaned.verdicts) :])
    right = [answer == label for answer, label in zip(cleaned.verdicts.label, labels, strict=True) if label]
    return line_counts(cleaned.verdicts.keep, labels), sum(right), len(right)


def f1_together(gold):
    """Main-content line F1 of a site's pages cleaned together by the rules."""
    cleaned = Cleaner(engine="rules").clean_pages(pages_of(gold))
    return sum((score(*pair)[0] for pair in zip(cleaned, gold, strict=True)), Counts()).f1


def f1_alone(gold):
    """The same, each page without the others."""
    cleaned = [next(Cleaner(engine="rules").clean_pages([page])) for page in pages_of(gold)]
    return sum((score(*pair)[0] for pair in zip(cleaned, gold, strict=True)), Counts()).f1


def test_there_are_at_least_12_sites_of_5_pages_in_10_scripts():
    assert len(SITES) >= 12
    found = set()
    for site in SITES:
        gold = gold_of(SEEDS / site)
        assert len(gold) >= 5, site
        measures = measure(split_lines([page.text for page in gold]))
        found.add(SCRIPTS[np.bincount(measures.script[measures.script > 0]).argmax()])
    assert len(found) >= 10, found


@pytest.mark.parametrize("site", SITES)
def test_a_site_is_labelled_completely(site):
    names = {path.name.removesuffix(".txt") for path in (SEEDS / site).glob("*.txt")}
    assert {path.name for path in (SEEDS / site).iterdir()} == {
        f"{name}{end}" for name in names for end in (".txt", ".labels.tsv")
    }
    gold = gold_of(SEEDS / site)  # raises GoldError for lines without a label and labels without a line
    assert {page.id for page in gold} == names
    for page in gold:
        assert set(filter(None, page.labels)) <= set(LABELS)
        assert page.labels.count("title") == 1 or site.endswith("forum-de") or page.labels.count("title") <= 2, page.id
        assert "body" in page.labels and "navigation" in page.labels
        assert page.text.endswith("\n") and "\r" not in page.text


@pytest.mark.parametrize("site", SITES)
def test_pages_of_a_site_differ(site):
    gold = gold_of(SEEDS / site)
    bodies = [
        {line for line, label in zip(page.text.split("\n"), page.labels, strict=True) if label == "body"}
        for page in gold
    ]
    for first in range(len(bodies)):
        for second in range(first):
            assert len(bodies[first] & bodies[second]) < 0.3 * min(len(bodies[first]), len(bodies[second]))


@pytest.mark.parametrize("site", SITES)
def test_the_rules_reach_their_floor(site):
    gold = gold_of(SEEDS / site)
    assert f1_together(gold) >= FLOORS[site]["together"]
    assert f1_alone(gold) >= FLOORS[site]["alone"]


def test_every_site_has_floors():
    assert set(FLOORS) == set(SITES)


class TestFoundingDumps:
    """The three dumps with which the project began, where they are at hand; their texts are not ours to publish."""

    @pytest.fixture
    def gold(self):
        if not FOUNDING_DUMPS.is_dir():
            pytest.skip("the founding dumps (../shared/data/seeds) are not here")
        return gold_of(FOUNDING_DUMPS)

    @pytest.mark.parametrize("engine", ["rules", "auto"])
    def test_all_in_one_run(self, gold, engine):
        right = total = 0
        for cleaned, page in zip(Cleaner(engine=engine).clean_pages(pages_of(gold)), gold, strict=True):
            counts, of_page, n_labels = score(cleaned, page)
            assert counts.f1 == 1.0, page.id
            right, total = right + of_page, total + n_labels
        assert right >= 0.95 * total

    @pytest.mark.parametrize("engine", ["rules", "auto"])
    def test_each_alone(self, gold, engine):
        for page in gold:
            (cleaned,) = Cleaner(engine=engine).clean_pages(pages_of([page]))
            counts, right, total = score(cleaned, page)
            assert counts.f1 >= 0.95, page.id
            assert right >= 0.95 * total, page.id


def _measured_floors():
    for site in SITES:
        gold = gold_of(SEEDS / site)
        yield (
            site,
            {
                "together": round(f1_together(gold) - BELOW_MEASURED, 3),
                "alone": round(f1_alone(gold) - BELOW_MEASURED, 3),
            },
        )


if __name__ == "__main__":
    rows = (f"{json.dumps(site)}: {json.dumps(floors)}" for site, floors in _measured_floors())
    print("{\n" + ",\n".join(rows) + "\n}")
