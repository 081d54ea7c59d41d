"""JSON lines: which field is the page, what is carried through, and lines that are broken, huge or hostile."""

import io
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.files.jsonl import JsonlInput, JsonlOutput, fields_of_line
from declutter.files.records import Failure, Note, Options, Record, Row
from declutter.files.streams import File
from declutter.lines import Verdicts
from declutter.pages import Page
from declutter.stages.segment.text import split_lines


def records(tmp_path, *lines, **options):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    found = JsonlInput(File("sub/a.jsonl", path), Options(**options)).records()
    return [one for one in found if not isinstance(one, Note)]


def written(found, text=None, judged=None, error=None, **options):
    """The line that is written for a record, its text changed where another is given."""
    stream = io.BytesIO()
    output = JsonlOutput(stream, Options(**options))
    page = found.page.text if found.page.text is not None else found.page.html
    output.write(found, page if text is None else text, judged, error)
    return stream.getvalue()


def test_a_line_is_a_page(tmp_path):
    line = '{"url": "https://a.example/x", "text": "One\\nTwo é", "site": "s", "n": 1}'
    (found,) = records(tmp_path, line)
    assert found.page == Page("sub/a.jsonl:1", "s", "https://a.example/x", "One\nTwo é")
    assert found.n_bytes == len(line.encode())
    assert found.position == "1"


@pytest.mark.parametrize(
    "line",
    [
        '{"n": 1.50e3, "text" : "abc", "big":123456789012345678901234567890,  "z":{"b":[1, 2.0],"a":null}}',
        '{"text":"abc","huge":1e999,"long":' + "9" * 5000 + ',"nan":NaN,"minus":-0.0}',
        '{"text":"\\u00e9\\ud83d\\ude00 \\n","escaped":"\\u00e9\\/"}',
        '{"text":"é\\ud800","lone":"\\udfff"}',
        '\t{"a":1,\t"text":"x"} \r',
        '{"text":"x","text ":"y","Text":"z","":"e"}',
        '{"text": null, "a": "untouched"}',
    ],
)
def test_what_is_not_the_text_is_carried_to_the_byte(tmp_path, line):
    (found,) = records(tmp_path, line)
    assert written(found) == line.encode() + b"\n"


def test_the_kept_text_takes_the_text_s_place(tmp_path):
    (found,) = records(tmp_path, '{"a":1.0,"text": "Menu\\nArticle", "b": {"text":"other"}}')
    assert written(found, "Article\n") == b'{"a":1.0,"text": "Article\\n", "b": {"text":"other"}}\n'


def test_text_written_with_escapes_keeps_them(tmp_path):
    escaped, plain = records(tmp_path, '{"text":"\\u00e9 \\u4e2d"}', '{"text":"é 中"}')
    assert written(escaped, "中") == b'{"text":"\\u4e2d"}\n'
    assert written(plain, "中") == '{"text":"中"}\n'.encode()


@pytest.mark.parametrize(
    "line, column, options",
    [
        ('{"content": "P", "metadata": {"url": "u"}}', "content", {}),
        ('{"raw_content": "P", "url": "u", "html": "<p>"}', "raw_content", {}),
        ('{"body": "P", "warc_headers": {"warc-target-uri": "u"}}', "body", {}),
        ('{"text": "no", "mine": "P", "link": "u"}', "mine", {"text_column": "mine"}),
        ('{"text": "no", "a": {"b": "P"}, "where": "u"}', "a.b", {"text_column": "a.b", "url_column": "where"}),
        ('{"a.b": "P", "a": {"b": "no"}, "url": "u"}', "a.b", {"text_column": "a.b"}),
    ],
)
def test_columns_are_found_or_named(tmp_path, line, column, options):
    (found,) = records(tmp_path, line, **options)
    assert (found.page.text, found.page.url) == ("P", "u")
    assert written(found, "Q", **options) == line.replace('"P"', '"Q"').encode() + b"\n"


def test_html_is_replaced_by_text_under_a_name_of_text(tmp_path):
    html, both, sniffed = records(
        tmp_path,
        '{"id":1,"html":"<p>x","z":2}',
        '{"text":"t","raw_html":"<p>x"}',
        '{"content":"\\n<!DOCTYPE html><p>x"}',
    )
    assert (html.page.html, both.page.text) == ("<p>x", "t")
    assert written(html, "x") == b'{"id":1,"text": "x","z":2}\n'
    assert sniffed.page.html.endswith("<p>x")
    assert written(sniffed, "x") == b'{"content":"x"}\n'
    (named,) = records(tmp_path, '{"text":"t","html":"<p>x"}', html_column="html")
    assert written(named, "x") == b'{"text":"t","clean_text": "x"}\n'


def test_the_kept_text_may_go_beside_the_page(tmp_path):
    (found,) = records(tmp_path, '{"text":"Menu\\nBody","a":1}', output_column="main")
    assert written(found, "Body", output_column="main") == b'{"text":"Menu\\nBody","a":1, "main": "Body"}\n'


def test_verdicts_and_errors_come_last(tmp_path):
    (found,) = records(tmp_path, '{"text":"Menu\\nBody","a":{"}":1}} ')
    columns = (np.array([4, 1], np.uint8), np.array([0.1, 0.91239], np.float32), np.array([False, True]))
    verdicts = Verdicts(*columns, ("because",), np.zeros(2, np.int32), split_lines(["Menu\nBody"]), range(2))
    line = written(found, "Body", verdicts, "too slow", verdicts=True)
    assert line.startswith(
        b'{"text":"Body","a":{"}":1}, "verdicts": [{"line": 1, "text": "Menu", "label": "navigation", '
    )
    result = json.loads(line)
    last = {"line": 2, "text": "Body", "label": "body", "score": 0.912, "keep": True, "reason": "because"}
    assert result["verdicts"][1] == last
    assert result["declutter_confidence"] is None and result["declutter_error"] == "too slow"
    assert list(result)[-3:] == ["verdicts", "declutter_confidence", "declutter_error"]
    sure = replace(verdicts, confidence=np.array([0.87654], np.float32))
    assert json.loads(written(found, "Body", sure, verdicts=True))["declutter_confidence"] == 0.877
    assert set(json.loads(written(found, "Body", sure))) == {"text", "a"}


def test_other_pages_become_objects():
    page = Page("w:1", url="https://a.example/", html="<p>")
    assert json.loads(written(Record(page, {"id": "x", "date": "d"}), "t")) == {
        "id": "x",
        "date": "d",
        "url": "https://a.example/",
        "text": "t",
    }
    assert json.loads(written(Record(Page("a.txt", text="t")), "t")) == {"id": "a.txt", "text": "t"}
    assert json.loads(written(Record(Page("a:0", text=""), Row(0, True)), ""))["text"] is None


@pytest.mark.parametrize(
    "line, reason",
    [
        ("[1]", "not a JSON object"),
        ('{"text": "x"', "ends too early"),
        ('{"text": "x', "Unterminated string"),
        ('{"text": "x"} {"text": "y"}', "something else follows"),
        ('{"text": }', "no value at character 10"),
        ('{"text" "x"}', "no colon"),
        ('{"text": "x" "a": 1}', "no comma"),
        ("{text: 1}", "no key"),
        ('{"text": 5}', "holds no text"),
        ('{"text": ["x"]}', "holds no text"),
        ('{"a": "x"}', "--text-column"),
        ('{"text": "x", "deep": ' + "[" * 200_000, "recursion"),
        ("{" * 200_000, "no key"),
        ('{"text": "x", "deep": ' + '{"a":' * 200_000, "recursion"),
    ],
)
def test_a_broken_line_is_told_and_the_others_are_read(tmp_path, line, reason):
    first, broken, last = records(tmp_path, '{"text":"a"}', line, '{"text":"b"}')
    assert (first.page.text, last.page.text, last.page.id) == ("a", "b", "sub/a.jsonl:3")
    assert isinstance(broken, Failure)
    assert (broken.input, broken.position) == ("sub/a.jsonl", "line 2")
    assert f"{tmp_path}/a.jsonl, line 2: " in broken.reason
    assert reason in broken.reason


def test_blank_lines_are_passed_over_and_counted(tmp_path):
    found = records(tmp_path, "", '{"text":"a"}', "  ", '{"text":"b"}', "")
    assert [one.page.id for one in found] == ["sub/a.jsonl:2", "sub/a.jsonl:4"]


def test_bytes_that_are_no_utf8_and_nuls_are_carried(tmp_path):
    bad, nul = records(tmp_path, b'{"text":"a\xff\xc3b","x":"\xfe"}', b'{"text":"a\0b\\u0000\x01","x":"\0"}')
    assert written(bad) == b'{"text":"a\xff\xc3b","x":"\xfe"}\n'
    assert nul.page.text == "a\0b\0\x01"
    assert written(nul) == b'{"text":"a\\u0000b\\u0000\\u0001","x":"\0"}\n'


def test_a_line_longer_than_the_limit_is_skipped_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text":"a"}\n{"text":"')
        for _ in range(60):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"text":"b"}\n')
    tracemalloc.start()
    found = list(JsonlInput(File("a.jsonl", path), Options(max_record_bytes=1 << 20)).records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.page.id for one in (found[0], found[2])] == ["a.jsonl:1", "a.jsonl:3"]
    assert found[1].position == "line 2"
    assert "longer than 1 MB" in found[1].reason
    assert peak < 8 << 20
    assert len(found) == 3


def test_a_line_just_as_long_as_the_limit_is_read(tmp_path):
    line = '{"text":"abc"}'
    assert [type(one) for one in records(tmp_path, line, line, max_record_bytes=len(line) + 1)] == [Record, Record]


def test_a_file_with_other_columns_is_given_up_with_one_message_more(tmp_path):
    found = records(tmp_path, *['{"a":"b"}'] * 5000)
    assert len(found) == 101
    assert "the rest is not read" in found[-1].reason
    assert "--text-column" in found[-1].reason
    found = records(tmp_path, '{"text":"x"}', *['{"a":"b"}'] * 500)
    assert len(found) == 501  # single lines without a page stop nothing


def test_fields_of_a_line(tmp_path):
    plain, null = records(tmp_path, '{"text":"x","a":[1],"id":7}', '{"text":null,"a":1}')
    assert fields_of_line(plain.rest) == {"a": [1], "id": 7}
    assert fields_of_line(null.rest)["a"] == 1


def test_the_fields_of_a_line_with_a_byte_order_mark_and_a_huge_number(tmp_path):
    (found,) = records(tmp_path, b"\xef\xbb\xbf" + b'{"text":"x","n":' + b"9" * 5000 + b',"m":2}')
    assert fields_of_line(found.rest) == {"n": "9" * 5000, "m": 2}


def test_what_a_page_says_of_itself_takes_no_fields_place(tmp_path):
    (found,) = records(tmp_path, '{"link":"https://a.example/x","html":"<p>x","title":null}')
    metadata = {"url": "https://a.example/x", "title": "X", "text": "y", "author": None}
    line = written(replace(found, metadata=metadata), "x")
    assert line == b'{"link":"https://a.example/x","text": "x","title":null, "author": null}\n'


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), JSON), st.text(), st.booleans(), st.booleans())
def test_any_object_comes_back_as_it_was(tmp_path_factory, fields, text, is_ascii, is_first):
    fields = {"text": None, **fields} | {"text": text} if is_first else {**fields, "text": text}
    fields = {key: value for key, value in fields.items() if "html" not in key.lower()}
    line = json.dumps(fields, ensure_ascii=is_ascii).encode("utf-8", "backslashreplace")
    (found,) = records(tmp_path_factory.mktemp("json"), line, text_column="text")
    assert found.page.text == text
    again = json.loads(written(found))
    assert json.dumps(again) == json.dumps(fields)
    assert list(again) == list(fields)
