"""Two demonstrations on bundled networks, in numbers: what gates keep, and what reading backward knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import lstm_tui
from lstm_tui.analysis.influence import Target, deletions
from lstm_tui.analysis.ledger import Flow, flow_of, ledger_at
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.models import card

CLOSE = 0.004  # another processor rounds otherwise


@pytest.fixture(scope="module")
def story() -> Network:
    return lstm_tui.load("story")


def told(network: Network, text: str, recipe: str = "") -> Trace:
    trace = lstm_tui.trace(text, network)
    made = apply(parse_edit_script(recipe), network, trace.sequence)
    return run(made.network, made.sequence, holds=made.holds)


def flow(passed: PassTrace) -> Flow:
    found = flow_of(passed, "c")
    assert found is not None
    return found


def says(trace: Trace, t: int, word: str) -> float:
    assert trace.output is not None
    return float(trace.output[t][trace.classes.index(word)])


def still(units: Sequence[int | str], steps: str) -> str:
    """Return edits that hold a memory still: nothing of it is lost and nothing is written."""
    return "\n".join(
        f"set layer0.forward.{gate}[{unit}] @ {steps} = {value}"
        for unit in units
        for gate, value in (("f", 1), ("i", 0))
    )


def named(*names: str) -> list[int]:
    """Return the units of `story` that its card names."""
    units = {one["name"]: one["unit"] for one in card("story")["units"]}
    return [units[name] for name in names]


PAIR = (
    "Anna and Mei like music . they like music . their friend Omar enters . he likes chess . "
    "what does he like ? chess ."
)
TWO = "Ganesh likes AIML . he likes AIML . Ram likes DevSecOps . he likes DevSecOps ."


def test_the_pronoun_follows_the_units_of_gender_and_number(story: Network) -> None:
    units = named("gender", "number")
    plain, kept = told(story, PAIR), told(story, PAIR, still(units, "10:15"))
    numbers = [[says(trace, 14, word) for trace in (plain, kept)] for word in ("he", "they")]
    np.testing.assert_allclose(numbers, [[0.908, 0.000], [0.000, 0.868]], atol=CLOSE)
    topic = [says(trace, 23, "chess") for trace in (plain, kept)]
    np.testing.assert_allclose(topic, [0.944, 0.950], atol=CLOSE)
    others = [unit for unit in range(16) if unit not in units]
    for start in range(0, len(others) - 1, 2):  # no other two units bring "they" back
        assert says(told(story, PAIR, still(others[start : start + 2], "10:15")), 14, "they") < 0.01


def test_the_recalled_topic_follows_a_memory_that_is_held_still(story: Network) -> None:
    runs = (told(story, TWO), told(story, TWO, still([":"], "8:12")))
    numbers = [[says(trace, t, word) for trace in runs] for t, word in ((11, "he"), (13, "devsecops"), (13, "aiml"))]
    np.testing.assert_allclose(numbers, [[0.855, 0.726], [0.883, 0.000], [0.000, 0.913]], atol=CLOSE)


def test_a_new_subject_is_seen_in_the_forget_gates(story: Network) -> None:
    mean = told(story, TWO)["layer0.forward"]["f"].mean(axis=1)
    ram = TWO.split().index("Ram")
    assert mean[ram] < 0.7
    assert min(mean[t] for t in range(1, len(mean)) if t != ram) > 0.9


def test_the_backward_pass_knows_at_not_what_the_forward_cannot() -> None:
    network = lstm_tui.load("sentiment")
    bad, good = (lstm_tui.trace(f"The movie was not {word}", network) for word in ("bad", "good"))
    one, other = (trace["layer0.forward"] for trace in (bad, good))
    for value in one:
        np.testing.assert_array_equal(one[value][3], other[value][3])
    one, other = (trace["layer0.backward"] for trace in (bad, good))
    moved = np.abs(one["c"][3] - other["c"][3]).sum() / np.abs(one["c"][3]).sum()
    assert moved == pytest.approx(1.073, abs=CLOSE)
    shares = ledger_at(one, flow(one), 3).shares()
    np.testing.assert_allclose(shares, [0, 0, 0, 0.686, 0.314], atol=CLOSE)
    weights = network.tensors()["readout/V_y"]
    toward = (weights[1] - weights[0]) / len(bad.sequence)
    added = [
        float(trace[name]["h"][3] @ toward[part])
        for trace in (bad, good)
        for name, part in (("layer0.forward", slice(0, 32)), ("layer0.backward", slice(32, 64)))
    ]
    np.testing.assert_allclose(added, [-0.105, 0.668, -0.105, -0.854], atol=CLOSE)


def test_without_not_the_verdict_flips() -> None:
    for name, verdict, effects in (
        ("sentiment", 0.991, [-0.013, -0.001, -0.014, -0.969, -0.694]),
        ("sentiment-forward", 0.776, [0.009, 0.139, 0.104, -0.655, -0.391]),
    ):
        trace = lstm_tui.trace("The movie was not bad", name)
        assert trace.result is not None
        assert trace.result[1] == pytest.approx(verdict, abs=CLOSE)
        found = deletions(trace, Target("positive", class_index=1))
        np.testing.assert_allclose(found, effects, atol=CLOSE)
        assert int(found.argmin()) == 3
        assert trace.result[1] + found[3] < 0.5


def test_read_forward_only_nothing_is_known_at_not() -> None:
    bad, good = (lstm_tui.trace(f"The movie was not {word}", "sentiment-forward") for word in ("bad", "good"))
    assert bad.output is not None
    assert good.output is not None
    np.testing.assert_array_equal(bad.output[:4], good.output[:4])
    np.testing.assert_allclose(bad.output[3:, 1], [0.386, 0.776], atol=CLOSE)
    assert good.output[4, 1] == pytest.approx(0.023, abs=CLOSE)
