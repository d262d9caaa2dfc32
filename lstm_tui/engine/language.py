"""The equation language: text to expressions, checked against a white list and never evaluated by Python.

What a name means is decided here (value, state, parameter, fixed vector, input); what size it has is
decided when a cell is compiled. Everything about a text that could cost time or memory — its length, its
depth, how often a macro is unfolded — is bounded before it is parsed.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lstm_tui.engine.errors import LanguageError, nearest
from lstm_tui.engine.expression import Call, Expression, Name, Number, Place, Previous, Product
from lstm_tui.engine.ops import FUNCTION_NAMES, OPS, STEPS_OPS

MAX_EQUATIONS = 200
MAX_DEPTH = 32
MAX_OPERATORS = 256
MAX_LINE = 4_000
MAX_NODES = 2_000
RESERVED = frozenset({"x", "t", "token", "output", "share", "row", "col"})

_BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_ARITY = {name: op.arity for name, op in OPS.items()} | dict.fromkeys(STEPS_OPS, 1) | {"prev": 1, "part": 3}
_ASSIGNMENT = re.compile(r"\s*([^=\s]+)\s*=(?!=)")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


@dataclass(frozen=True)
class Equation:
    """One line of a cell.

    Attributes:
        name: The value it defines.
        text: The line as written, without its comment.
        label: Short name from the comment, such as `forget gate`; may be empty.
        help: Sentence from the comment; may be empty.
        expression: Its right side.
        line: Line in the file, from 1.
    """

    name: str
    text: str
    label: str
    help: str
    expression: Expression
    line: int


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
    """

    source: str
    states: tuple[str, ...] = ()
    given: frozenset[str] = frozenset({"x"})
    functions: Mapping[str, str] = field(default_factory=dict)
    steps_ops: bool = False
    defined: list[str] = field(default_factory=list)
    later: frozenset[str] = frozenset()

    def known(self) -> set[str]:
        """Return every name that is not a parameter."""
        return {*self.given, *self.states, *self.later}

    def callable_names(self) -> set[str]:
        """Return every name that may be called."""
        return {*FUNCTION_NAMES, *self.functions, *(STEPS_OPS if self.steps_ops else ())}


def parse_equations(block: str, vocabulary: Vocabulary, first_line: int = 1) -> tuple[Equation, ...]:
    """Parse a block of equations, one assignment a line.

    Args:
        block: The text of the block.
        vocabulary: What names may mean; `defined` is filled in.
        first_line: Line of the file on which the block begins.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    lines = block.split("\n")
    left_sides = [_left_side(line) for line in lines]
    vocabulary.later = frozenset(name for name in left_sides if name) | vocabulary.later
    equations: list[Equation] = []
    for number, line in enumerate(lines, start=first_line):
        code, _, comment = line.partition("#")
        if not code.strip():
            continue
        if len(equations) == MAX_EQUATIONS:
            raise LanguageError(f"more than {MAX_EQUATIONS} equations", vocabulary.source, number)
        equations.append(_parse_line(code, comment, vocabulary, number))
        vocabulary.defined.append(equations[-1].name)
    return tuple(equations)


def _left_side(line: str) -> str | None:
    match = _ASSIGNMENT.match(line.partition("#")[0])
    return match.group(1) if match else None


def _parse_line(code: str, comment: str, vocabulary: Vocabulary, number: int) -> Equation:
    match = _ASSIGNMENT.match(code)
    if match is None:
        raise LanguageError("an equation reads `name = expression`", vocabulary.source, number, _first_column(code))
    name, column = match.group(1), match.start(1) + 1
    check_assigned_name(name, vocabulary, number, column)
    right = code[match.end() :]
    if not right.strip():
        raise LanguageError(f"nothing stands after `{name} =`", vocabulary.source, number, len(code.rstrip()) + 1)
    expression = parse_expression(right, vocabulary, number, match.end())
    label, _, sentence = comment.partition(":")
    return Equation(name, code.strip(), label.strip(), sentence.strip(), expression, number)


def check_assigned_name(name: str, vocabulary: Vocabulary, line: int, column: int) -> None:
    """Refuse a left side that is no fresh ASCII name."""
    fail = lambda message: LanguageError(message, vocabulary.source, line, column)  # noqa: E731
    if not _IDENTIFIER.match(name):
        raise fail(f"`{_shown(name)}` is not a name: use ASCII letters, digits and _")
    if name in RESERVED:
        raise fail(f"`{name}` is reserved and cannot be assigned")
    if name in FUNCTION_NAMES or name in STEPS_OPS or name in vocabulary.functions:
        raise fail(f"`{name}` is a function and cannot be assigned")
    if name in vocabulary.defined:
        raise fail(f"`{name}` is assigned twice; each value has one equation")
    if name in vocabulary.given:
        raise fail(f"`{name}` is given from outside and cannot be assigned")


def parse_expression(text: str, vocabulary: Vocabulary, line: int, offset: int) -> Expression:
    """Parse one expression that begins `offset` characters into its line.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    return _Reader(vocabulary, line, offset).read(text)


def _first_column(code: str) -> int:
    return len(code) - len(code.lstrip()) + 1


def _shown(text: str) -> str:
    from lstm_tui.engine.visible import visible

    return visible(text if len(text) <= 40 else text[:39] + "…")


@dataclass
class _Reader:
    """Turns one line into nodes, counting as it goes."""

    vocabulary: Vocabulary
    line: int
    offset: int
    argument: Expression | None = None  # what `a` stands for inside a macro
    fixed_place: Place | None = None  # inside a macro every node stands where it is called

    def fail(self, message: str, column: int = 0, suggestion: str | None = None) -> LanguageError:
        if self.fixed_place:
            return LanguageError(
                message, self.vocabulary.source, self.fixed_place.line, self.fixed_place.column, suggestion
            )
        return LanguageError(message, self.vocabulary.source, self.line, self.offset + column + 1, suggestion)

    def read(self, text: str) -> Expression:
        self.check_characters(text)
        stripped = text.lstrip()
        indent = len(text) - len(stripped)
        try:
            tree = ast.parse(stripped.rstrip(), mode="eval").body
        except SyntaxError as error:
            column = indent + max((error.offset or 1) - 1, 0)
            raise self.fail(f"this is not an expression ({error.msg})", min(column, len(text))) from None
        except (RecursionError, MemoryError, ValueError) as error:
            raise self.fail(f"this expression is too deep or malformed ({type(error).__name__})") from None
        self.offset += indent
        node, weight = self.node(tree)
        if weight > MAX_NODES:
            raise self.fail(f"this equation unfolds to {weight} parts; {MAX_NODES} is the most", tree.col_offset)
        return node

    def check_characters(self, text: str) -> None:
        """Bound length and depth on the characters, before any parser sees them."""
        if len(text) > MAX_LINE:
            raise self.fail(f"an equation of {len(text)} characters; {MAX_LINE} is the most")
        depth = operators = 0
        signs = 0
        for column, character in enumerate(text):
            if not character.isascii() or (character < " " and character not in "\t\r"):
                raise self.fail(f"`{_shown(character)}` is not ASCII; only comments may hold it", column)
            depth += (character in "([{") - (character in ")]}")
            signs = signs + 1 if character in "-+~" else (signs if character in " \t" else 0)
            operators += character in "+-*/@"
            if depth > MAX_DEPTH or signs > MAX_DEPTH:
                raise self.fail(f"nested deeper than {MAX_DEPTH}", column)
            if operators > MAX_OPERATORS:
                raise self.fail(f"more than {MAX_OPERATORS} operators in one equation", column)

    def node(self, tree: ast.expr) -> tuple[Expression, int]:
        """Return a checked node and how many parts it unfolds to."""
        place = self.fixed_place or Place(self.line, self.offset + tree.col_offset + 1)
        if isinstance(tree, ast.Constant):
            return self.number(tree, place), 1
        if isinstance(tree, ast.Name):
            if self.argument is not None and tree.id == "a":
                return self.argument, 1
            return self.name(tree, place), 1
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            if isinstance(tree.operand, ast.Constant):
                inner = self.number(tree.operand, place)
                return Number(-inner.value, place), 1
            node, weight = self.node(tree.operand)
            return Call("neg", (node,), place), weight + 1
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult):
            return self.product(tree, place)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
            left, left_weight = self.node(tree.left)
            right, right_weight = self.node(tree.right)
            return Call(_BINARY[type(tree.op)], (left, right), place), left_weight + right_weight + 1
        if isinstance(tree, ast.Call):
            return self.call(tree, place)
        what = _REFUSED.get(type(tree), type(tree).__name__.lower())
        if isinstance(tree, ast.BinOp):
            what = _REFUSED.get(type(tree.op), "this operator")
        raise self.fail(f"{what} is not in the language: names, numbers, + - * /, @ and calls are", tree.col_offset)

    def number(self, tree: ast.Constant, place: Place) -> Number:
        if isinstance(tree.value, bool) or not isinstance(tree.value, int | float):
            raise self.fail(f"{type(tree.value).__name__} is not in the language; only numbers are", tree.col_offset)
        try:
            value = float(tree.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.fail("this number is not finite", tree.col_offset)
        return Number(value, place)

    def name(self, tree: ast.Name, place: Place) -> Name:
        name, words = tree.id, self.vocabulary
        if name in words.defined or name in words.given or name in words.states:
            return Name(name, place)
        if name in words.later:
            raise self.fail(
                f"`{name}` is read above its equation and is not a state, so it has no value yet",
                tree.col_offset,
            )
        if name in words.callable_names():
            raise self.fail(f"`{name}` is a function: write {name}(…)", tree.col_offset)
        if name in RESERVED:
            raise self.fail(f"`{name}` is reserved and means nothing here", tree.col_offset)
        if "_" not in name:
            suggestion = nearest(name, words.known())
            raise self.fail(
                f"`{_shown(name)}` is not defined (a parameter has a _ in its name)",
                tree.col_offset,
                suggestion,
            )
        if name[0].isupper():
            raise self.fail(f"`{_shown(name)}` is a matrix: it stands left of @ only", tree.col_offset)
        return Name(name, place)

    def product(self, tree: ast.BinOp, place: Place) -> tuple[Expression, int]:
        left = tree.left
        if not isinstance(left, ast.Name):
            raise self.fail("left of @ stands one matrix, by name", left.col_offset)
        name, words = left.id, self.vocabulary
        if name in words.known():
            raise self.fail(f"`{name}` is a vector; left of @ stands a matrix parameter", left.col_offset)
        if "_" not in name or not name[0].isupper():
            suggestion = name[0].upper() + name[1:] if "_" in name and name[0].isalpha() else None
            raise self.fail(
                f"`{_shown(name)}` is no matrix: its name begins with a capital and has a _ in it",
                left.col_offset,
                suggestion,
            )
        operand, weight = self.node(tree.right)
        return Product(name, operand, place), weight + 1

    def call(self, tree: ast.Call, place: Place) -> tuple[Expression, int]:
        if not isinstance(tree.func, ast.Name):
            raise self.fail("only a function can be called, by its name", tree.func.col_offset)
        name = tree.func.id
        words = self.vocabulary
        if tree.keywords:
            raise self.fail(f"`{name}` takes its arguments by place, not by name", tree.col_offset)
        if name not in words.callable_names():
            if name in STEPS_OPS:
                raise self.fail(f"`{name}` runs over the steps: only `whole` of a readout has it", tree.col_offset)
            raise self.fail(
                f"there is no function `{_shown(name)}`",
                tree.col_offset,
                nearest(name, words.callable_names()),
            )
        for argument in tree.args:
            if isinstance(argument, ast.Starred):
                raise self.fail("* is not in the language", argument.col_offset)
        if name == "concat":
            if len(tree.args) < 2:
                raise self.fail("`concat` takes two vectors or more", tree.col_offset)
        else:
            arity = 1 if name in words.functions else _ARITY[name]
            if len(tree.args) != arity:
                raise self.fail(
                    f"`{name}` takes {arity} argument{'s' * (arity > 1)}, not {len(tree.args)}",
                    tree.col_offset,
                )
        if name == "prev":
            return self.previous(tree.args[0], place), 1
        arguments, weights = zip(*(self.node(argument) for argument in tree.args), strict=True)
        if name == "part":
            self.check_part(tree, arguments)
        if name in words.functions and self.fixed_place is None:
            return self.unfold(name, arguments[0], weights[0], place)
        if name in words.functions and name not in OPS:
            raise self.fail(
                f"the macro `{name}` is called inside a macro; only built-in functions are", tree.col_offset
            )
        return Call(name, arguments, place), sum(weights) + 1

    def previous(self, tree: ast.expr, place: Place) -> Previous:
        if not isinstance(tree, ast.Name) or tree.id not in self.vocabulary.states:
            shown = tree.id if isinstance(tree, ast.Name) else "this"
            raise self.fail(
                f"`prev` takes a state; {_shown(shown)} is none",
                tree.col_offset,
                nearest(shown, self.vocabulary.states),
            )
        return Previous(tree.id, place)

    def check_part(self, tree: ast.Call, arguments: tuple[Expression, ...]) -> None:
        k, n = arguments[1], arguments[2]
        whole = all(isinstance(v, Number) and v.value == int(v.value) for v in (k, n))
        if not whole or not (isinstance(k, Number) and isinstance(n, Number) and 0 <= k.value < n.value):
            raise self.fail("`part(v, k, n)` takes whole numbers with 0 <= k < n", tree.col_offset)

    def unfold(self, name: str, argument: Expression, weight: int, place: Place) -> tuple[Expression, int]:
        """Put the argument in the place of `a` in a macro's body."""
        inner = _Reader(self.vocabulary, self.line, 0, argument=argument, fixed_place=place)
        body = self.vocabulary.functions[name]
        inner.check_characters(body)
        try:
            tree = ast.parse(body.strip(), mode="eval").body
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            raise self.fail(f"the body of the macro `{name}` is not an expression") from None
        node, body_weight = inner.node(tree)
        uses = sum(isinstance(part, ast.Name) and part.id == "a" for part in ast.walk(tree))
        total = body_weight + uses * weight
        if total > MAX_NODES:
            raise self.fail(f"unfolding `{name}` gives {total} parts; {MAX_NODES} is the most", place.column)
        return node, total


_REFUSED: dict[type[ast.AST], str] = {
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Compare: "a comparison",
    ast.BoolOp: "and/or",
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.Lambda: "lambda",
    ast.IfExp: "if",
    ast.UnaryOp: "this sign",
    ast.List: "a list",
    ast.Tuple: "a comma outside a call",
    ast.Dict: "a dict",
    ast.JoinedStr: "a string",
    ast.NamedExpr: ":=",
}
