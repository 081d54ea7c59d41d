"""Lines that lead away from an article, inside its text: to other articles, to a newsletter."""

import json
from importlib import resources

import pytest

from declutter import Cleaner, learn

LANGUAGES = json.loads(resources.files("declutter.stages.measure").joinpath("phrases.json").read_text("utf-8"))
ALONE = Cleaner(profile=learn([]))
TITLE = "Swans move into the old dry dock"
TEXT = [
    "Two swans have moved into the old dry dock at Harrow Quay, where the pumps were switched off in the spring.",
    "The dock filled with rain in six weeks, the harbour office says, and the birds came in the seventh.",
    "They may stay until the autumn, since the yard that had rented the dock has not paid for it since May.",
]
HEADLINE = "Why nobody wants to rent a crane any more"


def html_of(*blocks):
    return f"<html><head><title>{TITLE}</title></head><body><main><article><h1>{TITLE}</h1>{''.join(blocks)}</article></main></body></html>"


def paragraphs():
    return [f"<p>{line}</p>" for line in TEXT]


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if LANGUAGES[lang]["related"]])
def test_a_line_that_begins_with_read_also(lang):
    for phrase in LANGUAGES[lang]["related"][:5]:
        first, *rest = paragraphs()
        html = html_of(first, f'<p><strong>{phrase}:</strong> <a href="/x">{HEADLINE}</a></p>', *rest)
        assert ALONE.clean_html(html).split("\n") == [TITLE, *TEXT], phrase
        text = "\n".join([TITLE, TEXT[0], f"{phrase}: {HEADLINE}", *TEXT[1:]])
        verdicts = ALONE.explain(text)
        assert (verdicts.label[2], verdicts.keep[2]) == ("headlines", False), phrase
        assert verdicts.reason[2] == "begins with a phrase that leads to other articles, and a colon"


@pytest.mark.parametrize("heading", ["Related articles:", "Mehr zum Thema:", "À lire aussi :", "Читайте также:"])
def test_a_list_under_such_a_heading(heading):
    items = [HEADLINE, "Seven boats that never sailed", "Harbour office looks for a diver"]
    text = "\n".join([TITLE, TEXT[0], heading, *items, *TEXT[1:]])
    kept = ALONE.clean(text).split("\n")
    assert not {heading, *items} & set(kept) and {*TEXT} <= set(kept)
    listed = f"<p>{heading}</p><ul>" + "".join(f'<li><a href="/{item}">{item}</a></li>' for item in items) + "</ul>"
    first, second, third = paragraphs()
    assert ALONE.clean_html(html_of(first, second, listed, third)).split("\n") == [TITLE, *TEXT]


def test_a_list_that_belongs_to_the_text_stays():
    items = ["Nets and floats", "Tar in tins", "A winch without a handle"]
    text = "\n".join([TITLE, *TEXT[:2], "What the yard left behind:", *items, TEXT[2]])
    assert not {"navigation", "headlines"} & set(ALONE.explain(text).label[3:7])


def test_a_form_for_a_newsletter():
    first, *rest = paragraphs()
    form = '<div class="newsletter-box"><p>Get our newsletter with the tides of the week and all that floats, on Fridays.</p></div>'
    assert ALONE.clean_html(html_of(first, form, *rest)).split("\n") == [TITLE, *TEXT]
