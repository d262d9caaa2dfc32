"""PyTorch's `.pt`, `.pth`, `.ckpt` and pickled arrays, read without PyTorch and without running anything in them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.torch.containers import MOST_TENSORS, choose, inside, leaves
from lstm_tui.formats.importers.torch.exported import OLDER, OLDER_TENSORS, ExportedArchive, read_exported, read_older
from lstm_tui.formats.importers.torch.pickled_arrays import Bytes, Pickled, Storage, Tensor, make, storage, view
from lstm_tui.formats.importers.torch.safe_unpickler import Made, Named, PickleMachine
from lstm_tui.formats.importers.torch.torchscript import MOST_CODE, ScriptArchive
from lstm_tui.formats.importers.vocabularies import Texts, all_texts
from lstm_tui.formats.io.files import NETWORK_BYTES, size_text

MOST_MEMBERS = 200_000
MAGIC = 0x1950A86A20F9469CFC6C  # how torch.save begins where it makes no zip
_OF_AN_OBJECT = re.compile(rb"c[A-Za-z_][\w.]{0,200}\n[A-Za-z_][\w.]{0,200}\n")
"""How a pickle of the first protocol begins that is an object: with the name of a class or function."""


@dataclass
class Checkpoint:
    """What a file of weights holds.

    Attributes:
        tensors: By the file's own names, in the file's order.
        modules: Modules by their path, where the file holds a whole model.
        container: Key of the dictionary the tensors were taken from; empty where they stand at the top.
        others: Other dictionaries that hold weights.
        together: Whether the tensors were taken from several dictionaries, each a part of one network.
        beside: Dictionaries of matrices that are not read, since nothing says that they belong to the network.
        script: What a TorchScript archive holds beside them, whose program decides; None where there is none.
        exported: What an archive of torch.export holds, whose graph decides; None where there is none.
        lists: By path, texts by their numbers that stand beside the weights: vocabularies and labels.
    """

    tensors: dict[str, Array] = field(default_factory=dict)
    modules: dict[str, Made] = field(default_factory=dict)
    container: str = ""
    others: tuple[str, ...] = ()
    together: bool = False
    beside: tuple[str, ...] = ()
    script: ScriptArchive | None = None
    exported: ExportedArchive | None = None
    lists: dict[str, Texts] = field(default_factory=dict)


def is_torch(data: bytes) -> bool:
    """Say whether bytes are a zip of PyTorch or a pickle."""
    binary = data[:1] == b"\x80" and data[1:2] <= b"\x05"
    return data[:2] == b"PK" or binary or data[:2] in (b"(d", b"(l", b"}q") or bool(_OF_AN_OBJECT.match(data))


def read_torch(data: bytes, where: str, container: str | None = None) -> Checkpoint:
    """Return the tensors of a file.

    Args:
        data: The file.
        where: What messages call it.
        container: Which of several dictionaries of weights to take.

    Raises:
        UserError: It is damaged, would run code, or holds what is not read.
    """
    try:
        if data[:2] != b"PK":
            root, of = _plain(data, where)
            script = None
        else:
            members = _Members(data, where)
            if of_export(members.names):
                exported = _exported(members, where)
                return Checkpoint(exported.tensors, exported=exported)
            root, of, script = _zipped(members, where)
        # A frozen program keeps its tensors among the constants of its code, and none beside it.
        if script is not None and not any(isinstance(one, Tensor | Pickled) for _, one, _ in leaves(root)):
            constants: dict[str, Any] = dict(script.tensors())
            found = Checkpoint(constants)
        else:
            taken = choose(root, where, container)
            found = Checkpoint(
                dict(taken.tensors), dict(taken.modules), taken.container, taken.others, taken.together, taken.beside
            )
        found.script = script
        found.lists = dict(all_texts(root, inside))
        found.tensors = _arrays(found.tensors, of, where)
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(where) else f"{where}: {message}") from error
    return found


def _exported(members: _Members, where: str) -> ExportedArchive:
    """Return what an archive of torch.export holds, of this layout or the older one."""
    if OLDER not in members.names:
        return read_exported(members.names, members.content, where)
    tensors: dict[str, Array] = {}
    for name in OLDER_TENSORS:
        data = members.content(name, NETWORK_BYTES) if name in members.names else b""
        if not data:
            continue
        root, of, _ = _zipped(_Members(data, where), where) if data[:2] == b"PK" else (*_plain(data, where), None)
        found = {path: one for path, one, _ in leaves(root) if isinstance(one, Tensor)}
        if len(found) > MOST_TENSORS:
            raise UserError(f"{where}: holds more than {MOST_TENSORS} tensors")
        tensors.update(_arrays(found, of, where))
    return read_older(members.content, tensors, where)


def of_export(names: Sequence[str]) -> bool:
    """Say whether torch.export wrote a zip of such members."""
    return any(name.endswith("/models/model.json") or name == OLDER for name in names)


class _Members:
    """The members of a zip of PyTorch, read one at a time and never larger than they should be."""

    def __init__(self, data: bytes, where: str) -> None:
        self._where = where
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            self._members = {member.filename: member for member in self._archive.infolist()}
        except Exception as error:  # a damaged archive fails in a dozen ways, none of them documented
            raise UserError(f"{where}: is damaged or cut short: {visible(str(error))}") from error
        total = sum(member.file_size for member in self._members.values())
        if total > NETWORK_BYTES or len(self._members) > MOST_MEMBERS:
            raise UserError(f"{where}: unpacks to {size_text(total)}; the limit is {size_text(NETWORK_BYTES)}")
        self.names = tuple(self._members)

    def content(self, name: str, most: int) -> bytes:
        """Return a member.

        Raises:
            UserError: It is not there, too large, or damaged.
        """
        member = self._members.get(name)
        if member is None:
            raise UserError(f"{self._where}: lacks {visible(name)}; get it again")
        if member.file_size > most:
            size = size_text(member.file_size)
            raise UserError(f"{self._where}: {visible(name)} unpacks to {size}; it should be less")
        try:
            return self._archive.read(member)
        except Exception as error:
            raise UserError(f"{self._where}: {visible(name)} is damaged: {visible(str(error))}") from error

    def size(self, name: str) -> int:
        """Return how large a member is."""
        return self._members[name].file_size


def _zipped(members: _Members, where: str) -> tuple[Any, Bytes, ScriptArchive | None]:
    pickled = [name for name in members.names if name.endswith("data.pkl") and name.count("/") <= 1]
    if not pickled:
        inside = next((name for name in members.names if name.endswith(ENDINGS)), None)
        hint = f"; it holds {visible(inside)}: unpack it, and give that" if inside else ""
        raise UserError(f"{where}: is a zip archive without data.pkl, so PyTorch did not write it{hint}")
    folder = pickled[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in members.names and members.content(f"{folder}byteorder", 16).strip() == b"big":
        raise UserError(f"{where}: was written on a big-endian machine, which is not read")
    of = _kept(lambda one: members.content(f"{folder}{one.key}", max(one.count, 1) * 8))

    def read(name: str) -> Any:
        held = "data" if name == "data" else name
        machine = PickleMachine(where, make, lambda identity: _within(storage(identity, where), f"{held}/"))
        return machine.read(members.content(f"{folder}{name}.pkl", 256 << 20))

    root = read("data")
    if f"{folder}constants.pkl" not in members.names:
        return root, of, None
    constants = read("constants")
    return root, of, _script(root, constants, read, members, folder, of, where)


def _script(
    root: Any, constants: Any, read: Callable[[str], Any], members: _Members, folder: str, of: Bytes, where: str
) -> ScriptArchive | None:
    """Return what a TorchScript archive holds; its code stays text."""
    paths = [name for name in members.names if name.startswith(f"{folder}code/") and name.endswith(".py")]
    if not isinstance(root, Made) or not paths or sum(members.size(one) for one in paths) > MOST_CODE:
        return None
    code = {
        name.removeprefix(f"{folder}code/"): members.content(name, MOST_CODE).decode("utf-8", "replace")
        for name in paths
    }
    traced = read("traced_inputs") if f"{folder}traced_inputs.pkl" in members.names else None
    listed = list(constants) if isinstance(constants, list | tuple) else []
    return ScriptArchive(root, code, listed, lambda one: _array(one, of, "a tensor", where), traced)


def _within(one: Storage, folder: str) -> Storage:
    return replace(one, key=f"{folder}{one.key}")


def _plain(data: bytes, where: str) -> tuple[Any, Bytes]:
    """Read a file that is one pickle, or the five pickles and the numbers that PyTorch wrote before 1.6."""
    machine = PickleMachine(where, make, lambda identity: _legacy_storage(identity, where))
    first = machine.read(data)
    if first != MAGIC:
        return first, _nothing
    machine.read(data, machine.end)  # version of the protocol
    machine.read(data, machine.end)  # sizes of the machine's integers
    root = machine.read(data, machine.end)
    keys = machine.read(data, machine.end)
    place = machine.end
    counts = {str(one.key): one for one in _storages(root)}
    stored: dict[str, bytes] = {}
    for key in keys if isinstance(keys, list) else ():
        count = int.from_bytes(data[place : place + 8], "little")
        one = counts.get(str(key))
        width = 1 if one is None else (2 if one.dtype == "bfloat16" else np.dtype(one.dtype).itemsize)
        if one is None or count != one.count or len(data) < place + 8 + count * width:
            raise UserError(f"{where}: is damaged or cut short in its storages; get it again")
        stored[str(key)] = data[place + 8 : place + 8 + count * width]
        place += 8 + count * width
    return root, lambda one: stored[one.key]


def _legacy_storage(identity: Any, where: str) -> Storage | Named:
    if identity[0] == "module" and isinstance(identity[1], Named):  # and the source of the class, not looked at
        return identity[1]
    if len(identity) > 5 and identity[5] is not None:
        raise UserError(f"{where}: shares storages as PyTorch before 0.4 did, which is not read; save it again")
    return storage(identity, where)


def _nothing(one: Storage) -> bytes:
    raise UserError(f"its storage {visible(one.key)} is not there")


def _kept(read: Bytes) -> Bytes:
    cache: dict[str, bytes] = {}

    def of(one: Storage) -> bytes:
        if one.key not in cache:
            cache[one.key] = read(one)
        return cache[one.key]

    return of


def _arrays(tensors: Mapping[str, Any], of: Bytes, where: str) -> dict[str, Array]:
    """Return the tensors as arrays; one that stands under two names is one array, so that who reads them can see it."""
    made: dict[Any, Array] = {}
    arrays = {}
    for name, one in tensors.items():
        same = (one.storage.key, one.offset, one.shape, one.stride, one.dtype) if isinstance(one, Tensor) else id(one)
        if same not in made:
            made[same] = _array(one, of, name, where)
        arrays[name] = made[same]
    return arrays


def _array(one: Any, of: Bytes, name: str, where: str) -> Array:
    if isinstance(one, Tensor):
        try:
            return view(one, of(one.storage))
        except (ValueError, KeyError) as error:
            raise UserError(f"{where}: {visible(name)} is damaged: {visible(str(error))}") from error
    array = one.array if isinstance(one, Pickled) else one
    if array is None:
        raise UserError(f"{where}: {visible(name)} is damaged: it has no numbers")
    return np.asarray(array)


def _storages(root: Any) -> Iterator[Storage]:
    return (one.storage for _, one, _ in leaves(root) if isinstance(one, Tensor))
