"""Stages against their baseline: what each costs as a ratio to the calibration loop of the same run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import FOLDER, about_this_run, rounded, write_result
from benchmarks.workers import REPOSITORY, environment

NAME = "stages"
SLOWER = (
    1.5  # times the baseline from which on a stage is called slower: the fastest rounds of idle machines differ 1.2
)
CALIBRATION = "test_calibration"


def measured_stages() -> dict[str, float]:
    """The fastest round of every stage as a ratio to the calibration loop's: {"segment text": 0.12, ...}.

    Raises OSError where pytest or pytest-benchmark is missing or a stage fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stages.json"
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--benchmark-only",
            f"--rootdir={REPOSITORY}", f"--benchmark-json={path}", str(REPOSITORY / "benchmarks/stage_benchmarks.py"),
        ]  # fmt: skip
        done = subprocess.run(command, env=environment(), cwd=REPOSITORY, capture_output=True, text=True)
        if done.returncode:
            raise OSError(
                f'the stages failed (pip install "declutter-text[benchmarks]"?): {done.stdout[-500:]}{done.stderr}'
            )
        found = json.loads(path.read_text("utf-8"))["benchmarks"]
    seconds = {(one["name"].partition("[")[0], one["params"]["kind"]): one["stats"]["min"] for one in found}
    return {
        f"{name.removeprefix('test_')} {kind}": spent / seconds[CALIBRATION, kind]
        for (name, kind), spent in seconds.items()
        if name != CALIBRATION
    }


def slower(found: dict[str, float], baseline: dict[str, float]) -> list[str]:
    """What costs more than SLOWER times its baseline, in words."""
    return [
        f"{stage}: {found[stage]:.3f} of the calibration loop, {found[stage] / ratio:.2f} times its baseline"
        for stage, ratio in baseline.items()
        if stage in found and found[stage] > SLOWER * ratio
    ]


def check_stages(write: bool, say: Callable[[str], None]) -> list[str]:
    """Measure the stages, compare them with benchmarks/results/stages.json, and store them there if asked to."""
    path = FOLDER / f"{NAME}.json"
    baseline = json.loads(path.read_text("utf-8"))["ratios"] if path.is_file() else {}
    found = measured_stages()
    for stage, ratio in found.items():
        say(f"{ratio:8.3f}  {stage}" + (f" (baseline {baseline[stage]:.3f})" if stage in baseline else ""))
    if write:
        write_result(NAME, rounded({**about_this_run(), "ratios": found}))
        return []
    problems = slower(found, baseline)
    for problem in problems:
        say(f"slower: {problem}")
    return problems
