"""Which name was meant by one that is not there: held against every way to edit a word, and tried on our own words."""

import random
import re
import string
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import lstm_tui
from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.spelling import LONGEST, alike, slips

_MANUAL = Path(lstm_tui.__file__).parent / "manual"
_REGISTRIES: dict[str, Callable[[], Iterator[str]]] = {
    "verbs": lambda: iter(VERBS.words),
    "commands": lambda: iter(command_names()),
    "functions": lambda: iter(FUNCTIONS),
    "public names": lambda: iter(lstm_tui.__all__),
}


@cache
def _by_definition(one: str, other: str) -> int:
    """Return the least number of slips, by trying each kind at the last letter."""
    if not one or not other:
        return len(one) + len(other)
    found = [
        _by_definition(one[:-1], other) + 1,
        _by_definition(one, other[:-1]) + 1,
        _by_definition(one[:-1], other[:-1]) + (one[-1] != other[-1]),
    ]
    if len(one) > 1 and len(other) > 1 and one[-2:] == other[:-3:-1]:
        found.append(_by_definition(one[:-2], other[:-2]) + 1)
    return min(found)


def _slipped(word: str, rng: random.Random) -> str:
    kind, at, letter = rng.randrange(4), rng.randrange(len(word)), rng.choice(string.ascii_lowercase)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + letter + word[at:]
    if kind == 2:
        return word[:at] + letter + word[at + 1 :]
    at = rng.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


@pytest.mark.parametrize("seed", range(3))
def test_slips_are_the_fewest_that_lead_from_one_word_to_the_other(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(300):
        one, other = ("".join(rng.choices("abc", k=rng.randrange(6))) for _ in range(2))
        assert slips(one, other) == _by_definition(one, other) == slips(other, one), (one, other)


@pytest.mark.long
@pytest.mark.parametrize("registry", _REGISTRIES)
def test_a_word_with_one_slip_is_known_again(registry: str) -> None:
    known, rng = sorted(_REGISTRIES[registry]()), random.Random(1)
    tried = [(word, _slipped(word, rng)) for word in known if len(word) > 2 for _ in range(3)]
    tried = [(word, typed) for word, typed in tried if typed not in known]
    right = sum(word in alike(typed, known, 3) for word, typed in tried)
    assert len(tried) > 15
    assert right >= 0.95 * len(tried), f"{right} of {len(tried)}"


@pytest.mark.long
@pytest.mark.parametrize("registry", _REGISTRIES)
def test_a_word_of_another_kind_is_seldom_taken_for_one(registry: str) -> None:
    known = sorted(_REGISTRIES[registry]())
    text = " ".join(page.read_text(encoding="utf-8") for page in sorted(_MANUAL.glob("*.md")))
    words = sorted({word.lower() for word in re.findall(r"\b[A-Za-z]{2,14}\b", text)} - {one.lower() for one in known})
    tried = random.Random(0).sample(words, 500)
    named = [word for word in tried if nearest(word, known)]
    assert len(named) < 0.22 * len(tried), f"{len(named)}, such as {named[:20]}"


@pytest.mark.parametrize("typed", ["struct", "pretty", "nosense", "ledger", "foo"])
def test_what_is_like_no_value_is_taken_for_none(typed: str) -> None:
    session = lstm_tui.session("The movie was not bad", "sentiment")
    with pytest.raises(lstm_tui.UserError) as caught:
        session.execute(f"print {typed}")
    assert typed in str(caught.value)
    assert "did you mean" not in str(caught.value)


def test_what_is_alike_by_its_beginning_and_by_its_capitals() -> None:
    known = ["gradient", "step", "Weights", "f", "c"]
    assert nearest("grad", known) == "gradient"
    assert nearest("steps", known) == nearest("stepping", known) == "step"
    assert nearest("weights", known) == "Weights"
    assert nearest("F", known) == "f"
    assert nearest("ff", known) == "f", "one letter too many"
    assert nearest("fx", ["xf", "gh"]) is None, "of two letters none may be wrong"
    assert alike("rnn.l3", ["rnn.l0", "rnn.l2", "rnn.l1"], 2) == ("rnn.l2", "rnn.l1")
    assert nearest("", known) is nearest("x" * (LONGEST + 1), ["x" * LONGEST]) is None


@pytest.mark.parametrize("stem", ["abcdefgh", "abcdefghijkl"])
def test_the_beginning_of_a_word_is_known_again_in_it_up_to_half_of_it(stem: str) -> None:
    for more in range(1, 2 * len(stem)):
        assert (stem in alike(stem + "z" * more, [stem], 1)) == (more <= len(stem)), more
