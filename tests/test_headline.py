"""The headline: one line a page, found among menus, lists of other headlines and its own copies."""

import numpy as np
import pytest

from declutter import Cleaner, Page, learn

PROSE = {
    "en": [
        "The lock keeper at Dunmere opened both gates by hand on Tuesday, after the motor that had moved them since 1961 stopped for good.",
        "Eleven boats went through before noon, and the crews helped to push, the keeper said, though nobody had asked them to.",
        "A new motor is expected in the spring, and until then the lock at Dunmere will open three times a day only.",
    ],
    "el": [
        "Ο φύλακας του υδροφράχτη στο Ντούνμερ άνοιξε την Τρίτη και τις δύο πύλες με το χέρι, αφού ο κινητήρας σταμάτησε οριστικά.",
        "Έντεκα βάρκες πέρασαν πριν από το μεσημέρι και τα πληρώματα βοήθησαν να σπρώξουν τις πύλες, είπε ο φύλακας.",
        "Ο νέος κινητήρας αναμένεται την άνοιξη και ως τότε ο υδροφράχτης θα ανοίγει μόνο τρεις φορές την ημέρα.",
    ],
    "ja": [
        "水門の管理人は火曜日、一九六一年から動いていたモーターが完全に止まったため、二つの門を手で開けた。",
        "正午までに十一隻の船が通り、乗組員たちも頼まれていないのに門を押すのを手伝ったと管理人は話した。",
        "新しいモーターは春に届く予定で、それまで水門は一日に三回しか開かないことになっている。",
    ],
}  # fmt: skip
TITLE = {
    "en": "Dunmere lock opens by hand after motor fails",
    "el": "Με το χέρι ανοίγει ο υδροφράχτης στο Ντούνμερ",
    "ja": "モーター故障で水門を手で開ける",
}
MENU = ["Home", "News", "Sport", "Tides", "About us"]


def html_of(title, h1, body, menu=MENU, after=""):
    items = "".join(f'<li><a href="/{number}">{entry}</a></li>' for number, entry in enumerate(menu))
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in body)
    return (
        f"<html><head><title>{title}</title></head><body><nav><ul>{items}</ul></nav>"
        f"<main><h1>{h1}</h1>{paragraphs}</main>{after}<footer><p>© Low Quay Post</p></footer></body></html>"
    )


def rows_of(cleaner, page):
    (cleaned,) = cleaner.clean_pages([page])
    lines = cleaned.lines
    return [(lines[row], label, keep) for row, (label, _, keep, _) in enumerate(cleaned.verdicts)]


@pytest.mark.parametrize("lang", PROSE)
class TestOnePage:
    def test_a_heading_of_html_is_the_title_and_a_sections_heading_body(self, lang):
        first, *others = PROSE[lang]
        page = html_of(f"{TITLE[lang]} | Low Quay Post", TITLE[lang], [first])
        page = page.replace("</main>", f"<h2>{others[0][:20]}</h2><p>{others[0]}</p><p>{others[1]}</p></main>")
        rows = rows_of(Cleaner(profile=learn([])), Page("a", html=page))
        assert [line for line, label, _ in rows if label == "title"] == [TITLE[lang]]
        assert (others[0][:20], "body", True) in rows

    def test_the_first_line_of_a_dump_above_its_text_is_the_title(self, lang):
        text = "\n".join([TITLE[lang], *PROSE[lang]])
        (cleaned,) = Cleaner(profile=learn([])).clean_pages([Page("a", text=text)])
        assert cleaned.text.rstrip("\n") == text

    def test_it_is_kept_below_a_menu_in_a_dump(self, lang):
        text = "\n".join([*MENU, TITLE[lang], *PROSE[lang], "© Low Quay Post"])
        (cleaned,) = Cleaner(profile=learn([])).clean_pages([Page("a", text=text)])
        assert cleaned.text.startswith(TITLE[lang])


def test_a_headline_that_stands_twice_is_title_twice():
    page = html_of(f"{TITLE['en']} - Post", TITLE["en"], [TITLE["en"], *PROSE["en"]])
    rows = rows_of(Cleaner(profile=learn([])), Page("a", html=page))
    assert [label for line, label, keep in rows if line == TITLE["en"] and keep] == ["title", "title"]
    assert TITLE["en"] not in Cleaner(profile=learn([]), keep={"body"}).clean_html(page)


#: The pages of a small firm: each one's heading is an entry of the menu on all pages.
FIRM = {
    "Ferries and piers": ["We run four ferries between the islands and look after the piers that they land at, as we have since 1911."],
    "Summer timetable": ["The summer timetable holds from May to September, and the boats sail every forty minutes in daylight on all days."],
    "Lost and found": ["What is left on a boat is kept at the office on the quay for ninety days, and then it is sold for the lifeboat."],
    "Work with us": ["We look for two deckhands and an engineer who do not mind getting up at four in the morning, in rain as well."],
    "Access and ramps": ["Every boat has a ramp and a place for wheelchairs on deck, and the crew helps where the tide makes the ramp steep."],
    "Complaints and praise": ["Whoever has a complaint should write to the harbour master, who answers within ten days and reads every letter."],
}  # fmt: skip


@pytest.mark.parametrize("form", ["html", "text"])
def test_a_heading_that_is_an_entry_of_the_menu_too(form):
    pages = []
    for heading, (sentence,) in FIRM.items():
        body = [
            sentence,
            f"More about {heading.lower()} is written on the board at every pier, and the office answers questions by telephone.",
        ]
        if form == "html":
            pages.append(
                Page(heading, site="firm", html=html_of(f"{heading} - Island Ferries", heading, body, menu=list(FIRM)))
            )
        else:
            lines = [*FIRM, heading, *body, "© Island Ferries"]
            pages.append(Page(heading, site="firm", text="\n".join(lines)))
    for cleaned in Cleaner().clean_pages(pages):
        assert cleaned.text.split("\n")[0] == cleaned.page.id
        assert cleaned.text.count("\n" if form == "html" else ".\n") == 2, "nothing of the menu"


def test_a_page_is_the_same_alone_and_in_a_batch():
    pages = [Page(lang, text="\n".join([*MENU, TITLE[lang], *PROSE[lang]])) for lang in PROSE]
    cleaner = Cleaner(profile=learn([]))
    for together, page in zip(cleaner.clean_pages(pages * 9), pages * 9, strict=True):
        (alone,) = cleaner.clean_pages([page])
        assert list(alone.verdicts) == list(together.verdicts)


def test_pages_without_lines_have_no_headline():
    for text in ("", "\n\n", "---", "12:30"):
        (cleaned,) = Cleaner(profile=learn([])).clean_pages([Page("a", text=text)])
        assert "title" not in cleaned.verdicts.label
    assert np.isfinite(cleaned.verdicts.score).all()
