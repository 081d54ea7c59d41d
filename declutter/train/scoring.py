"""Scoring: what a Cleaner keeps of gold pages' dumps, measured in lines, words and characters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from declutter.cleaner import Cleaner
from declutter.errors import GoldError
from declutter.lines import LABELS, TITLE
from declutter.pages import Cleaned, Page
from declutter.stages.measure.characters import SCRIPTS
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import Profile
from declutter.stages.segment.text import split_lines
from declutter.train.examples import UNKNOWN, LabelledDump
from declutter.train.f1 import Counts, confusion, line_counts, macro, tokens, words
from declutter.train.labelling import Progress, gold_text, label_gold, no_progress, usable_styles
from declutter.train.tables import table

BOILERPLATE = "boilerplate"  # of an unknown kind: counted as not to keep, in no label's row
JAPANESE_KANA_SHARE = 0.05  # kana among a page's Han and kana from which on its script is called Japanese
SHOWN_SITES = 40  # rows of the table of sites, the worst ones; the JSON report has all


@dataclass(frozen=True, slots=True)
class PageScore:
    """One dump of one page: what was kept against its gold."""

    set: str
    site: str
    id: str
    script: str
    style: str
    kind: str
    words: Counts
    tokens: Counts
    lines: Counts  # of lines that are decided, without captions and bylines
    characters: Counts  # the same lines, by their characters
    confusion: np.ndarray  # int64 (n_labels, n_labels): gold labels by labels given, of lines with a known label
    kept: np.ndarray  # int64 (n_labels,): lines of each gold label that were kept
    undecided_lines: int
    error: str | None  # why the page could not be judged; it then counts as kept whole


def score(
    gold_folders: Iterable[str | Path],
    cleaner: Cleaner,
    *,
    styles: Sequence[str] = ("blocks",),
    alone: bool = False,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> dict:
    """Clean the dumps of gold pages and report how right that was, as `report` gives it.

    Pages with HTML are dumped in the `styles`, those whose library isn't installed left out; labelled dumps are taken
    as they are. The pages of a site are cleaned together, or each without the others where `alone`. Raises GoldError
    for gold that can't be read, ValueError for an unknown style.
    """
    usable, missing = usable_styles(styles)
    dumps = label_gold(gold_folders, lambda page: usable, cache, progress)
    return {**report(score_dumps(dumps, cleaner, alone, progress)), "missing_styles": missing}


def score_dumps(
    dumps: Sequence[LabelledDump], cleaner: Cleaner, alone: bool = False, progress: Progress = no_progress
) -> list[PageScore]:
    """The score of each dump; the order is by style. Each style is cleaned by itself, as one scraper leaves it."""
    by_style: dict[str, list[LabelledDump]] = defaultdict(list)
    for dump in dumps:
        by_style[dump.style].append(dump)
    if alone:
        cleaner = replace(cleaner, profile=Profile())  # nothing is known of any site
    scores = []
    for style, of_style in by_style.items():
        cleaned = cleaner.clean_pages([_page(dump) for dump in of_style])
        pairs = progress(zip(of_style, cleaned, strict=True), f"scoring {style}", len(of_style))
        scores += [_score_page(dump, answer) for dump, answer in pairs]
    return scores


def _page(dump: LabelledDump) -> Page:
    """A folder that holds labelled dumps itself may mix sites (the founding dumps do), so its name tells no site."""
    page = dump.page
    site = None if page.site == page.set else f"{page.set}/{page.site}"
    return Page(f"{page.set}/{page.site}/{page.id}", site=site, text=dump.text)


def _score_page(dump: LabelledDump, answer: Cleaned) -> PageScore:
    verdicts, lines = answer.verdicts, dump.text.split("\n")
    known, gold = _known_labels(dump), _line_gold(dump)
    n_lines = len(verdicts)  # a text's last, empty line has no verdict
    if len(lines) - n_lines not in (0, 1) or any(label is not None for label in gold[n_lines:]):
        raise GoldError(f"{answer.page.id}: {len(verdicts)} verdicts on {len(lines)} lines; is there a CR in it?")
    characters = [len(line.strip()) for line in lines]
    given, main_text = verdicts.label, gold_text(dump)
    kept = [label if keep else None for label, keep in zip(known, verdicts.keep.tolist(), strict=False)]
    page = dump.page
    return PageScore(
        page.set, page.site, page.id, page.script or script_of(dump.text), dump.style, page.kind or "unknown",
        _bag_counts(words(answer.text), words(main_text)), _bag_counts(tokens(answer.text), tokens(main_text)),
        line_counts(verdicts.keep, gold[:n_lines]), line_counts(verdicts.keep, gold[:n_lines], characters[:n_lines]),
        confusion(given, known[:n_lines]), confusion(given, kept).sum(axis=1),
        int(((dump.is_main == -1) & np.array(characters, bool)).sum()), answer.error,
    )  # fmt: skip


def _known_labels(dump: LabelledDump) -> list[str | None]:
    return [None if code == UNKNOWN else LABELS[code] for code in dump.labels.tolist()]


def _line_gold(dump: LabelledDump) -> list[str | None]:
    """What each line is to be scored as: None where the gold doesn't decide, or leaves the page's headline out."""
    pairs = zip(_known_labels(dump), dump.is_main.tolist(), strict=True)
    return [
        None if main < 0 or (label == LABELS[TITLE] and not main) else label or BOILERPLATE for label, main in pairs
    ]


def _bag_counts(answer: Counter[str], gold: Counter[str]) -> Counts:
    return Counts((answer & gold).total(), answer.total(), gold.total())


def script_of(text: str) -> str:
    """The script that most letters of a text are in, named as gold names it: Han with kana among it is Japanese."""
    measures = measure(split_lines([text]))
    letters = np.bincount(measures.script, weights=measures.words, minlength=len(SCRIPTS))
    letters[0] = 0
    kana, han = letters[SCRIPTS.index("Kana")], letters[SCRIPTS.index("Han")]
    if kana > JAPANESE_KANA_SHARE * (kana + han) and kana + han >= letters.max():
        return "Japanese"
    return SCRIPTS[int(letters.argmax())]


GROUPS: dict[str, Callable[[PageScore], str]] = {
    "set": lambda page: page.set,
    "style": lambda page: page.style,
    "script": lambda page: page.script,
    "kind": lambda page: page.kind,
    "site": lambda page: f"{page.set}/{page.site}",
}


def report(scores: Sequence[PageScore]) -> dict:
    """The scores summed up, in plain values that JSON can hold; the keys are documented by `report_text`."""
    groups: dict[str, list[dict]] = {"all": [_summary("all", scores)]}
    for name, group_of in GROUPS.items():
        members: dict[str, list[PageScore]] = defaultdict(list)
        for page in scores:
            members[group_of(page)].append(page)
        groups[name] = [_summary(member, pages) for member, pages in sorted(members.items())]
    counts = sum((page.confusion for page in scores), np.zeros((len(LABELS), len(LABELS)), np.int64))
    kept = sum((page.kept for page in scores), np.zeros(len(LABELS), np.int64))
    return {
        "groups": groups,
        "labels": _label_rows(counts, kept),
        "confusion": {"labels": list(LABELS), "lines": counts.tolist()},
        "undecided_lines": sum(page.undecided_lines for page in scores),
        "failed": {f"{page.set}/{page.site}/{page.id}": page.error for page in scores if page.error is not None},
    }


def _summary(name: str, pages: Sequence[PageScore]) -> dict:
    of_words, of_tokens = [page.words for page in pages], [(page.site, page.tokens.f1) for page in pages]
    mean = {
        part: float(np.mean([getattr(count, part) for count in of_words])) for part in ("precision", "recall", "f1")
    }
    lines, characters = (sum((getattr(page, unit) for page in pages), Counts()) for unit in ("lines", "characters"))
    return {
        "name": name, "pages": len(pages), "words": mean, "token_f1": macro(of_tokens),
        "lines": _parts(lines), "characters": _parts(characters),
    }  # fmt: skip


def _parts(counts: Counts) -> dict[str, float]:
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def _label_rows(counts: np.ndarray, kept: np.ndarray) -> list[dict]:
    """How often each label is given rightly, and how many of its lines are kept; labels without a line are left out."""
    given = counts.sum(axis=0)
    rows = []
    for code, label in enumerate(LABELS):
        of_label = Counts(float(counts[code, code]), float(given[code]), float(counts[code].sum()))
        if of_label.main or of_label.kept:
            kept_share = float(kept[code] / of_label.main) if of_label.main else 0.0
            rows.append({"name": label, "lines": int(of_label.main), **_parts(of_label), "kept": kept_share})
    return rows


LEGEND = """\
Words: multisets of words, precision, recall and F1 of each page, mean over pages. Tokens: F1 of the same with a
character as a word in scripts without spaces, mean over a site's pages, then over sites. Lines and characters: of all
lines whose gold is decided, captions and bylines left out."""


def report_text(found: dict) -> str:
    """A report as tables: by set, style, script, kind and site, by label, and the confusion of labels."""
    parts = [LEGEND]
    for name, rows in found["groups"].items():
        if name != "all" and len(rows) < 2 and rows[0]["name"] in ("unknown", "labelled"):
            continue
        title = name if len(rows) <= SHOWN_SITES or name != "site" else f"site (the worst {SHOWN_SITES} of {len(rows)})"
        shown = sorted(rows, key=lambda row: row["token_f1"])[:SHOWN_SITES] if name == "site" else rows
        parts.append(_group_table(title, shown))
    header = ("label", "lines", "precision", "recall", "F1", "kept")
    parts.append(table(header, [tuple(row.values()) for row in found["labels"]]))
    labels, counts = found["confusion"]["labels"], found["confusion"]["lines"]
    parts.append(table(("gold \\ given", *labels), [(label, *row) for label, row in zip(labels, counts, strict=True)]))
    notes = f"{found['undecided_lines']:,} lines undecided in the gold are left out of the scores of lines."
    failures = [f"Not judged, and counted as kept whole: {name}: {error}" for name, error in found["failed"].items()]
    return "\n\n".join([*parts, "\n".join([notes, *failures])]) + "\n"


def _group_table(title: str, rows: Sequence[dict]) -> str:
    units = ("words", "lines", "characters")
    header = (
        title,
        "pages",
        "word P",
        "word R",
        "word F1",
        "token F1",
        "line P",
        "line R",
        "line F1",
        "char P",
        "char R",
        "char F1",
    )
    cells = []
    for row in rows:
        of_words, of_lines, of_chars = (tuple(row[unit].values()) for unit in units)
        cells.append((row["name"], row["pages"], *of_words, row["token_f1"], *of_lines, *of_chars))
    return table(header, cells)
