"""The kind of an HTML page: article, forum, product, collection, listing, documentation or service.

A softmax over what a page's lines are like on average, how long the page is, the words of its URL's path and what it
says it is (Open Graph, schema.org). No list of sites: the words are those that people give to folders.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from declutter.cleaner import segment
from declutter.errors import ModelError
from declutter.lines import Lines, Measures, Repeats
from declutter.pages import Cleaned, Page
from declutter.stages.features import HTML_FEATURE_NAMES, Columns, html_features, page_mean
from declutter.stages.measure.measure import measure

KINDS = ("article", "collection", "documentation", "forum", "listing", "product", "service")
VERSION = 1
SCALED_LIMIT = 5.0  # scaled features are cut here
ARRAYS = {"mean": (np.float32, 1), "scale": (np.float32, 1), "weights": (np.float32, 2)}
UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error)

#: Features of a line that say nothing of its page's kind: its neighbours, its place, the site's other pages. Left out,
#: accuracy rises from .831 to .847 (benchmarks/kinds.md).
LEFT_OUT = re.compile(
    r"_within_|[-+]\d$|site|template|pages_with|prefix|_near$|_around$|since|until|position|above|below|trail|run_"
)
PATH_WORDS = {
    "article": "blog blogs news article articles post posts story stories magazine press journal insights",
    "forum": "forum forums thread threads topic topics viewtopic showthread t questions question discussion discussions"
    " community r comments board boards answers",
    "product": "product products p dp item items itm pd prod sku buy",
    "collection": "collection collections category categories c shop store catalog catalogue browse department s b"
    " shopping search",
    "listing": "list lists best top jobs tag tags topics archive archives directory search results index events"
    " listings author",
    "documentation": "docs doc documentation guide guides manual reference api tutorial tutorials wiki learn help kb"
    " support library html latest stable en",
    "service": "service services solutions solution platform features pricing about contact consulting company cases",
}
HOST_WORDS = ("docs", "forum forums community discuss discourse", "shop store", "blog news", "help support learn")
OG_TYPES = {
    "article": "article blog",
    "product": "product product.group product.item og:product product:group",
    "website": "website",
}
SCHEMA_TYPES = {
    "article": "Article NewsArticle BlogPosting Report Recipe",
    "technical": "TechArticle APIReference HowTo",
    "forum": "DiscussionForumPosting QAPage",
    "question": "Question Answer FAQPage",
    "product": "Product ProductGroup Offer Brand AggregateRating",
    "list": "ItemList CollectionPage OfferCatalog",
    "firm": "Organization LocalBusiness Corporation Service ProfessionalService PostalAddress",
    "video": "VideoObject",
    "breadcrumbs": "BreadcrumbList",
    "software": "SoftwareApplication",
    "review": "Review",
}
OG_TYPE = re.compile(r"<meta[^<>]{0,200}og:type[^<>]{0,200}>")
CONTENT = re.compile(r"content\s*=\s*[\"']?([\w.:]+)")
SCHEMA_TYPE = re.compile(r'"@type"\s{0,9}:\s{0,9}"(\w+)"')

LINE_FEATURES = tuple(name for name in HTML_FEATURE_NAMES if not LEFT_OUT.search(name))
LINE_COLUMNS = np.array([HTML_FEATURE_NAMES.index(name) for name in LINE_FEATURES])
URL_FEATURES = (
    "path_parts", "path_empty", "path_dashes", "path_number", "path_date", "query", "query_long", "path_file",
    "path_last_chars", *(f"path_{place}{kind}" for kind in PATH_WORDS for place in ("above_", "any_")),
    *(f"host_{words.split()[0]}" for words in HOST_WORDS),
)  # fmt: skip
HEAD_FEATURES = (
    *(f"og_{name}" for name in OG_TYPES), "og_none", *(f"schema_{name}" for name in SCHEMA_TYPES), "schema_none",
)  # fmt: skip
PAGE_FEATURES = (*LINE_FEATURES, "page_words_log", "page_lines_log", *URL_FEATURES, *HEAD_FEATURES)


@dataclass(frozen=True)
class KindModel:
    """A softmax over scaled PAGE_FEATURES."""

    mean: np.ndarray  # float32 (n_features,)
    scale: np.ndarray  # float32 (n_features,), what a feature is divided by
    weights: np.ndarray  # float32 (n_features + 1, n_kinds); the last row is the intercept
    card: dict  # how it was made

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """P(kind), float32 (n_pages, n_kinds), for PAGE_FEATURES float32 (n_pages, n_features)."""
        scaled = np.clip((x - self.mean) / self.scale, -SCALED_LIMIT, SCALED_LIMIT)
        odds = scaled @ self.weights[:-1] + self.weights[-1]
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def save(self, path: str | Path) -> None:
        """Write the model as a NumPy archive of plain arrays."""
        with open(path, "wb") as file:
            np.savez_compressed(
                file, declutter_kinds=np.array(VERSION), kinds=np.array(KINDS), features=np.array(PAGE_FEATURES),
                mean=self.mean, scale=self.scale, weights=self.weights,
                card=np.array(json.dumps(self.card, sort_keys=True)),
            )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> KindModel:
        """Read a model. Raises ModelError where the file is none, is damaged, or was trained on other features."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if int(arrays["declutter_kinds"]) != VERSION or tuple(arrays["kinds"].tolist()) != KINDS:
                raise ModelError(f"{path}: a model of other kinds, or of another version")
            if tuple(arrays["features"].tolist()) != PAGE_FEATURES:
                raise ModelError(f"{path}: trained on other features than this release computes; train it again")
            shapes = {"mean": len(PAGE_FEATURES), "scale": len(PAGE_FEATURES), "weights": len(PAGE_FEATURES) + 1}
            for name, (dtype, n_axes) in ARRAYS.items():
                if arrays[name].dtype != dtype or arrays[name].ndim != n_axes or len(arrays[name]) != shapes[name]:
                    raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
            return cls(**{name: arrays[name] for name in ARRAYS}, card=json.loads(str(arrays["card"])))
        except UNREADABLE as error:
            raise ModelError(f"{path}: not a model of page kinds ({error})") from error


@cache
def shipped_kinds() -> KindModel:
    """The model that this release ships. Raises ModelError where it doesn't fit."""
    return KindModel.load(Path(str(resources.files("declutter"))) / "models" / "kinds.npz")


def page_kinds(cleaned: Cleaned) -> dict[str, float]:
    """P(kind) of an HTML page, the likeliest kind first. Raises ValueError for a dump, which has no DOM to tell by."""
    if cleaned.markup is None:
        raise ValueError("the kind of a page is told from its HTML; this is a dump, or a page that was not judged")
    mean = cleaned.markup.mean
    if mean is None:  # the site was known, but a kind needs a page judged alone; or the rules judged it
        mean = _mean_alone(cleaned.lines, cleaned.markup.measures)
    x = _page_features(mean, cleaned.page.url, cleaned.markup.html)
    found = shipped_kinds().probabilities(x[None])[0].tolist()
    return dict(sorted(zip(KINDS, found, strict=True), key=lambda kind: -kind[1]))


def page_features(pages: Sequence[Page]) -> np.ndarray:
    """PAGE_FEATURES of HTML pages, each seen alone: float32 (n_pages, n_features)."""
    rows = []
    for page in pages:
        if page.html is None:
            raise ValueError("the kind of a page is told from its HTML; this is a dump")
        lines, ((html, _),) = segment([page])
        rows.append(_page_features(_mean_alone(lines, measure(lines)), page.url, html))
    return np.array(rows)


def _mean_alone(lines: Lines, measures: Measures) -> np.ndarray:
    """The `page_mean` of one page's features, nothing being known of its site."""
    return page_mean(html_features(Columns(lines, measures, Repeats.none(len(measures)))), measures)


def _page_features(mean: np.ndarray, url: str | None, html: str) -> np.ndarray:
    """PAGE_FEATURES of a page, float32 (n_features,), from what `page_mean` gives for it."""
    of_page = np.array(url_features(url) + head_features(html), np.float32)
    return np.concatenate([mean[LINE_COLUMNS], np.log1p(mean[-2:]), of_page])


def url_features(url: str | None) -> list[float]:
    """URL_FEATURES: the shape of the path, and the words in it; nothing is known of the site."""
    try:
        parts = urlsplit((url or "").lower())
    except ValueError:  # no URL that urllib takes for one
        parts = urlsplit("")
    path = [part for part in parts.path.split("/") if part]
    last = path[-1] if path else ""
    above = set(re.split("[^a-z]+", " ".join(path[:-1] or path)))
    shape = [
        len(path), not path, min(last.count("-") + last.count("_"), 12), bool(re.search(r"\d{4}", parts.path)),
        "/20" in parts.path and bool(re.search(r"/20\d\d/", parts.path)), bool(parts.query), len(parts.query) > 30,
        last.endswith((".html", ".htm", ".php")), min(len(last), 100) / 10,
    ]  # fmt: skip
    for words in PATH_WORDS.values():
        shape += [not above.isdisjoint(words.split()), not set(path).isdisjoint(words.split())]
    host = parts.netloc.split(".")[:-1]
    return list(map(float, [*shape, *(not set(words.split()).isdisjoint(host) for words in HOST_WORDS)]))


def head_features(html: str) -> list[float]:
    """HEAD_FEATURES: what the page says it is, in Open Graph and in schema.org's words."""
    meta = OG_TYPE.search(html)
    content = CONTENT.search(meta[0]) if meta else None
    og_type = content[1].lower() if content else ""
    types = set(SCHEMA_TYPE.findall(html))
    said = [og_type in names.split() for names in OG_TYPES.values()] + [not og_type]
    said += [not types.isdisjoint(names.split()) for names in SCHEMA_TYPES.values()] + [not types]
    return list(map(float, said))
