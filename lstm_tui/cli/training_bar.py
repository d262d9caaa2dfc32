"""What a training shows while it goes: a bar on standard error, a line for each epoch on standard output."""

from __future__ import annotations

import math
import signal
import sys
import time
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from lstm_tui.cli.work import say
from lstm_tui.engine.number_text import fixed, grouped

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from lstm_tui.analysis.course import State
    from lstm_tui.analysis.training import Progress
    from lstm_tui.models.job import Job


class TrainingBar:
    """Progress of one training: `with TrainingBar(job) as bar: job.run(…, bar.batch, bar.asked_to_stop, …)`.

    The first Ctrl-C asks the training to stop, the second stops at once.
    """

    def __init__(self, job: Job, title: str = "", quiet: bool = False) -> None:
        """Prepare a bar.

        Args:
            job: What is trained.
            title: Stands before the bar.
            quiet: Whether the epochs are not printed.
        """
        self._job, self._title, self._quiet = job, title, quiet
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._stop = False
        self._before: Any = None
        self._began = time.monotonic()
        self.tokens = 0

    def __enter__(self) -> TrainingBar:
        """Show the bar, where standard error is a terminal, and take Ctrl-C."""
        self._began = time.monotonic()
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        if sys.stderr.isatty():
            self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away and give Ctrl-C back."""
        signal.signal(signal.SIGINT, self._before)
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """How long it has been going."""
        return time.monotonic() - self._began

    def batch(self, progress: Progress) -> None:
        """Take in where the training stands."""
        self.tokens = progress.tokens
        if self._bar is not None and self._task is not None:
            told = f"{self._title}epoch {progress.epoch} of {progress.epochs}, loss {fixed(progress.loss, 4)}"
            speed = f"{grouped(progress.tokens / max(self.seconds, 1e-9), ' ')} tokens/s"
            self._bar.update(self._task, description=told, completed=progress.step, total=progress.steps, speed=speed)

    def asked_to_stop(self) -> bool:
        """Say whether Ctrl-C was pressed."""
        return self._stop

    def epoch_done(self, state: State) -> None:
        """Print the loss and the score of an epoch."""
        if self._quiet:
            return
        measure = self._job.task.measure
        best = "  best so far" if state.best_epoch == state.epoch else ""
        score = measure.shown(state.scores[-1])
        loss = fixed(state.losses[-1], 4) if math.isfinite(state.losses[-1]) else "not a number"
        print(f"epoch {state.epoch:>3}  loss {loss}  {measure.name} {score}{best}", flush=True)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        if self._bar is None:
            say("stopping; Ctrl-C once more leaves at once")

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[speed]}", markup=False), TimeRemainingColumn(),
        )  # fmt: skip
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
        self._task = self._bar.add_task(f"{self._title}starting", total=None, speed="")
        self._bar.start()
