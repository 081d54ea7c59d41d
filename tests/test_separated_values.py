"""CSV and TSV: which column is the page, what is carried through, layouts, encodings, and rows that are broken."""

import csv
import gzip
import io
import json

import pytest

from declutter.files.inputs import inputs
from declutter.files.outputs import output_for, output_name
from declutter.files.records import READ_AS_HTML, WITHOUT_PAGE, Failure, Note, Options, Record

ROWS = [
    ["id", "text", "url", "note"],
    ["1", "Menu\nThe boats came back.", "https://a.example/1", 'a "quoted", note'],
    ["2", "One line; with | signs, é", "", ""],
    ["3", "", "https://a.example/3", "no page"],
]


def as_csv(delimiter=",", line_end="\r\n", quoting=csv.QUOTE_MINIMAL, rows=ROWS):
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return stream.getvalue()


def only(path, **options):
    (found,) = inputs([path], Options(**options))
    return found


def records(found):
    return [one for one in found.records() if isinstance(one, Record)]


def written(found, out, to=None, change=str, **options):
    output = output_for(found, out, to, Options(**options))
    for record in records(found):
        output.write(record, change(record.page.text if record.page.text is not None else record.page.html))
    output.close()
    return out.read_bytes()


FORMS = {
    "a.csv": as_csv(),
    "semicolons.csv": as_csv(";", "\n"),
    "bars.csv": as_csv("|", "\n", csv.QUOTE_ALL),
    "tabs.csv": as_csv("\t"),
    "a.tsv": as_csv("\t", "\n", csv.QUOTE_ALL),
    "mark.csv": "\ufeff" + as_csv(),
}


@pytest.mark.parametrize("name", FORMS)
def test_rows_are_pages_and_all_else_is_carried_to_the_byte(tmp_path, name):
    data = FORMS[name].encode()
    (tmp_path / name).write_bytes(data)
    found = only(tmp_path / name)
    pages = [record.page for record in records(found)]
    assert [page.text for page in pages] == [row[1] for row in ROWS[1:]]
    assert [page.url for page in pages] == ["https://a.example/1", None, "https://a.example/3"]
    assert [page.id for page in pages] == [f"{name}:{row}" for row in (1, 2, 3)]
    assert output_name(found) == name
    assert written(found, tmp_path / "out") == data
    changed = written(found, tmp_path / "out", change=lambda text: text.removeprefix("Menu\n")).decode("utf-8-sig")
    delimiter = {"semicolons.csv": ";", "bars.csv": "|", "a.csv": ",", "mark.csv": ","}.get(name, "\t")
    rows = list(csv.reader(io.StringIO(changed, newline=""), delimiter=delimiter))
    assert rows == [ROWS[0], ["1", "The boats came back.", *ROWS[1][2:]], *ROWS[2:]]
    assert list(found.records())[-1] == Note(name, WITHOUT_PAGE, 1)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "cp1252", "koi8-r", "shift_jis"])
def test_encodings(tmp_path, codec):
    words = {"koi8-r": "Лодки вернулись на рассвете. ", "shift_jis": "船は夜明けに戻った。今日は晴れです。"}
    text = words.get(codec, "Die Boote kamen früh zurück, sagte die Bürgermeisterin. ") * 20
    data = as_csv(rows=[["text", "n"], [text, "1"]]).encode(codec)
    (tmp_path / "a.csv").write_bytes(data)
    found = only(tmp_path / "a.csv")
    assert [record.page.text for record in records(found)] == [text]
    assert written(found, tmp_path / "out") == data
    assert records(only(tmp_path / "a.csv", encoding=codec))[0].page.text == text


def test_bytes_that_are_not_utf8_come_out_as_they_were(tmp_path):
    data = b"text,n\r\n" + "é, ".encode() * 30 + b",1\r\n"
    data = b"text,n\r\n" + b"".join(b'"%s",1\r\n' % ("ünï " * 9).encode() for _ in range(9)) + b"caf\xe9,\xff\r\n"
    (tmp_path / "a.csv").write_bytes(data)
    assert written(only(tmp_path / "a.csv"), tmp_path / "out") == data


def test_html_becomes_text_under_a_name_of_text(tmp_path):
    (tmp_path / "a.csv").write_text('url,HTML,n\nu,"<p class=""x"">a, b</p>",1\n')
    found = only(tmp_path / "a.csv")
    assert records(found)[0].page.html == '<p class="x">a, b</p>'
    assert written(found, tmp_path / "out", change=lambda _: "a, b\nc") == b'url,text,n\nu,"a, b\nc",1\n'


def test_html_in_the_text_is_read_as_html(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\n<div><p>a</p></div>,1\nplain,2\n")
    *pages, note = only(tmp_path / "a.csv").records()
    assert [record.page.html for record in pages] == ["<div><p>a</p></div>", None]
    assert note == Note("a.csv", READ_AS_HTML, 1)
    assert [record.page.html for record in records(only(tmp_path / "a.csv", text_column="text"))] == [None, None]


def test_a_row_without_text_is_read_from_its_html(tmp_path):
    (tmp_path / "a.csv").write_text("html,text\n<p>a,one\n<p>b,\n,three\n,\n")
    pages = [record.page for record in records(only(tmp_path / "a.csv"))]
    assert [(page.text, page.html) for page in pages] == [("one", None), (None, "<p>b"), ("three", None), ("", None)]


def test_tsv_without_quotes_has_escapes(tmp_path):
    data = 'id\ttext\n1\tMenu\\nA "quoted" word\\\\\\tx\n2\t"half\n'
    (tmp_path / "a.tsv").write_text(data)
    found = only(tmp_path / "a.tsv")
    assert [record.page.text for record in records(found)] == ['Menu\nA "quoted" word\\\tx', '"half']
    assert written(found, tmp_path / "out").decode() == data


def test_the_kept_text_may_go_beside_the_page(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\none,1\ntwo\n")
    found = only(tmp_path / "a.csv", output_column="main")
    out = written(found, tmp_path / "out", change=str.upper, output_column="main")
    assert out == b"text,n,main\none,1,ONE\ntwo,,TWO\n"


def test_json_lines_and_tables_of_csv(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(as_csv().encode()))
    found = only(tmp_path / "a.csv.gz")
    assert output_name(found, "jsonl") == "a.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(written(found, tmp_path / "out", "jsonl")).splitlines()]
    note = 'a "quoted", note'
    assert lines[0] == {"id": "1", "url": "https://a.example/1", "note": note, "text": ROWS[1][1]}
    assert lines[2]["text"] is None
    pq = pytest.importorskip("pyarrow.parquet", reason="tables need the extra parquet")
    written(found, tmp_path / "out.parquet", "parquet")
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[0]
    other = json.dumps({"note": note})
    assert row == {"id": "1", "url": "https://a.example/1", "site": None, "text": ROWS[1][1], "other": other}


@pytest.mark.parametrize(
    "text, n_pages, reason",
    [
        ("a,b\n1,2\n", 0, "no column holds a page"),
        ("n,text\n1,x\n2\n3,y\n", 2, "row 2: 1 fields, and the page is in field 2"),
        ('text,n\nx,1\n"y" z,2\nw,3\n', 2, "row 2"),
        ('text,n\nx,1\n"y,2\nw,3\n', 1, "row 2"),
        ("text,n\nx,1\n" + "y" * 9999 + ",2\nw,3\n", 2, "row 2"),
        ('text,n\nx,1\n"' + "y\n" * 9999 + '",2\nw,3\n', 2, "row 2: field larger than field limit"),
        ("text,n\nx\0y,1\n", 1, None),
    ],
)
def test_rows_that_are_broken_are_failures_and_the_others_are_read(tmp_path, text, n_pages, reason):
    (tmp_path / "a.csv").write_text(text)
    found = list(only(tmp_path / "a.csv", max_record_bytes=5000).records())
    failures = [one.reason for one in found if isinstance(one, Failure)]
    assert len([one for one in found if isinstance(one, Record)]) >= n_pages
    assert reason is None or any(reason in failure for failure in failures)
    assert all("a.csv" in failure for failure in failures)


def test_names_of_columns_are_those_that_are_there(tmp_path):
    (tmp_path / "a.csv").write_text("Title,Body Copy\nx,y\n")
    assert records(only(tmp_path / "a.csv", text_column="body copy"))[0].page.text == "y"
    (failure,) = only(tmp_path / "a.csv", text_column="nothing").records()
    assert "no column nothing" in failure.reason and "Title, Body Copy" in failure.reason
    (failure,) = only(tmp_path / "a.csv", text_column="Title", url_column="link").records()
    assert "no column link" in failure.reason
