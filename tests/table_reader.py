"""A network whose cell looks over a table that the network holds."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.model.network import Network, build_network

TABLE = """
name = "table_reader"
title = "A cell that looks over a table of its own"
source = "a test"
state = ["h"]
sizes = { e = "N", a = "N", z = "H" }
defaults = { N = 5 }
equations = '''
e = K_t @ h + V_t @ x                # score: how well each column answers
a = softmax(e)                       # attention: parts of one
z = M_t @ a                          # read: the columns of the table, each by its part
h = tanh(W_h @ x + U_h @ h + z)      # state
'''
"""


def table_network() -> Network:
    """Return a network whose collection is a table that it holds."""
    spec = {"layers": [{"cell": "table_reader", "hidden_size": 4}], "cells": {"table_reader": TABLE},
            "tokens": {"kind": "words", "vocabulary": ["<unk>", "a", "b", "c"]}, "embedding_size": 3,
            "readout": "dense", "outputs": 4, "classes": ["w", "x", "y", "z"]}  # fmt: skip
    return build_network(spec, seed=3, dtype=np.float64)
