"""Text to what a breakpoint waits for.

12, tok[12]     the token at place 12           "not"     every such token
c               after every equation of c       nan       a NaN or ∞ that was not there before
class           another predicted class         mean(f) < .1
change c[17] by .3      and any of them with `if mean(f) < .1` behind it, or `, mean(f) < .1` as in pdb
"""

from __future__ import annotations

from lstm_tui.debugger.breakpoints.conditions import After, Birth, Change, Condition, Guarded, Trigger
from lstm_tui.debugger.expressions import Expression, ExpressionError, Scope, condition, evaluate, parse
from lstm_tui.debugger.expressions.calls import token_place
from lstm_tui.debugger.expressions.parser import NameNode, NumberNode, TextNode, words_of
from lstm_tui.debugger.expressions.scope import TOKENS, Moment, NoSuchName
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

_CLASS = "argmax(output) != argmax(output[t-1])"
_CLASS_WORDS = ("class", "prediction")
_NAN_WORDS = ("nan", "inf", "NaN")
_NOWHERE = Moment(0, 1)  # any step tells whether a name means something


def read_trigger(text: str, scope: Scope) -> Trigger:
    """Read what a breakpoint waits for.

    Raises:
        UserError: It means nothing in this run.
    """
    text = text.strip()
    if not text:
        raise UserError('stop where? such as: break "not", break 12, break c, break mean(f) < .1')
    if text in _CLASS_WORDS:
        return Condition(_CLASS, condition(_CLASS, scope))
    if text in _NAN_WORDS:
        return Birth("nan")
    first, _, rest = text.partition(" ")
    if first in ("change", "watch") and rest.strip():
        return read_change(rest, scope)
    where, when = split_at(text, "if")
    if when is None:
        where, when = _split_at_comma(text)
    if when is None:
        return read_change(text, scope) if split_at(text, "by")[1] is not None else _plain(where, scope)
    if not when:
        raise ExpressionError("a condition is missing here", text, len(text))
    held = condition(when, scope)
    if not where:
        return Condition(when, held)
    return guarded(read_trigger(where, scope), when, scope)


def guarded(trigger: Trigger, text: str, scope: Scope) -> Trigger:
    """Return what is waited for where a condition holds; without a condition for an empty text.

    Raises:
        UserError: The condition means nothing in this run.
    """
    bare = trigger.of if isinstance(trigger, Guarded) else trigger
    return Guarded(f"{bare.text} if {text}", bare, condition(text, scope)) if text else bare


def read_change(text: str, scope: Scope) -> Trigger:
    """Read a watch: an expression, behind `by` how far it has to move, behind `if` where alone.

    Raises:
        UserError: It means nothing in this run.
    """
    text, when = split_at(text.strip(), "if")
    if when is not None:
        if not when:
            raise UserError("watch it if what? such as: watch c[17] by .3 if t > 2")
        return guarded(read_change(text, scope), when, scope)
    what, by = split_at(text, "by")
    if not what:
        raise UserError("watch what? such as: watch c[17] by .3")
    expression = parse(what)
    value = evaluate(expression, scope, 0, min(scope.steps, 2))
    if scope.steps > 1 and value.is_constant:
        shown = visible(what)
        raise UserError(f"{shown} is the same at every step and never moves: `print {shown}` tells it once")
    if by is None:
        return Change(what, expression)
    far = parse(by).node if by else None
    if not isinstance(far, NumberNode):
        raise ExpressionError("behind `by` stands a number, such as .3", text, len(text) - len(by))
    if value.kind != "number":
        raise ExpressionError("only a number moves by so much: leave `by` out", text, len(what))
    return Change(text, expression, far.value)


def _plain(text: str, scope: Scope) -> Trigger:
    """Read a place, a token, an equation, or a condition."""
    name = visible(text)
    if _is_word_of_tape(text, scope):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    expression = parse(text)
    node = expression.node
    if isinstance(node, NumberNode):
        if not node.value.is_integer() or node.value >= scope.steps:
            raise UserError(f"there is no place {name} on this tape: it has {scope.steps} tokens, from 0")
        return _condition(f"t == {int(node.value)}", scope)
    if isinstance(node, TextNode):
        return _condition(f"token == {text}", scope)
    number = None if scope.is_known(TOKENS) else token_place(node)
    if number is not None:
        try:
            return _condition(f"t == {scope.place_numbered(number)}", scope)
        except NoSuchName as error:
            raise ExpressionError(error.said, text, node.start) from None
    if isinstance(node, NameNode):
        return _after(expression, scope)
    return Condition(text, condition(text, scope))


def _condition(text: str, scope: Scope) -> Condition:
    return Condition(text, condition(text, scope))


def _after(expression: Expression, scope: Scope) -> After:
    assert isinstance(expression.node, NameNode)
    name = expression.node.name
    try:
        passed, value = scope.owner(name)
        if value in passed.cell.values:
            return After(name, passed.name, value)
        scope.read(name, _NOWHERE)
    except NoSuchName as error:
        raise ExpressionError(error.said, expression.text, expression.node.start, error.near) from None
    raise ExpressionError(f"{name} has no equation: compare it, or watch it", expression.text, expression.node.start)


def _is_word_of_tape(text: str, scope: Scope) -> bool:
    """Say whether a text without quotes is a token of the tape and not the name of a value."""
    if not text or text[0] in "\"'" or text.isdigit():
        return False
    try:
        scope.read(text, _NOWHERE)
    except NoSuchName:
        return bool((scope.tokens == scope.as_read(text)).any())
    return False


def _split_at_comma(text: str) -> tuple[str, str | None]:
    """Return a place and its condition as pdb writes them, `5, mean(f) > .5`; None behind it where it is not so."""
    depth = 0
    try:
        for one in words_of(text):
            if one.kind == "sign":
                depth += (one.text in "([") - (one.text in ")]")
                where, when = text[: one.start].strip(), text[one.end :].strip()
                if one.text == "," and not depth and where and when:
                    return where, when
    except ExpressionError:
        return text, None
    return text, None


def split_at(text: str, word: str) -> tuple[str, str | None]:
    """Return what stands before and behind a word outside quotes; None where it does not occur."""
    try:
        found = [one for one in words_of(text) if one.kind == "name" and one.text == word]
    except ExpressionError:
        return text, None
    if not found:
        return text, None
    return text[: found[0].start].strip(), text[found[0].end :].strip()
