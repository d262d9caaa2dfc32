"""One expression: text to nodes. Characters and words are checked first, then `ast`'s tree against a white list."""

from __future__ import annotations

import ast
import keyword
import math
import re
from dataclasses import dataclass, field

from lstm_tui.engine.compiler.ops import FUNCTION_NAMES, OPS, STEPS_OPS
from lstm_tui.engine.errors import LanguageError, nearest
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Place, Previous, Product, extent
from lstm_tui.engine.language.toml import Locate
from lstm_tui.engine.language.vocabulary import (
    MAX_DEPTH,
    MAX_LINE,
    MAX_NAME,
    MAX_NODES,
    MAX_OPERATORS,
    MAX_TREE,
    RESERVED,
    Vocabulary,
    shortened,
)

_BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_ARITY = {name: op.arity for name, op in OPS.items()} | dict.fromkeys(STEPS_OPS, 1) | {"prev": 1, "part": 3}
_WORD = re.compile(
    r"[A-Za-z_][A-Za-z_0-9]*|[0-9.][A-Za-z_0-9.]*(?:(?<=[0-9.][eE])[+-][0-9]+)?|\*\*|//|\s+|.", re.DOTALL
)
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_NOT_IN_IT = "is not in the language: names, numbers, + - * /, @ and calls are"
_CALLED = {
    '"': "a string", "'": "a string", "[": "a subscript or list", "]": "a subscript or list", "{": "a dict",
    "}": "a dict", "<": "a comparison", ">": "a comparison", "!": "a comparison", ".": "an attribute",
}  # fmt: skip


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
        self.check_words(text)
        stripped = text.strip()
        indent = len(text) - len(text.lstrip())
        if not stripped:
            raise self.fail("nothing stands here")
        try:
            tree = ast.parse(stripped, mode="eval").body
        except SyntaxError as error:
            character = min(indent + max((error.offset or 1) - 1, 0), len(text.rstrip()))
            raise self.fail(f"this is not an expression ({error.msg})", character) from None
        except (RecursionError, MemoryError, ValueError) as error:
            raise self.fail(f"this expression is too deep or malformed ({type(error).__name__})") from None
        outer = self.locate
        self.locate = lambda character: outer(indent + character)
        node = self.node(tree)
        parts, depth = extent(node)
        if parts > MAX_NODES:
            raise self.fail(f"this equation unfolds to {parts} parts; {MAX_NODES} is the most")
        if depth > MAX_TREE:
            raise self.fail(f"this equation is {depth} parts deep; {MAX_TREE} is the most: give parts their own line")
        return node

    def check_words(self, text: str) -> None:
        """Bound length and depth, and refuse words and signs that mean nothing, before any parser sees them."""
        if len(text) > MAX_LINE:
            raise self.fail(f"an equation of {len(text)} characters; {MAX_LINE} is the most")
        depth = operators = signs = 0
        for match in _WORD.finditer(text):
            word, start = match.group(), match.start()
            depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
            signs = signs + 1 if word in ("-", "+", "~") else signs if word.isspace() else 0
            operators += word in ("+", "-", "*", "/", "@")
            if depth > MAX_DEPTH or signs > MAX_DEPTH:
                raise self.fail(f"nested deeper than {MAX_DEPTH}", start)
            if operators > MAX_OPERATORS:
                raise self.fail(f"more than {MAX_OPERATORS} operators in one equation", start)
            self.check_word(word, start, depth)
        if text.rstrip().endswith(("+", "-", "*", "/", "@", "(", ",")):
            raise self.fail(f"something is missing after `{text.rstrip()[-1]}`", len(text.rstrip()))

    def check_word(self, word: str, start: int, depth: int) -> None:
        """Refuse one word or sign that is not in the language."""
        if not word.isascii() or (word < " " and word not in "\t"):
            shown = shortened(word) if word.isprintable() else f"U+{ord(word[0]):04X}"
            raise self.fail(f"`{shown}` is not ASCII; only comments may hold it", start)
        if word[0].isalpha() or word[0] == "_":
            if len(word) > MAX_NAME:
                raise self.fail(f"`{shortened(word)}` is too long; {MAX_NAME} characters is the most for a name", start)
            if keyword.iskeyword(word):
                raise self.fail(f"`{word}` {_NOT_IN_IT}", start)
        elif word[0].isdigit() or (word[0] == "." and len(word) > 1):
            if not _NUMBER.match(word):
                attribute = word[0] == "." and (word[1].isalpha() or word[1] == "_")
                what = "an attribute" if attribute else f"`{shortened(word)}`"
                raise self.fail(f"{what} {_NOT_IN_IT}" if attribute else f"{what} is not a number", start)
            if not math.isfinite(float(word)):
                raise self.fail("this number is not finite", start)
        elif word == "=":
            raise self.fail("arguments are given by place, not by name" if depth else f"a second = {_NOT_IN_IT}", start)
        elif word[0] not in "+-*/@(), \t" or word in ("**", "//"):
            raise self.fail(f"{_CALLED.get(word, f'`{word}`')} {_NOT_IN_IT}", start)

    def node(self, tree: ast.expr) -> Expression:
        """Return a checked node."""
        self.built[0] += 1
        if self.built[0] > MAX_NODES:
            raise self.fail(f"this equation unfolds to more than {MAX_NODES} parts", tree.col_offset)
        place = Place(*self.locate(tree.col_offset))
        if isinstance(tree, ast.Constant):
            return self.number(tree, place)
        if isinstance(tree, ast.Name):
            return self.argument if self.argument is not None and tree.id == "a" else self.name(tree, place)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            if isinstance(tree.operand, ast.Constant):
                return Number(-self.number(tree.operand, place).value, place)
            return Call("neg", (self.node(tree.operand),), place)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult):
            return self.product(tree, place)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
            return Call(_BINARY[type(tree.op)], (self.node(tree.left), self.node(tree.right)), place)
        if isinstance(tree, ast.Call):
            return self.call(tree, place)
        what = _REFUSED.get(type(tree), type(tree).__name__.lower())
        raise self.fail(f"{what} {_NOT_IN_IT}", tree.col_offset)

    def number(self, tree: ast.Constant, place: Place) -> Number:
        if isinstance(tree.value, bool) or not isinstance(tree.value, int | float):
            raise self.fail(f"{type(tree.value).__name__} {_NOT_IN_IT}", tree.col_offset)
        return Number(float(tree.value), place)

    def name(self, tree: ast.Name, place: Place) -> Name:
        name, words = tree.id, self.vocabulary
        if name in words.defined or name in words.given or name in words.states:
            return Name(name, place)
        if name in words.later:
            message = f"`{name}` is read above its equation and is not a state, so it has no value yet"
            raise self.fail(message, tree.col_offset)
        if name in words.callable_names():
            raise self.fail(f"`{name}` is a function: write {name}(…)", tree.col_offset)
        if name in RESERVED:
            raise self.fail(f"`{name}` is reserved and means nothing here", tree.col_offset)
        if "_" not in name:
            message = f"`{name}` is not defined (a parameter has a _ in its name)"
            raise self.fail(message, tree.col_offset, nearest(name, words.known()))
        if name[0].isupper():
            raise self.fail(f"`{name}` is a matrix: it stands left of @ only", tree.col_offset)
        return Name(name, place)

    def product(self, tree: ast.BinOp, place: Place) -> Product:
        left, words = tree.left, self.vocabulary
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.MatMult | ast.Mult | ast.Div):
            message = "left of @ stands one matrix, by name: write brackets, as in U_h @ (V_h @ x)"
            raise self.fail(message, left.col_offset)
        if not isinstance(left, ast.Name):
            raise self.fail("left of @ stands one matrix, by name", left.col_offset)
        name = left.id
        if name in words.known() or (name == "a" and self.argument is not None):
            raise self.fail(f"`{name}` is a vector; left of @ stands a matrix parameter", left.col_offset)
        if "_" not in name or not name[0].isupper():
            capital = name[0].upper() + name[1:]
            suggestion = capital if "_" in name and name[0].islower() else None
            message = f"`{name}` is no matrix: its name begins with a capital and has a _ in it"
            raise self.fail(message, left.col_offset, suggestion)
        return Product(name, self.node(tree.right), place)

    def call(self, tree: ast.Call, place: Place) -> Expression:
        if not isinstance(tree.func, ast.Name):
            raise self.fail("only a function can be called, by its name", tree.func.col_offset)
        name, words = tree.func.id, self.vocabulary
        if name not in words.callable_names():
            if name in STEPS_OPS:
                raise self.fail(f"`{name}` runs over the steps: only `whole` of a readout has it", tree.col_offset)
            near = nearest(name, words.callable_names())
            raise self.fail(f"there is no function `{name}`", tree.col_offset, near)
        if tree.keywords:
            raise self.fail(f"`{name}` takes its arguments by place, not by name", tree.col_offset)
        macro = name in words.functions and not (self.inside_macro and name in FUNCTION_NAMES)
        self.check_arity(name, tree, macro)
        if name == "prev" and not macro:
            return self.previous(tree.args[0], place)
        if macro and self.inside_macro:
            message = f"the macro `{name}` is called inside a macro; only built-in functions are"
            raise self.fail(message, tree.col_offset)
        arguments = tuple(self.node(argument) for argument in tree.args)
        if macro:
            return self.unfold(name, arguments[0], tree.col_offset)
        if name == "part":
            self.check_part(tree, arguments)
        return Call(name, arguments, place)

    def check_arity(self, name: str, tree: ast.Call, macro: bool) -> None:
        for argument in tree.args:
            if isinstance(argument, ast.Starred):
                raise self.fail(f"* before an argument {_NOT_IN_IT}", argument.col_offset)
        if name == "concat" and not macro:
            if len(tree.args) < 2:
                raise self.fail("`concat` takes two vectors or more", tree.col_offset)
            return
        arity = 1 if macro else _ARITY[name]
        if len(tree.args) != arity:
            message = f"`{name}` takes {arity} argument{'s' * (arity > 1)}, not {len(tree.args)}"
            raise self.fail(message, tree.col_offset)

    def previous(self, tree: ast.expr, place: Place) -> Previous:
        if not isinstance(tree, ast.Name):
            raise self.fail("`prev` takes a state, by name", tree.col_offset)
        if tree.id not in self.vocabulary.states:
            near = nearest(tree.id, self.vocabulary.states)
            raise self.fail(f"`prev` takes a state; `{tree.id}` is none", tree.col_offset, near)
        return Previous(tree.id, place)

    def check_part(self, tree: ast.Call, arguments: tuple[Expression, ...]) -> None:
        k, n = arguments[1], arguments[2]
        whole = isinstance(k, Number) and isinstance(n, Number) and k.value.is_integer() and n.value.is_integer()
        if not whole or not (isinstance(k, Number) and isinstance(n, Number) and 0 <= k.value < n.value):
            raise self.fail("`part(v, k, n)` takes whole numbers with 0 <= k < n", tree.args[1].col_offset)

    def unfold(self, name: str, argument: Expression, character: int) -> Expression:
        """Put the argument in the place of `a` in a macro's body; every part of it stands where it is called."""
        place = self.locate(character)
        inner = _Reader(self.vocabulary, lambda _: place, argument=argument, inside_macro=True, built=self.built)
        return inner.node(ast.parse(self.vocabulary.functions[name].strip(), mode="eval").body)


_REFUSED: dict[type[ast.AST], str] = {
    ast.BinOp: "this operator",
    ast.UnaryOp: "this sign",
    ast.Tuple: "a comma outside a call",
    ast.Starred: "* before a name",
    ast.GeneratorExp: "for",
}
