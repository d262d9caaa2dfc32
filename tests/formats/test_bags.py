"""Bags of weights against plain loops: the numbers are right, or a warning names what makes them wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bags import BAGS, Bag, Random
from saved_arrays import savez

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

CLOSE = 1e-5


def opened(bag: Bag, folder: Path, said: bool = True, **more: np.ndarray) -> Imported:
    savez(folder / "bag.npz", {**bag.tensors, **more})
    return open_file(folder / "bag.npz", ImportOptions(dict(bag.settings) if said else {}, network=bag.network))


def apart(bag: Bag, network: lstm_tui.Network) -> dict[str, float]:
    trace = lstm_tui.trace(bag.x, network)
    made = {f"{name}/{value}": np.asarray(array) for name, one in trace.items() for value, array in one.items()}
    made |= {name: one for name, one in (("output", trace.output), ("result", trace.result)) if one is not None}
    return {name: float(np.abs(made[name] - want).max()) for name, want in bag.wants.items()}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", list(BAGS))
def test_every_bag_gives_the_numbers_of_its_program(name: str, seed: int, tmp_path: Path) -> None:
    bag = BAGS[name](Random(seed))
    network = opened(bag, tmp_path).network
    for value, difference in apart(bag, network).items():
        assert difference < CLOSE, value


@pytest.mark.parametrize("name", [name for name, make in BAGS.items() if make(Random(0)).warned])
def test_what_weights_alone_do_not_say_is_warned_of(name: str, tmp_path: Path) -> None:
    bag = BAGS[name](Random(0))
    remarks = opened(bag, tmp_path, said=False).network.remarks
    for words in bag.warned:
        assert any(words in remark for remark in remarks), (words, remarks)


@pytest.mark.parametrize("name", [name for name, make in BAGS.items() if make(Random(0)).settings])
def test_numbers_that_need_a_decision_are_wrong_with_a_warning_of_just_that(name: str, tmp_path: Path) -> None:
    bag = BAGS[name](Random(0))
    report = opened(bag, tmp_path, said=False).report
    for n, key in enumerate(bag.settings):
        asked = report if n == 0 else opened(replace(bag, settings=dict([*bag.settings.items()][:n])), tmp_path).report
        assert any(key in remark for one in (report, asked) for remark in one.remarks), key
    assert not any(fact.key in bag.settings and fact.how == "confirmed" for fact in report.facts)


@pytest.mark.parametrize("leaf", ["bias", "weight_ci", "gamma", "W_extra", "h_gate.weight"])
@pytest.mark.parametrize("name", ["learned", "numbered", "residual", "mlx_gru", "tensorflow_gru", "by_hand"])
def test_a_tensor_beside_a_layer_that_is_not_used_forbids_confirmed(name: str, leaf: str, tmp_path: Path) -> None:
    bag = BAGS[name](Random(0))
    layer = next(fact.value for fact in opened(bag, tmp_path).report.facts if fact.key.endswith("0.name"))
    prefix = layer.split(" + ")[0]
    strange = f"{prefix}{'/' if '/' in prefix else '.'}{leaf}"
    one = opened(bag, tmp_path, True, **{strange: np.ones((3, 2), np.float32)})
    (key,) = {fact.key.split(".")[0] for fact in one.report.facts if fact.key.endswith("0.name")}
    assert not [fact for fact in one.report.under(key) if fact.how == "confirmed"]
    told = strange.removesuffix(".weight").removesuffix(".bias").removesuffix("/weight").removesuffix("/bias")
    assert any(told in remark and "understood is not known" in remark for remark in one.network.remarks)
    assert one.report.tensors[strange].part == ""


@pytest.mark.parametrize("name", list(BAGS))
def test_every_tensor_of_the_file_is_accounted_for(name: str, tmp_path: Path) -> None:
    bag = BAGS[name](Random(0))
    report = opened(bag, tmp_path).report
    if name in ("pruned", "spectral"):  # put together before anything is looked for
        assert not report.unused
        return
    assert set(report.tensors) == set(bag.tensors)
    assert set(report.unused) == {name for name, fact in report.tensors.items() if not fact.part}


@pytest.mark.parametrize("cell", ["ugrnn_cell", "minimal_rnn_unit", "gru_like"])
def test_one_kernel_of_a_cell_that_is_not_known_is_no_plain_one(cell: str, tmp_path: Path) -> None:
    """Of UGRNN (9, 6) is 6 inputs, 3 units and 2 gates; it was read as 3 inputs and 6 units without gates."""
    random = Random(0)
    savez(tmp_path / "w.npz", {f"rnn/{cell}/kernel": random(9, 6), f"rnn/{cell}/bias": random(6)})
    with pytest.raises(UserError, match="no recurrent layer is known by the names of its tensors"):
        open_file(tmp_path / "w.npz")


def test_join_is_decided_by_the_user(tmp_path: Path) -> None:
    bag = BAGS["towers"](Random(0))
    savez(tmp_path / "bag.npz", bag.tensors)
    chained = open_file(tmp_path / "bag.npz", ImportOptions({"join": "question,answer"}))
    assert chained.names == ("",)
    assert len(chained.network.layers) == 2
    pair = BAGS["by_hand"](Random(0))
    savez(tmp_path / "bag.npz", pair.tensors)
    alone = open_file(tmp_path / "bag.npz", ImportOptions({"join": "apart"}))
    assert alone.names == ("lstm_fw", "lstm_bw")


def mutated(tensors: dict[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a bag in which something is gone, of another shape or kind, called otherwise, or there too."""
    made = dict(tensors)
    for _ in range(int(random.integers(1, 4))):
        if not made:
            break
        name = str(random.choice(list(made)))
        one = made.pop(name)
        what = int(random.integers(0, 9))
        if what == 1:
            made[name] = one.T
        elif what == 2:
            made[name] = one[: int(random.integers(0, len(one) + 1))] if one.ndim else one
        elif what == 3:
            made[name] = one.reshape(-1)
        elif what == 4:
            made[name] = one[None]
        elif what == 5:
            made[name] = one.astype(str(random.choice(["int64", "float16", "float64", "bool"])))
        elif what == 6:
            made |= {name: one, str(random.choice(["h0", "x.weight", "rnn.bias", "a.weight_hh_l0", "pos.weight"])): one}
        elif what == 7:
            made |= {name: one, f"{name}{random.choice(['_orig', '_mask', '_g', '_v', '_u', '_reverse'])}": one}
        elif what == 8:
            made[name] = np.full_like(one, np.nan)
    return made


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", list(BAGS))
def test_a_damaged_bag_opens_or_is_refused_by_a_line_of_our_own(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(len(name))
    for _ in range(12):
        bag = BAGS[name](Random(0))
        savez(tmp_path / "bag.npz", mutated(dict(bag.tensors), random))
        opened, refused = None, ""
        try:
            opened = open_file(tmp_path / "bag.npz")
        except UserError as error:
            refused = str(error)
        assert "what is not understood (" not in refused, refused
        if opened is None:
            continue
        assert set(opened.report.unused) == {key for key, one in opened.report.tensors.items() if not one.part}
        for key in {fact.key.split(".")[0] for fact in opened.report.facts if fact.against}:
            assert not [fact for fact in opened.report.under(key) if fact.how == "confirmed"]
