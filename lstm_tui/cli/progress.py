"""A progress bar on standard error that shows itself only when something takes longer than a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0  # seconds


class Bar:
    """Progress of work that is done in this thread: `with Bar("running") as bar: work(progress=bar)`."""

    def __init__(self, what: str) -> None:
        """Prepare a bar for work of a name; nothing is shown yet."""
        self._what = what
        self._done, self._total = 0, 1
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._timer = threading.Timer(_PATIENCE, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Bar:
        """Start waiting."""
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._progress is not None:
                self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Say how much of the work is done."""
        self._done, self._total = done, total
        progress, task = self._progress, self._task
        if progress is not None and task is not None:
            progress.update(task, description=self._what, completed=done, total=total)

    def begin(self, what: str) -> None:
        """Go on with the next part of the work."""
        self._what = what
        self(0, 1)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        with self._lock:
            if self._ended:
                return
            progress = Progress(console=Console(stderr=True), transient=True)
            self._task = progress.add_task(self._what, total=self._total, completed=self._done)
            progress.start()
            self._progress = progress
