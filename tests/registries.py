"""The tables of the program whose rows tests go through, by name; and a part of one, the rest in the slow checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.debugger.panes import PANES
from lstm_tui.engine.compiler.ops import OPS, STEPS_OPS
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.formats import file_endings, importers
from lstm_tui.formats.importers import network_endings
from lstm_tui.lesson.library import folder
from lstm_tui.models import bundled_names
from lstm_tui.tui.commands import COMMANDS


@cache
def tables() -> Mapping[str, frozenset[str]]:
    """Return the names of the rows of each table."""
    return {
        "cells": frozenset(cell_names()),
        "readouts": frozenset(readout_names()),
        "ops": frozenset(OPS),
        "ops over the steps": frozenset(STEPS_OPS),
        "verbs": frozenset(verb.name for verb in VERBS),
        "commands": frozenset(command_names()),
        "panes": frozenset(pane.word for pane in PANES),
        "bundled networks": frozenset(bundled_names()),
        "importers": frozenset(one.parent.name for one in Path(importers.__file__).parent.glob("*/__init__.py")),
        "lessons": frozenset(one.stem for one in folder().glob("*.toml")),
        "actions of keys": frozenset(command.name for command in COMMANDS),
        "endings of networks": frozenset(network_endings.ENDINGS),
        "endings of series": frozenset(file_endings.SERIES),
        "endings of traces": frozenset(file_endings.TRACES),
    }


def sampled(rows: Sequence[Any], every: int) -> list[Any]:
    """Return all rows as parameters of a test, of which all but every n-th are slow checks: nobody picks them."""
    return [
        row if n % every == 0 else pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.slow)
        for n, row in enumerate(rows)
    ]


DOUBLE_IS_SLOW = ["float32", pytest.param("float64", marks=pytest.mark.slow)]
"""Types of number where each cell is compiled again for the second, which other tests try by default."""
