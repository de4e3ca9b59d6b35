"""Property tests: the same examples everywhere and no clock; `--hypothesis-profile explore` looks for new ones."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("steady")
