"""The rules: what a line is and why, by script, shape, position and repetition."""

import re
from typing import NamedTuple

import numpy as np
import pytest

from declutter import Cleaner, Page
from declutter.lines import Repeats
from declutter.stages.features import Columns
from declutter.stages.judge.rules import LABEL_OF_CATEGORY, REASONS, judge
from declutter.stages.measure.measure import measure
from declutter.stages.measure.phrases import CATEGORIES
from declutter.stages.segment.text import split_lines

RULES = Cleaner(engine="rules")


class Sample(NamedTuple):
    """A page in one language, by what its lines are."""

    menu: list[str]
    title: str
    body: list[str]
    related: list[str]
    comments: list[str]
    share: str
    legal: str


SAMPLES = {
    "Latin": Sample(
        ["Home", "Politics", "Weather", "Sign in"],
        "Harbor wall to close for eleven weeks",
        [
            "The harbor wall will close on Monday for eleven weeks, the council said, so that cracks wider than a fist can be filled.",
            "Boats that land their fish beside the wall will have to use the old quay, where there is room for nine of them at a time.",
            "“We shall manage, as we did the last time,” said the master of the harbor, who has worked there for thirty years.",
        ],
        ["Related articles", "Seal asleep under a ticket machine at the ferry", "Pie contest draws a crowd to the town hall", "Pool is spared by one vote"],
        ["Comments", "They said the same thing ten years ago and nothing came of it.", "Who is going to pay for all this, I ask you?"],
        "Share on Facebook",
        "© 2024 Wendle Tide. All rights reserved.",
    ),
    "Arabic": Sample(
        ["الرئيسية", "سياسة", "اقتصاد", "تسجيل الدخول"],
        "إغلاق رصيف الميناء أحد عشر أسبوعا",
        [
            "قال مجلس البلدة إن رصيف الميناء سيغلق ابتداء من يوم الاثنين أحد عشر أسبوعا حتى يتم ملء الشقوق التي ظهرت فيه بعد عواصف الشتاء.",
            "وستضطر القوارب التي كانت ترسو قرب الرصيف إلى استعمال المرسى القديم الذي لا يتسع إلا لتسعة منها في وقت واحد كما يقول الصيادون.",
            "وأضاف رئيس الميناء الذي يعمل هناك منذ ثلاثين عاما أن العمال سيحاولون إنهاء الرصيف قبل أن يبدأ موسم الصيد الجديد في الخريف.",
        ],
        ["اقرأ أيضا", "فقمة تنام تحت آلة التذاكر في محطة العبارات", "مسابقة الفطائر تجذب جمهورا كبيرا إلى القاعة", "إنقاذ المسبح بفارق صوت واحد"],
        ["التعليقات", "قالوا الكلام نفسه قبل عشر سنوات ولم يحدث شيء.", "من الذي سيدفع ثمن كل هذا يا ترى؟"],
        "شارك",
        "جميع الحقوق محفوظة © 2024",
    ),
    "Cyrillic": Sample(
        ["Главная", "Политика", "Погода", "Войти"],
        "Портовую стену закроют на одиннадцать недель",
        [
            "Портовую стену закроют с понедельника на одиннадцать недель, чтобы заделать трещины шириной больше кулака, сообщили в городском совете.",
            "Лодкам, которые разгружались у стены, придётся пользоваться старым причалом, где одновременно помещается только девять судов.",
            "«Справимся, как и в прошлый раз», — сказал начальник порта, который работает здесь уже тридцать лет и помнит прошлый ремонт.",
        ],
        ["Читайте также", "Тюлень уснул под билетным автоматом на паромной станции", "Конкурс пирогов собрал полный зал горожан", "Бассейн спасли одним голосом"],
        ["Комментарии", "То же самое обещали десять лет назад, и ничего не вышло.", "А кто за всё это заплатит, хотелось бы знать?"],
        "Поделиться",
        "© 2024 Все права защищены",
    ),
    "Han": Sample(
        ["首页", "时政", "天气", "登录"],
        "港口防波堤将关闭十一周",
        [
            "镇议会表示，港口防波堤将从星期一起关闭十一周，以便修补比拳头还宽的裂缝，这些裂缝是去年冬天的风暴留下的。",
            "平时在防波堤旁卸鱼的渔船只能改用老码头，而那里一次只能停靠九条船，渔民们担心排队的时间会很长。",
            "在这里工作了三十年的港口主任说，上一次修防波堤的时候大家也熬过来了，这一次应该也不会有什么问题。",
        ],
        ["相关阅读", "海豹在渡轮售票机下面睡着了引来众人围观", "馅饼大赛在镇礼堂吸引了大批观众到场品尝", "游泳池以一票之差得以保留下来继续开放"],
        ["发表评论", "十年前他们也是这么说的，结果什么都没有发生。", "这些钱到底由谁来出，我倒想问一问？"],
        "复制链接",
        "版权所有 2024",
    ),
    "Devanagari": Sample(
        ["होम", "राजनीति", "मौसम", "लॉग इन करें"],
        "बंदरगाह की दीवार ग्यारह सप्ताह बंद रहेगी",
        [
            "नगर परिषद ने कहा कि बंदरगाह की दीवार सोमवार से ग्यारह सप्ताह के लिए बंद रहेगी ताकि सर्दियों के तूफ़ान में आई चौड़ी दरारें भरी जा सकें।",
            "जो नावें दीवार के पास मछली उतारती थीं उन्हें अब पुराने घाट का सहारा लेना होगा जहाँ एक समय में केवल नौ नावों की जगह है।",
            "तीस साल से यहाँ काम कर रहे बंदरगाह के मुखिया ने कहा कि पिछली बार भी काम चल गया था और इस बार भी चल जाएगा।",
        ],
        ["यह भी पढ़ें", "टिकट मशीन के नीचे सोती मिली सील को देखने भीड़ लगी", "कचौड़ी प्रतियोगिता में उमड़ी भारी भीड़ देखने लायक", "एक वोट से बच गया तरणताल"],
        ["टिप्पणियाँ", "दस साल पहले भी यही कहा गया था और कुछ नहीं हुआ।", "आख़िर इस सब का पैसा कौन देगा, ज़रा बताइए?"],
        "शेयर करें",
        "सर्वाधिकार सुरक्षित 2024",
    ),
    "Greek": Sample(
        ["Αρχική", "Πολιτική", "Καιρός", "Σύνδεση"],
        "Κλείνει για έντεκα εβδομάδες ο μόλος του λιμανιού",
        [
            "Ο μόλος του λιμανιού θα κλείσει από τη Δευτέρα για έντεκα εβδομάδες, ώστε να γεμίσουν οι ρωγμές που άφησε η κακοκαιρία του χειμώνα.",
            "Οι βάρκες που ξεφόρτωναν δίπλα στον μόλο θα πρέπει να χρησιμοποιούν την παλιά προβλήτα, όπου χωρούν μόνο εννέα κάθε φορά.",
            "«Θα τα καταφέρουμε, όπως και την προηγούμενη φορά», είπε ο λιμενάρχης, που εργάζεται στο λιμάνι εδώ και τριάντα χρόνια.",
        ],
        ["Διαβάστε επίσης", "Φώκια κοιμήθηκε κάτω από μηχάνημα εισιτηρίων στο πλοίο", "Ο διαγωνισμός πίτας γέμισε την αίθουσα του δήμου", "Σώθηκε για μία ψήφο το κολυμβητήριο"],
        ["Σχόλια", "Τα ίδια έλεγαν και πριν από δέκα χρόνια και δεν έγινε τίποτα.", "Και ποιος θα τα πληρώσει όλα αυτά, αναρωτιέμαι;"],
        "Κοινοποίηση",
        "© 2024 Με επιφύλαξη παντός δικαιώματος",
    ),
}  # fmt: skip


def lines_of(sample):
    return [*sample.menu, sample.title, *sample.body, sample.share, *sample.related, *sample.comments, sample.legal]


def judged(*lines, cleaner=RULES):
    """{line: (label, keep, reason)} of one page alone."""
    verdicts = cleaner.explain("\n".join(lines))
    return {line: (label, keep, reason) for line, (label, _, keep, reason) in zip(lines, verdicts, strict=True)}


@pytest.mark.parametrize("script", SAMPLES)
class TestScripts:
    def test_the_text_is_kept_and_what_stands_around_it_is_not(self, script):
        sample = SAMPLES[script]
        kept = [line for line, (_, keep, _) in judged(*lines_of(sample)).items() if keep]
        assert kept == [sample.title, *sample.body]

    def test_labels(self, script):
        sample = SAMPLES[script]
        labels = {line: label for line, (label, _, _) in judged(*lines_of(sample)).items()}
        assert labels[sample.title] == "title"
        assert {labels[line] for line in sample.body} == {"body"}
        assert {labels[line] for line in sample.menu} == {"navigation"}
        assert {labels[line] for line in sample.related} == {"headlines"}
        assert labels[sample.comments[0]] == "comments"
        assert labels[sample.share] == "promo"
        assert labels[sample.legal] == "legal"

    def test_reasons(self, script):
        sample = SAMPLES[script]
        reasons = {line: reason for line, (_, _, reason) in judged(*lines_of(sample)).items()}
        assert re.fullmatch(r"in the page's densest run of text \(\d+ lines, \d+ words\)", reasons[sample.body[1]])
        assert re.fullmatch(r"stands above the text and shares \d+% of its words", reasons[sample.title])
        assert re.fullmatch(r"\d+% of it is a phrase of comments lines", reasons[sample.comments[0]])
        assert re.fullmatch(r"\d+% of it is a phrase of legal lines", reasons[sample.legal])


def with_repeats(lines, pages_with, site_pages):
    """Labels and reasons where each line stands on so many of a site's pages."""
    split = split_lines(["\n".join(lines)])
    measures = measure(split)
    n = len(measures)
    repeats = Repeats(np.array(pages_with, np.float32), np.full(n, site_pages, np.float32), np.ones(n, np.float32))
    judgement = judge(Columns(split, measures, repeats))
    return judgement, [judgement.reasons[code] for code in judgement.reason_codes]


def test_a_template_line_is_removed_even_where_it_reads_like_text():
    sample = SAMPLES["Latin"]
    notice = (
        "We write this paper for the people who live by the harbor, and have done so every week since it has lamps."
    )
    lines = [*sample.body, notice]
    judgement, reasons = with_repeats(lines, [1, 1, 1, 6], 6)
    assert reasons[3] == "stands on 6 of 6 pages of this site"
    assert judgement.score[3] < 0.1 < 0.9 < judgement.score[0]
    judgement, reasons = with_repeats(lines, [1, 1, 1, 1], 6)
    assert reasons[3].startswith("in the page's densest run")


def test_two_of_five_pages_are_chance_and_two_of_two_are_not():
    sample = SAMPLES["Latin"]
    lines = [*sample.body, sample.body[1].replace("Boats", "Ships")]
    for pages_with, site_pages, is_template in ((2, 2, True), (2, 5, False), (3, 5, True), (3, 20, False)):
        _, reasons = with_repeats(lines, [1, 1, 1, pages_with], site_pages)
        assert reasons[3].startswith("stands on") == is_template


def test_a_number_recurs_by_chance():
    sample = SAMPLES["Latin"]
    _, reasons = with_repeats([*sample.body[:2], "17", sample.body[2]], [1, 1, 6, 1], 6)
    assert not reasons[2].startswith("stands on")


def test_links_inside_the_text_are_other_articles():
    sample = SAMPLES["Latin"]
    found = judged(
        *sample.body,
        "Read also: Seal asleep under a ticket machine",
        *(line.replace("the", "that") for line in sample.body),
    )
    label, keep, reason = found["Read also: Seal asleep under a ticket machine"]
    assert (label, keep, reason) == (
        "headlines",
        False,
        "begins with a phrase that leads to other articles, and a colon",
    )
    assert sum(keep for _, keep, _ in found.values()) == 6


def test_readers_comments_are_no_body_though_they_are_sentences():
    sample = SAMPLES["Latin"]
    readers = [
        f"{name} thinks that the wall should have been mended long before anyone saw the cracks."
        for name in ("Ann", "Bob", "Cyd")
    ]
    found = judged(*sample.body * 2, "Comments (3)", *readers)
    assert {found[line][:2] for line in readers} == {("comments", False)}
    assert found[readers[0]][2] == "one of 4 lines after the comments heading"


def test_captions_and_bylines_are_labelled_near_the_text():
    sample = SAMPLES["Latin"]
    found = judged(
        sample.title, "By Graham Lisle", "5 February 2024, 7.00", "Photo: Tide", *sample.body, "Source: Wendle Tide"
    )
    labels = {line: label for line, (label, _, _) in found.items()}
    assert labels["Photo: Tide"] == "caption"
    assert labels["5 February 2024, 7.00"] == labels["Source: Wendle Tide"] == "byline"


def test_menus_with_separators_are_navigation():
    sample = SAMPLES["Latin"]
    found = judged("Home > News > Harbor > The wall", "Fish | Boats | Nets | Wharf", sample.title, *sample.body)
    assert found["Home > News > Harbor > The wall"][0] == found["Fish | Boats | Nets | Wharf"][0] == "navigation"
    assert found[sample.title][0] == "title"


def test_a_page_without_text_keeps_nothing():
    sample = SAMPLES["Latin"]
    menu = [f"{word} page" for word in ("Politics", "Harbor", "Weather", "Letters", "Sport", "Notices")]
    found = judged(*sample.menu, *menu, sample.share)
    assert not any(keep for _, keep, _ in found.values())
    assert "no line of the page is long enough to be text" in {reason for _, _, reason in found.values()}


def test_a_few_short_lines_that_nothing_marks_are_kept():
    found = judged("Rain came", "and the boats went out")
    assert [keep for _, keep, _ in found.values()] == [True, True]
    assert {reason for _, _, reason in found.values()} == {
        "the page has no run of text, and nothing that marks boilerplate"
    }


def test_every_category_has_a_label_and_every_reason_can_be_said():
    assert set(LABEL_OF_CATEGORY) == set(CATEGORIES)
    for reason in REASONS:
        assert "{" not in reason.words.format(a=3, b=4, label="legal")
        assert 0 <= reason.score <= 1


def test_what_is_kept_scores_higher_than_what_is_not():
    for sample in SAMPLES.values():
        verdicts = RULES.explain("\n".join(lines_of(sample)))
        assert verdicts.score[verdicts.keep].min() > verdicts.score[~verdicts.keep].max()


def test_a_page_is_judged_the_same_alone_and_in_a_batch():
    pages = [
        Page(script, site=script, text="\n".join(lines_of(sample)) + "\n" * n)
        for n, (script, sample) in enumerate(SAMPLES.items())
    ]
    for cleaned in RULES.clean_pages(pages):
        assert list(cleaned.verdicts) == list(RULES.explain(cleaned.page.text))
