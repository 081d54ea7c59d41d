"""Runs a command and prints what it took: `python -m benchmarks.launch COMMAND...`.

Linux counts the memory of the process that starts another as that one's own, up to its exec: so a measured process is
started by this small one, not by a benchmark that holds its pages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    begin = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    took = {"wall": wall, "processor": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1e3}
    print(json.dumps({"status": process.returncode, **took}))


if __name__ == "__main__":
    main()
