"""Many files in two passes: what is written where, what is counted, and failures that stay their own."""

import csv
import gzip
import json
import os
import struct
import time
import zipfile
from contextlib import contextmanager

import pytest

from declutter import Cleaner, Page, run
from declutter import cleaner as cleaner_module
from declutter.errors import InputError, OutputError
from declutter.extras import kinds, markdown, metadata
from declutter.files.encoding import decode
from declutter.files.records import Options
from declutter.run import passes, shards
from declutter.run.outputs import METADATA_FIELDS
from declutter.stages import write
from declutter.stages.repeats import Profile

TOPICS = ("bridge", "market", "school")
MENU = "Home\nPolitics\nWeather\nSign in\n\n"
FOOTER = "\nShare this article\nRelated articles\nContact us\n© 2024 Harbor Gazette. All rights reserved.\n"


def article(topic):
    prose = "".join(
        f"The council said on {day} that the {topic} would open again in spring, after two years of repairs that cost "
        f"more than anyone on the {topic} committee had expected, and that nobody would have to pay for it twice.\n\n"
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday")
    )
    return MENU + prose + FOOTER


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for topic in TOPICS[:2]:
        (tmp_path / "in" / f"{topic}.txt").write_text(article(topic))
    (tmp_path / "in" / "deep" / "school.txt").write_bytes(article("school").replace("\n", "\r\n").encode("utf-16"))
    return tmp_path / "in"


def clean(names, out, removed=None, dry_run=False, profile=None, engine="auto", **settings):
    found = run.inputs([names] if not isinstance(names, list) else names)
    outputs = run.outputs_for(found.paths, str(out), removed and str(removed))
    cleaner = Cleaner(profile=profile, engine=engine)
    return run.clean(found, outputs, cleaner, run.Settings(**settings), dry_run=dry_run)


def clean_to(to, names, out, limits=None, workers=1, **outputs):
    found = run.inputs(names)
    places = run.outputs_for(found.paths, str(out), to=to, **outputs)
    settings = run.Settings(workers=workers, limits=limits or run.Limits())
    return run.clean(found, places, Cleaner(engine="rules"), settings)


def learn(names, path):
    found = run.inputs(names)
    return run.learn(found, path, found.paths)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_mirrored_without_its_boilerplate(folder, tmp_path):
    summary = clean(folder, tmp_path / "out")
    assert tree(tmp_path / "out") == ["bridge.txt", "deep/school.txt", "market.txt"]
    kept = (tmp_path / "out" / "bridge.txt").read_text()
    assert kept.count("The council said") == 4
    assert "Weather" not in kept and "All rights reserved" not in kept
    assert (tmp_path / "out" / "deep" / "school.txt").read_bytes().startswith("\ufeffThe council".encode("utf-16-le"))
    assert (summary.n_pages, summary.failed) == (3, {})
    assert summary.kept_lines == {"body": 12}
    assert sum(summary.removed_lines.values()) == 24
    assert [n_pages for _, n_pages in summary.sites] == [3]
    assert summary.bytes_in == sum(path.stat().st_size for path in folder.rglob("*.txt"))


def test_kept_and_removed_rebuild_the_input(folder, tmp_path):
    clean(folder, tmp_path / "out", tmp_path / "gone")
    for name in tree(folder):
        page, encoding = decode((folder / name).read_bytes(), name)
        kept = decode((tmp_path / "out" / name).read_bytes(), name)[0]
        removed = decode((tmp_path / "gone" / f"{name}.removed.tsv").read_bytes(), name)[0]
        assert removed != ""
        assert encoding.encode(write.rebuild(kept, removed)) == (folder / name).read_bytes()
        assert write.rebuild(kept, removed) == page


def test_a_dry_run_counts_the_same_and_writes_nothing(folder, tmp_path):
    dry = clean(folder, tmp_path / "out", tmp_path / "gone", dry_run=True)
    assert sorted(os.listdir(tmp_path)) == ["in"]
    assert dry == clean(folder, tmp_path / "out", tmp_path / "gone")


def test_one_bad_page_does_not_stop_the_others(folder, tmp_path):
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "out" / "market.txt").mkdir(parents=True)  # a folder stands where the output should go
    summary = clean(folder, tmp_path / "out")
    assert set(summary.failed) == {"a.png", "market.txt"}
    assert str(folder / "a.png") in summary.failed["a.png"]
    assert str(tmp_path / "out" / "market.txt") in summary.failed["market.txt"]
    assert summary.n_pages == 2
    assert tree(tmp_path / "out") == ["bridge.txt", "deep/school.txt"]


def test_outputs_never_leave_out_by_a_link(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "elsewhere")
    assert set(clean(folder, tmp_path / "out").failed) == {"deep/school.txt"}
    assert tree(tmp_path / "elsewhere") == []


def test_a_single_file_goes_to_a_file_or_into_a_folder(folder, tmp_path):
    clean(folder / "bridge.txt", tmp_path / "clean.txt")
    clean(folder / "bridge.txt", tmp_path / "out")
    assert (tmp_path / "clean.txt").read_text() == (tmp_path / "out" / "bridge.txt").read_text() != ""


@pytest.mark.parametrize(
    ("inputs", "out"),
    [
        ("in", "in"),
        ("in", "in/out"),
        ("in/deep", "in"),
        ("in/bridge.txt", "in/bridge.txt"),
        ("in/bridge.txt", "in"),
        ("in", "link"),
        ("link", "in"),
        ("link/bridge.txt", "in/bridge.txt"),
        ("in", "in/../in/deep/.."),
    ],
)
def test_in_and_out_must_lie_apart(folder, tmp_path, inputs, out):
    (tmp_path / "link").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.txt")}
    for places in ((out, None), ("elsewhere", out)):
        out_path, removed = (place and str(tmp_path / place) for place in places)
        with pytest.raises(OutputError, match="input"):
            clean(str(tmp_path / inputs), out_path, removed)
    assert before == {path: path.read_bytes() for path in folder.rglob("*.txt")}


def test_a_learned_profile_does_what_the_first_pass_does(folder, tmp_path):
    learn([folder], tmp_path / "site.profile")
    with pytest.raises(OutputError, match="input"):
        learn([folder], folder / "bridge.txt")
    clean(folder, tmp_path / "one")
    clean(folder, tmp_path / "two", profile=Profile.load(tmp_path / "site.profile"))
    for name in tree(folder):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_number_of_pages_in_memory_is_bounded(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(600):
        (tmp_path / "in" / f"{number}.txt").write_text(article(f"bridge number {number}") * 4)
    seen = []

    @contextmanager
    def watch(title, _n_bytes):
        yield lambda n_pages, n_bytes: seen.append((title, n_pages, len(list((tmp_path / "out").glob("*.txt")))))

    clean(tmp_path / "in", tmp_path / "out", progress=watch)
    n_written = [n_files for title, _, n_files in seen if title == "cleaning"]
    assert 0 < n_written[0] < n_written[-1] == 600  # outputs were there before the last pages were read
    assert sum(n_pages for title, n_pages, _ in seen if title == "cleaning") == 600


def pages_file(path, n_pages, n_sites=3, size=1):
    """JSONL with pages of several sites, mixed."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(n_pages):
            site = f"site{number % n_sites}"
            text = article(f"{site} bridge {''.join(chr(97 + int(digit)) for digit in str(number))}") * size
            text = text.replace("Politics", f"Politics at {site}")
            file.write(json.dumps({"url": f"https://www.{site}.example/{number}", "text": text, "n": number}) + "\n")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in tree(folder)}


@pytest.mark.parametrize("is_divided", [False, True])
def test_the_number_of_processes_makes_no_difference(tmp_path, monkeypatch, is_divided):
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)
    monkeypatch.setattr(shards, "SHARD_BYTES", 100_000)
    monkeypatch.setattr(passes, "SHARD_BYTES", 100_000)
    monkeypatch.setattr(passes, "SHARDS_A_WORKER", 100 if is_divided else 0)
    monkeypatch.setattr(shards, "PART_PAGES", 40)
    (tmp_path / "in").mkdir()
    for number, n_pages in enumerate([200, 3, 150, 0]):
        pages_file(tmp_path / "in" / f"{number}.jsonl", n_pages)
    (tmp_path / "in" / "page.txt").write_text(article("page"))
    summaries = [clean(tmp_path / "in", tmp_path / f"out{n}", workers=n) for n in (1, 2, 3)]
    assert contents(tmp_path / "out1") == contents(tmp_path / "out2") == contents(tmp_path / "out3")
    assert summaries[0] == summaries[1] == summaries[2]
    assert (summaries[0].n_pages, summaries[0].failures) == (354, [])
    assert len(contents(tmp_path / "out1")) == 5


def test_pages_of_a_known_site_are_judged_alike_one_by_one_and_together(tmp_path):
    pages_file(tmp_path / "pages.jsonl", 60)
    learn([tmp_path / "pages.jsonl"], tmp_path / "sites.profile")
    cleaner = Cleaner(profile=Profile.load(tmp_path / "sites.profile"))
    records = [json.loads(line) for line in open(tmp_path / "pages.jsonl", encoding="utf-8")]
    pages = [Page(str(record["n"]), url=record["url"], text=record["text"]) for record in records]
    together = list(cleaner.clean_pages(pages))
    for page, cleaned in zip(pages, together, strict=True):
        alone = next(iter(cleaner.clean_pages([page])))
        assert alone.text == cleaned.text
        assert list(alone.verdicts) == list(cleaned.verdicts)
    reasons = {reason for cleaned in together for reason in cleaned.verdicts.reason}
    assert any(reason.endswith("of 20 pages of this site") for reason in reasons)


def test_pages_over_a_limit_are_passed_through_and_the_others_are_judged(tmp_path, monkeypatch):
    pages_file(tmp_path / "in.jsonl", 20)
    lines = (tmp_path / "in.jsonl").read_text().splitlines()
    huge, slow = json.loads(lines[3]), json.loads(lines[7])
    huge["text"] *= 30
    slow["text"] = "SLOW\n" + slow["text"]
    lines[3], lines[7] = json.dumps(huge), json.dumps(slow)
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    real = cleaner_module.judge

    def slow_at_slow(judged, *rest):
        if "SLOW" in judged.text:
            time.sleep(60)
        return real(judged, *rest)

    monkeypatch.setattr(cleaner_module, "judge", slow_at_slow)
    lines[11] = json.dumps({"text": "Menu\n" * 101, "url": "https://www.site1.example/11"})
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    limits = run.Limits(seconds=0.5, n_bytes=20_000, n_lines=100)
    summary = clean(tmp_path / "in.jsonl", tmp_path / "out.jsonl", limits=limits, errors=tmp_path / "errors.jsonl")
    assert [(failure.position, failure.kind) for failure in summary.failures] == [
        ("4", "passed through"),
        ("8", "passed through"),
        ("12", "passed through"),
    ]
    out = [json.loads(line)["text"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert out[3] == huge["text"] and out[7] == slow["text"]
    assert all("Weather" not in text for number, text in enumerate(out) if number not in (3, 7, 11))
    errors = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]
    assert [error["input"] for error in errors] == ["in.jsonl"] * 3
    assert "larger than 20,000 bytes" in errors[0]["reason"] and "longer than 0.5 seconds" in errors[1]["reason"]
    assert "more than 100 lines" in errors[2]["reason"]


def test_outputs_of_one_name_are_not_written_over_each_other(folder, tmp_path):
    (folder / "bridge.html").write_text(f"<p>{article('html')}</p>")
    (folder / "bridge.html.txt").write_text(article("text"))
    pages_file(folder / "a.jsonl", 4)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress((folder / "a.jsonl").read_bytes()))
    summary = clean(folder, tmp_path / "out")
    assert set(summary.failed) == {"bridge.html"}
    assert "the text" in (tmp_path / "out" / "bridge.html.txt").read_text()
    found = run.inputs([folder])
    outputs = run.outputs_for(found.paths, str(tmp_path / "markdown"), to="markdown")
    summary = run.clean(found, outputs)
    assert set(summary.failed) == {"a.jsonl.gz"} and "a.md.zip" in summary.failed["a.jsonl.gz"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_the_confidence_of_a_page_stands_beside_its_verdicts(suffix, tmp_path):
    texts = [article("bridge"), "a\n" * 99]
    (tmp_path / "a.csv").write_text("text\n" + "".join(f'"{text}"\n' for text in texts))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    limits = run.Limits(n_lines=90)
    source, out = tmp_path / ("a.csv" if suffix == "csv" else "a.jsonl"), tmp_path / f"out.{suffix}"
    summary = clean_to(None, [source], out, limits, workers=2, options=Options(verdicts=True))
    assert summary.n_pages == 1 and len(summary.failures) == 1
    (cleaned,) = Cleaner(engine="rules").clean_pages([Page("a", text=texts[0])])
    if suffix == "parquet":
        found = pytest.importorskip("pyarrow.parquet").read_table(out).to_pylist()
    elif suffix == "csv":
        found = list(csv.DictReader(out.open()))
    else:
        found = list(map(json.loads, out.open()))
    first, second = (row["declutter_confidence"] for row in found)
    assert float(first) == pytest.approx(cleaned.confidence, abs=5e-4) and second in ("", None)


def test_removed_lines_are_kept_for_files_of_one_page(folder, tmp_path):
    pages_file(folder / "a.jsonl", 4)
    summary = clean(folder, tmp_path / "out", tmp_path / "gone")
    assert set(summary.failed) == {"a.jsonl"} and "--verdicts" in summary.failed["a.jsonl"]
    assert summary.n_pages == 3
    assert tree(tmp_path / "out") == ["bridge.txt", "deep/school.txt", "market.txt"]


def test_strict_stops_at_the_first_failure(folder, tmp_path):
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"a\.png.*--strict"):
        clean(folder, tmp_path / "out", is_strict=True)
    assert [name for name in tree(tmp_path / "out") if not name.startswith(".")] == []


def test_a_hostile_page_that_was_read_in_part_is_told(tmp_path):
    flood = " ".join(f"a{number}" for number in range(2_000))
    (tmp_path / "flood.html").write_text(f"<div {flood}>" + article("bridge").replace("\n\n", "<p>"))
    summary = clean(tmp_path / "flood.html", tmp_path / "out", errors=tmp_path / "errors.jsonl")
    assert (summary.n_pages, summary.failures) == (1, [])
    assert "flood.html: a part was left out" in summary.partial[0].reason
    assert json.loads((tmp_path / "errors.jsonl").read_text())["kind"] == "partial"


def test_an_error_inside_a_reader_is_one_inputs_failure(folder, tmp_path, monkeypatch):
    class Broken:
        id, path, format, n_bytes = "broken.txt", folder / "broken.txt", "txt", 9

        def records(self):
            raise struct.error("unpack requires a buffer of 4 bytes")
            yield

    found = run.inputs([folder])
    outputs = run.outputs_for(found.paths, str(tmp_path / "out"))
    summary = run.clean([*found, Broken()], outputs)
    assert [failure.input for failure in summary.failures] == ["broken.txt"]
    assert "buffer of 4 bytes" in summary.failures[0].reason
    assert summary.n_pages == 3


def html_page(topic):
    """The article of a topic as HTML, which says of itself who wrote it and when."""
    prose = "".join(f"<p>{line}</p>\n" for line in article(topic).splitlines() if line.startswith("The council"))
    return (
        f'<html lang="en"><head><title>The {topic}</title><meta name="author" content="Nell Cardew">'
        '<meta property="article:published_time" content="2024-05-01T10:00:00Z"></head><body><nav><a href="/">Home</a>'
        f'<a href="/news">News</a></nav><article><h1>The {topic}</h1>{prose}<p>The <a href="/more">whole report</a> of '
        f"the {topic} committee is read out in the town hall on Friday evening, and all are welcome.</p></article>"
        "<footer>© 2024 Harbor Gazette. All rights reserved.</footer></body></html>"
    )


@pytest.fixture
def html_folder(tmp_path):
    (tmp_path / "in").mkdir()
    for topic in TOPICS:
        (tmp_path / "in" / f"{topic}.html").write_text(html_page(topic))
    (tmp_path / "in" / "dump.txt").write_text(article("dump"))
    with open(tmp_path / "in" / "pages.jsonl", "w", encoding="utf-8") as file:
        for number in range(60):
            topic = f"{TOPICS[number % 3]} of {''.join(chr(97 + int(digit)) for digit in str(number))} town"
            record = {"uri": f"https://harbor.example/{number}", "html": html_page(topic), "date": "crawled"}
            file.write(json.dumps(record) + "\n")
    return tmp_path / "in"


@pytest.fixture(params=[(1, False), (2, False), (2, True)], ids=["one process", "two", "two, divided"])
def workers(request, monkeypatch):
    """How many processes, and whether the pages of one input are judged by both."""
    n_workers, is_divided = request.param
    monkeypatch.setattr(passes, "SMALL_BYTES", 1)
    monkeypatch.setattr(shards, "SHARD_BYTES", 5_000)
    monkeypatch.setattr(passes, "SHARD_BYTES", 5_000)
    monkeypatch.setattr(passes, "SHARDS_A_WORKER", 100 if is_divided else 0)
    monkeypatch.setattr(shards, "PART_PAGES", 20)
    return n_workers


def test_html_becomes_markdown_in_whichever_process(html_folder, tmp_path, workers):
    summary = clean_to("markdown", [html_folder], tmp_path / "out", workers=workers, links=True)
    assert (summary.n_pages, summary.failures, summary.partial) == (64, [], [])
    assert tree(tmp_path / "out") == [
        "bridge.html.md",
        "dump.txt.md",
        "market.html.md",
        "pages.md.zip",
        "school.html.md",
    ]
    found = (tmp_path / "out" / "bridge.html.md").read_text()
    assert found.startswith("# The bridge\n\nThe council said on Monday that the bridge") and found.endswith("\n")
    assert "The [whole report](/more) of the bridge" in found and "News" not in found
    assert (tmp_path / "out" / "dump.txt.md").read_text().count("The council said") == 4
    with zipfile.ZipFile(tmp_path / "out" / "pages.md.zip") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    assert len(texts) == 60 and all(text.startswith("# The ") and text.endswith(".\n") for text in texts)
    assert "The [whole report](https://harbor.example/more) of the market of b town" in texts[1]


def test_json_lines_carry_what_html_pages_say_of_themselves(html_folder, tmp_path, workers):
    summary = clean_to("jsonl", [html_folder], tmp_path / "out", workers=workers)
    assert (summary.n_pages, summary.failures, summary.partial) == (64, [], [])
    found = {name: json.loads((tmp_path / "out" / f"{name}.jsonl").read_text()) for name in ("bridge.html", "dump.txt")}
    record = found["bridge.html"]
    assert list(record) == ["id", *METADATA_FIELDS, "text"]
    assert (record["title"], record["author"], record["date"]) == ("The bridge", "Nell Cardew", "2024-05-01")
    assert record["kind"] in kinds.KINDS and record["language"] == "en" and record["url"] is None
    assert record["text"].startswith("The bridge\nThe council said")
    assert list(found["dump.txt"]) == ["id", "text"]
    records = [json.loads(line) for line in (tmp_path / "out" / "pages.jsonl").read_text().splitlines()]
    assert [list(record) for record in records] == [
        ["uri", "text", "date", "title", "author", "language", "site", "kind"]
    ] * 60
    assert [record["uri"] for record in records] == [f"https://harbor.example/{number}" for number in range(60)]
    assert records[1]["title"] == "The market of b town" and {record["date"] for record in records} == {"crawled"}


def test_json_lines_that_stay_so_keep_their_fields(html_folder, tmp_path):
    clean_to(None, [html_folder / "pages.jsonl"], tmp_path / "out.jsonl")
    clean_to(None, [html_folder / "bridge.html"], tmp_path / "bridge.jsonl")
    assert list(json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])) == ["uri", "text", "date"]
    assert json.loads((tmp_path / "bridge.jsonl").read_text())["author"] == "Nell Cardew"


@pytest.mark.parametrize("to", ["markdown", "jsonl"])
def test_html_pages_that_are_passed_through_stay_whole(html_folder, tmp_path, workers, to):
    summary = clean_to(to, [html_folder], tmp_path / "out", run.Limits(n_bytes=100), workers)
    assert len(summary.failures) == 64
    if to == "markdown":
        assert (tmp_path / "out" / "bridge.html.md").read_text() == html_page("bridge") + "\n"
        return
    record = json.loads((tmp_path / "out" / "bridge.html.jsonl").read_text())
    assert record["text"] == html_page("bridge") and "100 bytes" in record["declutter_error"]
    assert [record[name] for name in METADATA_FIELDS] == [None] * len(METADATA_FIELDS)


@pytest.mark.parametrize(
    ("to", "module", "name"), [("markdown", markdown, "to_markdown"), ("jsonl", metadata, "record")]
)
def test_where_a_form_fails_the_text_is_written_and_it_is_told(html_folder, tmp_path, monkeypatch, to, module, name):
    real = getattr(module, name)

    def fails_at_bridge(cleaned, *rest):
        if cleaned.page.id == "market.html":
            time.sleep(60)
        if cleaned.page.id == "bridge.html":
            raise RecursionError("too deep")
        return real(cleaned, *rest)

    monkeypatch.setattr(module, name, fails_at_bridge)
    summary = clean_to(to, [html_folder], tmp_path / "out", run.Limits(seconds=3.0))
    assert (summary.n_pages, summary.failures) == (64, [])
    assert [failure.input for failure in summary.partial] == ["bridge.html", "market.html"]
    assert "RecursionError: too deep" in summary.partial[0].reason and "3 seconds" in summary.partial[1].reason
    written = (tmp_path / "out" / ("bridge.html.md" if to == "markdown" else "bridge.html.jsonl")).read_text()
    text = written if to == "markdown" else json.loads(written)["text"] + "\n"
    assert text.startswith("The bridge\nThe council said") and "<" not in text


def test_an_html_page_that_no_process_could_judge_is_written_whole(html_folder, tmp_path):
    (source,) = run.inputs([html_folder / "bridge.html"])
    part = shards.Part("0", source, tuple(source.records()), ())
    outputs = run.outputs_for([source.path], str(tmp_path / "out"), to="jsonl")
    job = shards.Job(Cleaner(), outputs, None, run.Limits())
    (written,) = shards.given_up(part, "3 processes died", job)["pages"]
    assert written.text == html_page("bridge") and "3 processes died" in written.error
    assert set(written.metadata.values()) == {None}


def test_a_text_file_takes_many_pages_one_after_the_other(tmp_path):
    lines = [json.dumps({"text": article(topic).rstrip("\n")}) for topic in TOPICS]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    (tmp_path / "in.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for topic, codec in zip(TOPICS, ("utf-8", "utf-16", "utf-8"), strict=True):
            archive.writestr(f"{topic}.txt", article(topic).encode(codec))
    for name in ("in.jsonl", "in.zip"):
        clean_to(None, [tmp_path / name], tmp_path / "out.txt")
        pages = (tmp_path / "out.txt").read_text("utf-8").split("\n\nThe council said on Monday that the ")
        assert len(pages) == 3 and pages[1].startswith("market") and "Sign in" not in "".join(pages)
    clean_to("txt", [tmp_path / "in.jsonl"], tmp_path / "folder")
    assert tree(tmp_path / "folder") == ["in.txt.zip"]
