"""The hook for scikit-learn, with the real library and its own checks of estimators."""

import pickle

import numpy as np
import pytest

import declutter
from declutter import Cleaner

pytest.importorskip("sklearn", reason="needs declutter-text[sklearn]")

from sklearn.base import clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

from declutter.integrations.sklearn import CleanText  # noqa: E402


class CleanNumbers(CleanText):
    """CleanText for scikit-learn's checks, which give and compare numbers alone.

    A row is a page and a number of it a line; what comes out is how many characters are kept.
    """

    def fit(self, X, y=None):
        return super().fit(self._as_pages(X, reset=True))

    def transform(self, X):
        check_is_fitted(self)
        return np.array([[len(text)] for text in super().transform(self._as_pages(X, reset=False))])

    def _as_pages(self, X, reset):
        rows = validate_data(self, X, reset=reset, dtype="numeric")
        return ["".join(f"The number of this line is {value}.\n" for value in row) for row in rows.tolist()]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags


@parametrize_with_checks([CleanText(), CleanNumbers()])
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def texts(pages):
    return [page.text for page in pages]


def test_pages_are_what_clean_pages_makes_of_them(pages, texts):
    pages = [declutter.Page(page.id, text=page.text) for page in pages]
    expected = [cleaned.text for cleaned in Cleaner().clean_pages(pages)]
    clean = CleanText().fit(texts)
    assert clean.transform(texts).tolist() == expected
    assert clean.transform(np.array(texts, object)).tolist() == expected
    assert CleanText().fit_transform(texts).tolist() == expected
    assert pickle.loads(pickle.dumps(clean)).transform(texts[:9]).tolist() == expected[:9]


def test_a_column_of_a_table_comes_out_as_a_table(texts):
    pd = pytest.importorskip("pandas", reason="needs declutter-text[pandas]")
    frame = pd.DataFrame({"text": texts[:12], "n": range(12)}, index=range(5, 17))
    expected = CleanText().fit_transform(texts[:12])
    columns = ColumnTransformer([("page", CleanText(), ["text"]), ("n", "passthrough", ["n"])])
    assert columns.fit_transform(frame)[:, 0].tolist() == expected.tolist()
    assert columns.get_feature_names_out().tolist() == ["page__text", "n__n"]
    as_pandas = CleanText().set_output(transform="pandas").fit_transform(frame["text"])
    assert as_pandas["text"].tolist() == expected.tolist()
    assert as_pandas.index.equals(frame.index)


def test_a_pipeline_and_a_grid_search_over_it(texts, pages):
    is_news = np.array(["news" in page.url for page in pages])
    pipeline = make_pipeline(CleanText(engine="rules"), TfidfVectorizer(), LogisticRegression())
    search = GridSearchCV(pipeline, {"cleantext__keep": [("title",), ("title", "body")]}, cv=2)
    search.fit(texts[::5], is_news[::5])
    assert 0 < search.best_score_ <= 1
    assert clone(pipeline).named_steps["cleantext"].get_params()["engine"] == "rules"


def test_html_pages():
    html = "<p>The boats came back at dawn, and nobody had slept that night.</p>"
    assert CleanText(html=True).fit_transform([html, html.encode()]).tolist() == [html[3:-4]] * 2


def test_bad_input_is_refused(texts):
    with pytest.raises(NotFittedError):
        CleanText().transform(texts)
    for bad, message in [
        (["a", None], "NoneType in row 1"), ("one text", "it must hold pages"), ([["a", "b"]], "shape"),
        ([1.5], "float"), ([b"bytes"], "bytes in row 0"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            CleanText().fit(bad)
    with pytest.raises(ValueError, match="no such label: bodies"):
        CleanText(keep=["bodies"]).fit(texts[:2])
    with pytest.raises(ValueError, match="2 names"):
        CleanText().fit(texts[:2]).get_feature_names_out(["a", "b"])
