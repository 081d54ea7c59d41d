"""Lists around a page's text: a line shares the fate of the list it stands in."""

import pytest

from declutter import Cleaner, Page, learn

REASON = "a new item of a list whose other items stand on other pages of this site too"
TOPICS = {
    "en": ["Harvest season 2024", "The tunnel inquiry", "Cup qualifiers today", "Dry summer in the hills"],
    "ru": ["Сезон урожая 2024", "Расследование о тоннеле", "Отборочные матчи сегодня", "Засуха в горных сёлах"],
    "fa": ["فصل برداشت در دره‌ها", "پرونده تونل کوهستان", "مسابقات انتخابی جام امروز", "تابستان خشک در تپه‌ها"],
}  # fmt: skip
NEW = {
    "en": ["Mayor: 'Nobody will drink from that well again'", "Twelve goats found on the roof of the town hall"],
    "ru": ["Мэр: «Из этого колодца больше никто не будет пить»", "Двенадцать коз нашли на крыше городской ратуши"],
    "fa": ["شهردار می‌گوید دیگر هیچ‌کس از آن چاه آب نخواهد خورد", "دوازده بز روی بام شهرداری پیدا شدند"],
}
PROSE = {
    "en": [
        ("Orchard owners get a month more to pick", "Orchard owners may pick until the end of October, the district said on Friday, since rain had kept the pickers at home for nine days.", "Whoever has no pickers can ask the school in the valley, where forty pupils have put their names on a list, the district added."),
        ("Old mill wheel goes to the museum", "The wheel of the old mill was lifted onto a cart on Sunday and driven to the museum, where it will stand in the yard from now on.", "The miller's grandson paid for the cart himself, and he said that his grandfather would have walked beside it all the way."),
        ("Bus to the lake runs on Sundays too", "From May the bus to the lake will run on Sundays too, after two hundred people had written to the company in the winter.", "A ticket costs three crowns, and whoever brings a bicycle pays one more, which the company says is for the rack."),
        ("Choir looks for low voices", "The choir of the upper town looks for low voices, because four of its six basses have moved to the coast since the spring.", "Rehearsals are on Tuesdays in the gym, and nobody has to be able to read music, the conductor says, who is a baker."),
    ],
}  # fmt: skip


def dump(lang, number, style):
    """A carousel whose fifth item is the headline of the hour, then the article."""
    items = [*TOPICS[lang], NEW[lang][number // 2]] if number % 2 else [*TOPICS[lang][1:], TOPICS[lang][0]]
    title, *paragraphs = PROSE["en"][number]
    written = "".join(f"  • {item}\n\n    {item}\n\n" if style == "doubled" else f"  • {item}\n\n" for item in items)
    return "Live\n\nKey sections\n\n" + written + "\n\n".join([title, *paragraphs]) + "\n\nComments\n"


@pytest.mark.parametrize("style", ["doubled", "bullets"])
@pytest.mark.parametrize("lang", TOPICS)
def test_a_new_item_goes_with_its_list(lang, style):
    pages = [Page(str(number), site="valley", text=dump(lang, number, style)) for number in range(4)]
    for number, cleaned in enumerate(Cleaner().clean_pages(pages)):
        kept = [line for line in cleaned.text.split("\n") if line]
        assert kept == list(PROSE["en"][number])
    for number in (1, 3):
        verdicts = next(iter(Cleaner(profile=learn(pages)).clean_pages([pages[number]]))).verdicts
        texts = pages[number].text.split("\n")
        of_item = [
            reason
            for line, reason in zip(texts, verdicts.reason, strict=False)
            if line.strip(" •") == NEW[lang][number // 2]
        ]
        assert set(of_item) == {REASON}


def test_the_values_of_a_form_stay_though_its_other_lines_recur():
    pages = []
    for number, (colour, frame) in enumerate(
        [("red", "steel"), ("green", "alloy"), ("blue", "wood"), ("grey", "bamboo")]
    ):
        title, *paragraphs = PROSE["en"][number]
        form = ["• Wheels: 2", f"• Colour: {colour}", "• Gears: 8", f"• Frame: {frame}", "• Lights: yes"]
        pages.append(Page(str(number), site="shop", text="\n\n".join([title, *paragraphs, *form]) + "\n"))
    for cleaned in Cleaner().clean_pages(pages):
        assert REASON not in cleaned.verdicts.reason
