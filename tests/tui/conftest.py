"""Waiting for the screen: shorter looks, and the same rule when it is at rest."""

from __future__ import annotations

import textual._wait

_LOOK = 1 / 200
textual._wait.SLEEP_GRANULARITY, textual._wait.SLEEP_IDLE = _LOOK, _LOOK / 8
