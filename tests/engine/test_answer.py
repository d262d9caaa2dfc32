"""The answer of a network of two parts: it is what is said step by step, each token read back; nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.answer import answer_begins, answered, answering
from lstm_tui.engine.runtime.run import run

WORDS = ("<unk>", "one", "two", "=", "a", "b", ".")
ANSWERS = {"begin": "=", "end": ".", "most": 5}


def made(seed: int = 0, **more: Any) -> Network:
    """Return an encoder and a decoder with random weights; the tokens from `=` on are those of the answer."""
    layer = {"hidden_size": 6, "directions": ["forward"]}
    spec = {
        "name": "made",
        "tokens": {"kind": "words", "vocabulary": list(WORDS)},
        "embedding_size": 4,
        "layers": [{"cell": "gru_encoder", **layer}, {"cell": "decoder_additive", "sizes": {"N": 5}, **layer}],
        "readout": "dense",
        "answers": ANSWERS,
        **more,
    }
    network = build_network(spec, seed=seed, dtype=np.float64)
    tensors = network.tensors()
    tensors["embedding"][:, 0] = [1 if n >= WORDS.index("=") else -1 for n in range(len(WORDS))]
    tensors["layer0.forward/p_turn"][...] = [1, 0, 0, 0]
    tensors["readout/b_y"][...] = [9 if n >= WORDS.index("=") else -9 for n in range(len(WORDS))]  # it answers so
    return network


def text(words: str) -> Sequence:
    """Return words as the network reads them."""
    tokens = tuple(words.split())
    return Sequence("words", tokens, np.array([WORDS.index(one) for one in tokens]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("begun", ["one two one", "one two one ="])
def test_the_answer_is_what_is_said_step_by_step_and_read_back(seed: int, begun: str) -> None:
    network = made(seed)
    words = ["one", "two", "one", "="]
    for _ in range(ANSWERS["most"]):  # type: ignore[call-overload]
        output = run(network, text(" ".join(words)), "numpy").output
        assert output is not None
        words.append(WORDS[int(np.argmax(output[-1]))])
        if words[-1] == ".":
            break
    found = answered(text(begun), network)
    assert list(found.tokens) == words
    assert found.ids is not None
    assert [WORDS[n] for n in found.ids] == words
    stop = len(words) - 1 if words[-1] == "." else len(words)
    assert answering(found.tokens, network) == range(3, stop)


def test_a_text_that_holds_an_answer_is_left_alone_and_so_is_a_network_that_answers_nothing() -> None:
    network, given = made(), text("one = b b")
    assert answered(given, network) is given
    plain = replace(network, answers=None)
    assert answered(text("one two"), plain).tokens == ("one", "two")
    assert answer_begins(given.tokens, plain) is None
    assert answering(given.tokens, plain) == range(4)


def test_while_it_is_answered_the_encoder_stands_still_and_the_collection_is_what_it_read() -> None:
    network = made(3)
    trace = run(network, answered(text("two one two"), network), "numpy")
    encoder, decoder = trace["layer0.forward"], trace["layer1.forward"]
    for t in range(3, len(trace.sequence)):
        np.testing.assert_array_equal(encoder["h"][t], encoder["h"][2])
        rows = decoder["M"][t].reshape(5, 6)
        np.testing.assert_array_equal(rows[:3], encoder["h"][:3])
        np.testing.assert_array_equal(rows[3:], 0)
        assert decoder["a"][t][3:].max() == 0
        np.testing.assert_allclose(decoder["a"][t].sum(), 1)
    weights = network.tensors()
    start = np.tanh(weights["layer1.forward/W_s"] @ encoder["h"][2] + weights["layer1.forward/b_s"])
    np.testing.assert_allclose(decoder["h"][2], start, rtol=1e-12)


def test_a_collection_that_is_full_keeps_its_first_tokens() -> None:
    network = made(2)
    decoder = run(network, text("one two one two one two one ="), "numpy")["layer1.forward"]
    np.testing.assert_array_equal(decoder["open"][-1], np.ones(5))
    assert decoder["here"][5:].sum() == 0


def test_it_is_written_down_and_read_again() -> None:
    network = made()
    again = build_network(spec_of(network), network.tensors(), dtype=np.float64)
    assert again.answers == network.answers
    assert "answers" not in spec_of(replace(network, answers=None))


@pytest.mark.parametrize(
    "said",
    [
        {"begin": "=", "end": "?", "most": 5}, {"begin": 3, "end": ".", "most": 5}, {"end": ".", "most": 5},
        {"begin": "=", "end": ".", "most": 0}, {"begin": "=", "end": ".", "most": True},
        {"begin": "=", "end": ".", "most": 10**9}, {"begin": "=", "end": ".", "most": 2.5}, [], "=", 1,
    ],
)  # fmt: skip
def test_a_description_that_cannot_be_is_refused_in_one_line(said: Any) -> None:
    with pytest.raises(UserError, match="answers") as refused:
        made(answers=said)
    assert "\n" not in str(refused.value)


def test_an_answer_ends_where_what_is_said_is_no_number() -> None:
    network = made()
    network.tensors()["layer1.forward/W_n"][0, 0] = np.nan
    assert answered(text("one two"), network).tokens == ("one", "two", "=")


def test_an_encoder_that_reads_both_ways_reads_the_text_and_not_the_answer() -> None:
    layer = {"hidden_size": 6, "directions": ["forward"]}
    both = {"cell": "gru_encoder", "hidden_size": 6, "directions": ["forward", "backward"], "merge": "concat"}
    network = made(1, layers=[both, {"cell": "decoder_general", "sizes": {"N": 5}, **layer}])
    network.tensors()["layer0.backward/p_turn"][...] = [1, 0, 0, 0]
    found = answered(text("one two one"), network)
    longer, alone = run(network, found, "numpy"), run(network, found.part(0, 3), "numpy")
    assert len(found) > 4
    assert not longer["layer0.backward"]["h"][3:].any()
    np.testing.assert_array_equal(longer["layer0.backward"]["h"][:3], alone["layer0.backward"]["h"])
    rows = longer["layer1.forward"]["M"][-1].reshape(5, 12)
    sides = [longer[name]["h"][:3] for name in ("layer0.forward", "layer0.backward")]
    np.testing.assert_array_equal(rows[:3], np.hstack(sides))
