"""The hook for Hugging Face datasets, with the real library."""

import subprocess
import sys

import pytest

import declutter.cleaner
from declutter import Cleaner, Profile, learn

datasets = pytest.importorskip("datasets", reason="needs declutter-text[huggingface]")

from datasets.fingerprint import Hasher  # noqa: E402

from declutter.integrations.columns import UncleanedWarning  # noqa: E402
from declutter.integrations.huggingface import Clean, clean_dataset, learn_dataset  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def dataset(pages):
    return datasets.Dataset.from_dict({"text": [page.text for page in pages], "url": [page.url for page in pages]})


def test_both_passes_in_two_processes_are_clean_pages(dataset, expected, kept):
    cleaned = clean_dataset(dataset, text="text", url="url", verdicts="verdicts", batch_size=17, num_proc=2)
    assert cleaned["text"][:] == kept
    assert cleaned["url"][:] == dataset["url"][:]
    for row, page in zip(cleaned["verdicts"][:], expected, strict=True):
        assert [line["label"] for line in row] == page.verdicts.label
        assert [line["keep"] for line in row] == page.verdicts.keep.tolist()
        assert [line["reason"] for line in row] == page.verdicts.reason


def test_a_stream_is_cleaned_with_what_was_learned_of_it(dataset, kept):
    stream = dataset.to_iterable_dataset(num_shards=3)
    profile = learn_dataset(stream, text="text", url="url")
    clean = Clean(text="text", url="url", into="main", cleaner=Cleaner(profile=profile))
    assert [row["main"] for row in stream.map(clean, batched=True, batch_size=9)] == kept


def test_nulls_stay_null_and_html_goes_before_text(dataset):
    rows = {
        "text": [None, "Home\n", None],
        "html": [None, "<p>The boats came back at dawn, and nobody had slept that night.</p>", None],
    }
    cleaned = clean_dataset(datasets.Dataset.from_dict(rows), text="text", html="html")
    assert cleaned["text"][:] == [None, "The boats came back at dawn, and nobody had slept that night.", None]


def test_the_fingerprint_tells_cleaners_apart_and_nothing_else(pages, tmp_path):
    profile = learn(pages[:6])
    fresh = Clean(text="text", cleaner=Cleaner(keep={"title", "body", "caption"}, profile=profile))
    used = Clean(text="text", cleaner=Cleaner(keep={"caption", "body", "title"}, profile=profile))
    used({"text": [pages[0].text]})  # caches an index in the profile
    assert Hasher.hash(fresh) == Hasher.hash(used)
    others = [
        Clean(text="text", cleaner=Cleaner(keep={"title", "body"}, profile=profile)),
        Clean(text="text", cleaner=Cleaner(keep={"title", "body", "caption"}, profile=learn(pages[:5]))),
        Clean(text="other", cleaner=fresh.cleaner),
        Clean(text="text", cleaner=Cleaner(keep={"title", "body", "caption"}, profile=profile, engine="rules")),
    ]
    assert len({Hasher.hash(clean) for clean in [fresh, *others]}) == 5
    profile.save(tmp_path / "p.profile")
    assert Hasher.hash(Clean("text", cleaner=Cleaner(profile=Profile.load(tmp_path / "p.profile")))) == Hasher.hash(
        Clean("text", cleaner=Cleaner(profile=profile))
    )


@pytest.mark.slow
def test_another_process_has_the_same_fingerprint():
    code = (
        "from datasets.fingerprint import Hasher; from declutter import Cleaner;"
        "from declutter.integrations.huggingface import Clean;"
        "print(Hasher.hash(Clean('text', cleaner=Cleaner(keep={'title', 'body', 'caption', 'byline'}))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_wrong_columns_are_refused():
    with pytest.raises(ValueError, match="name a column of pages"):
        Clean(url="url")
    with pytest.raises(TypeError, match="row 1: text is int"):
        Clean("text")({"text": ["a", 5]})
    with pytest.raises(ValueError, match="different lengths"):
        Clean("text", url="url")({"text": ["a"], "url": []})


def test_a_page_that_fails_is_passed_through_with_a_warning(monkeypatch):
    measure = declutter.cleaner.measure

    def fails(lines):
        if "burnt" in lines.text:
            raise RuntimeError("too hot")
        return measure(lines)

    monkeypatch.setattr(declutter.cleaner, "measure", fails)
    with pytest.warns(UncleanedWarning, match="1 of 2 pages .* row 1: RuntimeError: too hot"):
        cleaned = Clean("text", cleaner=Cleaner(profile=Profile()))({"text": ["Home\n", "Home\nburnt\n"]})
    assert cleaned["text"][1] == "Home\nburnt\n"
