"""What the bot keeps: cases, feedback, wishes of workspaces; one typed door, on SQLite or PostgreSQL.

>>> store = Store.open("sqlite://")
>>> case = store.add_case(Case(team="T1", user="U1", text="CUDA out of memory", kind="vram_oom"))
>>> store.add_feedback(case, "T1", "U1", "worked", ["gradient_checkpointing"])
True
>>> store.forget_user("T1", "U1")
1
>>> store.stats().tallies
(Tally(kind='vram_oom', remedy='gradient_checkpointing', answer='worked', count=1),)
"""

from __future__ import annotations

from bots.slack.store.cases import Cases
from bots.slack.store.database import Database
from bots.slack.store.feedback import Feedback
from bots.slack.store.migrate import require_current, upgrade
from bots.slack.store.records import Answer, Case, Stats, StoreError, Tally, TeamSettings
from bots.slack.store.retention import Retention
from bots.slack.store.teams import Teams

__all__ = ["Answer", "Case", "Stats", "Store", "StoreError", "Tally", "TeamSettings"]


class Store(Cases, Feedback, Teams, Retention):
    """The store of one process; every method is one transaction and may be called from any thread."""

    @classmethod
    def open(cls, url: str, *, migrate: bool | None = None, connections: int = 10) -> Store:
        """Opens the database.

        Args:
            url: `sqlite:///FILE`, `sqlite://` (memory) or `postgresql://USER@HOST/NAME`.
            migrate: bring the tables up to date first; None: on SQLite only, elsewhere `advisor slack migrate` does it.
            connections: most connections that this process opens.

        Raises: StoreError, where the tables are not those of this version.
        """
        database = Database.open(url, connections=connections)
        try:
            if database.sqlite if migrate is None else migrate:
                upgrade(database)
            else:
                require_current(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def forget_team(self, team: str, *, keep: str = "") -> int:
        """Deletes a workspace's cases, feedback, waiting requests and settings; its installation stays."""
        deleted = super().forget_team(team, keep=keep)
        self._read.pop(team, None)
        return deleted
