"""Edited networks written back into their own files: what was edited comes back, and nothing else has changed.

Read back by our importers for every layout there is a file of, by the libraries of the formats for all that should stay
as it was, and by the frameworks themselves for what the edited network says.
"""

from __future__ import annotations

import io
import pickle
import re
import shutil
import zipfile
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bags import BAGS, Random
from campaigns.written_back import numbers_changed
from hypothesis import given
from hypothesis import strategies as st
from present import present
from registries import sampled
from saved_arrays import savez

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import AS_IT_IS, ImportOptions, open_file
from lstm_tui.formats.importers.torch.pickled_arrays import decode
from lstm_tui.formats.write_back.onnx import fields
from lstm_tui.formats.write_back.places import TensorPlace, encoded
from lstm_tui.formats.write_back.write_back import WrittenBack, _check_found, written_back

FILES = Path(__file__).parent / "files"
NUMBERS = re.compile(r"/data/|/constants/\d")
"""Members of a zip that are nothing but numbers."""
MADE_HERE = re.compile(r".*/(?:[Vsb]_\d+|[hc]_0)")
"""Parameters that an importer may have made: choices, constants and joined norms of a readout, states that are 0."""


LEFT_OUT = {"k_stacked_cells.keras", "expected.npz"}
"""They hold no network that is run."""


def files() -> list[Path]:
    """Return every file that holds a network; an `.npz` that is named as one holds the numbers it must give."""
    found = [one for one in sorted(FILES.rglob("*")) if one.suffix in ENDINGS]
    named = [one.stem for one in found if one.suffix != ".npz"]
    return [
        one
        for one in found
        if one.name not in LEFT_OUT
        if one.suffix != ".npz" or not (one.stem.endswith("_expected") or any(it.startswith(one.stem) for it in named))
    ]


def beside(path: Path, folder: Path) -> Path:
    """Copy a file, and what belongs to it, into a folder of its own."""
    for one in path.parent.iterdir():
        if one.name == path.name or one.name in (f"{path.name}.data", f"{path.name.split('.')[0]}.json"):
            shutil.copyfile(one, folder / one.name)
    return folder / path.name


def shaken(network: Network, seed: int = 0) -> Network:
    """Return a network every number of which is another; what the file keeps once, for two layers, is one number."""
    random, edited = np.random.default_rng(seed), network.copy()
    before, after = list(network.tensors().values()), list(edited.tensors().values())
    for n, one in enumerate(after):
        twin = next((k for k in range(n) if before[n].any() and np.array_equal(before[k], before[n])), None)
        one[...] = after[twin] if twin is not None else one + random.normal(0, 0.3, one.shape).astype(one.dtype)
    edited.apply_masks()
    return edited


def written(network: Network, opened: Network) -> tuple[WrittenBack, Network, list[str]]:
    """Write back as much of a network as can be; what cannot is put back, and named."""
    refused: list[str] = []
    edited = network.copy()
    while True:
        try:
            return written_back(edited), edited, refused
        except UserError as error:
            named = [name for name in edited.tensors() if f"{name}[" in str(error) and name not in refused]
            named = named or [name for name in edited.tensors() if MADE_HERE.fullmatch(name) and name not in refused]
            if not named:
                raise
            for name in named:
                refused.append(name)
                edited.tensors()[name][...] = opened.tensors()[name]


def skeleton(path: Path, data: bytes) -> Any:
    """Return all of a file but its floating-point numbers, read by the library of its format alone."""
    if path.suffix in (".h5", ".keras"):
        return keras_skeleton(path, data)
    if path.suffix == ".onnx":
        return onnx_skeleton(data)
    if path.suffix == ".safetensors":
        return data[: 8 + int.from_bytes(data[:8], "little")], len(data)
    if data[:2] != b"PK":
        return len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        packed = is_packed(data)
        return [
            (one.filename, one.date_time, one.compress_type, one.file_size, 0 if packed else one.header_offset,
             archive.read(one) if path.suffix != ".npz" and not NUMBERS.search(one.filename) else b"")
            for one in archive.infolist()
        ]  # fmt: skip


def is_packed(data: bytes) -> bool:
    """Say whether a file is a zip with members that are compressed: other numbers take another room there."""
    if data[:2] != b"PK":
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist())


def keras_skeleton(path: Path, data: bytes) -> Any:
    h5py = pytest.importorskip("h5py")
    rest: Any = None
    if path.suffix == ".keras":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            rest = [(one, archive.read(one)) for one in archive.namelist() if not one.endswith(".h5")]
            data = archive.read("model.weights.h5")
    found: list[Any] = [rest]

    def visit(name: str, one: Any) -> None:
        attributes = {key: np.asarray(value).tolist() for key, value in one.attrs.items()}
        kept = np.asarray(one[()]).tolist() if hasattr(one, "dtype") and one.dtype.kind != "f" else None
        found.append((name, attributes, str(getattr(one, "dtype", "")), getattr(one, "shape", ()), kept))

    with h5py.File(io.BytesIO(data), "r") as file:
        found.append({key: np.asarray(value).tolist() for key, value in file.attrs.items()})
        file.visititems(visit)
    return found


def onnx_skeleton(data: bytes) -> Any:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_model_from_string(data)

    def clear(graph: Any) -> None:
        for tensor in graph.initializer:
            emptied(tensor)
        for node in graph.node:
            for one in node.attribute:
                if one.type == onnx.AttributeProto.GRAPH:
                    clear(one.g)
                elif one.type == onnx.AttributeProto.TENSOR:
                    emptied(one.t)

    def emptied(tensor: Any) -> None:
        if tensor.data_type in (1, 10, 11, 16):
            tensor.raw_data = b"0" * len(tensor.raw_data)
            tensor.float_data[:] = [0.0] * len(tensor.float_data)

    clear(model.graph)
    return model.SerializeToString(deterministic=True)


def check(path: Path, folder: Path, reading: ImportOptions = AS_IT_IS) -> list[str]:
    """Write back a network all of whose numbers changed, check what comes back, and return what was refused."""
    source = beside(path, folder) if path.parent != folder else path
    opened = open_file(source, reading).network
    untouched = written_back(opened.copy())
    assert untouched.joined == Path(f"{source}.data").exists()
    assert untouched.joined or untouched.data == source.read_bytes()
    made, edited, refused = written(shaken(opened), opened)
    before = untouched.data
    Path(f"{source}.data").unlink(missing_ok=True)
    assert len(made.data) == len(before) or is_packed(before)
    assert skeleton(source, made.data) == skeleton(source, before)
    if made.dtypes == "float32" and not any(
        "(kept as " in name for name, _ in made.tensors
    ):  # those are counted as one
        assert numbers_changed(before, made.data) == made.changed
    source.write_bytes(made.data)
    again = open_file(source, reading).network.tensors()
    half = "bf16" in path.name or "half" in path.name
    off = 0.0
    for name, one in edited.tensors().items():
        np.testing.assert_allclose(again[name], one, rtol=0.01 if half else 1e-6, atol=0.01 if half else 1e-6)
        off = max(off, float(np.abs(again[name].astype(np.float64) - one).max()))
    assert made.off == pytest.approx(off)
    assert bool(made.farthest) == (off > 0)
    return refused


REFUSED = {
    "program_placed": {f"layer0.forward/{name}" for name in ("E_0", "S_0", "q0_0")},  # a table that is walked along
}
"""Parameters that are computed of several numbers of the file, or stand in for one number with others; by the file."""
IN_PART = {
    f"{name}.onnx"
    for name in ("attending", "denoiser", "fast_weights", "masked", "reset_by_a_truth", "retaining", "selective")
}
"""Steps whose pages have several weights that are one number of the file: those are refused, and named."""
PAIRS = "pairs"
"""Encoders and decoders on one tape: tables and matrices that the tape joins with others are refused, and named."""
KEPT_ONCE = ("loop_inside_a_step.onnx", "keras3_shared_layer_twice.keras")
"""Files all of whose weights the network has twice."""
QUICK = {
    "torch_gru_both_legacy.pth", "torch_lstm_projected.ckpt", "torch_lstm_scripted.pt", "torch_tagger.safetensors",
    "torch_tagger_bf16.pt", "program_heads_export.pt2",
    "keras_gru.keras", "keras_hard.h5", "onnx_lstm_peepholes.onnx", "onnx_inside_if.onnx",
}  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [pytest.param(one, id=one.name, marks=() if one.name in QUICK else pytest.mark.slow) for one in files()],
)
def test_every_layout_there_is_a_file_of_goes_back_into_it(path: Path, tmp_path: Path) -> None:
    refused = {name for name in check(path, tmp_path) if not MADE_HERE.fullmatch(name)}
    if path.name in IN_PART or path.parent.name == PAIRS:
        assert refused < open_file(path, AS_IT_IS).network.tensors().keys()
        return
    assert refused == next((names for word, names in REFUSED.items() if path.name.startswith(word)), set())


@pytest.mark.long
@pytest.mark.parametrize("name", KEPT_ONCE)
def test_what_a_file_keeps_once_is_not_edited_in_one_place_alone(name: str) -> None:
    (path,) = (one for one in files() if one.name == name)
    network = open_file(path, AS_IT_IS).network
    known = {name: one for name, one in network.tensors().items() if one.any()}
    twins = [(one, other) for one, other in combinations(known, 2) if np.array_equal(known[one], known[other])]
    assert twins
    for alone in dict.fromkeys(name for pair in twins for name in pair):
        edited = network.copy()
        edited.tensors()[alone].flat[0] += 0.25
        with pytest.raises(UserError, match=r"keeps it once|keeps .* as one number"):
            written_back(edited)


IN_PARTS = {"pruned", "batch_norms_plain", "scaled_table", "scaled_positions"}
"""Bags whose weights are made of others: a mask has numbers that stay 0, and a norm without weights no number to scale,
nor has a table that its program scales."""


@pytest.mark.parametrize("name", sampled(list(BAGS), 3))
def test_every_bag_of_weights_goes_back_into_its_file(name: str, tmp_path: Path) -> None:
    bag = BAGS[name](Random(0))
    savez(tmp_path / "bag.npz", dict(bag.tensors))
    refused = check(tmp_path / "bag.npz", tmp_path, ImportOptions(dict(bag.settings), network=bag.network))
    made_here = {one for one in refused if re.fullmatch(r".*/(S|q0|E)_0", one)}  # the next place, and behind the last
    assert bool(set(refused) - made_here) == (name in IN_PARTS)


def changed(opened: Network, name: str, number: float, index: tuple[int, ...] = ()) -> Network:
    edited = opened.copy()
    edited.tensors()[name][index or ...] = number
    return edited


def bag_file(folder: Path, tensors: dict[str, np.ndarray], ending: str = ".npz") -> Path:
    path = folder / f"w{ending}"
    savez(path, tensors)
    return path


def test_a_weight_that_is_not_pruned_goes_back_and_one_that_is_does_not(tmp_path: Path) -> None:
    bag = BAGS["pruned"](Random(0))
    opened = open_file(bag_file(tmp_path, dict(bag.tensors))).network
    name = next(one for one in opened.tensors() if one.startswith("layer0.forward/U_"))
    kept = tuple(int(one) for one in np.argwhere(opened.tensors()[name] != 0)[0])
    gone = tuple(int(one) for one in np.argwhere(opened.tensors()[name] == 0)[0])
    assert sum(count for _, count in written_back(changed(opened, name, 0.5, kept)).tensors) == 1
    with pytest.raises(UserError, match=re.escape(f"{name}[{gone[0]},{gone[1]}]")):
        written_back(changed(opened, name, 0.5, gone))


def tagger(random: Random) -> dict[str, np.ndarray]:
    """Return a language model whose table of embeddings is its last layer too."""
    tensors = {"embedding.weight": random(7, 4), **random.torch("rnn", "lstm", 4, 4)}
    return {**tensors, "head.weight": tensors["embedding.weight"], "head.bias": random(7)}


def test_tensors_that_a_file_keeps_once_are_written_where_both_are_edited_alike(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    table = torch.tensor(tagger(Random(1))["embedding.weight"])
    path = tmp_path / "tied.pt"
    state = {name: torch.tensor(one) for name, one in tagger(Random(1)).items()}
    torch.save({**state, "embedding.weight": table, "head.weight": table}, path)
    opened = open_file(path).network
    head = next(name for name, one in opened.tensors().items() if name.startswith("readout/") and one.shape == (7, 4))
    with pytest.raises(UserError, match="would change too"):
        written_back(changed(opened, head, 0.5, (2, 1)))
    both = changed(opened, head, 0.5, (2, 1))
    with pytest.raises(UserError, match="edit both alike"):
        written_back(changed(both, "embedding", 0.25, (2, 1)))
    path.write_bytes(written_back(changed(both, "embedding", 0.5, (2, 1))).data)
    again = torch.load(path)
    assert again["head.weight"].data_ptr() == again["embedding.weight"].data_ptr()
    assert again["head.weight"][2, 1] == 0.5


@pytest.mark.parametrize("how", ["zip", "legacy", "module", "scripted", "flat", "half"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_pytorch_says_what_the_edited_network_says(how: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4, bidirectional=True)
    path = tmp_path / "lstm.pt"
    if how == "flat":  # as on a GPU: every weight is a view of one storage
        flat = torch.cat([one.detach().ravel() for one in module.parameters()])
        starts = np.cumsum([0, *(one.numel() for one in module.parameters())])
        views = zip(module.state_dict().items(), starts[:-1], starts[1:], strict=True)
        torch.save({name: flat[a:b].view(one.shape) for (name, one), a, b in views}, path)
    elif how == "scripted":
        torch.jit.script(module).save(path)
    elif how == "module":
        torch.save(module, path)
    else:
        state = module.half().state_dict() if how == "half" else module.state_dict()
        torch.save(state, path, _use_new_zipfile_serialization=how != "legacy")
    opened = open_file(path).network
    edited = shaken(opened)
    edited.tensors()["layer0.forward/b_f"][...] = 0
    path.write_bytes(written_back(edited).data)
    if how == "module":
        again = torch.load(path, weights_only=False)
    elif how == "scripted":
        again = torch.nn.LSTM(3, 4, bidirectional=True)
        again.load_state_dict(torch.jit.load(path).state_dict())
    else:
        again = torch.nn.LSTM(3, 4, bidirectional=True)
        state = torch.load(path)
        assert list(state) == list(module.state_dict())
        assert {one.dtype for one in state.values()} == {torch.float16 if how == "half" else torch.float32}
        again.load_state_dict(state)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with torch.no_grad():
        said = again(torch.tensor(x)[:, None])[0][:, 0].numpy()
    ours = present(lstm_tui.trace(x, edited).ran).merged[-1]
    np.testing.assert_allclose(said, ours, atol=3e-3 if how == "half" else 1e-5)


@pytest.mark.parametrize("how", ["weight_norm", "weight_norm of before", "spectral_norm", "spectral_norm of before"])
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_pytorch_puts_together_the_weights_that_were_edited(how: str, ending: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    utils, kind = torch.nn.utils, how.partition(" ")[0]
    normed = getattr(utils if how.endswith("before") else utils.parametrizations, kind)

    def module(seed: int) -> Any:
        torch.manual_seed(seed)
        made = torch.nn.ModuleDict({"rnn": torch.nn.GRU(3, 4), "fc": torch.nn.Linear(4, 2)})
        normed(made["rnn"], "weight_hh_l0")
        normed(made["fc"])
        return made.eval()

    path, state = tmp_path / f"m{ending}", module(0).state_dict()
    if ending == ".pt":
        torch.save(state, path)
    else:
        pytest.importorskip("safetensors.torch").save_file(state, path)
    opened = open_file(path, ImportOptions({"readout.over": "each"})).network
    edited = opened.copy()
    edited.tensors()["layer0.forward/U_n"][2, 1] = 0.75
    edited.tensors()["readout/V_0"][1] += 0.5
    made = written_back(edited)
    assert len(made.data) == len(path.read_bytes())
    path.write_bytes(made.data)
    again = module(1)
    again.load_state_dict(
        torch.load(path) if ending == ".pt" else pytest.importorskip("safetensors.torch").load_file(path)
    )
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with torch.no_grad():
        said = again["fc"](again["rnn"](torch.tensor(x)[:, None])[0])[:, 0].numpy()
    np.testing.assert_allclose(said, present(lstm_tui.trace(x, edited).output), atol=1e-5)
    untouched = [name for name, one in edited.tensors().items() if not np.array_equal(one, opened.tensors()[name])]
    assert sorted(untouched) == ["layer0.forward/U_n", "readout/V_0"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["readout/s_0"], {"bn_out.weight", "bn_out.bias"}),
        pytest.param(["readout/b_0"], {"bn_out.bias"}, marks=pytest.mark.slow),
        pytest.param(["readout/s_0", "readout/b_0"], {"bn_out.weight", "bn_out.bias"}, marks=pytest.mark.slow),
    ],
)
def test_the_shift_of_a_folded_norm_stays_where_its_scale_is_edited(
    names: list[str], wanted: set[str], tmp_path: Path
) -> None:
    bag = BAGS["batch_norms"](Random(0))
    edited = open_file(bag_file(tmp_path, dict(bag.tensors)), ImportOptions(dict(bag.settings))).network.copy()
    for name in names:
        edited.tensors()[name][1] += 0.25
    assert {name for name, _ in written_back(edited).tensors} == wanted


def test_onnxruntime_says_what_the_edited_network_says(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    source = beside(FILES / "onnx_lstm_both.onnx", tmp_path)
    before = onnxruntime.InferenceSession(source)
    edited = shaken(open_file(source).network)
    source.write_bytes(written_back(edited).data)
    after = onnxruntime.InferenceSession(source)
    given = after.get_inputs()[0]
    shape = [one if isinstance(one, int) else {0: 5, 1: 1}.get(n, 3) for n, one in enumerate(given.shape)]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    said, was = (one.run(None, {given.name: x})[0] for one in (after, before))
    ours = present(lstm_tui.trace(x.reshape(-1, shape[-1]), edited).ran).merged[-1]
    np.testing.assert_allclose(np.moveaxis(said, -2, 1).reshape(ours.shape), ours, atol=1e-5)
    assert np.abs(said - was).max() > 1e-3


def test_a_zip_and_a_dataset_that_are_packed_are_packed_again(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    arrays = Random(2).torch("rnn", "gru", 3, 4)
    path = tmp_path / "packed.npz"
    packed: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, **packed)
    opened = open_file(path).network
    path.write_bytes(written_back(shaken(opened)).data)
    with zipfile.ZipFile(path) as archive:
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    np.testing.assert_allclose(
        open_file(path).network.tensors()["layer0.forward/U_n"], shaken(opened).tensors()["layer0.forward/U_n"]
    )
    source = beside(FILES / "keras_hard.h5", tmp_path)
    with h5py.File(FILES / "keras_hard.h5", "r") as old, h5py.File(source, "w") as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value
        for name in old:
            old.copy(name, new)
        names: list[str] = []
        new.visititems(lambda name, one: names.append(name) if hasattr(one, "dtype") else None)
        for name in names:
            numbers = new[name][()]
            if numbers.ndim == 2:
                del new[name]
                new.create_dataset(name, data=numbers, compression="gzip", chunks=True)
    edited = shaken(open_file(source).network)
    source.write_bytes(written_back(edited).data)
    for name, one in open_file(source).network.tensors().items():
        np.testing.assert_allclose(one, edited.tensors()[name], atol=1e-6)


def test_a_number_that_half_a_float_does_not_hold_is_refused_and_one_it_rounds_is_said(tmp_path: Path) -> None:
    arrays = {name: one.astype(np.float16) for name, one in Random(2).torch("rnn", "gru", 3, 4).items()}
    opened = open_file(bag_file(tmp_path, arrays)).network
    with pytest.raises(UserError, match=r"float16, where 1e\+06 comes back as inf"):
        written_back(changed(opened, "layer0.forward/U_n", 1e6, (0, 0)))
    made = written_back(changed(opened, "layer0.forward/U_n", 0.1, (0, 0)))
    assert made.off == abs(float(np.float16(0.1)) - float(np.float32(0.1)))
    assert "float16: layer0.forward/U_n[0,0] is 0.0999756, edited to 0.1" in " ".join(made.told())


def test_what_a_file_cannot_say_is_refused_by_name(tmp_path: Path) -> None:
    from lstm_tui.debugger.edits.apply import edited_network
    from lstm_tui.debugger.edits.edit_reader import parse_edit

    path = bag_file(tmp_path, Random(2).torch("rnn", "lstm", 3, 4))
    opened = open_file(path).network
    with pytest.raises(UserError, match=r"not the equations that were edited \(layer0.forward\)"):
        written_back(edited_network([parse_edit("let layer0.forward.f = 1")], opened))
    path.write_bytes(bag_file(tmp_path, Random(3).torch("rnn", "lstm", 3, 4)).read_bytes())
    with pytest.raises(UserError, match="was changed since it was opened"):
        written_back(shaken(opened))


def test_pickled_arrays_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "w.pkl"
    path.write_bytes(pickle.dumps(Random(2).torch("rnn", "lstm", 3, 4)))
    with pytest.raises(UserError, match=r"inside its pickle, which is not written: save them as \.npz"):
        written_back(shaken(open_file(path).network))


@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_bfloat16_is_the_nearest_there_is(numbers: list[float]) -> None:
    given_numbers = np.array(numbers, np.float32)
    place = TensorPlace("w", "bfloat16", len(numbers))
    back = decode(encoded(given_numbers, place), "bfloat16")
    every = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    every = np.sort(every[np.isfinite(every)]).astype(np.float64)
    for number, made in zip(given_numbers.astype(np.float64), back.astype(np.float64), strict=True):
        if np.isfinite(number) and np.isfinite(made):
            assert abs(made - number) == np.abs(every - number).min()
        else:
            assert np.isnan(made) == np.isnan(number)
            assert np.isnan(number) or abs(number) >= every[-1]


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_walked_to_an_end(data: bytes) -> None:
    try:
        found = list(fields(data, 0, len(data)))
    except ValueError:
        return
    assert all(0 <= one.begin <= one.end <= len(data) for one in found)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_first_state_kept_for_each_sequence_of_a_batch_is_not_written_for_one(batch: int, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    numbers = np.random.default_rng(6)
    arrays = {"W": (1, 2, 3), "R": (1, 2, 2), "B": (1, 4)}
    made = {name: numbers.normal(size=shape).astype(np.float32) for name, shape in arrays.items()}
    made["h0"] = np.tile(numbers.normal(size=(1, 1, 2)), (1, batch, 1)).astype(np.float32)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("RNN", ["x", "W", "R", "B", "", "h0"], ["y"], name="rnn", hidden_size=2)], "g",
        [helper.make_tensor_value_info("x", kind, [5, batch, 3])],
        [helper.make_tensor_value_info("y", kind, [5, 1, batch, 2])],
        [onnx.numpy_helper.from_array(one, name) for name, one in made.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), tmp_path / "m.onnx")
    network = open_file(tmp_path / "m.onnx").network.copy()
    network.tensors()["layer0.forward/h_0"][0] += 0.5
    if batch == 1:
        assert written_back(network).changed == 1
        return
    with pytest.raises(UserError, match=r"layer0\.forward/h_0\[0\] cannot be written alone"):
        written_back(network)


@pytest.mark.parametrize("lost", [1, 6, 7, 9])
def test_of_many_numbers_without_a_place_six_are_named_and_the_rest_counted(lost: int) -> None:
    sources: Any = {f"layer0.forward/w{n}": SimpleNamespace(ids=np.array([-1])) for n in range(lost)}
    which, given = dict.fromkeys(sources, np.array([0])), dict.fromkeys(sources, np.zeros(3))
    file: Any = SimpleNamespace(elsewhere=[])
    with pytest.raises(UserError) as told:
        _check_found(sources, which, given, file, "f.pt")
    assert re.findall(r"w\d", str(told.value)) == [f"w{n}" for n in range(min(lost, 6))]
    assert re.findall(r"and (\d+) more", str(told.value)) == [str(lost - 6)] * (lost > 6)


def test_what_is_called_as_parts_of_a_weight_and_does_not_fit_stays_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    tensors = {f"rnn.{kind}_l0": random.normal(size=shape).astype(np.float32)
               for kind, shape in (("weight_ih", (12, 3)), ("weight_hh", (12, 4)))}  # fmt: skip
    odd = {"aside.weight_v": random.normal(size=(3, 2)).astype(np.float32), "aside.weight_g": np.ones(7, np.float32)}
    path = bag_file(tmp_path, tensors | odd)
    edited = open_file(path).network.copy()
    edited.tensors()["layer0.forward/U_n"][2, 1] = 0.75
    path.write_bytes(written_back(edited).data)
    with np.load(path) as again:
        assert again["rnn.weight_hh_l0"][8 + 2, 1] == 0.75
        for name, one in odd.items():
            np.testing.assert_array_equal(again[name], one)
