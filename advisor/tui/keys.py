"""The keys of the screen and the entries of the command palette, with their labels as keys of the wordings."""

from __future__ import annotations

# Key, action, label, whether the footer shows it, whether it works while one types. Printable keys never do.
BINDINGS: tuple[tuple[str, str, str, bool, bool], ...] = (
    ("ctrl+r", "diagnose", "tui.bar.diagnose", True, True),
    ("ctrl+o", "open", "tui.bar.open", True, True),
    ("ctrl+n", "new", "tui.bar.new", True, True),
    ("p", "plan", "tui.bar.plan", True, False),
    ("u", "undo", "tui.bar.undo", True, False),
    ("x", "reset", "tui.bar.reset", True, False),
    ("c", "compare", "tui.bar.compare", True, False),
    ("y", "copy('changes')", "tui.bar.copy", True, False),
    ("n", "numbers", "tui.bar.numbers", False, False),
    ("h", "phases", "tui.bar.phases", False, False),
    ("f1", "help_page", "tui.bar.help", True, True),
    ("f2", "language", "tui.bar.language", True, True),
    ("f3", "theme", "tui.bar.theme", False, True),
    ("f4", "tab('text')", "tui.bar.text", False, True),
    ("f5", "tab('facts')", "tui.bar.facts", False, True),
    ("f6", "tab('remedies')", "tui.bar.remedies", False, True),
    ("f7", "tab('why')", "tui.bar.why", False, True),
    ("U", "redo", "tui.bar.redo", False, False),
    ("k", "keep", "tui.bar.keep", False, False),
    ("m", "copy('markdown')", "tui.bar.markdown", False, False),
    ("j", "copy('json')", "tui.bar.json", False, False),
    ("s", "save", "tui.bar.save", False, False),
    ("escape", "cancel", "tui.bar.cancel", False, False),
)

# The order of the footer: what one does most where the focus is comes first.
ORDER = (
    "select", "stronger", "select_cursor", "jump", "forget", "diagnose", "open", "new", "plan", "undo", "reset", "compare",
    "copy('changes')", "help_page", "language",
)  # fmt: skip

# What the footer leaves out where it has little room and the text is not in focus.
TEXT_ACTIONS = frozenset({"diagnose", "open", "new", "language"})

# Action and the key that it has, in the order of the palette; `tui.key.<key>` says what it does.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("diagnose", "ctrl+r"), ("open", "ctrl+o"), ("new", "ctrl+n"), ("plan", "p"), ("undo", "u"), ("redo", "U"), ("reset", "x"),
    ("keep", "k"), ("compare", "c"), ("numbers", "n"), ("phases", "h"), ("copy('changes')", "y"), ("copy('markdown')", "m"),
    ("copy('json')", "j"), ("save", "s"), ("tab('text')", "f4"), ("tab('facts')", "f5"), ("tab('remedies')", "f6"),
    ("tab('why')", "f7"), ("language", "f2"), ("theme", "f3"), ("help_page", "f1"), ("quit", "ctrl+q"),
)  # fmt: skip

# What makes no sense before there is a diagnosis.
NEED_REPORT = frozenset({"plan", "reset", "compare", "copy", "numbers", "phases", "keep", "save"})
