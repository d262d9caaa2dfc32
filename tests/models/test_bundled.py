"""The bundled networks: their cards say how they were made and how well they do, and the shown sentences hold."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_tui.analysis.train.loss import input_array, mean_loss, next_tokens
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.importers.native import load
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.models import bundled_names, card, described, path
from lstm_tui.models.build import MODULES, main, recipe
from lstm_tui.models.recipes import forecast, sentiment, story
from lstm_tui.models.recipes.forecast import sample
from lstm_tui.models.recipes.recipe import Bound, acceptance
from lstm_tui.models.recipes.stories import KINDS, stories
from lstm_tui.models.recipes.story_measures import LARGEST, measures, units_of

RECALL = ("recall-lstm", "recall-gru", "recall-rnn")
BINDINGS = ("bindings-delta", "bindings-lstm", "bindings-gru")
TRAINED = ("sentiment", "sentiment-forward", "story", "story-rnn", "chars", "forecast", *RECALL, *BINDINGS)
VERDICT = tuple(
    f"verdict-{kind}"
    for kind in (
        *("lstm", "peephole", "coupled", "gru", "relu", "depth", "grid", "clockwork", "attention"),
        *("nig", "nfg", "nog", "niaf", "noaf", "cifg", "fgr"),
    )
)
NAMES = (*TRAINED, "tiny", *VERDICT, "tagger", "tagger-forward", "numbers", "flip-flop", "picture")
SEEDS = 3
VERDICTS = {
    "The movie was not bad": (0.8, 1.0),
    "The movie was bad": (0.0, 0.2),
    "The movie was not good": (0.0, 0.2),
}


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    return {name: load(path(name)) for name in bundled_names()}


def test_all_are_there_in_order_and_small() -> None:
    assert bundled_names() == NAMES == tuple(MODULES)
    assert sum(path(name).stat().st_size for name in NAMES) < 2.5e6


@pytest.mark.parametrize("name", TRAINED)
def test_the_card_says_what_it_does_and_from_what(name: str, networks: dict[str, Network]) -> None:
    found = card(name)
    assert found["parameters"] == networks[name].parameter_count
    assert found["task"] == recipe(name).task
    assert found["how"] == recipe(name).how
    assert found["command"] == f"python -m lstm_tui.models.build {name} --seeds 0 1 2"
    assert all(one["name"] and one["licence"] and one["use"] for one in found["data"])
    assert len(found["measured"]) == SEEDS
    assert str(found["seed"]) in found["measured"]
    assert recipe(name).accuracy(list(found["measured"].values())) == found["accuracy"]
    assert "\n" not in described(name)
    assert found["accuracy"] in described(name)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_finite_float32(name: str, networks: dict[str, Network]) -> None:
    for tensor in networks[name].tensors().values():
        assert tensor.dtype == np.float32
        assert np.isfinite(tensor).all()


@pytest.mark.parametrize("name", ["sentiment", "sentiment-forward"])
def test_every_seed_judges_held_out_sentences_well(name: str) -> None:
    for measured in card(name)["measured"].values():
        assert measured["held-out accuracy"] >= 0.82


def test_every_seed_tells_stories_without_mistakes() -> None:
    for measured in card("story")["measured"].values():
        assert min(measured[kind] for kind in KINDS) >= 0.98


def test_every_seed_of_the_plain_rnn_agrees_verbs_and_loses_what_somebody_likes() -> None:
    for measured in card("story-rnn")["measured"].values():
        assert all(bound.met(measured) for bound in recipe("story-rnn").accepted)


@pytest.mark.slow
def test_the_card_of_the_plain_rnn_tells_what_is_measured(networks: dict[str, Network]) -> None:
    then = card("story-rnn")["measured"]["0"]
    now = recipe("story-rnn").measure(networks["story-rnn"])
    assert now == {key: pytest.approx(number, rel=0.02, abs=2e-3) for key, number in then.items()}


@pytest.mark.parametrize(("text", "bounds"), VERDICTS.items())
def test_not_turns_the_verdict(text: str, bounds: tuple[float, float], networks: dict[str, Network]) -> None:
    low, high = bounds
    assert low <= sentiment.positive(networks["sentiment"], sentiment.words_of(text)) <= high
    assert (sentiment.positive(networks["sentiment-forward"], sentiment.words_of(text)) > 0.5) == (low > 0.5)


@pytest.mark.parametrize("text", VERDICTS)
def test_the_card_gives_the_same_verdict(text: str, networks: dict[str, Network]) -> None:
    for name in ("sentiment", "sentiment-forward"):
        now = sentiment.positive(networks[name], sentiment.words_of(text))
        assert card(name)["measured"]["0"][text] == pytest.approx(now, abs=1e-3)


@pytest.fixture(scope="module")
def of_some(networks: dict[str, Network]) -> dict[str, float]:
    """What is asked of the story network, of 100 unseen stories."""
    return measures(networks["story"], stories(100, story.UNSEEN_SEED))


@pytest.mark.parametrize("bound", recipe("story").accepted, ids=lambda bound: bound.measure)
def test_the_story_network_is_accepted(bound: Bound, of_some: dict[str, float]) -> None:
    assert bound.met(of_some)
    assert bound.met(card("story")["measured"][str(card("story")["seed"])])


@pytest.mark.slow
def test_the_card_of_the_story_network_tells_what_is_measured(networks: dict[str, Network]) -> None:
    then = card("story")["measured"][str(card("story")["seed"])]
    now = story.measure(networks["story"])
    assert now == {key: pytest.approx(number, rel=0.02, abs=2e-3) for key, number in then.items()}
    assert card("story")["units"] == units_of(then)


def test_a_named_unit_is_the_one_that_is_measured(of_some: dict[str, float]) -> None:
    assert [(one["name"], one["unit"]) for one in card("story")["units"]] == [
        (name, of_some[f"{name}, unit"]) for name in ("gender", "number", "topic")
    ]


@pytest.mark.slow
def test_the_recipe_of_the_story_network_is_one_training_from_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "STORIES_PER_EPOCH", 320)
    monkeypatch.setattr(story, "SETTINGS", replace(story.SETTINGS, epochs=2))
    told: list[float] = []
    made = [story.trained(5, lambda progress: told.append(progress.loss)) for _ in range(2)]
    assert told[-1] < 0.95 * told[0]
    for name, tensor in made[0].tensors().items():
        np.testing.assert_array_equal(tensor, made[1].tensors()[name])


def test_a_name_of_a_unit_is_read_from_the_card_and_nothing_else_is_one(networks: dict[str, Network]) -> None:
    network = networks["story"]
    units = {one["unit"]: one["name"] for one in card("story")["units"]}
    assert [network.unit_name("layer0.forward", unit) for unit in range(16)] == [units.get(n, "") for n in range(16)]
    assert not network.unit_name("layer0.backward", next(iter(units)))
    for stranger in (None, 3, {"unit": 3}, ["x", {}, {"pass": "p", "unit": 3}, {"pass": "p", "unit": 3, "name": 0}]):
        assert not replace(network, card={"units": stranger}).unit_name("p", 3)
    raw = replace(network, card={"units": [{"pass": "p", "unit": 3, "name": "\x1b[2J" + "x" * 99}]}).unit_name("p", 3)
    assert raw.isprintable()
    assert len(raw) <= 20


def test_a_bound_is_not_met_by_what_is_not_known() -> None:
    for side in ("at least", "at most"):
        one = Bound("x", side, 1.0)
        assert one.met({"x": 1.0})
        assert not one.met({"x": math.nan})
    assert not Bound("x", "at most", 1.0).met({"x": 1.1})
    assert "NO" in acceptance([Bound("x", "at least", 2.0)], {"x": 1.9})


def test_a_network_that_misses_what_is_asked_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: dict[str, Network], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "story.safetensors"
    for number, written in ((2.5, False), (1.5, True)):
        measured = {**card("story")["measured"]["0"], LARGEST: number}
        made = replace(networks["story"], card={"seed": 0, "measured": {"0": measured}, "accuracy": "fine"})
        monkeypatch.setattr("lstm_tui.models.build.make", lambda *_, made=made: made)
        assert main(["story", "--out", str(out)]) == (0 if written else 1)
        assert out.exists() is written
    assert f"story is not written: {LARGEST}; try" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ("Ganesh likes AIML . Ram likes DevSecOps . he likes", "devsecops"),
        ("My name is Ganesh and I want to eat pizza . it is raining . I want to eat", "pizza"),
        ("Her name is Ganesh and", "she"),
        ("Anna and Mei like music . they", "like"),
        ("Priya likes chess . her friend Omar enters . he", "likes"),
    ],
)
def test_the_story_network_goes_on(told: str, answer: str, networks: dict[str, Network]) -> None:
    network = networks["story"]
    assert network.tokens is not None
    ids, unknown = network.tokens.encode(told.split())
    assert not unknown
    ran = run_arrays(network, input_array(network, ids), "numpy")
    assert ran.readout is not None
    likely = np.argsort(-ran.readout.values["y"][-1])[:3]
    assert answer in [network.tokens.vocabulary[n] for n in likely]


def test_the_story_sample_holds_no_unknown_word(networks: dict[str, Network]) -> None:
    tokens = networks["story"].tokens
    assert tokens is not None
    for line in (samples_folder() / "story.txt").read_text(encoding="utf-8").splitlines():
        assert tokens.encode(line.split())[1] == ()


def test_the_sample_opens_with_the_shown_sentence(networks: dict[str, Network]) -> None:
    lines = (samples_folder() / "sample.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert tuple(lines[:3]) == tuple(VERDICTS)
    for line, positive in zip(lines, (True, False, False, False, None, False), strict=True):
        verdict = sentiment.positive(networks["sentiment"], sentiment.words_of(line))
        assert positive is None or (verdict > 0.5) == positive, line


def test_chars_reads_any_bytes_and_prefers_english(networks: dict[str, Network]) -> None:
    def bits(text: bytes) -> float:
        ids = np.frombuffer(text, dtype=np.uint8).astype(np.int64)
        return mean_loss(networks["chars"], [next_tokens(ids)], "numpy") / math.log(2)

    assert bits("日本語 \x00\x1b[0m".encode()) < 100
    assert bits(b"the people of the country") < 4 < bits(b"eht elpoep fo xqz yrtnuoc")


def test_the_waves_sample_is_the_one_that_is_made(networks: dict[str, Network]) -> None:
    kept = (samples_folder() / "waves.csv").read_text(encoding="utf-8").splitlines()
    made = sample().splitlines()
    assert kept[0] == made[0]
    rows = [np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]]) for lines in (kept, made)]
    np.testing.assert_allclose(rows[0], rows[1], atol=2e-4)
    network = networks["forecast"]
    ran = run_arrays(network, input_array(network, rows[0][:-1]), "numpy")
    assert ran.readout is not None
    missed = (ran.readout.values["y"] - rows[0][1:])[forecast.SETTLED :]
    naive = (rows[0][:-1] - rows[0][1:])[forecast.SETTLED :]
    assert np.square(missed).mean() < 0.1 * np.square(naive).mean()


def test_forecast_beats_saying_the_last_row_again() -> None:
    for measured in card("forecast")["measured"].values():
        assert measured["error"] < 0.3 * measured["error of the last row"]


def test_unseen_stories_are_unseen() -> None:
    unseen = frozenset(one.text for one in stories(50, story.UNSEEN_SEED))
    assert not unseen & {one.text for one in stories(500, 0, unseen)}
