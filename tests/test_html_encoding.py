"""Bytes of HTML pages -> str."""

import pytest

from benchmarks.encodings import CASES, ENCODINGS, page, texts
from declutter import Cleaner, Page, Profile
from declutter.files.encoding import decode
from declutter.stages.segment.decode import decode_html, web_codec
from declutter.stages.segment.html import split_html

RUSSIAN = "Сегодня в городе открыли новую библиотеку, и туда пришли все жители соседних улиц. " * 5
#: codec: a page's text
LEGACY = {
    "gb18030": "面包师傅每天凌晨三点起床，揉面、发酵、烤制，六点钟第一批面包就出炉了。",
    "big5hkscs": "麵包師傅每天凌晨三點起床，揉麵、發酵、烘烤，六點鐘第一批麵包就出爐了。",
    "cp932": "パン屋の主人は毎朝三時に起きて生地をこね、六時には最初のパンが焼き上がる。",
    "euc_jp": "パン屋の主人は毎朝三時に起きて生地をこね、六時には最初のパンが焼き上がる。",
    "cp949": "제빵사는 매일 새벽 세 시에 일어나 반죽을 하고 여섯 시에 첫 빵을 굽는다.",
    "cp1251": "Пекарь встаёт в три часа ночи, месит тесто, и в шесть готов первый хлеб.",
    "koi8-r": "Пекарь встаёт в три часа ночи, месит тесто, и в шесть готов первый хлеб.",
    "cp1253": "Ο φούρναρης ξυπνά στις τρεις τη νύχτα, ζυμώνει και στις έξι βγαίνει το πρώτο ψωμί.",
    "cp1256": "يستيقظ الخباز في الثالثة فجرا ويعجن العجين ويخرج أول رغيف في السادسة.",
    "cp1255": "האופה קם בשלוש לפנות בוקר, לש את הבצק, ובשש יוצאת הכיכר הראשונה.",
    "cp874": "คนทำขนมปังตื่นตีสาม นวดแป้ง และขนมปังก้อนแรกออกจากเตาตอนหกโมงเช้า",
    "cp1250": "Pekař vstává ve tři ráno, hněte těsto a v šest je upečený první chléb. Žádný den nechybí.",
}


def clean_pages_partial(html):
    (page,) = Cleaner(profile=Profile()).clean_pages([Page("a", html=html)])
    return page.partial


def html_of(text, meta=""):
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>"


def test_a_byte_order_mark_beats_header_and_meta():
    html = html_of("naïve", '<meta charset="koi8-r">')
    assert decode_html(b"\xef\xbb\xbf" + html.encode(), "text/html; charset=koi8-r") == html
    assert decode_html(b"\xff\xfe" + html.encode("utf-16-le"), "utf-8") == html
    assert decode_html(b"\xfe\xff" + html.encode("utf-16-be")) == html
    assert decode_html(b"\xff\xfe\0\0" + html.encode("utf-32-le")) == html


def test_a_mark_in_front_of_another_encoding_declares_nothing():
    html = html_of(LEGACY["cp1251"])
    assert decode_html(b"\xef\xbb\xbf" + html.encode("cp1251")) == html


def test_the_header_beats_meta_and_meta_beats_detection():
    html = html_of(RUSSIAN, '<meta charset="utf-8">')
    assert decode_html(html.encode("koi8-r"), 'text/html; charset="KOI8-R"') == html
    html = html_of("Ответ", '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">')
    assert decode_html(html.encode("cp1251")) == html


def test_a_meta_in_a_comment_declares_nothing():
    html = html_of("naïve", "<!-- <meta charset=koi8-r> -->")
    assert decode_html(html.encode()) == html


@pytest.mark.parametrize("label", ["gb2312", "Shift_JIS", "windows-1251", "iso-8859-1", "big5", "euc-kr", "utf-16"])
@pytest.mark.parametrize("codec", ["gb18030", "cp932", "cp1251", "cp1256", "cp1250"])
def test_utf8_is_utf8_whatever_the_labels_say(label, codec):
    html = html_of(LEGACY[codec], f'<meta charset="{label}">')
    assert decode_html(html.encode(), f"text/html; charset={label}") == html
    cut = html.encode()[:-20] + b"\xd0"  # cut off within a character
    assert decode_html(cut).startswith(html[:-40])


@pytest.mark.parametrize("label", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize("codec", LEGACY)
def test_legacy_bytes_are_read_under_a_label_that_does_not_fit(codec, label):
    html = html_of(LEGACY[codec] * 2, f'<meta charset="{label}">' if label else "")
    assert decode_html(html.encode(codec)) == html


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866"])
def test_one_cyrillic_encoding_is_not_read_as_another(codec):
    for label in ("windows-1251", "koi8-r", "shift_jis"):
        html = html_of(RUSSIAN, f'<meta charset="{label}">')
        assert decode_html(html.encode(codec)) == html


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "cp1251", "iso2022_jp", "iso2022_kr"])
def test_without_a_declaration_the_encoding_is_detected(codec):
    if codec.startswith("utf-16"):
        html = html_of("A plain page of text. " * 10)
    else:
        html = html_of({"iso2022_jp": LEGACY["cp932"], "iso2022_kr": LEGACY["cp949"]}.get(codec, RUSSIAN))
    assert decode_html(html.encode(codec)) == html


def test_two_characters_that_are_valid_utf8_may_be_what_the_label_says():
    html = html_of("\u6d93", "<meta charset=gbk>")  # its bytes in GBK begin a character of UTF-8
    assert decode_html(html.encode("gb18030")) == html


def test_labels_mean_what_browsers_mean():
    assert decode_html(b"<p>\x93quoted\x94 \x80", "text/html; charset=iso-8859-1") == "<p>\u201cquoted\u201d \u20ac"
    assert web_codec("gb2312") == "gb18030"
    assert web_codec("Shift_JIS") == "cp932"
    assert web_codec("ks_c_5601-1987") == "cp949"


def test_characters_beyond_the_standard_tables_are_read():
    for codec, label in (("cp932", "shift_jis"), ("euc_jis_2004", "euc-jp")):
        html = html_of("①番線の㈱案内所", f"<meta charset={label}>")
        assert decode_html(html.encode(codec)) == html
    text = "①受付 ②会計 ㈱山田商店からのお知らせです。\n本日は休業いたします。\n"
    assert decode(text.encode("cp932"), "dump.txt")[0] == text


@pytest.mark.parametrize("label", ["nonsense", "rot13", "base64", "utf-7", "", "a\0b", "unicode_escape", "undefined"])
def test_labels_that_name_no_web_encoding_are_ignored(label):
    assert web_codec(label) is None
    assert decode_html("<p>naïve".encode(), f"text/html; charset={label}") == "<p>naïve"


def test_bad_bytes_become_replacement_characters():
    assert decode_html(b"<p>a " + b"\xff \xc3\xa4 \xc3\xb6", "utf-8") == "<p>a \ufffd ä ö"
    assert decode_html(b"\xff\xfe<\0p\0>\0x", "utf-8").startswith("<p>")
    assert decode_html(b"") == ""


def test_a_page_that_nothing_decodes_is_reported():
    lost, sound = "<p>\ufffd\ufffd" * 40, "<p>Some text goes on here and here." * 40
    assert "80 characters are in no known encoding" in split_html([lost])[1][0]
    assert split_html([sound + "\ufffd"])[1] == (None,)
    assert clean_pages_partial(lost.encode()) is not None


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("case", CASES)
def test_pages_of_the_benchmark_are_read_right(encoding, case):
    for text in texts(encoding):
        octets, html = page(encoding, case, text)
        assert decode_html(octets).lstrip("\ufeff") == html
