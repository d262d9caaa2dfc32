"""What the names in a page of equations may mean, and how much a page may hold."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import field

from lstm_tui.engine.compiler.ops import FUNCTION_NAMES, STEPS_OPS
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.text_safety import visible

MAX_EQUATIONS = 200
MAX_DEPTH = 32  # brackets and signs, as written
MAX_OPERATORS = 256
MAX_LINE = 4_000
MAX_NAME = 64
MAX_NODES = 2_000  # parts of one equation once its macros are unfolded
MAX_TREE = 100  # how deep those parts stand inside each other
RESERVED = frozenset({"x", "t", "token", "output", "share", "row", "col"})

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


@dataclass
class Vocabulary:
    """What the names in a text may mean.

    Attributes:
        source: Name of the file, for messages.
        states: Values carried from one step to the next.
        given: Names defined outside the equations: the input, values from below, fixed vectors, what a
            readout reads.
        functions: One-argument macros: name to their body in `a`.
        steps_ops: Whether ops over the steps may be called.
        defined: Values defined so far, in order.
        later: Names defined by any equation.
        matrices: Values that are a matrix a head.
    """

    source: str
    states: tuple[str, ...] = ()
    given: frozenset[str] = frozenset({"x"})
    functions: Mapping[str, str] = field(default_factory=dict)
    steps_ops: bool = False
    defined: list[str] = field(default_factory=list)
    later: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()

    def known(self) -> set[str]:
        """Return every name that is not a parameter."""
        return {*self.given, *self.states, *self.later}

    def callable_names(self) -> set[str]:
        """Return every name that may be called."""
        return {*FUNCTION_NAMES, *self.functions, *(STEPS_OPS if self.steps_ops else ())}


def check_name(name: str, source: str, line: int, column: int) -> None:
    """Refuse what cannot be the name of anything in a page of equations.

    Raises:
        LanguageError: With the place.
    """
    if not _IDENTIFIER.match(name):
        message = f"`{shortened(name)}` is not a name: use ASCII letters, digits and _"
    elif len(name) > MAX_NAME:
        message = f"`{shortened(name)}` has {len(name)} characters; {MAX_NAME} is the most for a name"
    elif keyword.iskeyword(name):
        message = f"`{name}` cannot be a name; choose another"
    elif name in RESERVED:
        message = f"`{name}` is reserved and cannot be assigned"
    else:
        return
    raise LanguageError(message, source, line, column)


def check_assigned_name(name: str, vocabulary: Vocabulary, line: int, column: int) -> None:
    """Refuse a left side that is no fresh ASCII name.

    Raises:
        LanguageError: With the place.
    """
    check_name(name, vocabulary.source, line, column)
    if name in FUNCTION_NAMES or name in STEPS_OPS or name in vocabulary.functions:
        message = f"`{name}` is a function and cannot be assigned"
    elif name in vocabulary.defined:
        message = f"`{name}` is assigned twice; each value has one equation"
    elif name in vocabulary.given:
        message = f"`{name}` is given from outside and cannot be assigned"
    else:
        return
    raise LanguageError(message, vocabulary.source, line, column)


def shortened(text: str) -> str:
    """Return a name from a file, short and safe to show."""
    return visible(text if len(text) <= 40 else text[:39] + "…")
