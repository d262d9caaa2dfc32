"""What an import report says of a layer is what the opened network has: directions, sizes, how it is joined.

What else it says of a network is in `files/facts.txt`, every line of it read by a person before it was first kept:
written anew by `PYTHONPATH=tests python tests/formats/test_report_facts.py`; `git diff` shows what is said otherwise.
They are all networks there are: files that stand alone, frozen ones, graphs that were once misread, bags of weights,
weights without their layers, and networks of our own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest
from bags import BAGS, Random
from parsed import nodes_of, tree_of
from registries import sampled
from saved_arrays import savez

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers import import_report
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import open_model

FOLDER = Path(__file__).parent / "files"
FACTS = FOLDER / "facts.txt"
IMPORTERS = Path(import_report.__file__).parent
SAYING = ("say", "assume", "unknown", "doubt", "choose")
"""How an importer tells a report something."""

UNSAID = frozenset(
    (
        "answers.py: say('readout', 'none'",
        "keras/encoder_decoder.py: say('readout.softmax', 'added: the file gives scores'",
        "keras/lookups.py: say('tokens.sides', f'filled up to {length}, or cut to {length},",
        "keras/lookups.py: say('vocabulary', 'not used'",
        "keras/lookups.py: say('vocabulary', f'{len(texts)} texts'",
        "keras/plan.py: choose(f'{key}.output_order', 'token'",
        "keras/plan.py: say(f'{key}.directions', f'both, {merge}'",
        "keras/weights.py: choose('masking', 'none'",
        "keras/weights.py: choose(f'{key}.calls', 'one'",
        "keras/weights.py: choose(f'{key}.merge', 'sum'",
        "keras/weights.py: choose(f'{key}.residual', 'none'",
        "keras/weights.py: choose(f'{key}.reset', ways[0]",
        "keras/weights.py: doubt(key, f'what {visible(one.name)} does is not in a file of wei",
        "keras/weights.py: doubt(key, f'{one.text} is in the file and has no place here'",
        "keras/weights.py: doubt('readout', 'a mean of what comes from the end, where Keras t",
        "keras/weights.py: doubt('readout', 'the maximum of Keras takes the masked steps in'",
        "keras/weights.py: doubt(f'layer{count}', f'{visible(one.name)} reads from the end, w",
        "keras/weights.py: say('embedding', said",
        "keras/weights.py: say(f'{key}.activation', 'tanh'",
        "keras/weights.py: say(f'{key}.gate_activation', 'sigmoid'",
        "keras/weights.py: say(f'{again}.name', one.name",
        "mapping_file.py: say(f'layer{n}.cell', entry.get('cell', str)",
        "mapping_file.py: say(f'layer{n}.name', part.name",
        "mapping_file.py: say(f'layer{n}.size', f'{part.inputs} → {part.hidden}'",
        "mapping_file.py: say(f'{before}{visible(name)}', '×'.join(map(str, given['weight'",
        "onnx/plan.py: choose(key, first",
        "onnx/rnn_nodes.py: choose(f'{key}.reset', 'before'",
        "onnx/rnn_nodes.py: say(f'{key}.weights', f'dequantised from {packed}'",
        "open.py: say('classes', ', '.join(map(visible, reading.classes))",
        "open.py: say('tokens', f'{count} pieces, split by a tokenizer'",
        "open.py: say(key, ', '.join(names)",
        "program/initial_states.py: doubt(key, f'{visible(name)}, the {state} it begins with, is {said",
        "program/layers.py: say('vocabulary', 'not used'",
        "program/layers.py: say('vocabulary', f'{len(encoder.ids)} texts'",
        "program/layers.py: say(f'{key}.directions', 'forward and backward'",
        "released/blocks_in_file.py: choose('epsilon', usual",
        "released/blocks_in_file.py: choose('readout.weights', 'those of the embedding'",
        "released/blocks_in_file.py: say('readout', 'none'",
        "released/blocks_in_file.py: say('readout', f'norm, dense, softmax: {made.outputs} outputs'",
        "released/encoder_decoder.py: assume(f'{self.key}.begins', how",
        "released/encoder_decoder.py: assume(f'{self.key}.joined', order",
        "released/encoder_decoder.py: assume(f'{self.key}.scored', 'state, then what the encoder says'",
        "released/encoder_decoder.py: assume(f'{self.key}.shown', 'state, what is read, token'",
        "released/encoder_decoder.py: say('readout', f'dense, softmax: {tokens} tokens of the answer'",
        "released/encoder_decoder.py: say(f'layer{n}.cell', f'{self.encoder.cell}, an encoder'",
        "released/encoder_decoder.py: say(f'layer{n}.directions', 'both, concat'",
        "released/encoder_decoder.py: say(f'{key}.feeding', 'its output goes into the next step'",
        "released/encoder_decoder.py: say(f'{self.key}.attention', attention",
        "released/encoder_decoder.py: say(f'{self.key}.cell', f'{self.decoder.cell}, a decoder'",
        "released/linear_attention.py: assume('gate_limit', 'none'",
        "released/linear_attention.py: choose('key_heads', 'as of values'",
        "released/linear_attention.py: choose(key, first",
        "released/linear_attention.py: choose(key, usual",
        "released/linear_attention.py: say('layout', kind.title",
        "released/linear_attention.py: say(f'layer{n}.cell', f'{kind.title} block'",
        "released/linear_attention.py: say(f'layer{n}.size', f'{width}, {held}'",
        "released/mamba.py: assume('step_size', 'not limited'",
        "released/mamba.py: choose('groups', '1'",
        "released/mamba.py: say('layout', 'Mamba-2' if second else 'Mamba'",
        "released/mamba.py: say(f'layer{n}.cell', 'mamba2 block' if second else 'mamba block",
        "released/mamba.py: say(f'layer{n}.size', f\"{width}, {one.sizes['E']} channels, {one",
        "released/rwkv.py: assume('head_epsilon', head_epsilon",
        "released/rwkv.py: say('layout', f'RWKV-{generation}'",
        "released/rwkv.py: say('readout', 'none'",
        "released/rwkv.py: say('readout', f'norm, dense, softmax: {head.outputs} outputs'",
        "released/rwkv.py: say(f'layer{n}.cell', f'rwkv{generation} block'",
        "released/rwkv.py: say(f'layer{n}.size', f\"{one.hidden}, {one.sizes['A']} heads\"",
        "released/xlstm.py: choose('readout.weights', 'those of the embedding'",
        "released/xlstm.py: choose('slstm_gates', _SWAPPED",
        "released/xlstm.py: choose(key, usual",
        "released/xlstm.py: say('layout', 'xLSTM large'",
        "released/xlstm.py: say('layout', 'xLSTM'",
        "released/xlstm.py: say('readout', 'none'",
        "released/xlstm.py: say('readout', f'norm, dense, softmax: {made.outputs} outputs'",
        "released/xlstm.py: say(f'layer{n}.cell', f'{kind} block'",
        "released/xlstm.py: say(f'layer{n}.size', f\"{one.hidden}, {one.sizes['A']} heads\"",
        "state_dict.py: assume(f'{key}.residual', 'none'",
        "state_dict.py: doubt('layer0', f'{visible(one.stem)} could be looked up too, and ",
        "state_dict.py: doubt(f'layer{min(slot, 1)}', f'{stems} are of one shape, and each",
        "state_dict.py: say(f'{key}.residual', why",
        "step_graphs/plan.py: say('batch', f'one of {rows} sequences'",
        "step_graphs/plan.py: say('front', ', '.join((visible(one) for one in self.front.targe",
        "step_graphs/plan.py: say(f'answer.{visible(name)}', 'the same at every step'",
        "step_graphs/states.py: choose(key, '1'",
        "torch/cell_variants.py: choose(f'{key}.norm_bias', 'after'",
        "torch/modules.py: choose('readout.directions', ways[0]",
        "torch/modules.py: choose('input', 'numbers'",
        "torch/modules.py: doubt('layer0', f'{visible(convolved[0])} is a convolution whose s",
        "torch/modules.py: say('readout', 'no dense layer'",
        "torch/modules.py: say('readout', 'none'",
        "torch/modules.py: say(key, ', '.join(steps)",
        "torch/modules.py: say(key, 'linear'",
        "torch/parameter_names.py: choose(f'{key}.activation', 'tanh'",
        "torch/parameter_names.py: say(f'{key}.matrices', 'transposed'",
        "vocabularies.py: choose('vocabulary', paths[0]",
        "vocabularies.py: choose('vocabulary.kind', own",
        "vocabularies.py: choose('vocabulary.unknown', '0'",
        "vocabularies.py: say('classes', 'not named'",
        "vocabularies.py: say('classes', visible(path)",
        "vocabularies.py: say('vocabulary', 'not used'",
    )
)
"""What none of these networks has an importer say: it is in tests of its own: of released files and
encoder-decoders, of weights of Keras, of graphs of one step. What a kept network can say does not belong here."""


def networks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.suffix != ".npz")


def opened(path: Path, options: ImportOptions | None = None) -> Imported:
    if path.suffix in (".onnx", ".keras", ".h5"):
        pytest.importorskip("onnx" if path.suffix == ".onnx" else "h5py")
    return open_file(path, options or ImportOptions())


def layers_said(found: Imported, what: str) -> dict[int, str]:
    """Return what a report says of the layers of a network, by their numbers."""
    keys = {one.key: str(one.value) for one in found.report.facts}
    return {int(key[1]): value for one, value in keys.items() if (key := re.fullmatch(rf"layer(\d+)\.{what}", one))}


@pytest.mark.parametrize(
    "path", [*networks(FOLDER), *sampled(networks(FOLDER / "frozen"), 4)], ids=lambda path: path.stem
)
def test_what_is_said_of_a_layer_is_the_layer(path: Path) -> None:
    found = opened(path)
    layers = found.network.layers
    said = layers_said(found, "directions")
    assert said  # what stands between recurrent layers is a layer here, too, and has no direction
    for number, value in said.items():
        words = set(re.findall("both|forward|backward", value))
        wanted = {one.direction for one in layers[number].passes}
        assert ({"forward", "backward"} if "both" in words else words) == wanted, value
        merge = value.partition("both, ")[2]
        assert not merge or {"joined end to end": "concat"}.get(merge, merge) == layers[number].merge
    inputs = layers_said(found, "input")
    for number, value in layers_said(found, "size").items():
        program = layers[number].passes[0].program
        read = program.input_size
        if inputs.get(number, "").startswith("goes past it too"):  # which is carried on, and not multiplied
            weights = found.network.tensors().items()
            (read,) = {one.shape[1] for name, one in weights if name.startswith(f"layer{number}.forward/W_")}
        assert value == f"{read} → {program.hidden_size}"


def told(report: ImportReport, folder: Path) -> list[str]:
    """Return all that a report says, a line each, wherever its file lies."""
    content = report.content()
    lines = [f"format: {content['format']}"]
    for one in content["facts"]:
        more = "".join(f" | {name}: {', '.join(one[name])}" for name in ("others", "against") if one.get(name))
        lines.append(f"{one['key']} = {one['value']} ({one['how']}: {one['why']}){more}")
    lines += [f"{name}: {one}" for name in ("warnings", "unused") for one in content[name]]
    return [line.replace(f"{folder}/", "") for line in lines]


def kept() -> dict[str, list[str]]:
    """Return what is in the file, by the network."""
    found: dict[str, list[str]] = {}
    for line in FACTS.read_text("utf-8").splitlines():
        if line.startswith("== "):
            here = found[line.removeprefix("== ")] = list[str]()
        else:
            here.append(line)
    return found


def names() -> list[str]:
    """Return every network whose facts are kept."""
    alone = [path.name for path in networks(FOLDER)]
    weights = [f"weights/{name}" for name in alone if name.endswith(".weights.h5")]
    beside = [
        f"{folder}/{path.name}"
        for folder in ("frozen", "graphs", "pairs", "steps")
        for path in networks(FOLDER / folder)
    ]
    return [*alone, *weights, *(f"bags/{one}" for one in BAGS), *(f"own/{one}" for one in bundled_names()), *beside]


def said_of(name: str, place: Path) -> list[str]:
    """Open a network in a folder of its own, and return what is said of it."""
    kind, _, inner = name.rpartition("/")
    path = place / inner
    if kind == "bags":
        path = place / "bag.npz"
        savez(path, BAGS[inner](Random(0)).tensors)
    elif kind == "own":
        save(open_model(inner), path := place / "network.safetensors")
    elif kind == "weights":
        path.write_bytes((FOLDER / inner).read_bytes())
    else:
        path = FOLDER / name
    bag = BAGS[inner](Random(0)) if kind == "bags" else None
    try:
        found = opened(path, ImportOptions(network=bag.network) if bag else None)
    except UserError as error:
        return [f"refused: {error}".replace(f"{path.parent}/", "")]
    lines = told(found.report, path.parent)
    others = next((line for line in lines if line.startswith("network = ") and "(assumed: " in line), "")
    for other in others.rpartition(" takes ")[2].removesuffix(")").split(", ") if others else ():
        lines += [f"of {other}:", *told(opened(path, ImportOptions(network=other)).report, path.parent)]
    return lines


@pytest.mark.parametrize("name", kept())
def test_a_report_says_of_a_network_what_was_read_by_a_person(name: str, tmp_path: Path) -> None:
    if name == "steps/lstm_node_a_window.onnx" and not runs_a_cell_state():
        pytest.skip("this version of onnx runs an LSTM node without its last memory, which the report says")
    assert said_of(name, tmp_path) == kept()[name]


def runs_a_cell_state() -> bool:
    """Say whether onnx has the third output of an LSTM node: its own evaluator had two of them up to 1.22."""
    return tuple(map(int, version("onnx").split(".")[:2])) > (1, 22)


def test_no_fact_that_is_kept_is_a_fault_of_an_importer() -> None:
    """A network that is refused is refused by an importer in its own words, not by the guard around it."""
    assert not [line for line in FACTS.read_text("utf-8").splitlines() if re.search(r"\([A-Z]\w*Error: ", line)]


def test_nothing_is_said_to_be_followed_beside_a_warning_that_it_is_not() -> None:
    warned = {name: [line for line in lines if line.startswith("warnings: ") and "not followed" in line]
              for name, lines in kept().items()}  # fmt: skip
    assert {name.rpartition("_")[2] for name, lines in warned.items() if lines} >= {"trace.pt", "export.pt2"}
    for name, lines in warned.items():
        assert not lines or not [one for one in kept()[name] if re.search(r"= followed \((confirmed|set)", one)], name


def test_every_network_has_its_facts_kept() -> None:
    assert names() == list(kept())


@contextmanager
def listened() -> Iterator[set[tuple[str, int]]]:
    """Have every call that tells a report something noted, by its file and line."""
    found: set[tuple[str, int]] = set()

    def noting(name: str) -> object:
        tell = getattr(ImportReport, name)

        def noted(self: ImportReport, *given: object, **named: object) -> object:
            caller: FrameType = sys._getframe(1)
            found.add((caller.f_code.co_filename, caller.f_lineno))
            return tell(self, *given, **named)

        return noted

    changed: dict[str, Any] = {name: noting(name) for name in SAYING}
    with patch.multiple(ImportReport, **changed):
        yield found


def calls() -> dict[tuple[str, int, int], ast.Call]:
    """Return every call of an importer that tells a report something, by its file, first and last line."""
    return {
        (str(path), one.lineno, one.end_lineno or one.lineno): one
        for path in sorted(IMPORTERS.rglob("*.py"))
        for one in nodes_of(tree_of(path))
        if isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr in SAYING
        and ast.unparse(one.func.value).split(".")[-1] == "report"
    }


def written(path: str, call: ast.Call) -> str:
    """Return a call as UNSAID names it: its file, and what it begins with, which stays where lines move."""
    given = ", ".join(ast.unparse(one) for one in call.args[:2])
    return f"{Path(path).relative_to(IMPORTERS)}: {call.func.attr}({given[:60]}"  # type: ignore[attr-defined]


@pytest.mark.slow
def test_whatever_an_importer_can_say_is_said_of_a_network_here(tmp_path: Path) -> None:
    with listened() as heard:
        for n, name in enumerate(kept()):
            (tmp_path / str(n)).mkdir()
            said_of(name, tmp_path / str(n))
    unsaid = {
        written(path, call)
        for (path, first, last), call in calls().items()
        if not any((path, line) in heard for line in range(first, last + 1))
    }
    assert unsaid - UNSAID == set(), "have a network say it"


if __name__ == "__main__":
    lines = []
    for name in names():
        with TemporaryDirectory() as place:
            lines += [f"== {name}", *said_of(name, Path(place))]
    FACTS.write_text("".join(f"{line}\n" for line in lines), "utf-8")
