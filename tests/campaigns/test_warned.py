"""The rule by which a wrong number counts as warned of, on planted cases both ways."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pytest
from present import present
from saved_arrays import savez

from campaigns.imports.by_module import first_off
from campaigns.imports.implied import Implied
from campaigns.imports.torch_branches import one_model
from campaigns.imports.warned import Off, Opened, judged, opener
from lstm_tui.formats.importers.import_report import NOT_RECORDED, Fact
from lstm_tui.formats.importers.open import Imported

LAYER = Off("layer1", "layer1 off", fits=True, name="top", rank=2)
READOUT = Off("readout", "the answer off", fits=True, rank=3)
Look = Callable[[Mapping[str, str]], Off | None]


def assumed(key: str, value: str, *others: str, why: str = NOT_RECORDED) -> Fact:
    return Fact(key, value, "assumed", why, others, matters=True)


def unknown(key: str, why: str = "it stands beside it") -> Fact:
    return Fact(key, "not known", "unknown", why, matters=True)


def verdict(look: Look, *facts: Fact, answers: tuple[str, ...] = (), implied: Implied | None = None) -> str:
    """Return the verdict on a file whose importer says some facts, and of which `look` knows what is wrong."""

    def again(settings: Mapping[str, str], name: str | None) -> Imported:
        said = [Fact(one.key, settings[one.key], "set") if one.key in settings else one for one in facts]
        network = SimpleNamespace(remarks=(), layers=[], readout=None)
        made = SimpleNamespace(network=network, report=SimpleNamespace(facts=said), names=(), settings=settings)
        return cast(Imported, made)

    return judged(1, (), Opened(again, lambda one: look(cast(Any, one).settings), answers,
                                  implied=implied or Implied())).verdict  # fmt: skip


def always(off: Off) -> Look:
    return lambda settings: off


def until(off: Off, **right: str) -> Look:
    """Return what is wrong until every decision is made rightly; `__` stands for the dot of a key."""
    wanted = {key.replace("__", "."): value for key, value in right.items()}
    return lambda settings: None if wanted.items() <= settings.items() else off


JOIN = assumed("join", "low,top", "apart", why="widths alone")
OVER = assumed("readout.over", "each", "last", "mean")
BEFORE = assumed("readout.before", "linear", "tanh")
CASES: dict[str, tuple[str, Look, tuple[Fact, ...]]] = {
    "nothing is wrong": ("right", lambda settings: None, ()),
    "nothing is said": ("SILENT", always(LAYER), ()),
    "the layer is not understood": ("warned", always(LAYER), (unknown("layer1.understood"),)),
    "another layer is not understood": ("SILENT", always(LAYER), (unknown("layer0.understood"),)),
    "the readout is not understood, a layer is wrong": ("SILENT", always(LAYER), (unknown("readout.understood"),)),
    "the layer right below was not compared": (
        "warned", always(LAYER._replace(unseen=("layer0",))), (unknown("layer0.understood"),)),
    "ids that are masked, and a function above": (
        "warned", until(READOUT, masking="0", readout__before="tanh"), (assumed("masking", "none", "0"), BEFORE)),
    "a wrong join beside a warning of something else": ("SILENT", until(LAYER, join="apart"), (OVER, BEFORE)),
    "a wrong join that is inferred": (
        "SILENT", until(LAYER, join="apart"), (Fact("join", "low,top", "inferred", "numbers", ("apart",), True), OVER)),
    "a wrong join that is assumed": ("warned", until(LAYER, join="apart"), (JOIN,)),
    "a wrong join of which no other is right": ("SILENT", always(LAYER), (JOIN,)),
    "a join that names the layer as one that could read more": (
        "warned", always(LAYER), (assumed("join", "low,top", why="top reads as much as two: it could read these"),)),
    "a join that names another": (
        "SILENT", always(LAYER), (assumed("join", "low,top", why="low reads as much as top and x: it could"),)),
    "a choice that is right": ("warned", until(READOUT, readout__over="mean"), (OVER,)),
    "a choice of which none is right": ("SILENT", always(READOUT), (OVER, BEFORE)),
    "two choices that are right together": (
        "warned", until(READOUT, readout__over="mean", readout__before="tanh"), (OVER, BEFORE)),
    "a choice that is right and not warned of": (
        "SILENT", until(READOUT, readout__over="mean"),
        (Fact("readout.over", "each", "inferred", "numbers", ("mean",), True), BEFORE)),
    "a choice that puts one thing right and leaves the next": (
        "SILENT", lambda settings: READOUT if settings.get("layer1.before") == "tanh" else LAYER,
        (assumed("layer1.before", "linear", "tanh"),)),
    "a choice, and then what is next is not understood": (
        "warned", lambda settings: READOUT if settings.get("layer1.before") == "tanh" else LAYER,
        (assumed("layer1.before", "linear", "tanh"), unknown("readout.understood"))),
    "an answer that is not shown, with its reason": (
        "warned", always(READOUT._replace(shown=False)), (assumed("readout", "none"),)),
    "an answer that is not shown, beside another warning": (
        "SILENT", always(READOUT._replace(shown=False)), (unknown("layer0.understood"), BEFORE)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_number_is_silent_where_no_warning_is_of_just_that(case: str) -> None:
    wanted, look, facts = CASES[case]
    assert verdict(look, *facts) == wanted


FOUR = {"layer0.residual": "added", "readout": "fc", "readout.before": "tanh", "readout.over": "mean"}
FACTS = (assumed("layer0.residual", "none", "added"), assumed("readout", "fc, aux", "fc", "none"),
         assumed("readout.before", "linear", "relu", "tanh"),
         assumed("readout.over", "each", "last", "mean"))  # fmt: skip


def implied(**more: str) -> Implied:
    made = Implied()
    for key, value in {**FOUR, **{key.replace("__", "."): value for key, value in more.items()}}.items():
        made.add(re.escape(key), value)
    return made


def test_four_choices_that_the_plan_implies_are_found_and_others_are_searched_for() -> None:
    right: Look = lambda settings: None if FOUR.items() <= settings.items() else READOUT  # noqa: E731
    assert verdict(right, *FACTS) == "SILENT", "the search alone tries fewer at once"
    assert verdict(right, *FACTS, implied=implied()) == "warned"
    assert verdict(until(READOUT, readout__over="last"), *FACTS, implied=implied()) == "warned", "the plan is wrong"
    assert verdict(always(READOUT), *FACTS, implied=implied()) == "SILENT"


@pytest.mark.parametrize("number", range(len(FACTS)))
def test_a_plan_decides_nothing_that_is_not_warned_of_or_not_offered(number: int) -> None:
    right: Look = lambda settings: None if FOUR.items() <= settings.items() else READOUT  # noqa: E731
    one, rest = FACTS[number], [*FACTS[:number], *FACTS[number + 1 :]]
    known = Fact(one.key, one.value, "inferred", "numbers", one.others, matters=True)
    without = assumed(one.key, one.value, *(other for other in one.others if other != FOUR[one.key]))
    assert verdict(right, *rest, known, implied=implied()) == "SILENT"
    assert verdict(right, *rest, without, implied=implied()) == "SILENT"
    assert verdict(right, *rest, implied=implied()) == "SILENT"


def test_a_layer_is_meant_by_what_the_file_calls_it_and_places_are_decided_first() -> None:
    made = Implied()
    made.add("<low>.residual", "added")
    made.add("place.norm", "below_1")
    named = [Fact("layer0.name", "table", "inferred"), Fact("layer2.name", "low.l0", "confirmed")]
    facts = [*named, assumed("layer0.residual", "none", "added"), assumed("layer2.residual", "none", "added")]
    assert made(facts) == {"layer2.residual": "added"}
    assert made([*facts, assumed("place.norm", "readout", "below_1")]) == {"place.norm": "below_1"}
    assert made([*named, Fact("layer2.residual", "added", "set", "", ("none",), True)]) == {}


def test_a_network_without_the_layer_that_the_answers_stand_above_has_no_answer() -> None:
    made = Implied(top="top", looked_up={"low": "emb"})
    made.add("readout", "fc")
    made.add("readout.over", "mean")
    asked = [assumed("input", "ids", "numbers"), assumed("readout", "aux", "fc", "none"),
             assumed("readout.over", "each", "mean")]  # fmt: skip
    name = {one: Fact("layer0.name", one, "confirmed") for one in ("low", "top")}
    assert made([name["low"], *asked]) == {"readout": "none"}
    assert made([name["low"], asked[0], asked[2]]) == {}
    assert made([name["top"], *asked]) == {"input": "numbers"}, "what is taken is decided one by one"
    assert made([name["top"], *asked[1:]]) == {"readout": "fc"}
    assert made([name["top"], asked[2]]) == {"readout.over": "mean"}


def test_a_join_that_the_plan_implies_is_tried_before_all_else() -> None:
    made = Implied()
    made.add("join", "top,low")
    looked: list[str] = []

    def look(settings: Mapping[str, str]) -> Off | None:
        looked.append(settings.get("join", ""))
        return None if settings.get("join") == "top,low" else LAYER

    join = assumed("join", "low,top", *(f"low,{n}" for n in range(9)), "top,low", why="widths alone")
    assert verdict(look, join, implied=made) == "warned"
    assert looked == ["", "top,low"]


def test_an_answer_among_several_that_is_not_shown_has_to_be_named() -> None:
    right: Look = lambda settings: None  # noqa: E731
    assert verdict(right, unknown("readout.understood", "value (1×4) has no place"), answers=("value",)) == "warned"
    assert verdict(right, unknown("layer0.understood", "value (1×4) has no place"), answers=("value",)) == "warned"
    assert verdict(right, unknown("layer0.understood", "fc (1×4) has no place"), answers=("value",)) == "SILENT"
    assert verdict(right, BEFORE, answers=("value",)) == "SILENT"


def test_a_join_that_is_decided_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "bag.npz"
    savez(path, _rnn("top", 8, 4) | _rnn("low", 4, 4))
    again = opener(path)
    first = again({}, None)
    (join,) = [one for one in first.report.facts if one.key == "join"]
    assert first.names == ("",)
    assert len(again({"join": "apart"}, None).names) == 2
    assert again({}, None).report.facts[:1] == first.report.facts[:1]
    assert "apart" in join.others


def test_an_answer_of_a_sequence_is_that_of_its_last_step(tmp_path: Path) -> None:
    path = tmp_path / "bag.npz"
    head = np.eye(2, 4, dtype=np.float32)
    savez(path, _rnn("low", 3, 4) | {"out.weight": head, "out.bias": np.zeros(2, np.float32)})
    x = np.ones((5, 3), np.float32)
    states = np.zeros((5, 4), np.float32)
    h = np.zeros(4, np.float32)
    numbers = _rnn("low", 3, 4)
    for t in range(5):
        h = np.tanh(numbers["low.weight_ih_l0"] @ x[t] + numbers["low.weight_hh_l0"] @ h)
        states[t] = h
    opened = opener(path)({}, None)
    gave = {"low": states}
    assert first_off(opened, {"low": x}, gave, {"out": head @ h}) is None
    assert first_off(opened, {"low": x}, gave, {"out": states @ head.T}) is None
    for other in (head @ states.mean(0), head @ states[0], (states @ head.T)[::-1]):
        off = first_off(opened, {"low": x}, gave, {"out": other})
        assert present(off).part == "readout"


def _rnn(name: str, inputs: int, hidden: int) -> dict[str, Any]:
    """Return the weights of a layer without biases."""
    numbers = np.random.default_rng(inputs)
    return {f"{name}.weight_ih_l0": numbers.normal(size=(hidden, inputs)).astype(np.float32),
            f"{name}.weight_hh_l0": numbers.normal(size=(hidden, hidden)).astype(np.float32)}  # fmt: skip


def test_a_model_of_which_a_warning_is_kept_back_is_silent(tmp_path: Path) -> None:
    """Residuals around blocks are warned of, and their other value makes the numbers right; so would blocks apart."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs torch")
    said = vars(Fact)["warning"].fget
    assert one_model(77000007, tmp_path).verdict == "warned"
    kept_back = property(lambda fact: None if fact.key.endswith((".residual", "join")) else said(fact))
    with patch.object(Fact, "warning", kept_back):
        assert one_model(77000007, tmp_path).verdict == "SILENT"
