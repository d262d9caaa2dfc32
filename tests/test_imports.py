"""How files of the package lean on each other, read from their text: no circles, no private names, no twins."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from parsed import nodes_of, tree_of

import lstm_tui
from lstm_tui.debugger.panes import PANES
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.version import __version__

PACKAGE = Path(lstm_tui.__file__).parent


def module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> Mapping[str, ast.Module]:
    """Return every file of the package by the name of its module."""
    return {module_of(path, PACKAGE.parent): tree_of(path) for path in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.Module, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield the modules that a file names in any import: at its top, in a function, or for annotations alone."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written whole, so that a search for a module finds them all"
            module = str(node.module)
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield from (name for name in (whole if whole in modules else module,) if name in modules)


def circle(modules: Mapping[str, ast.Module]) -> list[str]:
    """Return the modules of one circle of imports, the first once more at its end; nothing where there is none."""
    graph = {name: {other for other in imported(tree, modules) if other != name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports_in_functions_and_annotations_included() -> None:
    assert circle(trees()) == []


@pytest.mark.parametrize(
    "back",
    [
        "from p.a import x",
        "from p import a",
        "import p.a",
        "def f():\n    from p.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import x",
    ],
)
def test_a_circle_is_found_however_it_is_imported(back: str) -> None:
    texts = {"p": "", "p.a": "from p.b import y", "p.b": "from p.c import z", "p.c": back}
    modules = {name: ast.parse(text) for name, text in texts.items()}
    assert set(circle(modules)) == {"p.a", "p.b", "p.c"}
    assert circle(modules | {"p.c": ast.parse("import json")}) == []


def test_an_array_has_one_name_in_annotations() -> None:
    """`Array` of `engine/arrays.py`: shapes and number types stand in words, for a checker follows neither of them."""
    files = [path for path in sorted(Path(__file__).parent.rglob("*.py")) if "darray" in path.read_text().lower()]
    tests = {str(path): tree_of(path) for path in files}
    named = {
        module
        for module, tree in {**trees(), **tests}.items()
        for node in nodes_of(tree)
        if (isinstance(node, ast.alias) and node.name == "NDArray")
        or (isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("ndarray"))
    }
    assert named == {"lstm_tui.engine.arrays"}


def test_every_data_class_is_written_when_it_is_first_used() -> None:
    eager = {
        module
        for module, tree in trees().items()
        for node in nodes_of(tree)
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "dataclasses"
            and "dataclass" in {a.name for a in node.names}
        )
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == "dataclasses.dataclass")
    }
    assert eager == {"lstm_tui.engine.dataclass"}


def test_both_versions_are_one() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__ == lstm_tui.__version__


FOREIGN_PRIVATE = {
    ("lstm_tui.formats.verify.torch_calls", "_compiled_call_impl"): "PyTorch tells in no other way what is compiled",
    ("lstm_tui.cli.arguments", "_ArgumentGroup"): "argparse has no public name for what `add_argument_group` returns",
    ("lstm_tui.cli.arguments", "_group_actions"): "argparse lists what is in a group under no public name",
    ("lstm_tui.cli.arguments", "_actions"): "argparse lists its options under no public name",
    ("lstm_tui.cli.completion", "_actions"): "argparse lists its options under no public name, and shtab reads them so",
    ("lstm_tui.debugger.endings", "_exit"): "os._exit is public in all but its name",
    ("lstm_tui.tui.threads", "_exit"): "os._exit is public in all but its name",
    ("lstm_tui.tui.lesson_check", "_driver"): "Textual's own pilot sets the size of a terminal so",
    ("lstm_tui.tui.lesson_check", "_size"): "Textual's own pilot sets the size of a terminal so",
    ("lstm_tui.analysis.contributions", "_replace"): "a named tuple's public method",
    ("lstm_tui.engine.runtime.fused.interpreter", "_replace"): "a named tuple's public method",
    ("lstm_tui.tui.panes.large_unit", "_replace"): "a named tuple's public method",
    ("lstm_tui.engine.runtime.kernel_cache", "_cache_file"): "Numba tells nobody how its cache's files are read",
    ("lstm_tui.engine.runtime.kernel_cache", "_index_name"): "Numba's own name of a kernel's files",
    ("lstm_tui.engine.runtime.kernels", "_cache"): "where Numba's dispatcher keeps the cache that is guarded here",
    ("lstm_tui.engine.runtime.kernels", "_cache_file"): "tells a Numba cache that can be guarded from one that cannot",
    ("lstm_tui.engine.runtime.kernels", "_getvalue"): "Numba's extension interface gives an array so",
    ("lstm_tui.formats.verify.torch_functions", "_all_weights"): "where PyTorch lists the weights of a layer in order",
    ("lstm_tui.formats.verify.torch_functions", "_flat_weights"): "what PyTorch's layers give their functions",
    ("lstm_tui.formats.verify.torch_functions", "_parameters"): "a weight is put into a made layer as it is, no copy",
    ("lstm_tui.formats.verify.left_untouched", "_unsafe_preserve_version_counter"): "PyTorch has no public way",
    ("lstm_tui.formats.captures.training_steps", "_C"): "where PyTorch keeps the number of a backward pass",
    ("lstm_tui.formats.captures.training_steps", "_current_graph_task_id"): "PyTorch's number of a backward pass",
    ("lstm_tui.formats.captures.training_steps", "_execution_engine"): "PyTorch tells nobody else that a pass ended",
    ("lstm_tui.tui.keys", "_pending_message"): "Textual does not count the message it has looked at already",
    ("lstm_tui.tui.keys", "_callbacks"): "Textual tells nobody whether a screen still waits to be drawn",
    ("lstm_tui.tui.views.screenshot", "_compositor"): "Textual draws a screen to strips nowhere else",
    ("lstm_tui.tui.views.screenshot", "_background_screens"): "what shines through a dialogue",
}
"""Private names of other people's libraries that are used, by whom, and why; of our own files there are none."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def own_names(tree: ast.AST) -> set[str]:
    """Return every name a file gives to something: functions, classes, variables, fields, attributes of self."""
    names: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node.value):
            names.add(node.attr)
    return names


def is_own(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def private_reached(tree: ast.Module, elsewhere: Collection[str] = ()) -> Iterator[tuple[str, int]]:
    """Yield every private name of another file that a file reaches, and in which line.

    Args:
        tree: The file.
        elsewhere: Private names that other files give. What an object is cannot be read, so one of these is taken for
            its own only on a class of the file, or inside a class that gives it too, as where one makes its like.
    """
    own = own_names(tree)
    classes = {node.name: own_names(node) for node in nodes_of(tree) if isinstance(node, ast.ClassDef)}
    inside = {
        id(part): node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in ast.walk(node)
    }

    def is_foreign(name: str, value: ast.expr) -> bool:
        if not is_private(name) or is_own(value):
            return False
        if name not in elsewhere:
            return name not in own
        by_class = isinstance(value, ast.Name) and name in classes.get(value.id, ())
        return not by_class and name not in classes.get(inside.get(id(value), ""), ())

    for node in nodes_of(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.name, node.lineno) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_foreign(node.attr, node.value):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
            if isinstance(name, str) and is_foreign(name, node.args[0]):
                yield name, node.lineno


@cache
def given() -> dict[str, set[str]]:
    """Return the private names that each file gives."""
    return {module: {name for name in own_names(tree) if is_private(name)} for module, tree in trees().items()}


def test_no_private_name_of_another_file_is_reached() -> None:
    reached = {
        (module, name): line
        for module, tree in trees().items()
        for name, line in private_reached(
            tree, set().union(*(names for other, names in given().items() if other != module))
        )
    }
    ours = {where: line for where, line in reached.items() if where not in FOREIGN_PRIVATE}
    assert ours == {}, "give it a public name, or a method of its owner's"
    assert set(FOREIGN_PRIVATE) == set(reached), "whoever is let off has a use for it"


@pytest.mark.parametrize("text", ["other._name", "other._name = 1", "from m import _name", "getattr(other, '_name')"])
def test_a_private_name_is_found_however_it_is_reached(text: str) -> None:
    assert [name for name, _ in private_reached(ast.parse(text))] == ["_name"]


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def f(self, other):\n        self._own = other._name",
        "class A:\n    def f(self):\n        self._name = 1\ndef f(other): other._name",
        "class A:\n    def f(self): self._name = 1\nclass B:\n    def f(self, other): other._name",
    ],
)
def test_a_name_that_two_files_give_is_not_taken_for_its_own(text: str) -> None:
    assert [name for name, _ in private_reached(ast.parse(text), {"_name"})] == ["_name"]


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def f(self, other):\n        self._name = other._name",
        "class A:\n    def _name(self): ...\nTABLE = {1: A._name}",
    ],
)
def test_a_class_may_look_into_its_like(text: str) -> None:
    assert list(private_reached(ast.parse(text), {"_name"})) == []


@pytest.mark.parametrize(
    "text", ["self._name", "super()._name()", "_name = 1\nother._name", "other.__name__", "def _name(): ...\nm._name"]
)
def test_what_is_private_to_one_file_may_be_used_in_it(text: str) -> None:
    assert list(private_reached(ast.parse(text))) == []


def public_classes(tree: ast.AST) -> Iterator[str]:
    """Yield the public classes of a file, those inside another class too: a screen's messages are asked for by name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        yield from public_classes(node)


def test_no_two_public_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for module, tree in trees().items():
        for name in public_classes(tree):
            homes.setdefault(name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_a_class_is_found_wherever_it_stands() -> None:
    text = "class A:\n    class B:\n        class _C:\n            class D: ...\ndef f():\n    class E: ..."
    assert list(public_classes(ast.parse(text))) == ["A", "B", "D", "E"]


def room(module: str) -> str:
    """Return the folder of a module, below the package."""
    return ".".join(module.split(".")[1:-1])


def near(modules: Mapping[str, ast.Module], most: int) -> dict[str, set[str]]:
    """Return which modules each reaches by so many imports, one after the other."""
    graph = {name: set(imported(tree, modules)) for name, tree in modules.items()}
    reached = {name: set(graph[name]) for name in graph}
    for _ in range(most - 1):
        reached = {name: found.union(*(graph[one] for one in found)) for name, found in reached.items()}
    return reached


ONE_FEATURE = {
    "find": "where units behave alike: asked of many files, and as a verb of the file that is open",
    "reach": "how far back the memory reaches: printed, and on the screen",
    "tape": "the tokens of a run: the pane, and its part of the report",
    "readout": "the top of a network: the page that is one, and what makes it of a file",
    "layers": "the layers of a network: their declaration, and what makes it of a file",
}
"""Names whose files need not know of each other, and the one feature that all of them are about."""
MISNAMED = {
    "lstm_tui.formats.importers.torch.program": "code of a file; in the engine, a cell that was compiled",
    "lstm_tui.formats.importers.program.trace": "numbers followed through a graph; elsewhere a trace is a run",
    "lstm_tui.formats.importers.onnx.vocabulary": "tokens; in the engine, what names in a page of equations may mean",
}
"""Files that share a name with something else and are still to be renamed."""


def is_one_feature(one: str, other: str, linked: Mapping[str, set[str]]) -> bool:
    """Say whether two files of one name tell of one feature: one is made of the other, or what both do is written down.

    The stages of reading a network are called alike for each framework, and nothing ties one framework to another.
    """
    if room(one) == room(other):
        return False
    if other in linked[one] or one in linked[other]:
        return True
    importers = all(room(each).startswith("formats.importers") for each in (one, other))
    return importers or one.rpartition(".")[2] in ONE_FEATURE


def strangers(modules: Mapping[str, ast.Module]) -> list[list[str]]:
    """Return the files of one name that nothing ties together; `main` is where a room begins."""
    linked = near(modules, 2)
    named: dict[str, list[str]] = {}
    packages = {name for name in modules if any(other.startswith(f"{name}.") for other in modules)}
    for name in sorted(set(modules) - packages):
        named.setdefault(name.rpartition(".")[2], []).append(name)
    found = []
    for name, homes in named.items():
        tied = homes[:1]
        while more := [one for one in homes if one not in tied and any(is_one_feature(one, t, linked) for t in tied)]:
            tied += more
        if len(tied) < len(homes) and name not in ("main", "__main__"):
            found.append(homes)
    return found


def test_a_file_name_that_stands_twice_names_one_feature() -> None:
    others = {module: tree for module, tree in trees().items() if module not in MISNAMED}
    assert strangers(others) == [], "name the newer file otherwise, or say in ONE_FEATURE what all of them are about"
    assert set(MISNAMED) <= set(trees())
    for module in MISNAMED:
        name = module.rpartition(".")[2]
        assert any(name == homes[0].rpartition(".")[2] for homes in strangers(trees())), (
            f"{module} has a name of its own"
        )


def test_every_feature_that_is_written_down_needs_it() -> None:
    linked = near(trees(), 2)
    apart = {
        name
        for name in ONE_FEATURE
        for one in trees()
        for other in trees()
        if one < other and {one.rpartition(".")[2], other.rpartition(".")[2]} == {name}
        if other not in linked[one] and one not in linked[other]
    }
    assert apart == set(ONE_FEATURE)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"p.tui.panes.output": "", "p.cli.output": ""}, True),
        ({"p.debugger.stream": "", "p.formats.inputs.stream": "", "p.tui.stream": "import p.debugger.stream"}, True),
        ({"p.analysis.health": "", "p.tui.views.health": "import p.analysis.health"}, False),
        ({"p.tui.panes.tape": "", "p.documents.report.tape": ""}, False),
        ({"p.formats.importers.onnx.graph": "", "p.formats.importers.keras.graph": ""}, False),
        ({"p.cli.edit": "import p.x", "p.x": "import p.debugger.edit", "p.debugger.edit": ""}, False),
    ],
)
def test_files_of_one_name_are_told_apart(texts: dict[str, str], found: bool) -> None:
    assert bool(strangers({name: ast.parse(text) for name, text in texts.items()})) == found


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield what a file says: every text in it, without what only describes its own parts."""
    described = {
        id(node.value) for node in nodes_of(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes_of(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


@pytest.mark.parametrize(
    ("among", "owner"),
    [
        ((".ndjson",), "lstm_tui.formats.file_endings"),
        ((".csv", ".npy"), "lstm_tui.formats.file_endings"),
        ((".keras", ".onnx"), "lstm_tui.formats.importers.network_endings"),
    ],
)
def test_endings_of_files_are_listed_once(among: tuple[str, ...], owner: str) -> None:
    """By those that every list of them names, in one text or in one list of texts."""
    listed = {
        module for module, found in said_together() if all(any(ending in text for text in found) for ending in among)
    }
    assert listed == {owner}


@cache
def said_together() -> list[tuple[str, list[str]]]:
    """Return every text of the package that may name an ending, and every list of texts, with its module."""
    found = [
        (module, one)
        for module, tree in trees().items()
        for one in (*([text] for text in texts(tree)), *map(held, nodes_of(tree)))
    ]
    return [(module, one) for module, one in found if any("." in text for text in one)]


def held(node: ast.AST) -> list[str]:
    """Return the texts of a list of constants; of every other part of a file, none."""
    if not isinstance(node, ast.Tuple | ast.List | ast.Set):
        return []
    return [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def kinds(of: type[Pane]) -> Iterator[type[Pane]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_panes_are_named_once() -> None:
    """No other file holds half of their names: what is said of one pane, as of the memory, may use its word."""
    names = {pane.word for pane in PANES}
    lists = [
        module
        for module, tree in trees().items()
        for node in nodes_of(tree)
        if isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set)
        and len(names & {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}) > len(names) // 2
    ]
    assert lists == []
    assert MainScreen.__module__ in sys.modules, "every pane of the screen is imported with it"
    shown = {cls.NUMBER: cls.WORD for cls in kinds(Pane) if cls.__module__.startswith("lstm_tui.tui.panes.")}
    assert shown == {pane.number: pane.word for pane in PANES}
    assert [pane.number for pane in PANES] == list(range(len(PANES)))
