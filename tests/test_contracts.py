"""The contracts between packages, checked a second time by reading every file, imports made by name included."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from parsed import nodes_of, tree_of

import lstm_tui

PACKAGE = Path(lstm_tui.__file__).parent
EVERY: list[dict[str, Any]] = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
CONTRACTS = [one for one in EVERY if one["type"] == "forbidden" and one["name"].startswith("Only ")]
"""Those about libraries."""
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Return every top-level package a file imports: by a statement, or by a call with its name."""
    found: list[str] = []
    for node in nodes_of(tree_of(path)):
        if isinstance(node, ast.Import):
            found += (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                found.append(node.args[0].value.partition(".")[0])
    return tuple(found)


def may(module: str, library: str, contract: dict[str, Any]) -> bool:
    for line in contract["ignore_imports"]:
        source, _, target = line.partition(" -> ")
        inside = module.startswith(source.removesuffix(".**")) if source.endswith(".**") else module == source
        if inside and target == library:
            return True
    return False


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda one: one["name"])
def test_a_contract_holds_for_every_file(contract: dict[str, Any]) -> None:
    assert contract["source_modules"] == ["lstm_tui"], "a contract that says only is about the whole package"
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for library in set(imported(path)) & set(contract["forbidden_modules"]):
            assert may(module, library, contract), f"{module} imports {library}"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda one: one["name"])
def test_whoever_is_let_off_has_a_use_for_it(contract: dict[str, Any]) -> None:
    used = {
        line
        for line in contract["ignore_imports"]
        for path in FILES
        for library in imported(path)
        if may(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts), library, {"ignore_imports": [line]})
    }
    assert used == set(contract["ignore_imports"])


def test_a_contract_about_libraries_says_only() -> None:
    """So that none is left out above: what it forbids lies outside the package."""
    for contract in EVERY:
        outside = [one for one in contract.get("forbidden_modules", ()) if not one.startswith("lstm_tui.")]
        assert (contract in CONTRACTS) == bool(outside), contract["name"]


def test_the_order_of_rooms_is_told_as_it_is_checked() -> None:
    layers = [one for one in EVERY[0]["layers"] if one not in ("__main__", "version")]
    assert f"`{' > '.join(layers)}`" in (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    inside = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert {room for layer in layers for room in layer.split(" | ")} == inside


NOT_ASKED = {"http", "socket", "socketserver", "urllib"}  # light, and `pathlib` itself imports one
HEAVY = ({library for contract in CONTRACTS for library in contract["forbidden_modules"]} - NOT_ASKED) | {
    "ctypes",
    "scipy",
}


@pytest.mark.parametrize(
    ("script", "besides"),
    [
        ("import lstm_tui", {"numpy"}),
        (
            "import lstm_tui.cli, contextlib\nwith contextlib.suppress(SystemExit): lstm_tui.cli.main(['--help'])",
            {"numpy"},
        ),
        ("import lstm_tui.engine.runtime.run, lstm_tui.engine.runtime.readout_series", {"ctypes"}),
        ("import lstm_tui; lstm_tui.session('film').execute('next')", {"json", "pickle", "ctypes", "safetensors"}),
    ],
)
def test_what_is_not_needed_is_not_imported(script: str, besides: set[str]) -> None:
    looked = HEAVY | {"numpy"} if "numpy" in besides else HEAVY
    wanted = set() if "numpy" in besides else besides | {"json", "pickle"}  # NumPy itself imports these
    code = f"{script}\nimport sys; print('there:', *sorted({looked!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, text=True, capture_output=True, check=True)
    assert set(done.stdout.rpartition("there:")[2].split()) <= wanted
