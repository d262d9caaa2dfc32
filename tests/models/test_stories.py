"""The stories keep the rules that their first page promises."""

from __future__ import annotations

import pytest

from lstm_tui.models.recipes.story import MEN, OWNERS, PRONOUNS, TOPICS, WOMEN, Story, stories, vocabulary

TOLD = stories(300, 7)
PLURAL_VERBS = {"like", "are", "enter", "talk"}
SINGULAR_VERBS = {"likes", "is", "enters", "talks"}


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
    subject = topic = before = ""
    checked = {check.t for check in story.checks}
    for t, sentence in _sentences(story):
        names = [word for word in sentence if word in MEN + WOMEN]
        if sentence[0] in OWNERS.values():
            assert OWNERS[subject] == sentence[0]
        if sentence[0] in MEN + WOMEN or sentence[0] in OWNERS.values():
            subject = "they" if len(names) == 2 else "he" if names[0] in MEN else "she"
            assert t in story.changes
        elif sentence[0] in PRONOUNS:
            assert sentence[0] == subject
            assert t in checked
            assert t in story.stays
        verbs = SINGULAR_VERBS if subject == "they" else PLURAL_VERBS
        if sentence[0] not in ("my", "i", "it", "the", "what"):
            assert not verbs & set(sentence), story.text
        told = [word for word in sentence if word in TOPICS]
        if told and sentence[0] in MEN + WOMEN:
            topic, before = told[0], topic
            assert topic != before
        elif told and sentence[0] in PRONOUNS and t + sentence.index(told[0]) in checked:
            assert told[0] == topic
        elif told:
            topic = told[0]


def test_what_i_want_never_changes() -> None:
    mine = [story for story in TOLD if story.words[0] == "my"]
    assert len(mine) > 100
    for story in mine:
        wanted = [story.words[t + 1] for t, word in enumerate(story.words[:-1]) if word == "eat"]
        assert len({word for word in wanted if word != "?"}) == 1


def test_every_check_asks_for_a_word_among_its_rivals() -> None:
    kinds = set()
    for story in TOLD:
        for check in story.checks:
            kinds.add(check.kind)
            assert not check.rivals or story.words[check.t] in check.rivals
    assert kinds == {"pronoun", "verb", "topic"}


def _sentences(story: Story) -> list[tuple[int, tuple[str, ...]]]:
    """Return each sentence with its place; a question and its answer are two."""
    found, start = [], 0
    for t, word in enumerate(story.words):
        if word in (".", "?"):
            found.append((start, story.words[start:t]))
            start = t + 1
    return found
