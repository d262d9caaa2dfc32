"""The networks for a class: one to check with a pencil, and three that differ in their cell alone."""

from __future__ import annotations

import importlib
from decimal import Decimal

import numpy as np
import pytest

import lstm_tui
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.source import source_of
from lstm_tui.formats.importers.native import load
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.models import bundled_names, card, path, sample_of
from lstm_tui.models.build import MODULES, recipe
from lstm_tui.models.recipes import bindings, recall, tiny


def test_tiny_is_as_it_is_written() -> None:
    bundled, written = load(path("tiny")), tiny.made()
    for name, tensor in written.tensors().items():
        np.testing.assert_array_equal(bundled.tensors()[name], tensor)


def test_every_weight_of_tiny_has_two_digits() -> None:
    numbers = np.concatenate([tensor.ravel() for tensor in tiny.made().tensors().values()])
    assert all(abs(Decimal(str(number)) * 10) in range(100) for number in numbers)


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_network_is_as_wide_as_its_recipe_makes_it(name: str) -> None:
    wide = getattr(importlib.import_module(f"lstm_tui.models.recipes.{MODULES[name]}"), "HIDDEN", None)
    wide = wide[name] if isinstance(wide, dict) else wide
    if wide is not None:
        assert {one.program.hidden_size for one in load(path(name)).passes} == {wide}


def test_tiny_is_always_right() -> None:
    assert tiny.measure(load(path("tiny"))) == {"right": 1.0, "texts": 1086}
    assert card("tiny")["accuracy"] == "100 % right on all 1086 texts of up to 6 words"


def test_tiny_says_what_was_said_last() -> None:
    trace = lstm_tui.trace("on wait off wait wait", model="tiny")
    assert trace.output is not None
    assert [trace.classes[n] for n in trace.output.argmax(axis=1)] == ["light", "light", "dark", "dark", "dark"]


WITH_A_SAMPLE = [name for name in bundled_names() if sample_of(name) != sample_of("sentiment")]
"""Networks that judge sentences share one, of which none knows every word."""


@pytest.mark.parametrize("name", WITH_A_SAMPLE)
def test_the_sample_of_a_network_holds_only_what_it_knows(name: str) -> None:
    network = load(path(name))
    file = samples_folder() / sample_of(name)
    if network.tokens is None:
        assert file.suffix == ".csv"
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        assert network.tokens.encode(list(line) if network.tokens.kind == "bytes" else line.split())[1] == ()


@pytest.mark.parametrize(("model", "file"), [("tiny", "tiny.txt"), ("forecast", "waves.csv"), (None, "sample.txt")])
def test_a_network_opens_with_its_sample_when_no_file_is_given(model: str | None, file: str) -> None:
    options = parse(["run", *(["--model", model] if model else [])])
    assert source_of(options).where.endswith(file)


def test_gates_recall_and_a_plain_rnn_does_not() -> None:
    right = {name: [one["recalled"] for one in card(name)["measured"].values()] for name in MODULES if "recall" in name}
    assert min(right["recall-lstm"] + right["recall-gru"]) >= 0.99
    assert max(right["recall-rnn"]) <= 0.35
    for name in ("recall-lstm", "recall-rnn"):
        assert recall.measure(load(path(name)))["recalled"] == pytest.approx(right[name][0], abs=0.01)


@pytest.mark.slow
def test_a_matrix_holds_bindings_and_a_vector_does_not() -> None:
    right = {name: [one[bindings.RIGHT] for one in card(name)["measured"].values()] for name in bindings.CELLS}
    assert {len(one) for one in right.values()} == {3}
    assert min(right["bindings-delta"]) >= 0.95
    assert max(right["bindings-lstm"] + right["bindings-gru"]) <= 0.75
    assert all(bound.met(bindings.measure(load(path("bindings-delta")))) for bound in recipe("bindings-delta").accepted)
    counts = {name: load(path(name)).parameter_count for name in bindings.CELLS}
    assert max(counts.values()) < 1.2 * min(counts.values()), "they are of like size"


@pytest.mark.slow
@pytest.mark.parametrize("name", bindings.CELLS)
def test_the_card_of_a_network_of_bindings_tells_what_is_measured(name: str) -> None:
    found = card(name)
    now = bindings.measure(load(path(name)))
    assert now == {
        key: pytest.approx(number, abs=0.01) for key, number in found["measured"][str(found["seed"])].items()
    }


def test_the_bindings_sample_is_the_one_that_is_made() -> None:
    assert (samples_folder() / "bindings.txt").read_text(encoding="utf-8") == bindings.sample_text()


def test_the_recall_sample_is_the_one_that_is_made() -> None:
    assert (samples_folder() / "recall.txt").read_text(encoding="utf-8") == recall.sample_text()
