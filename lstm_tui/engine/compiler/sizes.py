"""How long every part of an equation is: read off what is known, or taken from what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lstm_tui.engine.compiler.ops import OPS, STEPS_OPS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell_fields import Size
from lstm_tui.engine.language.expression import Expression, Name, Number, Previous, Product, walk


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
    return size.factor * letters[size.letter]


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
    """

    hidden: int
    values: dict[str, int] = field(default_factory=dict)
    vectors: dict[str, int] = field(default_factory=dict)
    matrices: dict[str, tuple[int, int]] = field(default_factory=dict)

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
        sizes = [self.natural(argument) for argument in node.arguments]
        if node.function == "concat":
            return None if None in sizes else sum(size or 0 for size in sizes)
        if OPS[node.function].single:
            return 1
        known = [size for size in sizes if size is not None]
        if any(size > 1 for size in known):
            return max(known)
        return None if None in sizes else 1

    def fallback(self, node: Expression) -> int:
        """Return the size of the first value named in an expression, else H."""
        for part in walk(node):
            if isinstance(part, Name | Previous) and part.name in self.values:
                return self.values[part.name]
        return self.hidden
