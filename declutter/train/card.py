"""The model card: what a model was trained on, under which licences, how, and how well it does; in Markdown."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from declutter.errors import GoldError
from declutter.stages.judge.model import Model
from declutter.train.labelling import HTML_STYLE, LabelledDump
from declutter.train.markdown_tables import markdown_table
from declutter.train.scoring import summary_text

WCXB_CREDIT = (
    "WCXB: Web Content Extraction Benchmark, by Murrough Foley (2026), "
    "licensed under CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/). Changed: the pages were made into "
    "text dumps, and their lines labelled by the reference texts."
)
NO_LICENCE = "none stated beside the pages"
MAKERS = ("lightgbm", "numpy", "scikit-learn")  # the libraries whose release a model's numbers depend on


def card_path_of(out: str | Path) -> Path:
    """Where the card of a model goes: beside it, with the same name."""
    return Path(out).with_suffix(".md")


def describe(folders: Sequence[Path], dumps: Sequence[LabelledDump]) -> list[dict]:
    """What a card says of each gold folder: name, pages, sites, licences, whom to credit."""
    sets: dict[str, dict] = {}
    for folder in folders:
        name = folder.resolve().name
        is_wcxb = (folder / "metadata.json").is_file()
        sets.setdefault(name, {"name": name, "licences": [], "credit": WCXB_CREDIT if is_wcxb else None})
        sets[name]["licences"] += _licences(folder)
    for about in sets.values():
        pages = {(dump.page.site, dump.page.id) for dump in dumps if dump.page.set == about["name"]}
        about |= {"pages": len(pages), "sites": len({site for site, _ in pages})}
    return list(sets.values())


def _licences(folder: Path) -> list[str]:
    """The licences of `sites.tsv` with how many sites are under each, or else the head of the folder's LICENSE."""
    try:
        if (folder / "sites.tsv").is_file():
            rows = (folder / "sites.tsv").read_text("utf-8").splitlines()
            found = Counter(
                row.get("licence") or NO_LICENCE for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
            )
            return [f"{licence} ({n_sites} sites)" for licence, n_sites in found.most_common()]
        for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
            if (folder / name).is_file():
                lines = (folder / name).read_text("utf-8").splitlines()
                return ["; ".join([line.strip() for line in lines if line.strip()][:2])]
    except (OSError, UnicodeDecodeError) as error:
        raise GoldError(f"{folder}: its licences can't be read ({error})") from error
    return [NO_LICENCE]


def card_text(card: dict, model: Model, summaries: dict[str, dict]) -> str:
    """The card as Markdown. `summaries` are those of a cross-validation, "together" and "alone"; empty without one."""
    judged = "text block of an HTML page" if HTML_STYLE in card["styles"] else "line of a scraped page's text"
    parts = ["# Model card", _purpose(model, judged), "## Training data", _data(card["data"]), _amounts(card)]
    parts += ["## How it was made", _making(card, model), "## Scores", _scores(summaries)]
    parts += ["## Features", ", ".join(f"`{name}`" for name in model.feature_names) + "."]
    return "\n\n".join(parts) + "\n"


def _purpose(model: Model, lines: str) -> str:
    n_trees, n_leaves = model.trees.leaf.shape
    n_said = model.network.line.shape[1] + len(model.network.near_offset)
    return (
        f"For each {lines}: how likely it is main content ({n_trees} boosted trees of {n_leaves} leaves and a network, "
        f"{n_said} numbers a line, that reads the lines around it too), and what it is (the same network). The file "
        "holds numbers only; no text of any page is in it."
    )


def _data(sets: Sequence[dict]) -> str:
    rows = [(about["name"], about["pages"], about["sites"], "; ".join(about["licences"])) for about in sets]
    credits = [about["credit"] for about in sets if about["credit"]]
    note = "The page texts belong to their authors and publishers; the licences are those stated with the collections."
    return "\n\n".join([markdown_table(("set", "pages", "sites", "licences"), rows), note, *credits])


def _amounts(card: dict) -> str:
    pages, lines = card["pages"], card["lines"]
    left_out = ", ".join(f"{style} {number:,}" for style, number in pages["dumps_left_out"].items()) or "none"
    missing = ", ".join(f"{style} (needs {library})" for style, library in card["missing_styles"].items())
    rows = [f"- {pages['used']:,} pages in {pages['dumps']:,} dumps: "
            + ", ".join(f"{style} {number:,}" for style, number in sorted(card["styles"].items())),
            f"- dumps left out because the gold could not be found in them line by line: {left_out}",
            f"- lines, counted as often as they were trained on: {lines['main']:,} of main content, "
            f"{lines['boilerplate']:,} of boilerplate, {lines['undecided']:,} undecided and left out; "
            f"{lines['with_label']:,} with a known label"]  # fmt: skip
    return "\n".join(
        [*rows, *([f"- dump styles left out, their library not being installed: {missing}"] if missing else [])]
    )


def _making(card: dict, model: Model) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in card["settings"].items())
    releases = ", ".join(f"{name} {metadata.version(name)}" for name in MAKERS)
    rows = (
        f"- command: `{card['command']}`", f"- settings: {settings}", f"- made with: {releases}",
        f"- training digest (SHA-256 of features and labels): `{card['training_digest']}`",
        f"- model digest: `{model.digest}`",
    )  # fmt: skip
    return "\n".join(rows)


def _scores(summaries: dict[str, dict]) -> str:
    if not summaries:
        return "Not cross-validated."
    parts = ["By cross-validation: each page was cleaned by a model that saw no page of its family of sites."]
    titles = {
        "together": ["### With the other pages of the site"],
        "alone": ["### Each page alone", "Pages of sites with several pages, each in one style."],
    }
    for name, found in summaries.items():
        parts += [*titles[name], summary_text(found)]
    return "\n\n".join(part.rstrip() for part in parts)
