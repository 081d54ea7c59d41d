"""Which encodings are read right, beside trafilatura and resiliparse: writes benchmarks/encodings.md.

    python -m benchmarks.encodings

The pages are those of seeds/ and a few lines of traditional Chinese, as HTML, in 16 encodings, each with its right
label, with a wrong one, with none, and behind a byte order mark. A page is read right if every character is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from declutter.stages.segment.decode import decode_html

SEEDS = Path(__file__).parent.parent / "seeds"
TARGET = Path(__file__).with_suffix(".md")
TRADITIONAL = [
    "水閘在黎明時打開，鮭魚逆流而上，到中午已經數到十一條。\n守閘人把數字寫進簿子，回家吃飯去了，下午又來了三條大魚。",
    "圖書館昨天重新開放，許多居民帶著孩子前來參觀。\n館長說，新的閱覽室比以前大一倍，還可以借電腦。",
    "颱風過後，街道上滿是落葉和樹枝。\n清潔隊從清晨開始工作，預計傍晚以前可以恢復通車。",
]
#: encoding as the web calls it: (Python's codec, the folder of seeds/)
ENCODINGS = {
    "utf-8": ("utf-8", "zarechinsk-portal-ru"), "utf-16le": ("utf-16-le", "yofuke-techblog-ja"),
    "windows-1252": ("cp1252", "kellerfunk-forum-de"), "windows-1254": ("cp1254", "cinaralti-shop-tr"),
    "windows-1253": ("cp1253", "lithari-magazine-el"), "windows-1251": ("cp1251", "zarechinsk-portal-ru"),
    "koi8-r": ("koi8-r", "zarechinsk-portal-ru"), "windows-1255": ("cp1255", "hamorad-magazine-he"),
    "windows-1256": ("cp1256", "sindyan-portal-ar"), "windows-874": ("cp874", "tharnthong-lifestyle-th"),
    "gbk": ("gb18030", "mochuan-portal-zh"), "big5": ("big5hkscs", ""), "shift_jis": ("cp932", "yofuke-techblog-ja"),
    "euc-jp": ("euc_jp", "yofuke-techblog-ja"), "iso-2022-jp": ("iso2022_jp", "yofuke-techblog-ja"),
    "euc-kr": ("cp949", "neurin-travel-ko"),
}  # fmt: skip
MARKS = {"utf-8": b"\xef\xbb\xbf", "utf-16le": b"\xff\xfe", "gbk": b"\x84\x31\x95\x33"}
CASES = ("right label", "wrong label", "label latin1", "no label", "byte order mark")


def texts(encoding: str) -> list[str]:
    """Pages' texts with no character that the encoding lacks."""
    codec, folder = ENCODINGS[encoding]
    found = [path.read_text("utf-8") for path in sorted((SEEDS / folder).glob("*.txt"))[:8]] if folder else TRADITIONAL
    return [text.encode(codec, "ignore").decode(codec).lstrip("\ufeff") for text in found]


def page(encoding: str, case: str, text: str) -> tuple[bytes, str]:
    """A page as bytes and as it should be read."""
    labels = {"right label": encoding, "label latin1": "iso-8859-1"}
    labels["wrong label"] = "utf-8" if not encoding.startswith("utf") else "windows-1251"
    meta = f'<meta charset="{labels[case]}">' if case in labels else ""
    lines = "".join(f"<p>{line}</p>\n" for line in text.splitlines() if line.strip())
    html = f"<!doctype html>\n<html><head>{meta}<title>page</title></head><body>\n{lines}</body></html>\n"
    mark = MARKS.get(encoding, MARKS["utf-8"]) if case == "byte order mark" else b""
    return mark + html.encode(ENCODINGS[encoding][0]), html


def readers() -> dict[str, Callable[[bytes], str]]:
    """What reads bytes, by name."""
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from trafilatura.utils import decode_file

    return {
        "declutter": decode_html,
        "trafilatura": decode_file,
        "resiliparse": lambda html: bytes_to_str(html, detect_encoding(html)),
    }


def rows() -> Iterator[tuple[str, str, int, dict[str, int]]]:
    """(encoding, case, number of pages, how many of them each reader reads right)."""
    by_name = readers()
    for encoding in ENCODINGS:
        for case in CASES:
            pages = [page(encoding, case, text) for text in texts(encoding)]
            right = {name: sum(_is_right(read, *one) for one in pages) for name, read in by_name.items()}
            yield encoding, case, len(pages), right


def _is_right(read: Callable[[bytes], str], octets: bytes, html: str) -> bool:
    try:
        return read(octets).lstrip("\ufeff") == html
    except (UnicodeError, LookupError):  # a reader that refuses a page has not read it
        return False


def main() -> None:
    found = list(rows())
    sums = {name: sum(row[3][name] for row in found) for name in found[0][3]}
    lines = [
        "# Encodings",
        "",
        f"Pages of `seeds/` that are read right by {', '.join(sums)}, in this order",
        "(`python -m benchmarks.encodings`). The wrong label is utf-8, and windows-1251 on UTF-8 and UTF-16. Encodings",
        "without a byte order mark of their own stand behind that of UTF-8, as where a template was saved with it and",
        "its content was not.",
        "",
        f"| encoding | pages | {' | '.join(CASES)} |",
        f"|{'---|' * (len(CASES) + 2)}",
    ]
    for encoding in ENCODINGS:
        own = [row for row in found if row[0] == encoding]
        lines.append(
            f"| {encoding} | {own[0][2]} | {' | '.join(', '.join(map(str, row[3].values())) for row in own)} |"
        )
    total = ", ".join(f"{name} {right}" for name, right in sums.items())
    lines += ["", f"Of {sum(row[2] for row in found)}: {total}."]
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
