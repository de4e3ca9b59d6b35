"""The user's own command or configuration with the changes written into it: found in the text, edited as text, read again."""

from advisor.edits.apply import Editor, Piece, Rewritten, Wish
from advisor.edits.diff import unified

__all__ = ["Editor", "Piece", "Rewritten", "Wish", "unified"]
