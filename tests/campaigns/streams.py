"""`python -m tests.campaigns.streams --count 5 --seed 1`: mistakes with the state of a stream, planted; named?

The application is written here in plain NumPy, step by step in float64, without the engine: it gets its twelve mistakes
by its own code, and what it says is rounded as another implementation would (noise of 1e-6). Five networks are run
rightly, where `lstm-tui stream` has to be silent, and wrongly, where it has to name just that mistake.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from naive import gru_step, lstm_step, softmax
from saved_arrays import savez

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.formats.streams.diagnosis import StreamDiagnosis, diagnose, difference
from lstm_tui.formats.streams.fitted_stream import fitted
from lstm_tui.formats.streams.recorded_stream import read_recorded_stream

NOISE = 1e-6
HARMS = 1e-3
"""By how much an output has to change for something planted to be a mistake that can be seen."""
States = list[dict[str, Array]]
NETWORKS: Mapping[str, tuple[tuple[str, ...], str | None, int]] = {
    "detector (lstm)": (("lstm",), "dense", 0),
    "two lstm layers": (("lstm", "lstm"), "dense", 0),
    "gru": (("gru",), None, 0),
    "lstm over gru": (("gru", "lstm"), "linear", 0),
    "lstm with context": (("lstm",), "dense", 3),
}
"""Cells from the lowest up, the readout, and numbers of context."""
INPUTS, HIDDEN, OUTPUTS = 6, 8, 2


@dataclass
class Application:
    """What reads a stream; each field is one thing it may do wrong."""

    network: Network
    context: int
    reset_chunks: int = 0
    reset_steps: int = 0
    back: int = 1
    once: bool = False
    exchanged: bool = False
    lost: str = ""
    layers_turned: bool = False
    overlap: int = 0
    shared: bool = False
    warm: bool = False
    early: int = 0
    scale: float = 1.0
    wrong_end: bool = False
    no_context: bool = False
    twice: bool = False
    reset_at: int = -1
    dropped: int = 0
    fades: float = 1.0
    steps: int = field(default=0)

    def zero(self) -> States:
        return [{state: np.zeros(HIDDEN) for state in one.cell.state} for one in self.network.passes]

    def step(self, x: Array, states: States) -> tuple[Array, States]:
        tensors, after = self.network.tensors(), []
        for one, state in zip(self.network.passes, states, strict=True):
            p = {name: tensors[f"{one.name}/{name}"].astype(np.float64) for name in one.program.parameters}
            made = lstm_step(p, x, state["h"], state["c"]) if "c" in state else gru_step(p, x, state["h"])
            after.append({name: made[name] for name in state})
            x = made["h"]
        if self.network.readout is None:
            return x, after
        logits = tensors["readout/V_y"].astype(np.float64) @ x + tensors["readout/b_y"]
        return (logits if self.network.readout.page.title.endswith("no softmax") else softmax(logits)), after

    def chunk(self, rows: Array, states: States) -> tuple[list[Array], list[States]]:
        said, passed = [], [states]
        for row in rows:
            if self.reset_steps and self.steps and self.steps % self.reset_steps == 0:
                states = self.zero()
            y, states = self.step(row, states)
            self.steps += 1
            said.append(y)
            passed.append(states)
        return said, passed

    def run(self, chunks: list[Array], streams: list[str]) -> list[Array]:
        """Return the outputs of each chunk of samples (n, F)."""
        kept: dict[str, list[States]] = {}
        before: dict[str, Array] = {}
        rows_before: dict[str, Array] = {}
        made = []
        for samples, name in zip(chunks, streams, strict=True):
            own = "" if self.shared else name
            saved = kept.setdefault(own, [])
            rows, before[name] = self._framed(samples * self.scale, before.get(name, np.zeros(self.context + INPUTS)))
            rows = rows[: len(rows) - self.dropped]
            states = self._begin(saved)
            if not saved and self.warm:
                states = self.chunk(rows, states)[1][-1]
            again = rows_before.get(name, rows)[-self.overlap :] if self.overlap and saved else rows[:0]
            rows_before[name] = rows
            said, passed = self.chunk(np.concatenate([again, rows]), states)
            if self.twice:
                said, passed = self.chunk(rows, passed[-1])
            saved.append(passed[-1 - self.early] if self.early < len(passed) else passed[0])
            made.append(np.array(said[len(again) :]))
        return made

    def _begin(self, saved: list[States]) -> States:
        if not saved or (self.reset_chunks and len(saved) % self.reset_chunks == 0) or len(saved) == self.reset_at:
            return self.zero()
        if self.once:
            return saved[0]
        states = saved[-self.back] if self.back <= len(saved) else self.zero()
        if self.exchanged:
            states = [{"h": one["c"], "c": one["h"]} if "c" in one else one for one in states]
        if self.lost:
            states = [{name: zero[name] if name == self.lost else one[name] for name in one}
                      for one, zero in zip(states, self.zero(), strict=True)]  # fmt: skip
        states = [{name: self.fades * numbers for name, numbers in one.items()} for one in states]
        return states[::-1] if self.layers_turned else states

    def _framed(self, samples: Array, before: Array) -> tuple[Array, Array]:
        if not self.context:
            return samples, before
        rows = []
        for now in samples:
            beside = before[-INPUTS:][: self.context] if self.wrong_end else before[-self.context :]
            rows.append(np.concatenate([np.zeros(self.context) if self.no_context else beside, now]))
            before = np.concatenate([before, now])[-len(before) :]
        return np.array(rows), before


@dataclass(frozen=True)
class Plant:
    """A mistake: what the application then is, what has to be said of it, and who can have it.

    Attributes:
        name: What it is called in the table.
        said: What finds the sentence that names it, with what is drawn in braces; empty where none should be named.
        made: Of random numbers and the steps of a chunk, the fields of the application.
        fits: Whether a network, and a context, can have it.
        streams: How many streams there are.
    """

    name: str
    said: str
    made: Callable[[np.random.Generator, int], dict[str, Any]]
    fits: Callable[[Network, int], bool] = lambda network, context: True
    streams: int = 1


def _has_c(network: Network, context: int) -> bool:
    return any("c" in one.cell.state for one in network.passes)


def _has_context(network: Network, context: int) -> bool:
    return context > 0


def _alike(network: Network, context: int) -> bool:
    return len(network.passes) > 1 and len({one.cell.name for one in network.passes}) == 1


PLANTS = (
    Plant("state zero at every chunk", "the state is zero at every chunk", lambda rng, n: {"reset_chunks": 1}),
    Plant("reset every k chunks", "again every {} chunks", lambda rng, n: {"reset_chunks": int(rng.integers(2, 6))}),
    Plant("reset every k steps", "again every {} steps", lambda rng, n: {"reset_steps": n + int(rng.integers(1, n))}),
    Plant("h and c exchanged", r"^h and c( of \S+)? are exchanged", lambda rng, n: {"exchanged": True}, _has_c),
    Plant("c is not carried", r"^c( of \S+)? is zero at every chunk", lambda rng, n: {"lost": "c"}, _has_c),
    Plant(
        "state of another layer",
        r"layer0\.forward and layer1\.forward are exchanged",
        lambda rng, n: {"layers_turned": True},
        _alike,
    ),
    Plant("context from the wrong end", "from the wrong end", lambda rng, n: {"wrong_end": True}, _has_context),
    Plant("context missing", "the context is missing", lambda rng, n: {"no_context": True}, _has_context),
    Plant("state of the chunk before last", "the state of the chunk before last", lambda rng, n: {"back": 2}),
    Plant("state saved once", "it is saved once, and never again", lambda rng, n: {"once": True}),
    Plant(
        "saved before the end of a chunk", r"saved {} steps? before", lambda rng, n: {"early": int(rng.integers(1, n))}
    ),
    Plant(
        "steps read again",
        r"^the last {} steps? of a chunk (is|are) read again",
        lambda rng, n: {"overlap": int(rng.integers(1, n))},
    ),
    Plant("two streams on one state", "are read on one state", lambda rng, n: {"shared": True}, streams=2),
    Plant("every chunk read twice", "read twice, and the second", lambda rng, n: {"twice": True}),
    Plant("warmed up and not reset", "the first chunk was read before", lambda rng, n: {"warm": True}),
    Plant("16 bits not divided", "32768 times as large", lambda rng, n: {"scale": 32768.0}),
    Plant("one reset", "again at chunk {} alone", lambda rng, n: {"reset_at": int(rng.integers(3, 12))}),
    Plant("last steps not read", "of every chunk", lambda rng, n: {"dropped": int(rng.integers(1, n))}),
)
STRANGE = (
    Plant("state times 0.9 (none of these)", "", lambda rng, n: {"fades": 0.9}),
    Plant("two at once (none of these)", "", lambda rng, n: {"back": 2, "overlap": 1, "scale": 0.5}),
)
EACH = 12


def network_of(name: str, seed: int) -> Network:
    """Return a network of random weights whose state lasts."""
    cells, readout, context = NETWORKS[name]
    rng = np.random.default_rng(seed)
    layers = [{"cell": one, "hidden_size": HIDDEN, "directions": ["forward"], "merge": "concat"} for one in cells]
    spec: dict[str, Any] = {"name": name, "input_size": INPUTS + context, "layers": layers, "readout": readout,
                            "outputs": OUTPUTS}  # fmt: skip
    network = build_network(spec, seed=seed)
    for tensor, view in network.tensors().items():
        view[...] = rng.normal(0, 0.5, view.shape)
        view[...] += 1.0 * tensor.endswith(("b_f", "b_z"))
    return network


def streamed(rng: np.random.Generator, streams: int) -> tuple[list[Array], list[str]]:
    """Return chunks of samples, and of which stream each is."""
    steps, count = int(rng.integers(3, 9)), int(rng.integers(14, 22))
    chunks = [rng.normal(0, 1, (steps, INPUTS)) for _ in range(count)]
    return chunks, [chr(97 + n % streams) for n in range(count)]


def recording(path: Path, chunks: list[Array], outputs: list[Array], streams: list[str]) -> None:
    arrays = {f"input/{n}": one for n, one in enumerate(chunks)} | {f"output/{n}": one for n, one in enumerate(outputs)}
    savez(path, arrays | ({"stream": np.array(streams)} if len(set(streams)) > 1 else {}))


def diagnosed(path: Path, network: Network, context: int) -> StreamDiagnosis:
    return diagnose(fitted(read_recorded_stream(path), network, context))


@dataclass(frozen=True)
class Case:
    """One recording: `plant` is None where the application did everything right."""

    network: Network
    context: int
    plant: Plant | None
    chunks: list[Array]
    outputs: list[Array]
    streams: list[str]
    said: str = ""


def cases(seed: int, clean: int = 0) -> Iterator[Case]:
    """Yield of every network twelve mistakes and some right runs; what changes no output is drawn again."""
    for number, (name, (_, _, context)) in enumerate(NETWORKS.items()):
        rng = np.random.default_rng((seed, number))
        network = network_of(name, seed * 101 + number)
        fitting = [one for one in PLANTS if one.fits(network, context)]
        left_out = max(len(fitting) - EACH, 0)
        spare = set(rng.choice(len(fitting), left_out, replace=False).tolist())
        planted = [one for n, one in enumerate(fitting) if n not in spare]
        for plant in [*(None for _ in range(clean)), *planted, *STRANGE]:
            for _ in range(20):
                chunks, streams = streamed(rng, plant.streams if plant is not None else 1 + int(rng.integers(2)))
                right = Application(network, context).run(chunks, streams)
                made = {} if plant is None else plant.made(rng, len(chunks[0]))
                wrong = Application(network, context, **made).run(chunks, streams)
                if rng.integers(2) and not made.get("dropped"):  # one output a chunk, as of a voice detector
                    right, wrong = ([one[-1] for one in each] for each in (right, wrong))
                apart = max(difference(one, two) for one, two in zip(right, wrong, strict=True))
                if plant is None or apart > HARMS:
                    noisy = [(one + rng.normal(0, NOISE, one.shape)).astype(np.float32) for one in wrong]
                    said = "" if plant is None else plant.said.format(*made.values())
                    said = said.replace("last 1 steps?", "last step")
                    given = [one.astype(np.float32) for one in chunks]
                    yield Case(network, context, plant, given, noisy, streams, said)
                    break


def main(words: list[str] | None = None) -> int:
    """Plant every mistake, and print how many were named; return 1 where too few were, or a right run alarmed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.streams", description=__doc__)
    parser.add_argument("--count", type=int, default=5, help="rounds, each with other weights and streams")
    parser.add_argument("--clean", type=int, default=20, help="right runs of each network in a round")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(words)
    named: dict[str, list[int]] = {}
    alarms = clean = strange = false = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.npz"
        for turn in range(options.count):
            for case in cases(options.seed + turn, options.clean if not turn else 0):
                recording(path, case.chunks, case.outputs, case.streams)
                begun = time.thread_time()
                found = diagnosed(path, case.network, case.context)
                slowest = max(slowest, time.thread_time() - begun)
                if case.plant is None:
                    clean, alarms = clean + 1, alarms + (found.first is not None)
                    continue
                told = [one.said for one in found.explanations]
                if not case.said:
                    strange, false = strange + 1, false + bool(told)
                else:
                    row = named.setdefault(case.plant.name, [0, 0, 0])
                    hit = any(re.search(case.said, one) is not None for one in told)
                    row[0], row[1], row[2] = row[0] + 1, row[1] + hit, row[2] + (hit and len(told) > 1)
                if not (any(re.search(case.said, one) is not None for one in told) if case.said else not told):
                    print(f"{case.network.name}, {case.plant.name}: {told or found.notes}", flush=True)
    print("| planted | recordings | named | with another that fits as well |\n|---|---|---|---|")
    for plant, (count, right, several) in named.items():
        print(f"| {plant} | {count} | {right} | {several} |")
    count, right = sum(row[0] for row in named.values()), sum(row[1] for row in named.values())
    print(f"| all | {count} | {right} | {sum(row[2] for row in named.values())} |")
    print(f"{strange} with what is none of these: {false} named falsely")
    print(f"{clean} right runs: {alarms} alarms; slowest {slowest:.1f} s of the processor")
    return int(alarms > 0 or false > 0 or right < 0.95 * count)


if __name__ == "__main__":
    sys.exit(main())
