"""The house stays the house: import contracts, fixed top level, docstrings."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("cti_server", "adapters/cti_adapters", "web/cti_web", "simulators/cti_simulators")


def test_import_contracts_hold() -> None:
    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_config_holds_settings_only() -> None:
    others = [path for path in (ROOT / "config").rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert not others


def test_tracked_text_names_no_registry_and_no_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    words = [
        b"pypi" + b".org",
        b"npmjs" + b".org",
        b"npmjs" + b".com",
        b"files.python" + b"hosted",
        b"deb.debian" + b".org",
        b"/work/" + b"main",
        b"/work/" + b"shared",
    ]
    for name in tracked.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file() or path.suffix in {".raw", ".png", ".mo"}:
            continue
        text = path.read_bytes()
        assert not [word for word in words if word in text], name


def test_everything_public_says_what_it_means() -> None:
    missing = []
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            if "versions" in path.parts:
                continue
            if not ast.get_docstring(tree):
                missing.append(str(path))
            for node in tree.body:
                public = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
                if public and not ast.get_docstring(node):
                    missing.append(f"{path}:{node.lineno} {node.name}")
    assert not missing
