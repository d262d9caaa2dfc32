"""The processor this runs on, and machine code for it: LLVM as Numba brings it, without Numba itself."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from lstm_tui.engine.dataclass import dataclass

Machine = Callable[..., None]

_VECTORS = (("avx512f", 64), ("avx", 32))
"""What says how wide the vectors of an x86 processor are, in bytes; every other has 16."""
_turn = threading.RLock()
if hasattr(os, "register_at_fork"):  # who is forked while another thread compiles would wait for it for ever
    os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)


@dataclass(frozen=True)
class Host:
    """What the code is made for.

    Attributes:
        name: Of the processor, as LLVM calls it.
        features: Those of its instruction sets that are used, as LLVM writes them.
        vector_bytes: Bytes of a vector.
        fused: Whether a product and a sum are one instruction, rounded once.
        is_x86: Whether it is one of Intel's or AMD's line.
        scales: Whether one instruction multiplies by a power of two.
    """

    name: str
    features: str
    vector_bytes: int
    fused: bool
    is_x86: bool = True
    scales: bool = False


@cache
def host() -> Host:
    """Return the processor this runs on.

    Raises:
        Exception: LLVM is not there, or knows nothing of it.
    """
    binding = _binding()
    found = binding.get_host_cpu_features()
    features = found.flatten()
    is_x86 = binding.get_default_triple().partition("-")[0] in ("x86_64", "i686", "amd64")
    if not is_x86:
        return Host(binding.get_host_cpu_name(), features, 16, True, False)
    width = next((width for feature, width in _VECTORS if found.get(feature)), 16)
    if width == 64:
        features += ",-prefer-256-bit"
    scales = width == 64 and bool(found.get("avx512vl"))
    return Host(binding.get_host_cpu_name(), features, width, bool(found.get("fma")), True, scales)


@cache
def _binding() -> Any:
    import llvmlite.binding

    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    return llvmlite.binding


@cache
def _context() -> Any:
    """Return where our modules are read, apart from Numba's, whose pointers have types before llvmlite 0.45."""
    import llvmlite

    binding = _binding()
    if getattr(llvmlite, "opaque_pointers_enabled", True):
        return binding.create_context()
    return binding.context.ContextRef(binding.ffi.lib.LLVMPY_ContextCreate(True))


def _find(binding: Any, name: str) -> None:
    """Have LLVM know a function of the C library: it would end the process that calls what it does not know.

    Raises:
        LookupError: There is none.
    """
    if binding.address_of_symbol(name):
        return
    try:
        address = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    except (AttributeError, OSError, TypeError):  # it is not there; Windows has no such library
        address = None
    if not address:
        raise LookupError(f"the C library has no {name}")
    binding.add_symbol(name, address)


class Compiled:
    """A module as machine code, which stays as long as this does."""

    def __init__(self, text: str, needs: Collection[str] = ()) -> None:
        """Compile a module.

        Args:
            text: The module, in LLVM's assembly.
            needs: Functions of the C library that it calls.

        Raises:
            Exception: LLVM cannot be used or refuses it, or a function that it calls is not there.
        """
        with _turn:
            binding, made_for = _binding(), host()
            for name in needs:
                _find(binding, name)
            whole = f'target triple = "{binding.get_default_triple()}"\n{text}'
            module = binding.parse_assembly(whole, context=_context())
            module.verify()
            target = binding.Target.from_default_triple()
            machine = target.create_target_machine(cpu=made_for.name, features=made_for.features, opt=2)
            self._engine = binding.create_mcjit_compiler(module, machine)
            self._engine.finalize_object()

    def function(self, name: str, *kinds: Any) -> Machine:
        """Return a function by name; calling it lets other threads run.

        Args:
            name: Its name.
            kinds: The types of what it takes, as `ctypes` has them.
        """
        address = self.address(name)
        called = ctypes.CFUNCTYPE(None, *kinds)(address)
        engine = self._engine

        def call(*arguments: Any) -> None:
            called(*arguments)
            assert engine  # which owns the code

        return call

    def address(self, name: str) -> int:
        """Return where a function begins, for other machine code: it stays as long as this does."""
        with _turn:
            return int(self._engine.get_function_address(name))
