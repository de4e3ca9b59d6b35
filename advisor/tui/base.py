"""What surrounds the screen: keys, the command palette, pages and dialogs, and taking results away."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from advisor.render.markdown import render_markdown
from advisor.tui.keys import BINDINGS, COMMANDS, NEED_REPORT
from advisor.tui.pages import compare_page, help_page
from advisor.tui.screens.ask_path import AskPath
from advisor.tui.screens.palette import Palette
from advisor.tui.screens.text import TextPage
from advisor.tui.session import Session
from advisor.wording import word

PAGE_FRAME = 6  # columns of a page's border, padding and scroll bar
SWITCH_S = 0.001
"""How long a thread computes before another gets its turn. Textual's thread takes a paste in by pieces of 4096 bytes and gives its turn
up at each read, only to take it back at once: with Python's 5 ms, longer than a piece takes, the screen may wait for half a second."""


class BaseApp(App[None]):
    """The app without its widgets."""

    CSS_PATH = Path(__file__).with_name("advisor.tcss")
    TITLE = "advisor"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012 - Textual's class variable
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - Textual's class variable
    BINDINGS = [  # noqa: RUF012 - Textual's class variable
        Binding(key, action, label, show=show, priority=first) for key, action, label, show, first in BINDINGS
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._switched = sys.getswitchinterval()

    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_S)

    def on_unmount(self) -> None:
        sys.setswitchinterval(self._switched)

    def w(self, key: str, **values: object) -> str:
        """A word in the language of the screen."""
        return word(key, self.session.lang, **values)

    def tell(self, key: str, **values: object) -> None:
        """Says something for a moment; what was said before makes room, so that held keys don't cover the screen."""
        self.clear_notifications()
        self.notify(self.w(key, **values), timeout=3, markup=False)

    @property
    def ground(self) -> Screen[object]:
        """The screen under the dialogs."""
        return self.screen_stack[0]

    @property
    def covered(self) -> bool:
        """Whether a page or dialog lies over the screen."""
        return len(self.screen_stack) > 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides what makes no sense before there is a diagnosis."""
        return not (action in NEED_REPORT and self.session.report is None)

    # --- the command palette ------------------------------------------------------------------------------------

    def commands(self) -> list[tuple[str, str, str]]:
        """Every action that makes sense now: its name in the language of the screen, its key, and the action."""
        found = []
        for action, key in COMMANDS:
            if self.check_action(action.partition("(")[0], ()):
                title = self.w(f"tui.key.{key}")
                found.append((title[:1].upper() + title[1:], key, action))
        return found

    def action_command_palette(self) -> None:
        """Asks for a command and runs it."""

        async def run(action: str | None) -> None:
            if action is not None:
                await self.run_action(action)

        if not self.covered:
            palette = Palette(self.commands(), self.w("tui.commands"), self.w("tui.palette"), self.w("tui.no_command"))
            self.push_screen(palette, run)

    # --- pages --------------------------------------------------------------------------------------------------

    def action_help_page(self) -> None:
        self._page(help_page(self.session.lang), "tui.help")

    def action_compare(self) -> None:
        self._page(compare_page(self.session, int(self.size.width * 0.96) - PAGE_FRAME), "tui.compare")

    def _page(self, content: RenderableType, title: str) -> None:
        if not self.covered:
            self.push_screen(TextPage(content, self.w(title), self.w("tui.close_hint")))

    # --- taking it away -----------------------------------------------------------------------------------------

    def export(self, what: str) -> str:
        """The report as `markdown` or `json`, or the changed command and configuration (`changes`)."""
        report = self.session.report
        if report is None:
            return ""
        if what == "markdown":
            return render_markdown(report)
        if what == "json":
            return json.dumps(report.as_json(), ensure_ascii=False, indent=1)
        return self.session.changes_text()

    def action_copy(self, what: str) -> None:
        """Puts the changes, the Markdown or the JSON on the clipboard (OSC 52)."""
        text = self.export(what)
        if text:
            self.copy_to_clipboard(text)
            self.tell("tui.copied", what=self.w(f"tui.what.{what}"))
        else:
            self.tell("tui.nothing_to_copy")

    def action_save(self) -> None:
        """Writes the report: the ending of the name decides, .md or .json, else the changes."""

        def save(answer: str | None) -> None:
            if answer is None:
                return
            what = {".md": "markdown", ".json": "json"}.get(Path(answer).suffix.lower(), "changes")
            try:
                Path(answer).expanduser().write_text(self.export(what), encoding="utf-8")
            except (OSError, ValueError, RuntimeError) as error:
                self.notify(f"{answer}: {getattr(error, 'strerror', None) or error}", severity="error", markup=False)
                return
            self.notify(self.w("tui.saved", what=self.w(f"tui.what.{what}"), path=answer), markup=False)

        if self.session.report is not None and not self.covered:
            self.push_screen(AskPath(self.w("tui.save_as"), "advisor.md", self.w("tui.save_hint")), save)

    def action_open(self) -> None:
        """Asks for a log and opens it."""

        def load(answer: str | None) -> None:
            if answer is not None:
                try:
                    path = Path(answer).expanduser()
                except RuntimeError:  # no such user's home
                    path = Path(answer)
                self.load_file(path)

        if not self.covered:
            self.push_screen(AskPath(self.w("tui.open"), "", self.w("tui.open_hint")), load)

    def load_file(self, path: Path) -> None:
        """Opens a log."""
        raise NotImplementedError
