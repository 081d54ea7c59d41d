"""Ray Data: `clean_dataset(ds, text="text", url="url", id="id")`.

    from declutter.integrations.ray import Clean, clean_dataset, learn_dataset

    cleaned = clean_dataset(ds, text="text", url="url", id="id")             # both passes

    profile = learn_dataset(ds, text="text", url="url", id="id")             # the same, pass by pass
    cleaned = ds.map_batches(
        Clean,
        fn_constructor_kwargs={"text": "text", "url": "url", "profile": ray.put(profile)},
        batch_format="pyarrow",
        batch_size=1024,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=8),
    )

The first pass brings the pages of a site together, in the order of `id`, and counts their templates there, so that the
counts are those of one machine that reads the pages in that order. The second runs in actors that hold the model; the
profile lies in the object store, once a node. Actors keep their processors: leave some for reading and writing, since
Ray waits for ever where there are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

import numpy as np

try:
    import pyarrow as pa
    import ray
    import ray.data
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[ray]"') from error

from declutter import Cleaner, Page, Profile, learn
from declutter.cleaner import site_of
from declutter.files.verdicts import verdicts_array
from declutter.integrations.columns import cleaned_rows, given_columns, pages_of
from declutter.integrations.counts import counts_table, sites_of
from declutter.stages.repeats.counting import is_counted

BATCH_ROWS = 1024


class Clean:
    """Cleans batches of a dataset, as Arrow tables; for `map_batches`.

    `text`, `html`, `url` and `site` name columns. What is kept goes to the column `into` (`text` unless named),
    `verdicts` names a column for the verdict on each line, and `error` one that says why a page could not be judged
    and was passed through whole. Nulls stay null; a row with HTML is cleaned as HTML. `profile` is a Profile or a
    reference to one in the object store; without it, and without one in `cleaner`, pages are judged alone.
    """

    def __init__(
        self,
        text: str | None = None,
        html: str | None = None,
        url: str | None = None,
        site: str | None = None,
        *,
        profile: Profile | ray.ObjectRef | None = None,
        cleaner: Cleaner | None = None,
        into: str | None = None,
        verdicts: str | None = None,
        error: str = "error",
    ):
        self.columns = given_columns(text, html, url, site)
        cleaner = cleaner or Cleaner()
        profile = ray.get(profile) if isinstance(profile, ray.ObjectRef) else profile
        self.cleaner = replace(cleaner, profile=profile or cleaner.profile or Profile())
        self.into = into or text or "text"
        self.verdicts = verdicts
        self.error = error

    def __call__(self, batch: pa.Table) -> pa.Table:
        cleaned = list(cleaned_rows(self.cleaner, pages_of(_values(batch, self.columns))))
        new = {self.into: pa.array([done and done.text for done in cleaned], pa.string())}
        if self.verdicts:
            new[self.verdicts] = verdicts_array([None if done is None else done.verdicts for done in cleaned])
        new[self.error] = pa.array([done and done.error for done in cleaned], pa.string())
        kept = {name: batch.column(name) for name in batch.schema.names if name != self.into}
        return pa.table(kept | new)


def learn_dataset(
    dataset: ray.data.Dataset,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
    id: str | None = None,
    *,
    n_buckets: int = 16,
    thin: bool = False,
) -> Profile:
    """The profile of the dataset's sites; the names are those of columns.

    The pages of a site are counted in the order of the column `id`, and without one in the order of a hash of the
    page. Pages whose site is not known (neither `site` nor a URL with a host) are left out. The sites are dealt into
    `n_buckets`, each of which must fit into a worker's memory; `thin` sends only a block's first pages of each site
    and some later ones, as many as are counted of one site in all, so that no large site makes a large bucket. The
    counts of a site with more than 64 pages in one block are then not quite those of a single run.
    Raises ValueError where neither `url` nor `site` is given.
    """
    columns = given_columns(text, html, url, site)
    if url is None and site is None:
        raise ValueError("templates are counted by site: name a column with url or site")
    names = [*columns.values(), *([id] if id else [])]
    pages = dataset.select_columns(list(dict.fromkeys(names))).map_batches(
        _dealt, batch_format="pyarrow", batch_size=None, fn_args=(columns, id, n_buckets, thin)
    )
    counted = pages.groupby("bucket", num_partitions=n_buckets).map_groups(_count_sites, batch_format="pyarrow")
    batches = (batch for table in counted.iter_batches(batch_format="pyarrow") for batch in table.to_batches())
    return Profile(tuple(found for batch in batches for found in sites_of(batch)))


def clean_dataset(
    dataset: ray.data.Dataset,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
    id: str | None = None,
    *,
    profile: Profile | None = None,
    cleaner: Cleaner | None = None,
    into: str | None = None,
    verdicts: str | None = None,
    error: str = "error",
    **map_options,
) -> ray.data.Dataset:
    """The dataset with its pages cleaned: learned from at once (unless there is a profile), then mapped.

    The arguments are those of `Clean` and `learn_dataset`; `map_options` go to `map_batches` (compute, memory, ...).
    """
    cleaner = cleaner or Cleaner()
    profile = profile or cleaner.profile or learn_dataset(dataset, text, html, url, site, id)
    options = {
        **given_columns(text, html, url, site),
        "profile": ray.put(profile),
        "cleaner": replace(cleaner, profile=None),
        "into": into,
        "verdicts": verdicts,
        "error": error,
    }
    map_options = {"batch_size": BATCH_ROWS, "udf_modifying_row_count": False, **map_options}
    return dataset.map_batches(Clean, fn_constructor_kwargs=options, batch_format="pyarrow", **map_options)


def _values(batch: pa.Table, columns: dict[str, str]) -> dict[str, list]:
    _check_columns(batch, columns.values())
    return {what: batch.column(name).to_pylist() for what, name in columns.items()}


def _check_columns(batch: pa.Table, names: Iterable[str]) -> None:
    for name in names:
        if name not in batch.schema.names:
            raise ValueError(f"no column {name!r}; there are {', '.join(batch.schema.names)}")


def _dealt(batch: pa.Table, columns: dict[str, str], id: str | None, n_buckets: int, thin: bool) -> pa.Table:
    """The pages of known sites: bucket, site, order, text, html."""
    _check_columns(batch, [*columns.values(), *([id] if id else [])])
    contents: dict[str, pa.ChunkedArray] = {
        what: batch.column(columns[what]) for what in ("text", "html") if what in columns
    }
    is_page = np.any([column.is_valid().to_numpy() for column in contents.values()], axis=0)
    n_seen: Counter[str] = Counter()
    rows: list[int] = []
    sites: list[str] = []  # of the rows
    for row, name in enumerate(_site_names(batch, columns)):
        if name is not None and is_page[row]:
            if not thin or is_counted(n_seen[name]):
                rows.append(row)
                sites.append(name)
            n_seen[name] += 1
    numbers = {name: _number(name) % n_buckets for name in n_seen}
    taken = pa.array(rows, pa.int64())
    dealt = {
        "bucket": pa.array([numbers[name] for name in sites], pa.int64()),
        "site": pa.array(sites, pa.string()),
        "order": batch.column(id).take(taken) if id else _order(contents, taken),
    }
    for what, column_type in (("text", pa.string()), ("html", pa.binary())):
        column = contents.get(what)
        dealt[what] = pa.nulls(len(rows), column_type) if column is None else column.take(taken).cast(column_type)
    return pa.table(dealt)


def _site_names(batch: pa.Table, columns: dict[str, str]) -> list[str | None]:
    nulls = [None] * batch.num_rows
    sites, urls = (batch.column(columns[what]).to_pylist() if what in columns else nulls for what in ("site", "url"))
    return [site_of(Page("", site=site, url=url, text="")) for site, url in zip(sites, urls, strict=True)]


def _order(contents: dict[str, pa.ChunkedArray], rows: pa.Array) -> pa.Array:
    """A hash of each page that is the same wherever it stands."""
    columns = (column.take(rows).to_pylist() for column in contents.values())
    return pa.array([_number("".join(map(str, page))) for page in zip(*columns, strict=True)], pa.int64())


def _count_sites(bucket: pa.Table) -> pa.Table:
    """The pages of whole sites to rows of COUNTS_SCHEMA."""
    return counts_table(learn(_pages(bucket.sort_by("order"))).sites)


def _pages(table: pa.Table) -> Iterator[Page]:
    for batch in table.to_batches(BATCH_ROWS):
        columns = (batch.column(name).to_pylist() for name in ("site", "text", "html"))
        for site, text, html in zip(*columns, strict=True):
            yield Page(site, site=site, **({"text": text} if html is None else {"html": html}))


def _number(content: str) -> int:
    """63 bits of a hash that is the same in every process."""
    return int.from_bytes(blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 1
