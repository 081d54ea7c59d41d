"""LangChain: a transformer of documents.

>>> from langchain_core.documents import Document
>>> from declutter.integrations.langchain import CleanDocuments
>>> page = "Home\\nNews\\nThe boats came back at dawn, and nobody had slept that night.\\nShare\\n"
>>> documents = [Document(page, metadata={"source": "https://example.org/boats"})]
>>> CleanDocuments().transform_documents(documents)[0].page_content  # or await .atransform_documents(documents)
'The boats came back at dawn, and nobody had slept that night.\\n'

After another extractor:

>>> import trafilatura
>>> extracted = [Document(trafilatura.extract(f"<p>{page}</p>") or "")]
>>> again = CleanDocuments().transform_documents(extracted)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

try:
    from langchain_core.documents import BaseDocumentTransformer, Document
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[langchain]"') from error

from declutter import Cleaner, Page

ERROR_KEY = "declutter_error"


class CleanDocuments(BaseDocumentTransformer):
    """Keeps the main content of documents. Their ids and metadata stay, and the documents given are not changed.

    The URL of a document, which tells its site, is what the first of `url_keys` in its metadata holds, where that
    begins with http:// or https://; `site_key` names the site itself. `html` says that the documents are HTML.
    Without a profile, the documents of one call are learned from first. A document that can't be judged is passed
    through whole, and says why in its metadata, under `declutter_error`.
    """

    def __init__(
        self,
        cleaner: Cleaner | None = None,
        *,
        html: bool = False,
        url_keys: Sequence[str] = ("url", "source"),
        site_key: str | None = None,
    ):
        self.cleaner = cleaner or Cleaner()
        self.html = html
        self.url_keys = tuple(url_keys)
        self.site_key = site_key

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """The documents cleaned, in order. Takes no further arguments: raises TypeError for any."""
        if kwargs:
            raise TypeError(f"no such argument: {', '.join(kwargs)}")
        cleaned = self.cleaner.clean_pages([self._page(*numbered) for numbered in enumerate(documents)])
        done = []
        for document, page in zip(documents, cleaned, strict=True):
            told = {} if page.error is None else {ERROR_KEY: page.error}
            changes = {"page_content": page.text, "metadata": {**document.metadata, **told}}
            done.append(document.model_copy(update=changes))
        return done

    def _page(self, number: int, document: Document) -> Page:
        content = {"html" if self.html else "text": document.page_content}
        site = None if self.site_key is None else document.metadata.get(self.site_key)
        return Page(document.id or str(number), site, self._url(document.metadata), **content)

    def _url(self, metadata: dict) -> str | None:
        values = (metadata.get(key) for key in self.url_keys)
        return next((value for value in values if str(value).startswith(("http://", "https://"))), None)
