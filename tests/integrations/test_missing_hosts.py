"""Who lacks a host is told which extra to install."""

import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize(("hook", "host"), [("datatrove", "datatrove"), ("ray", "ray"), ("spark", "pyspark")])
def test_the_extra_is_named(hook, host, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(f"{host}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, host, None)
    monkeypatch.delitem(sys.modules, f"declutter.integrations.{hook}", raising=False)
    with pytest.raises(ImportError, match=rf'pip install "declutter-text\[{hook}\]"'):
        import_module(f"declutter.integrations.{hook}")
