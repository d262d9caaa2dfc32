"""The stories keep the rules that their first page promises."""

from __future__ import annotations

import pytest

from lstm_tui.models.recipes.stories import (
    FOODS,
    KINDS,
    MEN,
    OWNERS,
    PRONOUNS,
    SINGULAR,
    TOPICS,
    VERBS,
    WOMEN,
    Story,
    stories,
    vocabulary,
)

TOLD = stories(300, 7)
NAMES = MEN + WOMEN


def test_the_same_seed_tells_the_same_stories() -> None:
    assert stories(50, 3) == stories(50, 3)
    assert stories(50, 3) != stories(50, 4)


def test_no_story_is_told_twice_or_against_a_wish() -> None:
    avoided = frozenset(story.text for story in TOLD[:100])
    again = stories(300, 7, avoided)
    assert len({story.text for story in again}) == 300
    assert not avoided & {story.text for story in again}


def test_every_word_is_in_the_vocabulary() -> None:
    assert {word for story in TOLD for word in story.words} <= set(vocabulary())


@pytest.mark.parametrize("story", TOLD[:60], ids=lambda story: story.text[:40])
def test_verbs_agree_and_pronouns_mean_the_subject(story: Story) -> None:
    subject, known, thing = "", "", ""
    changes, stays, checked = [], [], {check.t: check for check in story.checks}
    for t, sentence in _sentences(story):
        first, names = sentence[0], [word for word in sentence if word in NAMES]
        things = [word for word in sentence if word in TOPICS]
        if first in ("it", "the"):
            continue  # the weather
        if first in TOPICS:
            assert sentence == (thing,)  # the answer to a question
            continue
        opens = first in NAMES or first in OWNERS.values()
        if opens:
            changes.append(t)
            if sentence[1] in ("friend", "friends"):
                assert OWNERS[subject] == first
                assert checked[t].kind == "owner"
            before = thing
            thing = things[0] if things else ""
            assert not thing or thing != before
            if sentence[1] in ("name", "names"):
                subject, known = next(pronoun for pronoun in PRONOUNS if OWNERS[pronoun] == first), "wants"
                assert sentence[-6:] == ("and", subject, _form("wants", subject), "to", "eat", thing)
                assert thing in FOODS
            else:
                subject = "they" if len(names) == 2 else "he" if names[0] in MEN else "she"
                known = "likes" if things else "waits"
        elif first in PRONOUNS:
            assert first == subject
            stays.append(t)
            if things and known == "waits":
                known, thing = "likes", things[0]  # a friend has entered, and this is what they like
                assert story.words[t - 2] in ("enter", "enters")
            assert sentence[1] == _form(known, subject)
        else:
            assert sentence[:2] == ("what", "does" if subject in SINGULAR else "do")
            assert sentence[2] == subject
        if not opens:
            assert all(word == thing for word in things)
        verbs = {verb for verb, plural in VERBS.items() if plural in sentence or verb in sentence} - {"does"}
        for verb in verbs - {"is"}:
            asked = first == "what"
            assert (VERBS[verb] if asked else _form(verb, subject)) in sentence, story.text
    assert tuple(changes) == story.changes
    assert tuple(stays) == story.stays
    assert len(story.subjects) == len(story.words)


def test_the_owner_decides_and_not_the_name() -> None:
    against = 0
    for story in TOLD:
        for t, sentence in _sentences(story):
            if sentence[:2] in (("his", "name"), ("her", "name")):
                mine = MEN if sentence[0] == "his" else WOMEN
                against += sentence[3] not in mine
                assert story.subjects[t] == ("he" if sentence[0] == "his" else "she")
    assert against > 5


def test_nobody_has_the_name_of_another() -> None:
    for story in TOLD:
        names = [word for word in story.words if word in NAMES]
        assert len(names) == len(set(names))


def test_every_check_asks_for_a_word_among_its_rivals() -> None:
    kinds = set()
    for story in TOLD:
        for check in story.checks:
            kinds.add(check.kind)
            assert not check.rivals or story.words[check.t] in check.rivals
    assert kinds == set(KINDS)


def _form(singular: str, pronoun: str) -> str:
    return singular if pronoun in SINGULAR else VERBS[singular]


def _sentences(story: Story) -> list[tuple[int, tuple[str, ...]]]:
    """Return each sentence with its place; a question and its answer are two."""
    found, start = [], 0
    for t, word in enumerate(story.words):
        if word in (".", "?"):
            found.append((start, story.words[start:t]))
            start = t + 1
    return found
