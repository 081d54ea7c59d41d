"""A peer in a process of its own: `python -m benchmarks.worker NAME`, or `--versions` for what is installed.

Reads a JSON object a line (url; content, or file, start and length; limit) and answers with one (text, error, seconds
of processor time). A page that takes more than `limit` seconds of processor time ends the process. `--hurried` takes
the peer's short cuts. With a list of files beside the NAME it cleans these instead, for measures of a whole process;
with an empty list it only loads. It imports the standard library and `peers.py` only, so that any interpreter that has
the peer can run it, declutter installed or not.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import math
import os
import platform
import resource
import sys
import time
from pathlib import Path

from benchmarks.peers import BY_NAME, PEERS

HURRIED_GC = (50_000, 20, 20)  # Python's own (700, 10, 10) costs peers that make many objects a tenth of their time


def versions() -> dict:
    """The interpreter's release, and the release of every peer's distribution that it has."""
    found = {}
    for package in sorted({peer.package for peer in PEERS if peer.package}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": found}


def content_of(request: dict) -> str:
    """The page of a request: in it, or a stretch of a file."""
    if "file" not in request:
        return request["content"]
    with open(request["file"], "rb") as file:
        file.seek(request["start"])
        return file.read(request["length"]).decode("utf-8", "surrogatepass")


def limit(seconds: float) -> None:
    """End this process with SIGXCPU once it has used so much more processor time, however busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(clean, request: dict) -> dict:
    """What a peer makes of one page. Whatever it raises is its answer's error: the page counts as failed."""
    content = content_of(request)
    if "limit" in request:
        limit(request["limit"])
    begin = time.process_time()
    try:
        text, error = clean(content, request["url"]), None
        if not isinstance(text, str):
            raise TypeError(f"answered with {type(text).__name__}, not text")
    except Exception as problem:  # any peer may raise anything; it is counted and named in the result
        text, error = "", f"{type(problem).__name__}: {problem}"[:200]
    return {"text": text, "error": error, "seconds": time.process_time() - begin}


def serve(name: str, hurried: bool) -> None:
    """Answer requests until there are no more. Hurried, what the libraries have loaded is never looked for garbage."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    if hurried:
        BY_NAME[name].hurry()
    clean = BY_NAME[name].load()
    if hurried:
        gc.freeze()
        gc.set_threshold(*HURRIED_GC)
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
    elif sys.argv[1] == "--hurried":
        serve(sys.argv[2], hurried=True)
    elif len(sys.argv) > 2:
        clean_files(*sys.argv[1:])
    else:
        serve(sys.argv[1], hurried=False)
