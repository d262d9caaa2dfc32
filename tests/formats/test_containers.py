"""A file of several dictionaries: the parts of one network are read together, and nothing is dropped in silence."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bags import BAGS, STEPS, Random, dense, of_torch
from present import present

import lstm_tui
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

Parts = dict[str, dict[str, Array]]


def saved(folder: Path, content: Any, **said: str) -> Imported:
    path = folder / "w.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    return open_file(path, ImportOptions(said))


def parts(random: Random) -> Parts:
    """Modules that were saved one by one: table, layer, head."""
    return {
        "table": {"weight": random(9, 3)},
        "rnn": random.torch("", "lstm", 3, 4),
        "fc": {"weight": random(2, 4), "bias": random(2)},
    }


def flat(made: Parts) -> dict[str, Array]:
    return {f"{key}.{name}": one for key, group in made.items() for name, one in group.items()}


def optimiser(made: Parts) -> dict[str, Any]:
    return {"state": {n: {"exp_avg": one * 0} for n, one in enumerate(flat(made).values())}, "param_groups": []}


@pytest.mark.parametrize("beside", [{}, {"epoch": 3, "lr": 0.1}, "optimizer", "opt"])
def test_modules_that_were_saved_one_by_one_are_one_network(beside: Any, tmp_path: Path) -> None:
    random = Random(0)
    made = parts(random)
    made["embedding"] = made.pop("table")
    more = {beside: optimiser(made)} if isinstance(beside, str) else beside
    opened = saved(tmp_path, {**made, **more})
    ids = random.ids(9)
    h = of_torch(flat(made), "rnn", made["embedding"]["weight"][ids])
    trace = lstm_tui.trace(ids, opened.network)
    np.testing.assert_allclose(trace["layer0.forward"]["h"], h, atol=1e-5)
    np.testing.assert_allclose(present(trace.output), dense(flat(made), "fc", h), atol=1e-5)
    fact = next(one for one in opened.report.facts if one.key == "container")
    assert (set(fact.value.split(", ")), fact.how, fact.others) == (set(made), "inferred", ("rnn",))
    assert not opened.report.unused


def test_one_dictionary_of_several_can_be_asked_for(tmp_path: Path) -> None:
    made = parts(Random(0))
    alone = saved(tmp_path, made, container="rnn")
    assert alone.network.readout is None
    assert next(one for one in alone.report.facts if one.key == "container").how == "set"
    with pytest.raises(UserError, match="has no weights under tabel; there are table, rnn, fc"):
        saved(tmp_path, made, container="tabel")


def test_what_stands_beside_a_whole_model_is_warned_of(tmp_path: Path) -> None:
    made = parts(Random(0))
    opened = saved(tmp_path, {"model": made["rnn"], "fc": made["fc"], "optimizer": optimiser(made)})
    assert "fc holds matrices and stands beside model: it is not read" in opened.network.remarks
    assert not any("optimizer" in one for one in opened.network.remarks)


@pytest.mark.parametrize("names", [("online", "target"), ("student", "teacher"), ("best", "last")])
def test_a_copy_of_the_weights_is_no_part_of_the_network(names: tuple[str, str], tmp_path: Path) -> None:
    random = Random(0)
    one, other = names
    content = {one: random.torch("rnn", "gru", 4, 4), other: random.torch("rnn", "gru", 4, 4)}
    opened = saved(tmp_path, content)
    fact = next(each for each in opened.report.facts if each.key == "container")
    assert (fact.value, fact.others) == (one, (other,))
    x = random(STEPS, 4)
    taken = saved(tmp_path, content, container=other)
    np.testing.assert_allclose(
        lstm_tui.trace(x, taken.network)["layer0.forward"]["h"], of_torch(content[other], "rnn", x), atol=1e-5
    )


def test_layers_that_are_numbered_are_parts_though_they_are_alike(tmp_path: Path) -> None:
    random = Random(0)
    made = {"lstm1": random.torch("", "lstm", 4, 4), "lstm2": random.torch("", "lstm", 4, 4)}
    opened = saved(tmp_path, made)
    assert len(opened.network.layers) == 2
    x = random(STEPS, 4)
    wanted = of_torch(flat(made), "lstm2", of_torch(flat(made), "lstm1", x))
    np.testing.assert_allclose(lstm_tui.trace(x, opened.network)["layer1.forward"]["h"], wanted, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in BAGS if name.startswith(("haiku", "flax"))])
@pytest.mark.parametrize("deep", [False, True])
def test_nested_dictionaries_of_jax_are_read_whole(name: str, deep: bool, tmp_path: Path) -> None:
    """Haiku keeps a dictionary a module; Flax, and what is nested by hand, one for each part of a path."""
    bag = BAGS[name](Random(0))
    content: dict[str, Any] = {}
    for path, one in bag.tensors.items():
        path = path.replace(".", "/")
        *above, leaf = path.split("/") if deep or name.startswith("flax") else path.rsplit("/", 1)
        place = content
        for part in above:
            place = place.setdefault(part, {})
        place[leaf] = one
    opened = saved(tmp_path, content, **bag.settings)
    trace = lstm_tui.trace(bag.x, opened.network)
    for value, wanted in bag.wants.items():
        where, _, what = value.partition("/")
        mine = trace[where][what] if what else getattr(trace, where)
        np.testing.assert_allclose(mine, wanted, atol=1e-5)
