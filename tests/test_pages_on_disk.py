"""Pages kept in a temporary file between two passes."""

from hypothesis import given
from hypothesis import strategies as st

from declutter.files.pages_on_disk import PagesOnDisk
from declutter.pages import Page

names = st.none() | st.text(max_size=5)
contents = st.one_of(
    st.text(st.characters(), max_size=20).map(lambda text: {"text": text}),  # surrogates included
    st.text(st.characters(), max_size=20).map(lambda html: {"html": html}),
    st.binary(max_size=20).map(lambda html: {"html": html}),
)
pages = st.builds(
    lambda page_id, site, url, content: Page(page_id, site, url, **content), st.text(max_size=5), names, names, contents
)


@given(st.lists(pages, max_size=5))
def test_pages_come_back_as_they_were_and_as_often_as_asked(given_pages):
    kept = PagesOnDisk(iter(given_pages))
    assert list(kept) == list(kept) == given_pages
    kept.close()


def test_pages_are_read_once_and_not_held_in_memory():
    read = []

    def source():
        for number in range(1000):
            read.append(number)
            yield Page(str(number), text="\r\n\u2028\ud800" * 10)

    kept = PagesOnDisk(source())
    assert read == list(range(1000))
    assert [page.id for page in kept] == [str(number) for number in range(1000)]
    assert [page for page in vars(kept).values() if isinstance(page, Page | list)] == []
    kept.close()
