"""The pages that every hook is tested with, and what `Cleaner.clean_pages` makes of them."""

import re
from pathlib import Path

import pytest

from declutter import Cleaner, Page

SEEDS = Path(__file__).parent.parent.parent / "seeds"
N_PAGES = 200


def pages_from_seeds():
    """200 dumps: the pages of the seeds, and again with other words in their prose, so that they are no twins."""
    originals = [(path.parent.name, path.stem, path.read_text("utf-8")) for path in sorted(SEEDS.rglob("*.txt"))]
    again = [
        (site, f"{name}-2", re.sub(r"(?m)^.{60,}$", lambda line: line[0][::-1], text)) for site, name, text in originals
    ]
    chosen = (originals + again)[:N_PAGES]
    return [
        Page(f"{number}", url=f"https://www.{site}.example/{name}", text=text)
        for number, (site, name, text) in enumerate(chosen)
    ]


@pytest.fixture(scope="session")
def pages():
    found = pages_from_seeds()
    assert len(found) == N_PAGES
    return found


@pytest.fixture(scope="session")
def expected(pages):
    """What the library makes of the pages: a list of Cleaned."""
    return list(Cleaner().clean_pages(pages))


@pytest.fixture(scope="session")
def kept(expected):
    return [cleaned.text for cleaned in expected]
