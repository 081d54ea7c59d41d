"""Notices about cookies whose class says nothing: found by what their short lines name, apart from the page's text."""

import pytest

from declutter import Cleaner, learn

ALONE = Cleaner(profile=learn([]))
ARTICLE = {
    "en": ("The weir is mended", ["The weir below the paper mill was mended in nine nights, because by day the mill needs the water.", "The masons stood in the river up to their chests and passed the stones from hand to hand.", "A heron watched them from the footbridge on all nine nights, the foreman said, and left when they left."]),
    "de": ("Das Wehr ist geflickt", ["Das Wehr unterhalb der Papiermühle wurde in neun Nächten geflickt, weil die Mühle am Tag das Wasser braucht.", "Die Maurer standen bis zur Brust im Fluss und reichten die Steine von Hand zu Hand weiter.", "Ein Reiher sah ihnen von der Brücke aus neun Nächte lang zu, sagte der Polier, und ging, als sie gingen."]),
    "fr": ("Le barrage est réparé", ["Le barrage en aval du moulin à papier a été réparé en neuf nuits, car le moulin a besoin de l'eau le jour.", "Les maçons, dans la rivière jusqu'à la poitrine, se passaient les pierres de main en main.", "Un héron les a regardés depuis la passerelle pendant neuf nuits, dit le contremaître, puis il est parti."]),
    "ja": ("堰の修理が終わる", ["製紙工場の下流にある堰は、昼間は工場が水を使うため、九晩かけて修理された。", "石工たちは胸まで川につかり、石を手から手へと渡していった。", "一羽のサギが九晩とも歩道橋から見ていて、作業が終わると去っていったと現場監督は話した。"]),
}  # fmt: skip
NOTICE = {
    "en": ["How we use cookies", "Some of them keep the pages running, and others show us which of our pages nobody reads to the end, which we would like to know.", "Essential cookies", "They remember that you are logged in, and without them the shop cannot tell your basket from anybody else's.", "Statistics cookies", "They count visits and forget who came.", "Accept all cookies", "Reject all"],
    "de": ["Verwendung von Cookies", "Einige davon halten die Seiten am Laufen, andere zeigen uns, welche Seite niemand zu Ende liest, und das wüssten wir gern.", "Notwendige Cookies", "Sie merken sich, dass Sie angemeldet sind, und ohne sie weiß der Laden nicht, wessen Korb wem gehört.", "Statistik-Cookies", "Sie zählen Besuche und vergessen, wer kam.", "Alle Cookies akzeptieren", "Alle ablehnen"],
    "fr": ["Utilisation des cookies", "Certains font marcher les pages, d'autres nous montrent quelles pages personne ne lit jusqu'au bout, ce que nous aimerions savoir.", "Cookies nécessaires", "Ils retiennent que vous êtes connecté, et sans eux la boutique confond votre panier avec celui des autres.", "Cookies analytiques", "Ils comptent les visites et oublient les visiteurs.", "Tout accepter", "Tout refuser"],
    "ja": ["クッキーの使用", "一部はページを動かすために、ほかはどのページが最後まで読まれないかを知るために使われています。", "必須クッキー", "ログインの状態を覚えておくもので、これがないと買い物かごを区別できません。", "分析クッキー", "訪問の数だけを数え、誰が来たかは忘れます。", "すべて同意する", "拒否する"],
}  # fmt: skip
MENU = ["Home", "News", "Sport", "Letters"]
FOOTER = ["Contact", "© Mill Lane Press"]


def blocks(lines):
    return "".join(f"<p>{line}</p>" if len(line) > 40 else f"<h2>{line}</h2>" for line in lines[:-2]) + "".join(
        f"<button>{line}</button>" for line in lines[-2:]
    )


def html_of(lang, dialog, at_top):
    title, paragraphs = ARTICLE[lang]
    menu = "<nav><ul>" + "".join(f'<li><a href="/{entry}">{entry}</a></li>' for entry in MENU) + "</ul></nav>"
    text = f"<main><h1>{title}</h1>{''.join(f'<p>{paragraph}</p>' for paragraph in paragraphs)}</main>"
    footer = f"<footer>{''.join(f'<p>{line}</p>' for line in FOOTER)}</footer>"
    notice = dialog.format(blocks(NOTICE[lang]))
    page = notice + menu + text + footer if at_top else menu + text + footer + notice
    return f"<html><head><title>{title} - Mill Lane</title></head><body>{page}</body></html>"


DIALOGS = {
    "a role": '<div class="fixed z-50" role="dialog" aria-label="Privacy"><div>{}</div></div>',
    "an element": "<dialog open><div>{}</div></dialog>",
    "plain": '<div class="layer"><div class="inner">{}</div></div>',
}


@pytest.mark.parametrize("lang", ARTICLE)
@pytest.mark.parametrize("at_top", [True, False], ids=["top", "end"])
class TestNotices:
    @pytest.mark.parametrize("dialog", DIALOGS.values(), ids=DIALOGS)
    def test_html(self, lang, at_top, dialog):
        title, paragraphs = ARTICLE[lang]
        assert ALONE.clean_html(html_of(lang, dialog, at_top)).split("\n") == [title, *paragraphs]

    def test_dump(self, lang, at_top):
        title, paragraphs = ARTICLE[lang]
        lines = [*MENU, title, *paragraphs, *FOOTER]
        lines = [*NOTICE[lang], *lines] if at_top else [*lines, *NOTICE[lang]]
        kept = ALONE.clean("\n".join(lines)).split("\n")
        assert [line for line in kept if line in NOTICE[lang]] == []
        assert [line for line in kept if line in paragraphs] == paragraphs


def test_a_policy_about_cookies_is_kept():
    sections = ["Which cookies we set", *NOTICE["en"][1:6]]
    sections += [
        "Marketing cookies",
        "We set none of them, since we sell nothing but paper and those who want paper know where to find us.",
    ]
    sections += [
        "How to refuse",
        "Every browser has a page of settings where cookies can be refused, one site at a time or all of them.",
    ]
    title = "Cookies on these pages"
    text = "\n".join([*MENU, title, *sections, *FOOTER])
    assert not any("in a notice" in reason for reason in ALONE.explain(text).reason), "the model judges it"
    main = f"<main><h1>{title}</h1>" + "".join(
        f"<p>{line}</p>" if len(line) > 40 else f"<h2>{line}</h2>" for line in sections
    )
    menu = "<nav>" + "".join(f'<a href="/{entry}">{entry}</a> ' for entry in MENU) + "</nav>"
    html = f"<html><head><title>{title}</title></head><body>{menu}{main}</main><footer><p>{FOOTER[1]}</p></footer></body></html>"
    assert ALONE.clean_html(html).split("\n") == [title, *sections]
