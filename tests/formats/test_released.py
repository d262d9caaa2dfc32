"""Files of released layouts open whole: they answer as their papers do, and every tensor is named in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import released_linear
import released_models
import released_xlstm
from released_models import Tensors, answers_of_mamba, answers_of_mamba2, mamba, mamba2, rwkv7
from safetensors.numpy import save_file

import lstm_tui
from lstm_tui.analysis.memory_reads import read_places, split_read
from lstm_tui.cli.main import main
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions, open_file

LAYOUTS = released_models.LAYOUTS | released_linear.LAYOUTS | released_xlstm.LAYOUTS
IDS = (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5)


def written(tensors: Tensors, folder: Path, name: str = "model.safetensors") -> Path:
    path = folder / name
    save_file({key: np.ascontiguousarray(one) for key, one in tensors.items()}, path)
    return path


def said(path: Path, **more: Any) -> Array:
    output = lstm_tui.trace(" ".join(map(str, IDS)), model=lstm_tui.load(path, **more)).output
    assert output is not None
    return np.asarray(output, dtype=np.float64)


def shares(logits: Array) -> Array:
    sizes = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(sizes / sizes.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_released_file_answers_as_its_paper_does(layout: str, seed: int, tmp_path: Path) -> None:
    make, answers = LAYOUTS[layout]
    tensors = make(seed)
    path = written(tensors, tmp_path)
    assert np.abs(said(path) - shares(answers(tensors, IDS))).max() < 1e-5
    imported = open_file(path)
    assert {fact.value for fact in imported.report.facts if fact.key == "layout"} == {layout}


@pytest.mark.slow
@pytest.mark.parametrize("taps", [2, 3, 5])
@pytest.mark.parametrize("make", [mamba, mamba2])
def test_a_convolution_of_other_length_is_read(make: Any, taps: int, tmp_path: Path) -> None:
    tensors = make(2, taps=taps)
    answers = answers_of_mamba if make is mamba else answers_of_mamba2
    assert np.abs(said(written(tensors, tmp_path)) - shares(answers(tensors, IDS))).max() < 1e-5


def test_biases_names_of_transformers_and_a_head_that_is_the_table_are_understood(tmp_path: Path) -> None:
    tensors = mamba(3, inner="embeddings", bias=True)
    del tensors["lm_head.weight"]
    path = written(tensors, tmp_path)
    assert np.abs(said(path) - shares(answers_of_mamba(tensors, IDS))).max() < 1e-5
    facts = {fact.key: fact for fact in open_file(path).report.facts}
    assert facts["readout.weights"].how == "assumed"
    assert facts["epsilon"].how == "assumed"
    off = np.abs(said(path, decisions={"epsilon": "0.5"}) - shares(answers_of_mamba(tensors, IDS))).max()
    assert off > 1e-3, "another epsilon gives other numbers"


def test_a_skip_by_channel_and_one_head_are_understood(tmp_path: Path) -> None:
    for more in ({"by_channel": True}, {"heads": 1}):
        tensors = mamba2(4, **more)
        assert np.abs(said(written(tensors, tmp_path)) - shares(answers_of_mamba2(tensors, IDS))).max() < 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_tensor_is_named_as_used_or_not(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = LAYOUTS[layout][0](0) | {"strange.weight": np.ones((2, 2), np.float32)}
    path = written(tensors, tmp_path)
    assert main(["inspect", str(path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    told = {one["name"]: one["part"] for one in content["tensors"]}
    assert told.keys() == tensors.keys()
    idle = {f"blocks.0.att.v{n}" for n in range(3)} if layout == "RWKV-7" else set()  # the first block mixes nothing
    assert {name for name, part in told.items() if not part} == {"strange.weight", *idle}
    assert main(["inspect", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "not used: " in shown
    assert "strange.weight (2×2) stands beside it and is not used, so its numbers may be wrong" in shown


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_block_is_opened_whole_or_refused_by_the_tensor_that_is_not_there(layout: str, tmp_path: Path) -> None:
    tensors = LAYOUTS[layout][0](0)
    idle = tuple(f"blocks.0.att.v{n}" for n in range(3))
    block = [name for name in tensors if (".1." in name or "blocks.0" in name) and not name.startswith(idle)]
    free = ("conv1d.bias", "in_proj.bias", "out_proj.bias", "ln0.weight")
    for name in block:
        if name.endswith(free):
            continue
        fewer = {key: one for key, one in tensors.items() if key != name}
        if layout == "Mamba-2" and name.endswith("dt_bias"):
            continue
        with pytest.raises(UserError) as refused:
            open_file(written(fewer, tmp_path))
        assert str(refused.value).count("\n") == 0
        assert name in str(refused.value)
    for name in block:
        if tensors[name].ndim == 2 and not name.endswith(("A_log", "r_k", "time_faaaa")):
            wrong = tensors | {name: np.ones((tensors[name].shape[0] + 1, tensors[name].shape[1] + 3), np.float32)}
            with pytest.raises(UserError):
                open_file(written(wrong, tmp_path))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_missing_layer_is_said(layout: str, tmp_path: Path) -> None:
    tensors = LAYOUTS[layout][0](0, layers=3)
    fewer = {name: one for name, one in tensors.items() if ".1." not in name}
    with pytest.raises(UserError, match="1 is missing, and layers follow each other"):
        open_file(written(fewer, tmp_path))


@pytest.mark.parametrize("rows", [10, 43, 45])
def test_a_block_of_mamba_2_whose_rows_are_of_no_heads_is_refused(rows: int, tmp_path: Path) -> None:
    tensors = mamba2() | {f"backbone.layers.{n}.mixer.in_proj.weight": np.ones((rows, 8), np.float32) for n in (0, 1)}
    with pytest.raises(UserError, match=r"mixer\.in_proj\.weight is not z, x, B, C and a step size of 4 heads"):
        open_file(written(tensors, tmp_path))


@pytest.mark.parametrize("text", ["-1", "nan", "x", "2"])
def test_an_epsilon_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--set epsilon={text} is no small number, such as 1e-05"):
        open_file(written(mamba(0), tmp_path), ImportOptions(settings={"epsilon": text}))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_read_of_a_released_block_is_split_exactly_by_token(layout: str, tmp_path: Path) -> None:
    trace = lstm_tui.trace(" ".join(map(str, IDS)), model=written(LAYOUTS[layout][0](5), tmp_path))
    read = 0
    for passed in trace.values():
        for value in read_places(passed):
            assert split_read(passed, value, len(IDS) - 1).off < 1e-5
            read += 1
    assert read >= 2


@pytest.mark.slow
def test_a_pth_file_in_half_precision_opens_and_nothing_in_it_runs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(one).to(torch.bfloat16) for name, one in rwkv7(6).items()}
    path = tmp_path / "RWKV-x070.pth"
    torch.save(tensors, path)
    rounded = {name: one.float().numpy() for name, one in tensors.items()}
    assert np.abs(said(path) - shares(released_models.answers_of_rwkv7(rounded, IDS))).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tensor_of_any_other_shape_is_refused_by_a_reason_and_no_fault(layout: str, tmp_path: Path) -> None:
    tensors = LAYOUTS[layout][0](0)
    reasons = {}
    for name, one in tensors.items():
        sizes = {(0,), (1,), (one.size,), (*one.shape, 2), tuple(reversed(one.shape)), tuple(n + 1 for n in one.shape)}
        for shape in sorted(sizes - {one.shape}):
            try:
                open_file(written(tensors | {name: np.ones(shape, np.float32)}, tmp_path))
            except UserError as refused:
                reasons[name, shape] = str(refused)
    assert len(reasons) > len(tensors)
    assert {place: reason for place, reason in reasons.items() if "not understood" in reason} == {}


def test_what_no_file_of_mamba_2_records_is_assumed_and_of_mamba_nothing_is(tmp_path: Path) -> None:
    for make, assumed in ((mamba, set[str]()), (mamba2, {"groups", "step_size"})):
        facts = open_file(written(make(0), tmp_path)).report.facts
        assert {one.key for one in facts if one.how == "assumed"} & {"groups", "step_size"} == assumed
        assert next(one.value for one in facts if one.key == "layout") == ("Mamba-2" if assumed else "Mamba")
