"""Speed measures: interleaved rounds, ratios to the calibration loop, whole processes."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import stages, tables
from benchmarks.answers import REPOSITORY, Installed
from benchmarks.cost import cost_of
from benchmarks.datasets import open_dataset
from benchmarks.peers import BY_NAME
from benchmarks.speed import Sample, _rate, draw, measure, measure_loading, measure_processes, run_stages

HERE = Installed(sys.executable, "1")
DUMP = "Menu\nNews\n" + "The ferry sails again on Monday, the office said, once its ropes have been tested.\n" * 3
SAMPLE = Sample((f"<ul><li>Menu</ul><p>{DUMP}</p>",) * 2, (DUMP,) * 2)


def test_a_sample_is_drawn_evenly():
    sample = draw(open_dataset(REPOSITORY / "seeds"), 10, None)
    assert len(sample.dumps) == 10 and sample.html == () and len(set(sample.dumps)) == 10
    assert sample.megabytes("dump") == pytest.approx(sum(len(dump.encode()) for dump in sample.dumps) / 1e6)


def test_declutter_is_measured_from_both_sources_in_batches_and_page_by_page():
    found = measure(SAMPLE, {"keep all": HERE}, 1)  # a peer without a distribution is no peer to race with
    rows = {(row["system"], row["source"]) for row in found["in_process"]}
    names = ("declutter", "declutter, page by page", "declutter rules", "declutter rules, page by page")
    assert rows == {(name, source) for name in names for source in ("dump", "html")}
    assert all(0 < row["least_ratio"] <= row["ratio"] <= row["greatest_ratio"] for row in found["in_process"])


def test_ratios_are_taken_within_a_round():
    """In its second round the machine was half as fast for everything: the ratio is the same."""
    row = _rate("x", "dump", np.array([1.0, 2.0]), np.array([0.5, 1.0]), SAMPLE)
    assert row["ratio"] == row["least_ratio"] == row["greatest_ratio"] == 0.5


def test_a_process_is_measured_with_those_it_starts_and_its_failure_named():
    held = bytearray(300_000_000)  # the memory of the process that measures is not that of the measured one
    wait = "import time; held = bytearray(60_000_000); time.sleep(0.5)"
    cost = cost_of([sys.executable, "-c", wait])
    assert 60 < cost.peak_mb < 100 and 0.5 < cost.wall < 60 and len(held) == 300_000_000
    twice = f"import subprocess, sys; {wait[:-17]}; subprocess.run([sys.executable, '-c', {wait!r}])"
    assert cost_of([sys.executable, "-c", twice]).peak_mb > 120
    assert cost_of([sys.executable, "-c", "sum(range(20_000_000))"]).processor > 0.1
    with pytest.raises(OSError, match="ended with 3: why"):
        cost_of([sys.executable, "-c", "print('why', flush=True); raise SystemExit(3)"])


def test_whole_processes_clean_the_same_files():
    rows = measure_processes(SAMPLE, {"keep all": HERE}, 1)
    assert [(row["system"], row["source"]) for row in rows] == [
        ("declutter clean", "html"), ("declutter clean", "dump"), ("keep all", "dump"),
    ]  # fmt: skip
    assert BY_NAME["keep all"].source == "dump" and rows[0]["ratio_to_first"] == 1.0


@pytest.mark.slow
def test_no_stage_has_become_slower():
    pytest.importorskip("pytest_benchmark", reason="the stages need pytest-benchmark")
    assert run_stages(write=False) == 0


def test_a_stage_that_is_slower_than_its_baseline_fails(monkeypatch, tmp_path):
    (tmp_path / "stages.json").write_text(json.dumps({"ratios": {"decide text": 1e-9}}))
    monkeypatch.setattr(stages, "BASELINE", tmp_path / "stages.json")
    stats = SimpleNamespace(stats=SimpleNamespace(stats=SimpleNamespace(min=0.1)), extra_info={})
    benchmark = type("Timed", (SimpleNamespace,), {"__call__": lambda self, work, on: work(on)})(**vars(stats))
    with pytest.raises(AssertionError, match="times its baseline"):
        stages.test_stage(benchmark, "decide", "text")
    stages.test_stage(benchmark, "write", "text")  # no baseline yet
    assert benchmark.extra_info["stage"] == "write text"


def test_importing_declutter_is_nearly_nothing():
    rows = {row["system"]: row for row in measure_loading({}, 2)}
    assert rows["python"]["ratio_to_first"] == 1.0
    assert rows["import declutter"]["processor"] < rows["declutter.clean, first page"]["processor"]


def test_the_table_of_speed_is_relative_to_declutter():
    row = {"system": "declutter", "source": "html", "ratio": 2.0, "mb_a_second": 20.0}
    peer = {**row, "system": "careful", "ratio": 0.5, "mb_a_second": 5.0}
    whole = [{"system": "declutter clean", "source": "html", "peak_mb": 90.0}, {**peer, "peak_mb": 120.4}]
    loading = [{"system": "declutter.clean, first page", "wall": 0.2}, {"system": "careful", "wall": 0.75}]
    result = {
        "dataset": {"name": "birds", "pages": 3}, "rounds": 2, "machine": {"processor": "x"}, "made": "2026-01-02",
        "versions": {"careful": "1.0"}, "in_process": [peer, row], "whole_process": whole, "loading": loading,
    }  # fmt: skip
    rows = tables.table_of("speed-birds", "speed", {"speed-birds": result}).splitlines()
    assert rows[2:4] == [
        "| declutter | HTML | 1.00 | 20 | 90 | 0.20 |",
        "| careful 1.0 | HTML | 0.25 | 5 | 120 | 0.75 |",
    ]
    assert rows[-1] == "3 pages of birds, 2 rounds, x, 2026-01-02."
