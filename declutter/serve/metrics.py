"""Counts of what the service did, in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    "declutter_requests_total": "Requests answered, by path and status.",
    "declutter_pages_total": "Pages cleaned.",
    "declutter_failed_pages_total": "Pages that could not be judged and were passed through whole.",
    "declutter_body_bytes_total": "Bytes of request bodies.",
    "declutter_lost_workers_total": "Processes that took too long or died, and were replaced.",
    "declutter_workers": "Processes that clean.",
    "declutter_busy_workers": "Processes that are cleaning now.",
    "declutter_waiting_requests": "Requests that wait for a process.",
    "declutter_request_seconds": "Time from a request to its answer.",
}


class Metrics:
    """Counters, and a histogram of the time that requests took. Used from one thread."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # (path, status)
        self.totals: Counter[str] = Counter()
        self._in_bucket = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Count a request; `path` is one of the service's own, so that strangers can't make new rows."""
        self.requests[path, status] += 1
        self._in_bucket[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def text(self, gauges: Mapping[str, int]) -> str:
        """All counts, and the gauges, in the order of HELP."""
        lines = []
        for name, meaning in HELP.items():
            kind = "gauge" if name in gauges else "histogram" if name.endswith("_seconds") else "counter"
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            if kind == "histogram":
                lines += self._histogram(name)
            elif name == "declutter_requests_total":
                rows = sorted(self.requests.items())
                lines += [f'{name}{{path="{path}",status="{status}"}} {number}' for (path, status), number in rows]
            else:
                lines.append(f"{name} {gauges[name] if kind == 'gauge' else self.totals[name]}")
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> list[str]:
        lines, so_far = [], 0
        for bound, number in zip((*BUCKETS, "+Inf"), self._in_bucket, strict=True):
            so_far += number
            lines.append(f'{name}_bucket{{le="{bound}"}} {so_far}')
        return [*lines, f"{name}_sum {self._seconds:.6f}", f"{name}_count {so_far}"]
