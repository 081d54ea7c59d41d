"""The benchmarks' parts: datasets, scores and intervals, peers in their processes, floors, tables."""

import gzip
import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import answers, tables
from benchmarks.__main__ import main
from benchmarks.accuracy import is_main
from benchmarks.answers import Answer, Answers, Installed, PeerProcess, ask_peers, find_peers
from benchmarks.datasets import check_folders, dump_of, open_dataset, page_of
from benchmarks.floors import MARGIN, PATH, below, datasets, measured, raised, read_floors
from benchmarks.peers import BY_NAME, PEERS, Peer
from benchmarks.results import LARGEST_BYTES, json_rows, rounded, write_result
from benchmarks.scores import (
    difference,
    family_sums,
    has_headline,
    interval,
    score_page,
    set_score,
    shingle_precision,
    value,
)
from declutter.errors import GoldError, OutputError
from declutter.train.f1 import macro, token_f1, word_f1

REPOSITORY = Path(__file__).parent.parent
SEEDS = REPOSITORY / "seeds"
GOLD = REPOSITORY.parent / "shared" / "data"
HERE = Installed(answers.sys.executable, "1")


def write_aeb(folder, gold):
    (folder / "html").mkdir(parents=True)
    for name, (content, body) in gold.items():
        (folder / "html" / f"{name}.html.gz").write_bytes(gzip.compress(content.encode()))
        gold[name] = {"articleBody": body, "url": f"https://{name}.example.org/a"}
    (folder / "ground-truth.json").write_text(json.dumps(gold))
    return folder


class TestScores:
    def test_words_and_tokens_are_those_of_the_gold_sets(self):
        assert score_page("word_f1", "a b b c", "b b d").stored == (word_f1("a b b c", "b b d"),) == (4 / 7,)
        found = score_page("token_f1", "犬が走る", "犬が歩く")
        assert found.stored == (token_f1("犬が走る", "犬が歩く"),) == (0.5,)
        assert (found.precision, found.recall) == (0.5, 0.5)

    def test_shingles_known_by_hand(self):
        """Gold has the runs abcd, bcde; the answer abcd, bcdx, cdxy: one right, two wrong, one missing."""
        assert score_page("shingle_f1", "a b c d x y", "a b c d e").stored == (0.25, 0.5, 0.25)
        assert score_page("shingle_f1", "a b", "a b").stored == (1, 0, 0)  # shorter than four words: one run
        assert score_page("shingle_f1", "A b", "a b").stored == (0, 0.5, 0.5)  # case counts
        assert score_page("shingle_f1", "", "a b").stored == (0, 0, 1)

    def test_shingles_of_a_set_average_precision_and_recall_apart(self):
        """An empty answer has no precision; the set's F1 is that of mean precision 1 and mean recall 1/2."""
        scores = np.array([(1, 0, 0), (0, 0, 1)], float)
        assert set_score("shingle_f1", scores, ["a", "b"]) == pytest.approx(2 * 1 * 0.5 / 1.5)

    def test_a_set_is_averaged_over_pages_or_sites(self):
        scores, sites = np.array([[1.0], [0.5], [0.3]]), ["a", "a", "b"]
        assert set_score("word_f1", scores, sites) == pytest.approx(0.6)
        by_site = macro(zip(sites, scores[:, 0].tolist(), strict=True))
        assert set_score("token_f1", scores, sites) == pytest.approx(by_site) == pytest.approx((0.75 + 0.3) / 2)

    def test_lines_are_weighted_by_their_characters(self):
        """Kept: a line of six characters and one of two; gold: the one of six and one of four."""
        found = score_page("line_f1", "  abcdef\nxy\n", "abcdef\n\n1234")
        assert found.stored == (0.0,)  # another indent is another line: a cleaner keeps lines as they are
        assert score_page("line_f1", "abcdef\nxy\n", "abcdef\n\n1234").stored == (pytest.approx(12 / 18),)

    def test_recall_compares_letters_and_digits(self):
        found = score_page("recall", "• 200\u00a0G flour, SIFTED\n2 eggs\n", "200 g flour\nsifted\n3 eggs")
        assert found.stored == (pytest.approx(2 / 3),)
        assert score_page("recall", "", "").stored == (1.0,)

    def test_a_headline_is_looked_for_in_the_first_lines(self):
        assert has_headline("Menu\n\n# A “Quiet” Harbour | News\n", "A quiet harbour")
        assert not has_headline("Today: a quiet harbour\n", "A quiet harbour")
        assert not has_headline("x\n" * 12 + "A quiet harbour", "A quiet harbour")

    def test_precision_of_runs_of_words(self):
        assert shingle_precision("a b c d x", "a b c d e") == 0.5
        assert np.isnan(shingle_precision("", "a b c d"))

    def test_nothing_to_average_is_no_number(self):
        assert np.isnan(value("word_f1", np.zeros((1, 2))))


class TestIntervals:
    SITES = [f"s{number // 2}" for number in range(80)]

    def test_a_steady_gain_is_told_from_noise(self):
        random = np.random.default_rng(1)
        one = random.random((80, 1))
        better = difference("token_f1", one + 0.1, one, self.SITES, self.SITES)
        assert better.mean == pytest.approx(0.1) and better.low == pytest.approx(0.1) == pytest.approx(better.high)
        noise = difference("token_f1", one, random.permuted(one), self.SITES, self.SITES)
        assert noise.low < 0 < noise.high

    def test_families_are_drawn_whole(self):
        """Forty pages of one family say no more than one page: the interval is as wide as its family's weight."""
        scores = np.array([[1.0]] * 40 + [[0.0]] * 40)
        apart = interval("word_f1", scores, self.SITES, self.SITES)
        joined = interval("word_f1", scores, self.SITES, ["one"] * 40 + ["other"] * 40)
        assert joined == (0.0, 1.0) and 0.3 < apart[0] < apart[1] < 0.7

    def test_the_same_draws_each_time(self):
        scores = np.random.default_rng(2).random((80, 1))
        assert interval("word_f1", scores, self.SITES, self.SITES) == interval(
            "word_f1", scores, self.SITES, self.SITES
        )

    def test_sums_of_families_make_the_score(self):
        scores = np.random.default_rng(3).random((80, 3))
        sums = family_sums("shingle_f1", scores, self.SITES, self.SITES)
        assert sums.shape == (40, 2, 2)
        assert float(value("shingle_f1", sums.sum(axis=0))) == pytest.approx(
            set_score("shingle_f1", scores, self.SITES)
        )


class TestDatasets:
    def test_scrapinghubs_layout(self, tmp_path):
        folder = write_aeb(tmp_path / "aeb", {"one": ("<p>Menu</p><p>Body text.</p>", "Body text."), "two": ("", "")})
        dataset = open_dataset(folder)
        assert (dataset.metric, dataset.name) == ("shingle_f1", "aeb")
        assert [(page.id, page.site, page.main_text) for page in dataset.pages] == [
            ("one", "example.org", "Body text."), ("two", "example.org", ""),
        ]  # fmt: skip
        assert dump_of(dataset.pages[0]) == "Menu\nBody text."

    def test_labelled_dumps_have_their_kept_lines_as_gold(self):
        page = open_dataset(SEEDS).pages[0]
        lines = page.gold_text.split("\n")
        assert lines[0] in page.text and len(lines) == sum(label in ("title", "body") for label in page.labels)

    def test_lines_of_two_labels_and_snippets(self, tmp_path):
        (tmp_path / "lines" / "fi").mkdir(parents=True)
        (tmp_path / "lines" / "fi" / "a.txt").write_text("Menu\n\nText\n")
        (tmp_path / "lines" / "fi" / "a.labels.tsv").write_text("1\tboilerplate\n3\tmain\n")
        (tmp_path / "lines" / "documents.tsv").write_text("language\tdocument\tsource\n")
        lines = open_dataset(tmp_path / "lines")
        (page,) = lines.pages
        assert (lines.metric, lines.sources, page.gold_text) == ("line_f1", ("dump",), "Text")
        assert is_main(page.text, page).tolist() == [0, -1, 1, -1]
        assert page_of(page, "dump", page.text).site == "lines/fi-a"  # a language is not a site
        (tmp_path / "snippets").mkdir()
        (tmp_path / "snippets" / "p.html").write_text("<ul><li>2 eggs<li>salt</ul>")
        row = {"set": "x", "site": "a", "id": "1", "html": "p.html", "with": ["2 eggs", "salt"], "without": []}
        (tmp_path / "snippets" / "snippets.jsonl").write_text(json.dumps(row) + "\n")
        snippets = open_dataset(tmp_path / "snippets")
        assert (snippets.metric, snippets.pages[0].gold_text) == ("recall", "2 eggs\nsalt")

    def test_headlines_are_those_that_begin_the_gold(self, tmp_path):
        (tmp_path / "p.html").write_text("<p>Text")
        row = {"site": "a", "html": "p.html"}
        rows = [{**row, "id": "1", "title_in_main": True, "main_text": "Head\u2028line\n\nText"},
                {**row, "id": "2", "title_in_main": False, "main_text": "Text"}]  # fmt: skip
        (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        assert [page.headline for page in open_dataset(tmp_path).pages] == ["Head\u2028line", None]

    def test_the_digest_tells_pages_and_gold(self, tmp_path):
        shutil.copytree(SEEDS / "wendle-tide-en", tmp_path / "a" / "site")
        before = open_dataset(tmp_path / "a").digest
        assert open_dataset(tmp_path / "a").digest == before
        labels = next((tmp_path / "a" / "site").glob("*.labels.tsv"))
        labels.write_text(labels.read_text().replace("body", "promo", 1))
        assert open_dataset(tmp_path / "a").digest != before

    def test_a_sample_is_of_whole_families_and_always_the_same(self):
        sample = open_dataset(SEEDS, every=3)
        sites = {page.site for page in sample.pages}
        assert 0 < len(sites) < 17 and len(sample.pages) == 6 * len(sites)
        assert sample.pages == open_dataset(SEEDS, every=3).pages
        few = open_dataset(SEEDS, n_pages=7)
        assert len(few.pages) == 12 and {page.site for page in few.pages} <= {
            page.site for page in open_dataset(SEEDS).pages
        }

    @pytest.mark.parametrize("content", [b"not JSON", b'{"one": 3}'])
    def test_bad_gold_is_named(self, tmp_path, content):
        folder = write_aeb(tmp_path / "aeb", {"one": ("<p>a</p>", "a")})
        (folder / "ground-truth.json").write_bytes(content)
        with pytest.raises(GoldError, match="ground-truth.json"):
            open_dataset(folder).pages  # noqa: B018

    def test_datasets_of_one_name_are_refused(self, tmp_path):
        for parent in ("a", "b"):
            shutil.copytree(SEEDS / "wendle-tide-en", tmp_path / parent / "gold")
        with pytest.raises(GoldError, match="two datasets are called gold"):
            check_folders([tmp_path / "a" / "gold", tmp_path / "b" / "gold"])


class TestPeers:
    def test_every_peer_is_installed_or_absent_with_its_reason(self):
        installed, absent = find_peers()
        assert {*installed, *absent} == set(BY_NAME) == {peer.name for peer in PEERS}
        assert {"keep all", "empty"} <= set(installed)
        assert all("is not installed for Python 3" in reason for reason in absent.values())

    def test_answers_come_from_another_process(self):
        with PeerProcess(BY_NAME["keep all"], HERE) as process:
            assert process.ask("Menu\nText \ud800 é", None).text == "Menu\nText \ud800 é"
        with PeerProcess(BY_NAME["empty"], HERE) as process:
            assert process.ask("Menu\nText", None).text == ""

    def test_what_a_peer_raises_is_that_pages_error(self):
        with PeerProcess(BY_NAME["keep all"], HERE) as process:
            failed = process.ask(None, None)
            assert (failed.text, failed.error) == ("", "TypeError: answered with NoneType, not text")
            assert process.ask("The next page", None).text == "The next page"

    def test_a_page_that_takes_too_long_costs_only_itself(self, monkeypatch):
        monkeypatch.setattr(answers, "WAIT", 1)
        with PeerProcess(BY_NAME["keep all"], HERE, page_seconds=0.5) as process:
            process.process.send_signal(signal.SIGSTOP)
            late = process.ask("A page", None)
            assert late.broke and late.error == "no answer in 0.5 s" and late.text == ""
            process.page_seconds = 60.0
            assert process.ask("The next page", None).text == "The next page"

    @pytest.mark.slow
    def test_the_limit_is_of_processor_time(self):
        """It ends a process that works for too long, and none that only waits for its turn."""
        busy = "import time; from benchmarks.answers import limit; limit(0); {}; print('done')"
        ended = {work: subprocess.run([answers.sys.executable, "-c", busy.format(work)], cwd=REPOSITORY).returncode
                 for work in ("time.sleep(2.5)", "exec('while True: pass')")}  # fmt: skip
        assert ended == {"time.sleep(2.5)": 0, "exec('while True: pass')": -signal.SIGXCPU}

    def test_a_worker_that_dies_is_told_and_started_again(self):
        with PeerProcess(BY_NAME["keep all"], HERE) as process:
            process.process.kill()
            process.process.wait()
            died = process.ask("A page", None)
            assert died.broke and died.error == "the process ended"
            assert process.ask("The next page", None).error is None

    def test_a_peer_that_does_not_load_is_named(self):
        absent = next((peer for peer in PEERS if peer.name in find_peers()[1]), None)
        if absent is None:
            pytest.skip("every peer is installed here")
        with pytest.raises(OSError, match="does not load"):
            PeerProcess(absent, HERE).start()

    def test_answers_are_asked_for_once(self, tmp_path, monkeypatch):
        peer, store = BY_NAME["keep all"], Answers(tmp_path)
        pages = [(dump, None) for dump in open_dataset(SEEDS, every=6).contents("dump")]
        assert ask_peers({peer: HERE}, lambda _: pages, tmp_path, 2) == len(pages)
        assert [store.kept(peer, HERE, *page).text for page in pages] == [dump for dump, _ in pages]
        monkeypatch.setattr(PeerProcess, "ask", lambda *_: Answer("asked again"))
        assert ask_peers({peer: HERE}, lambda _: pages, tmp_path, 2) == 0
        assert ask_peers({peer: replace(HERE, version="2")}, lambda _: pages, tmp_path, 1) == len(pages)
        assert store.kept(peer, replace(HERE, version="2"), *pages[0]).text == "asked again"
        assert store.kept(peer, HERE, pages[0][0], "https://other.example/") is None
        monkeypatch.setattr(answers, "adapter_digest", lambda peer: "another adapter")
        assert store.kept(peer, HERE, *pages[0]) is None

    @pytest.mark.parametrize(("error", "is_asked_again"), [("no answer in 30 s", True), ("ValueError: no", False)])
    def test_a_broken_answer_is_asked_for_again_in_the_next_run(self, tmp_path, error, is_asked_again):
        peer, page = BY_NAME["keep all"], ("A page", None)
        Answers(tmp_path).keep(peer, HERE, *page, Answer("", error))
        assert ask_peers({peer: HERE}, lambda _: [page], tmp_path, 1) == is_asked_again

    def test_settings_of_one_peer_are_told_apart(self):
        digests = {answers.adapter_digest(peer) for peer in PEERS}
        assert len(digests) == len(PEERS)
        assert answers.adapter_digest(Peer("x", None, "text", BY_NAME["empty"].load)) in digests


class TestFloors:
    def test_nothing_that_is_shipped_has_got_worse(self):
        floors = read_floors()
        found = list(datasets(GOLD if GOLD.is_dir() else None))
        assert "seeds" in floors
        for dataset in found:
            if dataset.name in floors:
                assert below(measured(dataset), floors[dataset.name]) == [], dataset.name

    def test_what_is_below_its_floor_is_told(self):
        assert below({"a": 0.9, "b": float("nan")}, {"a": 0.9}) == []
        assert below({"a": 0.89, "b": float("nan")}, {"a": 0.9, "b": 0.5, "c": 0.1}) == [
            "a: 0.8900, floor 0.9000", "b: nan, floor 0.5000", "c: not measured, floor 0.1000",
        ]  # fmt: skip

    def test_floors_rise_by_themselves_and_fall_only_with_a_changelog_line(self):
        floors, found = {"a": 0.5, "b": 0.9}, {"a": 0.7, "b": 0.8}
        assert raised(found, floors) == {"a": round(0.7 - MARGIN, 3), "b": 0.9}
        with pytest.raises(OutputError, match="to lower b"):
            raised(found, floors, "Captions are kept.", "- Something else.")
        assert raised(found, floors, "Captions are kept.", "- More.\n- Captions\n  are kept.")["b"] < 0.8

    def test_the_command_does_not_touch_the_floors_unless_asked(self, monkeypatch):
        before = PATH.read_bytes()
        monkeypatch.setattr("benchmarks.floors.measured", lambda dataset: {"dump declutter": 0.1})
        result = CliRunner().invoke(main, ["floors"])
        assert result.exit_code == 1 and "below its floor: dump declutter: 0.1000" in result.stderr
        assert PATH.read_bytes() == before


class TestResults:
    def test_figures_are_rounded_and_no_number_is_none(self):
        assert rounded({"a": [0.123456, 3, "x"], "b": (float("nan"), 0.000123456)}) == {
            "a": [0.1235, 3, "x"], "b": [None, 0.0001235],
        }  # fmt: skip

    def test_rows_stand_a_line_each(self):
        result = {"made": "2026-11-22", "rows": [{"a": 1}, {"a": "é"}], "empty": []}
        assert json_rows(result).count("\n") == 8 and json.loads(json_rows(result)) == result

    def test_too_large_a_result_is_refused(self, tmp_path):
        with pytest.raises(OutputError, match="measure fewer pages"):
            write_result("large", {"scores": [0] * LARGEST_BYTES}, tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_commands_are_listed_and_bad_folders_named(tmp_path):
    shown = CliRunner().invoke(main, ["-h"])
    assert shown.exit_code == 0 and all(name in shown.stdout for name in ("accuracy", "speed", "floors", "tables"))
    (tmp_path / "nothing").mkdir()
    refused = CliRunner().invoke(main, ["accuracy", str(tmp_path / "nothing"), "--peers", ""])
    assert refused.exit_code == 1 and "no gold here" in refused.stderr
    unknown = CliRunner().invoke(main, ["accuracy", str(SEEDS), "--peers", "nobody"])
    assert unknown.exit_code == 2 and "no such peer: nobody" in unknown.stderr


def test_views_without_results_are_refused():
    with pytest.raises(GoldError, match="no result file for nothing"):
        tables.table_of("nothing", "html", {})
