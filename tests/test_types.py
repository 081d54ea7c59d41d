"""What a user's type checker knows of the package: mypy over a script of ordinary use, with errors planted in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Each line that ends in "# error: CODE" must be found wrong, with that code, and no other line.
SCRIPT = """\
from collections.abc import Iterator
from pathlib import Path

import declutter
from declutter.run import Settings

def pages(folder: Path) -> Iterator[declutter.Page]:
    for path in sorted(folder.iterdir()):
        yield declutter.Page(path.name, site="example.org", text=path.read_text())

kept: str = declutter.clean("Home\\nThe boats came back at dawn.\\n")
n_kept: int = declutter.clean("Home\\n")  # error: assignment
declutter.clean(b"Home\\n")  # error: arg-type
from_html: str = declutter.clean_html(b"<p>The boats came back.</p>", url="https://example.org/boats")
declutter.clean_html("<p>The boats</p>", "https://example.org/", 1)  # error: call-arg
declutter.claen("Home\\n")  # error: attr-defined

verdicts: declutter.Verdicts = declutter.explain("Home\\n")
rows = zip(verdicts.line, verdicts.label, verdicts.score.tolist(), verdicts.reason)
for label, score, keep, reason in verdicts:
    print(label.upper(), round(score, 2), not keep, reason.strip())
    score.upper()  # error: attr-defined
first: str = verdicts.line[0]  # error: assignment
part: declutter.Verdicts = verdicts[1:]

profile: declutter.Profile = declutter.learn(pages(Path("in"))) | declutter.Profile.load("known.profile")
profile.save(Path("both.profile"))
cleaner = declutter.Cleaner(keep={"title", "body"}, profile=profile, engine="rules", beta=0.5)
declutter.Cleaner(keep=3)  # error: arg-type
cleaner.beta = 1.0  # error: misc
for cleaned in cleaner.clean_pages(pages(Path("in"))):
    print(cleaned.page.id, len(cleaned.text), len(cleaned.verdicts), len(cleaned.lines))
    print(cleaned.error.strip())  # error: union-attr
    if cleaned.error is None and cleaned.markup is not None:
        markdown: str = declutter.markdown.to_markdown(cleaned, links=True)
    cleaned.text = ""  # error: misc
cleaner.clean_pages(["Home\\n"])  # error: list-item
page = declutter.Page("a", text=1)  # error: arg-type
url: str = declutter.Page("a", text="").url  # error: assignment
labels: tuple[str, ...] = declutter.LABELS
settings: Settings = Settings(workers="two")  # error: arg-type
"""
PLANTED = re.compile(r"# error: ([a-z-]+)$")
FOUND = re.compile(r"^[^:]*script\.py:(\d+): error: (.*?)\s+\[([a-z-]+)\]$", re.M)


@pytest.mark.slow
def test_mypy_finds_the_errors_of_a_script_and_nothing_else(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    planted = {
        (number, match[1]) for number, line in enumerate(SCRIPT.splitlines(), 1) if (match := PLANTED.search(line))
    }
    monkeypatch.chdir(ROOT)
    report, problems, _ = api.run(
        ["--config-file", "setup.cfg", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary", str(script)]
    )
    found = {(int(number), code): message for number, message, code in FOUND.findall(report)}
    assert not problems
    assert found.keys() == planted, report


def test_names_that_the_package_lacks_are_no_attributes():
    import declutter

    with pytest.raises(AttributeError, match="claen"):
        declutter.claen  # noqa: B018
