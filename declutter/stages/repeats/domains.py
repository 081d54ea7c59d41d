"""The site that a URL names: its registered domain, by the public suffix list that comes with its package."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@cache
def _suffix_list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # 40 ms: only for pages with URLs

    return PublicSuffixList()


def registered_domain(url: str | None) -> str | None:
    """The registered domain of a URL ("www.bbc.co.uk" gives "bbc.co.uk"), or its host where it has none."""
    if not url:
        return None
    try:
        host = urlsplit(url if "//" in url else "//" + url).hostname
    except ValueError:  # a malformed address names no site
        return None
    return _domain_of(host) if host else None


@lru_cache(maxsize=65_536)  # pages of one host come together
def _domain_of(host: str) -> str:
    if host.rpartition(".")[2].isdigit():  # an IP address has no domain
        return host
    return _suffix_list().privatesuffix(host) or host
