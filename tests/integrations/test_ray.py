"""The Ray Data hook, on a local Ray of two workers."""

import os
import textwrap

import pytest

from declutter import Cleaner, Page, learn

ray = pytest.importorskip("ray", reason="needs declutter-text[ray]")
pytest.importorskip("ray.data", reason="needs declutter-text[ray]")

import declutter.integrations.ray as hook  # noqa: E402
from declutter.integrations.ray import Clean, clean_dataset, learn_dataset  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture
def dataset(cluster, pages):
    """The pages in five blocks, so that the pages of a site stand in several."""
    rows = [{"id": int(page.id), "url": page.url, "text": page.text} for page in pages]
    return ray.data.from_items(rows, override_num_blocks=5)


def check(rows, expected):
    """Text, verdicts and error of every row are those of the library."""
    found = {row["id"]: row for row in rows}
    for cleaned in expected:
        row = found.pop(int(cleaned.page.id))
        assert (row["text"], row["error"]) == (cleaned.text, cleaned.error)
        verdicts = [(line["label"], line["score"], line["keep"], line["reason"]) for line in row["verdicts"]]
        assert verdicts == list(cleaned.verdicts)
    assert not found


def test_verdicts_are_those_of_the_library(dataset, expected):
    compute = ray.data.ActorPoolStrategy(size=2)
    cleaned = clean_dataset(dataset, text="text", url="url", id="id", verdicts="verdicts", compute=compute)
    check(cleaned.take_all(), expected)


def test_the_example_runs(dataset, expected):
    example = textwrap.dedent("\n".join(line for line in hook.__doc__.split("\n") if line.startswith("    ")))
    names = {"ray": ray, "ds": dataset}
    exec(example.replace("max_size=8", "max_size=2"), names)
    found = {row["id"]: row["text"] for row in names["cleaned"].take_all()}
    assert found == {int(cleaned.page.id): cleaned.text for cleaned in expected}


@pytest.mark.parametrize("thin", [False, True])
def test_counts_are_those_of_learn(dataset, pages, thin):
    profile = learn_dataset(dataset, text="text", url="url", id="id", n_buckets=3, thin=thin)
    found = {site.name: site for site in profile.sites}
    for site in learn(pages).sites:
        counted = found.pop(site.name)
        recurs = site.pages_with >= 2
        assert (counted.n_pages, counted.n_seen) == (site.n_pages, site.n_seen)
        assert (counted.fingerprints == site.fingerprints[recurs]).all()
        assert (counted.pages_with == site.pages_with[recurs]).all()
    assert not found


def test_a_large_site_is_thinned_block_by_block(cluster):
    rows = [{"id": n, "site": "large", "text": f"Home\n{chr(97 + n % 26) * 9}"} for n in range(1000)]
    dataset = ray.data.from_items(rows, override_num_blocks=2)
    (site,) = learn_dataset(dataset, text="text", site="site", thin=True, n_buckets=1).sites
    assert 128 < site.n_seen < 500


def test_html_and_nulls(cluster):
    html = "<title>T</title><nav><a href=/>Home</a></nav><p>The boats came back at dawn, and nobody had slept.</p>"
    rows = [{"id": n, "html": page, "url": "https://a.example/"} for n, page in enumerate([html, None])]
    profile = learn_dataset(ray.data.from_items(rows), html="html", url="url", n_buckets=1)
    assert [(site.name, site.n_pages) for site in profile.sites] == [("a.example", 1)]
    options = {"html": "html", "url": "url", "into": "main", "profile": profile}
    cleaned = ray.data.from_items(rows).map_batches(
        Clean, fn_constructor_kwargs=options, batch_format="pyarrow", compute=ray.data.ActorPoolStrategy(size=1)
    )
    found = {row["id"]: row["main"] for row in cleaned.take_all()}  # a row is a block, and blocks come in any order
    assert found == {0: Cleaner().clean_html(html), 1: None}


def test_columns_are_checked(dataset):
    with pytest.raises(ValueError, match="name a column with url or site"):
        learn_dataset(dataset, text="text")
    with pytest.raises(ValueError, match="text or html"):
        Clean(url="url")
    batch = next(iter(dataset.iter_batches(batch_format="pyarrow", batch_size=None)))
    with pytest.raises(ValueError, match="no column 'words'; there are id, url, text"):
        Clean(text="words")(batch)


def test_a_batch_is_cleaned_with_the_profile(dataset, pages):
    page = Page("0", url=pages[0].url, text=pages[0].text)
    profile = learn(pages)
    batch = next(iter(dataset.iter_batches(batch_format="pyarrow", batch_size=1)))
    found = Clean(text="text", url="url", profile=profile)(batch)
    assert found.column("text").to_pylist() == [next(Cleaner(profile=profile).clean_pages([page])).text]
