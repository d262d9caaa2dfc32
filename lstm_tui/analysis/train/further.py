"""A trained network trained further on a few texts, so that it knows them and forgets as little else as can be.

Beside them it rehearses texts of its own: what it says itself as it is, before anything is learned. That keeps about
half of what plain training on a few texts would lose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.distribution import is_language_model
from lstm_tui.analysis.train.loop import Progress, Settings, train
from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, input_array, next_tokens
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.answer import answering
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.engine.text_safety import visible

REHEARSED = 16
"""Texts of its own that a network rehearses."""
LENGTH = 20
"""Tokens of each."""
_TIMES = 4
"""How often a text that is learned stands beside those that are rehearsed."""
_BATCH = 8


@dataclass(frozen=True)
class Further:
    """How a network is trained further.

    Attributes:
        epochs: How often it goes through all texts.
        rate: Size of a step at the start.
    """

    epochs: int
    rate: float


def usual(network: Network) -> Further:
    """Return how a network is trained further where nobody says otherwise.

    Raises:
        UserError: It says neither the next token nor a class of a whole text.
    """
    return Further(30, 5e-3) if says_next(network) else Further(16, 1e-3)


def says_next(network: Network) -> bool:
    """Say whether a network is taught by the next token; else by a class of the whole text.

    Raises:
        UserError: It says neither.
    """
    if network.tokens is not None and is_language_model(network) and network.forward_only:
        return True
    if network.tokens is None or network.readout is None or not network.classes or says_each(network):
        raise UserError(
            f"{visible(network.name)} says neither the next word nor a class of a whole text: nothing can be "
            "taught; `lstm-tui train` trains any network"
        )
    return False


def says_each(network: Network) -> bool:
    """Say whether a network says something at each token, found on a text of two."""
    said = _said(network, np.zeros(2, dtype=np.int64), "numpy")
    return said is None or said.ndim != 1


def example(network: Network, ids: Array, label: int | None) -> Example:
    """Return what is learned from a text: its next tokens, or its class.

    Args:
        network: Which is taught.
        ids: Of its tokens, (T,).
        label: Its class; None for a language model.

    Raises:
        UserError: A language model needs two tokens at least.
    """
    if label is not None:
        return Example(ids, label)
    if len(ids) < 2:
        raise UserError("a text of one word has no next word to learn: give two at least")
    return answered_alone(network, next_tokens(ids))


def answered_alone(network: Network, made: Example) -> Example:
    """Return an example of which a network that answers learns the answer alone, and not the text that it reads."""
    if network.answers is None or network.tokens is None:
        return made
    asked = answering([network.tokens.vocabulary[n] for n in made.read], network)
    target = np.asarray(made.target).copy()
    target[: asked.start] = NOT_COUNTED
    target[asked.stop :] = NOT_COUNTED
    return replace(made, target=target)


def trained_further(
    network: Network,
    examples: Sequence[Example],
    how: Further,
    interpreter: str,
    progress: Callable[[int, int], None] | None = None,
) -> Network:
    """Return a copy of a network that has learned some examples; the same bits for the same arguments.

    Args:
        network: What is taught; it is left as it is.
        examples: What it learns.
        how: For how long.
        interpreter: numpy or numba.
        progress: Called with the steps done and the steps in all; it may raise to end the training.

    Raises:
        UserError: The weights grew without bound.
    """
    made = network.copy()

    def told(now: Progress) -> None:
        if progress is not None:
            progress(now.step, now.steps)

    with np.errstate(all="ignore"):
        rehearsed = own_examples(network, interpreter)
        settings = Settings(how.epochs, how.rate, batch=_BATCH, interpreter=interpreter)
        train(made, [*examples] * _TIMES + rehearsed, settings, progress=told)
    if not all(np.isfinite(array).all() for array in made.tensors().values()):
        raise UserError(f"the weights grew without bound: give a rate below {sentence(how.rate, 6)}")
    return made


def own_examples(network: Network, interpreter: str) -> list[Example]:
    """Return texts that a network says itself, or that it has an opinion of: the same each time."""
    assert network.tokens is not None, "only what reads tokens is taught"
    random, count = np.random.default_rng(0), len(network.tokens.vocabulary)
    first = min(1, count - 1)  # the unknown token says nothing
    if not says_next(network):
        texts = [random.integers(first, count, LENGTH // 2) for _ in range(REHEARSED)]
        verdicts = [_said(network, ids, interpreter) for ids in texts]
        return [Example(ids, int(said.argmax())) for ids, said in zip(texts, verdicts, strict=True) if said is not None]
    begun = [[int(random.integers(first, count))] for _ in range(REHEARSED)]
    for ids in begun:
        while len(ids) < LENGTH:
            said = _said(network, np.array(ids), interpreter)
            assert said is not None, "a language model says something"
            chances = np.nan_to_num(said[-1].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(0)
            if not chances.sum() > 0:
                break
            ids.append(int(random.choice(count, p=chances / chances.sum())))
    return [answered_alone(network, next_tokens(np.array(ids))) for ids in begun if len(ids) > 1]


def _said(network: Network, ids: Array, interpreter: str) -> Array | None:
    """Return what a network says of a text, (K,) of all of it or (T, K) at each token; None without a readout."""
    ran = run_arrays(network, input_array(network, ids), interpreter)
    return None if ran.readout is None or network.readout is None else ran.readout.values[network.readout.page.result]
