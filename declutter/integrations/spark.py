"""Spark: `clean_dataframe(df, text="text", url="url", id="id")`.

    from declutter.integrations.spark import clean_dataframe, learn_dataframe

    cleaned = clean_dataframe(df, text="text", url="url", id="id")           # both passes

    counts = learn_dataframe(df, text="text", url="url", id="id")            # the same, pass by pass: a row a site
    counts.write.parquet("counts.parquet")
    counts = spark.read.parquet("counts.parquet")
    cleaned = clean_dataframe(df, text="text", url="url", id="id", profile=counts)

The first pass brings the pages of a site together, in the order of `id`, and counts their templates there, a few sites
at a time, so that the counts are those of one machine that reads the pages in that order. The second joins each page
with its site's counts: by broadcast where they are small, and otherwise by a join whose skew Spark's adaptive execution
evens out. The executors need declutter and pyarrow. `examples/spark_clean.py` is a job for spark-submit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby

try:
    import pyarrow as pa
    from pyspark import StorageLevel
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F
    from pyspark.sql import types as T
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[spark]"') from error

from declutter import Cleaned, Cleaner, Page, Profile, learn
from declutter.cleaner import site_of
from declutter.files.verdicts import COLUMNS, verdicts_array
from declutter.integrations.columns import given_columns, pages_of
from declutter.integrations.counts import COUNTS_SCHEMA, counts_table, sites_of
from declutter.stages.repeats.counting import is_counted

BATCH_ROWS = 1000  # pages judged and handed to Spark at a time
LEARNED_PAGES = 1000  # whose sites are counted together: so a worker holds a few sites, however many its partition has
BROADCAST_BYTES = 1 << 26  # counts up to this size are sent to every executor, and the pages are not shuffled

# columns that stand beside the caller's for a while
SITE, ORDER, COUNTS = "__declutter_site", "__declutter_order", "__declutter_counts"

COUNTS_TYPE = "site string, n_pages long, n_seen long, fingerprints array<long>, pages_with array<int>"
SPARK_TYPES = {"int32": "int", "string": "string", "float32": "float", "bool": "boolean"}
VERDICTS_TYPE = f"array<struct<{', '.join(f'{name}: {SPARK_TYPES[kind]}' for name, kind in COLUMNS.items())}>>"


def learn_dataframe(
    df: DataFrame,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
    id: str | None = None,
) -> DataFrame:
    """The template counts of the sites, a row a site (COUNTS_TYPE); the names are those of columns.

    The pages of a site are counted in the order of the column `id`, and without one in the order of a hash of the
    page. Pages whose site is not known (neither `site` nor a URL with a host) are left out.
    """
    columns = _named_columns(df, text, html, url, site)
    contents = [F.col(columns[what]).alias(what) for what in ("text", "html") if what in columns]
    order = F.col(_checked(df, id)) if id else F.xxhash64(*contents)
    pages = _with_site(df, columns).where(F.col(SITE).isNotNull())
    together = pages.select(F.col(SITE).alias("site"), order.alias(ORDER), *contents).repartition("site")
    return together.sortWithinPartitions("site", ORDER).mapInArrow(_count_sites, COUNTS_TYPE)


def clean_dataframe(
    df: DataFrame,
    text: str | None = None,
    html: str | None = None,
    url: str | None = None,
    site: str | None = None,
    id: str | None = None,
    *,
    profile: Profile | DataFrame | None = None,
    cleaner: Cleaner | None = None,
    into: str | None = None,
    verdicts: str | None = None,
    error: str = "error",
) -> DataFrame:
    """The data frame with its pages cleaned; all other columns stay.

    `text`, `html`, `url`, `site` and `id` name columns. What is kept goes to the column `into` (`text` unless named),
    `verdicts` names a column for the verdict on each line (VERDICTS_TYPE), and `error` one that says why a page could
    not be judged and was passed through whole. Nulls stay null; a row with HTML is cleaned as HTML.

    `profile` is what `learn_dataframe` gave, or a Profile, which should be small: it goes to every worker. Without
    one the first pass is run at once, and its counts are kept on the executors' disks. Pages whose site is not known
    are then judged alone, while a Profile finds the site by the lines they share.
    Raises ValueError for columns that are not there, or where neither `url`, `site` nor a Profile is given.
    """
    cleaner = cleaner or Cleaner()
    columns = _named_columns(df, text, html, url, site)
    profile = cleaner.profile if profile is None else profile
    if not isinstance(profile, Profile) and url is None and site is None:
        raise ValueError("templates are counted by site: name a column with url or site, or give a Profile")
    into, schema = _output(df, into or text or "text", verdicts, error)
    clean = partial(_clean_batches, columns=columns, into=into, verdicts=verdicts, error=error)
    if isinstance(profile, Profile):
        return df.mapInArrow(partial(clean, cleaner=replace(cleaner, profile=profile)), schema)
    if profile is None:
        profile = learn_dataframe(df, text, html, url, site, id).persist(StorageLevel.DISK_ONLY)
    pages = _with_counts(_with_site(df, columns), profile)
    return pages.mapInArrow(partial(clean, cleaner=replace(cleaner, profile=Profile())), schema)


def profile_of(counts: DataFrame) -> Profile:
    """The counts that `learn_dataframe` gave, as a Profile in the driver's memory: to save, or to clean with."""
    batches = counts.select(*COUNTS_SCHEMA.names).toArrow().to_batches()
    return Profile(tuple(site for batch in batches for site in sites_of(batch)))


def _named_columns(
    df: DataFrame, text: str | None, html: str | None, url: str | None, site: str | None
) -> dict[str, str]:
    """The columns by what they are: text, html, url, site."""
    return {what: _checked(df, name) for what, name in given_columns(text, html, url, site).items()}


def _checked(df: DataFrame, name: str) -> str:
    if name not in df.columns:
        raise ValueError(f"no column {name!r}; there are {', '.join(df.columns)}")
    return name


def _output(df: DataFrame, into: str, verdicts: str | None, error: str) -> tuple[str, T.StructType]:
    """The name of the column of kept text, and the schema of what comes out."""
    for name in (verdicts, error):
        if name in df.columns or name == into:
            raise ValueError(f"there is a column {name!r} already; give verdicts or error another name")
    new = [T.StructField(into, T.StringType())]
    new += [T.StructField(verdicts, T.DataType.fromDDL(VERDICTS_TYPE))] if verdicts else []
    new += [T.StructField(error, T.StringType())]
    return into, T.StructType([field for field in df.schema.fields if field.name != into] + new)


def _with_site(df: DataFrame, columns: dict[str, str]) -> DataFrame:
    """The data frame with the site of each page: given, or the registered domain of its URL."""
    site, url = (F.col(columns[what]) if what in columns else F.lit(None).cast("string") for what in ("site", "url"))
    # "not deterministic" keeps Spark from computing it again in a filter
    return df.withColumn(SITE, F.arrow_udf(_site_names, T.StringType()).asNondeterministic()(site, url))


def _site_names(site: pa.Array, url: pa.Array) -> pa.Array:
    rows = zip(site.to_pylist(), url.to_pylist(), strict=True)
    return pa.array([site_of(Page("", site=name, url=address, text="")) for name, address in rows], pa.string())


def _with_counts(pages: DataFrame, counts: DataFrame) -> DataFrame:
    """The pages, each with its site's counts as a struct, null where there are none."""
    n_bytes = counts.agg(F.sum(12 * F.size("fingerprints") + 100)).first()[0] or 0
    others = [F.col(name) for name in COUNTS_SCHEMA.names]
    by_site = counts.select(F.col("site").alias(SITE), F.struct(*others).alias(COUNTS))
    return pages.join(F.broadcast(by_site) if n_bytes <= BROADCAST_BYTES else by_site, SITE, "left")


def _count_sites(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pages, site after site and in the order in which they count, to rows of COUNTS_TYPE; a few sites at a time."""
    for _, pages in groupby(_counted_pages(batches), _Runs()):
        yield from counts_table(learn(pages).sites).to_batches()


class _Runs:
    """The number of the run of whole sites, of LEARNED_PAGES pages or more, that each page in turn is of."""

    def __init__(self) -> None:
        self._number = self._n_pages = 0
        self._site: str | None = None

    def __call__(self, page: Page) -> int:
        if page.site != self._site and self._n_pages >= LEARNED_PAGES:
            self._number, self._n_pages = self._number + 1, 0
        self._site, self._n_pages = page.site, self._n_pages + 1
        return self._number


def _counted_pages(batches: Iterator[pa.RecordBatch]) -> Iterator[Page]:
    """The pages; those that `learn` will only number, because their site is known well enough, come without text."""
    n_seen: Counter[str] = Counter()
    for batch in batches:
        names = batch.column("site").to_pylist()
        values = [(what, batch.column(what)) for what in ("html", "text") if what in batch.schema.names]
        for row, name in enumerate(names):
            found = next(((what, column[row]) for what, column in values if column[row].is_valid), None)
            if found is None:
                continue
            what, value = found
            content = value.as_py() if is_counted(n_seen[name]) else ""
            n_seen[name] += 1
            yield Page(name, site=name, **{what: content})


def _clean_batches(
    batches: Iterator[pa.RecordBatch],
    *,
    columns: dict[str, str],
    cleaner: Cleaner,
    into: str,
    verdicts: str | None,
    error: str,
) -> Iterator[pa.RecordBatch]:
    """Pages, with their sites' counts where there was no Profile, to the same rows with what is kept."""
    for whole in batches:
        for first in range(0, whole.num_rows, BATCH_ROWS):
            batch = whole.slice(first, BATCH_ROWS)
            cleaned = _cleaned(batch, columns, cleaner)
            new = {into: pa.array([done and done.text for done in cleaned], pa.string())}
            if verdicts:
                new[verdicts] = verdicts_array([None if done is None else done.verdicts for done in cleaned])
            new[error] = pa.array([done and done.error for done in cleaned], pa.string())
            kept = {name: batch.column(name) for name in batch.schema.names if name not in (into, SITE, COUNTS)}
            yield pa.RecordBatch.from_pydict(kept | new)


def _cleaned(batch: pa.RecordBatch, columns: dict[str, str], cleaner: Cleaner) -> list[Cleaned | None]:
    values = {what: batch.column(name).to_pylist() for what, name in columns.items()}
    if COUNTS not in batch.schema.names:
        return _in_order(list(pages_of(values)), {False: cleaner, True: cleaner})
    values["site"] = names = batch.column(SITE).to_pylist()
    counts = batch.column(COUNTS)
    first_rows = {name: row for row, name in reversed(list(enumerate(names))) if counts[row].is_valid}
    of_sites = counts.take(pa.array(list(first_rows.values()), pa.int64()))
    known = Profile(tuple(sites_of(pa.RecordBatch.from_struct_array(of_sites))))
    # a page without a site must not be taken for one of the sites that happen to be in its batch
    cleaners = {True: replace(cleaner, profile=known), False: cleaner}
    pages = list(pages_of({what: column for what, column in values.items() if what != "url"}))
    return _in_order(pages, cleaners, first_rows.keys())


def _in_order(
    pages: list[Page | None], cleaners: dict[bool, Cleaner], known: Collection[str | None] = ()
) -> list[Cleaned | None]:
    """The pages cleaned, None for None; `cleaners` has one for pages of known sites and one for the others."""
    of_pages = {
        is_known: cleaner.clean_pages([page for page in pages if page and (page.site in known) == is_known])
        for is_known, cleaner in cleaners.items()
    }
    return [None if page is None else next(of_pages[page.site in known]) for page in pages]
