"""The examples in the hooks' own documentation run and print what they show."""

import doctest
import sys
from importlib import import_module

import pytest

HOSTS = {
    "huggingface": "datasets",
    "langchain": "langchain_core",
    "pandas": "pandas",
    "polars": "polars",
    "sklearn": "sklearn",
}


@pytest.mark.parametrize("hook", HOSTS)
def test_the_examples_run(hook):
    pytest.importorskip(HOSTS[hook], reason=f"needs declutter-text[{hook}]")
    pytest.importorskip("trafilatura", reason="the second stage is shown after it")
    found = doctest.testmod(import_module(f"declutter.integrations.{hook}"))
    assert found.attempted >= 7
    assert found.failed == 0


@pytest.mark.parametrize(
    ("module", "host", "extra"),
    [
        *((f"declutter.integrations.{hook}", host, hook) for hook, host in {**HOSTS, "scrapy": "scrapy"}.items()),
        ("declutter.serve.app", "starlette", "serve"),
        ("declutter.serve.server", "uvicorn", "serve"),
    ],
)
def test_who_lacks_the_host_is_told_what_to_install(module, host, extra, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(f"{host}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, host, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ImportError, match=rf'pip install "declutter-text\[{extra}\]"'):
        import_module(module)
