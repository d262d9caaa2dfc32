"""Where lessons are found, by name or by file, and their claims tried on the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import LanguageError, UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.lesson.bound_step import Open, Standing
from lstm_tui.lesson.lesson import CHOICES, Lesson, LessonQuestion, LessonStep, LessonText, read_lesson


def false_claims(standing: Standing) -> Iterator[tuple[LessonText, str]]:
    """Yield every claim that does not hold, of a stop and of its try once done, and why.

    Raises:
        LanguageError: A claim, or what should be tried, means nothing, with line and column.
    """
    yield from _false(standing, standing.stop.claims, standing.session)
    shown = standing.session.fork()
    if standing.stop.ask is not None:
        _do(standing, standing.reveal(), standing.stop.ask.lines, shown)
        yield from _wrong_answers(standing, standing.stop.ask, shown)
    task = standing.stop.task
    if task is None:
        return
    if standing.noticed(standing.session) or standing.noticed(shown):
        yield task.say, "this is noticed before it is tried"
    if task.lines or task.opens:
        session = shown.fork()
        _do(standing, standing.doings(), task.lines, session)
        if not standing.noticed(session, (task.opens,)):
            yield (task.lines or (task.say,))[-1], "when these lines are done, that is not noticed"
        yield from _false(standing, task.claims, session)
        standing.then(session)


def _do(
    standing: Standing, acts: Iterable[Callable[[Session], object]], lines: Iterable[LessonText], session: Session
) -> None:
    for act, line in zip(acts, lines, strict=True):
        try:
            act(session)
        except LanguageError:
            raise
        except UserError as error:
            standing.bound.fail(line, str(error))


def _wrong_answers(standing: Standing, ask: LessonQuestion, session: Session) -> Iterator[tuple[LessonText, str]]:
    """Yield what is false of a question once its answer is shown; every word that may be said of it is read."""
    standing.question(), standing.choices(), standing.seen(session)
    for number in range(len(ask.choices)):
        standing.why(number, session)
    for number, condition in enumerate(ask.holds):
        false = next(iter(_false(standing, (condition,), session)), None)
        if (false is None) != (number == ask.answer):
            yield condition, f"{CHOICES[ask.answer]} is the answer, but this {'holds' if false is None else 'does not'}"
    yield from _false(standing, ask.claims, session)


def _false(standing: Standing, claims: Iterable[LessonText], session: Session) -> Iterator[tuple[LessonText, str]]:
    for claim in claims:
        try:
            holds = standing.true(claim.text, session, session.frame.t)
        except ExpressionError as error:
            standing.bound.fail(claim, error.said, error.start)
        if not holds:
            yield claim, f"this does not hold: {claim.text}"


def check(stop: LessonStep, open_network: Open) -> list[tuple[LessonText, str]]:
    """Meet a stop with its network, read every word of it and return the claims that are false, with why.

    Raises:
        LanguageError: Something means nothing, with line and column; a claim that is false is not a mistake here.
    """
    standing = Standing(stop, open_network)
    standing.say()
    standing.what_to_try()
    return list(false_claims(standing))


SUFFIX = ".toml"


def folder() -> Path:
    """Return the folder of the lessons that come with the program."""
    return Path(__file__).parents[1] / "lessons"


def example() -> Path:
    """Return a lesson that shows all a lesson can say, to be copied."""
    return folder() / f"example{SUFFIX}"


def number_of(path: Path) -> int | None:
    """Return the number before the name of a lesson's file: 3 of `03-forget.toml`; None where there is none."""
    return whole_number(path.stem.partition("-")[0])


class Library:
    """Lessons, and the networks they run."""

    def __init__(self, open_bundled: Callable[[str], Network], open_file: Callable[[Path], Network]) -> None:
        """Hold how a bundled network is opened, and how a network's file is; both raise `UserError`."""
        self._open_bundled, self._open_file = open_bundled, open_file
        self._networks: dict[str, Network] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The lessons that come with the program, in their order."""
        return tuple(sorted(folder().glob(f"[0-9]*{SUFFIX}")))

    def lessons(self) -> tuple[Lesson, ...]:
        """Read every lesson that comes with the program."""
        return tuple(read_lesson(path) for path in self.files)

    def find(self, name: str) -> Lesson:
        """Return a lesson by its name, its number, or its file.

        Raises:
            UserError: There is none, or with line and column of the first mistake in it.
        """
        known = {path.stem.partition("-")[2]: path for path in self.files}
        if name in known:
            return read_lesson(known[name])
        number = whole_number(name)
        numbered = next((path for path in self.files if number == number_of(path)), None)
        if numbered is not None:
            return read_lesson(numbered)
        if name.endswith(SUFFIX) or "/" in name:
            return read_lesson(Path(name).expanduser())
        near = nearest(name, known)
        advice = f"did you mean {near}?" if near else f"there are {', '.join(known)}, or give a {SUFFIX} file"
        raise UserError(f"there is no lesson {visible(name[:40])}; {advice}")

    def opener(self, lesson: Lesson) -> Callable[[str], Network]:
        """Return how a network of a lesson is opened: a bundled name, or a file beside the lesson and nowhere else."""

        def open_network(name: str) -> Network:
            if not name.endswith(NATIVE):
                return self.bundled(name)
            if Path(name).name != name:
                raise UserError(f"{visible(name)}: a lesson's own network lies beside it: give the name of its file")
            file = Path(lesson.source).parent / name
            if str(file) not in self._networks:
                self._networks[str(file)] = self._open_file(file)
            return self._networks[str(file)]

        return open_network

    def bundled(self, name: str) -> Network:
        """Return a bundled network.

        Raises:
            UserError: There is none of this name.
        """
        if name not in self._networks:
            self._networks[name] = self._open_bundled(name)
        return self._networks[name]

    def checked(self, lesson: Lesson) -> Lesson:
        """Meet every stop of a lesson with its network and read every word of it.

        Raises:
            UserError: Something means nothing, with line and column.
        """
        for stop in lesson.stops:
            check(stop, self.opener(lesson))
        return lesson
