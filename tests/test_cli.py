"""The command line as a user meets it: outputs, refusals, exit codes, and what is shown where."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from declutter import __version__
from declutter.cli import main
from test_run import TOPICS, article

# the tree these tests stand in, whatever is installed and wherever a command runs
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
DECLUTTER = [sys.executable, "-m", "declutter.cli"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for topic in TOPICS:
        (tmp_path / "in" / f"{topic}.txt").write_text(article(topic))
    return tmp_path


def declutter(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def test_clean_a_folder(folder):
    result = declutter("clean", "in", "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.search(r"^pages +3; ", result.stderr, re.M)
    assert re.search(r"^kept +12 lines: body 12$", result.stderr, re.M)
    assert re.search(r"^removed +24 lines: ", result.stderr, re.M)
    assert re.search(r"^site .*: 3 pages$", result.stderr, re.M)
    assert sorted(os.listdir("out")) == ["bridge.txt", "market.txt", "school.txt"]


def test_quiet_prints_nothing(folder):
    result = declutter("clean", "in", "out", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_dry_run_shows_the_summary_and_writes_nothing(folder):
    result = declutter("clean", "in", "out", "--dry-run", "--removed", "gone")
    assert (result.exit_code, os.listdir()) == (0, ["in"])
    assert "kept     12 lines" in result.stderr


def test_standard_streams(folder):
    text = article("harbor").replace("\n", "\r\n").encode()
    result = declutter("clean", "-", "-", stdin=text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes.count(b"The council said") == 4
    assert all(line in text.splitlines(keepends=True) for line in result.stdout_bytes.splitlines(keepends=True))
    from_file = declutter("clean", "in/bridge.txt", "-")
    assert from_file.stdout == declutter("clean", "-", "-", stdin=article("bridge")).stdout != ""


def test_the_name_of_the_output_tells_its_format(folder):
    page = "<h1>The bridge</h1>" + "".join(f"<p>{line}" for line in article("bridge").splitlines() if len(line) > 99)
    Path("page.html").write_text(f'{page}<p>The council said that <a href="/more">more</a> is to come, and soon.')
    for name, arguments in (("page.md", ["--links"]), ("page.txt", []), ("page.jsonl", [])):
        assert declutter("clean", "page.html", name, "--engine", "rules", *arguments).exit_code == 0
    assert Path("page.txt").read_text().startswith("The bridge\nThe council said")
    assert Path("page.md").read_text().startswith("# The bridge\n\nThe council said")
    assert "[more](/more)" in Path("page.md").read_text()
    record = json.loads(Path("page.jsonl").read_text())
    assert (record["title"], record["text"]) == ("The bridge", Path("page.txt").read_text().rstrip("\n"))


def test_keep_adds_labels(folder):
    everything = "title,body,caption,byline,navigation,headlines,comments,promo,legal"
    declutter("clean", "in", "out", "--keep", everything)
    assert Path("out/bridge.txt").read_text() == article("bridge")
    result = declutter("clean", "in", "out2", "--keep", "body,menus")
    assert result.exit_code == 2
    assert "menus" in result.stderr and "navigation" in result.stderr


def test_existing_outputs_are_refused_before_anything_is_written(folder):
    os.mkdir("out")
    Path("out/school.txt").write_text("mine")
    result = declutter("clean", "in", "out")
    assert result.exit_code == 2
    assert "out/school.txt exists" in result.stderr and "--force" in result.stderr
    assert os.listdir("out") == ["school.txt"]
    assert Path("out/school.txt").read_text() == "mine"
    assert declutter("clean", "in", "out", "--force").exit_code == 0
    assert "The council said" in Path("out/school.txt").read_text()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2)])
def test_existing_outputs_are_asked_for_on_a_terminal(folder, answer, code):
    declutter("clean", "in", "out")
    Path("out/school.txt").write_text("mine")
    primary, secondary = pty.openpty()
    command = [*DECLUTTER, "clean", "in", "out"]
    process = subprocess.Popen(command, stdin=secondary, stderr=secondary, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    os.close(secondary)
    os.write(primary, f"{answer}\n".encode())
    shown = _read_all(primary)
    assert process.wait(30) == code
    assert "Replace? [y/N]" in shown
    assert (Path("out/school.txt").read_text() == "mine") == (answer == "n")


def _read_all(terminal):
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:  # the other side is closed
        pass
    return shown.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clean", "in", "in"], "the output is the input"),
        (["clean", "in", "in/out"], "inside the input"),
        (["clean", "in/bridge.txt", "in"], "inside the output"),
        (["clean", "nowhere", "out"], "nowhere: no such file"),
        (["clean", "*.md", "out"], r"\*.md: no such file"),
        (["clean", "in"], "Missing argument"),
        (["clean", "in", "out", "--engine", "magic"], "magic"),
        (["clean", "in", "out", "--profile", "in/bridge.txt"], "bridge.txt: not a declutter profile"),
        (["learn", "in"], "--output"),
        (["explain", "nowhere"], "nowhere: no such file"),
        (["clean", "in", "out", "--memory", "much"], "much"),
        (["clean", "in", "out", "--links"], "--to markdown"),
        (["clean", "in", "out", "--to", "jsonl", "--links"], "--to markdown"),
        (["report", "in"], "--output"),
        (["report", "nowhere", "-o", "report.html"], "nowhere: no such file"),
        (["clean", "in", "out", "--max-page-bytes", "0"], "max-page-bytes"),
        (["profile", "show", "in/bridge.txt"], "bridge.txt: not a declutter profile"),
    ],
)
def test_wrong_usage_is_refused_with_2(folder, arguments, message):
    result = declutter(*arguments)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert "Traceback" not in result.output
    assert os.listdir() == ["in"]


def test_failed_pages_are_named_and_exit_with_1(folder):
    Path("in/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = declutter("clean", "in", "out", "--quiet")
    assert result.exit_code == 1
    assert re.fullmatch(r"failed: \S+/in/picture\.png: a PNG image, not text; .*\n", result.stderr)
    assert len(os.listdir("out")) == 3
    error = json.loads(Path("out.errors.jsonl").read_text())
    assert (error["input"], error["kind"]) == ("picture.png", "unreadable")
    assert "a PNG image" in error["reason"]
    Path("in/picture.png").unlink()
    assert declutter("clean", "in", "out", "--force").exit_code == 0
    assert not Path("out.errors.jsonl").exists()


def test_the_summary_as_json(folder):
    assert declutter("clean", "in", "out", "--summary", "summary.json", "--quiet").exit_code == 0
    summary = json.loads(Path("summary.json").read_text())
    assert (summary["pages"], summary["failed"], summary["partial"]) == (3, 0, 0)
    assert summary["kept_lines"] == {"body": 12}
    assert summary["sites"] == {"site-1": 3}
    assert summary["bytes_in"] == sum(path.stat().st_size for path in Path("in").iterdir())
    assert summary["seconds"] > 0


def test_learn_and_clean_with_the_profile(folder):
    result = declutter("learn", "in", "-o", "site.profile")
    assert result.exit_code == 0
    assert re.search(r"^site .*: 3 pages$", result.stderr, re.M)
    assert declutter("learn", "in", "-o", "site.profile").exit_code == 2
    assert declutter("clean", "in/bridge.txt", "out", "--profile", "site.profile").exit_code == 0
    assert Path("out/bridge.txt").read_text().count("The council said") == 4


def test_profiles_of_parts_merge_and_are_shown(folder):
    for name, topics in (("one", TOPICS[:2]), ("two", TOPICS[2:])):
        with open(f"{name}.jsonl", "w", encoding="utf-8") as file:
            for topic in topics:
                file.write(json.dumps({"url": f"https://harbor.example/{topic}", "text": article(topic)}) + "\n")
        assert declutter("learn", f"{name}.jsonl", "-o", f"{name}.profile", "--quiet").exit_code == 0
    merge = ["profile", "merge", "one.profile", "two.profile", "-o", "both.profile"]
    assert declutter(*merge).exit_code == 0
    assert declutter(*merge).exit_code == 2
    shown = declutter("profile", "show", "both.profile").stdout
    assert "version  2\n" in shown and "sites    1\n" in shown and "pages    3; 3 distinct ones counted" in shown
    rows = declutter("profile", "show", "both.profile", "--format", "tsv").stdout.splitlines()
    assert rows[0].split("\t") == ["site", "pages", "counted", "lines", "templates"]
    assert rows[1].split("\t")[:3] == ["harbor.example", "3", "3"]
    together = declutter("learn", "one.jsonl", "two.jsonl", "-o", "together.profile", "--quiet")
    assert together.exit_code == 0
    assert declutter("profile", "show", "together.profile", "--format", "tsv").stdout.splitlines() == rows


def test_explain_as_tsv_and_json(folder):
    rows = [line.split("\t") for line in declutter("explain", "in/bridge.txt").stdout.splitlines()]
    records = json.loads(declutter("explain", "in/bridge.txt", "--format", "json").stdout)
    lines = article("bridge").splitlines()
    assert rows[0] == ["line", "label", "score", "keep", "reason", "text"]
    assert list(records[0]) == ["line", "text", "label", "score", "keep", "reason"]
    assert [int(row[0]) for row in rows[1:]] == [n for n, line in enumerate(lines, 1) if line]
    assert {(row[1], row[3]) for row in rows[1:] if row[5].startswith("The council")} == {("body", "true")}
    for row, record in zip(rows[1:], records, strict=True):
        assert [int(row[0]), row[1], float(row[2]), row[3] == "true", *row[4:]] == [record[name] for name in rows[0]]
        assert row[4] != "" and row[5] == lines[int(row[0]) - 1]


def test_explain_is_a_coloured_table_on_a_terminal(folder):
    hostile = b"Menu \x1b[31m red\n\xe2\x80\xaeright to left\nbroken \xff byte\n"
    Path("in/odd.txt").write_bytes(hostile + article("odd").encode())
    primary, secondary = pty.openpty()
    process = subprocess.Popen([*DECLUTTER, "explain", "in/odd.txt"], stdout=secondary, env=ENVIRONMENT)
    os.close(secondary)
    shown = _read_all(primary)
    assert process.wait(30) == 0
    assert "\x1b[32m" in shown  # green: body
    assert "Menu \\x1b[31m red" in shown and "\\u202eright" in shown and "broken \\udcff byte" in shown


def test_explain_takes_one_readable_page(folder):
    assert declutter("explain", "in").exit_code == 2
    Path("in/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "a PNG image" in declutter("explain", "in/picture.png").stderr


def test_every_command_has_help_with_examples():
    for name, command in main.commands.items():
        result = declutter(name, "--help")
        assert result.exit_code == 0
        assert f"declutter {name}" in command.epilog
        parts = getattr(command, "commands", {}).values()
        parameters = [parameter for part in (command, *parts) for parameter in part.params]
        assert all(parameter.help for parameter in parameters if parameter.param_type_name == "option")
    assert re.search(r"130 +interrupted", declutter("clean", "-h").output)


def test_version_and_completion():
    assert re.fullmatch(
        rf"declutter, version {__version__}\nkernels: (compiled|NumPy.*)\n", declutter("--version").output
    )
    for shell in ("bash", "zsh", "fish"):
        assert "_DECLUTTER_COMPLETE" in declutter("completion", shell).output


def test_a_closed_pipe_is_no_traceback(folder):
    Path("in/long.txt").write_text(article("long") * 500)
    command = f"{subprocess.list2cmdline(DECLUTTER)} clean in/long.txt - | head -c 10"
    result = subprocess.run(command, shell=True, capture_output=True, env=ENVIRONMENT)
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("out", ["../out", "../work/../out", ".", ".."])
def test_out_may_be_named_with_dots(folder, monkeypatch, out):
    (folder / "work" / "deep").mkdir(parents=True)
    monkeypatch.chdir(folder / "work" / "deep" if out == ".." else folder / "work")
    source = "../../in" if out == ".." else "../in"
    arguments = ["--errors", "e.jsonl"] if out == ".." else []
    result = declutter("clean", source, out, "--removed", "../gone", *arguments)
    assert (result.exit_code, result.exception) == (0, None), result.output
    assert sorted(name for name in os.listdir(out) if name.endswith(".txt")) == [f"{topic}.txt" for topic in TOPICS]


def test_failures_stand_beside_an_out_with_dots(folder, monkeypatch):
    (folder / "in" / "bad.txt").write_bytes(bytes(range(256)))
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
    assert declutter("clean", "../in", ".").exit_code == 1
    assert (folder / "work.errors.jsonl").exists()


@pytest.fixture(scope="module")
def many_pages(tmp_path_factory):
    """JSON lines that are more than one part of an input that is divided."""
    path = tmp_path_factory.mktemp("many") / "pages.jsonl"
    texts = [f"Home\nNews\nThe boat number {n} came back at dawn, and nobody in the harbour had slept.\nShare\n"
             for n in range(1100)]  # fmt: skip
    path.write_text("".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(texts)))
    return path


@pytest.mark.parametrize("out", ["-", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("source", ["-", "<(cat {path})", "-, gzip"])
@pytest.mark.parametrize("options", ["", "--profile ../sites.profile"])
@pytest.mark.slow
def test_streams_are_cleaned_by_several_processes(folder, many_pages, source, out, options):
    """Standard input and pipes: more than 1,024 pages are divided between processes."""
    if options:
        declutter("learn", "in", "-o", "sites.profile")
    (folder / "work").mkdir()
    packed = "gzip -c" if "gzip" in source else "cat"
    name = source.partition(",")[0].format(path=many_pages)
    script = (f"cd work; {packed} {many_pages} | {' '.join(DECLUTTER)} clean {name} {out} --workers 2 "
              f"--engine rules {options}")  # fmt: skip
    done = subprocess.run(["bash", "-c", script], env=ENVIRONMENT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    if out == "out.parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table("work/out.parquet").num_rows == 1100
    else:
        lines = done.stdout.splitlines() if out == "-" else (folder / "work" / out).read_bytes().splitlines()
        assert [json.loads(line)["id"] for line in lines] == list(range(1100))
        assert "Home" not in json.loads(lines[0])["text"]


@pytest.mark.parametrize(
    "arguments",
    ["clean in {}/out", "clean in {}", "learn in -o {}", "report in -o {}", "clean in out --summary {}", "explain {}"],
)
@pytest.mark.parametrize("place", ["/proc/nowhere", "n" * 300, "in/bridge.txt/below"])
def test_what_cannot_be_written_or_read_is_one_line(folder, arguments, place):
    result = declutter(*arguments.format(place).split())
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output
    assert [line for line in result.stderr.splitlines() if line.startswith("Error: ")], result.stderr
