"""A readout: what the network says, as equations of the same language over a whole series of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import field
from functools import cache
from pathlib import Path

from lstm_tui.engine.compiler.builder import Builder, length
from lstm_tui.engine.compiler.compile import place
from lstm_tui.engine.compiler.ops import STEPS_OPS
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UsageError, nearest
from lstm_tui.engine.language.cell_fields import Size, read_sizes
from lstm_tui.engine.language.equations import Equation, Vocabulary, check_assigned_name, parse_equations
from lstm_tui.engine.language.expression import Call, Expression, Name, inside
from lstm_tui.engine.language.toml import TomlPage, parse_page, read_text
from lstm_tui.engine.text_safety import visible

_FOLDER = Path(__file__).parent.parent / "readouts"
_KEYS = ("name", "title", "source", "each", "whole", "reads", "result", "classes", "sizes")
_READS = re.compile(r"embedding\Z|(top|layer\d{1,3})\.(?:(forward|backward)\.)?(\w+)\Z")


@dataclass(frozen=True)
class ReadoutPage:
    """The equations of a readout.

    Attributes:
        name: Its name; the stem of its file.
        title: One line for people.
        each: Equations taken at every token.
        whole: Equations taken once, over all tokens.
        reads: Names and what of the network they stand for; `h`, the top merge, is always there.
        sizes: Length of its values; K is the number of classes, H the length of h.
        result: The value that is the network's output.
        text: The file itself.
        file: Name of the file, for messages.
    """

    name: str
    title: str
    each: tuple[Equation, ...]
    whole: tuple[Equation, ...]
    reads: Mapping[str, str]
    sizes: Mapping[str, Size]
    result: str
    text: str = field(default="", repr=False)
    file: str = "readout"

    def __repr__(self) -> str:
        """Say in one line which it is."""
        names = ", ".join(one.name for one in self.equations)
        return f"<ReadoutPage {visible(self.name)}: {visible(self.title)}; {visible(names)}>"

    @property
    def equations(self) -> tuple[Equation, ...]:
        """All equations in the order in which they are taken."""
        return self.each + self.whole

    @property
    def per_token(self) -> bool:
        """Whether the result is there at every token."""
        return any(equation.name == self.result for equation in self.each)

    @property
    def series(self) -> tuple[str, ...]:
        """Values that are there at every token: an edit can hold them at some."""
        found = {"h", *self.reads}
        for equation in self.equations:
            if _is_series(equation.expression, found):
                found.add(equation.name)
        return tuple(equation.name for equation in self.equations if equation.name in found)


def _is_series(node: Expression, known: Set[str]) -> bool:
    if isinstance(node, Call) and node.function in STEPS_OPS:
        return STEPS_OPS[node.function].keeps_series
    if isinstance(node, Name):
        return node.name in known
    return any(_is_series(part, known) for part in inside(node))


def readout_names() -> tuple[str, ...]:
    """Return the names of the readouts that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def _bundled(name: str) -> ReadoutPage:
    return parse_readout(read_text(_FOLDER / f"{name}.toml"), name, source=f"{name}.toml")


@door("a readout")
def load_readout(name_or_path: str | Path) -> ReadoutPage:
    """Return a readout by its bundled name, or from a file.

    Raises:
        UsageError: If there is none of that name.
        LanguageError: If the file is malformed, with line and column.
    """
    text = str(name_or_path)
    if "/" not in text and not text.endswith(".toml"):
        if text in readout_names():
            return _bundled(text)
        near = nearest(text, readout_names())
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(readout_names())}"
        raise UsageError(f"there is no readout {visible(text)}{hint}")
    path = Path(name_or_path)
    return parse_readout(read_text(path), path.stem, source=path.name)


def parse_readout(text: str, name: str, source: str = "readout") -> ReadoutPage:
    """Read a readout from the text of its file.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    page = parse_page(text, source)
    page.allow(_KEYS)
    reads = _reads(page)
    words = Vocabulary(page.source, given=frozenset({"h", *reads}))
    each = parse_equations(page.string("each", ""), words, page.locate("each"))
    words.steps_ops = True
    whole = parse_equations(page.string("whole", ""), words, page.locate("whole"))
    values = {equation.name for equation in each + whole}
    if not values:
        raise page.fail("a readout has equations in `each` or in `whole`")
    result = page.string("result")
    if result not in values:
        message = f"`result` names no value: `{result}`"
        raise page.fail(message, "result", value=True, suggestion=nearest(result, values))
    return ReadoutPage(
        name=page.string("name", name),
        title=page.string("title"),
        each=each,
        whole=whole,
        reads=reads,
        sizes=read_sizes(page, values, {"h", *reads, *values}),
        result=result,
        text=page.text,
        file=page.source,
    )


def _reads(page: TomlPage) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, source in page.table("reads").items():
        check_assigned_name(name, Vocabulary(page.source, given=frozenset({"h"})), *page.place_of("reads", name))
        if not isinstance(source, str) or not _READS.match(source):
            message = f'`reads.{name}` must be such as "embedding", "layer0.h" or "top.forward.h"'
            raise page.fail(message, "reads", name, value=True)
        result[name] = source
    return result


def compile_readout(
    page: ReadoutPage, input_sizes: Mapping[str, int], classes: int, held: Iterable[str] = ()
) -> Program:
    """Compile a readout; a value without a written size has that of its expression, else that of `h`.

    Args:
        page: Its equations.
        input_sizes: Length of `h` and of everything it reads.
        classes: Number of outputs, K.
        held: Series that an edit may hold; each gets two more inputs, see `holds.inputs_of`.

    Raises:
        UserError: If sizes do not fit.
    """
    hidden, kept = input_sizes["h"], frozenset(held)
    letters = {"K": classes, "H": hidden}
    builder = Builder(page.file, hidden)
    for name, size in input_sizes.items():
        builder.add_input(name, size)
    known = dict(input_sizes)
    for number, equation in enumerate(page.equations):
        written = page.sizes.get(equation.name)
        where = f"readout {page.name}: sizes.{equation.name}"
        if written is None:
            known[equation.name] = builder.sizes.natural(equation.expression) or hidden
        else:
            known[equation.name] = length(written, letters, known, where)
        builder.add_equation(equation, number, known[equation.name])
        if equation.name in kept:
            builder.hold(equation, number)
    return place(builder, None, page.equations, hidden)
