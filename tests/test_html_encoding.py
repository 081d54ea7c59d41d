"""Bytes of HTML pages -> str."""

import pytest

from declutter.stages.segment.decode import decode_html, web_codec

RUSSIAN = "Сегодня в городе открыли новую библиотеку, и туда пришли все жители соседних улиц. " * 5


def page(text, meta=""):
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>"


def test_a_byte_order_mark_beats_header_and_meta():
    html = page("naïve", '<meta charset="koi8-r">')
    assert decode_html(b"\xef\xbb\xbf" + html.encode(), "text/html; charset=koi8-r") == html
    assert decode_html(b"\xff\xfe" + html.encode("utf-16-le"), "utf-8") == html
    assert decode_html(b"\xfe\xff" + html.encode("utf-16-be")) == html


def test_the_header_beats_meta_and_meta_beats_detection():
    html = page(RUSSIAN, '<meta charset="utf-8">')
    assert decode_html(html.encode("koi8-r"), 'text/html; charset="KOI8-R"') == html
    html = page("Ответ", '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">')
    assert decode_html(html.encode("cp1251")) == html


def test_a_meta_in_a_comment_declares_nothing():
    html = page("naïve", "<!-- <meta charset=koi8-r> -->")
    assert decode_html(html.encode()) == html


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "cp1251"])
def test_without_a_declaration_the_encoding_is_detected(codec):
    if codec.startswith("utf-16"):
        html = page("A plain page of text. " * 10)
    else:
        html = page(RUSSIAN)
    assert decode_html(html.encode(codec)) == html


def test_labels_mean_what_browsers_mean():
    assert decode_html(b"<p>\x93quoted\x94 \x80", "text/html; charset=iso-8859-1") == "<p>\u201cquoted\u201d \u20ac"
    assert web_codec("gb2312") == "gb18030"
    assert web_codec("Shift_JIS") == "cp932"


@pytest.mark.parametrize("label", ["nonsense", "rot13", "base64", "utf-7", "", "a\0b", "unicode_escape"])
def test_labels_that_name_no_web_encoding_are_ignored(label):
    assert web_codec(label) is None
    assert decode_html("<p>naïve".encode(), f"text/html; charset={label}") == "<p>naïve"


def test_bad_bytes_become_replacement_characters():
    assert decode_html(b"<p>a\xffb", "utf-8") == "<p>a\ufffdb"
    assert decode_html(b"\xff\xfe<\0p\0>\0x", "utf-8").startswith("<p>")
    assert decode_html(b"") == ""
