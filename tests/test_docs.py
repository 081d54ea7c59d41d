"""README and docs are true: their examples run, and the output that they show is what the examples print.

`python tests/test_docs.py` runs every example and writes its output into the documents.
"""

import configparser
import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

import declutter

REPOSITORY = Path(__file__).parent.parent
README = REPOSITORY / "README.md"
DOCUMENTS = [README, REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
README_LINES = 150
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SIDE_BY_SIDE = re.compile(r"^<!-- side by side: (\S+)/(\S+) -->\n```text\n(.*?)^```$", re.M | re.S)
INSTALL = re.compile(r"^python3 -m venv \.venv && \.venv/bin/pip install -qq \. && ")
LEFT_COLUMNS, RIGHT_COLUMNS = 58, 56
SHOWN_OF_A_RUN = 3  # lines; what is left of a longer run of kept or removed lines is counted


def blocks(language, document=README):
    return [match[2] for match in BLOCK.finditer(document.read_text("utf-8")) if match[1] == language]


def every_document(test):
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)(test)


@contextlib.contextmanager
def workspace():
    """A folder with the seeds in it, as the current one."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(REPOSITORY / "seeds", Path(folder, "seeds"))
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def side_by_side(site, name):
    """The page's lines, and beside each what is kept of it, cleaned with the other pages of its site."""
    paths = sorted((REPOSITORY / "seeds" / site).glob("*.txt"))
    pages = [declutter.Page(path.stem, text=path.read_text("utf-8")) for path in paths]
    cleaned = next(done for done in declutter.Cleaner().clean_pages(pages) if done.page.id == name)
    rows = list(zip(cleaned.page.text.splitlines(), cleaned.verdicts.keep.tolist(), strict=True))
    shown = [f"{'before':<{LEFT_COLUMNS}} | after", f"{'-' * LEFT_COLUMNS} | {'-' * RIGHT_COLUMNS}"]
    while rows:
        keep = rows[0][1]
        run = [line for line, _ in rows[: next((n for n, row in enumerate(rows) if row[1] != keep), len(rows))]]
        rows = rows[len(run) :]
        for line in run if len(run) <= SHOWN_OF_A_RUN + 1 else run[:SHOWN_OF_A_RUN]:
            shown.append(f"{cut(line, LEFT_COLUMNS):<{LEFT_COLUMNS}} | {cut(line, RIGHT_COLUMNS) if keep else ''}")
        if len(run) > SHOWN_OF_A_RUN + 1:
            more = f"... {len(run) - SHOWN_OF_A_RUN} more lines"
            shown.append(f"{more:<{LEFT_COLUMNS}} | {more if keep else ''}")
    return "".join(f"{line.rstrip()}\n" for line in shown)


def run_console(block):
    """The block with each command's real output under it."""
    shown = []
    for line in block.splitlines():
        if line.startswith("$ "):
            shown += [line, *_output(INSTALL.sub("", line[2:]).replace(".venv/bin/declutter", "declutter"))]
    return "".join(f"{line}\n" for line in shown)


def _output(command):
    program = f'declutter() {{ "{sys.executable}" -m declutter.cli "$@"; }}; '
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}
    result = subprocess.run(
        ["bash", "-c", program + command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
    )
    return result.stdout.splitlines()


def run_python(block, names):
    """The block with each example's real output under it; `names` are kept from block to block."""
    shown = []
    for example in doctest.DocTestParser().get_examples(block):
        source = example.source.splitlines()
        shown += [f">>> {source[0]}", *(f"... {line}".rstrip() for line in source[1:])]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example.source, "README.md", "single"), names)
        shown += printed.getvalue().splitlines()
    return "".join(f"{line}\n" for line in shown)


def updated(text):
    """A document with everything that it shows made again."""
    names = {}

    def again(match):
        makers = {"console": run_console, "pycon": lambda block: run_python(block, names)}
        make = makers.get(match[1], lambda block: block)
        return f"```{match[1]}\n{make(match[2])}```"

    with workspace():
        text = BLOCK.sub(again, text)
    return SIDE_BY_SIDE.sub(lambda match: _page_again(*match.groups()), text)


def _page_again(site, name, _before):
    return f"<!-- side by side: {site}/{name} -->\n```text\n{side_by_side(site, name)}```"


@every_document
def test_what_the_commands_print_is_what_is_shown(document):
    with workspace():
        for block in blocks("console", document):
            assert run_console(block) == block


@every_document
def test_the_python_examples_run_and_print_what_is_shown(document):
    names = {}
    with workspace():
        for block in blocks("pycon", document):
            assert run_python(block, names) == block


def test_there_are_examples():
    assert sum(len(blocks("console", document)) for document in DOCUMENTS) >= 8
    assert sum(len(blocks("pycon", document)) for document in DOCUMENTS) >= 6


@every_document
def test_links_lead_somewhere(document):
    for target in LINK.findall(BLOCK.sub("", document.read_text("utf-8"))):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= README_LINES


def test_the_page_before_and_after_is_real():
    ((site, name, shown),) = SIDE_BY_SIDE.findall(README.read_text("utf-8"))
    assert shown == side_by_side(site, name)


def test_ci_runs_the_readmes_test_command():
    (command,) = [line for block in blocks("bash") for line in block.splitlines() if line.endswith("-m pytest")]
    runner = (REPOSITORY / ".ci" / "run").read_text("utf-8")
    pattern = re.search(r"grep -m 1 '([^']+)' README.md", runner)[1]
    assert [line for line in README.read_text("utf-8").splitlines() if re.search(pattern, line)] == [command]
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)


def test_the_install_commands_are_one_line_each():
    (first,) = [line for block in blocks("console") for line in block.splitlines() if "pip install" in line]
    assert INSTALL.match(first[2:])


def test_dependencies_have_a_reason_each():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / "setup.cfg")
    wanted = config["options"]["install_requires"] + "".join(config["options.extras_require"].values())
    packages = set(re.findall(r"^[\w-]+", wanted, re.M)) - {"declutter-text"}
    table = (REPOSITORY / "docs" / "dependencies.md").read_text("utf-8")
    cells = {name.strip() for row in re.findall(r"^\| ([^|]+) \|", table, re.M) for name in row.split(",")}
    assert cells - {"package"} == packages


@pytest.mark.parametrize("command", ["clean", "explain", "learn", "completion"])
def test_every_command_is_described(command):
    assert f"declutter {command}" in README.read_text("utf-8")


@pytest.mark.parametrize("document", [*DOCUMENTS, REPOSITORY / "CHANGELOG.md"], ids=lambda path: path.name)
def test_no_line_of_the_prose_is_too_long(document):
    prose = re.sub(r"(?s)<!-- table: .*?<!-- end of table -->", "", document.read_text("utf-8"))  # made of results
    text = re.sub(r"^\|.*$", "", BLOCK.sub("", prose), flags=re.M)
    assert [line for line in text.splitlines() if len(line) > 120] == []
    assert textwrap.dedent(text) == text


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(updated(path.read_text("utf-8")), "utf-8")
