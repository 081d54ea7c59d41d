import gzip
import json

import pytest

from declutter.errors import GoldError
from declutter.train.gold import read_gold


def write_wcxb(folder, main_content="Text of the page."):
    (folder / "html").mkdir(parents=True)
    (folder / "ground-truth").mkdir()
    about = {"files": {"0007": {"page_type": "forum", "domain": "talk.example.co.uk"}}}
    (folder / "metadata.json").write_text(json.dumps(about), "utf-8")
    gold = {"url": "https://talk.example.co.uk/t/1", "ground_truth": {"main_content": main_content}}
    (folder / "ground-truth" / "0007.json").write_text(json.dumps(gold), "utf-8")
    (folder / "html" / "0007.html.gz").write_bytes(gzip.compress("<p>Text of the pagé.".encode()))
    return folder


def write_jsonl(folder, **changes):
    (folder / "pages").mkdir(parents=True)
    row = {"set": "s", "site": "a.org", "id": "1", "url": None, "lang": "fa", "script": "Arabic",
           "html": "pages/1.html.gz", "main_text": "متن"}  # fmt: skip
    (folder / "gold.jsonl").write_text(json.dumps({**row, **changes}) + "\n", "utf-8")
    (folder / "pages" / "1.html.gz").write_bytes(gzip.compress("<p>متن".encode()))
    (folder / "sites.tsv").write_text('site\tnote\tfamily\na.org\tan "odd note\tgroup\n', "utf-8")
    return folder


def write_labelled(folder, labels="1\ttitle\n3\tbody\n", text="Head\n\nText\n"):
    folder.mkdir(parents=True)
    (folder / "page.txt").write_text(text, "utf-8")
    (folder / "page.labels.tsv").write_text(labels, "utf-8")
    return folder


def test_reads_wcxb(tmp_path):
    (page,) = read_gold(write_wcxb(tmp_path / "wcxb"))
    assert (page.set, page.id, page.kind, page.site, page.family) == (
        "wcxb", "0007", "forum", "example.co.uk", "example.co.uk",
    )  # fmt: skip
    assert page.html == "<p>Text of the pagé." and page.main_text == "Text of the page."
    assert page.text is None and page.labels is None


def test_reads_jsonl_with_families(tmp_path):
    (page,) = read_gold(write_jsonl(tmp_path / "sites"))
    assert (page.set, page.site, page.family, page.script) == ("s", "a.org", "group", "Arabic")
    assert page.html == "<p>متن" and page.main_text == "متن"


def test_reads_labelled_dumps_flat_and_by_site(tmp_path):
    for folder in (tmp_path / "flat", tmp_path / "seeds" / "one-site"):
        write_labelled(folder)
    (flat,), (nested,) = read_gold(tmp_path / "flat"), read_gold(tmp_path / "seeds")
    assert flat.labels == nested.labels == ("title", None, "body", None)
    assert (flat.site, nested.site, nested.set, nested.id) == ("flat", "one-site", "seeds", "page")


def test_a_folder_without_gold_is_an_error(tmp_path):
    with pytest.raises(GoldError, match=f"{tmp_path.name}: no gold here"):
        read_gold(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("1\ttitle\n3 body\n", r"page\.labels\.tsv:2: not a line number"),
        ("1\tlede\n3\tbody\n", r"page\.labels\.tsv:1: unknown label 'lede'"),
        ("1\ttitle\n9\tbody\n", r"page\.labels\.tsv:2: line 9 .* isn't there"),
        ("1\ttitle\n2\tbody\n", r"page\.labels\.tsv:2: line 2 .* blank"),
        ("1\ttitle\n1\tbody\n", r"page\.labels\.tsv:2: line 1 has a label already"),
        ("1\ttitle\n", r"page\.labels\.tsv: no label for line 3"),
    ],
)
def test_wrong_labels_are_named_by_file_and_line(tmp_path, labels, message):
    with pytest.raises(GoldError, match=message):
        list(read_gold(write_labelled(tmp_path / "seeds", labels)))


def test_missing_files_and_fields_are_named(tmp_path):
    write_wcxb(tmp_path / "a")
    (tmp_path / "a" / "html" / "0007.html.gz").unlink()
    with pytest.raises(GoldError, match=r"0007\.html\.gz: can't be read"):
        list(read_gold(tmp_path / "a"))
    write_jsonl(tmp_path / "b")
    with (tmp_path / "b" / "gold.jsonl").open("a") as out:
        out.write('{"site": "a.org"}\n')
    with pytest.raises(GoldError, match=r"gold\.jsonl:2: no 'id'"):
        list(read_gold(tmp_path / "b"))
    write_labelled(tmp_path / "c")
    (tmp_path / "c" / "page.txt").write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(GoldError, match=r"page\.txt: can't be read as UTF-8"):
        list(read_gold(tmp_path / "c"))


def test_truncated_gzip_is_an_error(tmp_path):
    write_wcxb(tmp_path / "a")
    path = tmp_path / "a" / "html" / "0007.html.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(GoldError, match="can't be read"):
        list(read_gold(tmp_path / "a"))


def test_html_is_decoded_as_cleaning_decodes_it(tmp_path):
    folder = write_jsonl(tmp_path / "sites")
    page = '<meta charset="windows-1251"><p>Привет'
    (folder / "pages" / "1.html.gz").write_bytes(gzip.compress(page.encode("cp1251")))
    assert next(read_gold(folder)).html == page


def test_sites_are_registered_domains_or_addresses(tmp_path):
    folder = write_wcxb(tmp_path / "wcxb")
    about = {"files": {"0007": {"domain": "192.168.0.1"}}}
    (folder / "metadata.json").write_text(json.dumps(about), "utf-8")
    assert next(read_gold(folder)).site == "192.168.0.1"


def test_reads_snippets(tmp_path):
    folder = write_jsonl(tmp_path / "recipes", **{"with": ["200 g plums", "Stone the plums."], "without": ["Share"]})
    (folder / "gold.jsonl").rename(folder / "snippets.jsonl")
    (page,) = read_gold(folder)
    assert (page.wanted, page.unwanted) == (("200 g plums", "Stone the plums."), ("Share",))
    assert (page.main_text, page.labels, page.html, page.family) == (None, None, "<p>متن", "group")
    assert page.gold_text == "200 g plums\nStone the plums."
    row = {"site": "a.org", "id": "2", "html": "pages/1.html.gz", "main_text": "no snippets"}
    (folder / "snippets.jsonl").write_text(json.dumps(row), "utf-8")
    with pytest.raises(GoldError, match=r"snippets\.jsonl:1: no 'with'"):
        list(read_gold(folder))


def test_reads_labels_that_say_only_what_is_main_content(tmp_path):
    write_labelled(tmp_path / "portals" / "b.org", "1\tboilerplate\n3\tmain\n")
    (tmp_path / "portals" / "sites.tsv").write_text("site\tlang\tscript\tfamily\nb.org\tth\tThai\tgroup\n", "utf-8")
    (page,) = read_gold(tmp_path / "portals")
    assert page.labels == ("boilerplate", None, "main", None) and page.gold_text == "Text"
    assert (page.site, page.family, page.lang, page.script) == ("b.org", "group", "th", "Thai")


def test_documents_of_a_language_are_no_site(tmp_path):
    folder = tmp_path / "extracted"
    for language in ("sv", "fi"):
        write_labelled(folder / language, "1\tboilerplate\n3\tmain\n")
        for suffix in ("txt", "labels.tsv"):
            (folder / language / f"other.{suffix}").write_bytes((folder / language / f"page.{suffix}").read_bytes())
    (folder / "documents.tsv").write_text("language\tdocument\tsource\n", "utf-8")
    (folder / "sites.tsv").write_text("site\tlang\tscript\tfamily\nsv\tsv\tLatin\t\nfi\tfi\tLatin\t\n", "utf-8")
    pages = list(read_gold(folder))
    assert len({page.family for page in pages}) == len({page.site for page in pages}) == 4
    assert [page.lang for page in pages] == ["fi", "fi", "sv", "sv"]


@pytest.mark.parametrize(("title_in_main", "headline"), [(True, "متن"), (False, None), (None, None)])
def test_the_headline_is_the_first_line_of_a_gold_that_begins_with_it(tmp_path, title_in_main, headline):
    (page,) = read_gold(write_jsonl(tmp_path / "sites", title_in_main=title_in_main, main_text="متن\nو"))
    assert page.headline == headline
