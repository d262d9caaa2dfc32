"""Every expression of tests, lessons, manual and help, and the odd ones, answered as before one parser read them all.

`python tests/debugger/test_expression_corpus.py` writes the answers anew: look at `git diff` before you keep them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import pytest
from edited_networks import sentence, stacked

from lstm_tui.debugger.expressions import ExpressionError, Scope, evaluate, parse, series
from lstm_tui.debugger.expressions.dependencies import equation_waited_for
from lstm_tui.engine.runtime.run import run

CORPUS = Path(__file__).with_name("expressions.json")
EXPECTED: dict[str, list[str]] = json.loads(CORPUS.read_text("utf-8"))
NETWORK = stacked("lstm")
TRACE = run(NETWORK, sentence(NETWORK, "The movie was not bad , not bad good"))
PASSES = ("layer0.backward", "layer0.forward")
PLACE = 3


def answer(text: str, pass_name: str) -> str:
    """Return what an expression is at one place of a pass, and the equation it waits for; or why it is refused."""
    scope = Scope(TRACE, pass_name)
    try:
        expression = parse(text)
        found = evaluate(expression, scope, 0, len(TRACE.sequence))
        return f"{' '.join(series.lines(found, PLACE))} @ {equation_waited_for(expression, scope)}"
    except ExpressionError as error:
        return str(error)


@pytest.mark.parametrize("text", EXPECTED, ids=range(len(EXPECTED)))
def test_an_expression_is_answered_or_refused_as_before(text: str) -> None:
    assert [answer(text, one) for one in PASSES] == EXPECTED[text]


if __name__ == "__main__":
    ANEW = {text: [answer(text, one) for one in PASSES] for text in EXPECTED}
    CORPUS.write_text(json.dumps(ANEW, indent=0, ensure_ascii=True) + "\n", "utf-8")
