"""The hook for pandas, with the real library."""

import pytest

from declutter import Cleaner, learn

pd = pytest.importorskip("pandas", reason="needs declutter-text[pandas]")

from declutter.integrations.pandas import clean_column, explain_column  # noqa: E402

BOATS = "The boats came back at dawn, and nobody had slept that night."
PAGE = f"Home\nNews\n{BOATS}\nShare\n"


@pytest.fixture
def frame(pages):
    rows = {"text": [page.text for page in pages], "url": [page.url for page in pages]}
    return pd.DataFrame(rows, index=[f"row {page.id}" for page in pages])


def test_a_column_is_what_clean_pages_makes_of_it(frame, kept):
    cleaned = clean_column(frame["text"], url=frame["url"])
    assert cleaned.tolist() == kept
    assert cleaned.index.equals(frame.index)
    assert (cleaned.name, cleaned.dtype) == ("text", frame["text"].dtype)


def test_verdicts_are_rows_under_the_index_of_their_page(frame, expected):
    lines = explain_column(frame["text"], url=frame["url"])
    for number in (0, 7, 199):
        of_page, verdicts = lines.loc[f"row {number}"], expected[number].verdicts
        assert of_page["line"].tolist() == list(range(1, len(verdicts) + 1))
        assert of_page["label"].tolist() == verdicts.label
        assert of_page["keep"].tolist() == verdicts.keep.tolist()
        assert of_page["reason"].tolist() == verdicts.reason
    assert len(lines) == sum(len(page.verdicts) for page in expected)
    assert explain_column(pd.Series([], dtype="str")).empty


def test_a_stored_profile_gives_the_same(frame, pages, kept):
    cleaner = Cleaner(profile=learn(pages))
    halves = [clean_column(half["text"], url=half["url"], cleaner=cleaner) for half in (frame[:90], frame[90:])]
    assert pd.concat(halves).tolist() == kept


NO_STR = pytest.mark.skipif(
    int(pd.__version__.split(".")[0]) < 3, reason="pandas 2 turns nulls into words for this type"
)


@pytest.mark.parametrize("dtype", [pytest.param("str", marks=NO_STR), "string", object, "category"])
def test_nulls_and_string_types_stay(dtype):
    text = pd.Series([PAGE, None, PAGE], dtype=dtype, index=[3, 1, 1])
    cleaned = clean_column(text)
    assert cleaned.isna().tolist() == [False, True, False]
    assert cleaned.tolist()[::2] == [f"{BOATS}\n"] * 2
    assert cleaned.index.tolist() == [3, 1, 1]
    assert cleaned.dtype == (dtype if dtype != "category" else pd.Series([""]).dtype)


def test_html_bytes_become_text():
    html = pd.Series([f"<p>{BOATS}</p>".encode(), None])
    cleaned = clean_column(html=html, url=pd.Series(["https://a.example/", None]))
    assert cleaned[0] == BOATS
    assert cleaned.isna().tolist() == [False, True]


def test_bad_columns_are_refused(frame):
    with pytest.raises(ValueError, match="different indexes"):
        clean_column(frame["text"], url=frame["url"].reset_index(drop=True))
    with pytest.raises(TypeError, match="row 1: text is int"):
        clean_column(pd.Series(["a", 5], dtype=object))
    with pytest.raises(ValueError, match="name a column of pages"):
        clean_column()
