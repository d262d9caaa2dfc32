"""The arrays of NumPy and the tensors of PyTorch as their pickles describe them, put together without either's code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.torch.safe_unpickler import Made, Named

MOST_NUMBERS = 500_000_000
_STORAGES = {
    "Float": "<f4", "Double": "<f8", "Half": "<f2", "BFloat16": "bfloat16", "Long": "<i8", "Int": "<i4",
    "Short": "<i2", "Char": "<i1", "Byte": "<u1", "Bool": "|b1", "Untyped": "<u1",
}  # fmt: skip
_TORCH_DTYPES = {
    "float32": "<f4", "float": "<f4", "float64": "<f8", "double": "<f8", "float16": "<f2", "half": "<f2",
    "bfloat16": "bfloat16", "int64": "<i8", "long": "<i8", "int32": "<i4", "int16": "<i2", "int8": "<i1",
    "uint8": "<u1", "bool": "|b1",
}  # fmt: skip
HALVES = {"<f2": "float16", "bfloat16": "bfloat16"}
"""Kinds of numbers that have half the bits, and what PyTorch calls them."""
_REBUILT = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v3")
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_RECONSTRUCT = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_OF_JAX = ("jax._src.array._reconstruct_array", "jax._src.device_array.reconstruct_device_array")
"""Make an array of NumPy of a function, its arguments and a state, and hand it to a device."""
_SCALAR = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
_FROM_BUFFER = ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")
_INERT = frozenset((
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque", "torch.Size",
    "torch.device", "torch._C.Generator", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
    "pathlib.Path", "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "datetime.datetime", "datetime.date",
    "datetime.timedelta", "copyreg._reconstructor", "copy_reg._reconstructor", "argparse.Namespace", "uuid.UUID",
    "torch.nn.parameter.Parameter", "numpy.random.__RandomState_ctor", "numpy.random._pickle.__randomstate_ctor",
    "torch.nn.backends.thnn._get_thnn_function_backend",
))  # fmt: skip


@dataclass(frozen=True)
class Storage:
    """Where the numbers of tensors lie in a file: by key, with their dtype and how many there are."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str


class Dtype:
    """A dtype of NumPy while its pickle is read."""

    def __init__(self, code: str) -> None:
        """Begin with its code, such as `f4`."""
        self.code = code

    def set_state(self, state: Any) -> None:
        """Take the byte order."""
        order = _text(state[1])
        if order in ("<", ">", "|", "="):
            self.code = order.replace("=", "<") + self.code.lstrip("<>|=")

    def dtype(self) -> np.dtype[Any]:
        """Return it as NumPy knows it; only plain numbers and text are let in."""
        dtype = np.dtype(self.code)
        if dtype.kind not in "fiubUS":
            raise ValueError(self.code)
        return dtype


class Pickled:
    """An array of NumPy while its pickle is read."""

    def __init__(self) -> None:
        """Begin empty."""
        self.array: Array | None = None

    def set_state(self, state: Any) -> None:
        """Take shape, dtype, order and numbers."""
        _, shape, dtype, fortran, data = state
        if isinstance(data, list):  # objects: labels, where all are texts, and else nothing that is read here
            texts = all(isinstance(one, str) for one in data)
            self.array = np.array(data if texts else [], "U")
            return
        self.array = _from_buffer(data, dtype, shape, "F" if fortran else "C")


def make(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a call in a pickle of weights makes.

    Raises:
        KeyError: The call is not one of those.
    """
    if name in _REBUILT:
        storage, offset, shape, stride = arguments[:4]
        dtype = storage.dtype
        if name.endswith("v3"):
            dtype = torch_dtype(arguments[6])
        return Tensor(storage, int(offset), _whole(shape), _whole(stride), dtype)
    if name in _PARAMETERS:
        return arguments[0]
    if name == "torch._tensor._rebuild_from_type_v2":
        return make(arguments[0].name, arguments[2])
    if name.startswith("torch._utils._rebuild"):
        kind = name.removeprefix("torch._utils._rebuild_").split("_v")[0]
        raise UserError(f"it holds a tensor of another kind ({kind}); quantised and sparse weights are not read")
    if name in _RECONSTRUCT:
        return Pickled()
    if name in _OF_JAX:
        made = Pickled()
        made.set_state(arguments[2])
        return made
    if name in _FROM_BUFFER:
        made = Pickled()
        made.array = _from_buffer(arguments[0], arguments[1], arguments[2], arguments[3])
        return made
    if name == "numpy.dtype":
        return Dtype(_text(arguments[0]))
    if name in _SCALAR:
        return np.frombuffer(_bytes(arguments[1]), arguments[0].dtype())[0].item()
    if name == "_codecs.encode":
        return arguments[0].encode("latin-1")
    if name == "torch.jit._pickle.restore_type_tag":  # a list or dictionary, and what TorchScript calls its type
        return arguments[0]
    if name.startswith("torch.jit._pickle.build_"):
        return list(arguments[0])
    if name in _INERT or name.startswith("torch.nn.modules."):
        if name.startswith("collections.OrderedDict"):
            return {}
        if name.endswith("._reconstructor") and isinstance(arguments[0], Named):
            return Made(arguments[0].name)
        return Made(name, arguments)
    raise KeyError(name)


def storage(identity: Any, where: str) -> Storage:
    """Return the storage of a persistent id of PyTorch.

    Raises:
        UserError: Its numbers are of a kind that is not read.
    """
    kind, named, key, _, count = identity[:5]
    if kind != "storage" or not isinstance(named, Named):
        raise ValueError(kind)
    short = named.name.rpartition(".")[2].removesuffix("Storage")
    if short not in _STORAGES:
        raise UserError(f"{where}: holds {visible(named.name[:60])}: quantised and complex weights are not read")
    return Storage(str(key), _STORAGES[short], int(count))


def torch_dtype(named: Any) -> str:
    """Return the dtype a pickle names, such as `torch.float32`.

    Raises:
        UserError: It is of a kind that is not read.
    """
    name = named.name.rpartition(".")[2] if isinstance(named, Named) else str(named)
    if name not in _TORCH_DTYPES:
        raise UserError(f"it holds {visible(name[:40])} numbers, which are not read; save it as float32")
    return _TORCH_DTYPES[name]


def view(tensor: Tensor, data: bytes) -> Array:
    """Return a tensor as an array of its own.

    Raises:
        ValueError: It reaches beyond its storage, or is too large.
    """
    numbers = decode(data, tensor.dtype)
    count = math.prod(tensor.shape)
    if len(tensor.shape) != len(tensor.stride) or min((*tensor.shape, *tensor.stride, tensor.offset), default=0) < 0:
        raise ValueError("a size below 0")
    if count > MOST_NUMBERS:
        raise ValueError(f"{count} numbers")
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    if count and last >= len(numbers):
        raise ValueError("it reaches beyond its storage")
    strides = tuple(step * numbers.itemsize for step in tensor.stride)
    base = numbers[tensor.offset :] if count else numbers[:0]
    return np.array(np.lib.stride_tricks.as_strided(base, tensor.shape, strides, writeable=False))


def decode(data: bytes, dtype: str) -> Array:
    """Return bytes as numbers; bfloat16 is float32 with half of its digits."""
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, dtype)


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    if not isinstance(dtype, Dtype):
        raise ValueError("an array has no dtype")
    flat = np.frombuffer(_bytes(data), dtype.dtype())
    return flat.reshape(_whole(shape), order="F" if _text(order) == "F" else "C")


def _bytes(data: Any) -> bytes:
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)


def _text(data: Any) -> str:
    return data.decode("latin-1") if isinstance(data, bytes) else str(data)


def _whole(numbers: Any) -> tuple[int, ...]:
    if isinstance(numbers, Made):  # torch.Size
        numbers = numbers.arguments[0]
    return tuple(int(n) for n in numbers)


Bytes = Callable[[Storage], bytes]
Modules = Mapping[str, Made]
