"""Sites' template counts as Arrow columns: what the hooks for clusters have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from declutter.stages.repeats import Site

#: A row a site.
COUNTS_SCHEMA = pa.schema(
    {
        "site": pa.string(),
        "n_pages": pa.int64(),  # distinct pages that were counted
        "n_seen": pa.int64(),  # all pages
        "fingerprints": pa.list_(pa.int64()),  # bits of an unsigned hash, a line each, ascending when unsigned
        "pages_with": pa.list_(pa.int32()),  # on how many of the counted pages each line stands
    }
)


def counts_table(sites: Sequence[Site]) -> pa.Table:
    """The sites as rows of COUNTS_SCHEMA. Lines of a single page are left out: they are no templates."""
    recur = [site.pages_with >= 2 for site in sites]
    columns = [
        [site.name for site in sites],
        [site.n_pages for site in sites],
        [site.n_seen for site in sites],
        [site.fingerprints[rows].view(np.int64) for site, rows in zip(sites, recur, strict=True)],
        [site.pages_with[rows] for site, rows in zip(sites, recur, strict=True)],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, COUNTS_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=COUNTS_SCHEMA)


def sites_of(counts: pa.RecordBatch) -> Iterator[Site]:
    """Rows of COUNTS_SCHEMA as Sites."""
    name, n_pages, n_seen, prints, pages_with = (counts.column(what) for what in COUNTS_SCHEMA.names)
    for row in range(counts.num_rows):
        yield Site(
            name=name[row].as_py(),
            n_pages=n_pages[row].as_py(),
            fingerprints=prints[row].values.to_numpy().view(np.uint64),
            pages_with=pages_with[row].values.to_numpy(),
            n_seen=n_seen[row].as_py(),
        )
