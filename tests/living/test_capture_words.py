"""Words replaced in a captured module, beside PyTorch's own run on the changed text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError

torch: Any = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)

WORDS = ["the", "movie", "was", "not", "bad", "good", "but", "a", "very", "long", "film", "<pad>"]
TEXTS = ("the movie was not bad but long", "a very good film but bad movie", "a long film but not bad movie")
IDS = [[WORDS.index(word) for word in text.split()] for text in TEXTS]


class Encoder(nn.Module):  # type: ignore[misc,name-defined]
    """An embedding and a recurrent module."""

    def __init__(self, rnn: Any, how: str = "") -> None:
        super().__init__()
        self.emb, self.rnn, self.how = nn.Embedding(len(WORDS), 6), rnn, how

    def forward(self, ids: Any) -> Any:
        """Run it; `how` says what stands between the embedding and the module."""
        x: Any = self.emb(ids)
        if self.how == "places":
            x = x + torch.arange(x.shape[1])[:, None] / 10
        if self.how == "cell":
            state, rows = None, []
            for t in range(x.shape[1]):
                state = self.rnn(x[:, t], state)
                rows.append(state[0])
            return torch.stack(rows, 1)
        return self.rnn(x)[0] if self.rnn.batch_first else self.rnn(x.transpose(0, 1))[0].transpose(0, 1)


class Model(nn.Module):  # type: ignore[misc,name-defined]
    """Such an encoder, and a head on what it gives last."""

    def __init__(self, rnn: Any, how: str = "") -> None:
        super().__init__()
        self.enc, self.drop = Encoder(rnn, how), nn.Dropout(0.4)
        self.head = nn.Linear(10 if getattr(rnn, "bidirectional", False) else 5, 2)

    def forward(self, ids: Any) -> Any:
        return self.head(self.drop(self.enc(ids))[:, -1])


RNNS: dict[str, tuple[Callable[[], Any], str]] = {
    "lstm": (lambda: nn.LSTM(6, 5, batch_first=True), ""),
    "time first": (lambda: nn.LSTM(6, 5), ""),
    "two both ways": (lambda: nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True), ""),
    "gru": (lambda: nn.GRU(6, 5, batch_first=True), ""),
    "rnn": (lambda: nn.RNN(6, 5, batch_first=True), ""),
    "cell": (lambda: nn.LSTMCell(6, 5), "cell"),
}
LINES = {
    "replace bad good @ 5": "a long film but not good movie",
    'replace "bad" "good"': "a long film but not good movie",
    "replace 5 good": "a long film but not good movie",
    "insert very @ 1": "a very long film but not bad movie",
    "insert long very": "a very long film but not bad movie",
    "remove not @ 4": "a long film but bad movie",
    "text the film was good": "the film was good",
}


def model_of(kind: str) -> Any:
    torch.manual_seed(5)
    make, how = RNNS[kind]
    return Model(make(), how).eval()


def given(model: Any, text: str) -> np.ndarray:
    """Return what PyTorch gives at each token of a text, (T, n)."""
    with torch.no_grad():
        given: np.ndarray = model.enc(torch.tensor([[WORDS.index(word) for word in text.split()]]))[0].numpy()
        return given


def said_by(session: Any) -> np.ndarray:
    """Return what the last layer of a session gives at each token, (T, n)."""
    trace = session.frame.trace
    top = [one for name, one in trace.items() if name.startswith(f"layer{len(session.edited.network.layers) - 1}.")]
    return np.concatenate([one["h"] for one in top], axis=1)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("kind", RNNS)
def test_an_edited_text_gives_what_the_model_gives_for_that_text(kind: str, line: str) -> None:
    model = model_of(kind)
    session = lstm_tui.capture(model, torch.tensor(IDS), tokens=WORDS).session("enc.rnn", 2)
    before = said_by(session)
    assert np.abs(before - given(model, TEXTS[2])).max() < 1e-6
    session.execute(line)
    assert " ".join(session.frame.trace.sequence.tokens) == LINES[line]
    wanted = given(model, LINES[line])
    assert said_by(session).shape == wanted.shape
    assert np.abs(said_by(session) - wanted).max() < 1e-6
    assert before.shape != wanted.shape or np.abs(before - wanted).max() > 1e-3


def test_it_is_so_of_a_file_of_it_too(tmp_path: Path) -> None:
    model, line = model_of("lstm"), "replace bad good @ 5"
    lstm_tui.capture(model, torch.tensor(IDS), tokens=WORDS).save(tmp_path / "it.npz")
    session = lstm_tui.open_capture(tmp_path / "it.npz").session("enc.rnn", 2)
    session.execute(line)
    assert np.abs(said_by(session) - given(model, LINES[line])).max() < 1e-6


def test_ids_are_words_where_no_vocabulary_was_given() -> None:
    model = model_of("lstm")
    session = lstm_tui.capture(model, torch.tensor(IDS)).session("enc.rnn", 2)
    session.execute(f'replace 5 "{WORDS.index("good")}"')
    assert np.abs(said_by(session) - given(model, "a long film but not good movie")).max() < 1e-6


def test_gradients_and_differences_are_as_without_words() -> None:
    model, targets = model_of("two both ways"), torch.tensor([0, 1, 0])
    loss = nn.functional.cross_entropy
    named = lstm_tui.capture(model, torch.tensor(IDS), targets, loss, WORDS)
    told = lstm_tui.capture(model, torch.tensor(IDS), targets, loss, [text.split() for text in TEXTS])
    assert named["enc.rnn"].module.token_rows is not None
    assert told["enc.rnn"].module.token_rows is None
    assert named.difference == told.difference < 1e-6
    assert named.gradient_difference("enc.rnn") == told.gradient_difference("enc.rnn") < 1e-5


REFUSED = {
    "places": ("places", WORDS, "what enters it is not known to be a row of an embedding"),
    "told words": ("", [text.split() for text in TEXTS], "told the words of these sequences, and no vocabulary"),
    "a short vocabulary": (
        "",
        lambda n: {n: WORDS[n] for n in range(11)}[n],
        "does not name every row of enc.emb.weight",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused_with_the_reason(case: str) -> None:
    how, tokens, reason = REFUSED[case]
    torch.manual_seed(5)
    model = Model(nn.LSTM(6, 5, batch_first=True), how).eval()
    session = lstm_tui.capture(model, torch.tensor(IDS), tokens=tokens).session("enc.rnn", 2)
    with pytest.raises(UserError, match=f"{reason}.*: set x instead.*or give capture.. another batch"):
        session.execute("replace 5 good")


@pytest.mark.parametrize("line", ["replace bad zzz", "insert zzz @ 2", "text the zzz film"])
def test_a_word_without_a_row_is_refused(line: str) -> None:
    session = lstm_tui.capture(model_of("lstm"), torch.tensor(IDS), tokens=WORDS).session("enc.rnn", 2)
    with pytest.raises(UserError, match="“zzz” is not in the vocabulary"):
        session.execute(line)
    assert " ".join(session.frame.trace.sequence.tokens) == TEXTS[2]


@pytest.mark.parametrize(
    "line", ["replace good bad @ 5", "replace bad good @ 4", "remove bad @ 6", "replace bad good @ 7"]
)
def test_a_place_that_holds_another_token_is_refused(line: str) -> None:
    session = lstm_tui.capture(model_of("lstm"), torch.tensor(IDS), tokens=WORDS).session("enc.rnn", 2)
    with pytest.raises(UserError, match=r"t=. is “.*”, not “|there is no place 7"):
        session.execute(line)


def watched(model: Any, tokens: Any, steps: int = 3) -> Any:
    """Return a watch of so many steps of training, each of which changes every weight."""
    targets = torch.tensor([0, 1, 0])
    with lstm_tui.watch(model, keep=2, tokens=tokens) as seen:
        for _ in range(steps):
            model.zero_grad()
            nn.functional.cross_entropy(model(torch.tensor(IDS)), targets).backward()
            with torch.no_grad():
                for weight in model.parameters():
                    weight -= 0.5 * weight.grad
    return seen


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("kind", RNNS)
def test_a_step_of_a_loop_gives_for_an_edited_text_what_the_model_gave_then(kind: str, line: str) -> None:
    then, model = model_of(kind), model_of(kind)
    watched(then, WORDS, 1)  # as the weights are in the second of three steps
    seen = watched(model, WORDS)
    session = seen.steps[0].session("enc.rnn", 2)
    session.execute(line)
    wanted = given(then, LINES[line])
    assert " ".join(session.frame.trace.sequence.tokens) == LINES[line]
    assert np.abs(said_by(session) - wanted).max() < 1e-6
    assert np.abs(said_by(session) - given(model, LINES[line])).max() > 1e-4, "and not what it gives now"


def test_what_was_opened_behind_an_exception_takes_words_too() -> None:
    model = model_of("lstm")
    watched(model, WORDS, 1)
    found = lstm_tui.post_mortem(screen=False)
    session = found.steps[-1].session("enc.rnn", 2)
    session.execute("replace 5 good")
    assert np.abs(said_by(session) - given(model_of("lstm"), "a long film but not good movie")).max() < 1e-6


STEPS_REFUSED = {
    "no words": (None, "keeps the embedding of a step where tokens= names its rows"),
    "told words": ([text.split() for text in TEXTS], "told the words of these sequences, and no vocabulary"),
    "a short vocabulary": (lambda n: {n: WORDS[n] for n in range(11)}[n], "does not name every row of enc.emb.weight"),
    "large": (WORDS, "enc.emb.weight is too large to be copied at every step"),
}


@pytest.mark.parametrize("case", STEPS_REFUSED)
def test_a_step_that_takes_no_words_says_why(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, reason = STEPS_REFUSED[case]
    if case == "large":
        monkeypatch.setattr("lstm_tui.formats.captures.embedding_found.LARGEST_KEPT", 10)
    session = watched(model_of("lstm"), tokens, 1).steps[-1].session("enc.rnn", 2)
    with pytest.raises(UserError, match=f"{reason}.*: set x instead"):
        session.execute("replace 5 good")
