"""What an import report says of a layer is what the opened network has: directions, sizes, how it is joined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from registries import sampled

from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import Imported, open_file

FOLDER = Path(__file__).parent / "files"


def networks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.suffix != ".npz")


def opened(path: Path) -> Imported:
    if path.suffix in (".onnx", ".keras", ".h5"):
        pytest.importorskip("onnx" if path.suffix == ".onnx" else "h5py")
    return open_file(path)


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
    for number, value in layers_said(found, "size").items():
        program = layers[number].passes[0].program
        assert value == f"{program.input_size} → {program.hidden_size}"
