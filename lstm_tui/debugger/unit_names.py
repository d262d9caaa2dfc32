"""What units and directions are called: as the network's card names them, and as whoever looks at the run does.

The one owner of a unit's label: every surface that names a unit asks here. A name stands for its unit wherever a unit
is asked for: `c[gender]`, `set f[gender] = 0`, `unit gender`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from lstm_tui.debugger.features import MOST_FEATURES, Feature
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import LONGEST_UNIT_NAME, Network
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.engine.runtime.trace import Trace

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TAKEN = ("t",)
"""What a word in square brackets means already: `c[t]` is the token at which the run stands."""

Names = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class UnitNames:
    """The names of units, by pass and number, and those of directions.

    Attributes:
        of: By pass, then by unit.
        memories: The memory of each pass that has one that is a matrix: a unit without a value is an entry of it.
        shapes: By pass, then by value, of every value that is a matrix.
        features: Directions by their names.
    """

    of: Names = field(default_factory=lambda: MappingProxyType({}))
    memories: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    shapes: Mapping[str, Mapping[str, Shape]] = field(default_factory=lambda: MappingProxyType({}))
    features: Mapping[str, Feature] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of_network(cls, network: Network | None) -> UnitNames:
        """Return the names that a network's card gives."""
        if network is None:
            return NONE
        made = [one for one in network.passes if one.program.matrices]
        if not made:
            return cls(network.unit_names) if network.unit_names else NONE
        memories = {one.name: memory_of(one.cell) for one in made}
        shapes = {one.name: one.program.matrices for one in made}
        return cls(network.unit_names, MappingProxyType(memories), MappingProxyType(shapes))

    @classmethod
    def of_trace(cls, trace: Trace) -> UnitNames:
        """Return the names in a run; from a file, the entries of its matrices as far as their shapes are known."""
        if trace.network is not None:
            return cls.of_network(trace.network)
        shapes = {
            name: {value: shape for value in passed.cell.values if (shape := passed.shape_of(value)) is not None}
            for name, passed in trace.items()
        }
        shapes = {name: found for name, found in shapes.items() if found}
        return cls(memories={name: memory_of(trace[name].cell) for name in shapes}, shapes=shapes) if shapes else NONE

    def entry(self, pass_name: str, unit: int, value: str = "") -> str:
        """Return a unit of a value as it is typed in brackets: `7`, of a matrix its row and column, `2,3`.

        Args:
            pass_name: The pass.
            unit: Counted through.
            value: Its value; the memory of the pass when left out.
        """
        shape = self.shapes.get(pass_name, {}).get(value or self.memories.get(pass_name, ""))
        return str(unit) if shape is None or unit >= shape.numbers else shape.written(unit)

    def name(self, pass_name: str, unit: int) -> str:
        """Return what a unit is called; empty where it has no name."""
        return self.of.get(pass_name, {}).get(unit, "")

    def words(self, pass_name: str, unit: int, value: str = "") -> str:
        """Return a unit as a sentence has it: `unit 11 gender`, or `unit 11` where it has no name."""
        return f"unit {self.label(pass_name, unit, value)}"

    def label(self, pass_name: str, unit: int, value: str = "") -> str:
        """Return a unit where the word `unit` stands before it: `11 gender`, or its number or entry alone."""
        return f"{self.entry(pass_name, unit, value)} {self.name(pass_name, unit)}".rstrip()

    def value(self, pass_name: str, value: str, unit: int) -> str:
        """Return one unit of a value: `c[11] gender`, or `c[11]` where it has no name."""
        return f"{value}[{self.entry(pass_name, unit, value)}] {self.name(pass_name, unit)}".rstrip()

    def short(self, pass_name: str, unit: int) -> str:
        """Return a unit where there is little room: its name, or `unit 11` where it has none."""
        return self.name(pass_name, unit) or f"unit {self.entry(pass_name, unit)}"

    def called(self, pass_name: str, unit: int) -> str:
        """Return a unit in a short sentence: `unit gender`, or `unit 11` where it has no name."""
        return f"unit {self.name(pass_name, unit) or self.entry(pass_name, unit)}"

    def number(self, pass_name: str, name: str) -> int | None:
        """Return which unit of a pass is called so; None where none is."""
        return next((unit for unit, one in self.of.get(pass_name, {}).items() if one == name), None)

    def longest(self, pass_name: str) -> int:
        """Return how many characters the longest name of a pass has; 0 where no unit of it has a name."""
        return max(map(len, self.of.get(pass_name, {}).values()), default=0)

    def named(self, pass_name: str, unit: int, name: str) -> UnitNames:
        """Return these names with another for one unit; an empty one takes its name away.

        They stay in their order, in which sentences speak of them; a unit that had none comes last.

        Raises:
            UserError: It cannot be a name, or another unit of the pass is called so.
        """
        if name:
            _check(name)
        other = self.number(pass_name, name) if name else None
        if other is not None and other != unit:
            raise UserError(
                f"unit {self.entry(pass_name, other)} of {pass_name} is called {name} already: give another name"
            )
        mine = {**self.of.get(pass_name, {}), unit: name}
        if not name:
            del mine[unit]
        others = {one: names for one, names in self.of.items() if one != pass_name}
        if mine:
            others[pass_name] = MappingProxyType(mine)
        return replace(self, of=MappingProxyType(others))

    def with_feature(self, name: str, feature: Feature | None) -> UnitNames:
        """Return these names with another direction of a name, or without it.

        Raises:
            UserError: There are too many.
        """
        features = {one: old for one, old in self.features.items() if one != name}
        if feature is not None:
            features[name] = feature
        if len(features) > MOST_FEATURES:
            raise UserError(f"there are {MOST_FEATURES} features already: `feature NAME =` takes one away")
        return replace(self, features=MappingProxyType(features))

    def differences(self, before: UnitNames) -> Iterator[tuple[str, int, str]]:
        """Yield pass, unit and name of what was named otherwise before; an empty name where it was taken away."""
        for pass_name in sorted({*self.of, *before.of}):
            for unit in sorted({*self.of.get(pass_name, {}), *before.of.get(pass_name, {})}):
                if self.name(pass_name, unit) != before.name(pass_name, unit):
                    yield pass_name, unit, self.name(pass_name, unit)


NONE = UnitNames()


def _check(name: str) -> None:
    """Refuse what could not be written in an expression.

    Raises:
        UserError: It is such.
    """
    if not _NAME.match(name) or name in _TAKEN:
        raise UserError(
            f"`{visible(name[:40])}` is no name for a unit: letters, digits and _, not a digit first, and not `t`"
        )
    if len(name) > LONGEST_UNIT_NAME:
        raise UserError(f"a name of {len(name)} characters; {LONGEST_UNIT_NAME} is the most")
