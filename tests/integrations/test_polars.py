"""The hook for polars, with the real library."""

import pytest

pl = pytest.importorskip("polars", reason="needs declutter-text[polars]")

from declutter.integrations.polars import clean_column, explain_column  # noqa: E402


@pytest.fixture
def frame(pages):
    return pl.DataFrame({"text": [page.text for page in pages], "url": [page.url for page in pages]})


def test_a_column_is_what_clean_pages_makes_of_it(frame, kept):
    cleaned = frame.with_columns(clean_column("text", url="url"))
    assert cleaned["text"].to_list() == kept
    assert cleaned["url"].equals(frame["url"])


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_lazy_frame_learns_from_the_whole_column(frame, pages, kept, engine):
    query = frame.lazy().with_columns(main=clean_column(pl.col("text"), url=pl.col("url")))
    wanted = pages[3].url
    found = query.filter(pl.col("url") == wanted).collect(engine=engine)
    assert found["main"].to_list() == [kept[3]]
    assert query.collect(engine=engine)["main"].to_list() == kept


def test_verdicts_are_a_struct_a_line(frame, expected):
    verdicts = frame.select(verdicts=explain_column("text", url="url"))["verdicts"]
    for row, page in zip(verdicts, expected, strict=True):
        assert row.struct["label"].to_list() == page.verdicts.label
        assert row.struct["keep"].to_list() == page.verdicts.keep.tolist()
        assert row.struct["reason"].to_list() == page.verdicts.reason


def test_nulls_stay_and_html_becomes_text():
    boats = "The boats came back at dawn, and nobody had slept that night."
    frame = pl.DataFrame(
        {"text": [f"Home\nNews\n{boats}\nShare\n", None, None], "html": [None, None, f"<p>{boats}</p>".encode()]}
    )
    kept = [f"{boats}\n", None, boats]
    assert frame.select(clean_column("text", html="html"))["text"].to_list() == kept
    assert frame.select(explain_column("text"))["text"].is_null().to_list() == [False, True, True]
    assert frame.clear().select(clean_column("text"))["text"].dtype == pl.String


def test_bad_columns_are_refused():
    with pytest.raises(ValueError, match="name a column of pages"):
        clean_column(url="url")
    with pytest.raises((TypeError, pl.exceptions.ComputeError), match="text is int"):  # as the version has it
        pl.DataFrame({"text": [5]}).select(clean_column("text"))
