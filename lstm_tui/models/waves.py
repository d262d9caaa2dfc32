"""Several noisy waves side by side: what the forecast network learns from, and the sample it is shown on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.number_text import fixed

COLUMNS = ("slow", "quick", "step")
NOISE = 0.05


def waves(steps: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Return noisy waves, (steps, 3), about within ±1.2.

    `slow` is a sine with a period of 30 to 50 rows, `quick` one of 8 to 14 whose height follows another slow sine, and
    `step` a square wave that turns every 6 to 12 rows. Periods and phases are drawn anew for each series, so they have
    to be read off the series itself.
    """
    t = np.arange(steps)
    slow = np.sin(2 * np.pi * (t / random.uniform(30, 50) + random.random()))
    height = 0.6 + 0.4 * np.sin(2 * np.pi * (t / random.uniform(40, 80) + random.random()))
    quick = height * np.sin(2 * np.pi * (t / random.uniform(8, 14) + random.random()))
    length = int(random.integers(6, 13))
    step = 0.8 * np.where((t + random.integers(2 * length)) // length % 2 == 0, 1.0, -1.0)
    clean = np.stack((slow, quick, step), axis=1)  # (steps, 3)
    return (clean + random.normal(0, NOISE, clean.shape)).astype(np.float32)


SAMPLE_ROWS = 120
SAMPLE_SEED = 7


def sample() -> str:
    """Return the text of `samples/waves.csv`: a header and 120 rows, no part of any training."""
    rows = waves(SAMPLE_ROWS, np.random.default_rng(SAMPLE_SEED))
    lines = [",".join(fixed(number, 4) for number in row) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"
