"""Kills a run at random moments and resumes it: `python benchmarks/crash.py [KILLS] [PAGES] [WORKERS] [SEED]`.

Cleans a corpus of PAGES pages (default 20,000) once undisturbed, and once with `kill -9` at KILLS (default 50) random
moments, each time resumed with `--resume`; every third kill hits one of the processes instead of the run, which must go
on by itself. Then the two folders of outputs are compared byte for byte. Exits with 1 where they differ.
"""

from __future__ import annotations

import filecmp
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import corpus

REPOSITORY = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--engine", "rules"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}


def start(source: Path, out: Path, workers: int, *options: str) -> subprocess.Popen:
    """A run in a process of its own."""
    command = [*COMMAND, "--workers", str(workers), *options, str(source), str(out)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has just ended
        return []


def kill_one(process: subprocess.Popen, chance: random.Random, seconds: float, spares_run: bool) -> bool:
    """Kill the run, or one of its processes, after some seconds. Returns whether there was something to kill."""
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        pass
    victims = children(process.pid) if spares_run else [process.pid]
    if victims:
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:  # it has just ended
            return False
    return bool(victims)


def crash(source: Path, out: Path, kills: int, workers: int, seconds: float, seed: int) -> tuple[int, int]:
    """Run to the end through so many kills, each within so many seconds; (kills made, times the run was begun)."""
    chance = random.Random(seed)
    made, begun = 0, 0
    while True:
        process = start(source, out, workers, "--resume")
        begun += 1
        while made < kills and process.poll() is None:
            spares_run = workers > 1 and chance.random() < 1 / 3
            if kill_one(process, chance, chance.uniform(0.1, seconds), spares_run):
                made += 1
            if not spares_run:
                break
        error = process.communicate()[1]
        if process.returncode == 0:
            return made, begun
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"the run ended with {process.returncode}: {error}")


def startup_seconds(folder: Path) -> float:
    """What a run takes before it has done anything: a shorter life would get nowhere."""
    (folder / "nothing").mkdir()
    began = time.monotonic()
    start(folder / "nothing", folder / "nothing-out", 1).communicate()
    return time.monotonic() - began


def differences(one: Path, other: Path) -> list[str]:
    """Names of files that are not the same in both folders."""
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    _, unlike, missing = filecmp.cmpfiles(one, other, sorted(map(str, names)), shallow=False)
    return unlike + missing


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:]]
    kills, n_pages, workers, seed = (*numbers, *(50, 20_000, 2, 0)[len(numbers) :])
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        corpus.write(folder / "in" / "small", n_pages // 2, n_sites=200, seed=seed, pages_a_file=250)
        corpus.write(folder / "in" / "large", n_pages // 2, n_sites=200, seed=seed + 1, pages_a_file=n_pages)
        began = time.monotonic()
        undisturbed = start(folder / "in", folder / "undisturbed", workers)
        if error := undisturbed.communicate()[1]:
            raise SystemExit(error)
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.1f} s")
        began = time.monotonic()
        within = 2 * startup_seconds(folder) + seconds / max(kills, 1)
        made, begun = crash(folder / "in", folder / "crashed", kills, workers, within, seed)
        print(f"{made} kills, begun {begun} times: {time.monotonic() - began:.1f} s")
        found = differences(folder / "undisturbed", folder / "crashed")
        print("the outputs are the same" if not found else f"outputs differ: {found}")
        sys.exit(bool(found))


if __name__ == "__main__":
    main()
