"""The layers: nouns <- stages <- cleaner <- faces. Every import is walked, those inside functions too."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import declutter

PACKAGE = Path(declutter.__file__).parent
REPOSITORY = Path(__file__).parent.parent
SEEDS = sorted((REPOSITORY / "seeds" / "sindyan-portal-ar").glob("*.txt"))[:3]

#: The floors of the package, from the ground up: an import points down, or stays in its own room.
FLOORS = (
    {"errors", "pages", "lines"},
    {"stages"},
    {"files"},
    {"cleaner"},
    {"run", "extras"},
    {"train", "report", "serve", "integrations"},
    {"cli", "__init__"},
)
LEVELS = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: The stages in the order in which a page meets them; kernels, the native code of all of them, stand below.
STAGES = ("kernels", "segment", "measure", "repeats", "features", "judge", "write")
#: Stages that read another stage's names, each with its reason. Characters are everybody's alphabet.
STAGES_OF_STAGES = {
    ("repeats", "measure"): "characters",
    ("features", "measure"): "characters and the categories of phrases",
    ("judge", "measure"): "the categories of phrases",
    ("judge", "features"): "the rules judge by the same Columns that the features are made of",
    ("features", "segment"): "the DOM features read the names and codes of the segmenter's DOM columns",
    **{(stage, "kernels"): "its inner loops" for stage in ("segment", "measure", "features", "judge")},
}
#: Rooms of one floor that read each other, each with its reason.
NEIGHBOURS = {
    ("run", "extras"): "JSON lines and Markdown carry what extras say",
}
#: Faces that read the package's face: the command line, the report and the service its version, hooks all names.
READERS_OF_THE_FACE = {"cli", "serve", "integrations", "report"}
#: The packages that each hook may import beside numpy: those of its host.
HOSTS = {
    "counts": {"pyarrow"},
    "datatrove": {"datatrove"},
    "huggingface": {"datasets"},
    "langchain": {"langchain_core"},
    "pandas": {"pandas"},
    "polars": {"polars"},
    "ray": {"ray", "pyarrow", "pandas"},
    "scrapy": {"scrapy", "itemadapter"},
    "sklearn": {"sklearn"},
    "spark": {"pyspark", "pyarrow", "pandas"},
}
HEAVY = {"sklearn", "lightgbm", "htmldate", "py3langid", "lxml", "selectolax", "scipy", "pandas", "regex"}
HEAVY |= {"pyarrow", "brotli", "backports"}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    """The file or folder of the package that a module belongs to: cleaner, files, train, ..."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def stage_of(path):
    """The stage that a module belongs to, None for those that are none."""
    parts = path.relative_to(PACKAGE).parts
    return parts[1].removesuffix(".py") if parts[0] == "stages" and parts[1] != "__init__.py" else None


def imports_of(path):
    """Full names of all that a module imports, wherever the import stands, but for those only type checkers see."""
    tree = ast.parse(path.read_text("utf-8"))
    unseen = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            unseen |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import, which this test does not follow"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def stages_imported(path):
    """The stages that a module imports from."""
    for name in imports_of(path):
        parts = name.split(".")
        if parts[:2] == ["declutter", "stages"] and len(parts) > 2:
            yield parts[2]


def rooms_imported(path):
    """The rooms of the package that a module imports from."""
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "declutter" and len(parts) > 1:
            is_module = (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file()
            yield parts[1] if is_module else "__init__"


def test_every_module_has_a_level():
    assert {room_of(path) for path in modules()} <= set(LEVELS)
    assert len(modules()) > 15


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path):
    own = room_of(path)
    for other in rooms_imported(path):
        if own in READERS_OF_THE_FACE and other == "__init__":
            continue
        assert other != "__init__" or own == "__init__", f"{path.name} imports the package's face"
        assert LEVELS[other] <= LEVELS[own], f"{own} (lower) imports {other} (higher)"
        if LEVELS[own] == LEVELS[other] and own != other and LEVELS[own] > 0:
            assert (own, other) in NEIGHBOURS or own == "__init__" or other == "__init__", f"{own} imports {other}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if stage_of(path)], ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_stages_know_earlier_stages_where_a_reason_is_given(path):
    own = stage_of(path)
    for other in set(stages_imported(path)) - {own}:
        assert STAGES.index(other) < STAGES.index(own), f"stage {own} imports the later stage {other}"
        assert (own, other) in STAGES_OF_STAGES, f"stage {own} imports stage {other}"


def test_no_reason_is_given_for_an_import_that_is_gone():
    stages = {(stage_of(path), other) for path in modules() for other in stages_imported(path)}
    assert set(STAGES_OF_STAGES) <= stages
    assert set(NEIGHBOURS) <= {(room_of(path), other) for path in modules() for other in rooms_imported(path)}


def test_there_are_few_floors():
    assert len(FLOORS) <= 7


def packages_imported(path):
    return {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - {"declutter"}


def test_libraries_of_learning_are_imported_by_training_and_a_hook_alone():
    users = [path for path in modules() if packages_imported(path) & {"sklearn", "lightgbm", "scipy"}]
    assert {room_of(path) for path in users if path != PACKAGE / "integrations" / "sklearn.py"} <= {"train"}


def test_hooks_import_their_host_alone():
    for path in (PACKAGE / "integrations").glob("*.py"):
        assert packages_imported(path) - {"numpy"} <= HOSTS.get(path.stem, set()), path.name
        assert "cli" not in set(rooms_imported(path))


def test_only_known_packages_are_imported():
    outside = {name for path in modules() if room_of(path) != "integrations" for name in packages_imported(path)}
    known = {
        "numpy",
        "click",
        "tqdm",
        "chardet",
        "webencodings",
        "publicsuffixlist",
        "selectolax",
        "lxml",
        "sklearn",
        "lightgbm",
        "scipy",  # what scikit-learn itself stands on
        "pyarrow",
        "brotli",
        "backports",
        "compression",  # of the standard library from 3.14 on
        "htmldate",
        "py3langid",
        "starlette",
        "uvicorn",
    }
    assert outside <= known


def loaded_by(code):
    """The modules that a fresh interpreter has loaded after `code`, and the seconds of processor time it took."""
    begin, end = "start = time.process_time()", "print(json.dumps([list(sys.modules), time.process_time() - start]))"
    script = f"import sys, json, time\n{begin}\n{code}\n{end}"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    names, seconds = json.loads(result.stdout.splitlines()[-1])
    return {name.split(".")[0] for name in names}, seconds


def test_import_declutter_is_light():
    loaded, seconds = min((loaded_by("import declutter") for _ in range(3)), key=lambda found: found[1])
    assert not loaded & {*HEAVY, "numpy", "click", "tqdm", "chardet"}
    assert seconds < 0.2


@pytest.mark.parametrize(
    "code",
    [
        "from declutter.cleaner import Cleaner",
        "import declutter; declutter.clean('Home\\n')",
        "import declutter.cli, declutter.run",
    ],
)
def test_text_needs_neither_scikit_learn_nor_a_parser_of_html(code):
    assert not loaded_by(code)[0] & HEAVY


def test_clean_on_three_small_files_is_quick(tmp_path):
    (tmp_path / "in").mkdir()
    for path in SEEDS:
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    arguments = ["clean", str(tmp_path / "in"), str(tmp_path / "out"), "--quiet", "--force"]
    code = f"from declutter.cli import main\nmain({arguments}, standalone_mode=False)"
    loaded, seconds = min((loaded_by(code) for _ in range(3)), key=lambda found: found[1])
    assert "numpy" in loaded
    assert not loaded & HEAVY
    _, numpy_seconds = min((loaded_by("import numpy") for _ in range(3)), key=lambda found: found[1])
    assert seconds < max(0.5, 5 * numpy_seconds)  # of processor time; measured 0.3, and longer beside other work


def test_public_names_are_there_and_listed():
    for name in declutter.__all__:
        assert getattr(declutter, name) is not None
        assert name in dir(declutter)
    with pytest.raises(AttributeError, match="no attribute 'cleanse'"):
        _ = declutter.cleanse
