"""The story network: a language model of stories in which what must be remembered, and what may go, is known.

Short stories about people and what they like, each marked where the next word is no matter of chance.

The rules a reader (and a network) can rely on:

- A sentence that opens with a name, or with two names and *and*, makes that person or that pair the **subject**.
  So does a friend who enters. Nothing else does: the weather does not, and neither does what *I* want.
- `he`, `she` and `they` mean the subject; `his`, `her` and `their` before *friend* mean the subject before the friend.
- Everybody likes one thing and never changes their mind. Once the subject has changed, nobody speaks of the earlier one
  again, so that forgetting it is right; what *I* want comes back at any time, so that forgetting it is wrong.

All words are ours. A story is one line of lower-case tokens, so that `" ".join(story.words)` is what a network reads.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array, next_tokens
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.initialise import spread_memories
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span

MEN = ("ganesh", "ram", "omar", "paul", "ivan", "luis", "tom", "kenji")
WOMEN = ("priya", "anna", "mei", "sara", "lucy", "fatima", "nina", "rosa")
TOPICS = (
    "aiml", "devsecops", "chess", "tea", "music", "football", "cricket", "yoga", "poetry", "robots",
    "maths", "history", "cats", "dogs", "gardens", "painting", "cinema", "trains", "stars", "puzzles",
)  # fmt: skip
FOODS = ("pizza", "soup", "rice", "mango", "bread", "curry", "noodles", "salad")
MOODS = ("happy", "tired", "kind", "busy", "early", "late")
WEATHER = ("it is raining", "the sun is warm", "the street is quiet", "the day is long", "the door is open")

MAN, WOMAN, PAIR = "he", "she", "they"
PRONOUNS = (MAN, WOMAN, PAIR)
OWNERS = {MAN: "his", WOMAN: "her", PAIR: "their"}
VERBS = {"likes": "like", "is": "are", "enters": "enter", "talks": "talk", "does": "do"}


@dataclass(frozen=True)
class Check:
    """A place where only one word is right.

    Attributes:
        t: Place of the word on the tape; the network is asked at `t - 1`.
        kind: `"pronoun"`, `"verb"` or `"topic"`.
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
    """

    words: tuple[str, ...]
    checks: tuple[Check, ...]
    changes: tuple[int, ...]
    stays: tuple[int, ...]

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
    own = {*MEN, *WOMEN, *TOPICS, *FOODS, *MOODS, *PRONOUNS, *OWNERS.values(), *VERBS, *VERBS.values()}
    fixed = "and . ? what i my name want to eat friend friends about"
    return tuple(sorted(own.union(fixed.split(), *(line.split() for line in WEATHER))))


@dataclass(frozen=True)
class _Somebody:
    names: tuple[str, ...]
    pronoun: str
    topic: str


@dataclass
class _Writer:
    """Writes one story sentence by sentence, and keeps what has been told."""

    rng: random.Random
    words: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    stays: list[int] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    subject: _Somebody | None = None
    food: str = ""

    def write(self) -> Story:
        """Write a story of one to three subjects."""
        rng = self.rng
        if rng.random() < 0.5:
            self._introduce_me()
            if rng.random() < 0.5:
                self._recall_me()
        self._introduce()
        self._go_on()
        for _ in range(rng.choice((0, 1, 1, 2))):
            rng.choice((self._introduce, self._introduce, self._friend))()
            self._go_on()
        if self.food:
            self._recall_me()
        return Story(tuple(self.words), tuple(self.checks), tuple(self.changes), tuple(self.stays))

    def _go_on(self) -> None:
        """Stay with the subject for a few sentences."""
        same = [self._likes, self._likes, self._likes, self._talks, self._ask, self._mood, self._weather]
        if self.food:
            same += [self._recall_me, self._recall_me]
        for _ in range(self.rng.randint(0, 3)):
            self.rng.choice(same)()

    # sentences ---------------------------------------------------------------------------------------------------

    def _introduce(self) -> None:
        """`ganesh likes aiml .` or `anna and ram like tea .`"""
        self.changes.append(len(self.words))
        who = self.subject = self._somebody()
        self._say(*_joined(who))
        self._verb("likes", who)
        self._say(who.topic, ".")

    def _friend(self) -> None:
        """`his friend priya enters . she likes tea .` or `her friends ram and anna enter . they like tea .`"""
        owner, who = self.subject, self._somebody()
        assert owner is not None, "a story opens with somebody"
        self.changes.append(len(self.words))
        self._check("pronoun", OWNERS[owner.pronoun], tuple(OWNERS.values()))
        self._say("friends" if who.pronoun == PAIR else "friend", *_joined(who))
        self._verb("enters", who)
        self._say(".")
        self.subject = who
        self._pronoun()
        self._verb("likes", who)
        self._say(who.topic, ".")

    def _likes(self) -> None:
        """`he likes aiml .`"""
        who = self._pronoun()
        self._verb("likes", who)
        self._recall(who.topic)

    def _talks(self) -> None:
        """`she talks about tea .`"""
        who = self._pronoun()
        self._verb("talks", who)
        self._say("about")
        self._recall(who.topic)

    def _mood(self) -> None:
        """`they are happy .`"""
        who = self._pronoun()
        self._verb("is", who)
        self._say(self.rng.choice(MOODS), ".")

    def _weather(self) -> None:
        """`it is raining .` leaves the subject as it is."""
        self._say(*self.rng.choice(WEATHER).split(), ".")

    def _ask(self) -> None:
        """`what does ganesh like ? aiml .` or `what do they like ? tea .`"""
        who = self.subject
        assert who is not None, "a story opens with somebody"
        self._say("what", "does" if who.pronoun != PAIR else "do")
        if self.rng.random() < 0.5:
            self._check("pronoun", who.pronoun, PRONOUNS)
        else:
            self._say(*_joined(who))
        self._say("like", "?")
        self._recall(who.topic)

    def _introduce_me(self) -> None:
        """`my name is ganesh and i want to eat pizza .`"""
        self.food = self.rng.choice(FOODS)
        self._say("my", "name", "is", self._name(MEN + WOMEN), "and", "i", "want", "to", "eat", self.food, ".")

    def _recall_me(self) -> None:
        """`i want to eat pizza .` or `what do i want to eat ? pizza .`; the subject stays."""
        if self.rng.random() < 0.6:
            self._say("i", "want", "to", "eat")
        else:
            self._say("what", "do", "i", "want", "to", "eat", "?")
        self._recall(self.food)

    # words -------------------------------------------------------------------------------------------------------

    def _say(self, *words: str) -> None:
        self.words.extend(words)

    def _check(self, kind: str, word: str, rivals: tuple[str, ...]) -> None:
        self.checks.append(Check(len(self.words), kind, rivals))
        self._say(word)

    def _recall(self, word: str) -> None:
        self._check("topic", word, ())
        self._say(".")

    def _verb(self, singular: str, who: _Somebody) -> None:
        plural = VERBS[singular]
        self._check("verb", plural if who.pronoun == PAIR else singular, (singular, plural))

    def _pronoun(self) -> _Somebody:
        who = self.subject
        assert who is not None, "a story opens with somebody"
        self.stays.append(len(self.words))
        self._check("pronoun", who.pronoun, PRONOUNS)
        return who

    def _somebody(self) -> _Somebody:
        """Somebody new, or a pair, who like something else than the subject before them."""
        before = self.subject.topic if self.subject else ""
        topic = self.rng.choice([t for t in TOPICS if t != before])
        if self.rng.random() < 0.3:
            return _Somebody((self._name(MEN + WOMEN), self._name(MEN + WOMEN)), PAIR, topic)
        names, pronoun = self.rng.choice(((MEN, MAN), (WOMEN, WOMAN)))
        return _Somebody((self._name(names),), pronoun, topic)

    def _name(self, names: tuple[str, ...]) -> str:
        """A name that nobody in this story has yet."""
        name = self.rng.choice([name for name in names if name not in self.names])
        self.names.add(name)
        return name


def _joined(who: _Somebody) -> tuple[str, ...]:
    return who.names if len(who.names) == 1 else (who.names[0], "and", who.names[1])


EPOCHS = 6
STORIES_PER_EPOCH = 10_000
SETTINGS = Settings(epochs=EPOCHS, rate=1e-2, batch=8)
UNSEEN = 1_000
UNSEEN_SEED = 1_000_000
TOPIC_WEIGHT = 5.0
"""How many times a recalled topic counts: it is one word of a sentence, and the hardest."""

LONGEST_MEMORY = 40
"""Forget gates start spread over memories of 1 to this many tokens (chrono initialisation, Tallec & Ollivier 2018)."""

MOST_CLOSING = 5
KINDS = ("pronoun", "verb", "topic")


def recipe(name: str) -> Recipe:
    """Return the recipe of `story`."""
    return Recipe(
        name=name,
        task="says the next word of a story about people and what they like",
        data=(
            Data(
                "lstm_tui.models.recipes.story",
                "MIT",
                f"{EPOCHS * STORIES_PER_EPOCH} generated stories, each read once; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the next word, a recalled topic counting {sentence(TOPIC_WEIGHT)} times; "
        f"forget gates start spread over memories of 1 to {LONGEST_MEMORY} tokens",
        train=trained,
        measure=measure,
        accuracy=accuracy,
    )


def trained(seed: int, report: Report) -> Network:
    """Train the story network from a seed."""
    network = build_network(
        {
            "name": "story",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": [UNKNOWN, *vocabulary()]},
            "embedding_size": 24,
            "layers": [{"cell": "lstm", "hidden_size": 64, "directions": ["forward"]}],
            "readout": "dense",
        },
        seed=seed,
    )
    spread_memories(network.passes, LONGEST_MEMORY, seed)
    unseen = frozenset(story.text for story in unseen_stories())

    def of_epoch(epoch: int) -> list[Example]:
        told = stories(STORIES_PER_EPOCH, seed * 1000 + epoch, unseen)
        return [_example(network, story) for story in told]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def unseen_stories() -> tuple[Story, ...]:
    """Return the stories that no training holds."""
    return stories(UNSEEN, UNSEEN_SEED)


def measure(network: Network) -> dict[str, float]:
    """Return how often each kind of check is right, and what the forget gates do when the subject changes or stays."""
    told = unseen_stories()
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    changing: list[Array] = []
    staying: list[Array] = []
    for story in told:
        ran = run_arrays(network, input_array(network, _ids(network, story.words)), chosen_for_many())
        assert ran.readout is not None, "the recipe gives it one"
        said, forget = ran.readout.values["y"], ran.stored["layer0.forward"].values["f"]
        for check in story.checks:
            if check.t:
                right[check.kind].append(_answer(network, said[check.t - 1], check) == story.words[check.t])
        changing += [forget[t] for t in story.changes if t]
        staying += [forget[t] for t in story.stays]
    return {kind: float(np.mean(answers)) for kind, answers in right.items()} | _gates(changing, staying)


def _gates(changing: Sequence[Array], staying: Sequence[Array]) -> dict[str, float]:
    """Compare the forget gates at the first word of a new subject with those at the pronoun of an old one."""
    change, stay = np.mean(changing, axis=0), np.mean(staying, axis=0)
    most = np.argsort(change - stay)[:MOST_CLOSING]
    return {
        "mean forget gate where the subject changes": float(change.mean()),
        "mean forget gate where the subject stays": float(stay.mean()),
        f"the {MOST_CLOSING} most closing units where it changes": float(change[most].mean()),
        f"the {MOST_CLOSING} most closing units where it stays": float(stay[most].mean()),
    } | {f"most closing unit {n + 1}": float(unit) for n, unit in enumerate(most)}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the rightness of several seeds in half a line."""
    return ", ".join(f"{kind} {span(measured, kind)} %" for kind in KINDS) + f" in {UNSEEN} unseen stories"


def _answer(network: Network, said: Array, check: Check) -> str:
    """Return the word the network finds likeliest, among the rivals where there are some."""
    assert network.tokens is not None, "the recipe gives it words"
    index: Mapping[str, int] = network.tokens.index
    if check.rivals:
        return max(check.rivals, key=lambda word: float(said[index[word]]))
    return network.tokens.vocabulary[int(said.argmax())]


def _example(network: Network, story: Story) -> Example:
    weight = np.ones(len(story.words), dtype=np.float32)
    weight[[check.t for check in story.checks if check.kind == "topic"]] = TOPIC_WEIGHT
    return next_tokens(_ids(network, story.words), weight)


def _ids(network: Network, words: Sequence[str]) -> Array:
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    return ids
