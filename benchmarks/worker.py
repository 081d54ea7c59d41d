"""A peer in a process of its own: `python -m benchmarks.worker NAME`, or `--versions` for what is installed.

Reads a JSON object a line (content, url) and answers with one (text, error, seconds of processor time). With a list of
files beside the NAME it cleans these instead, for measures of a whole process; with an empty list it only loads. It
imports the standard library and `peers.py` only, so that any interpreter that has the peer can run it, declutter
installed or not.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks.peers import BY_NAME, PEERS


def versions() -> dict:
    """The interpreter's release, and the release of every peer's distribution that it has."""
    found = {}
    for package in sorted({peer.package for peer in PEERS if peer.package}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": found}


def answer(clean, request: dict) -> dict:
    """What a peer makes of one page. Whatever it raises is its answer's error: the page counts as failed."""
    begin = time.process_time()
    try:
        text, error = clean(request["content"], request["url"]), None
        if not isinstance(text, str):
            raise TypeError(f"answered with {type(text).__name__}, not text")
    except Exception as problem:  # any peer may raise anything; it is counted and named in the result
        text, error = "", f"{type(problem).__name__}: {problem}"[:200]
    return {"text": text, "error": error, "seconds": time.process_time() - begin}


def serve(name: str) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    clean = BY_NAME[name].load()
    print(json.dumps({"loaded": name}), file=answers, flush=True)
    for row in sys.stdin:
        print(json.dumps(answer(clean, json.loads(row))), file=answers, flush=True)


def clean_files(name: str, list_path: str) -> None:
    """Clean the files that a list names, one a line, and throw the answers away."""
    clean = BY_NAME[name].load()
    for path in Path(list_path).read_text("utf-8").splitlines():
        answer(clean, {"content": Path(path).read_text("utf-8", "replace"), "url": None})


if __name__ == "__main__":
    if sys.argv[1] == "--versions":
        print(json.dumps(versions()))
    elif len(sys.argv) > 2:
        clean_files(*sys.argv[1:])
    else:
        serve(sys.argv[1])
