"""Adam over a network's own arrays: what turns gradients into better weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.overrides import READOUT

Weights = dict[str, Array]


def weights_of(network: Network) -> Weights:
    """Return every array that training changes: the embedding, the flat parameters of each pass and of the readout.

    They are the network's own: writing to them changes it.
    """
    weights = {one.name: one.flat for one in network.passes}
    if network.embedding is not None:
        weights["embedding"] = network.embedding
    if network.readout is not None:
        weights[READOUT] = network.readout.flat
    return weights


def copied(weights: Mapping[str, Array]) -> Weights:
    """Return a copy of every array."""
    return {name: array.copy() for name, array in weights.items()}


def clip(gradients: Mapping[str, Array], limit: float) -> float:
    """Shrink all gradients together so that their common norm is at most `limit`; return the norm before."""
    norm = float(np.sqrt(sum(float(np.dot(g.ravel(), g.ravel())) for g in gradients.values())))
    if norm > limit:
        for gradient in gradients.values():
            gradient *= limit / norm
    return norm


class Adam:
    """Adam with bias correction (Kingma and Ba 2015).

    Constants in the flat parameters come without a gradient, so they stay what they are.
    """

    def __init__(
        self, weights: Weights, keep_mean: float = 0.9, keep_square: float = 0.999, small: float = 1e-8
    ) -> None:
        """Take arrays to change in place.

        Args:
            weights: The arrays.
            keep_mean: β1, how much of the mean gradient is kept at each step.
            keep_square: β2, how much of the mean squared gradient is kept.
            small: ε, added to the root of the mean square.
        """
        self.weights = weights
        self.keep_mean, self.keep_square, self.small = keep_mean, keep_square, small
        self.mean = {name: np.zeros_like(array) for name, array in weights.items()}
        self.square = {name: np.zeros_like(array) for name, array in weights.items()}
        self.steps = 0

    def step(self, gradients: Mapping[str, Array], rate: float) -> None:
        """Move every array one step of size `rate` against its gradient."""
        self.steps += 1
        towards_mean = 1 - self.keep_mean**self.steps
        towards_square = float(np.sqrt(1 - self.keep_square**self.steps))
        for name, gradient in gradients.items():
            mean, square = self.mean[name], self.square[name]
            mean *= self.keep_mean
            mean += (1 - self.keep_mean) * gradient
            square *= self.keep_square
            square += (1 - self.keep_square) * gradient * gradient
            move = np.sqrt(square)
            move /= towards_square
            move += self.small
            np.divide(mean, move, out=move)
            move *= rate / towards_mean
            self.weights[name] -= move
