"""Where a table exists no test has a list of its own: what is new is tried, or fails by existing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from parsed import nodes_of, tree_of
from registries import sampled, tables

import lstm_tui.tui

TESTS = Path(__file__).parent
FEW = 4
"""So many names make a list: two or three are an example."""
MOST = 0.8
"""A list that holds this part of a table's rows is a copy of the table, whatever else it holds."""
HAND_WRITTEN = {
    ("attack/doors_table.py", "commands"): "those that read an input by a network; a door without a row fails there",
    ("debugger/test_gdb_habits.py", "verbs"): "how some are asked whose example is of another network; all are asked",
    ("debugger/test_overwriting.py", "verbs"): "those that take a file and do not write it anew: they read, or add",
    ("test_cli_usage.py", "commands"): "what those take that need more than a text; every command is asked",
    ("attack/ends.py", "commands"): "what keeps each busy; that every command has it is tested",
    ("attack/said_again.py", "ops"): "how the truth harness says four of them again",
    ("attack/truth.py", "ops"): "the four that the truth harness says again",
    ("attack/truth.py", "verbs"): "those that leave, read other files or take long: other harnesses have them",
    ("cells/test_readouts.py", "readouts"): "oracles; with those of attention they are all, which is tested",
    ("cells/test_roles.py", "cells"): "oracles by form; that every cell has one is tested",
    ("debugger/test_equation_edits.py", "cells"): "of each refusal, a cell that deserves it",
    (
        "debugger/test_matrix_memories.py",
        "cells",
    ): "those whose heads have keys of their own, with what goes with a column",
    ("debugger/test_stream.py", "bundled networks"): "a text for each kind of what is read",
    ("documents/test_worksheet.py", "ops"): "what a pencil takes; a cell with another fails there",
    (
        "engine/test_every_op_gradient.py",
        "ops",
    ): "the domain of each, and those written by a sign; that all are is tested",
    ("engine/made_programs.py", "ops"): "those that no page can call; every other is tried",
    ("engine/test_interpreter_choice.py", "commands"): "those that run a network, each with what makes it",
    ("engine/test_interpreters.py", "ops"): "those written by a sign; every other is called by its name",
    (
        "tui/test_glossary.py",
        "bundled networks",
    ): "one of each kind that has words of its own; every cell's are tried there",
    ("tui/test_screen_composition.py", "actions of keys"): "exactly those that need no run",
    ("tui/test_screen_windows.py", "panes"): "those that draw what a window holds",
    ("test_cli_bad_input.py", "commands"): "those with an option that holds an expression or a range",
    ("engine/test_both_steps.py", "cells"): "those whose odd sizes are tried at random; every cell is tried there",
    ("engine/test_shared_step.py", "cells"): "those whose odd sizes are tried at random; every cell is tried there",
    ("test_option_table.py", "commands"): "some that READS_FILE must name, so that a table of nothing is no test",
    ("test_cli_streams.py", "commands"): "what each is asked; one without a row fails there",
    ("test_cli_json.py", "commands"): "what each that has --json is asked; one without a row fails there",
    ("test_cli_warnings.py", "commands"): "those that are left out, each with why; with the others they are all",
}
"""Lists of some rows of a table, by file and table, each with why it is no table's own."""


def lists_in(tree: ast.Module) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield the names of each literal list, set, tuple or dictionary of names alone, and of each list of such rows."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Dict):
            parts = [one for one in node.keys if one is not None]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            parts = list(node.elts)
        else:
            continue
        names = [name_of(one) for one in parts]
        if names and all(names):
            yield getattr(node, "lineno", 0), frozenset(name for name in names if name)


def name_of(node: ast.expr) -> str | None:
    """Return the text that a part of a list is or begins with: that of a row, of a parameter of a test."""
    if isinstance(node, ast.Tuple) and node.elts:
        return name_of(node.elts[0])
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith("param"):
        return name_of(node.args[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def hand_written(tree: ast.Module) -> dict[str, tuple[int, frozenset[str]]]:
    """Return the lists that hold some rows of a table and nothing else, or most rows of it, by the table."""
    found = {}
    for line, names in lists_in(tree):
        for table, rows in tables().items():
            if len(names) >= FEW and (names < rows or len(names & rows) >= MOST * len(rows)):
                found[table] = line, names
    return found


def test_no_test_has_a_list_of_its_own_where_a_table_exists() -> None:
    found = {
        (str(path.relative_to(TESTS)), table): where
        for path in sorted(TESTS.rglob("*.py"))
        for table, where in hand_written(tree_of(path)).items()
    }
    assert {where: one for where, one in found.items() if where not in HAND_WRITTEN} == {}, "take the table's rows"
    assert set(HAND_WRITTEN) == set(found), "whoever is let off has a use for it"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("X = ['lstm', 'gru', 'rnn', 'grid']", True),
        ("X = {'lstm': 1, 'gru': 2, 'rnn': 3, 'grid': 4}", True),
        ("X = [('lstm', 1), ('gru', 2), pytest.param('rnn', 3), ('grid', 4)]", True),
        ("X = ['lstm', 'gru', 'rnn']", False),
        ("X = ['lstm', 'gru', 'rnn', 'grid', 'something else']", False),
        (f"X = {sorted(tables()['cells'])}", True),
        (f"X = {[*sorted(tables()['cells'])[2:], 'something else']}", True),
    ],
)
def test_a_list_is_found_however_it_is_written(text: str, found: bool) -> None:
    assert bool(hand_written(ast.parse(text))) == found


@pytest.mark.parametrize("table", tables())
def test_a_part_of_a_table_leaves_no_row_out(table: str) -> None:
    rows = sorted(tables()[table])
    names = [one if isinstance(one, str) else one.values[0] for one in sampled(rows, 3)]
    assert names == rows
    assert isinstance(sampled(rows, 3)[0], str)


READ_BACK = [TESTS / "tui" / "test_drawings_read_back.py", TESTS / "tui" / "test_views_read_back.py"]
READ_OTHERWISE = {
    "draw_token_map": "by the picture of the view that shows it",
    "draw_health": "by the picture of the view that shows it",
    "draw_attention": "tests/tui/test_screen_looking.py, cell by cell",
    "draw_causes": "tests/tui/test_screen_causes.py, cell by cell",
    "draw_coloured_text": "tests/tui/test_screen_coloured_text.py, token by token",
    "draw_dynamics": "tests/tui/test_screen_dynamics.py, row by row",
    "draw_influence": "by the picture of the view that shows it",
    "draw_reach": "by the picture of the view that shows it",
    "draw_header": "words: tests/tui/test_screen_sizes.py has them at every size",
    "draw_footer": "words: tests/tui/test_screen_keys.py has each key",
    "draw_tabs": "words: the panes by their names",
    "draw_now": "words: tests/tui/test_now_line.py has them at every width",
    "draw_now_in_two": "words: tests/tui/test_now_line.py has them at every width",
    "draw_cell": "an equation: tests/tui/test_screen_equations.py works its numbers out",
    "draw_equation_line": "an equation: tests/tui/test_screen_equations.py works its numbers out",
    "draw_step": "spans of one unit: tests/tui/test_screen_one_unit.py reads them",
    "draw_equation": "an equation: tests/tui/test_screen_one_unit.py reads it",
    "draw_large_tape": "the tokens of one unit: tests/tui/test_screen_one_unit.py reads them",
    "draw_curves": "tests/tui/test_screen_curves.py, dot by dot",
    "draw_diagram": "tests/debugger/test_diagram.py follows its lines, tests/tui/test_screen_diagram.py what is lit",
    "draw_lockstep": "tests/tui/test_screen_lockstep.py reads its shares, tests/debugger/test_lockstep.py counts them",
    "draw_lane_cell": "by the diagram; tests/tui/test_screen_lockstep.py reads its unit and numbers",
    "draw_one_unit": "tests/tui/test_screen_one_unit.py reads its parts",
    "draw_ledger_map": "by the ledger, beside which it stands where there is room",
    "draw_heads": "tests/tui/test_memory_heads.py, entry by entry",
    "draw_heatmap_beside": "the map above another: tests/tui/test_screen_difference.py reads both",
}
"""Drawings that no file of READ_BACK names, with who reads them and how."""


def test_every_drawing_is_read_back_or_says_by_whom() -> None:
    drawings = {
        node.name
        for room in ("panes", "views")
        for path in (Path(lstm_tui.tui.__file__).parent / room).glob("*.py")
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("draw_")
    }
    named = {name for path in READ_BACK for name in re.findall(r"\bdraw_\w+", path.read_text("utf-8"))}
    assert drawings - named == set(READ_OTHERWISE), "read it back, from its lines to its numbers"


ANALYSED = TESTS / "tui" / "test_analysis_screen.py"
ANALYSED_OTHERWISE = {
    "causes_analysis": "opened by a question: tests/tui/test_screen_causes.py",
    "attention_analysis": "of networks that attend: tests/tui/test_screen_attention.py",
}
"""Full-screen views that ANALYSED does not try, with who does."""


def test_every_full_screen_view_is_opened_and_left_or_says_by_whom() -> None:
    views = {
        node.name
        for path in (Path(lstm_tui.tui.__file__).parent / "views").glob("*.py")
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "Analysis"
    }
    tried = {node.id for node in nodes_of(tree_of(ANALYSED)) if isinstance(node, ast.Name)}
    assert views - tried == set(ANALYSED_OTHERWISE), "a row in ANALYSES"


def test_whoever_reads_or_opens_it_elsewhere_is_there() -> None:
    told = [*READ_OTHERWISE.values(), *ANALYSED_OTHERWISE.values()]
    named = {file for reason in told for file in re.findall(r"tests/[\w/]+\.py", reason)}
    assert {file for file in named if not (TESTS.parent / file).is_file()} == set()
