"""What if a name were another: every place of it is changed, what hangs on it is found; the grammar is the oracle."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits import counterfactual
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes.stories import MEN, WOMEN, Story, stories

OTHER = {"he": "she", "she": "he", "his": "her", "her": "his"}
OMAR = "Anna and Mei like music . their friend Omar enters . he likes chess . what does he like ? chess ."


def session(text: str, model: str = "story") -> Session:
    network = open_model(model)
    assert network.tokens is not None
    return Session.open(Source(network, [text_sequence(text, network.tokens)]))


def text(one: Session) -> str:
    return " ".join(one.frame.trace.sequence.tokens)


def told_of_one(count: int) -> Iterator[tuple[Story, str, str, str]]:
    """Yield stories that begin with one person, the name, that of somebody else, and the story told of them."""
    for story in stories(3 * count, 7_000_000):
        first, words = story.changes[0], list(story.words)
        end = story.changes[1] if len(story.changes) > 1 else len(words)
        if words[first + 1] != "likes":
            continue
        name = words[first]
        new = next(one for one in (WOMEN if name in MEN else MEN) if one not in words)
        told = [new if word == name else word for word in words]
        for check in story.checks:  # until there is another subject, and in the word before its friend
            if check.kind == "pronoun" and first < check.t <= end:
                told[check.t] = OTHER[told[check.t]]
        yield story, name, new, " ".join(told)


def test_a_story_is_retold_as_its_grammar_would_have_it() -> None:
    found = [*told_of_one(30)]
    assert len(found) > 20
    for story, name, new, told in found:
        one = session(story.text)
        answer(one, f"what-if {name} {new}")
        assert text(one) == story.text
        answer(one, "retell")
        assert text(one) == told


def test_one_line_tells_what_would_be_said() -> None:
    one = session(OMAR)
    said = answer(one, "what-if omar Sara")
    assert said[0].startswith(
        "“omar” → “Sara” at t=8; now predicted: “he” → “she” at t=11, 17; propagate puts it; in the end he"
    )
    assert said[1].startswith("t=11 “he”: 0.91 → 0.02, now “she” 0.83")
    assert text(one) == OMAR, "a question leaves nothing behind"
    assert not one.history.edits
    assert answer(one, "retell")[:2] == ("put: “omar” → “Sara” at t=8", "propagated: “he” → “she” at t=11, 17")
    assert text(one) == OMAR.replace("Omar", "Sara").replace(" he ", " she ")
    assert len(one.history.active) == 3
    answer(one, "undo 2")
    assert text(one) == OMAR.replace("Omar", "Sara")
    answer(one, "undo")
    assert text(one) == OMAR


def test_what_was_told_once_is_recalled_as_it_is_now() -> None:
    one = session("Ganesh likes AIML . he likes AIML . Ram likes tea . he likes tea .")
    answer(one, 'replace 2 "chess"')
    assert answer(one, "retell")[0] == "propagated: “AIML” → “chess” at t=6"
    assert answer(one, "retell")[0].startswith("nothing to propagate")
    one = session("Ganesh likes AIML . he likes AIML .")
    answer(one, "what-if AIML chess")
    assert answer(one, "retell") == ("put: “AIML” → “chess” at t=2, 6",)
    assert text(one) == "Ganesh likes chess . he likes chess ."
    assert answer(one, "retell")[0].startswith("nothing to propagate")


def test_a_verdict_is_told_too() -> None:
    one = session("The movie was not bad", "sentiment")
    with pytest.raises(UserError, match="no next token"):
        answer(one, "retell")
    assert answer(one, "what-if bad good")[0].endswith("propagate puts it; in the end positive 0.99 → negative 1.00")
    assert text(one) == "The movie was not bad"
    assert answer(one, "retell")[0] == "put: “bad” → “good” at t=4"
    assert text(one) == "The movie was not good"
    said = answer(session("red na ta which", "recall-lstm"), "what-if red blue")[0]
    assert re.search(r"in the end red 0\.\d\d → blue 0\.\d\d$", said)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("what-if", "takes two words"),
        ("what-if Omar", "takes two words"),
        ('what-if "Omar Sara', "takes two words"),
        ("what-if Omra Sara", "does not stand here; did you mean “Omar”?"),
        ('what-if Omar "two words"', "2 words here"),
        ("what-if Omar omar", "“Omar” is “omar” to this network"),
        ("what-if \x1b[2J Sara", "does not stand here"),
        ("propagate", "nothing was changed yet"),
        ("retell all", "takes nothing"),
    ],
)
def test_a_wrong_line_changes_nothing(line: str, error: str) -> None:
    one = session(OMAR)
    with pytest.raises(UserError, match=error.replace("?", r"\?")) as raised:
        answer(one, line)
    assert str(raised.value).isprintable()
    assert not one.history.edits


def test_no_question_is_asked_on_top_of_another() -> None:
    one, alone = session(OMAR), session(OMAR)
    answer(one, "goto 5")
    frame = one.frame
    first = answer(one, "what-if Omar Sara")
    second = answer(one, "what-if chess tea")
    assert one.frame is frame
    assert second == answer(alone, "what-if chess tea")
    assert answer(one, "what-if Omar Sara") == first
    answer(one, 'replace 3 "tea"')
    with_edit = answer(one, "what-if Omar Sara")
    assert with_edit[0].startswith("“Omar” → “Sara” at t=8")
    answer(one, "undo")
    assert answer(one, "edits")[0].endswith('replace 3 "tea"'), "the question of before the undo is not put"
    with pytest.raises(UserError, match="nothing was changed yet"):
        answer(one, "retell")


def test_words_of_the_text_and_then_of_the_vocabulary_complete_it() -> None:
    one = session(OMAR)
    assert completions(one, "what-if Om") == ("what-if Omar ",)
    assert "what-if Omar sara" in completions(one, "what-if Omar s")


def test_what_is_propagated_goes_from_the_second_token_on_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found doubtful at each time: the first behind the one that was put last."""
    found = iter([(1, 4), (1, 2, 4), (2, 1), ()])

    def doubted(*_: object) -> tuple[counterfactual.Doubted, ...]:
        return tuple(counterfactual.Doubted(t, "word", 0.9, 0.1, "she", 0.8) for t in next(found))

    monkeypatch.setattr(counterfactual, "doubted", doubted)
    one = session(OMAR)
    answer(one, "replace 0 Sara")
    assert [each.t for each in counterfactual.propagate(one)] == [1, 2]
    assert text(one).split()[:4] == ["Sara", "she", "she", "like"]
