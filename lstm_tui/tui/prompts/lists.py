"""Lists over the lower half of the screen: of edits, and of breakpoints, watches and displays.

They are walked by keys and changed in place, the run above follows, and a line below says what went wrong.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, Display
from lstm_tui.debugger.edits.language import shown_line
from lstm_tui.debugger.session import Session
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.prompts.prompts import LinePrompt, Prompt
from lstm_tui.tui.view_keys import keymap_of

_CLOSES = ("esc", "closes")


class ListPanel(ModalScreen[None]):
    """What a list of edits and one of stops have in common."""

    DEFAULT_CSS = """
    ListPanel { align: center bottom; background: $lt-ground 0%; }
    ListPanel > Vertical {
        width: 100%; height: auto; max-height: 60%; border: round $lt-focus; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft;
    }
    ListPanel OptionList, ListPanel OptionList:focus {
        height: auto; max-height: 100%; border: none; padding: 0; background: $lt-ground;
        background-tint: $lt-ground 0%;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ListPanel OptionList > .option-list--option-highlighted,
    ListPanel OptionList:focus > .option-list--option-highlighted {
        background: $lt-row; color: $lt-title; text-style: none;
    }
    ListPanel Static { color: $lt-alarm; width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("j", "walk(1)", show=False),
        Binding("k", "walk(-1)", show=False),
        Binding("P,shift+p", "app.picture", show=False),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What its keys do, on the lower edge."""
    view_name = ""
    """What its keys are called in `view_keys`."""

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical() as box:
            box.border_subtitle = Content(
                "   ".join(f"{key} {word}" for key, word in (*keymap_of(self.view_name).line(self.KEYS), _CLOSES))
            )
            yield OptionList()
            yield Static(id="said")

    def on_mount(self) -> None:
        """Fill the list."""
        self.renew()
        self._say("")

    @abstractmethod
    def renew(self) -> None:
        """List everything as it is now."""

    def _say(self, words: str) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(words))
        said.display = bool(words)

    def action_walk(self, step: int) -> None:
        """Choose the next one, or the one before."""
        found = self.query_one(OptionList)
        if step > 0:
            found.action_cursor_down()
        else:
            found.action_cursor_up()

    def action_leave(self) -> None:
        """Close the list."""
        self.dismiss(None)


class EditList(ListPanel):
    """Every edit, those in force marked; the one chosen is the last in force."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "leave", show=False),
        Binding("c", "copy", show=False),
        Binding("s", "save", show=False),
        Binding("z", "step(-1)", show=False),
        Binding("Z,shift+z", "step(1)", show=False),
    ]
    KEYS = (("enter", "goes to that state"), ("z/Z", "undo"), ("c", "copy"), ("s", "save"))
    view_name = "edits"

    def __init__(
        self, session: Session, glyphs: Glyphs, go_to: Callable[[int], str], execute: Callable[[str], str]
    ) -> None:
        """List the edits of a session.

        Args:
            session: Whose edits.
            glyphs: The signs to draw with.
            go_to: Goes to where so many edits are in force; returns what is wrong.
            execute: Executes a typed line; returns what is wrong with it.
        """
        super().__init__()
        self._session, self._glyphs, self._go_to, self._execute = session, glyphs, go_to, execute

    def renew(self) -> None:
        """List the edits as they are now."""
        history = self._session.history
        total = len(history.edits)
        words = f"{history.done} of {total} edits in force" if total else "no edits yet: e makes one"
        self.query_one(Vertical).border_title = Content(words)
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options([self._line(n) for n in range(total + 1)])
        found.highlighted = history.done

    def _line(self, number: int) -> Content:
        history, glyphs = self._session.history, self._glyphs
        here = number == history.done
        mark = glyphs.cursor if here else " "
        if number == 0:
            return Content.assemble((f"{mark}     ", "$lt-focus"), ("the run as it was opened", "$lt-soft"))
        undone = number > history.done
        sign = " " if undone else glyphs.edited
        words = glyphs.say(visible(self._session.words[number - 1]))
        line = visible(shown_line(history.edits[number - 1]))
        return Content.assemble(
            (f"{mark}{sign}{number:>3} ", "$lt-focus" if here else "$lt-key"),
            (words + ("  (undone)" if undone else ""), "$lt-faint" if undone else "$lt-ink"),
            (f"   {line}", "$lt-faint"),
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the state that is chosen."""
        self._say(self._go_to(event.option_index))

    def action_step(self, step: int) -> None:
        """Take an edit back, or make it again."""
        self._say(self._go_to(min(max(self._session.history.done + step, 0), len(self._session.history.edits))))

    def action_copy(self) -> None:
        """Copy the edits in force as lines of an edit script."""
        lines = self._session.history.lines
        self.app.copy_to_clipboard("\n".join(lines) + "\n")
        self._say(f"{len(lines)} lines copied, where the terminal allows it")

    def action_save(self) -> None:
        """Ask for a file and write the edits in force there."""
        self.app.push_screen(Prompt("write the edits in force to", "edits.txt"), self._save)

    def _save(self, name: str | None) -> None:
        if name:
            self._say(self._execute(f"save-edits {name}"))


class StopList(ListPanel):
    """What stops the run and what is shown at every stop; everything done here is a line that can be typed too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("B,shift+b", "leave", show=False),
        Binding("space", "switch", show=False),
        Binding("e", "edit", show=False),
        Binding("i", "ignore", show=False),
        Binding("d,delete", "delete", show=False),
        Binding("b", "add('break')", show=False),
        Binding("w", "add('watch')", show=False),
        Binding("p", "add('display')", show=False),
    ]
    KEYS = (("space", "on/off"), ("e", "edit"), ("i", "ignore"), ("d", "delete"), ("b w p", "new"))
    view_name = "stops"

    def __init__(self, session: Session, glyphs: Glyphs, execute: Callable[[str], str]) -> None:
        """List the stops and displays of a session; `execute` executes a typed line and returns what is wrong."""
        super().__init__()
        self._session, self._glyphs, self._execute = session, glyphs, execute

    @property
    def _rows(self) -> list[Breakpoint | Display]:
        return [*self._session.breakpoints, *self._session.displays]

    def renew(self) -> None:
        """List them as they are now, at the same row."""
        found, rows = self.query_one(OptionList), self._rows
        place = found.highlighted or 0
        stops, shown = len(self._session.breakpoints), len(self._session.displays)
        words = f"{stops} breakpoint{'s' * (stops != 1)}, {shown} display{'s' * (shown != 1)}"
        self.query_one(Vertical).border_title = Content(words)
        found.clear_options()
        found.add_options([self._line(one) for one in rows] or [Content("nothing yet: b break, w watch, p display")])
        found.highlighted = min(place, max(len(rows) - 1, 0))

    def _line(self, one: Breakpoint | Display) -> Content:
        say = self._glyphs.say
        if isinstance(one, Display):
            return Content.assemble(
                (f"    {one.number:>3}  display  ", "$lt-key"), (say(visible(one.expression.text.strip())), "$lt-ink"),
                (f"   in {one.pass_name}", "$lt-faint"),
            )  # fmt: skip
        word = "once" if one.temporary else "watch" if one.word == "watch" else "break"
        facts = [f"in {one.pass_name}", f"hit {one.hits}"] + [f"ignores the next {one.ignore}"] * (one.ignore > 0)
        facts += [say(told)] if (told := self._session.stops.unknown(one)) else []
        mark = self._glyphs.stop if one.enabled else " "
        return Content.assemble(
            (f"  {mark} ", "$lt-alarm"), (f"{one.number:>3}  {word:<7}  ", "$lt-key"),
            (say(visible(one.trigger.text)), "$lt-ink" if one.enabled else "$lt-faint"),
            ("" if one.enabled else "  (off)", "$lt-soft"), ("   " + f" {self._glyphs.dot} ".join(facts), "$lt-faint"),
        )  # fmt: skip

    @property
    def _chosen(self) -> Breakpoint | Display | None:
        rows, place = self._rows, self.query_one(OptionList).highlighted
        return rows[place] if place is not None and place < len(rows) else None

    def _do(self, line: str) -> None:
        self._say(self._execute(line))
        self.renew()

    def on_option_list_option_selected(self) -> None:
        """Rewrite the chosen one."""
        self.action_edit()

    def action_switch(self) -> None:
        """Have a breakpoint stop no more, or again."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._do(f"{'disable' if one.enabled else 'enable'} {one.number}")
        elif one is not None:
            self._say("a display has no switch: d takes it away")

    def action_delete(self) -> None:
        """Take the chosen one away."""
        one = self._chosen
        if one is not None:
            self._do(f"{'unbreak' if isinstance(one, Breakpoint) else 'undisplay'} {one.number}")

    def action_edit(self) -> None:
        """Ask what it should wait for, or show."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._ask(f"{one.word} {one.number} waits for", one.trigger.text, f"rebreak {one.number} ")
        elif one is not None:
            number = one.number
            self._prompt(f"display {number} shows", one.expression.text.strip(), lambda text: self._show(number, text))

    def action_ignore(self) -> None:
        """Ask how many of its next hits are passed over."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._ask(f"{one.word} {one.number}: hits to pass over", str(one.ignore), f"ignore {one.number} ")

    def action_add(self, verb: str) -> None:
        """Ask for another one."""
        about = {"break": "stop at a token, equation or condition", "watch": "stop when it moves", "display": "show"}
        self._ask(about[verb], "", f"{verb} ")

    def _ask(self, title: str, value: str, line: str) -> None:
        self._prompt(title, value, lambda text: self._execute(line + text) if text.strip() else "what? esc leaves it")

    def _prompt(self, title: str, value: str, submit: Callable[[str], str]) -> None:
        self.app.push_screen(LinePrompt(title, visible(value), submit, self._glyphs), lambda _: self.renew())

    def _show(self, number: int, text: str) -> str:
        """Have a display show something else: the old one goes when the new one is there."""
        if not text.strip():
            return "show what?"
        return self._execute(f"display {text}") or self._execute(f"undisplay {number}")
