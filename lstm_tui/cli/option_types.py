"""What the values of options may be; each returns a function for `type=` of argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from lstm_tui.engine.number_text import axis_end

LARGEST_HIDDEN = 16_384


def natural(least: int, most: int = 10**9) -> Callable[[str], int]:
    """Return the reader of a whole number."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def real(least: float, most: float, above: bool = False) -> Callable[[str], float]:
    """Return the reader of a number; `above` refuses the least itself."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most or (above and number == least):
            reach = f"{'above' if above else 'from'} {axis_end(least)} {'and up ' * above}to {axis_end(most)}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {reach}")
        return number

    return read


def size(text: str) -> tuple[str, int]:
    """Read a free size of a cell, such as `P=32`."""
    letter, _, number = text.partition("=")
    if not (len(letter) == 1 and letter.isascii() and letter.isupper()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write a capital letter and a number, such as P=32")
    return letter, natural(1, LARGEST_HIDDEN)(number)


def screen(parser: argparse.ArgumentParser) -> None:
    """Add the options of the screen."""
    parser.add_argument("--light", action="store_true", help="begin with the light theme")


def names(text: str) -> list[str]:
    """Read a list of names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names, such as rnn,lstm,gru")
    return found


def setting(text: str) -> tuple[str, str]:
    """Return a decision about a network's file, `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as layer0.gate_order=zrn")
    return key, value


def padding(text: str) -> tuple[str, int]:
    """Return where a text is filled up, and to how many tokens: `pre:100`."""
    where, _, count = text.partition(":")
    if where not in ("pre", "post"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a padding: write pre:100 or post:100")
    return where, natural(1, 1_000_000)(count)
