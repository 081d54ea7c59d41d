"""Bytes to text and back: detection, refusals, and that every text is written back as it was read."""

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declutter.errors import InputError
from declutter.files.encoding import decode

SENTENCES = {
    "cp1251": "Мэр сообщил, что мост через реку откроют весной, через два года после паводка.\n",
    "koi8_r": "Мэр сообщил, что мост через реку откроют весной, через два года после паводка.\n",
    "cp1252": "Le maire a déclaré que le pont rouvrirait à l'été, après deux années d'attente.\n",
    "cp1253": "Ο δήμαρχος δήλωσε ότι η γέφυρα θα ανοίξει την άνοιξη, μετά από δύο χρόνια.\n",
    "cp1256": "قال العمدة إن الجسر سيفتح في الربيع بعد عامين من الفيضان الكبير.\n",
    "gb18030": "市长说，大桥将在明年春天开通，居民们已经等待了两年。\n",
    "big5": "市長說，大橋將在明年春天開通，居民們已經等待了兩年。\n",
    "cp932": "市長は、橋が来年の春に開通すると発表した。住民は二年待っていた。\n",
    "cp949": "시장은 다리가 내년 봄에 개통될 것이라고 발표했다. 주민들은 2년을 기다렸다.\n",
}


@pytest.mark.parametrize("codec", SENTENCES)
def test_legacy_encodings_are_told_apart(codec):
    text = "Home | News\n" + SENTENCES[codec] * 40
    decoded, encoding = decode(text.encode(codec), "page.txt")
    assert decoded == text
    assert encoding.encode(decoded) == text.encode(codec)


@pytest.mark.parametrize(
    ("bom", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_bom_decides_and_stays_at_the_head(bom, codec):
    text, encoding = decode(bom + "Menü\r\nText\u2028語".encode(codec), "page.txt")
    assert text == "Menü\r\nText\u2028語"
    assert encoding.encode("語") == bom + "語".encode(codec)
    assert encoding.encode("") == bom


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_bom(codec):
    for text in ("Plain words\nand a second line\n", SENTENCES["koi8_r"] * 3, SENTENCES["big5"] + "12 34 56\n"):
        assert decode(text.encode(codec), "page.txt")[0] == text


def test_utf8_with_broken_bytes_is_kept():
    data = "Привет, мир\nТекст ".encode() + b"\xff\xd0 caf\xe9\n"
    text, encoding = decode(data, "page.txt")
    assert text.startswith("Привет, мир\n")
    assert encoding.encode(text) == data


def test_mixed_encodings_in_one_file_come_back_exactly():
    data = SENTENCES["cp1251"].encode() * 3 + SENTENCES["cp1251"].encode("cp1251")
    text, encoding = decode(data, "page.txt")
    assert text.startswith(SENTENCES["cp1251"])
    assert encoding.encode(text) == data


def test_a_few_nuls_are_text():
    for text in ("abc\x00def", "one\x00\n\x00two\n", "A line of words with a NUL \x00\n" * 50):
        assert decode(text.encode(), "page.txt")[0] == text


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\nstream",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"PK\x03\x04rest",
        b"\x1f\x8b\x08\x00",
        bytes(1000),
        bytes(range(256)) * 20,
        b"\x01\x02\x03\x04\x05\x06\x07\x08 tiny integers",
    ],
)
def test_binary_is_refused_by_name(data):
    with pytest.raises(InputError, match=r"folder/thing\.bin: .*not text"):
        decode(data, "folder/thing.bin")


@pytest.mark.parametrize("end", [b"\xe9t\xe9", b"\xff\xfe\xfd", b"caf\xe9\n" * 9, "ключ".encode("cp1251")])
@pytest.mark.parametrize("line", [b"word, " * 500_000, (b"word, " * 30_000 + b"\n") * 16, b"x" * 3_000_000])
def test_bad_bytes_behind_long_lines_of_ascii_take_no_time(line, end):
    begin = time.process_time()
    text, encoding = decode(line + end, "long.txt")
    assert encoding.encode(text) == line + end
    assert time.process_time() - begin < 2  # it took 2 s a MB; measured under .2


def test_where_nothing_fits_the_file_is_named():
    data = b"\x81\x8d\x8f\x90\x9d\xff\xfe\xfd" * 400  # in no legacy encoding a language
    with pytest.raises(InputError, match="odd.txt: no encoding fits"):
        decode(data, "odd.txt")


@given(st.binary(max_size=300))
def test_any_bytes_come_back_or_are_refused(data):
    try:
        text, encoding = decode(data, "x")
    except InputError:
        return
    assert encoding.encode(text) == data


def test_clean_utf8_is_read_fast():
    data = ("A line of words, ordinary ones, in Latin letters.\n" * 1000 + SENTENCES["koi8_r"] * 100).encode() * 300
    start = time.perf_counter()
    decode(data, "big.txt")
    assert len(data) / (time.perf_counter() - start) > 50e6  # measured 400 MB/s; slack for shared machines
