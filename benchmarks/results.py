"""Result files: small JSON with what was measured, when, with which releases, on which machine; no text of any page."""

from __future__ import annotations

import json
import os
import platform
from datetime import date
from importlib import metadata
from pathlib import Path

import declutter
from declutter.errors import OutputError
from declutter.stages.judge.model import shipped_model

FOLDER = Path(__file__).parent / "results"
DIGITS = 4  # significant ones, of every figure
LARGEST_BYTES = 1_000_000


def about_this_run() -> dict:
    """What every result begins with: date, releases, models, machine."""
    models = {kind: shipped_model(kind) for kind in ("text", "html")}
    return {
        "made": date.today().isoformat(),
        "declutter": declutter.__version__,
        "models": {kind: model.digest[:16] for kind, model in models.items() if model is not None},
        "numpy": metadata.version("numpy"),
        "machine": {
            "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(), "cores": os.cpu_count(),
        },
    }  # fmt: skip


def _processor() -> str:
    """The processor's name where the system tells it, else its family."""
    path = Path("/proc/cpuinfo")
    rows = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    names = [row.partition(":")[2].strip() for row in rows if row.startswith("model name")]
    return names[0] if names else platform.processor()


def rounded(value):
    """The value with every float in it rounded to DIGITS; what isn't a number becomes None."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if value == value else None
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_result(name: str, result: dict, folder: Path = FOLDER) -> Path:
    """Write a result as one row of JSON a field. Raises OutputError where it is too large to be kept with the code."""
    content = json_rows(result)
    if len(content.encode()) > LARGEST_BYTES:
        raise OutputError(f"{name}.json would have more than {LARGEST_BYTES:,} bytes; measure fewer pages (--every)")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(content, "utf-8")
    return path


def json_rows(result: dict) -> str:
    """JSON with a line a field, and a line an item where a field is a list of objects: so that a change can be read."""
    parts = []
    for key, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            shown = "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"
        else:
            shown = _compact(value)
        parts.append(f"{json.dumps(key)}: {shown}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_results(folder: Path = FOLDER) -> dict[str, dict]:
    """All results of a folder by their names."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
