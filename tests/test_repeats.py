"""Repetition over a site's pages: distinct pages, sites found in a mixed folder, profiles on disk."""

import random

import numpy as np
import pytest

from declutter.errors import ProfileError
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import (
    Profile,
    Sketches,
    SketchFolder,
    TemplateCounter,
    counting,
    registered_domain,
    sketch,
)
from declutter.stages.repeats import profile as profile_module
from declutter.stages.repeats.sketches import joined
from declutter.stages.segment.text import split_lines

NOUNS = (
    "harbor market school bridge river library garden museum station theatre council festival road farm tower".split()
)
VERBS = "opened closed moved burned flooded grew shrank waited failed returned won lost changed stopped started".split()


def article(number, n_paragraphs=4):
    """Prose of its own: no line of it stands in another article."""
    draw = random.Random(number)
    return "".join(
        f"The {draw.choice(NOUNS)} of {draw.choice(NOUNS)} {''.join(draw.choices('aeioklmnrst', k=8))} "
        f"{draw.choice(VERBS)} again, and the {draw.choice(NOUNS)} {draw.choice(VERBS)} because nobody asked "
        f"the {draw.choice(NOUNS)} about it.\n\n"
        for _ in range(n_paragraphs)
    )


def menu(site):
    return "".join(f"{site} {word}\n" for word in ("Tide", "Weekend", "Notices", "Harbor news", "Letters"))


def page(site, number, n_paragraphs=4):
    ticker = f"Ticker {random.Random(number).choice(NOUNS)} {''.join(random.Random(number).choices('bcdfg', k=7))}\n"
    footer = f"{site} Publishing, page {number}\nWrite to the {site} editors\n"
    return menu(site) + ticker + article(number, n_paragraphs) + footer


def learned(texts, sites=None, batch=3):
    counter = TemplateCounter()
    for first in range(0, len(texts), batch):
        part = texts[first : first + batch]
        counter.add(measure(split_lines(part)), sites[first : first + batch] if sites else [None] * len(part))
    return counter.profile()


def counts(profile, text, site=None):
    """{line: (pages_with, site_pages)} of one page."""
    lines = split_lines([text])
    measures = measure(lines)
    repeats = profile.repeats(measures, [site])
    return {
        lines[row]: (int(pages), int(of))
        for row, pages, of in zip(measures.rows.tolist(), repeats.pages_with, repeats.site_pages, strict=True)
    }


def first_paragraph(number):
    return article(number).split("\n")[0]


def test_two_pages_help():
    texts = [page("Wendle", 1), page("Wendle", 2)]
    found = counts(learned(texts), texts[0])
    assert found["Wendle Weekend"] == (2, 2)
    assert found["Wendle Publishing, page 1"] == (2, 2)  # digits make no difference
    assert found[first_paragraph(1)] == (1, 2)


def test_one_page_alone_repeats_nothing():
    text = page("Wendle", 1)
    assert set(counts(learned([text]), text).values()) == {(1, 1)}
    assert set(counts(Profile(), text).values()) == {(1, 1)}


def test_no_pages_make_an_empty_profile():
    assert learned([]).sites == Profile().sites == ()
    assert [site.n_pages for site in learned(["", "\n"]).sites] == [1, 1]


def test_a_line_twice_on_a_page_counts_once():
    texts = [page("Wendle", 1) + menu("Wendle"), page("Wendle", 2)]
    assert counts(learned(texts), texts[0])["Wendle Weekend"] == (2, 2)


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_an_article_crawled_twice_does_not_delete_itself(copies):
    again = [
        page("Wendle", 1).replace("Ticker", f"Ticker {'abcdefg'[n] * 4}").replace("page 1", f"page {n}")
        for n in range(copies)
    ]
    texts = [*again, page("Wendle", 2), page("Wendle", 3)]
    profile = learned(texts)
    assert [site.n_pages for site in profile.sites] == [3]
    for text in again:
        found = counts(profile, text)
        assert found[first_paragraph(1)] == (1, 3)
        assert found["Wendle Weekend"] == (3, 3)


def test_the_same_article_alone_twice_is_one_page():
    texts = [page("Wendle", 1), page("Wendle", 1) + "Read on\n"]
    assert set(counts(learned(texts), texts[0]).values()) == {(1, 1)}


def test_an_article_that_grew_is_the_same_article():
    texts = [page("Wendle", 1, 8), page("Wendle", 1, 10), page("Wendle", 2)]
    assert counts(learned(texts), texts[0])[first_paragraph(1)] == (1, 2)


def test_a_long_notice_on_every_page_makes_no_two_pages_the_same():
    notice = (
        "We use small files called cookies to remember what you chose, to count readers and to pay for our work.\n" * 3
    )
    texts = [notice.replace("small", "tiny") + page("Wendle", n, 1) + notice for n in range(6)]
    profile = learned(texts)
    assert [site.n_pages for site in profile.sites] == [6]
    assert counts(profile, texts[0])[notice.split("\n")[0]] == (6, 6)


def test_a_folder_of_two_sites_is_told_apart():
    texts = [page("Wendle", 1), page("Norvik", 2), page("Wendle", 3), page("Norvik", 4), page("Wendle", 5)]
    profile = learned(texts)
    assert [(site.name, site.n_pages) for site in profile.sites] == [("site-1", 3), ("site-2", 2)]
    assert counts(profile, texts[0])["Wendle Weekend"] == (3, 3)
    assert counts(profile, texts[1])["Norvik Weekend"] == (2, 2)
    measures = measure(split_lines([*texts, page("Else", 9)]))
    assert [profile.site_of(measures, number) for number in range(6)] == [
        "site-1",
        "site-2",
        "site-1",
        "site-2",
        "site-1",
        None,
    ]


def test_common_phrases_numbers_and_agency_texts_tie_no_pages_together():
    common = "Home\nNews\nSearch\nComments\nShare\nPrivacy policy\n12\n2024\n"
    agency = article(77, 8).replace(".\n\n", ", ", 1).replace(".\n\n", ". ")  # a long paragraph
    texts = [common + agency + article(1) + "One Tide\n", common + agency + article(2) + "Two Tides\n"]
    assert [site.n_pages for site in learned(texts).sites] == [1, 1]


def test_the_site_that_is_given_counts():
    texts = [page("Wendle", number) for number in range(4)]
    sites = ["a.example", "b.example", "a.example", "b.example"]
    profile = learned(texts, sites)
    assert [(site.name, site.n_pages) for site in profile.sites] == [("a.example", 2), ("b.example", 2)]
    assert counts(profile, texts[0], "a.example")["Wendle Weekend"] == (2, 2)
    assert counts(profile, page("Wendle", 9), "unseen.example")["Wendle Weekend"] == (2, 2)  # by its lines


def test_prefixes_before_a_colon_are_counted():
    texts = [f"{page('Wendle', n)}Read on here: {first_paragraph(100 + n)}\n" for n in range(4)]
    measures = measure(split_lines(texts[:1]))
    repeats = learned(texts).repeats(measures, [None])
    assert repeats.prefix_pages[-1] == 4 and repeats.pages_with[-1] == 1
    assert repeats.prefix_pages[0] == 1


def test_the_order_of_pages_whose_site_is_found_makes_no_difference():
    """Sites that share a footer, articles crawled twice and pages of no site: which page comes first has no effect."""
    texts = [page(site, number) for site in ("Wendle", "Golrud", "Lithari", "Mochuan") for number in range(6)]
    texts += [page("Wendle", number) + f"Golrud {number} Letters\n" for number in (1, 2)]
    texts += [menu("Neurin") + menu("Golrud") + article(number, 2) for number in range(40, 44)]
    texts += [article(90), article(91), "Ferry Weather\nTide table\n"]
    measured = {text: measure(split_lines([text])) for text in texts}

    def repeats_of(order):
        profile = learned([texts[number] for number in order], batch=7)
        return [
            (found.pages_with.tolist(), found.site_pages.tolist())
            for found in (profile.repeats(measured[text], [None]) for text in texts)
        ]

    expected = repeats_of(range(len(texts)))
    for seed in range(6):
        order = list(range(len(texts)))
        random.Random(seed).shuffle(order)
        assert repeats_of(order) == expected


def test_order_and_batches_make_no_difference():
    texts = [page(site, number) for number, site in enumerate(["Wendle", "Norvik", "Wendle"] * 5)]
    profile = learned(texts, batch=1)
    assert same(profile, learned(texts, batch=15))
    shuffled = texts[::-1]
    assert (
        sorted(site.n_pages for site in learned(shuffled).sites)
        == sorted(site.n_pages for site in profile.sites)
        == [5, 10]
    )
    assert counts(learned(shuffled), texts[0]) == counts(profile, texts[0])


def test_pages_beyond_the_window_join_the_sites_found(monkeypatch):
    monkeypatch.setattr(counting, "WINDOW_PAGES", 4)
    texts = [page(site, number) for number, site in enumerate(["Wendle", "Norvik"] * 6)]
    profile = learned(texts, batch=2)
    assert [(site.name, site.n_pages) for site in profile.sites] == [("site-1", 6), ("site-2", 6)]
    assert counts(profile, texts[0])["Wendle Weekend"] == (6, 6)


def test_a_site_of_too_many_lines_forgets_the_rare_ones(monkeypatch):
    monkeypatch.setattr(profile_module, "MAX_SITE_LINES", 30)
    profile = learned([page("Wendle", number) for number in range(12)])
    assert len(profile.sites[0].fingerprints) <= 30
    assert counts(profile, page("Wendle", 3))["Wendle Weekend"] == (12, 12)


def same(one, other):
    return len(one.sites) == len(other.sites) and all(
        a[:2] == b[:2] and np.array_equal(a.fingerprints, b.fingerprints) and np.array_equal(a.pages_with, b.pages_with)
        for a, b in zip(one.sites, other.sites, strict=True)
    )  # fmt: skip


def test_a_profile_comes_back_from_disk_as_it_was(tmp_path):
    profile = learned(
        [page("Wendle", n) for n in range(3)] + [page("Norvik", n) for n in range(7, 9)],
        ["Wéndle 新闻"] * 3 + [None] * 2,
    )
    profile.save(tmp_path / "a.profile")
    loaded = Profile.load(tmp_path / "a.profile")
    assert same(loaded, profile)
    assert counts(loaded, page("Wendle", 1)) == counts(profile, page("Wendle", 1))
    Profile().save(tmp_path / "empty.profile")
    assert Profile.load(tmp_path / "empty.profile").sites == ()


def test_profiles_merge():
    sites = ["wendle.example"] * 3
    one = learned([page("Wendle", n) for n in range(3)], sites)
    two = learned([page("Wendle", n) for n in range(3, 6)], sites) | learned([page("Norvik", n) for n in (1, 2)])
    both = one | two
    assert [(site.name, site.n_pages) for site in both.sites] == [("wendle.example", 6), ("site-1", 2)]
    assert counts(both, page("Wendle", 9), "wendle.example")["Wendle Weekend"] == (6, 6)
    assert same(
        both, learned([page("Wendle", n) for n in range(6)], sites * 2) | learned([page("Norvik", n) for n in (1, 2)])
    )
    assert [site.n_pages for site in one.sites] == [3]  # merging changes neither
    assert same(one | Profile(), one) and same(Profile() | one, one)


def saved(tmp_path, **changes):
    path = tmp_path / "changed.profile"
    learned([page("Wendle", n) for n in range(3)]).save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays.update(changes)
    arrays = {name: value for name, value in arrays.items() if value is not None}
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    return path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a profile",
        b"PK\x03\x04 cut short",
        b"\x93NUMPY\x01\x00v\x00",
        b"\x80\x04K\x01.",
        b"\0" * 1000,
        "Wörter\n".encode("utf-16"),
    ],
)
def test_a_file_that_is_no_profile_is_named(tmp_path, data):
    (tmp_path / "x.profile").write_bytes(data)
    with pytest.raises(ProfileError, match=r"x\.profile"):
        Profile.load(tmp_path / "x.profile")


@pytest.mark.parametrize(
    "changes",
    [
        {"declutter_profile": None},
        {"declutter_profile": np.array(99)},
        {"declutter_profile": np.array("one")},
        {"fingerprints": None},
        {"names": np.array(["a", "b"])},
        {"n_lines": np.array([1, 2, 3])},
        {"n_lines": np.array([-4])},
        {"n_lines": np.array([3])},
        {"n_pages": np.array([], np.int64)},
        {"pages_with": np.array([1], np.int32)},
        {"pages_with": np.array(["a"] * 99)},
        {"fingerprints": np.array([3.5] * 99)},
        {"names": np.array([object()], dtype=object)},  # would be a pickle
    ],
)
def test_a_damaged_profile_is_refused(tmp_path, changes):
    path = saved(tmp_path, **changes)
    with pytest.raises(ProfileError, match="changed.profile"):
        Profile.load(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_profile_cut_short_is_refused(tmp_path, share):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ProfileError):
        Profile.load(path)


def test_flipped_bytes_are_refused_or_change_nothing(tmp_path):
    path = tmp_path / "a.profile"
    profile = learned([page("Wendle", n) for n in range(3)])
    profile.save(path)
    whole = path.read_bytes()
    draw = random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(Profile.load(path), profile)
        except ProfileError:
            pass


def test_profiles_hold_no_pickle(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    path = tmp_path / "bomb.profile"
    with open(path, "wb") as file:
        np.savez(file, declutter_profile=np.array(1), names=np.array([Bomb()], dtype=object))
    with pytest.raises(ProfileError):
        Profile.load(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.bbc.co.uk/news/1", "bbc.co.uk"),
        ("http://a.b.example.org:8080/?q=//x", "example.org"),
        ("example.org/page", "example.org"),
        ("https://Пример.испытание/", "пример.испытание"),
        ("https://192.0.2.7/a", "192.0.2.7"),
        ("http://localhost/", "localhost"),
        ("https://co.uk/", "co.uk"),
        ("http://[broken", None),
        ("", None),
        (None, None),
        ("https:///path", None),
    ],
)
def test_registered_domain(url, domain):
    assert registered_domain(url) == domain


def test_of_a_large_site_a_share_is_counted_and_late_sections_are_seen():
    numbers = [number for number in range(10_000) if counting.is_counted(number)]
    assert numbers[:64] == list(range(64)) and len(numbers) < 400
    assert all(sum(first <= n < 2 * first for n in numbers) == 32 for first in (64, 128, 1024, 4096))
    texts = [page("Wendle", n, 1) if n < 150 else page("Late", n, 1) for n in range(300)]
    profile = learned(texts, ["wendle.example"] * 300, batch=50)
    (site,) = profile.sites
    assert site.n_seen == 300 and 100 < site.n_pages < 140
    assert site.pages_with.min() >= 2  # of a site that is known well, lines seen once are forgotten
    assert counts(profile, texts[0], "wendle.example")["Wendle Weekend"][0] >= 64
    assert counts(profile, texts[299], "wendle.example")["Late Weekend"][0] > 20


def test_sketches_on_disk_are_counted_as_those_in_memory(monkeypatch):
    texts = [page(site, number) for number, site in enumerate(["Wendle", "Norvik", "Else"] * 9)]
    sites = ["wendle.example", "norvik.example", None] * 9
    in_memory = learned(texts, sites)
    monkeypatch.setattr(counting, "PART_BYTES", 1)
    monkeypatch.setattr(counting, "SPILL_BYTES", 1)
    saved_parts = []
    real = SketchFolder.save
    monkeypatch.setattr(SketchFolder, "save", lambda *arguments: (saved_parts.append(1), real(*arguments)))
    assert same(learned(texts, sites), in_memory)
    assert len(saved_parts) > 3


def test_sketches_come_back_from_a_file_as_they_were(tmp_path):
    texts = [page("Wendle", 1), "", page("Norvik", 2)]
    sketches = sketch(measure(split_lines(texts)), ["wéndle", None, None])
    for number, one in enumerate((sketches, joined([sketches, sketches]), joined([]))):
        one.save(tmp_path / str(number))
        loaded = Sketches.load(tmp_path / str(number))
        assert loaded.sites == one.sites
        for columns in zip(loaded._columns(), one._columns(), strict=True):
            assert np.array_equal(*columns)
    assert [len(found.lines) for found in joined([sketches, sketches])] == 2 * [len(found.lines) for found in sketches]
    (tmp_path / "0").write_bytes((tmp_path / "0").read_bytes()[:-1])
    with pytest.raises(ValueError, match="not a whole file"):
        Sketches.load(tmp_path / "0")


def test_a_profile_is_mapped_by_columns(tmp_path):
    sites = ["wendle.example"] * 3 + ["wéndle.example"] * 3 + [None] * 2
    texts = [page(("Wendle", "Norvik", "Else")[n // 3], n) for n in range(8)]
    profile = learned(texts, sites)
    profile.save_columns(tmp_path / "columns")
    mapped = Profile.map_columns(tmp_path / "columns")
    assert same(mapped, profile)
    for text, site in zip(texts, sites, strict=True):
        assert counts(mapped, text, site) == counts(profile, text, site)


def test_a_site_that_is_found_does_not_take_a_known_ones_name():
    profile = learned([page("Wendle", 1), page("Norvik", 2), page("Norvik", 3)], ["site-1", None, None])
    assert [site.name for site in profile.sites] == ["site-1", "site-1-found"]


def test_a_profile_of_the_first_version_is_read(tmp_path):
    names = np.array(["a.example"])
    path = saved(tmp_path, declutter_profile=np.array(1), names=names, n_seen=None)
    assert [(site.name, site.n_pages, site.n_seen) for site in Profile.load(path).sites] == [("a.example", 3, 3)]
