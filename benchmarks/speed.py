"""How fast dumps are cleaned, in one process: `python benchmarks/speed.py [MB] [FOLDER]`.

Makes MB megabytes (default 20) of dumps from the pages of FOLDER (default seeds/; any folder of .txt files), each page
with its digits and some words changed so that pages differ, and prints megabytes of UTF-8 a second of learning the
sites, of cleaning with what was learned, by the rules and by the model, and of copying the text through a regular
expression, which tells one machine from another.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import declutter

SITE_PAGES = 200  # pages made of each page of the folder that count as one site


def varied_pages(folder: Path, n_bytes: int, seed: int = 0) -> Iterator[declutter.Page]:
    """Pages like those of the folder, up to so many bytes."""
    chance = random.Random(seed)
    originals = [(path.parent.name, path.read_text("utf-8")) for path in sorted(folder.rglob("*.txt"))]
    made = number = 0
    while made < n_bytes:
        for site, text in originals:
            words = text.split(" ")
            for _ in range(len(words) // 10):  # every tenth word changes places, so that lines of prose differ
                one, other = chance.randrange(len(words)), chance.randrange(len(words))
                words[one], words[other] = words[other], words[one]
            page = " ".join(words)
            made += len(page.encode("utf-8"))
            yield declutter.Page(id=f"{site}/{number}", site=f"{site}-{number // SITE_PAGES}", text=page)
            number += 1
            if made >= n_bytes:
                return


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent / "seeds"
    pages = list(varied_pages(folder, int(megabytes * 1e6)))
    size = sum(len(page.text.encode("utf-8")) for page in pages) / 1e6
    declutter.clean(pages[0].text)  # tables and model are loaded
    print(f"{len(pages)} pages, {size:.1f} MB")
    begin = time.perf_counter()
    for page in pages:
        re.sub(r"\w+", lambda match: match[0], page.text)
    print(f"{size / (time.perf_counter() - begin):8.1f} MB/s  re.sub of every word (calibration)")
    begin = time.perf_counter()
    profile = declutter.learn(pages)
    print(f"{size / (time.perf_counter() - begin):8.1f} MB/s  learn")
    for engine in ("rules", "auto"):
        cleaner = declutter.Cleaner(profile=profile, engine=engine)
        begin = time.perf_counter()
        kept = sum(len(cleaned.text) for cleaned in cleaner.clean_pages(pages))
        speed = size / (time.perf_counter() - begin)
        print(f"{speed:8.1f} MB/s  clean, engine {engine} ({kept / 1e6:.1f} M characters kept)")


if __name__ == "__main__":
    main()
