"""Text that only JSON carries."""

import json
import time

import pytest

import declutter
from declutter.stages.segment import json_text
from declutter.stages.segment.json_text import json_markup, objects, scripts

STORY = (
    "The storm reached the harbour at noon on Monday and tore two boats from their moorings, the mayor said. "
    "Nobody was hurt, but the fish market will stay closed until engineers have looked at the north wall."
)
OTHER = STORY.replace("storm", "flood").replace("Monday", "Tuesday")


def page(script, media_type="application/ld+json", body="<div id=root></div>"):
    script = script if isinstance(script, str) else json.dumps(script)
    return f'<html><head><script type="{media_type}">{script}</script></head><body>{body}</body></html>'


def test_an_article_that_only_json_ld_holds_is_kept():
    html = page({"@graph": [{"@type": "NewsArticle", "headline": "Storm", "articleBody": f"{STORY}\n\n{OTHER}"}]})
    assert declutter.clean_html(html).split("\n") == [STORY, OTHER]


def test_markup_within_json_becomes_rows_and_next_data_is_read():
    body = f"&lt;p&gt;{STORY}&lt;/p&gt;&lt;script&gt;evil()&lt;/script&gt;"
    html = page({"props": {"pageProps": {"bodyHtml": body, "cookieBanner": OTHER}}}, "application/json")
    assert declutter.clean_html(html) == STORY


def test_a_page_with_text_of_its_own_is_left_alone():
    assert json_markup(page({"@type": "Article", "articleBody": STORY}), "x" * 1001) == ""
    assert json_markup(page({"@type": "Article", "articleBody": STORY}), "Menu\nHome") != ""


@pytest.mark.parametrize(
    "thing",
    [
        {"@type": "Article", "articleBody": STORY},  # the elements have it
        {"@type": "Organization", "description": OTHER},  # no text of the page
        {"@type": "ItemList", "itemListElement": [{"@type": "Product", "description": OTHER}]},  # another page's
        {"@type": "Article", "articleBody": "Short."},
        {"@type": "Article", "articleBody": "var a=[1,2,3];" * 40},
        {"@type": "Article", "articleBody": None},
    ],
)
def test_what_is_seen_or_not_the_page_own_is_not_used(thing):
    assert json_markup(page(thing), STORY) == ""


def test_posts_of_a_forum_are_its_text():
    post = {"@type": "Comment", "text": OTHER}
    html = page({"@type": ["DiscussionForumPosting"], "text": STORY, "comment": [post]})
    assert "storm" in json_markup(html, "")
    assert {"Comment"} in [json_text.types(thing) for thing in objects(html)]


@pytest.mark.parametrize("script", ["{", "[" * 100_000, '{"a": ' * 50_000, "", "<!-- {} -->", '{"@type": 5}'])
def test_hostile_json_is_passed_over(script):
    assert json_markup(page(script), "") == ""
    assert declutter.clean_html(page(script)) == ""


def test_scripts_without_an_end_end_the_search():
    assert list(scripts('<script type="application/ld+json">{"a": 1}', "application/ld+json")) == []
    assert list(
        scripts(
            'application/ld+json application/ld+json <script type="application/ld+json">[1]</script>',
            "application/ld+json",
        )
    ) == [[1]]


@pytest.mark.parametrize("html", ['<script type="application/ld+json">' * 20_000, "application/ld+json" * 50_000])
def test_many_scripts_without_an_end_are_searched_once(html):
    begin = time.process_time()
    assert json_markup(html, "") == ""
    assert time.process_time() - begin < 1  # a search for the end of each would take 5 s


def test_the_text_taken_is_bounded(monkeypatch):
    monkeypatch.setattr(json_text, "MAX_TEXT_CHARS", 1000)
    texts = [{"content": f"{number} {STORY} {'abcdefghij'[number] * 9}"} for number in range(10)]
    found = json_markup(page(texts, "application/json"), "")
    assert 500 < len(found) < 1300


def test_a_frame_that_a_noscript_never_closes_does_not_swallow_the_page():
    html = f"<body><noscript><iframe src='/x' height='0' /></noscript><article><h1>Storm</h1><p>{STORY}<p>{OTHER}"
    assert STORY in declutter.clean_html(html)
