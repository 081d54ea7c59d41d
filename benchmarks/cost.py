"""What a command costs: time and memory of all processes that it starts, Java and daemons included."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psutil

LOOK_SECONDS = 0.02
SHOWN_CHARS = 2000  # of what a failed command wrote


class Cost(NamedTuple):
    """Time in seconds, memory in megabytes."""

    wall: float
    processor: float  # of all processes and threads
    peak_mb: float  # of all processes at one time; memory that several share counts once
    java_mb: float  # of those that run Java, at their own highest


def cost_of(command: Sequence[str], env: Mapping[str, str] | None = None, look_seconds: float = LOOK_SECONDS) -> Cost:
    """Run a command to its end. Raises OSError where it fails, with the end of what it wrote.

    Processor time is what the system counted for ended children, or what was seen of all processes, if that is more:
    the one lacks daemons that outlive the command, the other the last moments of each process.
    """
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    seen: dict[psutil.Process, float] = {}
    peak = java_peak = 0
    with tempfile.TemporaryFile("w+b") as log:
        process = psutil.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            held = java_held = 0
            for member in {process, *seen, *_children(process)}:
                try:
                    seen[member] = sum(member.cpu_times()[:2])
                    n_bytes = member.memory_full_info().pss
                    java_held += n_bytes if member.name() == "java" else 0
                except psutil.Error:  # it has ended
                    continue
                held += n_bytes
            peak, java_peak = max(peak, held), max(java_peak, java_held)
            time.sleep(look_seconds)
        wall = time.perf_counter() - begin
        if process.returncode:
            log.seek(0)
            words = log.read().decode("utf-8", "replace")[-SHOWN_CHARS:]
            raise OSError(f"{' '.join(map(str, command))[:SHOWN_CHARS]}: ended with {process.returncode}: {words}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, max(counted, sum(seen.values())), peak / 1e6, java_peak / 1e6)


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:  # it has ended
        return []
