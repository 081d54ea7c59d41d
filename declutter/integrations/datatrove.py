"""datatrove: three steps over two passes, as deduplication has them.

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from declutter.integrations.datatrove import CleanPages, CollectPages, LearnSites

    collect = LocalPipelineExecutor([JsonlReader("in/"), CollectPages("pages/", n_buckets=4)], tasks=8)
    learn = LocalPipelineExecutor([LearnSites("pages/", "profiles/")], tasks=4, depends=collect)
    clean = [JsonlReader("in/"), CleanPages("profiles/"), JsonlWriter("out/")]
    LocalPipelineExecutor(clean, tasks=8, depends=learn).run()

`CollectPages` brings together what is to be remembered of a site's pages (about 1 kB each), whatever tasks read them;
`LearnSites` counts their templates, a task a bucket; `CleanPages` cleans the documents with what was learned. A folder
of pages can go once it is learned from. The steps run under any executor: give each its own logging folder, as
datatrove asks for. After an extractor (`[WarcReader("crawl/"), Trafilatura(), CollectPages("pages/")]`, the same
before `CleanPages`) they clean its output.
"""

from __future__ import annotations

import heapq
import json
import shutil
import tempfile
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

try:
    from datatrove.data import Document, DocumentsPipeline
    from datatrove.io import DataFolder, DataFolderLike, get_datafolder
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.writers.disk_base import DiskWriter
    from datatrove.utils.batching import batched
    from datatrove.utils.logging import logger
    from datatrove.utils.typeshelper import StatHints
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[datatrove]"') from error

from declutter import LABELS, Cleaned, Cleaner, DeclutterError, Page, Profile
from declutter.cleaner import site_of, sketched
from declutter.files.verdicts import verdict_rows
from declutter.stages.repeats import PageSketch, Site, Sketches, TemplateCounter
from declutter.stages.repeats.counting import is_counted

BATCH_DOCUMENTS = 256
PAGES_SUFFIX = ".pages.jsonl"
SUFFIXES = {None: "", "gzip": ".gz", "zstd": ".zst"}  # by compression
PROFILE_SUFFIX = ".profile"


class _Step(PipelineStep):
    """What the steps that read documents share: a document as a page.

    `url_key` and `site_key` name metadata; a document with neither is of no known site. `html` says that the
    documents' text is HTML, as WarcReader gives it.
    """

    type = "🧽 - DECLUTTER"

    def __init__(self, url_key: str, site_key: str, html: bool):
        super().__init__()
        self.url_key = url_key
        self.site_key = site_key
        self.html = html

    def _page(self, document: Document) -> Page:
        content = {"html" if self.html else "text": document.text}
        site, url = document.metadata.get(self.site_key), document.metadata.get(self.url_key)
        return Page(document.id, site=site, url=url, **content)


class CollectPages(_Step):
    """First step: writes sketches of the pages of known sites to a file a bucket and task; gives the documents on.

    Args:
        output_folder: where the files go
        n_buckets: how many tasks LearnSites will run
        url_key: metadata with the URL, whose registered domain is the site
        site_key: metadata with the site, where it is given
        html: whether the documents' text is HTML
        thin: write only a task's first pages of each site and some later ones, as many as are counted of one site
            in all. The files of large sites become small; the counts of a site with more than 64 pages in one task
            are then not quite those of a single run.
        compression: of the files: None, "gzip" or "zstd"
    """

    name = "📥 Collect pages"

    def __init__(
        self,
        output_folder: DataFolderLike,
        n_buckets: int = 1,
        url_key: str = "url",
        site_key: str = "site",
        html: bool = False,
        thin: bool = False,
        compression: str | None = None,
    ):
        super().__init__(url_key, site_key, html)
        if n_buckets < 1:
            raise ValueError(f"n_buckets is {n_buckets}; it must be at least 1")
        if compression not in SUFFIXES:
            raise ValueError(f"compression is {compression!r}; it must be None, 'gzip' or 'zstd'")
        self.output_folder = get_datafolder(output_folder)
        self.n_buckets = n_buckets
        self.thin = thin
        self.suffix = PAGES_SUFFIX + SUFFIXES[compression]

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        n_seen: Counter[str] = Counter()
        n_documents = 0
        with self.output_folder.get_output_file_manager(mode="wt", compression="infer") as files:
            for batch in batched(data, BATCH_DOCUMENTS):
                self.stat_update(StatHints.total, value=len(batch))
                with self.track_time("batch"):
                    places = {str(n): document for n, document in enumerate(batch, n_documents)}
                    for number, site, sketch in self._sketches(places, n_seen):
                        # files are read in the order of their names, so this is the order of a single run
                        order = [str(places[number].metadata.get("file_path", "")), rank, int(number)]
                        name = f"{_bucket(site, self.n_buckets):05d}/{rank:05d}{self.suffix}"
                        files.write(name, json.dumps([order, site, *_row(sketch)]) + "\n")
                n_documents += len(batch)
                yield from batch

    def _sketches(self, places: dict[str, Document], n_seen: Counter[str]) -> Iterator[tuple[str, str, PageSketch]]:
        """The place, the site and the sketch of each page that may be counted."""
        pages: list[Page] = []
        for number, document in places.items():
            page = self._page(document)
            site = site_of(page)
            if site is None:
                self.stat_update("site_unknown")
                continue
            if not self.thin or is_counted(n_seen[site]):
                pages.append(replace(page, id=number, site=site))
            n_seen[site] += 1
        if pages:
            self.stat_update("collected", value=len(pages))
        for sketches, read in sketched(pages):
            for page, sketch in zip(read, sketches, strict=True):
                assert page.site is not None  # given above
                yield page.id, page.site, sketch


def _row(sketch: PageSketch) -> list[str]:
    """The columns that are needed where the site is known, in base64."""
    columns = (sketch.lines, sketch.prose, sketch.prose_chars)
    return [b64encode(column.astype(column.dtype.newbyteorder("<")).tobytes()).decode() for column in columns]


def _sketch(row: list) -> PageSketch:
    """What `_row` wrote, with the order and the site before it."""
    _order, site, *columns = row
    lines, prose, chars = (
        np.frombuffer(b64decode(column), dtype) for column, dtype in zip(columns, ("<u8", "<u8", "<i4"), strict=True)
    )
    return PageSketch(site, lines, lines[:0], prose, chars)


class LearnSites(PipelineStep):
    """Second step, as many tasks as there are buckets: counts the templates of a bucket's sites into a profile.

    Args:
        input_folder: the folder that CollectPages wrote
        output_folder: where the profiles go, a file a task
    """

    type = _Step.type
    name = "🗺 Learn sites"

    def __init__(self, input_folder: DataFolderLike, output_folder: DataFolderLike):
        super().__init__()
        self.input_folder = get_datafolder(input_folder)
        self.output_folder = get_datafolder(output_folder)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        assert not data, "LearnSites reads what CollectPages wrote: use no reader before it"
        buckets = {
            int(path.partition("/")[0]) for path in self.input_folder.list_files(glob_pattern=f"*/*{PAGES_SUFFIX}*")
        }
        if not buckets:
            raise DeclutterError(f"{self.input_folder.path}: no pages of known sites; give documents a url or site")
        with self.track_time("bucket"):
            mine = sorted(bucket for bucket in buckets if bucket % world_size == rank)
            sites = [site for bucket in mine for site in self._sites(bucket)]
        self.stat_update("sites", value=len(sites), unit="task")
        _save(Profile(tuple(sites)), self.output_folder, f"{rank:05d}{PROFILE_SUFFIX}")
        yield from ()

    def _sites(self, bucket: int) -> tuple[Site, ...]:
        """The counts of a bucket's sites, its pages in the order of a single run."""
        counter = TemplateCounter()
        paths = self.input_folder.list_files(subdirectory=f"{bucket:05d}")
        files = [self.input_folder.open(path, "rt", compression="infer") for path in paths]
        try:
            for rows in batched(heapq.merge(*(map(json.loads, file) for file in files)), BATCH_DOCUMENTS):
                self.stat_update("pages", value=len(rows))
                counter.add_sketches(Sketches.of_pages([_sketch(row) for row in rows]))
        finally:
            for file in files:
                file.close()
        return counter.profile().sites


class CleanPages(_Step):
    """Third step: keeps the main content of each document; documents of which nothing is kept are dropped.

    A document that can't be judged is passed through whole, and its metadata `declutter_error` says why. Statistics
    count the lines kept and removed by label.

    Args:
        profiles: the folder that LearnSites wrote, a file of `declutter learn`, or a declutter.Profile. It is held
            whole by every worker: about 2 kB a site.
        cleaner: a declutter.Cleaner with options: keep, engine, model, beta
        url_key: metadata with the URL
        site_key: metadata with the site
        html: whether the documents' text is HTML
        verdicts: metadata to write the verdict on each line to (line, text, label, score, keep, reason)
        exclusion_writer: a writer for the documents that are dropped
    """

    name = "🧹 Clean pages"

    def __init__(
        self,
        profiles: DataFolderLike | Profile,
        cleaner: Cleaner | None = None,
        url_key: str = "url",
        site_key: str = "site",
        html: bool = False,
        verdicts: str | None = None,
        exclusion_writer: DiskWriter | None = None,
    ):
        super().__init__(url_key, site_key, html)
        self.profiles = profiles
        self.cleaner = cleaner or Cleaner()
        self.verdicts = verdicts
        self.exclusion_writer = exclusion_writer

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        if self.exclusion_writer is None:
            yield from self._clean(data, rank)
            return
        with self.exclusion_writer:
            yield from self._clean(data, rank)

    def _clean(self, data: DocumentsPipeline, rank: int) -> DocumentsPipeline:
        cleaner = replace(self.cleaner, profile=_loaded(self.profiles))
        for batch in batched(data, BATCH_DOCUMENTS):
            with self.track_time("batch"):
                all_cleaned = list(cleaner.clean_pages([self._page(document) for document in batch]))
            for document, cleaned in zip(batch, all_cleaned, strict=True):
                self._count(cleaned)
                self._rewrite(document, cleaned)
                if document.text:
                    self.stat_update(StatHints.forwarded)
                    self.update_doc_stats(document)
                    yield document
                    continue
                self.stat_update(StatHints.dropped)
                if self.exclusion_writer is not None:
                    self.exclusion_writer.write(replace(document, text=cleaned.page.text or cleaned.page.html), rank)

    def _rewrite(self, document: Document, cleaned: Cleaned) -> None:
        document.text = cleaned.text
        if self.verdicts is not None:
            document.metadata[self.verdicts] = verdict_rows(cleaned.verdicts)
        if cleaned.error is not None:
            document.metadata["declutter_error"] = cleaned.error

    def _count(self, cleaned: Cleaned) -> None:
        self.stat_update(StatHints.total)
        if cleaned.error is not None:
            self.stat_update("passed_through")
            logger.warning(f"{cleaned.page.id}: passed through whole: {cleaned.error}")
        self.stat_update("chars_in", value=len(cleaned.page.text or cleaned.page.html or ""))
        for what, rows in (("kept", cleaned.verdicts.keep), ("removed", ~cleaned.verdicts.keep)):
            for code, number in Counter(cleaned.verdicts.labels[rows].tolist()).items():
                self.stat_update(f"{what}_{LABELS[code]}", value=number)


def _bucket(site: str, n_buckets: int) -> int:
    """The same in every process, which hash() is not."""
    return int.from_bytes(blake2b(site.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") % n_buckets


def _save(profile: Profile, folder: DataFolder, name: str) -> None:
    """Profiles are written to paths, and a DataFolder may be remote."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / name
        profile.save(path)
        with open(path, "rb") as file, folder.open(name, "wb") as out:
            shutil.copyfileobj(file, out)


def _loaded(profiles: DataFolderLike | Profile) -> Profile:
    """The profile, or all profiles of a folder as one. Raises DeclutterError where there are none."""
    if isinstance(profiles, Profile):
        return profiles
    if isinstance(profiles, (str, Path)) and Path(profiles).is_file():
        return Profile.load(profiles)
    folder = get_datafolder(profiles)
    names = folder.list_files(glob_pattern=f"*{PROFILE_SUFFIX}")
    if not names:
        raise DeclutterError(f"{folder.path}: no profile here; run LearnSites first")
    sites: list[Site] = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            path = Path(temporary) / Path(name).name
            with folder.open(name, "rb") as file, open(path, "wb") as copy:
                shutil.copyfileobj(file, copy)
            sites += Profile.load(path).sites  # no site stands in two buckets
    return Profile(tuple(sites))
