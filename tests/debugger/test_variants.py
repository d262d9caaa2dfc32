"""What Greff et al. and Jozefowicz et al. call a cell: as the sources of the pages say, and by the equations alone."""

from __future__ import annotations

import itertools
import re

import pytest

from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.equations import with_changed_cells
from lstm_tui.debugger.edits.language import CellEdit
from lstm_tui.debugger.edits.variants import variant_of
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import Cell, cell_names, load_cell, parse_cell
from lstm_tui.engine.model.network import build_network

PEEPHOLES = ["p_f", "p_i", "p_o"]


def called(cell: Cell, without: list[str] | None = None) -> str:
    letters = {letter: 2 for letter in cell.free_letters if letter not in cell.defaults}
    return variant_of(compile_cell(cell, 4, 4, letters, without or ()))


@pytest.mark.parametrize("name", cell_names())
def test_a_page_is_called_what_its_source_says(name: str) -> None:
    cell = load_cell(name)
    said = re.findall(r"Greff et al\. 2015(?:,| call) ([A-Z]+)\b|\(V\) of Gref(f)", cell.source)
    expected = [variant if variant else "V" for variant, _ in said]
    assert re.findall(r"Greff ([A-Z]+)(?:,|$)", called(cell)) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lstm_peephole", "Greff V"),
        ("lstm", "Greff NP, Jozefowicz LSTM"),
        ("lstm_cifg", "Greff NP + CIFG"),
        ("gru_reset_before", "Jozefowicz GRU"),
        ("gru_write", "Jozefowicz GRU"),
        ("mut1", "Jozefowicz MUT1"),
        ("mut2", "Jozefowicz MUT2"),
        ("mut3", "Jozefowicz MUT3"),
        ("mut1_projected", ""),
        ("gru", ""),  # PyTorch's resets after the product
        ("depth_gated", ""),
        ("lstm_1997", ""),
    ],
)
def test_these_are_called_so(name: str, words: str) -> None:
    assert called(load_cell(name)) == words


def test_a_network_whose_peepholes_are_left_out_is_the_one_without() -> None:
    assert called(load_cell("lstm_peephole"), PEEPHOLES) == called(load_cell("lstm"))
    assert called(load_cell("greff_nfg"), ["p_i", "p_o"]) == "Jozefowicz LSTM-f"
    assert called(load_cell("greff_noaf"), PEEPHOLES) == "Greff NP + NOAF"
    assert called(load_cell("lstm_peephole"), ["p_f"]) == ""  # one of three: neither
    assert called(load_cell("lstm"), ["b_f"]) == ""


@pytest.mark.parametrize("variant", ABLATIONS)
def test_what_is_taken_away_from_an_open_network_is_named(variant: str) -> None:
    network = build_network(
        {
            "name": "made",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["a", "b"]},
            "embedding_size": 3,
            "layers": [{"cell": "lstm_peephole", "hidden_size": 3, "directions": ["forward"]}],
            "readout": "mean",
            "classes": ["no", "yes"],
        },
        seed=1,
    )
    edit = parse_edit(f"ablate {variant}")
    assert isinstance(edit, CellEdit)
    [one] = with_changed_cells(edit, network).passes
    assert variant_of(one.program).split(",")[0] == f"Greff {variant.upper()}"


def test_only_an_order_that_changes_nothing_is_overlooked() -> None:
    """Lines in another order are the same cell where each reads what it read before, and another or none if not."""
    page = load_cell("lstm_peephole").text
    start, end = page.index("f = "), page.rindex("'''")
    lines = page[start:end].splitlines(keepends=True)
    same = 0
    for number, rows in enumerate(itertools.permutations(lines)):
        order = "".join(row[0] for row in rows)
        alike = order[3:] == "coh"  # f, i and g read nothing of each other
        same += alike
        if not alike and number % 11:
            continue
        try:
            cell = parse_cell(page[:start] + "".join(rows) + page[end:])
        except LanguageError:  # a value is read before it is there
            assert not alike
        else:
            assert (called(cell) == "Greff V") == alike, order
    assert same == 6


def test_a_changed_sign_or_number_is_another_cell() -> None:
    page = load_cell("lstm").text
    for old, new in (("+ i * g", "- i * g"), ("o * tanh(c)", "o * tanh(2 * c)"), ('["h", "c"]', '["h", "c", "o"]')):
        assert old in page
        assert called(parse_cell(page.replace(old, new))) == ""
