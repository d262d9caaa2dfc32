"""Data classes that are written late behave as those of `dataclasses`, which are the oracle here."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from lstm_tui.engine import dataclass as late

OPTIONS = [{"frozen": frozen, "eq": eq} for frozen in (False, True) for eq in (False, True)]
Decorator = Callable[[type], type]


def declared(decorate: Decorator) -> type:
    class Place:
        """A place."""

        kind: ClassVar[str] = "place"
        t: int
        name: str = "x"
        parts: list[int] = dataclasses.field(default_factory=list, repr=False)
        weight: float = dataclasses.field(default=0.5, compare=False)
        double: int = dataclasses.field(init=False, default=0)

        def __post_init__(self) -> None:
            object.__setattr__(self, "double", 2 * self.t)

        @property
        def next(self) -> int:
            """The next place."""
            return self.t + 1

    return decorate(Place)


def with_own_methods(decorate: Decorator) -> type:
    class Place:
        """A place."""

        t: int

        def __repr__(self) -> str:
            return f"<{self.t}>"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Place) and self.t % 2 == other.t % 2

        def __hash__(self) -> int:
            return self.t % 2

    return decorate(Place)


def without_fields(decorate: Decorator) -> type:
    class Place:
        """Nothing is held."""

    return decorate(Place)


def below_another(decorate: Decorator) -> type:
    class Base:
        """A base."""

        t: int
        name: str = "x"

    class Place(decorate(Base)):  # type: ignore[misc]
        """A place above a base."""

        name: str = "y"
        more: tuple[int, ...] = ()

        def twice(self) -> str:
            return str(super().__repr__())

    return decorate(Place)


def below_an_abstract_one(decorate: Decorator) -> type:
    class Base(ABC):
        @abstractmethod
        def value(self) -> int: ...

    class Place(Base):
        t: int

        def value(self) -> int:
            return self.t

    return decorate(Place)


def above_one_that_declares_nothing(decorate: Decorator) -> type:
    class Base:
        """A base."""

        t: int

    class Place(decorate(Base)):  # type: ignore[misc]
        def more(self) -> int:
            return int(self.t) + 1

    return Place


KINDS = [value for name, value in list(globals().items()) if inspect.isfunction(value) and value.__module__ == __name__]


def outcome(of: Callable[[], Any]) -> Any:
    try:
        found = of()
    except (TypeError, AttributeError, dataclasses.FrozenInstanceError) as error:
        return type(error), str(error)
    return found


def uses(cls: type) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is done with a class, each the first thing that is done with it, and what comes out as plain data."""
    yield "make", lambda: vars(cls(3)) if dataclasses.fields(cls) else vars(cls())
    yield "make", lambda: vars(cls())
    yield "make", lambda: vars(cls(1, 2, 3, 4, 5, 6))
    yield "make", lambda: vars(cls(t=1, wrong=2))
    yield "fields", lambda: [(one.name, one.type, one.default, one.init, one.repr) for one in dataclasses.fields(cls)]
    yield "options", lambda: str(cls.__dataclass_params__)  # type: ignore[attr-defined]
    yield "replaced by copy", lambda: vars(cls(3).__replace__(t=4))
    yield "is one", lambda: dataclasses.is_dataclass(cls)
    yield "repr", lambda: repr(cls(3))
    yield "equal", lambda: (cls(3) == cls(3), cls(3) != cls(4), cls(3) == 3)
    yield "hash", lambda: len({hash(one) for one in [cls(3), cls(3)]})
    yield "ordered", lambda: cls(3) < cls(4)
    yield "set", lambda: setattr(cls(3), "t", 4)
    yield "set", lambda: setattr(cls(3), "other", 4)
    yield "delete", lambda: delattr(cls(3), "t")
    yield "delete", lambda: delattr(cls(3), "other")
    yield "replace", lambda: vars(dataclasses.replace(cls(3), t=4))
    yield "as data", lambda: dataclasses.asdict(cls(3))
    yield "copy", lambda: vars(copy.copy(cls(3)))
    yield "deep copy", lambda: vars(copy.deepcopy(cls(3)))
    yield "signature", lambda: str(inspect.signature(cls))
    yield "names by place", lambda: cls.__match_args__  # type: ignore[attr-defined]
    yield "defaults", lambda: [getattr(cls, name, "none") for name in ("t", "name", "weight")] if cls(3) else None
    yield "text", lambda: inspect.getdoc(cls)
    yield "methods", lambda: [(name, value(cls(3))) for name, value in vars(cls).items() if name in ("twice", "more")]
    yield "name", lambda: (cls(3).__init__.__qualname__, cls.__repr__.__qualname__)


COUNT = len(list(uses(object)))


@pytest.mark.parametrize("use", range(COUNT))
@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda one: "-".join(name for name, on in one.items() if on) or "plain"
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_a_class_does_what_a_data_class_does_whatever_is_done_first(kind: Any, options: Any, use: int) -> None:
    theirs, ours = (kind(module.dataclass(**options)) for module in (dataclasses, late))
    name, wanted = list(uses(theirs))[use]
    if "own_methods" in kind.__name__ and name == "hash" and not options["eq"]:
        assert ours(3) == ours(5)
    assert outcome(list(uses(ours))[use][1]) == outcome(wanted), name


def test_nothing_is_written_before_a_class_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[type] = []
    real = dataclasses.dataclass

    def counted(**options: bool) -> Decorator:
        return lambda cls: written.append(cls) or real(**options)(cls)  # type: ignore[func-returns-value]

    monkeypatch.setattr(dataclasses, "dataclass", counted)
    ours = declared(late.dataclass(frozen=True))
    assert ours.kind == "place"  # type: ignore[attr-defined]
    assert not written
    assert (ours(1).t, ours(2).t) == (1, 2)
    assert len(written) == 1
    assert repr(ours(1)) != repr(ours(2))
    assert ours(1) == ours(1)
    assert len(written) == 2


def test_threads_that_use_a_class_first_at_once_all_get_it() -> None:
    for _ in range(30):
        ours = declared(late.dataclass(frozen=True))
        ready = threading.Barrier(6)
        failed: list[object] = []

        def use(cls: type = ours, ready: threading.Barrier = ready, failed: list[object] = failed) -> None:
            ready.wait()
            try:
                assert (cls(3), cls(2).double) == (cls(3), 4)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=use) for _ in range(6)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert not failed


@late.dataclass(frozen=True)
class Sent:
    """What is sent to another process."""

    t: int


def test_one_that_was_not_made_here_but_read_is_equal_to_one_that_was() -> None:
    data = pickle.dumps(Sent(3))
    read = Sent.__new__(Sent)
    vars(read).update(t=3)
    assert read == pickle.loads(data)
    assert (hash(read), repr(read)) == (hash(Sent(3)), "Sent(t=3)")
