"""The Spark hook, on a cluster of two executors, each a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from declutter import Cleaner, Page, Profile, learn
from declutter.files.verdicts import verdict_rows

pyspark = pytest.importorskip("pyspark", reason="needs declutter-text[spark]")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

import pyarrow as pa  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

import declutter.integrations.spark as hook  # noqa: E402
from declutter.integrations.spark import clean_dataframe, learn_dataframe, profile_of  # noqa: E402

CLUSTER = "local-cluster[2,1,1024]"
ENVIRONMENT = {
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONPATH": str(Path(__file__).parent),  # the executors load this file
    "SPARK_LOCAL_IP": "127.0.0.1",
    "OMP_NUM_THREADS": "1",
}
SCRIPT = Path(__file__).parent.parent.parent / "examples" / "spark_clean.py"


@pytest.fixture(scope="module")
def spark():
    before = dict(os.environ)
    os.environ |= ENVIRONMENT
    builder = SparkSession.builder.master(CLUSTER).config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "4").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    logs = Path(pyspark.__file__).parent / "work" / session.sparkContext.applicationId
    session.stop()
    shutil.rmtree(logs, ignore_errors=True)  # a local cluster keeps its logs among pyspark's own files
    os.environ.clear()
    os.environ |= before


@pytest.fixture(scope="module")
def df(spark, pages):
    """The pages in five partitions, not in order, so that the pages of a site stand in several."""
    rows = [(int(page.id), page.url, page.text, len(page.text)) for page in pages]
    return spark.createDataFrame(rows, "id int, url string, text string, n_chars int").repartition(5, "id").cache()


def check(rows, expected):
    """Text, verdicts and error of every row are those of the library."""
    found = {row["id"]: row for row in rows}
    for cleaned in expected:
        row = found.pop(int(cleaned.page.id))
        assert (row["text"], row["error"], row["n_chars"]) == (cleaned.text, cleaned.error, len(cleaned.page.text))
        assert [verdict.asDict() for verdict in row["verdicts"]] == verdict_rows(cleaned.verdicts)
    assert not found


def test_verdicts_are_those_of_the_library(df, expected):
    cleaned = clean_dataframe(df, text="text", url="url", id="id", verdicts="verdicts")
    assert cleaned.columns == ["id", "url", "n_chars", "text", "verdicts", "error"]
    check(cleaned.collect(), expected)


def test_verdicts_are_the_same_where_the_counts_are_joined(df, expected, monkeypatch):
    monkeypatch.setattr("declutter.integrations.spark.BROADCAST_BYTES", 0)
    check(clean_dataframe(df, text="text", url="url", id="id", verdicts="verdicts").collect(), expected)


def executor_killed_once(marker, batches):
    """Gives the batches on; the first task to come here kills its executor."""
    for batch in batches:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            yield batch
            continue
        parent = Path(f"/proc/{os.getppid()}/stat").read_text().split()[3]  # this process < Python's daemon < executor
        assert b"CoarseGrainedExecutorBackend" in Path(f"/proc/{parent}/cmdline").read_bytes()
        os.kill(int(parent), signal.SIGKILL)


def test_killed_executors_change_nothing(df, expected, tmp_path):
    marker = tmp_path / "killed"
    doomed = df.mapInArrow(partial(executor_killed_once, str(marker)), df.schema)
    cleaned = clean_dataframe(doomed, text="text", url="url", id="id", verdicts="verdicts")
    assert marker.exists()  # one was killed in the first pass
    marker.unlink()
    check(cleaned.collect(), expected)
    assert marker.exists()  # and one in the second


def test_the_example_runs(spark, df, kept, tmp_path):
    example = textwrap.dedent("\n".join(line for line in hook.__doc__.split("\n") if line.startswith("    ")))
    names = {"spark": spark, "df": df}
    exec(example.replace("counts.parquet", str(tmp_path / "counts.parquet")), names)
    assert [row["text"] for row in names["cleaned"].orderBy("id").collect()] == kept


def test_counts_are_those_of_learn(df, pages):
    counts = learn_dataframe(df, text="text", url="url", id="id")
    found = {site.name: site for site in profile_of(counts).sites}
    for site in learn(pages).sites:
        counted = found.pop(site.name)
        recurs = site.pages_with >= 2
        assert (counted.n_pages, counted.n_seen) == (site.n_pages, site.n_seen)
        assert (counted.fingerprints == site.fingerprints[recurs]).all()
        assert (counted.pages_with == site.pages_with[recurs]).all()
    assert not found


def test_a_large_site_is_counted_as_by_learn(spark):
    pages = [
        Page(str(n), site="large", text=f"Home\nPart {'abcdefgh'[n // 64]}\n{chr(97 + n % 26) * 9}") for n in range(500)
    ]
    rows = spark.createDataFrame(
        [(n, page.text, "large") for n, page in enumerate(pages)], "id int, text string, site string"
    )
    (found,) = profile_of(learn_dataframe(rows.repartition(3), text="text", site="site", id="id")).sites
    (site,) = learn(pages).sites
    assert (found.n_pages, found.n_seen) == (site.n_pages, site.n_seen) == (site.n_pages, 500)
    assert found.n_pages < 250
    assert (found.pages_with == site.pages_with[site.pages_with >= 2]).all()


@pytest.mark.parametrize("n_pages", [1, 60, 10_000])
def test_sites_are_counted_a_few_at_a_time(pages, n_pages, monkeypatch):
    """However many at a time, a row a site, with the counts of `learn`; sites come one after the other."""
    monkeypatch.setattr(hook, "LEARNED_PAGES", n_pages)
    ordered = sorted(pages, key=lambda page: page.site or page.url.split("/")[2])
    rows = [{"site": page.site or page.url.split("/")[2], "text": page.text} for page in ordered]
    batches = [pa.RecordBatch.from_pylist(rows[first : first + 70]) for first in range(0, len(rows), 70)]
    found = {}
    for batch in hook._count_sites(iter(batches)):
        found |= {site.name: site for site in hook.sites_of(batch)}
    named = [Page(str(n), site=row["site"], text=row["text"]) for n, row in enumerate(rows)]
    expected = {site.name: site for site in learn(named).sites}
    assert list(found) == list(expected) and len(found) > 2
    for name, site in expected.items():
        assert (found[name].n_pages, found[name].n_seen) == (site.n_pages, site.n_seen)
        assert (found[name].fingerprints == site.fingerprints[site.pages_with >= 2]).all()


def test_html_nulls_and_pages_of_no_known_site(spark):
    html = "<title>T</title><nav><a href=/>Home</a></nav><p>The boats came back at dawn, and nobody had slept.</p>"
    rows = [
        (0, None, None, None),
        (1, html.encode(), None, None),
        (2, html.encode(), "not shown", "https://a.example/"),
    ]
    df = spark.createDataFrame(rows, "id int, raw binary, text string, url string")
    cleaned = clean_dataframe(df, text="text", html="raw", url="url", into="main", verdicts="verdicts")
    null, *others = cleaned.orderBy("id").collect()
    assert (null["main"], null["verdicts"], null["error"]) == (None, None, None)
    assert [row["main"] for row in others] == [Cleaner().clean_html(html)] * 2
    assert others[1]["text"] == "not shown"


def test_a_profile_finds_the_site_by_its_lines(spark, pages):
    profile = Profile(learn(pages[:6]).sites)
    df = spark.createDataFrame([(page.text,) for page in pages[:6]], "text string")
    cleaner = Cleaner(profile=profile, keep={"title", "body", "caption"})
    expected = [cleaned.text for cleaned in cleaner.clean_pages([Page("", text=page.text) for page in pages[:6]])]
    found = clean_dataframe(df.coalesce(1), text="text", profile=profile, cleaner=Cleaner(keep=cleaner.keep)).collect()
    assert [row["text"] for row in found] == expected


def test_columns_are_checked(df):
    with pytest.raises(ValueError, match="name a column with url or site"):
        clean_dataframe(df, text="text")
    with pytest.raises(ValueError, match="no column 'words'; there are id, url"):
        clean_dataframe(df, text="words", url="url")
    with pytest.raises(ValueError, match="text or html"):
        learn_dataframe(df, url="url")
    with pytest.raises(ValueError, match="'url' already"):
        clean_dataframe(df, text="text", url="url", error="url")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_the_job_for_spark_submit(df, pages, expected, tmp_path, form):
    source, out = tmp_path / "in", tmp_path / "out"
    df.write.format("json" if form == "jsonl" else form).save(str(source))
    arguments = [source, out, "--from", form, "--to", "jsonl", "--text", "text", "--url", "url", "--id", "id"]
    arguments += ["--verdicts", "verdicts", "--counts", tmp_path / "counts"]
    submit = [Path(pyspark.__file__).parent / "bin" / "spark-submit", "--master", "local[2]", SCRIPT, *arguments]
    done = subprocess.run(submit, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for path in out.glob("*.json") for line in path.read_text("utf-8").splitlines()]
    assert {row["id"]: row["text"] for row in rows} == {int(cleaned.page.id): cleaned.text for cleaned in expected}
    assert all(row["verdicts"] for row in rows)
    assert list((tmp_path / "counts").glob("*.parquet"))
