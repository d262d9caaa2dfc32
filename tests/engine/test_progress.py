"""Who is told how far a computation is sees one whole, of which never less is done than before, and at the end all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from present import present
from test_windows import both_ways, network_of, series, small_windows  # noqa: F401

from lstm_tui.engine.language.readout import readout_names
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.interpreters import INTERPRETERS
from lstm_tui.engine.runtime.progress_call import Progress


def assert_tells_how_far_it_is(compute: Callable[[Progress], object]) -> None:
    told: list[tuple[int, int]] = []
    compute(lambda done, count: told.append((done, count)))
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert {count for _, count in told} == {done[-1]}, "it ends at the whole"
    assert done[0] >= 0
    assert done.count(done[-1]) == 1, "before its end it is not at its end"


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_run_of_several_layers_both_ways(interpreter: str) -> None:
    network = network_of(both=True)
    x = series(network, 300).x
    assert_tells_how_far_it_is(lambda progress: run_arrays(network, x, interpreter, progress=progress))


@pytest.mark.parametrize("readout", readout_names())
def test_a_run_in_windows_and_its_gradient(readout: str) -> None:
    _, held = both_ways(network_of(both=True, readout=readout), series(network_of(both=True)), "numba")
    ran = present(held.ran)
    assert_tells_how_far_it_is(lambda progress: present(ran.windows).finish(progress))
    assert_tells_how_far_it_is(
        lambda progress: gradients(ran, held.readout[present(held.network).readout.page.result], progress=progress)
    )
