"""The hook for LangChain, with the real library."""

import asyncio

import pytest

import declutter.cleaner
from declutter import Cleaner, Profile

pytest.importorskip("langchain_core", reason="needs declutter-text[langchain]")

from langchain_core.documents import BaseDocumentTransformer, Document  # noqa: E402

from declutter.integrations.langchain import CleanDocuments  # noqa: E402


@pytest.fixture
def documents(pages):
    return [
        Document(page_content=page.text, id=page.id, metadata={"source": page.url, "number": number})
        for number, page in enumerate(pages)
    ]


def test_documents_are_what_clean_pages_makes_of_them(documents, pages, kept):
    cleaned = CleanDocuments().transform_documents(documents)
    assert [document.page_content for document in cleaned] == kept
    assert [(document.id, document.metadata) for document in cleaned] == [
        (document.id, document.metadata) for document in documents
    ]
    assert [document.page_content for document in documents] == [page.text for page in pages]
    assert isinstance(CleanDocuments(), BaseDocumentTransformer)


def test_the_event_loop_goes_on_while_documents_are_cleaned(documents, kept):
    async def clean_and_count():
        ticks = 0
        task = asyncio.create_task(CleanDocuments().atransform_documents(documents))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return await task, ticks

    cleaned, ticks = asyncio.run(clean_and_count())
    assert [document.page_content for document in cleaned] == kept
    assert ticks > 3


def test_html_documents_and_sources_that_are_no_urls():
    html = "<p>The boats came back at dawn, and nobody had slept that night.</p>"
    documents = [Document(html, metadata={"source": source}) for source in ("pages/a.html", 5, None)]
    cleaned = CleanDocuments(html=True).transform_documents(documents)
    assert {document.page_content for document in cleaned} == {html[3:-4]}
    assert CleanDocuments().transform_documents([]) == []


def test_a_site_may_stand_in_the_metadata(pages, kept):
    documents = [Document(page.text, metadata={"domain": page.url.split("/")[2][4:]}) for page in pages]
    cleaned = CleanDocuments(site_key="domain").transform_documents(documents)
    assert [document.page_content for document in cleaned] == kept


def test_a_document_that_fails_says_so_in_its_metadata(monkeypatch):
    def fails(lines):
        raise RuntimeError("too hot")

    monkeypatch.setattr(declutter.cleaner, "measure", fails)
    transformer = CleanDocuments(Cleaner(profile=Profile()))
    (cleaned,) = transformer.transform_documents([Document("Home\n", metadata={"a": 1})])
    assert cleaned.page_content == "Home\n"
    assert cleaned.metadata == {"a": 1, "declutter_error": "RuntimeError: too hot"}


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="no such argument: keep"):
        CleanDocuments().transform_documents([], keep={"body"})
