"""What each character is: tables over the code points, for numpy to index.

`CLASS[code point]` is one of the character classes below, `SCRIPT[code point]` a row of `SCRIPTS`, and
`MIXED[code point]` 64 random-looking bits that are the same for a letter's cases and for all digits. Code
points from `TABLE_SIZE` on share the last row. The tables are built from Python's own Unicode data at first
use (about 60 ms), so they follow the Unicode version of the interpreter.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

from declutter.stages.kernels.measure import splitmix64

# Character classes. The order matters: word characters first, then those of
# scripts written without spaces, and what is not seen last.
(
    LOWER, UPPER, LETTER, MARK, DIGIT,  # make words between them
    HAN, KANA, SOUTHEAST_ASIAN,  # one word a character or a few: no spaces between words
    SENTENCE_END, COMMA, COLON, QUOTE, BRACKET, DASH, BULLET, SEPARATOR, SYMBOL, ELLIPSIS, PUNCTUATION,
    SPACE, CONTROL,  # not seen
) = range(21)  # fmt: skip
N_CLASSES = 21
N_SPACED_WORD_CLASSES = 5  # classes below this make words parted by spaces
N_WORD_CLASSES = 8  # classes below this carry text
N_VISIBLE_CLASSES = 19  # classes below this are seen

#: How many words a character of a script without spaces is worth, so that lengths compare across scripts: Chinese
#: words have about 1.6 characters, Japanese (mixed) about 2.2 and Thai, Lao, Khmer and Burmese about 5.
WORDS_PER_CHARACTER = {HAN: 0.6, KANA: 0.45, SOUTHEAST_ASIAN: 0.2}

SENTENCE_ENDS = (
    ".!?。！？．｡﹒﹖﹗︒︕︖‼‽⁇⁈⁉⸮"  # Latin, Greek, Cyrillic, Hebrew, Georgian, Han, Kana, Hangul
    "\u037e։؟۔؞܀܁܂߹।॥෴"  # Greek (its question mark), Armenian, Arabic, Urdu, Syriac, Nko, the dandas of India, Sinhala
    "។៕။།༎༏༐༑᠃᠉"  # Khmer, Myanmar, Tibetan, Mongolian
    "።፧፨᙮჻꓿꘎꘏꛳꛷꯫꫰꫱᭞᭟᭚᭛᱾᱿꧈꧉꩝꩞꩟᪨᪩᪪᪫᰻᰼᥄᥅꤯᜵᜶꣎꣏꡶꡷𑅁𑅂𑅃𑑋𑑌𖩮𖩯"  # Ethiopic and others
)
ELLIPSES = "…⋯"
COMMAS = ",;，、；､،؛՝፣፤፥၊᠂᠈"
COLONS = ":：፡፦׃៖"
BULLETS = "•●○◦▪▫■□◆◇★☆‣⁃∙►▶▸◾◽☛✓✔✦✱❖➤➢*"
SEPARATORS = "|/\\>›<‹¦·∙・‖→⇒"

#: Scripts by their Unicode blocks (first code point, last, script): enough to tell scripts apart, not every block.
SCRIPT_BLOCKS = (
    (0x41, 0x24F, "Latin"), (0x250, 0x2AF, "Latin"), (0x1E00, 0x1EFF, "Latin"), (0x2C60, 0x2C7F, "Latin"),
    (0xA720, 0xA7FF, "Latin"), (0xFF21, 0xFF5A, "Latin"), (0x370, 0x3FF, "Greek"), (0x1F00, 0x1FFF, "Greek"),
    (0x400, 0x52F, "Cyrillic"), (0x1C80, 0x1C8F, "Cyrillic"), (0xA640, 0xA69F, "Cyrillic"),
    (0x530, 0x58F, "Armenian"), (0x590, 0x5FF, "Hebrew"), (0xFB1D, 0xFB4F, "Hebrew"), (0x600, 0x6FF, "Arabic"),
    (0x750, 0x77F, "Arabic"), (0x870, 0x8FF, "Arabic"), (0xFB50, 0xFDFF, "Arabic"), (0xFE70, 0xFEFE, "Arabic"),
    (0x700, 0x74F, "Syriac"), (0x780, 0x7BF, "Thaana"), (0x7C0, 0x7FF, "Nko"), (0x900, 0x97F, "Devanagari"),
    (0xA8E0, 0xA8FF, "Devanagari"), (0x980, 0x9FF, "Bengali"), (0xA00, 0xA7F, "Gurmukhi"), (0xA80, 0xAFF, "Gujarati"),
    (0xB00, 0xB7F, "Oriya"), (0xB80, 0xBFF, "Tamil"), (0xC00, 0xC7F, "Telugu"), (0xC80, 0xCFF, "Kannada"),
    (0xD00, 0xD7F, "Malayalam"), (0xD80, 0xDFF, "Sinhala"), (0xE00, 0xE7F, "Thai"), (0xE80, 0xEFF, "Lao"),
    (0xF00, 0xFFF, "Tibetan"), (0x1000, 0x109F, "Myanmar"), (0xA9E0, 0xA9FF, "Myanmar"), (0xAA60, 0xAA7F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"), (0x1C90, 0x1CBF, "Georgian"), (0x2D00, 0x2D2F, "Georgian"),
    (0x1200, 0x139F, "Ethiopic"), (0x2D80, 0x2DDF, "Ethiopic"), (0xAB00, 0xAB2F, "Ethiopic"),
    (0x13A0, 0x13FF, "Cherokee"), (0x1780, 0x17FF, "Khmer"), (0x19E0, 0x19FF, "Khmer"), (0x1800, 0x18AF, "Mongolian"),
    (0x1100, 0x11FF, "Hangul"), (0x3130, 0x318F, "Hangul"), (0xAC00, 0xD7FF, "Hangul"), (0xA960, 0xA97F, "Hangul"),
    (0x3040, 0x30FF, "Kana"), (0x31F0, 0x31FF, "Kana"), (0xFF66, 0xFF9F, "Kana"), (0x2E80, 0x2FDF, "Han"),
    (0x3005, 0x3007, "Han"), (0x3021, 0x3029, "Han"), (0x3400, 0x4DBF, "Han"), (0x4E00, 0x9FFF, "Han"),
    (0xF900, 0xFAFF, "Han"), (0x20000, 0x20000, "Han"), (0x2D30, 0x2D7F, "Tifinagh"),
)  # fmt: skip
SCRIPTS = ("none", *dict.fromkeys(script for _, _, script in SCRIPT_BLOCKS), "other")
SPACELESS_SCRIPTS = {
    "Han": HAN,
    "Kana": KANA,
    "Thai": SOUTHEAST_ASIAN,
    "Lao": SOUTHEAST_ASIAN,
    "Khmer": SOUTHEAST_ASIAN,
    "Myanmar": SOUTHEAST_ASIAN,
}
TABLE_SIZE = 0x20001  # above stand rare Han (given their class by the last row), tags and private use

_CATEGORY_CLASSES = {
    "Ll": LOWER, "Lu": UPPER, "Lt": UPPER, "Lo": LETTER, "Lm": LETTER, "Mn": MARK, "Mc": MARK, "Me": MARK,
    "Nd": DIGIT, "Nl": DIGIT, "No": DIGIT, "Zs": SPACE, "Zl": SPACE, "Zp": SPACE, "Pd": DASH, "Ps": BRACKET,
    "Pe": BRACKET, "Pi": QUOTE, "Pf": QUOTE, "Po": PUNCTUATION, "Pc": PUNCTUATION, "Sm": SYMBOL, "Sc": SYMBOL,
    "Sk": SYMBOL, "So": SYMBOL, "Cf": MARK, "Cc": CONTROL, "Cs": LETTER, "Co": SYMBOL, "Cn": SYMBOL,
}  # fmt: skip


class CharacterTables(NamedTuple):
    classes: np.ndarray  # uint8 (TABLE_SIZE,)
    scripts: np.ndarray  # uint8 (TABLE_SIZE,), rows of SCRIPTS
    mixed: np.ndarray  # uint64 (TABLE_SIZE,)


@cache
def character_tables() -> CharacterTables:
    """The tables, built once."""
    categories = map(unicodedata.category, map(chr, range(TABLE_SIZE)))
    classes = np.array(bytearray(map(_CATEGORY_CLASSES.__getitem__, categories)), np.uint8)
    scripts = np.where(classes < DIGIT, len(SCRIPTS) - 1, 0).astype(np.uint8)
    for first, last, script in SCRIPT_BLOCKS:
        block = slice(first, last + 1)
        letters = classes[block] < DIGIT
        scripts[block][letters] = SCRIPTS.index(script)
        if script in SPACELESS_SCRIPTS:
            letters_of_words = letters & (classes[block] != MARK)
            classes[block][letters_of_words] = SPACELESS_SCRIPTS[script]
    for characters, value in (
        ("\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\n\r\u2028\u2029\u200b\ufeff", SPACE), (SENTENCE_ENDS, SENTENCE_END),
        (COMMAS, COMMA), (COLONS, COLON), (SEPARATORS, SEPARATOR), (BULLETS, BULLET), (ELLIPSES, ELLIPSIS),
        ("\"'“”„‟‘’‚‛«»「」『』〝〞〟＂＇״׳", QUOTE), ("【】〖〗《》〈〉", BRACKET),
        ("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", MARK),
    ):  # fmt: skip
        classes[[ord(character) for character in characters]] = value
    return CharacterTables(classes, scripts, _mixed_bits(classes))


def _mixed_bits(classes: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele, Lea and Flood 2014) of each code point's simple lower case; digits are all one."""
    lower = np.arange(TABLE_SIZE, dtype=np.uint64)
    for code in np.flatnonzero(classes == UPPER).tolist():
        folded = chr(code).lower()
        if len(folded) == 1 and ord(folded) < TABLE_SIZE:
            lower[code] = ord(folded)
    lower[0x130] = lower[0x131] = ord("i")  # Turkish dotted and dotless i: sites upper-case both ways
    lower[0x3C2] = 0x3C3  # final sigma
    lower[classes == DIGIT] = ord("0")
    return splitmix64(lower)
