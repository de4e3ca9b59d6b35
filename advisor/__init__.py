"""Why a run ran out of GPU memory, what to change first, and which smallest set of changes makes it fit."""

from advisor.version import __version__

__all__ = ["__version__"]
