"""For all tests."""

from __future__ import annotations

import os
import signal
import tempfile
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from jinja2 import FileSystemBytecodeCache
from werkzeug.routing import Rule

# A shell without job control has what it starts in the background ignore Ctrl-C, and so would every server that a test
# starts and ends that way.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("yobirin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("yobirin")

# Hundreds of tests make the application anew. Its templates and addresses are the same each time, and compiling them
# would be half of the work; both are found by their text, so that another text is compiled.
_COMPILED = Path(tempfile.gettempdir()) / f"yobirin-compiled-{os.getuid()}"
_COMPILED.mkdir(mode=0o700, exist_ok=True)
Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(_COMPILED))}
_BUILDERS: dict[Any, Any] = {}
_compile_builder = Rule._compile_builder  # werkzeug's own; where it is gone only this is to be taken out


@wraps(_compile_builder)
def _compiled_once(self: Rule, append_unknown: bool = True) -> Any:
    key = (self.rule, tuple(self._trace), repr(self.defaults), append_unknown)
    if key not in _BUILDERS:
        _BUILDERS[key] = _compile_builder(self, append_unknown)
    return _BUILDERS[key]


Rule._compile_builder = _compiled_once  # type: ignore[method-assign]

WAITING = ("realpbx", "stories", "browser")
"""Folders whose tests mostly wait, for calls and for screens."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: somebody always waits for a telephone to ring. (Two more are no quicker.)"""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait begin first, so that others work beside them and none of them is left alone at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in WAITING)
