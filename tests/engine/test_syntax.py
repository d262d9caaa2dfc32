"""The one parser against Python's own, on all that both can read; escapes against Python's; hostile text is bounded."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.debugger.expressions.parser import MAX_TEXT, QUESTION
from lstm_tui.engine.language.equations import EQUATION
from lstm_tui.engine.language.syntax import (
    CallNode,
    IndexNode,
    Inverse,
    NameNode,
    Node,
    NumberNode,
    Operation,
    RangeNode,
    TextNode,
    parse_syntax,
)
from lstm_tui.engine.language.words import Mistake, Notation, unquoted, words_of

NOTATIONS = [EQUATION, QUESTION]


def read(text: str, notation: Notation) -> Node | Mistake:
    """Return the tree of a text, or what is wrong in it."""
    try:
        return parse_syntax(text, notation)
    except Mistake as error:
        return error


ARITHMETIC = ["+", "-", "*", "/", "@"]
JOINED = [*ARITHMETIC, "**", "<", "<=", ">", ">=", "==", "!=", "and", "or"]


@st.composite
def written(draw: st.DrawFn, operators: list[str], depth: int = 4) -> str:
    """Draw an expression as text, with as many brackets as happen to stand there."""
    question = "and" in operators
    kind = draw(st.integers(0, 7 if question else 5)) if depth else 0
    blank = draw(st.sampled_from(["", " ", "  "]))
    if kind == 0:
        leaves = ["f", "c_1", "x", "0", "12", ".5", "3.", "1e-3"]
        return draw(st.sampled_from([*leaves, '"not"', "'a\"b'", "layer1.backward.f"] if question else leaves))
    one = draw(written(operators, depth - 1))
    if kind <= 2:
        sign = draw(st.sampled_from(operators))
        space = blank or (" " if sign.isalpha() else "")
        return f"{one}{space}{sign}{space}{draw(written(operators, depth - 1))}"
    if kind == 3:
        return f"-{blank}{one}"
    if kind == 4:
        return f"({blank}{one}{blank})"
    if kind == 5:
        return (
            f"max({', '.join([one, *draw(st.lists(written(operators, depth - 2 if depth > 1 else 0), max_size=2))])})"
        )
    if kind == 6:
        return f"not {one}"
    index = draw(
        st.sampled_from(
            ["0", "17", "t", "t-1", "t + 2", ":", "1:", ":2", "3:5", "-1", "::2", "1::-1", "-3:-1:1", '"good"']
        )
    )
    return f"({one}){blank}[{index}]"


Shape = tuple[object, ...]
_SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.Lt: "<",
    ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "and", ast.Or: "or",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not",
}  # fmt: skip


def of_python(tree: ast.AST, text: str) -> Shape:
    """Return what Python reads, chains of comparisons and of `and` two at a time."""
    if isinstance(tree, ast.Constant):
        assert isinstance(tree.value, str | int | float)
        return ("constant", tree.value if isinstance(tree.value, str) else float(tree.value))
    if isinstance(tree, ast.Name | ast.Attribute):
        return ("name", ast.unparse(tree))
    if isinstance(tree, ast.UnaryOp):
        return (_SIGNS[type(tree.op)], of_python(tree.operand, text))
    if isinstance(tree, ast.BinOp):
        return (_SIGNS[type(tree.op)], of_python(tree.left, text), of_python(tree.right, text))
    if isinstance(tree, ast.BoolOp):
        return joined(_SIGNS[type(tree.op)], [of_python(one, text) for one in tree.values])
    if isinstance(tree, ast.Compare):
        sides = [of_python(one, text) for one in (tree.left, *tree.comparators)]
        signs = [_SIGNS[type(one)] for one in tree.ops]
        return joined("and", [(sign, *pair) for sign, *pair in zip(signs, sides, sides[1:], strict=False)])
    if isinstance(tree, ast.Call):
        return ("call", ast.unparse(tree.func), *[of_python(one, text) for one in tree.args])
    if isinstance(tree, ast.Slice):
        return ("range", *[one and of_python(one, text) for one in (tree.lower, tree.upper, tree.step)])
    assert isinstance(tree, ast.Subscript)
    return ("index", of_python(tree.value, text), of_python(tree.slice, text))


def joined(sign: str, parts: list[Shape]) -> Shape:
    """Return parts joined two at a time, from the left."""
    whole = parts[0]
    for part in parts[1:]:
        whole = (sign, whole, part)
    return whole


def of_ours(node: Node) -> Shape:
    if isinstance(node, NumberNode | TextNode):
        return ("constant", node.value)
    if isinstance(node, NameNode):
        return ("name", node.name)
    if isinstance(node, Inverse):
        return (node.sign, of_ours(node.of))
    if isinstance(node, Operation):
        return (node.sign, of_ours(node.left), of_ours(node.right))
    if isinstance(node, CallNode):
        return ("call", node.function, *[of_ours(one) for one in node.arguments])
    if isinstance(node, RangeNode):
        return ("range", *[one and of_ours(one) for one in (node.first, node.stop, node.step)])
    assert isinstance(node, IndexNode)
    return ("index", of_ours(node.of), of_ours(node.index))


def as_python_reads(text: str) -> ast.expr | None:
    """Return Python's tree; None where Python refuses the text, or warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return ast.parse(text, mode="eval").body
        except SyntaxError:
            return None


@pytest.mark.slow
@settings(max_examples=600)
@given(st.one_of(written(ARITHMETIC).map(lambda t: (t, EQUATION)), written(JOINED).map(lambda t: (t, QUESTION))))
def test_signs_bind_as_python_s_do_and_every_part_knows_where_it_stands(drawn: tuple[str, Notation]) -> None:
    text, notation = drawn
    python, tree = as_python_reads(text), read(text, notation)
    if isinstance(tree, Mistake):
        assert python is None or tree.said.startswith(("nested", "an expression of", "more than")), (text, tree.said)
        return
    if python is None:  # `f == not c`, which means one thing only
        assert "not" in text
        return
    assert of_ours(tree) == of_python(python, text), text
    assert (tree.start, tree.end) == (python.col_offset, python.end_col_offset), text


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["f", "c[0]", "1", "-", "+", "*", "/", "@", "**", "(", ")", "max", ",", "[", "]", "<",
                                  "==", ":"]), max_size=9).map(" ".join))  # fmt: skip
def test_what_one_refuses_the_other_refuses(text: str) -> None:
    python, tree = as_python_reads(text), read(text, QUESTION)
    if isinstance(tree, Mistake):
        forms = ast.Tuple | ast.List | ast.Starred  # forms of Python that no expression has
        called = python is not None and any(
            isinstance(one, forms) or (isinstance(one, ast.Call) and not isinstance(one.func, ast.Name))
            for one in ast.walk(python)
        )
        assert python is None or called, (text, tree.said)
    else:
        assert python is not None, text
        assert of_ours(tree) == of_python(python, text), text


DEEPEST: list[Callable[[int], str]] = [
    lambda n: "(" * n + "1" + ")" * n,
    lambda n: "max(" * n + "1" + ")" * n,
    lambda n: "-" * n + "1",
    lambda n: "not " * n + "f",
    lambda n: "2" + "**2" * n,
    lambda n: "1" + "+1" * n,
    lambda n: "f" + "*(f" * n + ")" * n,
    lambda n: "0" + "<1" * n,
    lambda n: "f" + "[t]" * n,
    lambda n: "1 or 1 and not 1 < 1 + 1 * -(" * n + "1" + ")" * n,
    lambda n: "f[" * n + "1" + "]" * n,
]


@pytest.mark.parametrize("form", DEEPEST, ids=lambda form: form(1))
@pytest.mark.parametrize("notation", NOTATIONS, ids=lambda one: one.noun)
@pytest.mark.parametrize("n", [31, 32, 33, 200, 256, 257, 5_000])
def test_no_text_is_too_deep_for_a_stack_half_full(form: Callable[[int], str], notation: Notation, n: int) -> None:
    def deeper(frames: int) -> None:
        if frames:
            deeper(frames - 1)
            return
        tree = read(form(n), notation)
        assert isinstance(tree, Node) or 0 < len(tree.said) < 200

    deeper(sys.getrecursionlimit() // 2 - 100)


@pytest.mark.long
@settings(max_examples=400)
@given(st.one_of(st.text(max_size=80), st.text(alphabet="fct[]()0:1+-*<>=!.\"'@ notadrpev,\\#\n\0é", max_size=60)))
def test_any_text_is_a_tree_or_one_mistake_in_it(text: str) -> None:
    for notation in NOTATIONS:
        tree = read(text, notation)
        assert 0 <= tree.start <= len(text)
        assert isinstance(tree, Mistake) or tree.start < tree.end <= len(text)


def test_a_line_too_long_is_refused_before_it_is_read() -> None:
    for notation in NOTATIONS:
        with pytest.raises(Mistake, match="is the most"):
            parse_syntax("f" * (notation.longest + 1), notation)


HELD = st.text(alphabet="\\'\"anxuUN{}018fgBULET \né\0😀", max_size=12)


@settings(max_examples=500)
@given(HELD, st.sampled_from("'\""))
def test_escapes_are_python_s_and_what_means_nothing_there_is_refused(held: str, quote: str) -> None:
    text = f"{quote}{held}{quote}"
    try:
        (word, _) = words_of(text, Notation("a text", 100, lambda word, depth: None))
    except (Mistake, ValueError):
        return  # more than one word, or an escape that means nothing
    if word.kind != "text" or "\n" in held or "\0" in held:
        return  # Python has no line ends and no NUL in quotes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert word.text == ast.literal_eval(text)


@settings(max_examples=300)
@given(HELD)
def test_an_escape_is_refused_only_where_python_refuses_it(held: str) -> None:
    text = '"' + held.replace("\n", "").replace("\0", "").replace('"', "") + '"'
    assume("\\é" not in text and "\\😀" not in text)  # which Python lets pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            expected = ast.literal_eval(text)
        except SyntaxError:
            expected = None
    if not text.endswith('\\"'):
        assert unquoted(text) == expected


@given(st.text(min_size=1, max_size=200))
def test_a_token_in_quotes_is_that_token(token: str) -> None:
    assert unquoted(in_quotes(token)) == token
    assert words_of(in_quotes(token), Notation("a text", 10 * MAX_TEXT, lambda word, depth: None))[0].text == token
