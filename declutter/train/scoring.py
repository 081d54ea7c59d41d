"""Scoring: what a Cleaner keeps of gold pages' dumps, measured in lines, words and characters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from declutter.cleaner import Cleaner
from declutter.errors import GoldError
from declutter.lines import BODY, LABELS
from declutter.pages import Cleaned, Page
from declutter.stages.measure.characters import SCRIPTS
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import Profile
from declutter.stages.segment.text import split_lines
from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.examples import page_of
from declutter.train.f1 import Counts, confusion, line_counts, macro, tokens, words
from declutter.train.gold import BOILERPLATE
from declutter.train.labelling import UNKNOWN, LabelledDump, Progress, gold_text, label_gold, no_progress, usable_styles
from declutter.train.markdown_tables import markdown_table
from declutter.train.snippets import letters, recall

FIRST_LINES = 12  # of an answer, among which the headline is to stand
LARGE_LOSS = 0.005  # of token F1 that a site's other pages cost: such sites are counted
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
    lang: str
    words: Counts
    tokens: Counts
    lines: Counts  # of lines that are decided, without captions and bylines
    characters: Counts  # the same lines, by their characters
    everything: Counts  # `characters` of an answer that keeps every line
    confusion: np.ndarray  # int64 (n_labels, n_labels): gold labels by labels given, of lines with a known label
    kept: np.ndarray  # int64 (n_labels,): lines of each gold label that were kept
    headline: bool | None  # whether the answer begins with the page's headline (`begins_with`); None: gold names none
    snippets: float | None  # share of the wanted snippets that the answer holds; None: the gold is no snippets
    kept_letters: float | None  # letters of the answer over those of the wanted snippets
    undecided_lines: int
    error: str | None  # why the page could not be judged; it then counts as kept whole


def score(
    gold_folders: Iterable[str | Path],
    cleaner: Cleaner,
    *,
    styles: Sequence[str] = ("blocks",),
    alone: bool = False,
    both_ways: bool = False,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> dict:
    """Clean gold pages and report how right that was, as `summarise` gives it.

    Pages with HTML are dumped in the `styles`, those whose library isn't installed left out, or cleaned as HTML where
    the style is HTML_STYLE; labelled dumps are taken as they are. The pages of a site are cleaned together, or each
    without the others where `alone`; `both_ways` does both, and adds the rows of `site_gain`. Raises GoldError
    for gold that can't be read, ValueError for an unknown style.
    """
    usable, missing = usable_styles(styles)
    dumps = label_gold(gold_folders, lambda page: usable, cache, progress)
    scores = score_dumps(dumps, cleaner, alone, progress)
    found = {**summarise(scores), "missing_styles": missing}
    if both_ways:
        others = score_dumps(dumps, cleaner, not alone, progress)
        found["site_gain"] = site_gain(*((others, scores) if alone else (scores, others)))
    return found


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
    return page_of(dump, site=None if page.site == page.set else f"{page.set}/{page.site}")


def _score_page(dump: LabelledDump, answer: Cleaned) -> PageScore:
    page, main_text, known = dump.page, gold_text(dump), _known_labels(dump)
    text, keep, given = _answer_of(dump, answer)
    n_lines = len(keep)  # a text's last, empty line has no verdict
    gold, weights = _line_gold(dump)[:n_lines], [len(line.strip()) for line in dump.text.split("\n")[:n_lines]]
    kept = [label if is_kept else None for label, is_kept in zip(known, keep.tolist(), strict=False)]
    is_open = (dump.is_main[:n_lines] == UNDECIDED) & (np.array(weights) > 0)
    return PageScore(
        set=page.set, site=page.site, id=page.id, script=page.script or script_of(dump.text), style=dump.style,
        kind=page.kind or "unknown", lang=f"{page.set}/{page.lang or 'unknown'}",
        words=_bag_counts(words(text), words(main_text)), tokens=_bag_counts(tokens(text), tokens(main_text)),
        lines=line_counts(keep, gold), characters=line_counts(keep, gold, weights),
        everything=line_counts(np.ones(n_lines, bool), gold, weights),
        confusion=confusion(given, known[:n_lines]), kept=confusion(given, kept).sum(axis=1),
        headline=begins_with(text, page.headline) if page.headline else None,
        snippets=recall(text, page.wanted) if page.wanted else None,
        kept_letters=len(letters(text)) / sum(map(len, map(letters, page.wanted))) if page.wanted else None,
        undecided_lines=int(is_open.sum()), error=answer.error,
    )  # fmt: skip


def _answer_of(dump: LabelledDump, answer: Cleaned) -> tuple[str, np.ndarray, list[str]]:
    """(the text kept, bool (n_lines,) whether each line was kept, their labels); all of a page that has an error."""
    lines = dump.text.split("\n")
    if answer.error is not None:
        return dump.text, np.ones(len(lines), bool), [LABELS[BODY]] * len(lines)
    n_lines = len(answer.verdicts)
    if len(lines) - n_lines not in (0, 1) or any(line.strip() for line in lines[n_lines:]):
        raise GoldError(f"{answer.page.id}: {n_lines} verdicts on {len(lines)} lines; is there a CR in it?")
    return answer.text, answer.verdicts.keep, answer.verdicts.label


def begins_with(answer: str, headline: str) -> bool:
    """Whether a headline begins one of an answer's FIRST_LINES lines; letters and digits are compared."""
    lines = [line for line in answer.split("\n") if line.strip()][:FIRST_LINES]
    return any(letters(line).startswith(letters(headline)) for line in lines)


def _known_labels(dump: LabelledDump) -> list[str | None]:
    return [None if code == UNKNOWN else LABELS[code] for code in dump.labels.tolist()]


def _line_gold(dump: LabelledDump) -> list[str | None]:
    """What each line is scored as: its label, or whether it is main content; None where the gold is undecided."""
    main_or_not = {KEEP: LABELS[BODY], DROP: BOILERPLATE}
    pairs = zip(_known_labels(dump), dump.is_main.tolist(), strict=True)
    return [None if main == UNDECIDED else label or main_or_not[main] for label, main in pairs]


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
    "lang": lambda page: page.lang,
    "site": lambda page: f"{page.set}/{page.site}",
}


def summarise(scores: Sequence[PageScore]) -> dict:
    """The scores summed up, in plain values that JSON can hold; the keys are documented by `summary_text`."""
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
    """Every score of some pages. Snippets aren't a page's whole text: such pages count in their own columns only."""
    texts = [page for page in pages if page.snippets is None]
    of_words = [page.words for page in texts]
    mean = {part: _mean([getattr(count, part) for count in of_words]) for part in ("precision", "recall", "f1")}
    lines, characters = (sum((getattr(page, unit) for page in texts), Counts()) for unit in ("lines", "characters"))
    return {
        "name": name, "pages": len(pages), "words": mean, "token_f1": _macro(texts, lambda page: page.tokens.f1),
        "lines": _parts(lines, bool(texts)), "characters": _parts(characters, bool(texts)),
        "page_characters_f1": _macro(texts, lambda page: page.characters.f1),
        "gain": _macro(texts, lambda page: page.characters.f1 - page.everything.f1),
        "headlines": _macro(pages, lambda page: page.headline), "snippets": _mean([page.snippets for page in pages]),
        "kept_letters": _median([page.kept_letters for page in pages]),
    }  # fmt: skip


def _macro(pages: Sequence[PageScore], value_of: Callable[[PageScore], float | None]) -> float | None:
    """Mean over the pages of each site, then over sites; pages without a value are left out, None where all are."""
    values = [(f"{page.set}/{page.site}", value_of(page)) for page in pages]
    known = [(site, value) for site, value in values if value is not None]
    return macro(known) if known else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def site_gain(together: Sequence[PageScore], alone: Sequence[PageScore]) -> list[dict]:
    """For each set, what cleaning the pages of a site together adds to their token F1: rows of plain values.

    `gain` is the mean over the sites that have several pages, `worst` the lowest, `large_losses` the share of sites
    that lose more than LARGE_LOSS. Both sequences score the same pages.
    """
    f1_alone = {(page.set, page.site, page.id, page.style): page.tokens.f1 for page in alone if page.snippets is None}
    gains: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for page in together:
        key = (page.set, page.site, page.id, page.style)
        if key in f1_alone:
            gains[page.set][page.site].append(page.tokens.f1 - f1_alone[key])
    rows = []
    for name, sites in sorted(gains.items()):
        of_sites = [float(np.mean(values)) for values in sites.values() if len(values) > 1]
        if of_sites:
            large = float(np.mean(np.array(of_sites) < -LARGE_LOSS))
            rows.append({"name": name, "sites": len(of_sites), "gain": float(np.mean(of_sites)),
                         "worst": min(of_sites), "large_losses": large})  # fmt: skip
    return rows


def _parts(counts: Counts, are_known: bool = True) -> dict[str, float | None]:
    return {part: getattr(counts, part) if are_known else None for part in ("precision", "recall", "f1")}


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
lines whose gold is decided, captions and bylines left out. Page char F1: F1 of characters a page, mean over a site's
pages, then over sites; gain: the same less that of keeping every line. Headlines: share of pages whose headline begins
one of the answer's first twelve lines, mean over a site's pages, then over sites. Snippets: share of the lines that
must be kept which the answer holds, mean over pages; kept letters: letters of the answer over those of the lines that
must be kept, median."""


def summary_text(found: dict) -> str:
    """A report as tables: by set, style, script, kind and site, by label, and the confusion of labels."""
    parts = [LEGEND]
    for name, rows in found["groups"].items():
        if name != "all" and len(rows) < 2 and rows[0]["name"] in ("unknown", "labelled"):
            continue
        title = name if len(rows) <= SHOWN_SITES or name != "site" else f"site (the worst {SHOWN_SITES} of {len(rows)})"
        shown = sorted(rows, key=_loss, reverse=True)[:SHOWN_SITES] if name == "site" else rows
        parts += [_group_table(title, shown), *([_page_table(title, shown)] if name != "site" else [])]
    header = ("label", "lines", "precision", "recall", "F1", "kept")
    parts.append(markdown_table(header, [tuple(row.values()) for row in found["labels"]]))
    labels, counts = found["confusion"]["labels"], found["confusion"]["lines"]
    parts.append(
        markdown_table(("gold \\ given", *labels), [(label, *row) for label, row in zip(labels, counts, strict=True)])
    )
    if "site_gain" in found:
        parts.append(_site_gain_table(found["site_gain"]))
    notes = f"{found['undecided_lines']:,} lines undecided in the gold are left out of the scores of lines."
    failures = [f"Not judged, and counted as kept whole: {name}: {error}" for name, error in found["failed"].items()]
    return "\n\n".join([*parts, "\n".join([notes, *failures])]) + "\n"


def _loss(row: dict) -> float:
    """The token F1 that a row lacks; of pages whose gold is snippets, the share of these."""
    score = row["snippets"] if row["token_f1"] is None else row["token_f1"]
    return 1.0 - score


def _group_table(title: str, rows: Sequence[dict]) -> str:
    units = ("words", "lines", "characters")
    short = {"words": "word", "lines": "line", "characters": "char"}
    parts = [f"{short[unit]} {part}" for unit in units for part in ("P", "R", "F1")]
    header = (title, "pages", *parts[:3], "token F1", *parts[3:])
    cells = []
    for row in rows:
        of_words, of_lines, of_chars = (tuple(row[unit].values()) for unit in units)
        cells.append((row["name"], row["pages"], *of_words, row["token_f1"], *of_lines, *of_chars))
    return markdown_table(header, cells)


def _page_table(title: str, rows: Sequence[dict]) -> str:
    columns = {"page char F1": "page_characters_f1", "gain": "gain", "headlines": "headlines", "snippets": "snippets",
               "kept letters": "kept_letters"}  # fmt: skip
    return markdown_table(
        (title, *columns), [(row["name"], *(row[column] for column in columns.values())) for row in rows]
    )


def _site_gain_table(rows: Sequence[dict]) -> str:
    header = ("set", "sites", "token F1 together less alone", "worst site", f"share that loses more than {LARGE_LOSS}")
    return markdown_table(header, [tuple(row.values()) for row in rows])
