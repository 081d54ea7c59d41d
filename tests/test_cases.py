"""Whole pages and what is right for them, by origin: one file to add one.

tests/cases/ORIGIN/NAME.txt is a dump: each line begins with "+ " (must be kept), "- " (must be removed) or "? "
(either), and a blank line is a blank line of the dump. NAME.html is a page that ends in a comment with such lines: what
must stand in the output, and what must not. A folder is a site, whose pages are cleaned together.

wild: rebuilt in our own words from what users of such tools reported. synthetic: written for a kind of fault.
known_failures: fails today, strictly: a case that passes has to move to one of the others.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from declutter import Cleaner, Page, Profile, learn

CASES = Path(__file__).parent / "cases"
CHECKS = re.compile(r"\n?<!-- declutter\n(.*?)\n?-->\s*\Z", re.S)
ORIGINS = ("wild", "synthetic", "known_failures")


def read_case(path):
    """(Page, lines that must be kept, lines that must be removed) of a file."""
    content = path.read_text("utf-8")
    name = path.relative_to(CASES).as_posix()
    if path.suffix == ".html":
        checks = CHECKS.search(content)
        assert checks, f"{name}: no checks at the end"
        marked = checks[1].split("\n")
        page = Page(name, site=path.parent.name, html=content[: checks.start()])
    else:
        marked = content.split("\n")
        page = Page(name, site=path.parent.name, text="\n".join(line[2:] for line in marked))
    unmarked = [line for line in marked if line and line[:2] not in ("+ ", "- ", "? ")]
    assert not unmarked, f"{name}: lines without a mark: {unmarked}"
    return page, [line[2:] for line in marked if line[:1] == "+"], [line[2:] for line in marked if line[:1] == "-"]


def cases():
    """A parameter for each page: its path and the paths of its site's pages."""
    for origin in ORIGINS:
        for path in sorted((CASES / origin).rglob("*")):
            if path.suffix not in (".txt", ".html"):
                continue
            is_site = path.parent.parent.name == origin
            site = sorted(path.parent.glob(f"*{path.suffix}")) if is_site else [path]
            marks = [pytest.mark.xfail(strict=True)] if origin == "known_failures" else []
            yield pytest.param(path, site, id=path.relative_to(CASES).as_posix(), marks=marks)


def faults(page, kept, removed, profile):
    """What of a page came out wrong, in words."""
    cleaned = next(Cleaner(profile=profile).clean_pages([page]))
    assert cleaned.error is None, cleaned.error
    rows = [" ".join(line.split()) for line in cleaned.text.split("\n")]
    if page.html is None:
        lost = [line for line in kept if " ".join(line.split()) not in rows]
        left = [line for line in removed if " ".join(line.split()) in rows and line not in kept]
    else:
        text = " ".join(rows)
        lost, left = [line for line in kept if line not in text], [line for line in removed if line in text]
    return [f"lost: {line}" for line in lost] + [f"kept: {line}" for line in left]


@pytest.mark.parametrize(("path", "site"), list(cases()))
def test_case(path, site):
    page, kept, removed = read_case(path)
    profile = learn([read_case(other)[0] for other in site]) if len(site) > 1 else Profile()
    assert not faults(page, kept, removed, profile)


def test_every_case_can_fail():
    for origin in ORIGINS:
        for path in (CASES / origin).rglob("*"):
            if path.suffix in (".txt", ".html"):
                _, kept, removed = read_case(path)
                assert kept or removed, path
