"""Which interpreter makes a run: chosen in this one place, for Python, the command line, the screen and training.

Numba's compiler takes a step many times sooner, but to load it and to compile takes as long as some hundreds of steps
do in NumPy. Where it is missing or cannot be loaded NumPy makes every run; each run names the interpreter that made
it. NumPy is imported by neither choice nor names, which the options of the command line read.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Protocol

from lstm_tui.engine import setbacks
from lstm_tui.engine.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import numpy as np

    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.compiler.program import Program
    from lstm_tui.engine.runtime.pass_to_run import PassToRun

INTERPRETERS = ("numpy", "numba")
NUMBA_PAYS = 1_000
"""Steps times passes that take NumPy as long as it takes to load the compiler and to compile two passes."""
_PRICE = "NumPy makes every run; long texts, edits of them and training take many times as long"
_QUICK = {"numpy": 200, "numba": 4_000}  # steps times passes


class Interpreter(Protocol):
    """What `reference` and `fused.interpreter` both are."""

    def run(self, program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
        """Take the steps `start` to `stop`: fill every slot of rows[start + 1] … rows[stop].

        Args:
            program: What to run.
            flat: The flat parameters.
            rows: (steps + 1, width); inputs and hoisted products are in place, and so is the state in rows[start].
            start: First step.
            stop: Step after the last.
            clock: Steps that were taken before step 0 of these rows, for `every`.
        """

    def named_values(
        self,
        program: Program,
        flat: Array,
        inputs: Mapping[str, Array],
        state: Mapping[str, Array],
        progress: Callable[[int, int], None] | None = None,
        clock: int = 0,
    ) -> Mapping[str, Array] | None:
        """Take all steps and return the named values alone; None where it always computes every slot.

        `clock` are the steps that were taken before these, for `every`.
        """

    def named_values_of_both(
        self,
        programs: tuple[Program, Program],
        runs: tuple[PassToRun, PassToRun],
        told: Callable[[int], None] | None = None,
    ) -> list[dict[str, Array]] | None:
        """Take all steps of two runs side by side in this thread; None where nothing is gained by it.

        Args:
            programs: What to run.
            runs: What each is made of; both have as many steps.
            told: Called with the steps done, of both.
        """

    def shares_steps(self, program: Program, dtype: np.dtype[Any], steps: int) -> bool:
        """Say whether two threads that share each step of a run end sooner with two such runs, one after the other.

        They do where the matrices of a step are larger than the cache that a core has to itself: a thread that takes
        half of each step has half of them to read.
        """

    def backprop(
        self,
        program: Program,
        flat: Array,
        rows: Array,
        adjoint: Array,
        gradient: Array,
        start: int,
        stop: int,
    ) -> None:
        """Back-propagate through the steps `stop - 1` down to `start`.

        Args:
            program: What was run.
            flat: The flat parameters it was run with.
            rows: What it computed, (steps + 1, width).
            adjoint: The gradient of the loss by every slot, same shape; on entry what reaches the slots from
                outside, on return everything but the inputs and matrices (see `storage.finish_gradient`).
            gradient: The gradient by every vector parameter is added here, laid out as `flat`.
            start: First step.
            stop: Step after the last.
        """

    def product(
        self, series: Array, block: Array, start: int = 0, stop: int | None = None, out: Array | None = None
    ) -> Array:
        """Return series[start:stop] @ block, in such a way that a row has the same bits however it is reached.

        Args:
            series: (T, inner).
            block: (inner, rows).
            start: First row wanted.
            stop: Row after the last; None for all.
            out: Where the result goes, (stop - start, rows), if it has a place already.
        """


def interpreter(name: str) -> Interpreter:
    """Return an interpreter by name; Numba is imported only when it is asked for.

    Raises:
        UserError: It is Numba, which is not installed or cannot be loaded here.
        ValueError: There is none of that name.
    """
    if name == "numba":
        try:
            return _compiled_interpreter()
        except Exception as error:  # not there, half there, or not for this NumPy
            raise UserError(
                f"numba cannot be loaded here ({error}): pip install numba, or leave the choice of interpreter out"
            ) from error
    if name == "numpy":
        from lstm_tui.engine.runtime import reference

        return reference
    raise ValueError(f"no interpreter {name}")


@cache
def _compiled_interpreter() -> Interpreter:
    """Return the compiled interpreter: it takes of Numba its compiler alone, and all of it where that cannot serve."""
    for name in ("numba", "llvmlite"):
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    from lstm_tui.engine.runtime.fused import interpreter as fused

    if not fused.serves():
        from lstm_tui.engine.runtime import kernels  # noqa: F401 - where it cannot be loaded there is nothing
    return fused


def quick_steps(name: str, passes: int) -> int:
    """Return how many tokens an interpreter runs so quickly that nobody notices; 0 where it is not known.

    Args:
        name: Of the interpreter.
        passes: How many passes read each token.
    """
    return _QUICK.get(name, 0) // passes


def chosen(wanted: str | None, steps: int, passes: int) -> str:
    """Return the name of the interpreter that makes a run.

    Args:
        wanted: The one that was asked for; None for the one that is done sooner, its loading included.
        steps: How many tokens are run in all.
        passes: How many passes read each of them.

    Raises:
        UserError: There is none of that name.
    """
    if wanted is None:
        return available("numba") if steps * passes > NUMBA_PAYS else "numpy"
    if wanted not in INTERPRETERS:
        raise UserError(f"there is no interpreter {wanted}; there are {' and '.join(INTERPRETERS)}")
    return wanted


def chosen_for_many(wanted: str | None = None) -> str:
    """Return the name of the interpreter that makes many runs, as training does: its loading counts for nothing."""
    return available("numba") if wanted is None else chosen(wanted, 0, 0)


def available(name: str) -> str:
    """Return an interpreter's name where it can be loaded, else NumPy's, which is said once; it is loaded by that."""
    try:
        interpreter(name)
    except UserError as error:
        setbacks.note("Numba", setbacks.cause(error.__cause__ or error), _PRICE)
        return "numpy"
    return name
