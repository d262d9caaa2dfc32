"""Files of Keras 1, 2 and 3: the description of the layers, and the weights of each, without Keras."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.keras.hdf5 import Tree, read_hdf5
from lstm_tui.formats.io.files import HEADER_BYTES, NETWORK_BYTES, label, read_bytes, size_text
from lstm_tui.formats.io.json import decode

_LAYER = re.compile(r"(?:[^/]+/layers/)*[^/]+(?=/)")
_ASSET = re.compile(r"assets/(?:layers|_layer_checkpoint_dependencies)/(.+)/vocabulary\.txt")
_AS_TRACKED = "_layer_checkpoint_dependencies"  # what Keras 2.12 to 2.15 call `layers` in the files of Keras 3
_SNAKE = (re.compile(r"(.)([A-Z][a-z]+)"), re.compile(r"([a-z])([A-Z])"))


@dataclass
class KerasFile:
    """What a file of Keras says.

    Attributes:
        config: Class and description of the model, or None where the file holds weights alone.
        version: Of the Keras that wrote it, such as `2.2.4`; empty where it is not said.
        tree: Its weights.
        described_by: Where the description stands.
        form: `names` (Keras 1 and 2: by the names of layers) or `vars` (Keras 3: by their classes and order).
        root: Path of the weights in the tree.
        assets: Vocabularies that lie beside the weights, by the path of their layer.
    """

    config: Mapping[str, Any] | None
    version: str
    tree: Tree
    described_by: str
    form: str
    root: str = ""
    assets: Mapping[str, bytes] = field(default_factory=dict)
    _order: dict[str, int] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """The generation of Keras: 1, 2 or 3."""
        return int(self.version[0]) if self.version[:1].isdigit() else 3 if self.form == "vars" else 2

    def layers(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return every layer of a file of weights, those without weights too, as `weights` takes it.

        They stand in the file's order where it keeps one, and else by their classes and the numbers behind them.
        """
        if self.form == "names":
            return [place for name in self._listed() for place in self._inside(name)]
        marker = "/vars"
        groups = (path.removesuffix(marker) for path in self.tree.attributes if path.endswith(marker))
        inside = [path.removeprefix("layers/") for path in groups if path.startswith("layers/")]
        inside += [path.removeprefix("layers/") for path in self.tree.arrays if path.startswith("layers/")]
        found = {layer[0] for path in inside if (layer := _LAYER.match(f"{path}/"))}
        models = {one.rpartition("/layers/")[0] for one in found}
        return [(one, "", ()) for one in sorted(found - models, key=_made_order)]

    def _listed(self) -> list[str]:
        """Return the layers of a file that lists them, in its order."""
        order = self.tree.attributes.get(self.root, {}).get("layer_names")
        if isinstance(order, list):
            return [str(one) for one in order if one]
        groups = [path[len(self.root) :].strip("/") for path in self.tree.attributes if path.startswith(self.root)]
        return [one for one in groups if one and "/" not in one and self.weights(one)]

    def _inside(self, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return the layers of a model that is listed as one, or the layer itself."""
        owners = list(dict.fromkeys(one.split("/")[0] for one in self.weight_names(name) if "/" in one))
        return [(name, own, (name,)) for own in owners] if len(owners) > 1 else [(name, "", ())]

    def weights(self, name: str, own: str = "", above: Sequence[str] = ()) -> list[Array]:
        """Return the weights of a layer by its name (Keras 1 and 2) or path (Keras 3), in the order Keras made them.

        Args:
            name: Of the layer, or of the outermost model it stands in.
            own: Its name inside that model, where it stands in one.
            above: Names of the models it stands in.
        """
        if self.form == "names":
            under = self.tree.under(f"{self.root}/{name}".strip("/"))
            order = self.weight_names(name, own, above) or ([] if own else list(under))
            return [under[one] for one in order if one in under]
        under = self.tree.under(f"layers/{name}")
        return [under[key] for key in sorted(under, key=_made_order) if "seed_generator" not in key]

    def weight_names(self, name: str, own: str = "", above: Sequence[str] = ()) -> list[str]:
        """Return the names of a layer's weights, as Keras 1 and 2 write them; arguments as `weights` has them."""
        order = self.tree.attributes.get(f"{self.root}/{name}".strip("/"), {}).get("weight_names")
        names = [str(one) for one in order] if isinstance(order, list) else []
        if not own:
            return names
        inside = (self.config or {}).get("config")
        models = {*above, inside.get("name") if isinstance(inside, dict) else None}  # they may stand in front
        return [one for one in names if next((part for part in one.split("/") if part not in models), "") == own]

    def vocabulary(self, place: str) -> list[str] | None:
        """Return the texts that were learned by the layer at a place, one a line of its asset; None where none are."""
        data = self.assets.get(place) or (next(iter(self.assets.values())) if len(self.assets) == 1 else None)
        try:
            lines = None if data is None else re.split(r"\r\n|\n|\r", data.decode("utf-8"))
        except UnicodeDecodeError:
            return None
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def place_of(
        self, name: str, kind: str, within: Sequence[tuple[str, str]] = ()
    ) -> tuple[str, str, tuple[str, ...]]:
        """Return where the weights of a layer stand, as `weights` takes it.

        Args:
            name: The layer's own name.
            kind: Its class.
            within: Name and class of each model it stands in, from the outside.
        """
        if self.form == "names":
            return (within[0][0], name, tuple(one for one, _ in within)) if within else (name, "", ())
        path = ""
        for one, its_kind in (*within, (name, kind)):
            path = f"{path}/layers/{self._part(path, one, its_kind)}"
        return path.removeprefix("/layers/"), "", ()

    def _part(self, above: str, name: str, kind: str) -> str:
        """Return what a layer of Keras 3 is called among its neighbours: its class with a number."""
        start = f"{above}/layers/".lstrip("/")
        for path, attributes in self.tree.attributes.items():
            if attributes.get("name") == name and re.fullmatch(re.escape(start) + "[^/]+/vars", path):
                return path.split("/")[-2]
        snake = kind
        for pattern in _SNAKE:
            snake = pattern.sub(r"\1_\2", snake)
        snake = snake.lower()
        key = f"{start}{snake}:{name}"
        if key not in self._order:
            self._order[key] = sum(one.startswith(f"{start}{snake}:") for one in self._order)
        number = self._order[key]
        there = [
            found for path in self.tree.attributes if (found := re.fullmatch(rf"{start}({snake}(?:_(\d+))?)", path))
        ]
        there.sort(key=lambda found: int(found[2] or 0))  # Keras 2.13 leaves numbers out
        if number < len(there):
            return str(there[number][1])
        return f"{snake}_{number}" if number else snake


def _made_order(path: str) -> tuple[bool, tuple[Any, ...]]:
    parts = re.split(r"(\d+)", path)
    return "backward_layer" in path, tuple(int(one) if one.isdigit() else one for one in parts)


def read_h5(data: bytes, path: str | Path, where: str, architecture: str | None = None) -> KerasFile:
    """Return a `.h5` file: a whole model, or weights whose description may stand beside it as `.json`.

    Raises:
        UserError: It is damaged or was not written by Keras.
    """
    tree, tracked = _as_layers(read_hdf5(data, where))
    top = tree.attributes[""]
    if not tree.arrays:
        raise UserError(f"{where}: holds no weights")
    form = "vars" if any(one.startswith(("layers/", "vars/")) or "/vars/" in one for one in tree.arrays) else "names"
    root = "model_weights" if "model_weights" in tree.attributes else ""
    version = str(top.get("keras_version") or tree.attributes.get(root, {}).get("keras_version") or "")
    version = version or ("2" if tracked else "")
    if isinstance(top.get("model_config"), str):
        config = _object(decode(top["model_config"], f"{where}: model_config"), where)
        return KerasFile(config, version, tree, "the file", form, root)
    beside = Path(architecture) if architecture is not None else Path(path).with_suffix(".json")
    if architecture is None and Path(path).name.endswith(".weights.h5") and not beside.is_file():
        beside = Path(path).with_name(Path(path).name.removesuffix(".weights.h5") + ".json")
    if architecture is None and not beside.is_file():
        return KerasFile(None, version, tree, "", form, root)
    config = _object(decode(read_bytes(beside, HEADER_BYTES), label(beside)), label(beside))
    # The file of weights says which Keras wrote it; the description may have been written again by another.
    return KerasFile(config, version or str(config.get("keras_version", "")), tree, label(beside), form, root)


def read_keras(data: bytes, where: str) -> KerasFile:
    """Return a `.keras` file, a zip of a description and weights.

    Raises:
        UserError: It is damaged, or unpacks to more than the limit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            total = sum(member.file_size for member in archive.infolist())
            large = archive.getinfo("config.json").file_size
            if large > HEADER_BYTES:
                raise UserError(
                    f"{where}: its config.json is {size_text(large)}; the limit is {size_text(HEADER_BYTES)}"
                )
            if total > NETWORK_BYTES:
                raise UserError(f"{where}: unpacks to {size_text(total)}; the limit is {size_text(NETWORK_BYTES)}")
            config, weights = archive.read("config.json"), archive.read("model.weights.h5")
            assets = {
                found[1]: archive.read(name)
                for name in archive.namelist()
                if (found := _ASSET.fullmatch(name)) and archive.getinfo(name).file_size <= HEADER_BYTES
            }
            metadata = archive.read("metadata.json") if "metadata.json" in archive.namelist() else b"{}"
    except UserError:
        raise
    except Exception as error:  # a damaged archive fails in a dozen ways, none of them documented
        raise UserError(f"{where}: is damaged or cut short: {visible(str(error))}") from error
    said = decode(metadata, f"{where}: metadata.json")
    version = str(said.get("keras_version", "3")) if isinstance(said, dict) else "3"
    described = _object(decode(config, f"{where}: config.json"), where)
    tree = _as_layers(read_hdf5(weights, where))[0]
    return KerasFile(described, version, tree, "the file", "vars", assets=assets)


def _as_layers(tree: Tree) -> tuple[Tree, bool]:
    """Return a tree whose layers are called so, and whether it is one of Keras 2."""
    if not any(path.startswith(_AS_TRACKED) for path in tree.arrays):
        return tree, False
    attributes = {path.replace(_AS_TRACKED, "layers"): one for path, one in tree.attributes.items()}
    return Tree(attributes, {path.replace(_AS_TRACKED, "layers"): one for path, one in tree.arrays.items()}), True


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        raise UserError(f"{where}: describes no model of Keras")
    return value
