"""Dialogs about cookies: told by the names of the elements around them, whoever decides; posts about cookies stay."""

import numpy as np
import pytest

import declutter
from declutter import Profile
from declutter.lines import Repeats
from declutter.stages.features import Columns, in_consent_dialog
from declutter.stages.measure.measure import measure
from declutter.stages.segment.html import split_html

ARTICLE = "".join(
    f"<p>The {place} bridge over the river was closed in the spring, because the wood of its piers had rotted, "
    "and the ferry of the old mill took people across until the autumn came.</p>"
    for place in ("first", "second", "third", "fourth")
)
ASKS = (
    "<p>These cookies allow us to count visits and traffic sources, so that we can measure and improve how our site "
    "performs. All information that these cookies collect is aggregated.</p>"
) * 3


def page(dialog, article=f"<article><h1>The bridge is closed</h1>{ARTICLE}</article>", body=""):
    return f"<html><head><title>The bridge</title></head><body {body}><div>{article}</div>{dialog}</body></html>"


def found(html):
    lines, _ = split_html([html])
    measures = measure(lines)
    columns = Columns(lines, measures, Repeats.none(len(measures)))
    return np.array([lines[row] for row in measures.rows.tolist()]), in_consent_dialog(columns)


DIALOGS = {
    "a platform": f'<div id="onetrust-consent-sdk"><div class="a"><div class="b">{ASKS}</div></div></div>',
    "a platform's category": f'<div class="cmplz-category-header"><div>{ASKS}</div></div>',
    "what is asked for": f'<div class="gdprConsent"><section><div>{ASKS}</div></section></div>',
    "a bar about cookies": f'<div id="cookie-bar"><div>{ASKS}</div></div>',
    "a notice in a cookie element": f'<div class="cookies"><div class="modal-body">{ASKS}</div></div>',
}


@pytest.mark.parametrize("dialog", DIALOGS.values(), ids=DIALOGS)
def test_dialogs_are_told_by_the_names_around_them(dialog):
    lines, is_dialog = found(page(dialog))
    np.testing.assert_array_equal(is_dialog, [line.startswith("These cookies") for line in lines])


NO_DIALOGS = {
    "a recipe": page("", f'<article class="post category-cookies tag-cookies"><p>{ASKS}</p></article>'),
    "a post about the law": page("", f'<article class="post tag-gdpr"><p>{ASKS}</p></article>'),
    "a text about cookies": page("", f'<div class="cookie-recipes"><p>{ASKS}</p></div>'),
    "the whole page says so": page("", ASKS, 'class="cookie-banner-visible"'),
    "hardly anything else": f'<body><div id="onetrust-pc-sdk"><div>{ASKS}</div></div></body>',
}


@pytest.mark.parametrize("html", NO_DIALOGS.values(), ids=NO_DIALOGS)
def test_other_texts_are_no_dialogs(html):
    lines, is_dialog = found(html)
    assert len(lines) and not is_dialog.any()


@pytest.mark.parametrize("engine", ["rules", "auto"])
def test_dialogs_are_removed_with_their_reason(engine):
    cleaner = declutter.Cleaner(engine=engine, profile=Profile())
    html = page(DIALOGS["a platform"])
    text = cleaner.clean_html(html)
    assert "the ferry of the old mill" in text and "cookies" not in text
    of_dialog = [
        (label, reason)
        for (label, _, keep, reason), line in zip(
            cleaner.explain_html(html), split_html([html])[0].text.split("\n"), strict=True
        ) if line.startswith("These cookies")
    ]  # fmt: skip
    assert of_dialog == [("legal", "stands in a dialog that asks for consent to cookies")] * 3
