"""`lstm_tui.load` takes what the options of `run` say of a file; what names no network is told what to do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui import UserError
from lstm_tui.cli import main

TAGGER = Path(__file__).parent / "formats" / "files" / "torch_tagger.pt"


class Living:
    """What has the weights of a model, and is no file."""

    def state_dict(self) -> dict[str, np.ndarray]:
        return {}


@pytest.mark.parametrize("call", [lstm_tui.load, lambda one: lstm_tui.trace("a b", model=one),
                                  lambda one: lstm_tui.session("a b", model=one)])  # fmt: skip
@pytest.mark.parametrize(
    ("given", "says"),
    [(Living(), "lstm_tui.capture"), (OrderedDict(w=np.zeros(3)), "torch.save"), (3, "a bundled name, a path")],
)
def test_what_is_no_network_is_told_what_to_do(call: Callable[[object], object], given: object, says: str) -> None:
    with pytest.raises(UserError, match=says):
        call(given)


def test_every_option_of_a_file_is_taken(tmp_path: Path) -> None:
    plain = lstm_tui.load(TAGGER)
    names = [f"tag{n}" for n in range(plain.outputs)]
    assert plain.tokens is not None
    (tmp_path / "words.txt").write_text("".join(f"w{n}\n" for n in range(len(plain.tokens.vocabulary))))
    network = lstm_tui.load(TAGGER, classes=names, vocabulary=tmp_path / "words.txt", tokens="words")
    words = (tmp_path / "words.txt").read_text().split("\n")
    words = words if words[-1] else words[:-1]
    by_id = dict(enumerate(words))
    for given in (words, tuple(words), {word: n for n, word in by_id.items()}, by_id, SimpleNamespace(itos=words)):
        other = lstm_tui.load(TAGGER, classes=names, vocabulary=given, tokens="words")  # type: ignore[arg-type]
        assert other.tokens == network.tokens
    for wrong in ([1, 2], 3, {"a": "b"}, ["w"] * 100_000, set(words)):
        with pytest.raises(lstm_tui.UserError, match="vocabulary="):
            lstm_tui.load(TAGGER, vocabulary=wrong)  # type: ignore[arg-type]
    assert network.classes == tuple(names)
    one, second = lstm_tui.trace("w1 w3 w2", model=network), lstm_tui.trace("1 3 2", model=plain)
    assert np.array_equal(present(one.result), present(second.result))
    assert one.classes == tuple(names)
    assert lstm_tui.load(TAGGER, layer=0).tokens is None
    with pytest.raises(UserError, match="decides nothing"):
        lstm_tui.load(TAGGER, decisions={"nothing": "3"})


@pytest.mark.parametrize("model", [str(TAGGER), "sentiment", "tiny"])
def test_outputs_are_called_as_the_user_says(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = lstm_tui.load(model).outputs
    names = ",".join(f"name{n}" for n in range(max(outputs, 1)))
    assert main(["inspect", model, "--classes", names + ",more"]) == 2
    assert f"and there are {outputs} outputs" in capsys.readouterr().err
    assert main(["inspect", model, "--classes", names]) == (0 if outputs else 2)
    if outputs:
        assert lstm_tui.load(model, classes=names.split(",")).classes == tuple(names.split(","))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("pad", one) for one in [("x", 6), ("pre",), ("pre", 2.5), ("pre", True), ("pre", 0), ("pre", -3),
                                   ("pre", "6"), ("pre", 10**9), "pre:6", 6, ("pre", 6, 6), (["pre"], 6),
                                   ("\x1b[2J\n", 6)]),
        *(("decisions", one) for one in [["a=b"], "a=b", {"a": 3}, {3: "a"}, [("a", "b")], 3]),
        *(("classes", one) for one in ["bad", [1, 2], 3]),
    ],
)  # fmt: skip
def test_what_no_option_can_mean_is_refused_in_one_line(option: str, value: object) -> None:
    with pytest.raises(UserError, match=option) as told:
        lstm_tui.load(TAGGER, **{option: value})  # type: ignore[arg-type]
    assert str(told.value).isprintable()


def test_a_padding_pads_where_it_says() -> None:
    for where in ("pre", "post"):
        trace = lstm_tui.trace("1 3", lstm_tui.load(TAGGER, pad=(where, np.int64(5))))  # type: ignore[arg-type]
        assert len(trace.sequence.tokens) == 5
