"""Hugging Face datasets: `clean_dataset` for both passes, or `Clean` for `Dataset.map`.

>>> import datasets
>>> from declutter.integrations.huggingface import Clean, clean_dataset, learn_dataset
>>> page = "Home\\nNews\\nThe boats came back at dawn, and nobody had slept that night.\\nShare\\n"
>>> dataset = datasets.Dataset.from_dict({"text": [page], "url": ["https://example.org/boats"]})
>>> cleaned = clean_dataset(dataset, text="text", url="url")  # and num_proc=8, and what else Dataset.map takes
>>> cleaned[0]["text"]
'The boats came back at dawn, and nobody had slept that night.\\n'

The same pass by pass, for a stream, or for a profile that is kept:

>>> from declutter import Cleaner
>>> profile = learn_dataset(dataset, text="text", url="url")
>>> clean = Clean(text="text", url="url", cleaner=Cleaner(profile=profile))
>>> stream = dataset.to_iterable_dataset().map(clean, batched=True)

After another extractor, which leaves None where it finds nothing:

>>> import trafilatura
>>> html = datasets.Dataset.from_dict({"html": [f"<p>{page}</p>"]})
>>> again = clean_dataset(html.map(lambda row: {"text": trafilatura.extract(row["html"])}), text="text")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

try:
    import datasets
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[huggingface]"') from error

from declutter import Cleaner, Page, Profile, __version__, learn
from declutter.files.verdicts import verdict_rows
from declutter.integrations.columns import cleaned_rows, given_columns, pages_of

BATCH_ROWS = 1000  # the default batch of Dataset.map


class Clean:
    """Cleans the rows of a batch: what `Dataset.map(..., batched=True)` and `IterableDataset.map` take.

    `text`, `html`, `url` and `site` name columns. What is kept goes to the column `into`, which is `text` unless
    named; nulls stay null. `verdicts` names a column for the verdict on each line. A row with HTML is cleaned as HTML.

    Give a cleaner with a profile (see `learn_dataset`); without one each batch learns from its own rows alone, so that
    verdicts depend on how rows fall into batches. Rows that can't be judged are passed through whole, with a warning.
    The object pickles to the same bytes in every process, so that datasets finds what it has cached.
    """

    def __init__(
        self,
        text: str | None = None,
        html: str | None = None,
        url: str | None = None,
        site: str | None = None,
        *,
        into: str | None = None,
        verdicts: str | None = None,
        cleaner: Cleaner | None = None,
    ):
        self.columns = given_columns(text, html, url, site)
        self.into = into or text or "text"
        self.verdicts = verdicts
        self.cleaner = cleaner or Cleaner()

    def __call__(self, batch) -> dict[str, list]:
        """The columns that a batch (a mapping of column names to lists) gets."""
        texts, verdicts = [], []
        for cleaned in cleaned_rows(self.cleaner, pages_of(_named_columns(batch, self.columns))):
            texts.append(None if cleaned is None else cleaned.text)
            if self.verdicts:
                verdicts.append(cleaned and verdict_rows(cleaned.verdicts))
        return {self.into: texts} | ({self.verdicts: verdicts} if self.verdicts else {})

    def __getstate__(self) -> dict:
        """What datasets pickles and hashes: sets in order, no cached index, and the release, whose models judge."""
        options = {field.name: getattr(self.cleaner, field.name) for field in fields(self.cleaner)}
        options["keep"] = sorted(self.cleaner.keep)
        if self.cleaner.profile is not None:
            options["profile"] = Profile(self.cleaner.profile.sites)
        return {**self.__dict__, "cleaner": options, "release": __version__}

    def __setstate__(self, state: dict) -> None:
        release = state.pop("release")
        if release != __version__:
            raise ValueError(f"a Clean of declutter {release}; this is {__version__}")
        self.__dict__.update(state, cleaner=Cleaner(**state["cleaner"]))


def learn_dataset(
    dataset: datasets.Dataset | datasets.IterableDataset,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
) -> Profile:
    """The profile of the dataset's sites; the names are those of columns. Reads the dataset once, in one process."""
    return learn(_pages(dataset, given_columns(text, html, url, site)))


def clean_dataset(
    dataset: datasets.Dataset,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
    *,
    into: str | None = None,
    verdicts: str | None = None,
    cleaner: Cleaner | None = None,
    **map_options,
) -> datasets.Dataset:
    """The dataset with its pages cleaned: learned from in a first pass (unless the cleaner has a profile), then mapped.

    The arguments are those of `Clean`; `map_options` go to `Dataset.map` (num_proc, batch_size, desc, ...).
    """
    cleaner = cleaner or Cleaner()
    if cleaner.profile is None:
        cleaner = replace(cleaner, profile=learn_dataset(dataset, text, html, url, site))
    clean = Clean(text, html, url, site, into=into, verdicts=verdicts, cleaner=cleaner)
    return dataset.map(clean, batched=True, **map_options)


def _pages(dataset: datasets.Dataset | datasets.IterableDataset, columns: dict[str, str]) -> Iterator[Page]:
    names = list(dict.fromkeys(columns.values()))
    first_row = 0
    for batch in dataset.select_columns(names).with_format(None).iter(BATCH_ROWS):
        rows = list(pages_of(_named_columns(batch, columns), first_row))
        first_row += len(rows)
        yield from (page for page in rows if page is not None)


def _named_columns(batch, columns: dict[str, str]) -> dict:
    """The columns of a batch by what they are: text, html, url, site."""
    return {what: batch[name] for what, name in columns.items()}
