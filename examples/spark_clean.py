"""A Spark job that cleans a table of pages, Parquet or JSON lines:

spark-submit examples/spark_clean.py pages.parquet clean.parquet --text text --url url --id id
spark-submit examples/spark_clean.py 'crawl/*.jsonl.gz' clean/ --from jsonl --to jsonl --html raw_html --url url
spark-submit examples/spark_clean.py today.parquet clean.parquet --text text --url url --counts sites.parquet

The executors need declutter: `pip install "declutter-text[spark]"` on every node, or send a packed environment with
`--archives env.tar.gz#env --conf spark.pyspark.python=env/bin/python`.
"""

import argparse

from pyspark.sql import SparkSession

from declutter import Cleaner, Profile
from declutter.integrations.spark import clean_dataframe, learn_dataframe

FORMATS = {"parquet": "parquet", "jsonl": "json"}


def options():
    parser = argparse.ArgumentParser(description="Clean the pages of a table with Spark.")
    parser.add_argument("input", metavar="IN", help="path, folder or glob that Spark can read")
    parser.add_argument("output", metavar="OUT", help="folder to write; it must not exist")
    parser.add_argument("--from", dest="read", choices=FORMATS, default="parquet", help="format of IN")
    parser.add_argument("--to", dest="write", choices=FORMATS, default="parquet", help="format of OUT")
    for what in ("text", "html", "url", "site", "id"):
        parser.add_argument(f"--{what}", metavar="COLUMN", help=f"column of the pages' {what}")
    parser.add_argument("--into", metavar="COLUMN", help="column for what is kept; the default is that of the text")
    parser.add_argument("--verdicts", metavar="COLUMN", help="column for the verdict on each line")
    parser.add_argument("--keep", default="title,body", help="labels to keep, parted by commas")
    parser.add_argument("--engine", default="auto", choices=["auto", "model", "rules"])
    parser.add_argument("--profile", help="a profile of `declutter learn`, in place of the first pass")
    parser.add_argument("--counts", help="where the first pass writes its counts; read in its place where they are")
    return parser.parse_args()


def counts_of(spark, df, columns, path):
    """The counts of the first pass, written to `path` unless they are there."""
    jvm_path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(path)
    if not jvm_path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).exists(jvm_path):
        learn_dataframe(df, **columns).write.parquet(path)
    return spark.read.parquet(path)


def main():
    chosen = options()
    spark = SparkSession.builder.appName("declutter").getOrCreate()
    df = spark.read.format(FORMATS[chosen.read]).load(chosen.input)
    columns = {what: getattr(chosen, what) for what in ("text", "html", "url", "site", "id")}
    profile = Profile.load(chosen.profile) if chosen.profile else None
    if chosen.counts:
        profile = counts_of(spark, df, columns, chosen.counts)
    cleaned = clean_dataframe(
        df,
        **columns,
        profile=profile,
        cleaner=Cleaner(keep=set(chosen.keep.split(",")), engine=chosen.engine),
        into=chosen.into,
        verdicts=chosen.verdicts,
    )
    cleaned.write.format(FORMATS[chosen.write]).save(chosen.output)
    spark.stop()


if __name__ == "__main__":
    main()
