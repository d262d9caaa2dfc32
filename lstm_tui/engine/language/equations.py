"""The equation language: text to equations, checked against a white list and never evaluated by Python.

What a name means is decided here (value, state, parameter, fixed vector, input); what size it has is
decided when a cell is compiled. Everything about a text that could cost time or memory — its length, its
depth, how often a macro is unfolded — is bounded before it is parsed.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import field

from lstm_tui.engine.compiler.ops import EVERY_OP, FUNCTION_NAMES, STEPS_OPS
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import LanguageError, nearest
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Place, Previous, Product, extent
from lstm_tui.engine.language.syntax import CallNode, Inverse, NameNode, Node, NumberNode, Operation, parse_syntax
from lstm_tui.engine.language.toml import Locate
from lstm_tui.engine.language.vocabulary import (
    MAX_EQUATIONS,
    MAX_LINE,
    MAX_NAME,
    MAX_NODES,
    MAX_TREE,
    RESERVED,
    Vocabulary,
    check_assigned_name,
    shortened,
)
from lstm_tui.engine.language.words import Mistake, Notation, Word

_BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_ARITY = {name: op.arity for name, op in EVERY_OP.items()} | dict.fromkeys(STEPS_OPS, 1) | {"prev": 1, "part": 3}
_SIGNS = frozenset("+-*/@(),")
_NOT_IN_IT = "is not in the language: names, numbers, + - * /, @ and calls are"
_CALLED = {
    '"': "a string", "'": "a string", "[": "a subscript or list", "]": "a subscript or list", "{": "a dict",
    "}": "a dict", "<": "a comparison", ">": "a comparison", "!": "a comparison",
}  # fmt: skip


def _check(word: Word, depth: int) -> None:
    """Refuse a word or sign that means nothing in an equation; `depth` brackets are open."""
    text, start = word.text, word.start
    for character in text:
        if not character.isascii() or (character < " " and character != "\t"):
            shown = shortened(character) if character.isprintable() else f"U+{ord(character):04X}"
            raise Mistake(f"`{shown}` is not ASCII; only comments may hold it", start + text.index(character))
    if word.kind == "name":
        name, attribute, _ = text.partition(".")
        if len(name) > MAX_NAME:
            raise Mistake(f"`{shortened(name)}` is too long; {MAX_NAME} characters is the most for a name", start)
        if keyword.iskeyword(name):
            raise Mistake(f"`{name}` {_NOT_IN_IT}", start)
        if attribute:
            raise Mistake(f"an attribute {_NOT_IN_IT}", start + len(name))
    elif word.kind == "number" and text[0] == "." and (text[1:2].isalpha() or text[1:2] == "_"):
        raise Mistake(f"an attribute {_NOT_IN_IT}", start)
    elif text == "=":
        raise Mistake("arguments are given by place, not by name" if depth else f"a second = {_NOT_IN_IT}", start)
    elif text == "==":
        raise Mistake(f"a comparison {_NOT_IN_IT}", start)
    elif word.kind not in ("number", "blank") and text not in _SIGNS:
        raise Mistake(f"{_CALLED.get(text[0], f'`{text}`')} {_NOT_IN_IT}", start)


EQUATION = Notation("an equation", MAX_LINE, _check)


def parse_expression(text: str, vocabulary: Vocabulary, locate: Locate | None = None) -> Expression:
    """Parse one expression.

    Args:
        text: The expression.
        vocabulary: What names may mean.
        locate: Where each character of the text stands in its file; by default the text is the file.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    return _Reader(vocabulary, locate or (lambda character: (1, character + 1))).read(text)


def check_macro(body: str, vocabulary: Vocabulary, locate: Locate) -> None:
    """Check the body of a macro by itself, where its own places are known.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    argument = Name("a", Place(*locate(0)))
    _Reader(vocabulary, locate, argument=argument, inside_macro=True).read(body)


@dataclass
class _Reader:
    """Turns one line into nodes, counting as it goes."""

    vocabulary: Vocabulary
    locate: Locate
    argument: Expression | None = None  # what `a` stands for inside a macro
    inside_macro: bool = False
    built: list[int] = field(default_factory=lambda: [0])  # shared with the readers of macros

    def fail(self, message: str, character: int = 0, suggestion: str | None = None) -> LanguageError:
        return LanguageError(message, self.vocabulary.source, *self.locate(character), suggestion)

    def read(self, text: str) -> Expression:
        node = self.node(self.tree(text))
        indent = len(text) - len(text.lstrip())
        parts, depth = extent(node)
        if parts > MAX_NODES:
            raise self.fail(f"this equation unfolds to {parts} parts; {MAX_NODES} is the most", indent)
        if depth > MAX_TREE:
            said = f"this equation is {depth} parts deep; {MAX_TREE} is the most: give parts their own line"
            raise self.fail(said, indent)
        return node

    def tree(self, text: str) -> Node:
        """Return what is written."""
        try:
            return parse_syntax(text, EQUATION)
        except Mistake as error:
            raise self.fail(error.said, error.start, error.near) from None

    def node(self, tree: Node) -> Expression:
        """Return a checked node."""
        self.built[0] += 1
        if self.built[0] > MAX_NODES:
            raise self.fail(f"this equation unfolds to more than {MAX_NODES} parts", tree.start)
        place = Place(*self.locate(tree.start))
        if isinstance(tree, NumberNode):
            return Number(tree.value, place)
        if isinstance(tree, NameNode):
            return self.argument if self.argument is not None and tree.name == "a" else self.name(tree, place)
        if isinstance(tree, Inverse) and tree.sign == "-":
            if isinstance(tree.of, NumberNode):
                return Number(-tree.of.value, place)
            return Call("neg", (self.node(tree.of),), place)
        if isinstance(tree, Operation) and tree.sign == "@":
            return self.product(tree, place)
        if isinstance(tree, Operation):
            return Call(_BINARY[tree.sign], (self.node(tree.left), self.node(tree.right)), place)
        if isinstance(tree, CallNode):
            return self.call(tree, place)
        raise self.fail(f"this sign {_NOT_IN_IT}", tree.start)  # a + before a value: words left nothing else

    def name(self, tree: NameNode, place: Place) -> Name:
        name, words = tree.name, self.vocabulary
        if name in words.defined or name in words.given or name in words.states:
            return Name(name, place)
        if name in words.later:
            message = f"`{name}` is read above its equation and is not a state, so it has no value yet"
            raise self.fail(message, tree.start)
        if name in words.callable_names():
            raise self.fail(f"`{name}` is a function: write {name}(…)", tree.start)
        if name in RESERVED:
            raise self.fail(f"`{name}` is reserved and means nothing here", tree.start)
        if "_" not in name:
            message = f"`{name}` is not defined (a parameter has a _ in its name)"
            raise self.fail(message, tree.start, nearest(name, words.known()))
        if name[0].isupper():
            raise self.fail(f"`{name}` is a matrix: it stands left of @ only", tree.start)
        return Name(name, place)

    def product(self, tree: Operation, place: Place) -> Expression:
        left, right, words = tree.left, tree.right, self.vocabulary
        reads_matrix = isinstance(left, NameNode) and (left.name in words.matrices or "_" in left.name)
        if isinstance(right, NameNode) and right.name in words.matrices and not reads_matrix:
            memory = self.name(right, Place(*self.locate(right.start)))
            return Call("weighted", (memory, self.node(left)), place)
        if isinstance(left, Operation) and left.sign in ("@", "*", "/"):
            message = "left of @ stands one matrix, by name: write brackets, as in U_h @ (V_h @ x)"
            raise self.fail(message, left.start)
        if not isinstance(left, NameNode):
            raise self.fail("left of @ stands one matrix, by name", left.start)
        name = left.name
        if name in words.matrices:
            memory = self.name(left, Place(*self.locate(left.start)))
            return Call("read", (memory, self.node(tree.right)), place)
        if name in words.known() or (name == "a" and self.argument is not None):
            raise self.fail(f"`{name}` is a vector; left of @ stands a matrix parameter", left.start)
        if "_" not in name or not name[0].isupper():
            capital = name[0].upper() + name[1:]
            suggestion = capital if "_" in name and name[0].islower() else None
            message = f"`{name}` is no matrix: its name begins with a capital and has a _ in it"
            raise self.fail(message, left.start, suggestion)
        return Product(name, self.node(tree.right), place)

    def call(self, tree: CallNode, place: Place) -> Expression:
        name, words = tree.function, self.vocabulary
        if name not in words.callable_names():
            if name in STEPS_OPS:
                raise self.fail(f"`{name}` runs over the steps: only `whole` of a readout has it", tree.start)
            near = nearest(name, words.callable_names())
            raise self.fail(f"there is no function `{name}`", tree.start, near)
        macro = name in words.functions and not (self.inside_macro and name in FUNCTION_NAMES)
        self.check_arity(name, tree, macro)
        if name == "prev" and not macro:
            return self.previous(tree.arguments[0], place)
        if macro and self.inside_macro:
            message = f"the macro `{name}` is called inside a macro; only built-in functions are"
            raise self.fail(message, tree.start)
        arguments = tuple(self.node(argument) for argument in tree.arguments)
        if macro:
            return self.unfold(name, arguments[0], tree.start)
        if name == "part":
            self.check_part(tree, arguments)
        return Call(name, arguments, place)

    def check_arity(self, name: str, tree: CallNode, macro: bool) -> None:
        if name == "concat" and not macro:
            if len(tree.arguments) < 2:
                raise self.fail("`concat` takes two vectors or more", tree.start)
            return
        arity = 1 if macro else _ARITY[name]
        if len(tree.arguments) != arity:
            message = f"`{name}` takes {arity} argument{'s' * (arity > 1)}, not {len(tree.arguments)}"
            raise self.fail(message, tree.start)

    def previous(self, tree: Node, place: Place) -> Previous:
        if not isinstance(tree, NameNode):
            raise self.fail("`prev` takes a state, by name", tree.start)
        if tree.name not in self.vocabulary.states:
            near = nearest(tree.name, self.vocabulary.states)
            raise self.fail(f"`prev` takes a state; `{tree.name}` is none", tree.start, near)
        return Previous(tree.name, place)

    def check_part(self, tree: CallNode, arguments: tuple[Expression, ...]) -> None:
        k, n = arguments[1], arguments[2]
        whole = isinstance(k, Number) and isinstance(n, Number) and k.value.is_integer() and n.value.is_integer()
        if not whole or not (isinstance(k, Number) and isinstance(n, Number) and 0 <= k.value < n.value):
            raise self.fail("`part(v, k, n)` takes whole numbers with 0 <= k < n", tree.arguments[1].start)

    def unfold(self, name: str, argument: Expression, character: int) -> Expression:
        """Put the argument in the place of `a` in a macro's body; every part of it stands where it is called."""
        place = self.locate(character)
        inner = _Reader(self.vocabulary, lambda _: place, argument=argument, inside_macro=True, built=self.built)
        return inner.node(inner.tree(self.vocabulary.functions[name]))


__all__ = [
    "RESERVED",
    "Equation",
    "Vocabulary",
    "check_assigned_name",
    "check_macro",
    "parse_equations",
    "parse_expression",
]

_ASSIGNMENT = re.compile(r"\s*([^=\s]+)\s*=(?!=)")


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


def parse_equations(block: str, vocabulary: Vocabulary, locate: Locate | None = None) -> tuple[Equation, ...]:
    """Parse a block of equations, one assignment a line.

    Args:
        block: The text of the block.
        vocabulary: What names may mean; `defined` is filled in.
        locate: Where each character of the block stands in its file; by default the block is the file.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    place = locate or _place_in(block)
    lines = block.split("\n")
    left_sides = [_left_side(line) for line in lines]
    vocabulary.later = frozenset(name for name in left_sides if name) | vocabulary.later
    equations: list[Equation] = []
    start = 0
    for line in lines:
        code, _, comment = line.partition("#")
        if code.strip():
            if len(equations) == MAX_EQUATIONS:
                raise LanguageError(f"more than {MAX_EQUATIONS} equations", vocabulary.source, *place(start))
            equations.append(_parse_line(code, comment, vocabulary, place, start))
            vocabulary.defined.append(equations[-1].name)
        start += len(line) + 1
    return tuple(equations)


def _place_in(text: str) -> Locate:
    return lambda character: (
        text.count("\n", 0, character) + 1,
        character - (text.rfind("\n", 0, character) + 1) + 1,
    )


def _left_side(line: str) -> str | None:
    match = _ASSIGNMENT.match(line.partition("#")[0])
    return match.group(1) if match else None


def _parse_line(code: str, comment: str, vocabulary: Vocabulary, place: Locate, start: int) -> Equation:
    match = _ASSIGNMENT.match(code)
    if match is None:
        first = start + len(code) - len(code.lstrip())
        raise LanguageError("an equation reads `name = expression`", vocabulary.source, *place(first))
    name = match.group(1)
    line, column = place(start + match.start(1))
    check_assigned_name(name, vocabulary, line, column)
    right = code[match.end() :]
    if not right.strip():
        end = start + len(code.rstrip())
        raise LanguageError(f"nothing stands after `{name} =`", vocabulary.source, *place(end))
    expression = parse_expression(right, vocabulary, lambda character: place(start + match.end() + character))
    label, _, sentence = comment.partition(":")
    return Equation(name, code.strip(), label.strip(), sentence.strip(), expression, line)
