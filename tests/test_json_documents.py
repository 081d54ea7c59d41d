"""JSON that is not lines: arrays on one line or many, pretty-printed, packed, piped, broken, and larger than memory."""

import gzip
import io
import json
import sys
import tracemalloc

import pytest

from declutter.files import json_documents
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.records import WITHOUT_PAGE, Failure, Note, Options, Record

PAGES = [
    {"url": "https://a.example/1", "text": 'Menu\nThe "boats" came back, é \\ \ud83d\ude00.', "n": 1.5},
    {"text": "[brackets} in, text", "deep": [{"a": ["]"]}], "none": None},
    {"text": "", "url": "https://a.example/3"},
]
FORMS = {
    "one line": json.dumps(PAGES),
    "one line, no ASCII escapes": json.dumps(PAGES, ensure_ascii=False),
    "an item a line": "[\n" + ",\n".join(map(json.dumps, PAGES)) + "\n]\n",
    "pretty": json.dumps(PAGES, indent=2) + "\n",
    "tabs and CRLF": json.dumps(PAGES, indent="\t").replace("\n", "\r\n"),
    "compact": json.dumps(PAGES, separators=(",", ":")),
    "byte order mark": "\ufeff" + json.dumps(PAGES, indent=1),
    "objects": "\n".join(json.dumps(page, indent=4) for page in PAGES),
    "objects without space": "{\n" + "".join(json.dumps(page, indent=1) for page in PAGES)[1:],
}


def encoded(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16").encode()


def records(found):
    return [one for one in found.records() if isinstance(one, Record)]


def written(found, out, to=None, change=str, **options):
    output = output_for(found, out, to, Options(**options))
    for record in records(found):
        output.write(record, change(record.page.text if record.page.text is not None else record.page.html))
    output.close()
    return out.read_bytes()


def only(path, **options):
    (found,) = inputs([path], Options(**options))
    return found


@pytest.fixture(params=FORMS)
def path(request, tmp_path):
    path = tmp_path / "items.json"
    path.write_bytes(encoded(FORMS[request.param]))
    return path


@pytest.mark.parametrize("read_bytes", [1, 7, 1 << 18])
def test_each_object_is_a_page(path, monkeypatch, read_bytes):
    monkeypatch.setattr(json_documents, "READ_BYTES", read_bytes)
    found = only(path)
    pages = [record.page for record in records(found)]
    assert found.format == "json"
    assert [page.id for page in pages] == ["items.json:1", "items.json:2", "items.json:3"]
    assert [page.text for page in pages] == [encoded(page["text"]).decode() for page in PAGES]
    assert [page.url for page in pages] == ["https://a.example/1", None, "https://a.example/3"]


def test_what_comes_out_is_json_of_the_same_kind(path, tmp_path):
    found = only(path)
    assert output_name(found) == "items.json"
    out = written(found, tmp_path / "out", change=str.upper).decode()
    objects = out if out.startswith("[") else "[" + out.replace("}\n{", "},{") + "]"
    assert json.loads(objects) == [{**page, "text": page["text"].upper()} for page in json.loads(json.dumps(PAGES))]
    assert out.startswith("[") == FORMS_ARE_ARRAYS[path.read_bytes().lstrip(b"\xef\xbb\xbf")[:1]]
    again = tmp_path / "again.json"
    again.write_text(out)
    assert written(only(again), tmp_path / "out").decode() == out


FORMS_ARE_ARRAYS = {b"[": True, b"{": False}


def test_json_lines_of_json_are_lines(path, tmp_path):
    lines = written(only(path), tmp_path / "out", "jsonl").decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(PAGES))


def test_an_array_is_read_packed_and_from_standard_input(tmp_path, monkeypatch):
    data = FORMS["pretty"].encode()
    (tmp_path / "items.json.gz").write_bytes(gzip.compress(data[:90]) + gzip.compress(data[90:]))
    assert len(records(only(tmp_path / "items.json.gz"))) == 3
    assert gzip.decompress(written(only(tmp_path / "items.json.gz"), tmp_path / "out")).startswith(b"[\n{")
    for source in (data, gzip.compress(data)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source)))
        found = only("-")
        assert (found.id, len(records(found))) == ("stdin.json", 3)


@pytest.mark.parametrize(
    "text, n_pages, reason",
    [
        ('[{"text": "a"}, {"text": "b"', 1, "cut off in the middle of an item"),
        ('[{"text": "a"}, {"text": "b', 1, "cut off in the middle of an item"),
        ('[{"text": "a"},', 1, "the JSON array has no end"),
        ('[{"text": "a"} {"text": "b"}]', 1, "no comma"),
        ('[{"text": "a"}, 17, {"text": "b"}]', 2, "item 2: not a JSON object"),
        ('[{"text": "a"}, {text: "x"}, {"text": "b"}]', 2, "item 2: broken JSON"),
        ('[{"text": "a"}, {"text": "\\q"}, {"text": "b"}]', 2, "item 2: broken JSON"),
        ('[{"text": "a"}, {"text": ["x"]}, {"text": "b"}]', 2, "item 2: the column text holds no text"),
        ('[{"text": "a"}, {"title": "x"}, {"text": "b"}]', 2, "item 2: no column holds a page"),
        ('[{"text": "a"}, {"text": "' + "x" * 9999 + '"}]', 1, "longer than"),
    ],
)
def test_what_is_broken_is_a_failure_and_the_rest_is_read(tmp_path, text, n_pages, reason):
    (tmp_path / "items.json").write_text(text)
    found = list(only(tmp_path / "items.json", max_record_bytes=5000).records())
    assert len([one for one in found if isinstance(one, Record)]) == n_pages
    (failure,) = (one for one in found if isinstance(one, Failure))
    assert reason in failure.reason
    assert "items.json" in failure.reason


@pytest.mark.parametrize("text", ["17", '"text"', "[1, 2]", "null", "some words", "[[{}]]"])
def test_a_json_file_without_objects_is_refused_by_name(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    (failure,) = only(tmp_path / "a.json").records()
    assert "JSON that holds no objects" in failure.reason


def test_an_array_without_items_and_an_empty_file(tmp_path):
    for text in ("[]", "[ \n]\n", ""):
        (tmp_path / "a.json").write_text(text)
        assert list(only(tmp_path / "a.json").records()) == []
        assert written(only(tmp_path / "a.json"), tmp_path / "out") == b"[]\n"


def test_items_without_a_page_are_counted_and_kept(tmp_path):
    (tmp_path / "a.json").write_text('[{"text": null, "a": 1}, {"text": "x"}]')
    assert list(only(tmp_path / "a.json").records())[-1] == Note("a.json", WITHOUT_PAGE, 1)
    assert json.loads(written(only(tmp_path / "a.json"), tmp_path / "out")) == [{"text": None, "a": 1}, {"text": "x"}]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_array(tmp_path):
    peaks = []
    for n_pages in (2_000, 20_000):
        item = json.dumps({"text": "word " * 200})
        (tmp_path / "a.json").write_text("[" + ", ".join([item] * n_pages) + "]")
        tracemalloc.start()
        assert sum(1 for _ in only(tmp_path / "a.json").records()) == n_pages
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 1_000_000


def test_brackets_without_end_are_told_and_take_no_time(tmp_path):
    (tmp_path / "a.json").write_text('[{"text": "x"}, ' + "[" * 2_000_000)
    *_, failure = only(tmp_path / "a.json", max_record_bytes=1 << 20).records()
    assert "longer than" in failure.reason
