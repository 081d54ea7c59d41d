"""The kernels under address and undefined-behaviour sanitizers, with random arguments, lines and pages.

DECLUTTER_FUZZ_SECONDS says for how long (60). The seed is drawn anew each time and printed where it fails.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = os.environ.get("DECLUTTER_FUZZ_SECONDS", "60")
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g"

pytestmark = pytest.mark.slow


def library(name):
    """The path of one of gcc's libraries, None where it lacks it."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return found if Path(found).is_absolute() else None


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """(folder of kernels built with sanitizers, environment to run them in)"""
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("sanitizers need Linux and gcc")
    libraries = [library("libasan.so"), library("libubsan.so")]
    if not all(libraries):
        pytest.skip("gcc has no sanitizers here")
    folder = tmp_path_factory.mktemp("sanitized")
    environment = {**os.environ, "CC": "gcc", "CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"}
    build = [
        sys.executable,
        "setup.py",
        "-q",
        "build_ext",
        "--build-lib",
        str(folder / "lib"),
        "--build-temp",
        str(folder),
    ]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    return folder / "lib", {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",  # so that each array has bounds of its own
        "DECLUTTER_KERNELS": "compiled",
        "OMP_NUM_THREADS": "1",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=2000",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def fuzz(sanitized, seconds, seed):
    folder, environment = sanitized
    command = [sys.executable, "tests/fuzz_kernels.py", str(folder), seconds, str(seed)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_random_calls_and_pages(sanitized):
    ended = fuzz(sanitized, SECONDS, random.randrange(1 << 32))
    assert ended.returncode == 0, ended.stderr[-6_000:]
    assert ended.stdout.endswith(" rounds\n") and not ended.stdout.startswith("0 ")


def test_the_sanitizers_are_at_work(sanitized, tmp_path):
    """A kernel that reads one value too far is found."""
    source = tmp_path / "wrong.c"
    source.write_text("#include <stdlib.h>\nint wrong(void) { int *p = malloc(8); int i = p[2]; free(p); return i; }\n")
    built = tmp_path / "wrong.so"
    subprocess.run(["gcc", *FLAGS.split(), "-shared", "-fPIC", str(source), "-o", str(built)], check=True)
    code = f"import ctypes; ctypes.CDLL({str(built)!r}).wrong()"
    ended = subprocess.run([sys.executable, "-c", code], env=sanitized[1], capture_output=True, text=True, check=False)
    assert ended.returncode and "heap-buffer-overflow" in ended.stderr
