"""Equations to drafts of instructions: every part gets an op and a size; where it lies is decided later.

A size is read off what is known, or taken from what is around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from itertools import accumulate
from typing import Literal

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import BY_AT, EVERY_OP, HEAD_OPS, STEPS_OPS, Shape, operand_sizes, result_size
from lstm_tui.engine.compiler.program import RESET_CLOCK, entering, held_inputs
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.language.cell_fields import Size
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product, show, walk


def length(size: Size, letters: Mapping[str, int], values: Mapping[str, int], where: str) -> int:
    """Return a size as a number.

    Raises:
        UserError: If a letter or a value in it is not known.
    """
    if size.of is not None:
        if size.of not in values:
            raise UserError(f"{where}: size({size.of}) is not known")
        return size.factor * values[size.of]
    if size.letter is None:
        return size.factor
    if size.letter not in letters:
        raise UserError(f"{where} needs a value for {size.letter}; give --size {size.letter}=32")
    number = size.factor * letters[size.letter]
    for letter in (*size.times, *size.by):
        if letter not in letters:
            raise UserError(f"{where} needs a value for {letter}; give --size {letter}=2")
    for letter in size.times:
        number *= letters[letter]
    for letter in size.by:
        if number % letters[letter]:
            raise UserError(f"{where}: {number} is not {letters[letter]} equal parts; give another --size {letter}=N")
        number //= letters[letter]
    return number


def _memory(node: Call) -> str:
    """Return the name of the matrix that is read."""
    memory = node.arguments[0]
    assert isinstance(memory, Name)
    return memory.name


def whole(node: Expression) -> int:
    """Return the number that the language has checked to be a whole one."""
    assert isinstance(node, Number)
    return int(node.value)


@dataclass
class Sizes:
    """What is known of sizes so far.

    Attributes:
        hidden: H, the size of what nothing else decides.
        values: Of inputs, fixed vectors and the values of all equations.
        vectors: Of vector parameters met so far.
        matrices: Rows and columns of matrix parameters met so far.
        heads: How many heads there are.
        shapes: Of values that are a matrix a head.
    """

    hidden: int
    values: dict[str, int] = field(default_factory=dict)
    vectors: dict[str, int] = field(default_factory=dict)
    matrices: dict[str, tuple[int, int]] = field(default_factory=dict)
    heads: int = 1
    shapes: dict[str, Shape] = field(default_factory=dict)

    def natural(self, node: Expression) -> int | None:
        """Return the size an expression has by itself, None where what is around it decides."""
        if isinstance(node, Number):
            return 1
        if isinstance(node, Previous):
            return self.values[node.name]
        if isinstance(node, Name):
            return self.values.get(node.name, self.vectors.get(node.name))
        if isinstance(node, Product):
            return self.matrices[node.matrix][0] if node.matrix in self.matrices else None
        if node.function in STEPS_OPS:
            return self.natural(node.arguments[0])
        if node.function == "part":
            size = self.natural(node.arguments[0])
            return None if size is None else size // whole(node.arguments[2])
        if node.function in HEAD_OPS:
            return self._of_heads(node)
        sizes = [self.natural(argument) for argument in node.arguments]
        if node.function == "concat":
            return None if None in sizes else sum(size or 0 for size in sizes)
        if EVERY_OP[node.function].single:
            return 1
        known = [size for size in sizes if size is not None]
        if any(size > 1 for size in known):
            return max(known)
        return None if None in sizes else 1

    def _of_heads(self, node: Call) -> int | None:
        if node.function in BY_AT:
            return result_size(node.function, self.shapes[_memory(node)])
        if node.function in ("sum_heads", "mean_heads"):
            return self.heads
        if node.function == "each_head":
            size = self.natural(node.arguments[0])
            return None if size is None else size * self.heads
        return None

    def fallback(self, node: Expression) -> int:
        """Return the size of the first value named in an expression, else H."""
        for part in walk(node):
            if isinstance(part, Name | Previous) and part.name in self.values:
                return self.values[part.name]
        return self.hidden


@dataclass(frozen=True)
class Ref:
    """What a draft reads: `size` numbers, `shift` numbers into an input, a draft's result, a previous state…

    Attributes:
        kind: Where it is found.
        name: Of an input, a state or a parameter; the text of a constant.
        size: How many numbers.
        text: How it is written on the screen.
        draft: Number of the draft whose result it is.
        shift: How many numbers of it come before.
    """

    kind: Literal["draft", "previous", "input", "fixed", "vector", "constant"]
    name: str
    size: int
    text: str
    draft: int = -1
    shift: int = 0


@dataclass
class Draft:
    """An instruction before slots have their places.

    Attributes:
        function: Its op, `concat` or an op over steps.
        size: Of the result.
        operands: What it reads.
        equation: Number of its equation.
        text: How it is written on the screen.
        matrix: The matrix of a product.
        parts: Of a concat: offset and size of each piece.
        shape: Of an op over heads.
    """

    function: str
    size: int
    operands: list[Ref]
    equation: int
    text: str
    matrix: str | None = None
    parts: list[tuple[int, int]] = field(default_factory=list)
    shape: Shape | None = None


class Builder:
    """Collects drafts equation by equation."""

    def __init__(self, source: str, hidden_size: int, states: tuple[str, ...] = ()) -> None:
        """Begin with nothing but the names of the states.

        Args:
            source: Name of the file, for messages.
            hidden_size: H.
            states: Values that are there before the first step.
        """
        self.source = source
        self.states = states
        self.sizes = Sizes(hidden_size)
        self.inputs: dict[str, int] = {}
        self.results: dict[str, int] = {}  # value name to draft number
        self.entered: dict[str, int] = {}  # state to the draft that holds it as a step finds it
        self.bottoms: set[str] = set()  # results that stand for values from below
        self.drafts: list[Draft] = []
        self.order: list[str] = []  # parameters as they are met
        self.fixed: dict[str, Array] = {}
        self.constants: dict[str, float] = {}
        self.shapes: dict[Expression, Shape] = {}
        self._equation = 0
        self._shape: Shape | None = None  # of what is being computed, where it is a matrix a head
        self._known: dict[tuple[int, int | None], Ref] = {}  # what a macro repeats is computed once

    def add_input(self, name: str, size: int) -> None:
        """Declare a vector given from outside."""
        self.inputs[name] = size
        self.sizes.values[name] = size

    def add_constant_vector(self, name: str, numbers: Array) -> None:
        """Declare a fixed vector."""
        self.fixed[name] = numbers
        self.sizes.values[name] = len(numbers)

    def add_bottom(self, equation: Equation, size: int) -> None:
        """Compile the expression that stands for a value from below in the lowest layer."""
        self.bottoms.add(equation.name)
        self.add_equation(equation, -1, size)

    def add_equation(self, equation: Equation, number: int, size: int) -> None:
        """Compile one equation into drafts; its last op writes the named value.

        Raises:
            LanguageError: If sizes do not fit, with the place.
        """
        self._equation, self._known = number, {}
        self._shape = self.sizes.shapes.get(equation.name)
        ref = self._compile(equation.expression, size, top=True)
        if ref.size not in (1, size):
            message = f"`{equation.name}` has {size} numbers, its equation gives {ref.size}"
            raise self._fail(message, equation.expression)
        whole_draft = ref.kind == "draft" and not ref.shift and self.drafts[ref.draft].size == size
        if not whole_draft or ref.draft in self.results.values():
            ref = self._draft("copy", size, [ref], equation.expression)
        self.results[equation.name] = ref.draft
        self.drafts[ref.draft].text = f"{equation.name} = {self.drafts[ref.draft].text}"
        self.sizes.values[equation.name] = size

    def hold(self, equation: Equation, number: int) -> None:
        """Let an edit hold the value that an equation has just given."""
        size = self.sizes.values[equation.name]
        refs = [Ref("draft", "", size, equation.name, draft=self.results[equation.name])]
        for name in held_inputs(equation.name):
            self.add_input(name, size)
            refs.append(Ref("input", name, size, name))
        self.drafts.append(Draft("hold", size, refs, number, f"{equation.name} held"))
        self.results[equation.name] = len(self.drafts) - 1

    def hold_entering(self, state: str) -> None:
        """Let an edit hold a state as a step finds it; `every` counts from where that was done last."""
        size, name = self.sizes.values[state], entering(state)
        refs = [Ref("previous", state, size, name)]
        for given in held_inputs(name):
            self.add_input(given, size)
            refs.append(Ref("input", given, size, given))
        self.drafts.append(Draft("hold", size, refs, -1, f"{name} held"))
        self.entered[state] = len(self.drafts) - 1

    def vector(self, name: str, size: int) -> Ref | None:
        """Return a vector parameter, new or of the same size as before; None when it had another size."""
        if name not in self.sizes.vectors:
            self.sizes.vectors[name] = size
            self.order.append(name)
        if size not in (1, self.sizes.vectors[name]):
            return None
        return Ref("vector", name, self.sizes.vectors[name], name)

    def _fail(self, message: str, node: Expression) -> LanguageError:
        return LanguageError(message, self.source, node.place.line, node.place.column)

    def _draft(self, function: str, size: int, operands: list[Ref], node: Expression) -> Ref:
        self.drafts.append(Draft(function, size, operands, self._equation, show(node)))
        return Ref("draft", "", size, show(node), draft=len(self.drafts) - 1)

    def _compile(self, node: Expression, wanted: int | None, top: bool = False) -> Ref:
        """Return where the value of a node is found, after adding the drafts that compute it."""
        key = (id(node), wanted)
        if key not in self._known:
            self._known[key] = self._fresh(node, wanted, top)
        return self._known[key]

    def _fresh(self, node: Expression, wanted: int | None, top: bool) -> Ref:
        if isinstance(node, Number):
            self.constants.setdefault(repr(node.value), node.value)
            return Ref("constant", repr(node.value), 1, show(node))
        if isinstance(node, Previous):
            return self._entering(node.name, f"prev({node.name})")
        if isinstance(node, Name):
            return self._name(node, wanted)
        if isinstance(node, Product):
            return self._product(node, wanted)
        if node.function == "part":
            return self._part(node, wanted)
        if node.function == "concat":
            return self._concat(node)
        if node.function in STEPS_OPS:
            size = self.sizes.natural(node) or wanted or self.sizes.fallback(node)
            return self._draft(node.function, size, [self._compile(node.arguments[0], size)], node)
        if node.function in HEAD_OPS:
            return self._over_heads(node, wanted)
        return self._operation(node, wanted, top)

    def _over_heads(self, node: Call, wanted: int | None) -> Ref:
        """Compile an op over heads: its operands have exactly the sizes that its shape says."""
        around, shape = self._shape, self._shape_of(node, wanted)
        sizes = operand_sizes(node.function, shape)
        self._shape = None
        refs = [self._exactly(argument, size) for argument, size in zip(node.arguments, sizes, strict=True)]
        self._shape = around
        ref = self._draft(node.function, result_size(node.function, shape), refs, node)
        self.drafts[ref.draft].shape = self.shapes[node] = shape
        return ref

    def _shape_of(self, node: Call, wanted: int | None) -> Shape:
        """Return the shape of an op over heads."""
        around, function = self._shape, node.function
        if function in BY_AT:
            return self.sizes.shapes[_memory(node)]
        if function in ("sum_heads", "mean_heads"):
            argument = node.arguments[0]
            return self._in_heads(self.sizes.natural(argument) or self.sizes.fallback(argument), node)
        if function in ("outer", "by_row", "by_column") and around is None:
            message = (
                f'`{function}` makes a matrix: give its value rows and columns in `sizes`, as in S = ["H/A", "H/A"]'
            )
            raise self._fail(message, node)
        shape = around or self._in_heads(wanted or self.sizes.fallback(node), node)
        return Shape(shape.heads, 1, shape.rows * shape.columns) if function == "each_head" else shape

    def _in_heads(self, size: int, node: Call) -> Shape:
        heads = self.sizes.heads
        if size % heads:
            raise self._fail(f"{size} numbers do not split into {heads} heads", node)
        return Shape(heads, 1, size // heads)

    def _exactly(self, node: Expression, size: int) -> Ref:
        """Compile an operand that has so many numbers; one number spreads."""
        ref = self._compile(node, size)
        if ref.size == size:
            return ref
        if ref.size != 1:
            raise self._fail(f"{ref.size} and {size} numbers do not fit together", node)
        return self._draft("copy", size, [ref], node)

    def _name(self, node: Name, wanted: int | None) -> Ref:
        name, sizes = node.name, self.sizes
        if name in self.results:
            return Ref("draft", "", sizes.values[name], name, draft=self.results[name])
        if name in self.states:
            return self._entering(name, name)
        if name in self.inputs:
            return Ref("input", name, self.inputs[name], name)
        if name in self.fixed:
            return Ref("fixed", name, len(self.fixed[name]), name)
        size = wanted or sizes.vectors.get(name) or sizes.hidden
        ref = self.vector(name, size)
        if ref is None:
            raise self._fail(f"`{name}` is used with {sizes.vectors[name]} and with {size} numbers", node)
        return ref

    def _entering(self, state: str, text: str) -> Ref:
        """Return where a state is found as the step finds it."""
        if state in self.entered:
            return Ref("draft", "", self.sizes.values[state], text, draft=self.entered[state])
        return Ref("previous", state, self.sizes.values[state], text)

    def _operation(self, node: Call, wanted: int | None, top: bool) -> Ref:
        op = EVERY_OP[node.function]
        if op.single:
            sizes = [self.sizes.natural(argument) for argument in node.arguments]
            size = max((known for known in sizes if known is not None), default=0) or self.sizes.fallback(node)
        else:
            natural = self.sizes.natural(node)
            size = natural or wanted or self.sizes.fallback(node)
            if natural == 1 and wanted and (top or not op.elementwise):
                size = wanted
        refs = [self._compile(argument, size) for argument in node.arguments]
        for ref, argument in zip(refs, node.arguments, strict=True):
            spreads = ref.size == 1 and (op.elementwise or op.single)
            if ref.size != size and not spreads:
                raise self._fail(f"{ref.size} and {size} numbers do not fit together", argument)
        if node.function == "every" and self.entered:
            self.inputs[RESET_CLOCK] = 1
            refs.append(Ref("input", RESET_CLOCK, 1, RESET_CLOCK))
        return self._draft(node.function, 1 if op.single else size, refs, node)

    def _product(self, node: Product, wanted: int | None) -> Ref:
        matrices = self.sizes.matrices
        rows = wanted or (matrices[node.matrix][0] if node.matrix in matrices else self.sizes.fallback(node.operand))
        inner = self.sizes.natural(node.operand) or self.sizes.fallback(node.operand)
        operand = self._compile(node.operand, inner)
        if operand.size != inner or operand.kind in ("constant", "vector", "fixed"):
            operand = self._draft("copy", inner, [operand], node.operand)
        shape = matrices.setdefault(node.matrix, (rows, inner))
        if shape != (rows, inner):
            raise self._fail(f"`{node.matrix}` is used as {shape[0]}×{shape[1]} and as {rows}×{inner}", node)
        if node.matrix not in self.order:
            self.order.append(node.matrix)
        ref = self._draft("matvec", rows, [operand], node)
        self.drafts[ref.draft].matrix = node.matrix
        return ref

    def _part(self, node: Call, wanted: int | None) -> Ref:
        number, count = whole(node.arguments[1]), whole(node.arguments[2])
        size = self.sizes.natural(node.arguments[0]) or (wanted or self.sizes.hidden) * count
        if size % count:
            raise self._fail(f"{size} numbers do not split into {count} equal parts", node)
        ref = self._compile(node.arguments[0], size)
        if ref.size != size:
            ref = self._draft("copy", size, [ref], node)
        piece = size // count
        return Ref(ref.kind, ref.name, piece, show(node), ref.draft, ref.shift + number * piece)

    def _concat(self, node: Call) -> Ref:
        sizes = [self.sizes.natural(argument) or self.sizes.fallback(argument) for argument in node.arguments]
        refs = [self._compile(argument, size) for argument, size in zip(node.arguments, sizes, strict=True)]
        offsets = list(accumulate(sizes, initial=0))
        ref = self._draft("concat", offsets[-1], refs, node)
        self.drafts[ref.draft].parts = list(zip(offsets, sizes, strict=False))
        return ref
