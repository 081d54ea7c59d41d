"""Parquet and Arrow: pages out of rows, tables with all else as it was, and files that are no such tables."""

import datetime
import errno
import io
import json
import os
import sys

import numpy as np
import pytest

from declutter.errors import InputError, OutputError
from declutter.files import compression, tables
from declutter.files.inputs import inputs
from declutter.files.outputs import output_for
from declutter.files.records import WITHOUT_PAGE, Failure, Note, Options, Record
from declutter.files.streams import File
from declutter.files.tables import ParquetInput
from declutter.lines import Verdicts
from declutter.pages import Page
from declutter.stages.segment.text import split_lines

pa = pytest.importorskip("pyarrow", reason="tables need the extra parquet")
pq = pytest.importorskip("pyarrow.parquet")

N_ROWS = 10


def table():
    return pa.table(
        {
            "id": range(N_ROWS),
            "text": [f"page {row} é" if row != 3 else None for row in range(N_ROWS)],
            "metadata": [
                {"url": f"https://s{row}.example/", "day": datetime.date(2020, 1, 1)} for row in range(N_ROWS)
            ],
            "vector": pa.array([[0.1 * row] for row in range(N_ROWS)], pa.list_(pa.float32())),
        }
    ).replace_schema_metadata({"made by": "a test"})


def write_parquet(path, content):
    pq.write_table(content, path, row_group_size=3, compression="gzip")


def write_arrow_file(path, content):
    with pa.ipc.new_file(str(path), content.schema) as writer:
        writer.write_table(content, max_chunksize=4)


def write_arrow_stream(path, content):
    with pa.ipc.new_stream(str(path), content.schema) as writer:
        writer.write_table(content, max_chunksize=4)


def read_arrow(path):
    with pa.memory_map(str(path)) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        return (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)).read_all()


KINDS = {
    "a.parquet": (write_parquet, pq.read_table),
    "a.arrow": (write_arrow_file, read_arrow),
    "b.arrow": (write_arrow_stream, read_arrow),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def opened(path, **options):
    (found,) = inputs([path], Options(**options))
    return found


def records(found):
    return (one for one in found.records() if not isinstance(one, Note))


def rewritten(found, out, to=None, change=str.upper, judged=None, **options):
    """The input's pages written to a file, changed."""
    output = output_for(found, out, to, Options(**options))
    for record in records(found):
        if isinstance(record, Record):
            page = record.page.text if record.page.text is not None else record.page.html
            output.write(record, change(page), judged)
    output.close()
    return out


def test_rows_are_pages(tmp_path, kind):
    KINDS[kind][0](tmp_path / kind, table())
    found = list(records(opened(tmp_path / kind)))
    assert found[2].page == Page(f"{kind}:2", url="https://s2.example/", text="page 2 é")
    assert found[3].page.text == ""
    assert found[2].n_bytes == len("page 2 é".encode())
    assert len(found) == N_ROWS


def test_rows_without_a_page_are_counted(tmp_path, kind):
    KINDS[kind][0](tmp_path / kind, table())
    *_, last = opened(tmp_path / kind).records()
    assert last == Note(kind, WITHOUT_PAGE, 1)


def test_a_row_without_text_is_read_from_its_html(tmp_path, kind):
    rows = pa.table({"text": ["one", None, "", None], "html": ["<p>a", "<p>two", "<p>three", None], "n": [1, 2, 3, 4]})
    write, read = KINDS[kind]
    write(tmp_path / kind, rows)
    found = opened(tmp_path / kind)
    pages = [record.page for record in records(found)]
    assert [(page.text, page.html) for page in pages] == [
        ("one", None),
        (None, "<p>two"),
        (None, "<p>three"),
        ("", None),
    ]
    result = read(rewritten(found, tmp_path / "out"))
    assert result.column("text").to_pylist() == ["ONE", "<P>TWO", "<P>THREE", None]
    assert result.drop_columns(["text"]).equals(rows.drop_columns(["text"]))


def test_a_row_without_html_is_read_from_its_text(tmp_path):
    write_parquet(tmp_path / "a.parquet", pa.table({"html": ["<p>a", None], "text": ["one", "two"]}))
    found = opened(tmp_path / "a.parquet", html_column="html")
    assert [(record.page.text, record.page.html) for record in records(found)] == [(None, "<p>a"), ("two", None)]
    result = pq.read_table(rewritten(found, tmp_path / "out", html_column="html"))
    assert result.to_pylist() == [{"clean_text": "<P>A", "text": "one"}, {"clean_text": "TWO", "text": "two"}]


def test_all_other_columns_types_and_metadata_stay(tmp_path, kind):
    write, read = KINDS[kind]
    write(tmp_path / kind, table())
    result = read(rewritten(opened(tmp_path / kind), tmp_path / "out"))
    assert result.schema.equals(read(tmp_path / kind).schema, check_metadata=True)
    assert result.schema.metadata[b"made by"] == b"a test"
    assert result.column("text").to_pylist() == [text and text.upper() for text in table().column("text").to_pylist()]
    assert result.drop_columns(["text"]).equals(table().drop_columns(["text"]))


def test_compression_stays_and_the_same_bytes_come_out(tmp_path):
    write_parquet(tmp_path / "a.parquet", table())
    outputs = [rewritten(opened(tmp_path / "a.parquet"), tmp_path / name).read_bytes() for name in "xy"]
    assert outputs[0] == outputs[1]
    assert pq.ParquetFile(tmp_path / "x").metadata.row_group(0).column(0).compression == "GZIP"


def test_a_table_larger_than_a_batch_is_read_and_written_in_parts(tmp_path, kind, monkeypatch):
    for name in ("MAX_BATCH_ROWS", "BATCH_BYTES"):
        monkeypatch.setattr(f"declutter.files.tables.{name}", 7)
    monkeypatch.setattr("declutter.files.tables.ROW_GROUP_BYTES", 100)
    large = pa.concat_tables([table()] * 5)
    write, read = KINDS[kind]
    write(tmp_path / kind, large)
    found = opened(tmp_path / kind)
    assert [record.page.id for record in records(found)] == [f"{kind}:{row}" for row in range(50)]
    assert read(rewritten(found, tmp_path / "out", change=str)).equals(large)


@pytest.mark.parametrize(
    "type", ["string", "large_string", "string_view", "binary", "large_binary", "dictionary<string>"]
)
def test_text_of_every_type(tmp_path, type):
    texts = pa.array(["page é", None, "page ü"]).cast(pa.binary() if "binary" in type else pa.string())
    texts = texts.dictionary_encode() if type.startswith("dict") else texts.cast(getattr(pa, type)())
    write_arrow_file(tmp_path / "a.arrow", pa.table({"text": texts}))
    found = opened(tmp_path / "a.arrow")
    assert [record.page.text for record in records(found)] == ["page é", "", "page ü"]
    result = read_arrow(rewritten(found, tmp_path / "out")).column("text")
    assert [text.decode() if isinstance(text, bytes) else text for text in result.to_pylist()] == [
        "PAGE É",
        None,
        "PAGE Ü",
    ]
    assert type.startswith("dict") or result.type == texts.type


def test_text_that_is_no_utf8_is_carried_in_binary_and_marked_in_strings(tmp_path):
    raw = pa.array([b"a\xff", b"b"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    for name, column, expected in (("raw", raw, b"a\xff"), ("text", broken, "a\ufffd")):
        write_arrow_file(tmp_path / f"{name}.arrow", pa.table({"text": column}))
        found = opened(tmp_path / f"{name}.arrow")
        assert [record.page.text for record in records(found)] == ["a\udcff", "b"]
        result = read_arrow(rewritten(found, tmp_path / "out", change=str))
        assert result.column("text").to_pylist()[0] == expected


def test_html_becomes_text(tmp_path):
    html = pa.table({"url": ["u"], "html": pa.array([b"<p>x"], pa.binary()), "z": [1]})
    write_parquet(tmp_path / "a.parquet", html)
    found = opened(tmp_path / "a.parquet")
    assert next(records(found)).page.html == b"<p>x"
    result = pq.read_table(rewritten(found, tmp_path / "out", change=lambda html: "x"))
    assert result.to_pylist() == [{"url": "u", "text": "x", "z": 1}]


def test_the_kept_text_may_go_beside_the_page_and_verdicts_too(tmp_path):
    write_parquet(tmp_path / "a.parquet", table().slice(2, 2))
    columns = (np.array([4, 1], np.uint8), np.array([0.25, 0.75], np.float32), np.array([False, True]))
    lines = split_lines(["Menu \ud800\nBody"])  # what is no UTF-8 has no place in a table
    verdicts = Verdicts(*columns, ("because",), np.zeros(2, np.int32), lines, range(2), np.array([0.75], np.float32))
    options = {"output_column": "main", "verdicts": True}
    found = opened(tmp_path / "a.parquet", **options)
    result = pq.read_table(rewritten(found, tmp_path / "out", judged=verdicts, **options))
    assert result.schema.names == ["id", "text", "metadata", "vector", "main", "verdicts", "declutter_confidence"]
    assert result.column("declutter_confidence").to_pylist() == [0.75, 0.75]
    assert result.column("text").to_pylist() == ["page 2 é", None]
    assert result.column("main").to_pylist() == ["PAGE 2 É", None]
    assert result.column("verdicts").to_pylist()[0] == [
        {"line": 1, "text": "Menu \ufffd", "label": "navigation", "score": 0.25, "keep": False, "reason": "because"},
        {"line": 2, "text": "Body", "label": "body", "score": 0.75, "keep": True, "reason": "because"},
    ]


def test_a_row_that_is_not_written_keeps_what_it_has(tmp_path):
    write_parquet(tmp_path / "a.parquet", table())
    found = opened(tmp_path / "a.parquet", max_page_bytes=8)  # "page 0 é" has nine
    assert all(isinstance(record, Failure) for row, record in enumerate(records(found)) if row != 3)
    result = pq.read_table(rewritten(found, tmp_path / "out"))
    assert result.equals(table())


def test_json_lines_and_other_tables_of_a_table(tmp_path, kind):
    KINDS[kind][0](tmp_path / kind, table())
    lines = rewritten(opened(tmp_path / kind), tmp_path / "out.jsonl", "jsonl").read_text("utf-8").splitlines()
    assert lines[3] == (
        '{"id": 3, "metadata": {"url": "https://s3.example/", "day": "2020-01-01"}, "vector": [0.30000001192092896], '
        '"url": "https://s3.example/", "text": null}'
    )
    result = pq.read_table(rewritten(opened(tmp_path / kind), tmp_path / "out.parquet", "parquet"))
    assert result.schema.names == table().schema.names


def test_other_inputs_as_a_table(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id":7,"text":"One","url":"u","n":[1]}\n{"text":null}\n{"text":"\\ud800"}\n')
    result = pq.read_table(rewritten(opened(tmp_path / "a.jsonl"), tmp_path / "out.parquet", "parquet"))
    assert result.to_pylist()[0] == {"id": "7", "url": "u", "site": None, "text": "ONE", "other": '{"n": [1]}'}
    assert result.column("text").to_pylist()[1] is None
    assert "\ufffd" in result.column("text").to_pylist()[2]


def reason_of(path, **options):
    (found,) = records(opened(path, **options))
    assert isinstance(found, Failure)
    assert str(path) in found.reason
    return found.reason


def test_a_table_with_other_columns_names_them_and_the_option(tmp_path):
    write_parquet(tmp_path / "a.parquet", table().drop_columns(["text"]))
    reason = reason_of(tmp_path / "a.parquet")
    assert "--text-column" in reason
    assert "id, metadata, vector" in reason
    assert "holds no text (it is int64)" in reason_of(tmp_path / "a.parquet", text_column="id")
    assert "part of a struct" in reason_of(tmp_path / "a.parquet", text_column="metadata.url")
    assert "no column nothing" in reason_of(tmp_path / "a.parquet", text_column="nothing")
    with pytest.raises(InputError, match="--text-column"):
        output_for(opened(tmp_path / "a.parquet"), tmp_path / "out")


def test_a_file_that_is_no_table_says_so(tmp_path, kind):
    KINDS[kind][0](tmp_path / kind, table())
    data = (tmp_path / kind).read_bytes()
    for bad in (b"", b"not a table at all", data[:-60], data[:30]):
        (tmp_path / kind).write_bytes(bad)
        *_, last = records(opened(tmp_path / kind))
        assert isinstance(last, Failure)
        assert str(tmp_path / kind) in last.reason


def test_damage_in_the_middle_loses_what_follows_only(tmp_path):
    large = pa.table({"text": [f"{row} " + "é" * 40 for row in range(20_000)]})
    pq.write_table(large, tmp_path / "a.parquet", row_group_size=2000, compression="gzip", use_dictionary=False)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"x" * 400
    (tmp_path / "a.parquet").write_bytes(data)
    found = opened(tmp_path / "a.parquet")
    *rows, last = records(found)
    assert isinstance(last, Failure)
    assert 5000 < len(rows) < 12_000
    result = pq.read_table(rewritten(found, tmp_path / "out"))
    assert result.num_rows == len(rows)


def test_a_table_without_rows(tmp_path, kind):
    write, read = KINDS[kind]
    write(tmp_path / kind, table().slice(0, 0))
    found = opened(tmp_path / kind)
    assert list(records(found)) == []
    assert read(rewritten(found, tmp_path / "out")).schema.names == table().schema.names


def test_a_table_can_not_be_read_from_a_pipe(tmp_path, monkeypatch):
    write_parquet(tmp_path / "a.parquet", table())
    stdin = io.TextIOWrapper(io.BytesIO((tmp_path / "a.parquet").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    (found,) = inputs(["-"])
    assert found.format == "parquet"
    assert "give a file" in next(records(found)).reason


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    (found,) = ParquetInput(File("a.parquet", tmp_path / "a.parquet"), Options()).records()
    assert 'pip install "declutter-text[parquet]"' in found.reason


def with_bytes_replaced(path, old, new):
    data = path.read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    path.write_bytes(data.replace(old, new))


def numbers(*values, kind="int32"):
    return np.array(values, kind).tobytes()


IN_DICTIONARY = pa.dictionary(pa.int64(), pa.string())
#: A sound column, the buffer that is made a bad one, and what it becomes.
BAD_BUFFERS = {
    "an offset beyond the data": (pa.string(), numbers(0, 3, 7), numbers(0, 3, 300_000)),
    "offsets far beyond the data": (pa.string(), numbers(0, 3, 7), numbers(0, 1 << 30, (1 << 31) - 1)),
    "a negative offset": (pa.string(), numbers(0, 3, 7), numbers(0, -5, 7)),
    "offsets that go back": (pa.string(), numbers(0, 3, 7), numbers(7, 3, 0)),
    "an offset of large strings": (
        pa.large_string(), numbers(0, 3, 7, kind="int64"), numbers(0, 3, 1 << 50, kind="int64")
    ),
    "an offset of bytes": (pa.binary(), numbers(0, 3, 7), numbers(0, 3, 300_000)),
    "an index beyond the dictionary": (IN_DICTIONARY, numbers(0, 1, kind="int64"), numbers(0, 77, kind="int64")),
    "a negative index": (IN_DICTIONARY, numbers(0, 1, kind="int64"), numbers(-1, 1, kind="int64")),
    "an offset of a dictionary": (IN_DICTIONARY, numbers(0, 3, 7), numbers(0, 3, 300_000)),
}  # fmt: skip


@pytest.mark.parametrize("write", [write_arrow_file, write_arrow_stream])
@pytest.mark.parametrize("kind", BAD_BUFFERS)
def test_arrow_files_that_lead_out_of_their_data_are_refused(tmp_path, kind, write):
    type, old, new = BAD_BUFFERS[kind]
    write(tmp_path / "a.arrow", pa.table({"text": pa.array([b"One", b"Four"]).cast(pa.string()).cast(type)}))
    assert len(list(opened(tmp_path / "a.arrow").records())) == 2
    with_bytes_replaced(tmp_path / "a.arrow", old, new)
    assert "damaged" in reason_of(tmp_path / "a.arrow")


@pytest.mark.parametrize("write", [write_arrow_file, write_arrow_stream])
def test_another_column_that_leads_out_of_its_data_is_not_written(tmp_path, write):
    for values, old, new in (
        ([[1] * 3, [2] * 4], numbers(0, 3, 7), numbers(0, 3, 300_000)),
        ([{"a": "12"}, {"a": "345"}], numbers(0, 2, 5), numbers(0, 2, 300_000)),
        (["12", "345"], numbers(0, 2, 5), numbers(0, 2, 300_000)),
    ):
        write(tmp_path / "a.arrow", pa.table({"text": ["x", "y"], "other": values}))
        with_bytes_replaced(tmp_path / "a.arrow", old, new)
        assert len(list(opened(tmp_path / "a.arrow").records())) == 2
        with pytest.raises(OutputError, match="damaged in a column"):
            rewritten(opened(tmp_path / "a.arrow"), tmp_path / "out")


def test_a_value_that_repeats_is_no_bomb_until_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "FREE_BYTES", 8 << 20)
    monkeypatch.setattr(tables, "BATCH_BYTES", 1 << 20)
    value = pa.array(["word " * 20_000])
    for n_rows in (50, 5000):
        repeated = pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), value)
        for name, write in (("a.parquet", pq.write_table), ("a.arrow", write_arrow_file)):
            target = (pa.table({"text": repeated}), tmp_path / name)
            write(*(target if name == "a.parquet" else target[::-1]))
            found = list(opened(tmp_path / name).records())
            if n_rows == 50:
                assert len(found) == 50
                assert len(pq.read_table(rewritten(opened(tmp_path / name), tmp_path / "out", "parquet"))) == 50
            else:
                assert "taken for a bomb" in found[-1].reason
                assert len(found) < 2000


def test_text_that_repeats_in_another_column_is_carried_through(tmp_path):
    more = pa.array([b"y"] * 1000, pa.large_binary())
    rows = pa.table({"text": ["a", "b"] * 500, "topic": ["x" * 1000] * 1000, "bytes": more})
    pq.write_table(rows, tmp_path / "a.parquet")
    assert pq.read_table(rewritten(opened(tmp_path / "a.parquet"), tmp_path / "out", change=str)).equals(rows)


class FullDisk(io.RawIOBase):
    """A file on a disk with room for some bytes."""

    def __init__(self, room):
        self.room = room

    def writable(self):
        return True

    def write(self, data):
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)
        return len(data)


@pytest.mark.parametrize("room", [0, 10, 3000, 30_000])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow", "a.jsonl"])
def test_a_disk_that_is_full_is_an_error_of_the_system_and_closing_is_quiet(tmp_path, name, room, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_BYTES", 1000)
    monkeypatch.setattr(tables, "NEW_TABLE_ROWS", 20)
    texts = [os.urandom(500).hex() for _ in range(200)]
    if name == "a.jsonl":
        (tmp_path / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        KINDS[name][0](tmp_path / name, pa.table({"text": texts}))
    found = opened(tmp_path / name)
    stream = io.BufferedWriter(FullDisk(room))
    output = None
    with pytest.raises(OSError, match="No space left"):
        if name == "a.jsonl":
            output = tables.NewTableOutput(stream, Options())
        else:
            output = tables.TableOutput(found, stream, found.format, Options())
        for record in records(found):
            output.write(record, record.page.text)
        output.close()
    if output is not None:
        output.close()
        output.close()
