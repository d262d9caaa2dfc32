"""One guard at every reader of what a stranger wrote."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest
from parsed import nodes_of, tree_of

import lstm_tui
from lstm_tui.engine.doors import DOORS, door, guarded
from lstm_tui.engine.errors import UserError

PACKAGE = Path(lstm_tui.__file__).parent
READS = {"read_bytes", "read_text", "opened", "open", "fromfile", "load_model", "memmap"}
"""Calls that bring bytes in."""
OWN = {
    "formats/io/files.py": "the owner of kinds and sizes, called by doors; and writes",
    "formats/traces/as_npz.py": "writes",
    "formats/io/command_history.py": "our own history",
    "formats/io/preferences.py": "our own settings",
    "formats/io/log_file.py": "writes",
    "formats/io/progress_file.py": "writes what it has read behind a door of its own",
    "formats/io/journal.py": "our own journals, read by `recover`, which guards them",
    "debugger/commands/console.py": "writes",
    "formats/importers/onnx/file.py": "inside the door of a network",
    "formats/importers/keras/file.py": "inside the door of a network",
    "formats/importers/torch/file.py": "takes bytes apart",
    "formats/importers/keras/hdf5.py": "takes bytes apart",
    "tui/environment.py": "the terminal, and a file the screen has just written",
    "cli/main.py": "/dev/null",
    "serving/editors.py": "the system's own table of connections",
    "debugger/endings.py": "/dev/null",
    "debugger/manual.py": "a page of the package",
    "notebooks/session_widget.py": "the script and the style of the package",
    "serving/server.py": "the page of the package",
    "engine/runtime/cores.py": "what the system says of its own cores, where anything unknown is taken for nothing",
    "engine/runtime/kernel_cache.py": "our own cache, whose every failure means compiling again",
    "tui/app.py": "shows the screen",
    "tui/views/without_session.py": "shows the screen",
    "cli/run.py": "the terminal",
    "models/recipes/chars.py": "recipes of ours",
    "models/recipes/sentiment.py": "recipes of ours",
    "models/packages.py": "recipes of ours",
}
"""Files that bring bytes in by themselves, with why that is no door of its own."""


def every_module() -> None:
    for one in pkgutil.walk_packages([str(PACKAGE)], "lstm_tui."):
        if one.name.rpartition(".")[2] != "__main__":
            importlib.import_module(one.name)


def callers() -> list[tuple[str, str, bool]]:
    """Return each function that brings bytes in: its file, its name, and whether it is guarded."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        for node in nodes_of(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and _reads(node):
                marks = {ast.unparse(one).partition("(")[0] for one in node.decorator_list}
                inside = any(isinstance(one, ast.Name) and one.id == "guarded" for one in ast.walk(node))
                found.append((name, node.name, "door" in marks or inside))
    return found


def _reads(node: ast.FunctionDef) -> bool:
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            called = one.func
            word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
            if word in READS and owner not in ("Session", "TypedSession", "plainly", "archive", "Incoming"):
                return True
    return False


def test_whoever_brings_bytes_in_is_guarded_or_says_why_not() -> None:
    guarded_by = {
        "cli/plain.py": "read_text", "cli/cells.py": "read_text", "debugger/commands/files.py": "read_text",
        "cli/dap.py": "read_text", "cli/autosave.py": "reopened", "debugger/edits/teaching.py": "read_text",
    }  # fmt: skip
    missing = [
        f"{file}: {function}"
        for file, function, is_guarded in callers()
        if not is_guarded and file not in OWN and file not in guarded_by
    ]
    inner = {"importers/open.py: _tensors", "readout.py: _bundled", "cell.py: _bundled"}
    assert [one for one in missing if not one.endswith(tuple(inner))] == []


def test_every_door_stands_in_the_table_and_turns_any_exception_into_one_line(tmp_path: Path) -> None:
    every_module()
    assert len(DOORS) > 15
    for name in DOORS:
        module, _, function = name.rpartition(".")
        if module.startswith("tests."):
            continue
        assert hasattr(getattr(importlib.import_module(module), function), "__wrapped__"), name


@pytest.mark.parametrize("error", [
    *(kind for kind in vars(__import__("builtins")).values()
      if isinstance(kind, type) and issubclass(kind, Exception) and kind is not UnicodeTranslateError
      and not issubclass(kind, (UnicodeError, BaseExceptionGroup))),
    type("PanicException", (BaseException,), {}), type("Odd", (Exception,), {}),
])  # fmt: skip
def test_whatever_a_library_raises_is_told_in_one_line(error: type[BaseException]) -> None:
    @door("a thing")
    def read(path: str) -> None:
        raise error("it\nis\x1b[2J")

    with pytest.raises(UserError) as told:
        read("a\x1bb")
    assert str(told.value).startswith("a␛b: ")
    assert str(told.value).isprintable()
    assert isinstance(told.value.__cause__, error)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_who_asks_to_leave_is_let_through(error: type[BaseException]) -> None:
    with pytest.raises(error), guarded("x", "a thing"):
        raise error


def test_our_own_line_is_left_as_it_is() -> None:
    with pytest.raises(UserError, match=r"^x: no$"), guarded("y", "a thing"):
        raise UserError("x: no")
