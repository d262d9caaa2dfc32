"""What is warned of in a bag of weights: all that is not decided, once, and nothing that names and widths decide."""

from __future__ import annotations

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
from bags import BAGS, Random
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.formats.importers.torch.joins import WidthSums
from lstm_tui.formats.importers.torch.modules import place_by_name


def opened(tensors: dict[str, Array], folder: Path) -> Imported:
    savez(folder / "bag.npz", tensors)
    return open_file(folder / "bag.npz")


def how(one: Imported, key: str) -> str:
    return next((f"{fact.value} ({fact.how})" for fact in one.report.facts if fact.key == key), "")


def test_what_no_weights_record_is_one_line(tmp_path: Path) -> None:
    random = Random(0)
    bag = {"emb.weight": random(9, 4), **random.linear("proj", 4, 3), **random.torch("rnn", "rnn", 3, 5)}
    bag |= random.torch("rnn", "rnn", 5, 5, "_l1") | random.linear("head.0", 5, 4) | random.linear("head.2", 4, 2)
    (line,) = opened(bag, tmp_path).network.remarks
    for key in ("input_layers.after_proj=linear", "layer1.activation=tanh", "layer2.activation=tanh",
                "readout.after_head_0=relu", "readout.over=each"):  # fmt: skip
        assert key in line
    assert "weights alone do not record it" in line


def test_how_parts_follow_each_other_is_one_line_that_names_them_all(tmp_path: Path) -> None:
    random = Random(0)
    bag = {"emb.weight": random(9, 4), **random.linear("mix", 4, 4), **random.torch("low", "gru", 4, 4)}
    bag |= random.torch("high", "gru", 4, 4) | random.linear("fc", 4, 2)
    begins, first, *rest = opened(bag, tmp_path).network.remarks
    assert begins.startswith("layer2.initial is not known: high could begin with the states that low ends with")
    assert all(key in first for key in ("join=low,high", "place.mix=below_0", "input_layers=mix"))
    assert len(rest) == 1


@pytest.mark.parametrize("names", [("lstm", "lstm_2", "lstm_3"), ("rnn1", "rnn2", "rnn3"), ("r", "r.1", "r.2")])
def test_numbers_in_names_say_the_likely_order_and_widths_alone_make_it_certain(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    for order in (names, names[::-1]):
        for certain in (False, True):
            random = Random(0)
            bag: dict[str, Array] = {}
            for name in order:
                reads = names.index(name) + 4 if certain else 4
                bag |= random.torch(name, "gru", reads, reads + 1 if certain else 4)
            found = opened(bag, tmp_path)
            (join,) = [one for one in found.report.facts if one.key == "join"]
            assert join.value == ",".join(names)
            assert join.how == ("inferred" if certain else "assumed")
            assert "apart" in join.others
            assert certain or order == names or ",".join(order) in join.others
            assert any("join" in one for one in found.report.remarks) != certain


@pytest.mark.parametrize(("stem", "place"), [
    ("head", "above"), ("model.classifier.1", "above"), ("fc_out", "above"), ("ln_out", "above"), ("logits", "above"),
    ("valueHead", "above"), ("input_proj", "below"), ("ln_in", "below"), ("prenet.fc1", "below"), ("inp", "below"),
    ("fc", None), ("proj", None), ("linear", None), ("norm", None), ("in_out", None), ("outer", None),
])  # fmt: skip
def test_words_of_a_path_say_where_it_stands(stem: str, place: str | None) -> None:
    assert place_by_name(stem) == place


@pytest.mark.parametrize("first", [True, False])
def test_a_name_and_the_order_decide_nothing_for_certain(first: bool, tmp_path: Path) -> None:
    random = Random(0)
    head = random.linear("classifier", 4, 4)
    bag = {"emb.weight": random(9, 4), **(head if first else {}), **random.torch("rnn", "gru", 4, 4)}
    one = opened(bag | head | random.linear("fc", 4, 2), tmp_path)
    assert how(one, "place.classifier") == "readout (assumed)"
    assert any("place.classifier" in remark for remark in one.network.remarks)


def test_layers_of_one_sequential_stand_together(tmp_path: Path) -> None:
    random = Random(0)
    bag = {"emb.weight": random(9, 4), **random.linear("net.0", 4, 4), **random.torch("rnn", "gru", 4, 4)}
    one = opened(bag | random.linear("net.2", 4, 2), tmp_path)
    assert not how(one, "place.net_0")
    assert how(one, "readout").startswith("net.0, net.2")
    apart = opened(bag | random.linear("net.1", 4, 2), tmp_path)  # a list of layers has no gaps, and says nothing
    assert how(apart, "place.net_0").endswith("(assumed)")


def test_a_crf_is_told_once_and_speaks_against_nothing(tmp_path: Path) -> None:
    random = Random(0)
    bag = {"emb.weight": random(9, 4), **random.torch("rnn", "lstm", 4, 5), **random.linear("fc", 5, 3)}
    bag |= {"crf.start_transitions": random(3), "crf.end_transitions": random(3), "crf.transitions": random(3, 3)}
    one = opened(bag, tmp_path)
    said = [remark for remark in one.network.remarks if "crf" in remark and not remark.startswith("not used")]
    assert len(said) == 1
    assert "crf (3 tags) is a CRF" in said[0]
    assert not any(fact.against for fact in one.report.facts)
    assert set(one.report.unused) == {"crf.start_transitions", "crf.end_transitions", "crf.transitions"}


def test_convolutions_below_are_told_once_and_what_stands_among_them_is_not_run(tmp_path: Path) -> None:
    random = Random(0)
    bag: dict[str, Array] = {}
    for n, (reads, gives) in enumerate([(1, 3), (3, 4), (4, 4)]):
        bag |= {f"cnn.{3 * n}.weight": random(gives, reads, 3), f"cnn.{3 * n}.bias": random(gives)}
        for what in ("weight", "bias", "running_mean", "running_var"):
            bag[f"cnn.{3 * n + 1}.{what}"] = np.abs(random(gives))
    bag |= random.torch("rnn", "lstm", 4, 5) | random.linear("fc", 5, 2)
    one = opened(bag, tmp_path)
    understood = [remark for remark in one.network.remarks if "understood is not known" in remark]
    assert len(understood) == 1
    assert understood[0].startswith("layer0.understood is not known: cnn.0 is a convolution")
    assert "takes its inputs directly" in understood[0]
    assert not how(one, "input_layers")
    assert how(one, "readout").startswith("fc")


def test_a_head_beside_a_convolution_is_still_a_head(tmp_path: Path) -> None:
    """All parts of a model may stand under one name, as a program saves it that wraps the model."""
    random = Random(0)
    bag = {"model.conv.weight": random(4, 2, 3), "model.conv.bias": random(4)}
    bag |= {f"model.bn.{what}": np.abs(random(4)) for what in ("weight", "bias", "running_mean", "running_var")}
    bag |= random.torch("model.rnn", "lstm", 4, 5) | random.linear("model.fc", 5, 2)
    one = opened(bag, tmp_path)
    assert how(one, "readout").startswith("model.fc")
    assert not how(one, "input_layers")
    assert set(one.report.unused) == {name for name in bag if ".conv." in name or ".bn." in name}


def test_many_tensors_without_a_place_are_one_line_for_each_part(tmp_path: Path) -> None:
    random = Random(0)
    bag = random.torch("rnn", "lstm", 4, 5) | {
        f"strange{n}.weight": random(6 + n, 7, 2, 2)[..., 0, 0] for n in range(12)
    }
    lines = [remark for remark in opened(bag, tmp_path).network.remarks if "understood" in remark]
    assert len(lines) == 1
    assert "strange0 (6×7)" in lines[0]
    assert "and 4 more are in the file and have no place here, so its numbers may be wrong" in lines[0]


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("name", ["proj", "head"])
def test_a_dense_layer_that_fits_below_too_is_the_readout_with_a_warning_whatever_its_name(
    name: str, below: bool, tmp_path: Path
) -> None:
    """It reads as much as the layer gives and gives as much as it reads; the order in the file is not that of calls."""
    random = Random(0)
    dense, layer = random.linear(name, 3, 4), random.torch("rnn", "lstm", 4, 3)
    one = opened(dense | layer if below else layer | dense, tmp_path)
    assert how(one, "readout") == f"{name} (inferred)"
    assert how(one, f"place.{name}") == "readout (assumed)"
    assert any(f"place.{name}" in remark for remark in one.network.remarks)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_what_is_made_of_states_without_weights_is_assumed_and_can_be_decided(cell: str, tmp_path: Path) -> None:
    bag = Random(0).torch("model.rnn", cell, 4, 4)
    one = opened(bag, tmp_path)
    assert how(one, "readout") == "none (assumed)"
    (line,) = one.network.remarks
    for key in ("readout=none", "readout.over=each", "readout.activation=linear", "layer0.residual=none"):
        assert key in line
    again = open_file(tmp_path / "bag.npz", ImportOptions({"readout.over": "mean", "readout.activation": "tanh"}))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    trace = lstm_tui.trace(x, again.network)
    np.testing.assert_allclose(present(trace.result), np.tanh(trace["layer0.forward"]["h"].mean(axis=0)), atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_of_a_layer_by_itself_nothing_is_warned(cell: str, tmp_path: Path) -> None:
    bag = {name.removeprefix("rnn."): one for name, one in Random(0).torch("rnn", cell, 4, 4).items()}
    one = opened(bag, tmp_path)
    assert how(one, "readout") == "none (assumed)"
    assert not one.network.remarks


@pytest.mark.parametrize(("one", "other", "how"), [
    ("pi", "v", "assumed"), ("fc_mu", "fc_logvar", "assumed"), ("fc1", "fc2", "inferred"), ("fc", "fc2", "inferred"),
    ("head.0", "head.2", "inferred"), ("linear", "linear_1", "inferred"), ("fc", "fc1", "assumed"),
])  # fmt: skip
def test_a_head_that_could_stand_beside_another_is_assumed_to_stand_above_it(
    one: str, other: str, how: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(4)
    shapes = {"lstm.weight_ih_l0": (16, 3), "lstm.weight_hh_l0": (16, 4), "lstm.bias_ih_l0": (16,),
              "lstm.bias_hh_l0": (16,), f"{one}.weight": (4, 4), f"{one}.bias": (4,), f"{other}.weight": (2, 4),
              f"{other}.bias": (2,)}  # fmt: skip
    savez(tmp_path / "w.npz", {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})
    opened = open_file(tmp_path / "w.npz")
    fact = next(each for each in opened.report.facts if each.key == "readout")
    assert (fact.value, fact.how) == (f"{one}, {other}", how)
    assert (one in fact.others and other in fact.others) == (how == "assumed")
    assert any(each.startswith("readout is assumed") for each in opened.network.remarks) == (how == "assumed")


def joined(tensors: dict[str, Array], folder: Path, network: str | None = None) -> Imported:
    savez(folder / "bag.npz", tensors)
    return open_file(folder / "bag.npz", ImportOptions(network=network))


SEVERAL = {
    "a skip": ({"low": (3, 3), "top": (6, 3)}, "top,low (assumed)", "top reads as much as the input and low hold"),
    "two towers": (
        {"left": (4, 2), "right": (4, 2), "both": (4, 4)},
        "apart (assumed)",
        "both reads as much as left and",
    ),
    "towers below": ({"left": (5, 2), "right": (5, 3), "both": (10, 4)}, "apart (assumed)", "both reads as much as"),
    "a sum of towers": (
        {"left": (4, 5), "right": (4, 5), "third": (4, 5), "both": (5, 4)},
        "apart (assumed)",
        "both could read what left",
    ),
    "towers by chance": (
        {"left": (6, 2), "right": (6, 4), "both": (6, 5)},
        "apart (assumed)",
        "both reads as much as left",
    ),
    "only a chain": ({"low": (3, 5), "top": (5, 4)}, "low,top (inferred)", ""),
    "nothing in common": ({"low": (3, 5), "top": (7, 4)}, "apart (inferred)", ""),
}
"""Modules by what they read and give, how they are joined, and what is said where widths allow more than that."""


@pytest.mark.parametrize("name", SEVERAL)
def test_a_join_is_certain_only_where_no_module_could_read_several_things(name: str, tmp_path: Path) -> None:
    sizes, join, said = SEVERAL[name]
    random = Random(0)
    bag: dict[str, Array] = {}
    for module, (reads, gives) in sizes.items():
        bag |= random.torch(module, "gru", reads, gives)
    one = joined(bag, tmp_path)
    assert how(one, "join") == join
    assert any("join" in remark for remark in one.network.remarks) == bool(said)
    assert said in next(fact.why for fact in one.report.facts if fact.key == "join")


@pytest.mark.parametrize(("names", "roles"), [
    (("encoder", "decoder"), True), (("dec.rnn", "enc.rnn"), True), (("dec.rnn", "rnn", "enc.rnn"), True),
    (("decoder", "rnn"), False), (("encoder.low", "encoder.top"), False),
])  # fmt: skip
def test_names_of_an_encoder_and_a_decoder_are_no_proof_that_they_stand_apart(
    names: tuple[str, ...], roles: bool, tmp_path: Path
) -> None:
    random = Random(0)
    bag = {"emb.weight": random(9, 4)}
    for name in names:
        bag |= random.torch(name, "gru", 4, 4)
    (join,) = [one for one in joined(bag, tmp_path).report.facts if one.key == "join"]
    assert (join.value == "apart") == roles
    assert join.how == "assumed"
    assert {join.value, *join.others} == {"apart", *(",".join(order) for order in permutations(names))}


def test_each_of_two_apart_may_begin_with_the_states_of_the_other_and_none_with_those_of_one_above(
    tmp_path: Path,
) -> None:
    random = Random(0)
    bag = random.torch("low", "gru", 4, 4) | random.torch("top", "gru", 4, 4)
    savez(tmp_path / "bag.npz", bag)
    for join, begun in (("apart", ("low", "top")), ("low,top", ("top",)), ("top,low", ("low",))):
        said = set()
        for network in ("low", "top") if join == "apart" else (None,):
            one = open_file(tmp_path / "bag.npz", ImportOptions({"join": join}, network=network))
            said |= {fact.why.split(" could begin")[0] for fact in one.report.facts if "could begin" in fact.why}
        assert said == {*begun}


def test_a_head_of_a_file_with_several_networks_is_the_decoder_s_or_is_assumed(tmp_path: Path) -> None:
    random = Random(0)
    head = random.linear("fc", 4, 2)
    towers = random.torch("left", "gru", 3, 4) | random.torch("right", "lstm", 3, 4)
    for network in ("left", "right"):
        one = joined(towers | head, tmp_path, network)
        warned = any("readout" in remark and "could stand above" in remark for remark in one.network.remarks)
        taken = how(one, "readout").startswith("fc")
        assert taken == (network == "right")
        assert warned == taken
    alone = random.torch("left", "gru", 3, 5) | random.torch("right", "lstm", 3, 4)
    assert how(joined(alone | head, tmp_path, "right"), "readout") == "fc (inferred)"
    pair = random.torch("decoder", "gru", 3, 4) | random.torch("encoder", "gru", 3, 5)  # the decoder comes first
    assert how(joined(pair | head, tmp_path, "decoder"), "readout") == "fc (inferred)"


def test_one_of_two_that_read_the_same_may_read_from_the_end(tmp_path: Path) -> None:
    random = Random(0)
    bag = random.torch("left", "gru", 3, 4) | random.torch("right", "lstm", 3, 5)
    assert how(joined(bag, tmp_path, "right"), "layer0.directions") == "forward (assumed)"
    pair = random.torch("encoder", "gru", 3, 4) | random.torch("decoder", "lstm", 3, 5)
    assert how(joined(pair, tmp_path, "decoder"), "layer0.directions") == "forward (assumed)"


@pytest.mark.parametrize(("names", "bias", "both"), [
    (("lstm_fw", "lstm_bw"), True, True), (("rnn_f", "rnn_b"), True, True), (("rnn", "rnn_reverse"), True, True),
    (("rnn", "rnn_b"), True, False), (("rnn_a", "rnn_b"), True, False), (("lstm_fw", "lstm_bw"), False, False),
])  # fmt: skip
def test_two_directions_are_named_so_and_hold_the_same_tensors(
    names: tuple[str, str], bias: bool, both: bool, tmp_path: Path
) -> None:
    random = Random(0)
    for order in (names, names[::-1]):
        bag: dict[str, Array] = {}
        for name in order:
            bag |= random.torch(name, "gru", 3, 4)
        if not bias:
            bag = {name: one for name, one in bag.items() if not name.startswith(f"{order[0]}.bias")}
        one = joined(bag | random.linear("fc", 8, 2), tmp_path)
        assert (how(one, "layer0.directions") == "both, joined end to end (inferred)") == both
        assert len(one.names) == (1 if both else 2)  # and neither is lost


def test_raw_weights_of_weight_dropout_are_those_that_are_used(tmp_path: Path) -> None:
    """An AWD-LSTM as its library saves it: the raw weights beside a module that holds those of the last batch."""
    random = Random(0)
    plain = {"0.encoder.weight": random(9, 4), **random.torch("0.rnns.0.module", "lstm", 4, 4)}
    decoder = {"1.decoder.weight": plain["0.encoder.weight"], "1.decoder.bias": random(9)}
    raw = plain["0.rnns.0.module.weight_hh_l0"]
    left = {"0.rnns.0.module.weight_hh_l0": np.where(random(*raw.shape) > 0, raw, 0)}
    x = random.ids(9)
    want = present(lstm_tui.trace(x, opened(plain | decoder, tmp_path).network).output)
    for name in ("0.rnns.0.weight_hh_l0_raw", "0.rnns.0.module.weight_hh_l0_raw"):
        table = {"0.encoder_dp.emb.weight": plain["0.encoder.weight"]}
        one = opened(plain | table | left | {name: raw} | decoder, tmp_path)
        np.testing.assert_array_equal(present(lstm_tui.trace(x, one.network).output), want)
        assert how(one, "layer0.weights") == "the raw ones (inferred)"
        assert not one.report.unused
        assert not any("not known" in remark for remark in one.network.remarks)


@pytest.mark.parametrize(("names", "sure"), [
    (("trunk", "policy", "value"), False), (("fc1", "fc2", "fc3"), True), (("head.0", "head.2", "head.4"), True),
])  # fmt: skip
def test_two_heads_above_a_dense_layer_are_not_surely_a_chain(
    names: tuple[str, str, str], sure: bool, tmp_path: Path
) -> None:
    random = Random(0)
    bag = random.torch("rnn", "gru", 5, 6) | random.linear(names[0], 6, 4)
    one = joined(bag | random.linear(names[1], 4, 4) | random.linear(names[2], 4, 2), tmp_path)
    assert how(one, "readout") == f"{', '.join(names)} ({'inferred' if sure else 'assumed'})"
    others = next(fact.others for fact in one.report.facts if fact.key == "readout")
    assert sure or {f"{names[0]}, {names[1]}", f"{names[0]}, {names[2]}"} <= set(others)
    wider = bag | random.linear(names[1], 4, 3) | random.linear(names[2], 3, 2)  # which fit one way alone
    assert how(joined(wider, tmp_path), "readout") == f"{', '.join(names)} (inferred)"


def test_many_modules_one_above_the_other_are_put_together_at_once(tmp_path: Path) -> None:
    random = Random(0)
    bag: dict[str, Array] = {}
    for n in range(40):  # what 40 could read together are 2**40 sums
        bag |= random.torch(f"rnn{n}", "rnn", 2, 2)
    assert how(opened(bag, tmp_path), "join") == f"{','.join(f'rnn{n}' for n in range(40))} (assumed)"


def test_what_modules_hold_together_is_what_every_combination_says() -> None:
    numbers = np.random.default_rng(5)
    for _ in range(200):
        widths = numbers.integers(1, 9, int(numbers.integers(1, 8))).tolist()
        most = int(numbers.integers(1, 30))
        sums = WidthSums(most)
        for n, width in enumerate(widths):
            sums.add(str(n), width)
        fewest: dict[int, int] = {}
        for count in range(2, len(widths) + 1):
            for some in combinations(widths, count):
                fewest.setdefault(sum(some), count)
        assert {total: len(names) for total, names in sums.several.items()} == {
            total: count for total, count in fewest.items() if total <= most
        }
        assert all(sum(widths[int(one)] for one in names) == total for total, names in sums.several.items())


def test_a_name_alone_does_not_place_a_dense_layer(tmp_path: Path) -> None:
    random = Random(0)
    parts = [random.linear("aux", 3, 3), random.torch("a", "gru", 3, 3), random.torch("b", "gru", 3, 3),
             random.linear("out", 3, 3)]  # fmt: skip
    bag: dict[str, Array] = {}
    for part in parts:
        bag |= part
    found = opened(bag, tmp_path)
    assert how(found, "join").endswith("(assumed)")
    assert how(found, "place.out") == "readout (assumed)"


def test_each_layer_that_one_of_two_alike_could_stand_below_is_doubted(tmp_path: Path) -> None:
    report = opened(dict(BAGS["alike_below"](Random(0)).tensors), tmp_path).report
    layers = {one.key.split(".")[0] for one in report.facts if one.key.endswith(".cell")}
    doubted = {one.key.split(".")[0] for one in report.facts if one.how == "unknown" and "of one shape" in one.why}
    assert doubted == layers
    assert len(layers) == 2
