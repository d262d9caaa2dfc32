"""Stories about people and what they like, in which what must be remembered, and what may go, is known.

What the story network learns from and is judged by. Each story is marked where the next word is no matter of chance.
The rules a reader (and a network) can rely on:

- A sentence that opens with a name, or with two names and *and*, makes that person or that pair the **subject**.
  So does a friend who enters, and *her name is …* (*my, his, their, our*). Nothing else does: the weather does not.
- `he`, `she`, `they`, `i` and `we` mean the subject; `his friend` is a friend of the subject, and is the next one.
  After *her name is X and* comes `she`, whatever the name: the owner decides.
- Of the subject it is told what they like, or what they want to eat, or nothing; then they *like* it again, *want* it
  again, or *wait*. They never change their mind, whatever the weather. Once the subject has changed, nobody speaks of
  the earlier one again, so that forgetting is right.
- Verbs agree: *he likes*, *they like*.

All words are ours. A story is one line of lower-case tokens, so that `" ".join(story.words)` is what a network reads.
"""

from __future__ import annotations

import random
from dataclasses import field

from lstm_tui.engine.dataclass import dataclass

MEN = ("ganesh", "ram", "arjun", "paul", "tom", "ivan", "kwame", "tunde", "wei", "kenji", "omar", "luis")
WOMEN = ("priya", "meera", "anna", "lucy", "nina", "amina", "ngozi", "mei", "lin", "fatima", "sara", "rosa")
FOODS = ("pizza", "rice", "soup", "mango", "bread", "curry", "noodles", "salad")
TOPICS = (
    "aiml", "devsecops", "chess", "tea", "music", "football", "cricket", "yoga", "poetry", "robots", "trains", "maths",
    *FOODS,
)  # fmt: skip
WEATHER = ("it is raining", "the sun is warm", "the day is long")

MAN, WOMAN, PAIR, ME, US = "he", "she", "they", "i", "we"
PRONOUNS = (MAN, WOMAN, PAIR, ME, US)
OWNERS = {MAN: "his", WOMAN: "her", PAIR: "their", ME: "my", US: "our"}
SINGULAR = (MAN, WOMAN)
VERBS = {"likes": "like", "wants": "want", "waits": "wait", "is": "are", "enters": "enter", "does": "do"}
KINDS = ("pronoun", "named", "owner", "verb", "known", "topic")
KNOWN = ("likes", "wants", "waits")
"""What is known of a subject: a topic, a food, or nothing."""

ANY_NAME = 0.3
"""How often somebody of whom it is said *her name is* has a name of either gender: *her* decides, not the name."""


@dataclass(frozen=True)
class Check:
    """A place where only one word is right.

    Attributes:
        t: Place of the word on the tape; the network is asked at `t - 1`.
        kind: One of `KINDS`: `"pronoun"`, `"named"` (that after *her name is X and*), `"owner"` (his, her …), `"verb"`
            (its number), `"known"` (likes, wants or waits) or `"topic"`.
        rivals: The words it competes with; empty: the whole vocabulary.
    """

    t: int
    kind: str
    rivals: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """Words of a story, the places to check, and where the subject changes or stays.

    Attributes:
        words: Lower-case tokens, punctuation apart.
        checks: Where one word is right, in tape order.
        changes: Places of the first word of a sentence that brings a new subject.
        stays: Places of the pronoun of a sentence that keeps the subject.
        subjects: The pronoun of the subject at each word, empty before there is one.
    """

    words: tuple[str, ...]
    checks: tuple[Check, ...]
    changes: tuple[int, ...]
    stays: tuple[int, ...]
    subjects: tuple[str, ...]

    @property
    def text(self) -> str:
        """The story as a line of text."""
        return " ".join(self.words)


def stories(count: int, seed: int = 0, avoid: frozenset[str] = frozenset()) -> tuple[Story, ...]:
    """`count` different stories, none of whose texts is in `avoid`; the same ones for the same seed."""
    rng = random.Random(seed)
    seen = set(avoid)
    found: list[Story] = []
    while len(found) < count:
        story = _Writer(rng).write()
        if story.text not in seen:
            seen.add(story.text)
            found.append(story)
    return tuple(found)


def vocabulary() -> tuple[str, ...]:
    """Every word a story can hold, in alphabetical order."""
    own = {*MEN, *WOMEN, *TOPICS, *PRONOUNS, *OWNERS.values(), *VERBS, *VERBS.values()}
    fixed = "and . ? what name names to eat friend friends"
    return tuple(sorted(own.union(fixed.split(), *(line.split() for line in WEATHER))))


@dataclass(frozen=True)
class _Somebody:
    """Names, pronoun, what is known of them (one of `KNOWN`), and the topic or the food."""

    names: tuple[str, ...]
    pronoun: str
    known: str
    thing: str


@dataclass
class _Writer:
    """Writes one story sentence by sentence, and keeps what has been told."""

    rng: random.Random
    words: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    stays: list[int] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    subject: _Somebody | None = None
    entered: int = 0

    def write(self) -> Story:
        """Write a story of one to three subjects."""
        self.rng.choices((self._likes_new, self._named), (1, 1))[0]()
        self._go_on()
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            self.rng.choices((self._likes_new, self._friend, self._named), (5, 4, 3))[0]()
            self._go_on()
        return Story(
            tuple(self.words), tuple(self.checks), tuple(self.changes), tuple(self.stays), tuple(self.subjects)
        )

    def _go_on(self) -> None:
        """Stay with the subject for a few sentences."""
        same = [self._again, self._again, self._weather]
        if self._who().known != "waits":
            same.append(self._ask)
        for _ in range(self.rng.randint(0, 4)):
            self.rng.choice(same)()

    # sentences ---------------------------------------------------------------------------------------------------

    def _likes_new(self) -> None:
        """`ganesh likes aiml .` or `anna and ram like tea .`"""
        who = self._somebody("likes")
        self._change(who)
        self._say(*_joined(who))
        self._verb("likes", who)
        self._say(who.thing, ".")

    def _named(self) -> None:
        """`my name is ganesh and i want to eat pizza .` or `their names are ram and mei and they want to eat rice .`"""
        owner = self.rng.choice((MAN, WOMAN, PAIR, ME, ME, US))
        names: tuple[str, ...] = MEN + WOMEN
        if owner in SINGULAR and self.rng.random() >= ANY_NAME:
            names = MEN if owner == MAN else WOMEN
        who = _Somebody(self._names(names, 1 if owner in (*SINGULAR, ME) else 2), owner, "wants", self._thing(FOODS))
        self._change(who)
        self._say(OWNERS[owner], "name" if len(who.names) == 1 else "names")
        self._check("verb", "is" if len(who.names) == 1 else "are", ("is", "are"))
        self._say(*_joined(who), "and")
        self._check("named", owner, PRONOUNS)
        self._verb("wants", who)
        self._say("to", "eat", who.thing, ".")

    def _friend(self) -> None:
        """`his friend priya enters .`, and perhaps `she likes tea .`: else nothing is known of her, and she waits."""
        before = self._who()
        told = self.rng.random() < 0.5
        who = self._somebody("likes" if told else "waits")
        self._change(who)
        self._check("owner", OWNERS[before.pronoun], tuple(OWNERS.values()))
        self._say("friends" if who.pronoun == PAIR else "friend", *_joined(who))
        self._verb("enters", who)
        self._say(".")
        self.entered = len(self.words)
        if told:
            self._pronoun()
            self._verb("likes", who)
            self._say(who.thing, ".")

    def _again(self) -> None:
        """`he likes aiml .`, `she wants to eat rice .` or `they wait .`: whatever is known."""
        entering = len(self.words) == self.entered
        who = self._pronoun()
        if not entering:  # of a friend who has just entered it may still be told
            self._checked("known", _form(who.known, who), tuple(_form(verb, who) for verb in KNOWN))
        self._verb(who.known, who)
        if who.known == "waits":
            self._say(".")
        else:
            self._say(*("to", "eat") if who.known == "wants" else ())
            self._recall(who.thing)

    def _weather(self) -> None:
        """`it is raining .` leaves the subject as it is."""
        self._say(*self.rng.choice(WEATHER).split(), ".")

    def _ask(self) -> None:
        """`what does he like ? aiml .` or `what do they want to eat ? rice .`"""
        who = self._who()
        self._say("what", "does" if who.pronoun in SINGULAR else "do")
        self._check("pronoun", who.pronoun, PRONOUNS)
        self._say(*("want", "to", "eat") if who.known == "wants" else ("like",), "?")
        self._recall(who.thing)

    # words -------------------------------------------------------------------------------------------------------

    def _who(self) -> _Somebody:
        assert self.subject is not None, "a story opens with somebody"
        return self.subject

    def _change(self, who: _Somebody) -> None:
        self.changes.append(len(self.words))
        self.subject = who

    def _say(self, *words: str) -> None:
        self.words.extend(words)
        self.subjects.extend([self.subject.pronoun if self.subject else ""] * len(words))

    def _checked(self, kind: str, word: str, rivals: tuple[str, ...]) -> None:
        assert word in rivals or not rivals
        self.checks.append(Check(len(self.words), kind, rivals))

    def _check(self, kind: str, word: str, rivals: tuple[str, ...]) -> None:
        self._checked(kind, word, rivals)
        self._say(word)

    def _recall(self, word: str) -> None:
        self._check("topic", word, ())
        self._say(".")

    def _verb(self, singular: str, who: _Somebody) -> None:
        self._check("verb", _form(singular, who), (singular, VERBS[singular]))

    def _pronoun(self) -> _Somebody:
        who = self._who()
        self.stays.append(len(self.words))
        self._check("pronoun", who.pronoun, PRONOUNS)
        return who

    def _somebody(self, known: str) -> _Somebody:
        """Somebody new, or a pair, who like something else than the subject before them, or of whom nothing is told."""
        thing = self._thing(TOPICS)
        if self.rng.random() < 0.3:
            return _Somebody(self._names(MEN + WOMEN, 2), PAIR, known, thing)
        names, pronoun = self.rng.choice(((MEN, MAN), (WOMEN, WOMAN)))
        return _Somebody(self._names(names, 1), pronoun, known, thing)

    def _thing(self, things: tuple[str, ...]) -> str:
        before = self.subject.thing if self.subject else ""
        return self.rng.choice([one for one in things if one != before])

    def _names(self, names: tuple[str, ...], count: int) -> tuple[str, ...]:
        """Names that nobody in this story has yet."""
        chosen = self.rng.sample([name for name in names if name not in self.names], count)
        self.names.update(chosen)
        return tuple(chosen)


def _joined(who: _Somebody) -> tuple[str, ...]:
    return who.names if len(who.names) == 1 else (who.names[0], "and", who.names[1])


def _form(singular: str, who: _Somebody) -> str:
    """Return the form of a verb that stands behind somebody's names or pronoun."""
    return singular if who.pronoun in SINGULAR else VERBS[singular]
