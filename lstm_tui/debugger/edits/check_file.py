"""Files of checks: an assertion a line, of every line of the file that is open, or behind a text in quotes, of that.

    # who is spoken of is kept until the verb
    share("ganesh", at="likes") > .2
    "anna enters . she likes tea .": share("anna", at="likes") > .2

`#` begins a comment line. `lstm-tui check` asserts them, and `fix` finds what makes one that fails hold.
"""

from __future__ import annotations

import re
from pathlib import Path

from lstm_tui.debugger.expressions import ExpressionError, parse
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.text_input import read_script

MOST_CHECKS = 200
_OF_TEXT = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")\s*:\s*(?P<asserted>.*)\Z')


@dataclass(frozen=True)
class CheckLine:
    """One check of a file.

    Attributes:
        line: Its line in the file, from 1.
        asserted: What holds.
        text: Of which text; None for every line of what is open.
    """

    line: int
    asserted: str
    text: str | None = None


@door("a file of checks")
def read_checks(path: str | Path) -> tuple[CheckLine, ...]:
    """Read the checks of a file.

    Raises:
        UserError: It cannot be read, holds none or too many, or with the line of the first mistake.
    """
    given = read_script(path)
    found = []
    for number, line in enumerate(given.content.splitlines(), start=1):
        asserted, text = line.strip(), None
        if not asserted or asserted.startswith("#"):
            continue
        if named := _OF_TEXT.match(asserted):
            asserted, text = named["asserted"].strip(), unquoted(named["text"])
        try:
            if not asserted or (named and not (text or "").strip()):
                raise UserError('what holds of which text? such as: "he likes tea .": share("he") > .1')
            parse(asserted)
        except ExpressionError as error:
            raise UserError(f"{given.where}:{number}: {error}: {visible(asserted[:80])}") from error
        except UserError as error:
            raise UserError(f"{given.where}:{number}: {error}") from error
        found.append(CheckLine(number, asserted, text))
    if not found:
        raise UserError(f'{given.where}: holds no check; a line is one, such as: share("not", at="bad") > .4')
    if len(found) > MOST_CHECKS:
        raise UserError(f"{given.where}: holds {len(found)} checks; {MOST_CHECKS} is the most")
    return tuple(found)
