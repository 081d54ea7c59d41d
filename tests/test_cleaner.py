"""The public contract: what callers may count on, whatever decides underneath."""

import dataclasses
import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import declutter
from declutter import Cleaned, Cleaner, Page, Verdicts, learn
from declutter import cleaner as cleaner_module
from declutter import pages as pages_module
from declutter.errors import DeclutterError, ModelError
from declutter.lines import LABELS

PROSE = "".join(
    f"The council said on {day} that the {{0}} would open again in spring, after two years of repairs that cost more "
    f"than anyone on the {{0}} committee had expected, and that nobody would have to pay for it twice.\n\n"
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday")
)
MENU = "Wendle weekend\nWendle notices\nHarbor diary\nLetters desk\n\n"
FOOTER = "\nWrite to the Wendle editors\n© 2024 Wendle Tide. All rights reserved.\n"
TOPICS = ("bridge", "market", "school", "library", "station")
HTML = """<!doctype html><html><body><nav><ul><li><a href="/">Home</a></li><li><a href="/b">Weather</a></li></ul></nav>
<main><article><h1>The bridge opens</h1>{}</article></main>
<footer>© 2024 Wendle Tide. All rights reserved.</footer></body></html>"""


def dump(topic):
    return MENU + PROSE.format(topic) + FOOTER


def html(topic):
    return HTML.format("".join(f"<p>{line}</p>" for line in PROSE.format(topic).split("\n") if line))


def pages():
    return [Page(id=topic, text=dump(topic)) for topic in TOPICS]


def raw_lines(text):
    return text.splitlines(keepends=True)


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(line in rest for line in part)


def same(one, other):
    return (one.text, one.error, list(one.verdicts)) == (other.text, other.error, list(other.verdicts))


def test_the_contract_of_the_design():
    text = dump("bridge")
    assert declutter.clean(text).count("The council said") == 4
    assert "All rights reserved" not in declutter.clean(text)
    assert isinstance(declutter.explain(text), Verdicts)
    page = declutter.Page(id="a", site="example.org", url=None, text=text)
    profile = declutter.learn([page])
    assert isinstance(profile | profile, declutter.Profile)
    cleaner = declutter.Cleaner(keep={"title", "body"}, profile=None, engine="auto")
    assert cleaner.clean(text) == declutter.clean(text)
    assert list(cleaner.explain(text)) == list(declutter.explain(text))
    (cleaned,) = cleaner.clean_pages([page])
    assert isinstance(cleaned, Cleaned) and cleaned.page is page and cleaned.error is None


def test_the_contract_for_html():
    kept = declutter.clean_html(html("bridge"), url="https://example.org/1")
    assert kept.count("The council said") == 4 and "Weather" not in kept
    assert declutter.clean_html(html("bridge").encode()) == kept
    assert declutter.explain_html(html("bridge"), url=None).label.count("body") == 4
    (cleaned,) = Cleaner().clean_pages([Page("a", html=html("bridge"))])
    assert cleaned.text == kept


def test_every_line_has_a_verdict_with_label_score_keep_and_reason():
    text = dump("bridge")
    verdicts = declutter.explain(text)
    assert (
        len(verdicts)
        == len(raw_lines(text))
        == len(verdicts.labels)
        == len(verdicts.keep)
        == len(verdicts.reason_codes)
    )
    for label, score, keep, reason in verdicts:
        assert label in LABELS and 0 <= score <= 1 and keep in (True, False) and reason
    assert declutter.clean(text) == "".join(
        line for line, keep in zip(raw_lines(text), verdicts.keep, strict=True) if keep
    )


@pytest.mark.parametrize(
    "text", ["", "\n", "Home", " ", "\r\n\r\n", "\ud800", "\0", "One line that is long enough to be a sentence."]
)
def test_the_smallest_texts(text):
    assert is_subsequence(raw_lines(declutter.clean(text)), raw_lines(text))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*raw_lines(dump("bridge")), "Comments (3)\r\n", "\r", "\u2028", "\x85x", " \t\n", "漢字。\n", "a\ud800b\n"]
        )
    )
)
def test_kept_lines_come_out_byte_for_byte_and_in_order(lines):
    text = "".join(lines)
    kept = Cleaner(keep=LABELS).clean(text)
    verdicts = declutter.explain(text)
    split, _ = cleaner_module.segment([Page("", text=text)])
    rows = [split.part(range(row, row + 1)).text for row in range(len(split))]
    assert "".join(rows) == text
    assert declutter.clean(text) == "".join(row for row, keep in zip(rows, verdicts.keep, strict=True) if keep)
    assert kept.replace("\n", "").strip() == "" or is_subsequence(list(kept), list(text))


def test_the_line_ends_of_the_input_stay():
    for end in ("\r\n", "\r", "\u2028", "\n"):
        text = dump("bridge").replace("\n", end)
        assert declutter.clean(text) == declutter.clean(dump("bridge")).replace("\n", end)


class TestCleaner:
    def test_is_immutable(self):
        cleaner = Cleaner()
        for field in dataclasses.fields(cleaner):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(cleaner, field.name, None)
        with pytest.raises(AttributeError):
            cleaner.keep.add("legal")

    def test_does_not_hold_the_callers_set(self):
        keep = {"title", "body"}
        cleaner = Cleaner(keep=keep)
        keep.add("legal")
        assert cleaner.keep == {"title", "body"}

    def test_is_a_value(self):
        assert Cleaner() == Cleaner(keep=["body", "title"], profile=None, engine="auto")
        assert Cleaner() != Cleaner(keep={"body"})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"keep": {"menus"}}, "menus.*navigation"),
            ({"keep": "body"}, "no such label"),
            ({"engine": "magic"}, "magic.*rules"),
        ],
    )
    def test_refuses_unknown_names(self, options, message):
        with pytest.raises(ValueError, match=message):
            Cleaner(**options)

    def test_keep_decides_what_is_kept_and_labels_stay(self):
        text = dump("bridge")
        legal = Cleaner(keep={"legal"}, engine="rules")
        assert legal.clean(text) == "© 2024 Wendle Tide. All rights reserved.\n"
        assert legal.explain(text).label == Cleaner(engine="rules").explain(text).label
        assert Cleaner(keep=LABELS).clean(text) == text
        assert Cleaner(keep=()).clean(text) == ""

    def test_options_have_the_promised_names_and_defaults(self):
        parameters = inspect.signature(Cleaner).parameters
        assert list(parameters)[:3] == ["keep", "profile", "engine"]
        assert (parameters["keep"].default, parameters["profile"].default, parameters["engine"].default) == (
            {"title", "body"}, None, "auto"
        )  # fmt: skip

    def test_works_in_many_threads(self):
        cleaner = Cleaner()
        texts = [dump(topic) for topic in TOPICS] * 8
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(cleaner.clean, texts)) == [cleaner.clean(text) for text in texts]

    def test_the_same_input_gives_the_same_output(self):
        assert all(
            same(*pair) for pair in zip(Cleaner().clean_pages(pages()), Cleaner().clean_pages(pages()), strict=True)
        )


def test_rules_are_there_and_a_model_that_is_not_is_an_error():
    assert Cleaner(engine="rules").clean(dump("bridge")).count("The council") == 4
    try:
        Cleaner(engine="model")
    except DeclutterError as error:
        assert isinstance(error, ModelError)


class TestCleanPages:
    def test_pages_come_in_order_and_as_they_were_given(self):
        given_pages = pages()
        cleaned = list(Cleaner().clean_pages(given_pages))
        assert [result.page for result in cleaned] == given_pages
        assert all(result.page is page for result, page in zip(cleaned, given_pages, strict=True))
        assert all(result.text.count("The council said") == 4 for result in cleaned)

    def test_other_pages_of_the_site_help(self):
        odd = "Chosen for you by the people who mend the nets and mind the boats\n"
        texts = [MENU + PROSE.format(topic) + odd + f"Short {topic} note here too\n" for topic in TOPICS]
        with_site = list(Cleaner(engine="rules").clean_pages([Page(str(n), text=text) for n, text in enumerate(texts)]))
        assert all(odd not in cleaned.text for cleaned in with_site)
        reasons = with_site[0].verdicts.reason
        assert "stands on 5 of 5 pages of this site" in reasons

    def test_an_iterator_is_read_once_and_gives_what_a_list_gives(self):
        read = []

        def source():
            for page in pages():
                read.append(page.id)
                yield page

        cleaned = list(Cleaner().clean_pages(source()))
        assert read == list(TOPICS)
        assert all(same(*pair) for pair in zip(cleaned, Cleaner().clean_pages(pages()), strict=True))

    def test_a_profile_makes_one_pass_and_does_what_two_do(self):
        profile = declutter.learn(pages())
        cleaned = list(Cleaner(profile=profile).clean_pages(iter(pages())))
        assert all(same(*pair) for pair in zip(cleaned, Cleaner().clean_pages(pages()), strict=True))

    def test_with_a_profile_pages_flow_a_batch_at_a_time(self, monkeypatch):
        monkeypatch.setattr(pages_module, "BATCH_PAGES", 2)
        read = []
        source = (read.append(n) or Page(str(n), text=dump("bridge")) for n in range(10))
        results = Cleaner(profile=declutter.Profile()).clean_pages(source)
        next(results)
        assert len(read) <= 3

    @pytest.mark.parametrize("batch_pages", [1, 2, 3])
    def test_batches_make_no_difference(self, monkeypatch, batch_pages):
        mixed = [Page(f"{n}", **({"text": dump(t)} if n % 3 else {"html": html(t)})) for n, t in enumerate(TOPICS * 2)]
        expected = list(Cleaner().clean_pages(mixed))
        monkeypatch.setattr(pages_module, "BATCH_PAGES", batch_pages)
        assert all(same(*pair) for pair in zip(Cleaner().clean_pages(mixed), expected, strict=True))

    def test_nothing_in_nothing_out(self):
        assert list(Cleaner().clean_pages([])) == list(Cleaner().clean_pages(iter([]))) == []

    def test_a_page_that_cannot_be_judged_is_passed_through_whole(self, monkeypatch):
        real = cleaner_module.segment

        def fails_at_market(batch):
            if any("market" in page.text for page in batch):
                raise RuntimeError("the market is closed")
            return real(batch)

        monkeypatch.setattr(cleaner_module, "segment", fails_at_market)
        cleaned = list(Cleaner().clean_pages(pages()))
        assert [result.error for result in cleaned] == [None, "RuntimeError: the market is closed", None, None, None]
        broken = cleaned[1]
        assert broken.text == dump("market")
        assert broken.verdicts.keep.all() and len(broken.verdicts) == len(raw_lines(dump("market")))
        assert "the market is closed" in broken.verdicts.reason[0]
        assert all(result.text.count("The council said") == 4 for result in cleaned)

    def test_the_pages_are_not_changed(self):
        given_pages = pages()
        list(Cleaner().clean_pages(given_pages))
        assert given_pages == pages()


class TestPage:
    def test_has_text_or_html_and_never_both(self):
        for contents in ({}, {"text": "a", "html": "b"}):
            with pytest.raises(ValueError, match="'x'.*text or html"):
                Page("x", **contents)

    def test_is_immutable(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Page("x", text="a").text = "b"


def test_verdicts_are_columns():
    verdicts = declutter.explain(dump("bridge"))
    assert verdicts.labels.dtype == np.uint8 and verdicts.score.dtype == np.float32 and verdicts.keep.dtype == bool
    part = verdicts[2:7]
    assert len(part) == 5 and list(part) == list(verdicts)[2:7]
    assert part.text == dump("bridge").splitlines()[2:7] and part.line == [3, 4, 5, 6, 7]
    assert verdicts[1:8:3].line == [2, 5, 8] and verdicts[::-1].text[-1] == dump("bridge").splitlines()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdicts.keep = None


def test_a_page_is_judged_alike_in_any_batch():
    paths = sorted((Path(__file__).parent.parent / "seeds").glob("*/*.txt"))[:40]
    pages = [Page(path.stem, text=path.read_text("utf-8")) for path in paths]
    cleaner = Cleaner(profile=learn(pages))
    for in_batch, page in zip(cleaner.clean_pages(pages), pages, strict=True):
        [alone] = cleaner.clean_pages([page])
        assert in_batch.text == alone.text and in_batch.verdicts.label == alone.verdicts.label
