"""A step, cut into pieces, as layers: those of our cells where all its states are of such, else one page of its own.

What the answer adds to the states is a readout; what stands in front of the lowest states is part of the page, or a
layer that keeps nothing where the layer above it is one of our cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import Cell, parse_cell
from lstm_tui.formats.importers.dense_layers import comment
from lstm_tui.formats.importers.plan import Recurrent, WrittenReadout
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.step_graphs.forms import KnownLayer, StatePiece, grouped, known_layer
from lstm_tui.formats.importers.step_graphs.pieces import Pieces, ValuePiece
from lstm_tui.formats.importers.step_graphs.step_equations import Equations, safe_name

SEEN = "seen"
"""What a layer in front calls its input, where an answer reads that too."""
_ROLES = {"keeps": "f", "writes": "i", "candidate": "g", "shows": "o"}
_SAYS = {
    "keeps": "gate that keeps: how much of each memory to keep",
    "writes": "gate that writes: how much of the candidate to write",
    "candidate": "candidate: what could be written",
    "shows": "gate that shows: how much of the memory to show",
}


@dataclass(frozen=True, eq=False)
class StepParts:
    """A step as layers.

    Attributes:
        chain: The layers.
        readout: What it answers, or None where the answer is a value of a layer.
        states: Of every state where its value stands: layer and name.
        answers: Of every answer where its value stands: `readout` or a layer, and the name.
        known: The layers that are those of cells of ours.
    """

    chain: tuple[Recurrent, ...]
    readout: WrittenReadout | None
    states: Mapping[str, tuple[str, str]]
    answers: Mapping[str, tuple[str, str]]
    known: tuple[KnownLayer, ...] = ()


@dataclass(eq=False)
class StepShape:
    """What a step is made of, before it is written.

    Attributes:
        name: What it is called.
        pieces: Its pieces.
        x: The piece that is read anew at each step; None where nothing is.
        states: Its states.
        answers: The places of each answer, by name.
        wanted: The answer that is shown.
    """

    name: str
    pieces: Pieces
    x: ValuePiece
    states: Sequence[StatePiece]
    answers: Mapping[str, Array]
    wanted: str | None
    _groups: list[list[StatePiece]] = field(default_factory=list)

    def parts(self) -> StepParts:
        """Return the layers and the readout.

        Raises:
            UnsupportedNode: Something has no equation.
        """
        self._groups = grouped(self.pieces, self.states)
        known = [known_layer(self.pieces, group) for group in self._groups]
        layers = [one for one in known if one is not None]
        made = self._stacked(layers) if layers and len(layers) == len(known) else None
        return made or self._page()

    # --- our own cells, one above the other --------------------------------------------------------------------

    def _stacked(self, layers: Sequence[KnownLayer]) -> StepParts | None:
        chain: list[Recurrent] = []
        there: dict[ValuePiece, tuple[str, str]] = {}
        states: dict[str, tuple[str, str]] = {}
        below = self.x
        outputs = {piece for one in layers for piece in (one.output, *map(self._new, one.states.values()))}
        seen = self._reads_x(frozenset(piece for piece in outputs if piece is not None))
        for one in layers:
            if one.reads != (below,) or (seen and not chain):
                front = self._front(one, below, len(chain), seen and not chain)
                if front is None:
                    return None
                if seen and not chain:
                    there[self.x] = ("layer0", SEEN)
                chain.append(front)
            name = f"layer{len(chain)}"
            label = safe_name(one.states["h"].source)
            given = (("forward", one.given),)
            starts = {
                own: np.asarray(state.initial, np.float32)
                for own, state in one.states.items()
                if state.initial is not None
            }
            chain.append(Recurrent(
                label, one.cell, one.hidden, one.inputs, given, without=one.without, functions=one.functions,
                initial={"forward": starts} if starts else {},
            ))  # fmt: skip
            for own, state in one.states.items():
                states[state.name] = (name, own)
                piece = self.pieces.sole(state.new)
                if piece is not None:
                    there[piece] = (name, own)
            below = one.output
        readout, answers = self._answer(there, below)
        if answers is None:
            return None
        return StepParts(tuple(chain), readout, states, answers, tuple(layers))

    def _new(self, state: StatePiece) -> ValuePiece | None:
        return self.pieces.sole(state.new)

    def _reads_x(self, stop: frozenset[ValuePiece]) -> bool:
        """Say whether an answer also reads the input, past the layers that make some pieces."""
        seen: set[ValuePiece] = set()
        waiting = [part for places in self.answers.values() for part, _, _ in self.pieces.parts(np.unique(places))]
        while waiting:
            one = waiting.pop()
            if one == self.x:
                return True
            if one not in seen and one not in stop:
                seen.add(one)
                waiting += [part for places in one.operands for part, _, _ in self.pieces.parts(np.unique(places))]
        return False

    def _front(self, layer: KnownLayer, below: ValuePiece, number: int, shows: bool) -> Recurrent | None:
        """Return what stands before a layer as one that keeps nothing; None where it is not made of what lies below.

        Where it `shows` its input, that is a value too, for what reads it above.
        """
        lines = Equations(self.pieces, {below: "x"}, taken=frozenset({"h", SEEN}))
        roots = [("h", np.concatenate([piece.places for piece in layer.reads]))]
        try:
            lines.write([*roots, *([(SEEN, self.x.places)] if shows else [])])
        except UnsupportedNode:
            return None
        text = cell_page(
            f"front_{number}", "what stands before the layer", ("h",), "h", lines, self.pieces.vectors.functions
        )
        return Recurrent(f"front{number}", text, layer.inputs, below.size, (("forward", lines.given),))

    # --- a page of its own ----------------------------------------------------------------------------------------

    def _page(self) -> StepParts:
        roots = [(one.name, one.new) for one in self.states]
        names: dict[ValuePiece, str] = {}
        more: dict[str, Array] = {}
        lines = self._lines(roots, names)
        for _ in range(2):  # names by role need the page once; what the answer reads besides is part of the next
            names = _by_role(self._cell(lines, self.states[0].name), lines) | names
            more |= self._leaves(lines, more)
            lines = self._lines([*roots, *more.items()], names)
        there = {piece: ("layer0", name) for piece, name in lines.written.items()}
        extra = {self.pieces.sole(places): ("layer0", name) for name, places in more.items()}
        there |= {piece: place for piece, place in extra.items() if piece is not None}
        output = self._output(lines, there)
        shown = next((piece for piece, name in lines.written.items() if name == output), None)
        readout, answers = self._answer(there, shown, lines.sizes[output])
        assert answers is not None
        text = self._text(lines, output)
        part = Recurrent(self.name, text, lines.sizes[output], self.x.size, (("forward", self._given(lines)),))
        states = {one.name: ("layer0", one.name) for one in self.states}
        return StepParts((part,), readout, states, answers)

    def _lines(self, roots: Sequence[tuple[str, Array]], names: Mapping[ValuePiece, str]) -> Equations:
        olds = {one.old: one.name for one in self.states}
        lines = Equations(self.pieces, {self.x: "x", **olds}, olds, names, frozenset(name for name, _ in roots))
        lines.write(roots)
        return lines

    def _given(self, lines: Equations) -> dict[str, Array]:
        starts = {f"{one.name}_0": one.initial for one in self.states if one.initial is not None}
        return {**lines.given, **{name: np.asarray(one, np.float32) for name, one in starts.items()}}

    def _text(self, lines: Equations, output: str, roles: Mapping[str, str] | None = None) -> str:
        kept = {one.name: one.source for one in self.states}
        starts = {one.name: f"{one.name}_0" for one in self.states if one.initial is not None}
        functions = self.pieces.vectors.functions
        said = roles if roles is not None else roles_of(self._cell(lines, output))
        return cell_page(
            self.name, "read from the graph of a step", tuple(kept), output, lines, functions, starts, said, kept
        )

    def _cell(self, lines: Equations, output: str) -> Cell:
        return parse_cell(self._text(lines, output, {}), self.name)

    def _leaves(self, lines: Equations, more: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the answers read of the input and of the states before the step, which a page shows by a line."""
        olds = {one.old: one.name for one in self.states}
        found: dict[str, Array] = {}
        known = {tuple(places.tolist()) for places in more.values()}
        waiting = [part for places in self.answers.values() for part, _, _ in self.pieces.parts(np.unique(places))]
        seen: set[ValuePiece] = set()
        taken = {*lines.sizes, *olds.values(), *more, *self.pieces.vectors.functions}
        while waiting:
            one = waiting.pop()
            if one in seen or one in lines.written or one.vector.kind == "constant":
                continue
            seen.add(one)
            if one == self.x or one in olds:
                name = safe_name("read" if one == self.x else f"{olds[one]}_before", {*taken, *found})
                if tuple(one.places.tolist()) not in known:
                    found[name] = one.places
            waiting += [part for places in one.operands for part, _, _ in self.pieces.parts(np.unique(places))]
        return found

    def _output(self, lines: Equations, there: Mapping[ValuePiece, tuple[str, str]]) -> str:
        """Return what the page shows above: the only value an answer is made of, else the first state among them."""
        wanted = [self.answers[self.wanted]] if self.wanted is not None else []
        read = self._read_of(wanted, there)
        names = [there[piece][1] for piece in read]
        if len(names) == 1:
            return names[0]
        states = [one.name for one in self.states]
        return next((name for name in states if name in names), states[0])

    def _read_of(self, roots: Iterable[Array], there: Mapping[ValuePiece, tuple[str, str]]) -> list[ValuePiece]:
        found: set[ValuePiece] = set()
        seen: set[ValuePiece] = set()
        waiting = [part for places in roots for part, _, _ in self.pieces.parts(np.unique(places))]
        while waiting:
            one = waiting.pop()
            if one in there:
                found.add(one)
            elif one not in seen:
                seen.add(one)
                waiting += [part for places in one.operands for part, _, _ in self.pieces.parts(np.unique(places))]
        return sorted(found, key=lambda one: (one.vector.number, one.begin))

    # --- what it answers ------------------------------------------------------------------------------------------

    def _answer(
        self, there: Mapping[ValuePiece, tuple[str, str]], shown: ValuePiece | None, shown_size: int = 0
    ) -> tuple[WrittenReadout | None, dict[str, tuple[str, str]] | None]:
        """Return the readout, and where each answer stands; None for that where they are not made of the layers."""
        places: dict[str, tuple[str, str]] = {}
        rest: dict[str, Array] = {}
        for name, at in self.answers.items():
            piece = self.pieces.sole(at)
            if piece is not None and piece in there and name != self.wanted:
                places[name] = there[piece]
            else:
                rest[name] = at
        wanted = self.wanted
        piece = None if wanted is None else self.pieces.sole(self.answers[wanted])
        if wanted is None or (len(rest) == 1 and piece is not None and piece == shown):
            return None, places | ({wanted: there[piece]} if wanted is not None and piece is not None else {})
        functions = self.pieces.vectors.functions
        read = self._read_of(rest.values(), there)
        names: dict[ValuePiece, str] = {}
        for one in read:
            plain = "h" if one == shown else safe_name(there[one][1], {"h", "y", *names.values(), *functions})
            names[one] = plain
        lines = Equations(self.pieces, names, taken=frozenset({"h", "y"}), unfold=True)
        called = {name: "y" if name == wanted else safe_name(name, {"h", "y", *names.values()}) for name in rest}
        order = sorted(rest, key=lambda name: name == wanted)
        try:
            lines.write([(called[name], rest[name]) for name in order])
        except UnsupportedNode:
            return None, None
        reads = ", ".join(f'{name} = "{".".join(there[one])}"' for one, name in names.items() if name != "h")
        text = readout_page(lines, reads)
        places |= {name: ("readout", called[name]) for name in rest}
        return WrittenReadout(text, lines.given, len(rest[wanted])), places


def _by_role(cell: Cell, lines: Equations) -> dict[ValuePiece, str]:
    """Return what gates and candidates are called by what they do; states keep the file's names."""
    roles = roles_of(cell)
    taken = {*lines.states.values(), *lines.pieces.vectors.functions}
    made: dict[ValuePiece, str] = {}
    for piece, name in lines.written.items():
        letter = _ROLES.get(roles.get(name, ""))
        if letter is None or name in taken or piece in lines.states:
            continue
        own = safe_name(letter, taken)
        taken.add(own)
        made[piece] = own
    return made


def cell_page(
    name: str, title: str, states: Sequence[str], output: str, lines: Equations, functions: Mapping[str, str],
    starts: Mapping[str, str] | None = None, roles: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the text of a cell of these lines."""
    roles, sources = roles or {}, sources or {}
    used = {key: body for key, body in functions.items() if any(f"{key}(" in one.text for one in lines.lines)}
    sizes = ", ".join(f"{key} = {size}" for key, size in lines.sizes.items())
    return "\n".join([
        f'name = "{name}"',
        f'title = "{title}"',
        'source = "the graph of the file, op by op"',
        "state = [" + ", ".join(f'"{one}"' for one in states) + "]",
        f'output = "{output}"',
        f"sizes = {{ {sizes} }}",
        *([f"initial = {{ {_quoted(starts)} }}"] if starts else []),
        *([f"functions = {{ {_quoted(used)} }}"] if used else []),
        "equations = '''",
        *(f"{one.name} = {one.text}   # {_says(one.name, one.label, roles, sources)}" for one in lines.lines),
        "'''",
        "",
    ])  # fmt: skip


def _quoted(table: Mapping[str, str]) -> str:
    return ", ".join(f'{key} = "{text}"' for key, text in table.items())


def _says(name: str, label: str, roles: Mapping[str, str], sources: Mapping[str, str]) -> str:
    """Return the comment of a line: a short name, and a sentence."""
    if name in sources:
        return f"{name}: kept for the next step; {comment(sources[name])} of the file"
    if roles.get(name, "") in _SAYS:
        return f"{_SAYS[roles[name]]}; {comment(label)} of the file"
    return f"{name}: {comment(label)} of the file" if label else f"{name}: as the file has it"


def readout_page(lines: Equations, reads: str) -> str:
    """Return the text of a readout of these lines, whose last makes `y`."""
    sizes = ", ".join(
        f"{name} = {chr(34) + 'K' + chr(34) if name == 'y' else size}" for name, size in lines.sizes.items()
    )
    return "\n".join([
        'title = "what the file answers at each step"',
        'source = "the graph of the file, op by op"',
        *([f"reads = {{ {reads} }}"] if reads else []),
        "each = '''",
        *(f"{one.name} = {one.text}   # {_says(one.name, one.label, {}, {})}" for one in lines.lines),
        "'''",
        'result = "y"',
        f"sizes = {{ {sizes} }}",
        "",
    ])  # fmt: skip
