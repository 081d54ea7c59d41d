"""Kinds of pages: features of a page, the shipped model, training."""

import numpy as np
import pytest

import declutter
from declutter.errors import GoldError, ModelError
from declutter.extras import kinds
from declutter.extras.kinds import KINDS, PAGE_FEATURES, KindModel, head_features, page_features, url_features
from declutter.pages import Page
from declutter.train import kinds_training
from declutter.train.gold import GoldPage
from declutter.train.kinds_training import confusion, confusion_text, fit_kinds, kinds_out_of_family, train_kinds

PROSE = "The boats came back at dawn, and nobody in the whole of the town had slept that night at all. "
ARTICLE = f"<html><head><title>Boats</title></head><body><article><h1>Boats</h1>{f'<p>{PROSE * 2}</p>' * 8}</article>"
OFFER = '<meta property="og:type" content="product"><script type="application/ld+json">{"@type": "Product"}</script>'
SHOP = (
    f"{OFFER}<body><h1>Oilskin coat</h1><div class=price>£49.00</div><button>Add to cart</button><p>Free delivery</p>"
)
POST = f"<div class=post><a class=author href=/u>ada</a><p>{PROSE}</p><a>Reply</a> <a>Quote</a></div>"


def cleaned(page, **options):
    return next(iter(declutter.Cleaner(profile=declutter.Profile(), **options).clean_pages([page])))


def test_the_features_of_a_page_do_not_hang_on_the_others():
    pages = [Page("a", html=ARTICLE), Page("b", html=SHOP.encode()), Page("c", html=""), Page("d", html=ARTICLE)]
    together = page_features(pages)
    assert together.shape == (4, len(PAGE_FEATURES)) and together.dtype == np.float32 and np.isfinite(together).all()
    np.testing.assert_array_equal(together[0], together[3])
    for number, page in enumerate(pages):
        np.testing.assert_allclose(together[number], page_features([page])[0], rtol=1e-5)


def test_what_url_and_head_say_is_read():
    def said(names, values):
        return {name for name, value in zip(names, values, strict=True) if value}

    found = said(kinds.URL_FEATURES, url_features("https://docs.a.example/Forum/2026/t-1-x.html?a=b"))
    assert {"path_above_forum", "path_any_forum", "host_docs", "query", "path_number", "path_file"} <= found
    assert said(kinds.URL_FEATURES, url_features("https://a.example/")) == {"path_empty"}
    assert url_features(None) == url_features("http://[broken")
    html = '<meta property="og:type" content="product.item"><script>{"@type" : "Offer"}{"@type":"QAPage"}</script>'
    assert said(kinds.HEAD_FEATURES, head_features(html)) == {"og_product", "schema_product", "schema_forum"}
    assert said(kinds.HEAD_FEATURES, head_features("")) == {"og_none", "schema_none"}


@pytest.mark.parametrize(
    "kind, html, url",
    [
        ("article", ARTICLE, "https://a.example/news/2026/boats-came-back"),
        ("product", SHOP, "https://a.example/products/oilskin-coat"),
        ("forum", f"<body><h1>Boats</h1>{POST * 12}", "https://a.example/forum/viewtopic.php?t=5"),
    ],
)
def test_the_shipped_model_tells_plain_cases(kind, html, url):
    found = kinds.page_kinds(cleaned(Page("a", html=html, url=url)))
    assert next(iter(found)) == kind and set(found) == set(KINDS)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_a_dump_has_no_kind():
    with pytest.raises(ValueError, match="this is a dump"):
        kinds.page_kinds(cleaned(Page("a", text="Home\n")))


def test_what_is_known_of_the_site_and_who_judges_change_no_kind():
    begin = f"<p>Our shop of coats and boats{SHOP}"
    pages = [Page(str(number), site="a.example", html=f"{begin}<p>Number {number}") for number in range(6)]
    alone = [kinds.page_kinds(cleaned(page)) for page in pages]
    by_rules = [kinds.page_kinds(cleaned(page, engine="rules")) for page in pages]
    in_site = list(declutter.Cleaner().clean_pages(pages))
    assert all(page.markup.mean is None for page in in_site)  # judged with what is known of the site
    for one, other, third in zip(alone, map(kinds.page_kinds, in_site), by_rules, strict=True):
        assert one == pytest.approx(other, abs=1e-5) and one == pytest.approx(third, abs=1e-5)


def gold(number, kind, html):
    return GoldPage(
        "made", f"{number}.example", f"{number}.example", str(number), None, kind, None, None, html, None, "", None
    )


def test_training_learns_what_sets_kinds_apart_and_saves_it(tmp_path, monkeypatch):
    pages = [gold(n, kind, html) for n in range(12) for kind, html in (("article", ARTICLE), ("product", SHOP))]
    monkeypatch.setattr(kinds_training, "read_gold", lambda folder: iter([*pages, gold(99, None, SHOP)]))
    model = train_kinds(["made"], tmp_path / "kinds.npz")
    assert model.card["pages"] == 24 and model.card["accuracy"] == 1.0
    again = KindModel.load(tmp_path / "kinds.npz")
    x = page_features([Page("a", html=ARTICLE), Page("b", html=SHOP)])
    np.testing.assert_array_equal(again.probabilities(x), model.probabilities(x))
    assert [KINDS[row] for row in model.probabilities(x).argmax(axis=1)] == ["article", "product"]
    assert model.probabilities(x)[:, KINDS.index("forum")].max() == 0


def test_the_probabilities_are_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(1)
    x, of_kind = random.normal(size=(60, len(PAGE_FEATURES))).astype(np.float32), np.arange(60) % 3
    model = fit_kinds(x, of_kind, {})
    reference = LogisticRegression(C=0.03, max_iter=300).fit((x - model.mean) / model.scale, of_kind)
    expected = reference.predict_proba((x - model.mean) / model.scale)
    np.testing.assert_allclose(model.probabilities(x)[:, :3], expected, atol=1e-3)


def test_cross_validation_parts_families_and_the_confusion_counts():
    pages = [gold(n, "article", ARTICLE) for n in (1, 1, 1, 1)]
    assert kinds_out_of_family(np.zeros((4, 3), np.float32), np.zeros(4, int), pages).tolist() == [0] * 4
    counts = confusion(np.array([0, 0, 5]), np.array([0, 5, 5]))
    assert counts[0, 0] == counts[0, 5] == counts[5, 5] == 1 and counts.sum() == 3
    assert "0.5000" in confusion_text(counts)


def test_gold_without_kinds_and_files_that_are_no_models_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds_training, "read_gold", lambda folder: iter([gold(1, None, SHOP)]))
    with pytest.raises(GoldError, match="made: no page"):
        train_kinds(["made"], tmp_path / "kinds.npz")
    path = tmp_path / "broken.npz"
    model = KindModel(np.zeros(3, np.float32), np.ones(3, np.float32), np.zeros((4, 7), np.float32), {})
    model.save(path)
    for content in (path.read_bytes(), b"", b"PK\x03\x04", path.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="broken.npz"):
            KindModel.load(path)
