"""`declutter train` and `declutter score`: from gold to a model, its card, and what it scores."""

import gzip
import json
import re
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("sklearn", reason="scikit-learn, which training needs, is not installed")
pytest.importorskip("lxml", reason="lxml, which training needs, is not installed")

from declutter import Cleaner
from declutter.cli import main
from declutter.errors import GoldError
from declutter.extras.kinds import KindModel
from declutter.lines import LABELS
from declutter.stages.features import HTML_FEATURE_NAMES
from declutter.stages.judge.model import Model
from declutter.train import cross_validation, labelling, scoring, training
from declutter.train.fit import Hyperparameters, fold_of
from declutter.train.gold import read_gold
from declutter.train.labelling import LEAST_ORACLE, draw_styles, label_dumps, oracle_f1, usable_styles
from declutter.train.markdown_tables import markdown_table
from declutter.train.training import train
from tests.learning import lightgbm_or_skip

pytestmark = pytest.mark.slow

lightgbm_or_skip()

SEEDS = Path(__file__).parent.parent / "seeds"
OTHER = "wendle-tide-en"
QUICK = Hyperparameters(n_trees=8, depth=4)
SENTENCES = {
    "ferry": "The ferry will sail again on {day}, the harbour office said, once the new ropes have been tested.",
    "market": "Stalls open at six on {day}, and the council, which had wanted seven, has let the matter rest.",
    "school": "Parents were told on {day} that the roof, repaired twice since spring, must be repaired once more.",
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other make training four times slower on a busy machine (33 s for 8.7)."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(1):
        yield


def declutter(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def in_different_folds():
    """The first site of each fold that families of the seeds fall into."""
    families = sorted({page.family for page in read_gold(SEEDS) if page.site != OTHER}, reverse=True)
    return sorted({fold_of(family): family for family in families}.values())


def copy_sites(folder, sites):
    for site in sites:
        shutil.copytree(SEEDS / site, folder / site)
    return folder


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    return copy_sites(tmp_path_factory.mktemp("gold") / "some", in_different_folds())


@pytest.fixture
def quick(monkeypatch):
    """Small trees: what is tested here is the way, not the model."""
    monkeypatch.setattr(training, "train", partial(train, hyperparameters=QUICK))


def write_html_gold(folder, licence="CC0"):
    """Gold with HTML: two sites of three pages, and one page whose main text isn't in it."""
    (folder / "pages").mkdir(parents=True)
    rows = []
    for site in ("a.org", "g.org"):
        for topic, sentence in SENTENCES.items():
            prose = [sentence.format(day=day) for day in ("Monday", "Tuesday", "Friday")]
            body = "".join(f"<p>{paragraph}</p>" for paragraph in prose)
            html = (f"<nav><a href='/'>Home</a> <a href='/s'>Sport</a> </nav><h1>About the {topic}</h1>"
                    f"{body}<footer><p>© 2025 {site}</p><p><a href='/privacy'>Privacy</a></p></footer>")  # fmt: skip
            rows.append(
                {"site": site, "id": topic, "html": html, "main_text": "\n\n".join([f"About the {topic}", *prose])}
            )
    rows.append(
        {**rows[0], "site": "c.org", "id": "elsewhere", "main_text": "A text that stands on another page than this."}
    )
    for row in rows:
        name = f"pages/{row['site']}-{row['id']}.html.gz"
        (folder / name).write_bytes(gzip.compress(row.pop("html").encode()))
        row |= {"set": folder.name, "html": name, "url": None, "script": "Latin", "lang": "en"}
    (folder / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    sites = "".join(f"{site}\t{licence}\t{site}\n" for site in ("a.org", "g.org", "c.org"))
    (folder / "sites.tsv").write_text(f"site\tlicence\tfamily\n{sites}", "utf-8")
    return folder


def test_train_then_score(gold, tmp_path, quick):
    model_path = tmp_path / "made" / "model.npz"
    result = declutter("train", gold, "-o", model_path)
    assert result.exit_code == 0, result.stderr
    n_pages = 6 * len(list(gold.iterdir()))
    assert f"{n_pages} pages in {n_pages} dumps" in result.stdout
    assert "With the other pages of the site" in result.stdout and "Each page alone" in result.stdout
    assert re.search(r"^\| some/[a-z-]+ +\| +6 \|", result.stdout, re.M)
    model = Model.load(model_path)
    assert model.card["lines"]["main"] > 100
    card = (tmp_path / "made" / "model.md").read_text("utf-8")
    assert card.startswith("# Model card") and model.digest in card and model.card["training_digest"] in card
    assert "`declutter train some -o model.npz --seed 0 --styles blocks,get_text --drawn 2`" in card
    assert str(tmp_path) not in card

    other = copy_sites(tmp_path / "other", [OTHER])
    scored = declutter("score", other, "--model", model_path, "--format", "json")
    assert scored.exit_code == 0, scored.stderr
    found = json.loads(scored.stdout)
    (row,) = found["groups"]["all"]
    assert row["pages"] == 6 and 0.5 < row["words"]["f1"] < 1 and 0.5 < row["lines"]["f1"] < 1
    assert [group["name"] for group in found["groups"]["script"]] == ["Latin"]
    assert sum(map(sum, found["confusion"]["lines"])) == sum(
        bool(label) for page in read_gold(other) for label in page.labels
    )
    by_rules = json.loads(declutter("score", other, "--engine", "rules", "--format", "json").stdout)
    assert by_rules["groups"]["all"] != found["groups"]["all"]
    tables = declutter("score", other, "--model", model_path, "--alone").stdout
    assert "gold \\ given" in tables and re.search(r"^\| body +\|", tables, re.M)


def test_a_seed_gives_one_model(tmp_path):
    settings = Hyperparameters(n_trees=3, depth=3)
    models = [
        train([SEEDS], tmp_path / name / "model.npz", seed=1, hyperparameters=settings, cross_validation=False).model
        for name in ("first", "second")
    ]
    files = [(tmp_path / name / "model.npz").read_bytes() for name in ("first", "second")]
    cards = [(tmp_path / name / "model.md").read_bytes() for name in ("first", "second")]
    assert models[0].digest == models[1].digest
    assert files[0] == files[1] and cards[0] == cards[1]
    assert b"Not cross-validated." in cards[0]


def test_cross_validation_cleans_by_models_that_saw_nothing_of_the_family(gold, tmp_path, monkeypatch):
    trained_on, tested_on = [], []
    original_fit, original_score = cross_validation.fit, cross_validation.score_dumps

    def fit(examples, *arguments):
        trained_on.append({dump.page.family for dump in examples.pages})
        return original_fit(examples, *arguments)

    def score_dumps(dumps, cleaner, alone):
        assert cleaner.engine == "model"
        tested_on.append((alone, trained_on[-1], {dump.page.family for dump in dumps}))
        return original_score(dumps, cleaner, alone)

    monkeypatch.setattr(cross_validation, "fit", fit)
    monkeypatch.setattr(cross_validation, "score_dumps", score_dumps)
    done = train([gold], tmp_path / "model.npz", hyperparameters=QUICK)
    sites = {path.name for path in gold.iterdir()}
    assert len(sites) > 1
    assert all(not trained & tested for _, trained, tested in tested_on)
    for is_alone in (True, False):
        assert set().union(*(tested for alone, _, tested in tested_on if alone == is_alone)) == sites
    assert trained_on[-1] == sites  # the model itself learns from everything
    assert done.together["groups"]["all"][0]["pages"] == done.alone["groups"]["all"][0]["pages"] == 6 * len(sites)


def test_html_gold_is_dumped_in_styles_and_its_licence_told(tmp_path):
    folder = write_html_gold(tmp_path / "pages of mine")
    model = train(
        [folder], tmp_path / "model.npz", styles=["blocks"], n_drawn=0, hyperparameters=QUICK, cache=tmp_path / "cache"
    ).model
    assert model.card["styles"] == {"blocks": 7}
    assert model.card["pages"] == {"used": 6, "dumps": 6, "dumps_left_out": {"blocks": 1}}
    about = {"name": "pages of mine", "licences": ["CC0 (3 sites)"], "credit": None, "pages": 7, "sites": 3}
    assert model.card["data"] == [about]
    assert any((tmp_path / "cache").rglob("*.json"))
    (row,) = scoring.score([folder], Cleaner(engine="rules"), styles=["blocks", "text_content"])["groups"]["all"]
    assert row["pages"] == 14


def test_every_page_has_some_styles_and_draws_others():
    pages = [replace(page, id=f"{number}") for page in list(read_gold(SEEDS))[:1] for number in range(40)]
    drawn = [draw_styles(page, ("blocks",), ("inner_text", "text_content", "html2text"), 2, 0) for page in pages]
    assert {styles[0] for styles in drawn} == {"blocks"}
    assert all(len(set(styles)) == 3 for styles in drawn)
    assert len({frozenset(styles) for styles in drawn}) == 3
    assert drawn == [
        draw_styles(page, ("blocks",), ("inner_text", "text_content", "html2text"), 2, 0) for page in pages
    ]
    assert draw_styles(pages[0], ("blocks",), ("inner_text",), 2, 0) == ("blocks", "inner_text")


def test_the_oracle_tells_gold_that_is_not_on_its_page(tmp_path):
    found = {
        page.site: label_dumps(page, ["blocks"])[0].oracle_f1 for page in read_gold(write_html_gold(tmp_path / "gold"))
    }
    assert found["a.org"] > 0.99 and found["c.org"] < LEAST_ORACLE
    dump = label_dumps(next(iter(read_gold(SEEDS))), [])[0]
    assert oracle_f1(dump) == 1.0
    assert (
        oracle_f1(replace(dump, is_main=np.zeros_like(dump.is_main), page=replace(dump.page, main_text="Text"))) == 1.0
    )


def test_scores_of_answers_known_beforehand():
    """Rules that keep every label make recall 1; keeping captions beside body changes no score of lines."""
    everything = scoring.score([SEEDS / OTHER], Cleaner(engine="rules", keep=LABELS))
    (row,) = everything["groups"]["all"]
    assert row["words"]["recall"] == row["lines"]["recall"] == row["characters"]["recall"] == 1.0
    gold = [page for page in read_gold(SEEDS / OTHER)]
    main_lines = sum(label in ("title", "body") for page in gold for label in page.labels)
    counted = sum(label not in (None, "caption", "byline") for page in gold for label in page.labels)
    assert row["lines"]["precision"] == pytest.approx(main_lines / counted)
    assert {label["name"]: label["kept"] for label in everything["labels"]} == dict.fromkeys(
        [label["name"] for label in everything["labels"]], 1.0
    )
    usual, with_captions = (
        scoring.score([SEEDS / OTHER], Cleaner(engine="rules", keep=keep))["groups"]["all"][0]
        for keep in ({"title", "body"}, {"title", "body", "caption"})
    )
    assert usual["lines"] == with_captions["lines"]
    assert usual["words"]["recall"] <= with_captions["words"]["recall"]


def test_alone_is_each_page_by_itself():
    together, alone = (scoring.score([SEEDS / OTHER], Cleaner(engine="rules"), alone=alone) for alone in (False, True))
    lines = [
        scoring.score_dumps(label_dumps(page, []), Cleaner(engine="rules"))[0].lines
        for page in read_gold(SEEDS / OTHER)
    ]
    hits = sum(count.hits for count in lines)
    assert alone["groups"]["all"][0]["lines"]["recall"] == pytest.approx(hits / sum(count.main for count in lines))
    assert together["groups"] != alone["groups"]


@pytest.mark.parametrize(
    "site, script",
    [("yofuke-techblog-ja", "Japanese"), ("mochuan-portal-zh", "Han"), ("neurin-travel-ko", "Hangul"),
     ("golrud-newsagency-fa", "Arabic"), ("zarechinsk-portal-ru", "Cyrillic"), ("myitkway-news-my", "Myanmar")],
)  # fmt: skip
def test_the_script_of_a_dump(site, script):
    assert {scoring.script_of(page.text) for page in read_gold(SEEDS / site)} == {script}


def test_pages_that_cannot_be_judged_are_told(monkeypatch):
    from declutter import cleaner

    monkeypatch.setattr(cleaner, "decide", None)
    found = scoring.score([SEEDS / OTHER], Cleaner(engine="rules"))
    assert len(found["failed"]) == 6
    assert found["groups"]["all"][0]["lines"]["recall"] == 1.0  # passed through whole
    result = declutter("score", SEEDS / OTHER)
    assert result.exit_code == 1 and "Not judged" in result.stdout


def test_gold_that_teaches_nothing_is_refused(tmp_path, quick):
    (tmp_path / "a").mkdir()
    assert "no gold here" in declutter("train", tmp_path, "-o", tmp_path / "m.npz").stderr
    (tmp_path / "a" / "page.txt").write_text("Menu\nMore\n")
    (tmp_path / "a" / "page.labels.tsv").write_text("1\tnavigation\n2\tnavigation\n")
    result = declutter("train", tmp_path, "-o", tmp_path / "m.npz")
    assert result.exit_code == 2 and "no line of main content" in result.stderr
    (tmp_path / "a" / "page.labels.tsv").write_text("1\tnavigation\n2\tmenus\n")
    assert "page.labels.tsv:2: unknown label 'menus'" in declutter("train", tmp_path, "-o", tmp_path / "m.npz").stderr
    assert not (tmp_path / "m.npz").exists() and not (tmp_path / "m.md").exists()


def test_one_family_is_trained_on_without_cross_validation(tmp_path):
    done = train([SEEDS / OTHER], tmp_path / "model.npz", hyperparameters=QUICK)
    assert done.together is None and done.alone is None
    assert "Not cross-validated." in (tmp_path / "model.md").read_text("utf-8")


def test_models_and_cards_that_exist_are_not_replaced(gold, tmp_path, quick):
    (tmp_path / "model.md").write_text("mine")
    result = declutter("train", gold, "-o", tmp_path / "model.npz")
    assert result.exit_code == 2 and "model.md exists" in result.stderr
    assert not (tmp_path / "model.npz").exists()
    assert declutter("train", gold, "-o", tmp_path / "model.npz", "--no-cross-validation", "--force").exit_code == 0
    assert (tmp_path / "model.md").read_text("utf-8") != "mine"


def test_seeds_are_one_more_folder(gold, tmp_path):
    settings = replace(QUICK, n_trees=2)
    model = train([write_html_gold(tmp_path / "html")], tmp_path / "m.npz", seeds=gold, styles=["blocks"], n_drawn=0,
                  hyperparameters=settings, cross_validation=False).model  # fmt: skip
    assert [about["name"] for about in model.card["data"]] == ["html", "some"]
    assert model.card["command"].startswith("declutter train html --seeds some -o m.npz")


def test_styles_whose_library_is_missing_are_named_and_left_out(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(
        labelling, "_is_installed", lambda distribution: distribution not in ("trafilatura", "beautifulsoup4")
    )
    usable, missing = usable_styles(["blocks", "get_text", "trafilatura", "blocks"])
    assert usable == ("blocks",)
    assert missing == {"get_text": "beautifulsoup4", "trafilatura": "trafilatura"}
    folder = write_html_gold(tmp_path / "html")
    result = declutter("train", folder, "-o", tmp_path / "m.npz", "--styles", "blocks,trafilatura", "--drawn", "0",
                       "--no-cross-validation")  # fmt: skip
    assert result.exit_code == 0
    assert "trafilatura (needs trafilatura)" in result.stderr and 'pip install "declutter-text[train]"' in result.stderr
    assert "trafilatura (needs trafilatura)" in (tmp_path / "m.md").read_text("utf-8")
    scored = declutter("score", folder, "--style", "trafilatura")
    assert scored.exit_code == 2 and "no page, or none in these styles" in scored.stderr
    with pytest.raises(GoldError):
        train([folder], tmp_path / "n.npz", styles=["get_text"], n_drawn=0)


@pytest.mark.parametrize(
    "command, library, module",
    [("train", "sklearn", "training"), ("train", "lxml", "training"), ("score", "lxml", "scoring")],
)
def test_a_missing_library_is_named(command, library, module, gold, tmp_path, monkeypatch):
    for name in list(sys.modules):
        if name.startswith(("declutter.train", library)):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    result = declutter(command, gold, *(["-o", tmp_path / "m.npz"] if command == "train" else []))
    assert result.exit_code == 2
    assert library in result.stderr and 'pip install "declutter-text[train]"' in result.stderr


def test_wrong_styles_and_models_are_refused(gold, tmp_path):
    result = declutter("score", gold, "--style", "markdown")
    assert result.exit_code == 2 and "markdown" in result.stderr and "inscriptis" in result.stderr
    assert declutter("train", gold, "-o", tmp_path / "m.npz", "--styles", "blocks,foo").exit_code == 2
    (tmp_path / "m.npz").write_bytes(b"PK\x03\x04 no model")
    result = declutter("score", gold, "--model", tmp_path / "m.npz")
    assert result.exit_code == 2 and "not a declutter model" in result.stderr
    with pytest.raises(ValueError, match="no such dump style"):
        train([gold], tmp_path / "m.npz", styles=["foo"])


def test_tables_line_up_and_escape():
    text = markdown_table(("name", "n", "share"), [("a|b", 1234, 0.5), ("c", 5, 1.0)])
    assert text.split("\n") == [
        "| name |     n |  share |",
        "| ---- | ----: | -----: |",
        "| a\\|b | 1,234 | 0.5000 |",
        "| c    |     5 | 1.0000 |",
    ]
    assert markdown_table(("name", "n"), []) == "| name | n |\n| ---- | - |"


def test_a_model_for_html_is_trained_and_judges_html(tmp_path):
    folder, model_path = write_html_gold(tmp_path / "html"), tmp_path / "html.npz"
    model = train([folder], model_path, html=True, hyperparameters=QUICK).model
    assert model.feature_names == HTML_FEATURE_NAMES
    assert set(model.card["scores"]) == {"together", "alone"} and model.card["scores"]["together"][0]["set"] == "html"
    assert "declutter train html -o html.npz --seed 0 --html" in (tmp_path / "html.md").read_text("utf-8")
    html = next(page.html for page in read_gold(folder))
    assert len(Cleaner(html_model=Model.load(model_path)).explain_html(html)) > 3


def test_the_model_of_page_kinds_is_trained_by_command(tmp_path):
    folder = write_html_gold(tmp_path / "html")
    rows = [json.loads(row) for row in (folder / "gold.jsonl").read_text("utf-8").splitlines()]
    kinds = ["forum" if row["site"] == "g.org" else "article" for row in rows]
    lines = [json.dumps({**row, "kind": kind}) for row, kind in zip(rows, kinds, strict=True)]
    (folder / "gold.jsonl").write_text("\n".join(lines), "utf-8")
    done = declutter("train", folder, "-o", tmp_path / "kinds.npz", "--kinds", "--no-cross-validation")
    assert done.exit_code == 0, done.stderr
    assert "7 pages with a kind" in done.stdout and KindModel.load(tmp_path / "kinds.npz").card["data"] == ["html"]
    assert declutter("train", SEEDS, "-o", tmp_path / "k.npz", "--kinds").exit_code == 2


def test_pages_are_labelled_alike_by_several_processes(tmp_path):
    folder = write_html_gold(tmp_path / "html")
    styles_of, _ = training.styles_of_dumps(["blocks"], 0)
    one, several = (labelling.label_gold([folder], styles_of, jobs=jobs) for jobs in (1, 2))
    assert [dump.text for dump in one] == [dump.text for dump in several]
    assert [dump.labels.tolist() for dump in one] == [dump.labels.tolist() for dump in several]


def test_gold_of_every_form_is_trained_on_and_scored(tmp_path):
    html = write_html_gold(tmp_path / "html")
    (tmp_path / "recipes").mkdir()
    row = {"site": "r.org", "id": "1", "html": "1.html", "with": ["200 g plums", "Stone the plums"]}
    recipes = "\n".join(json.dumps({**row, "site": site}) for site in ("r.org", "s.org"))
    (tmp_path / "recipes" / "snippets.jsonl").write_text(recipes, "utf-8")
    (tmp_path / "recipes" / "1.html").write_text("<p>Home<ul><li>200 g plums<li>Stone the plums</ul><p>Share", "utf-8")
    (tmp_path / "lines" / "fi").mkdir(parents=True)
    (tmp_path / "lines" / "fi" / "a.txt").write_text("Menu\n\nText of some length.\n", "utf-8")
    (tmp_path / "lines" / "fi" / "a.labels.tsv").write_text("1\tboilerplate\n3\tmain\n", "utf-8")
    folders = [html, tmp_path / "recipes", tmp_path / "lines"]
    for is_html, n_pages in ((False, 10), (True, 9)):
        model = train(folders, tmp_path / f"{is_html}.npz", html=is_html, styles=["blocks"], n_drawn=0,
                      hyperparameters=replace(QUICK, n_trees=2), cross_validation=False).model  # fmt: skip
        assert sum(model.card["styles"].values()) == n_pages and model.card["lines"]["undecided"] >= 2
        style = "html" if is_html else "blocks"
        scored = declutter("score", *folders, "--style", style, "--model", tmp_path / f"{is_html}.npz", "--site-gain",
                           "--format", "json")  # fmt: skip
        assert scored.exit_code == 0, scored.stderr
        found = json.loads(scored.stdout)
        by_set = {row["name"]: row for row in found["groups"]["set"]}
        assert by_set["recipes"]["snippets"] is not None and by_set["recipes"]["words"]["f1"] is None
        assert by_set["html"]["kept_letters"] is None and by_set["html"]["gain"] > -1
        assert by_set["recipes"]["lines"]["f1"] is None
        assert [row["name"] for row in found["site_gain"]] == ["html"]
        text = scoring.summary_text(found)
        assert re.search(r"^\| recipes +\| +2 \| +\|", text, re.M) and "recipes/s.org" in text


def test_headlines_are_found_among_the_first_lines():
    answer = "Home\n\n  * Ferry  SAILS again: more\nText\n"
    assert scoring.begins_with(answer, "Ferry sails again") and not scoring.begins_with(answer, "sails again")
    assert not scoring.begins_with("Menu\n" * 12 + answer, "Ferry sails again")
