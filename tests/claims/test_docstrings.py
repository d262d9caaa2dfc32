"""What the Python reference and the helps say is so: arguments, attributes, raised errors, defaults and examples.

The reference is made of docstrings, so that nobody types it twice; what a docstring says of the code is held here
against the code.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.analysis.search_defaults import MOST_FOUND, PERMUTATIONS
from lstm_tui.cli import source as cli_source
from lstm_tui.cli.arguments import command_names, whole_parser
from lstm_tui.cli.training import DISTANCE
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.formats.captures.captured_run import CapturedRun
from lstm_tui.models.recipes import bindings

from .spans import option_helps
from .typed import refused

PARSER = whole_parser()
FOREIGN = {"torch", "np", "pandas", "polars", "loss"}
"""Names before a dot whose attributes are not ours."""


def public() -> Iterator[tuple[str, Any]]:
    """Yield every public name of Python with what it is; of a class its methods and properties too."""
    for name in lstm_tui.__all__:
        given = getattr(lstm_tui, name)
        if name == "__version__":
            continue
        yield name, given
        for method, own in sorted(_own(given).items()) if inspect.isclass(given) else ():
            if not method.startswith("_") and (inspect.isfunction(own) or isinstance(own, property | cached_property)):
                yield f"{name}.{method}", own


def _own(given: type) -> dict[str, Any]:
    ours = [one for one in given.__mro__ if one.__module__.startswith("lstm_tui.")]
    return {name: own for one in reversed(ours) for name, own in vars(one).items()}


PUBLIC = dict(public())


def part(text: str, heading: str) -> str:
    """Return what stands below a heading of a docstring."""
    found = re.search(rf"^{heading}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    return found[1] if found else ""


def named_in(text: str, heading: str) -> list[str]:
    """Return the names that are told below a heading, in their order."""
    return re.findall(r"^    \*{0,2}([\w., ]+):", part(text, heading), re.MULTILINE)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_arguments_that_a_docstring_tells_are_taken(name: str) -> None:
    given, text = PUBLIC[name], inspect.getdoc(PUBLIC[name]) or ""
    told = [one for names in named_in(text, "Args") for one in names.split(", ")]
    if told:
        taken = [one for one in inspect.signature(given).parameters if one != "self"]
        assert told == taken


@pytest.mark.parametrize("name", PUBLIC)
def test_the_attributes_and_errors_that_a_docstring_tells_are_there(name: str) -> None:
    given, text = PUBLIC[name], inspect.getdoc(PUBLIC[name]) or ""
    for one in named_in(text, "Attributes"):
        assert set(one.split(", ")) <= attributes_of(given), one
    for names in named_in(text, "Raises"):
        for one in re.split(r", | or ", names):
            assert one in errors_there(), one
            if hasattr(builtins, one):  # ours may be raised by what it calls; Python's own are raised beside it
                assert f"raise {one}" in inspect.getsource(inspect.getmodule(code_of(given))), one  # type: ignore[arg-type]
    function = (
        given.func if isinstance(given, cached_property) else given.fget if isinstance(given, property) else given
    )
    if inspect.isfunction(function):
        raises = {
            ast.unparse(node.exc) for node in ast.walk(tree_of(function)) if isinstance(node, ast.Raise) and node.exc
        }
        kinds = {match[0] for one in raises if (match := re.match(r"\w*(?:Error|Exit)", one))}
        assert kinds - {"AttributeError"} <= set(re.findall(r"\w+", part(text, "Raises"))), "what it raises is told"


def code_of(given: Any) -> Any:
    """Return the function of a property, and what is no property as it is."""
    return given.func if isinstance(given, cached_property) else given.fget if isinstance(given, property) else given


@cache
def errors_there() -> frozenset[str]:
    """Return the names of every error there is: Python's, and ours wherever it is defined."""
    ours = [one for one in tuple(sys.modules.values()) if getattr(one, "__name__", "").startswith("lstm_tui.")]
    return frozenset(
        name
        for module in (builtins, *ours)
        for name, one in vars(module).items()
        if inspect.isclass(one) and issubclass(one, BaseException)
    )


def tree_of(function: Any) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def attributes_of(given: Any) -> set[str]:
    """Return what a class has by name: its own, its fields, and what its docstring lists that its objects have."""
    found = set(dir(given))
    for one in getattr(given, "__mro__", ()):
        found |= set(getattr(one, "__annotations__", ()))
        with_self = ast.walk(ast.parse("")) if one is object or not one.__module__.startswith("lstm_tui") else ast.walk(
            ast.parse(textwrap.dedent(inspect.getsource(one)))
        )  # fmt: skip
        found |= {
            node.attr
            for node in with_self
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        }
    return found


@cache
def every_attribute() -> frozenset[str]:
    """Return every attribute of what can be had in Python: of public classes, and of what their attributes are."""
    found = set(lstm_tui.__all__)
    kinds = {one for name, one in PUBLIC.items() if inspect.isclass(one)}
    for kind in kinds:
        found |= attributes_of(kind)
    values = {value for cell in cell_names() for value in load_cell(cell).values}
    return frozenset(found | values | attributes_of(CapturedRun))


def spans() -> list[tuple[str, str]]:
    """Return what stands in backticks in the docstrings, with the name whose docstring it is."""
    return [
        (name, " ".join(span.split()))
        for name, given in PUBLIC.items()
        for span in re.findall(r"`([^`]+)`", inspect.getdoc(given) or "")
    ]


def attributes_in(span: str) -> Iterator[str]:
    """Yield the attributes of ours that a piece of Python asks for."""
    text = f"x{span}" if re.match(r"\.[a-z]\w*[\[(.]|\.[a-z]\w*$", span) else span
    text = text.removeprefix("with ").removesuffix(":").replace("…", "0").replace("(...)", "()")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
                root = root.func if isinstance(root, ast.Call) else root.value
            if not (isinstance(root, ast.Name) and root.id in FOREIGN):
                yield node.attr


PASSES = re.compile(r"layer\d+(\.\w+(\[\d+\])?)*|layerN.*|[a-z]+/.*")
ENDINGS = re.compile(r"\.(json|ndjson|npz)")


def test_every_attribute_that_a_docstring_asks_for_is_there() -> None:
    wrong = [
        f"{name}: {span}: {one}"
        for name, span in spans()
        if not PASSES.fullmatch(span) and not ENDINGS.fullmatch(span) and span != "enc.rnn" and not span.startswith('"')
        for one in attributes_in(span)
        if one not in every_attribute()
    ]
    assert wrong == []


def test_every_line_that_a_docstring_types_is_accepted() -> None:
    typed = [line for _, span in spans() for line in re.findall(r"\.(?:execute|edit)\('([^']+)'\)", span)]
    found = [line for _, span in spans() for line in re.findall(r"\.(?:value|find)\(\"([^\"]+)\"\)", span)]
    plain = [span for _, span in spans() if re.search(r" [<>] |^(isnan|mean|max|norm)\(", span) and '"' not in span]
    plain = [one for one in plain if not re.search(r"\bb_f|^run|^with", one)]
    lines = (*typed, *(f"print {one}" for one in (*found, *plain)))
    assert len(lines) > 5
    assert [why for why in refused(lines) if why] == []


def test_every_command_and_option_that_a_docstring_names_is_there() -> None:
    for name, span in spans():
        if span.startswith("lstm-tui "):
            assert span.split()[1] in command_names(), (name, span)
        elif span.startswith("--"):
            assert span in option_helps(), (name, span)
        elif re.fullmatch(r"[a-z]+(-[a-z]+)+", span):
            assert span in VERBS.words, (name, span)


# --- shapes ---------------------------------------------------------------------------------------------

SHAPE = re.compile(r"\((?:T|H|K|n), ?(?:[A-Zn])?\)")


@cache
def had() -> dict[str, Any]:
    """Return one of each thing that docstrings speak of, by the name they give it, and by its class."""
    session = lstm_tui.session("The movie was not bad", model="sentiment")
    trace = session.frame.trace
    ledger = lstm_tui.ledger(trace, "bad")
    passed = trace["layer0.forward"]
    again = lstm_tui.session("The movie was not bad", model="sentiment")
    again.edit('replace 4 "good"')
    other = lstm_tui.compare(again.baseline, again.frame.trace)
    found = {"session": session, "trace": trace, "ledger": ledger, "passed": passed, "lstm_tui": lstm_tui, "np": np}
    by_class = {type(one).__name__: one for one in (session, trace, ledger, passed, other)}
    return by_class | found


def fits(shape: tuple[int, ...], told: str) -> bool:
    """Say whether an array has the shape that is told of it: T tokens, H units, K outputs, n of anything."""
    trace = had()["trace"]
    sizes = {"T": len(trace.sequence), "H": had()["passed"]["h"].shape[1], "K": len(trace.result)}
    letters = re.findall(r"[A-Zn]", told)
    return len(shape) == len(letters) and all(
        letter == "n" or size == sizes[letter] for size, letter in zip(shape, letters, strict=True)
    )


def shapes_told() -> list[tuple[str, str, str]]:
    """Return each piece of Python that a docstring gives a shape of: where, what to evaluate, and the shape."""
    found = []
    for name, given in PUBLIC.items():
        text = " ".join((inspect.getdoc(given) or "").split())
        for span, told in re.findall(rf"`([^`]+)` is (?:an array |a )?({SHAPE.pattern})", text):
            found.append((name, span.replace("trace(...)", "trace"), told))
        for span, also, told in re.findall(rf"`([^`]+)` and `([^`]+)` are ({SHAPE.pattern})", text):
            found += [(name, one, told) for one in (span, also)]
        kind, _, field = name.partition(".")
        told_first = SHAPE.search(text)
        if field and told_first and not inspect.isfunction(given) and kind in had():
            found.append((name, f"{kind}.{field}", told_first[0]))
        for field in named_in(inspect.getdoc(given) or "", "Attributes") if name in had() else ():
            said = re.search(rf"^    {field}: .*", inspect.getdoc(given) or "", re.MULTILINE)
            shapes = SHAPE.findall(said[0]) if said else ()
            if shapes:
                found.append((name, f"{name}.{field}", " or ".join(shapes)))
    return found


def test_what_a_docstring_has_a_shape_of_has_it() -> None:
    looked, wrong = 0, []
    for name, span, told in shapes_told():
        value = eval(span, dict(had()))
        for one in value.values() if isinstance(value, dict) else [value]:
            if one is not None and hasattr(one, "shape"):
                looked += 1
                wrong += (
                    []
                    if any(fits(one.shape, each) for each in told.split(" or "))
                    else [f"{name}: {span} is {told}: {one.shape}"]
                )
    assert wrong == []
    assert looked > 10


# --- the helps ------------------------------------------------------------------------------------------

COMPUTED = {"1e-4": 1e-4, "twice --distance for recall": None}
BY_CODE: dict[str, object] = {
    "hidden": cli_source.UNITS, "layers": cli_source.LAYERS, "distance": DISTANCE, "pairs": bindings.PAIRS,
    "seed": 0, "context": 0, "top": MOST_FOUND, "permutations": PERMUTATIONS, "seed_of": 0,
}  # fmt: skip
"""Defaults that a command takes where nothing is given, so that it can tell the two apart: by option, from the code."""


def actions() -> Iterator[tuple[str, argparse.Action]]:
    for name, command in PARSER.commands.items():
        for group in command._action_groups:
            for action in group._group_actions:
                yield name, action


def defaults() -> list[tuple[str, argparse.Action, str]]:
    """Return every option whose help ends with a default that is a number, or a name it takes, with that."""
    found = []
    for name, action in actions():
        told = re.search(r"\(default: ([^\s()]+)\)$", action.help or "")
        if told and (re.search(r"\d", told[1]) or action.default is not None):
            found.append((name, action, told[1]))
    return found


@pytest.mark.parametrize(
    ("command", "action", "told"), defaults(), ids=lambda one: getattr(one, "dest", one) if one else "none"
)
def test_a_default_that_a_help_tells_is_the_default(command: str, action: argparse.Action, told: str) -> None:
    held = BY_CODE.get(action.dest) if action.default is None else action.default
    assert held is not None, "name the default of the code in BY_CODE"
    assert told == str(held) or float(told) == pytest.approx(float(str(held))), (command, action.dest)


def test_a_default_that_the_parser_holds_is_told() -> None:
    """A number that is taken where none is given is in the help: nobody has to read the code for it."""
    untold = [
        f"{name} {action.dest}: {action.default}"
        for name, action in actions()
        if isinstance(action.default, int | float)
        and not isinstance(action.default, bool)
        and action.help != argparse.SUPPRESS
        and "default" not in (action.help or "")
        and action.default != 0
    ]
    assert untold == []
