"""Writes docs/help.md from the commands' own help: python docs/make_help.py."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli import cli

WIDTH = 100


def pages() -> str:
    """The help of every command as one Markdown page."""
    parts = ["# Commands", "", "Written by `python docs/make_help.py`; a test keeps it true.", ""]
    names = cli.context_settings["help_option_names"]
    root = click.Context(cli, info_name="advisor", terminal_width=WIDTH, help_option_names=names)
    stack: list[tuple[click.Context, click.Command]] = [(root, cli)]
    while stack:
        context, command = stack.pop(0)
        parts += [f"## {context.command_path}", "", "```text", command.get_help(context).rstrip(), "```", ""]
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child is not None:
                    below = click.Context(
                        child, info_name=name, parent=context, terminal_width=WIDTH, max_content_width=WIDTH
                    )
                    stack.append((below, child))
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parent / "help.md").write_text(pages(), encoding="utf-8")
