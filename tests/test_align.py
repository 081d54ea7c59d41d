import numpy as np
import pytest

from declutter.train.align import DROP, KEEP, UNDECIDED, align, labels_from, match, oracle

GOLD = "A storm hits the coast\n\nThe storm reached the harbour at noon on Monday.\n\nNobody was hurt, the mayor said."


def kept(dump: str, gold: str = GOLD) -> list[str]:
    lines = dump.split("\n")
    return [line for line, share in zip(lines, align(lines, gold), strict=True) if share >= 0.5]


def test_main_lines_are_found_between_others():
    body = GOLD.replace("\n\n", "\n")
    assert kept(f"Home\nNews\n{body}\nRead also\nThe harbour reopens on Monday") == body.split("\n")


def test_of_repeated_lines_the_one_in_order_is_taken():
    dump = (
        "A storm hits the coast\nHome\nSport\nA storm hits the coast\n"
        "The storm reached the harbour at noon on Monday.\nNobody was hurt, the mayor said.\nA storm hits the coast"
    )
    assert np.flatnonzero(align(dump.split("\n"), GOLD) >= 0.5).tolist() == [3, 4, 5]


def test_lines_cut_inside_sentences_are_found_with_their_shortest_pieces():
    dump = "the\nA storm hits\nthe\ncoast\nThe storm reached\nthe harbour\n,\nat noon on Monday.\nWeather"
    assert np.flatnonzero(align(dump.split("\n"), GOLD) == 1).tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_lines_with_other_text_beside_main_content_get_their_share():
    share = align(["Read this: the storm reached the harbour at noon on Monday. Yes really do so"], GOLD)
    assert share == pytest.approx([9 / 15])
    assert labels_from(np.array([0.1, 0.45, 0.9], dtype=np.float32)).tolist() == [DROP, UNDECIDED, KEEP]


def test_paragraphs_in_another_order_are_found():
    lines = ["Nobody was hurt, the mayor said.", "x", "The storm reached the harbour at noon on Monday."]
    assert (align(lines, GOLD) >= 0.5).tolist() == [True, False, True]


def test_scripts_without_spaces_and_markdown_marks():
    assert kept("新闻\n今年深圳终于把空气质量监测纳入范围\n体育新闻", "今年深圳终于把空气质量监测纳入范围。") == [
        "今年深圳终于把空气质量监测纳入范围"
    ]
    linked = "[A _storm_ hits](https://example.org/a/b) the co\u00adast"
    assert align([linked], GOLD).tolist() == [1.0]


@pytest.mark.parametrize(("dump", "gold"), [("", ""), ("", GOLD), ("Home\n\n•", ""), ("\n\n", GOLD), ("x\ny", "z")])
def test_nothing_to_align_is_nothing_found(dump, gold):
    share = align(dump.split("\n"), gold)
    assert share.dtype == np.float32 and not share.any()


def test_repetitive_pages_stay_quick_and_right():
    lines = ["a b c d e f"] * 3000 + ["The storm reached the harbour at noon on Monday."]
    assert oracle(lines, align(lines, "a b c d e f " * 50 + GOLD)).endswith("noon on Monday.")


def test_match_carries_lines_over_to_another_cut():
    targets = ["Home", "Sport", "A storm hits the coast", "Share this", "Home"]
    lines = ["  • Home", "  • Sport", "", "A storm", "hits the coast", "Unrelated words", "Share this Home"]
    assert match(lines, targets).tolist() == [0, 1, -1, 2, 2, -1, 3]
    assert match(["a"], []).tolist() == [-1]
