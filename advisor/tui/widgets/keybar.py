"""The footer: the keys that matter where the focus is, in the language of the screen."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer, TextArea
from textual.widgets._footer import FooterKey

from advisor.tui.keys import ORDER, TEXT_ACTIONS

WIDE = 100


class KeyBar(Footer):
    """A footer whose binding descriptions are keys of the wordings (`tui.bar.plan`)."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        super().__init__(compact=True)
        self._translate = translate

    def compose(self) -> ComposeResult:
        screen: Screen[object] = self.screen
        palette = self.app.COMMAND_PALETTE_BINDING
        seen: set[str] = set()
        narrow = self.app.size.width < WIDE and not isinstance(self.screen.focused, TextArea)
        place = {action: index for index, action in enumerate(ORDER)}
        active = sorted(screen.active_bindings.items(), key=lambda item: place.get(item[1].binding.action, len(ORDER)))
        for key, (_, binding, enabled, _) in active:
            if not binding.show or not binding.description or binding.action in seen or key == palette:
                continue
            seen.add(binding.action)
            if narrow and binding.action in TEXT_ACTIONS:
                continue
            yield self._key(
                binding.key, self.app.get_key_display(binding), binding.description, binding.action, enabled
            )
        if palette in screen.active_bindings and self.app.ENABLE_COMMAND_PALETTE:
            binding = screen.active_bindings[palette].binding
            display = self.app.get_key_display(binding)
            yield self._key(binding.key, display, "tui.bar.palette", binding.action, True, "-command-palette")

    def _key(self, key: str, display: str, label: str, action: str, enabled: bool, classes: str = "") -> FooterKey:
        text = self._translate(label) if label.startswith("tui.") else label
        return FooterKey(key, display, text, action, disabled=not enabled, classes=classes).data_bind(
            compact=Footer.compact
        )
