r"""C's formats with the values behind them: `"f=%.3f %s\n", f[7], token`, for `printf` and `dprintf`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.expressions.series import Series

_FORMAT = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"\s*(?:,(?P<values>.*))?\Z', re.DOTALL)
_HOLE = re.compile(r"%(?:(?P<flags>[-+ 0]{0,3})(?P<width>[0-9]{0,3})(?:\.(?P<places>[0-9]{1,2}))?(?P<kind>[a-zA-Z])|%)")
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}


@dataclass(frozen=True)
class PrintfFormat:
    """A format of C and the expressions that fill it.

    Attributes:
        text: The format, without its quotes.
        values: An expression for each of its places.
    """

    text: str
    values: tuple[str, ...]

    def lines(self, read: Callable[[str], Series | str]) -> tuple[str, ...]:
        """Return the filled text, a line each.

        Args:
            read: Returns what an expression is, or what is said instead.
        """
        told = iter([_formatted(hole, read(text)) for hole, text in zip(_holes(self.text), self.values, strict=True)])
        return lines_of(_HOLE.sub(lambda hole: next(told) if hole["kind"] else "%", self.text))


def read_format(text: str) -> PrintfFormat | None:
    """Return the format that a text is; None where it is none in quotes.

    Raises:
        UserError: It has not as many places as values, or a place of another kind than numbers and texts.
    """
    match = _FORMAT.match(text)
    if match is None:
        return None
    stray = _HOLE.sub("", match["text"])
    if "%" in stray:
        shown = visible(stray[stray.index("%") :][:12])
        raise UserError(f"`{shown}` is no place for a value: a width has up to 3 digits, places 2; a % alone is %%")
    holes, values = _holes(match["text"]), tuple(_split_commas(match["values"] or ""))
    if wrong := next((one for one in holes if one["kind"] not in "digfeGEsu"), None):
        raise UserError(f"`{wrong[0]}` is no form of a number here: %g, %f, %e, %d or %s")
    if len(holes) != len(values):
        raise UserError(f"the format has {count_of(len(holes), 'place')} for values, and {len(values)} stand behind it")
    return PrintfFormat(match["text"], values)


def is_format(text: str) -> bool:
    """Say whether a text is one in quotes with values behind it, or with signs of % and no value in braces."""
    match = _FORMAT.match(text)
    if match is None:
        return False
    return match["values"] is not None or ("{" not in match["text"] and bool(_HOLE.search(match["text"])))


def lines_of(text: str) -> tuple[str, ...]:
    r"""Return a text with its escapes read, such as \n, a line each."""
    filled = re.sub(r'\\[nt"\\]', lambda found: _ESCAPES[found[0]], text)
    return tuple(visible(line) for line in filled.removesuffix("\n").split("\n"))


def _holes(text: str) -> list[re.Match[str]]:
    return [one for one in _HOLE.finditer(text) if one["kind"]]


def _split_commas(text: str) -> Iterator[str]:
    """Yield what stands between commas outside brackets and quotes."""
    depth, begin, quote = 0, 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "," and not depth:
            yield text[begin:place].strip()
            begin = place + 1
        else:
            depth += (sign in "([") - (sign in ")]")
    if text[begin:].strip():
        yield text[begin:].strip()


def _formatted(hole: re.Match[str], value: Series | str) -> str:
    """Return one value as its place in the format wants it."""
    from lstm_tui.debugger.expressions.series import there, value_text

    kind, width = hole["kind"], int(hole["width"] or 0)
    if isinstance(value, str) or kind == "s" or value.kind != "number" or value.size != 1 or not there(value):
        told = value if isinstance(value, str) else _in_text(value) if there(value) else value_text(value)
        return told.ljust(width) if "-" in (hole["flags"] or "") else told.rjust(width)
    number = float(value.values[0, 0])
    if kind in "diu" and number == number and abs(number) != float("inf"):
        return f"%{hole['flags']}{hole['width']}d" % int(number)
    places = "" if hole["places"] is None else f".{hole['places']}"
    return f"%{hole['flags']}{hole['width']}{places}{'g' if kind in 'diu' else kind}" % number


def _in_text(value: Series) -> str:
    """Return a value inside a text: a token without its quotes."""
    from lstm_tui.debugger.expressions.series import value_text

    return visible(str(value.values[0, 0])) if value.kind == "text" else value_text(value)
