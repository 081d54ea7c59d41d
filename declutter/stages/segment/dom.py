"""What tags, classes and roles of HTML mean: the tables by which kernels/html.c and html.py read serialised pages."""

from __future__ import annotations

from declutter.stages.kernels.html import (
    CODE_SHIFT,
    IS_BLOCK,
    IS_BR,
    IS_LEFT_OUT,
    IS_ONE_LINE,
    IS_PRE,
    IS_ROW,
    IS_VOID,
    NO_ANCESTOR,  # also part of what the columns mean
)

__all__ = ["FAMILIES", "NO_ANCESTOR", "TAG_CODES", "kernel_tables"]

#: Elements whose text begins on a line of its own.
BLOCK_TAGS = frozenset(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption"
    " figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html label legend li listing main menu nav"
    " noscript ol optgroup option p plaintext pre search section select summary table tbody td textarea tfoot th thead"
    " tr ul xmp".split()
)
VOID_TAGS = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
#: Elements whose text is no text of the page (html.py leaves `script` and the like out before).
LEFT_OUT_TAGS = frozenset("audio canvas datalist math object template video".split())
#: Where lines and runs of spaces mean something.
PRE_TAGS = frozenset("pre listing plaintext textarea xmp".split())
#: Where a `<br>` sets a line and begins none.
ONE_LINE_TAGS = frozenset("h1 h2 h3 h4 h5 h6 button label legend summary option".split())
#: What the column `tag` can be: the row's nearest block element. 0 is any other.
TAG_CODES = {
    tag: code
    for code, tag in enumerate(
        "other p h1 h2 h3 h4 h5 h6 li td th div pre figcaption button label dt dd blockquote section article a span"
        " option summary caption header footer aside nav main form noscript body ul table address textarea".split()
    )
}

_SETS = {
    IS_BLOCK: BLOCK_TAGS, IS_PRE: PRE_TAGS, IS_ROW: {"tr"}, IS_BR: {"br"}, IS_LEFT_OUT: LEFT_OUT_TAGS,
    IS_VOID: VOID_TAGS, IS_ONE_LINE: ONE_LINE_TAGS,
}  # fmt: skip
#: What each tag is, as bits, and its TAG_CODES above them; any other tag has neither.
TRAITS = {
    tag: sum(bit for bit, tags in _SETS.items() if tag in tags) | TAG_CODES.get(tag, 0) << CODE_SHIFT
    for tag in (*TAG_CODES, *frozenset().union(*_SETS.values()))
}

#: family: (the tags it covers, the roles). One column `near_<family>` each.
TAG_FAMILIES = {
    "article": ("article", "article"),
    "main": ("main", "main"),
    "nav": ("nav menu", "navigation menu menubar tablist toolbar"),
    "aside": ("aside", "complementary note"),
    "footer": ("footer", "contentinfo"),
    "header": ("header hgroup", "banner"),
    "form": ("form fieldset", "form search"),
    "list": ("ul ol dl", "list listbox feed"),
    "item": ("li dd dt", "listitem option"),
    "table": ("table", "table grid"),
    "figure": ("figure figcaption picture", "figure img"),
    "section": ("section", "region tabpanel"),
    "heading": ("h1 h2 h3 h4 h5 h6", "heading"),
    "control": ("button label select option textarea legend", "button switch checkbox tab combobox"),
    "link": ("a", "link"),
    "quote": ("blockquote q cite", ""),
    "code": ("pre code listing plaintext samp xmp kbd", ""),
    "dialog": ("dialog", "dialog alertdialog alert status tooltip"),
    "noscript": ("noscript", ""),
    "time": ("time", ""),
}
#: family: the words of a class or id that tell it (split at punctuation, digits and capitals, lower-cased); a word
#: ending in * stands for all that begin so. One column `near_c_<family>` each.
CLASS_FAMILIES = {
    "content": "content contents body text txt copy prose richtext rte markdown wysiwyg main primary",
    "article": "article articlebody articlesbody post posts entry story storybody single hentry blogpost postbody"
    " postcontent blog",
    "comment": "comment comments commentlist disqus respond reply replies discussion guestbook commentary",
    "forum": "thread threads message messages msg topic topics forum answer answers question qa postbit lia bbcode",
    "share": "share shares sharing social socials addthis addtoany facebook twitter whatsapp linkedin pinterest follow",
    "related": "related recommend* latest popular trending similar more recent readmore mostread recirc* upsell"
    " crosssell suggest* seealso outbrain taboola next previous prev",
    "nav": "nav navbar navsbar navigation navi menu* submenu breadcrumb breadcrumbs crumb crumbs pager paging"
    " pagination toc tab tabs dropdown megamenu skip topbar toolbar",
    "header": "header masthead head hdr banner hero jumbotron logo brand",
    "footer": "footer foot ftr bottom colophon copyright copyrights",
    "legal": "legal cookie cookies consent gdpr ccpa onetrust privacy terms disclaimer license imprint",
    "promo": "promo* newsletter newsletters subscri* signup optin cta offer offers deal deals donat* paywall campaign"
    " mailchimp",
    "ad": "ad ads adv advert* adsense dfp gpt sponsor* sponsored commercial adunit adslot banners",
    "popup": "popup* modal* overlay lightbox toast drawer offcanvas dialog flyout tooltip alert notice",
    "sidebar": "sidebar* side rail aside widget widgets secondary complementary sidenav",
    "caption": "caption captions credit credits figcaption photo gallery slideshow carousel slider swiper slick image"
    " images img",
    "author": "author authors byline* writer contributor bio avatar profile user username member",
    "date": "date dates time timestamp datetime published pubdate posted updated meta metadata info details",
    "tags": "tag tags tagcloud categories category cat label labels keywords taxonomy badge",
    "product": "product products sku cart basket price prices pricing buy shop shopping rating ratings stars stock"
    " variant*",
    "review": "review reviews testimonial testimonials feedback",
    "description": "desc description descriptions summary abstract intro lead lede overview spec specs specifications"
    " feature features standfirst deck excerpt teaser subtitle about",
    "title": "title titles headline headlines heading headings ttl name",
    "card": "card cards item items tile tiles teaser teasers grid list listing result results row cell col box block"
    " feed stream",
    "form": "form forms input field search searchbox login signin register account contact filter filters facet facets"
    " sort",
    "faq": "faq faqs accordion* collapse panel expand* toggle",
    "hidden": "hidden hide invisible none sr screenreader visuallyhidden offscreen print noprint a11y assistive",
}
#: family: the itemprop values (schema.org), lower-cased. One column `near_i_<family>` each.
ITEM_FAMILIES = {
    "body": "articlebody text reviewbody description mainentityofpage acceptedanswer suggestedanswer abstract",
    "title": "headline name alternativeheadline",
    "meta": "author datepublished datemodified publisher image url creator datecreated keywords articlesection",
    "product": "price offers sku brand aggregaterating ratingvalue pricecurrency availability review",
}
#: family: words of a class or id that tell a dialog about cookies: names of consent platforms; of what is asked for;
#: and words that tell one only beside each other. One column `near_d_<family>` each, which the rules read.
DIALOG_FAMILIES = {
    "platform": "onetrust cookiebot usercentrics cmplz didomi cky cookieyes osano iubenda borlabs klaro axeptio truste"
    " tarteaucitron cookiescript termly ketch cookieconsent cookiebanner cookiebar cookienotice cookielaw cookiemodal",
    "consent": "consent gdpr ccpa",
    "cookie": "cookie cookies",
    "notice": "banner bar law notice info message modal* popup* overlay dialog settings alert disclaimer warning",
}
#: The columns of distances, in order; `hidden` is a hidden attribute, aria-hidden or an inline style that hides.
FAMILIES = (
    *TAG_FAMILIES,
    *(f"c_{name}" for name in CLASS_FAMILIES),
    *(f"i_{name}" for name in ITEM_FAMILIES),
    "hidden",
    *(f"d_{name}" for name in DIALOG_FAMILIES),
)
BITS = {family: 1 << place for place, family in enumerate(FAMILIES)}
TAG_BITS = {tag: BITS[family] for family, (tags, _) in TAG_FAMILIES.items() for tag in tags.split()}
ROLE_BITS = {role: BITS[family] for family, (_, roles) in TAG_FAMILIES.items() for role in roles.split()}
ITEM_BITS = {prop: BITS[f"i_{family}"] for family, props in ITEM_FAMILIES.items() for prop in props.split()}
WORD_BITS: dict[str, int] = {}
for _prefix, _families in (("c_", CLASS_FAMILIES), ("d_", DIALOG_FAMILIES)):
    for _family, _words in _families.items():
        for _word in _words.split():
            WORD_BITS[_word] = WORD_BITS.get(_word, 0) | BITS[_prefix + _family]
PREFIX_BITS = {word[:-1]: WORD_BITS.pop(word) for word in list(WORD_BITS) if word.endswith("*")}


def kernel_tables() -> tuple:
    """The tables of this file as kernels/html.c takes them."""
    dictionaries = (TRAITS, TAG_BITS, WORD_BITS, PREFIX_BITS, ROLE_BITS, ITEM_BITS)
    octets = ({word.encode(): value for word, value in dictionary.items()} for dictionary in dictionaries)
    return *octets, len(FAMILIES), *(BITS[family] for family in ("link", "list", "table", "hidden"))
