"""Cases, feedback, tallies, workspaces, marks, the queue with its journal, and slack_sdk's tables of installations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _cases()
    _teams()
    _queue()
    _oauth()


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("thread_ts", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("lang", sa.String(8), nullable=False),
        sa.Column("stated", sa.JSON, nullable=False),
        sa.Column("tried", sa.JSON, nullable=False),
        sa.Column("applied", sa.JSON, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("gpu", sa.String(200), nullable=False),
        sa.Column("framework", sa.String(200), nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("message_ts", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_team_user", "cases", ["team", "user"])
    op.create_index("ix_cases_created_at", "cases", ["created_at"])
    op.create_table(
        "feedback",
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        sa.Column("remedy", sa.String(64), nullable=False),
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "user", "answer", "remedy", name="pk_feedback"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_feedback_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_feedback_team_user", "feedback", ["team", "user"])
    op.create_table(
        "tallies",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("remedy", sa.String(64), nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        sa.Column("count", ID, nullable=False),
        sa.PrimaryKeyConstraint("kind", "remedy", "answer", name="pk_tallies"),
    )


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("lang", sa.String(8), nullable=False),
        sa.Column("react", sa.String(16), nullable=False),
        sa.Column("gpu", sa.String(200), nullable=False),
        sa.Column("emails", sa.Boolean, nullable=False),
        sa.Column("retention_days", sa.Integer),
        sa.PrimaryKeyConstraint("team", name="pk_teams"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("case_id", sa.String(64)),
        sa.Column("until", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_marks_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_marks_until", "marks", ["until"])
    op.create_index("ix_marks_case_id", "marks", ["case_id"])


def _queue() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("takeovers", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("leased_until", sa.Float, nullable=False),
        sa.Column("done_at", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("key", name="uq_jobs_key"),
    )
    op.create_index("ix_jobs_claim", "jobs", ["state", "not_before", "id"])
    op.create_index("ix_jobs_team_user", "jobs", ["team", "user"])
    op.create_index("ix_jobs_done_at", "jobs", ["done_at"])
    op.create_table(
        "steps",
        sa.Column("job", ID, nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("job", "step", name="pk_steps"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_steps_job", ondelete="CASCADE"),
    )


def _oauth() -> None:
    """The tables as slack_sdk 3.48 reads and writes them, but with tokens of any length: sealed ones are longer."""
    op.create_table("slack_bots", *_installed())
    op.create_index("slack_bots_idx", "slack_bots", ["client_id", "enterprise_id", "team_id", "installed_at"])
    person: list[sa.Column[Any]] = [
        sa.Column("enterprise_url", sa.Text),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("user_token", sa.Text),
        sa.Column("user_scopes", sa.Text),
        sa.Column("user_refresh_token", sa.Text),
        sa.Column("user_token_expires_at", sa.DateTime),
        sa.Column("incoming_webhook_url", sa.Text),
        sa.Column("incoming_webhook_channel", sa.Text),
        sa.Column("incoming_webhook_channel_id", sa.Text),
        sa.Column("incoming_webhook_configuration_url", sa.Text),
        sa.Column("token_type", sa.String(32)),
    ]
    op.create_table("slack_installations", *_installed(), *person)
    op.create_index(
        "slack_installations_idx",
        "slack_installations",
        ["client_id", "enterprise_id", "team_id", "user_id", "installed_at"],
    )
    op.create_table(
        "slack_oauth_states",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(200), nullable=False),
        sa.Column("expire_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_slack_oauth_states_state", "slack_oauth_states", ["state"])


def _installed() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("client_id", sa.String(32), nullable=False),
        sa.Column("app_id", sa.String(32), nullable=False),
        sa.Column("enterprise_id", sa.String(32)),
        sa.Column("enterprise_name", sa.Text),
        sa.Column("team_id", sa.String(32)),
        sa.Column("team_name", sa.Text),
        sa.Column("bot_token", sa.Text),
        sa.Column("bot_id", sa.String(32)),
        sa.Column("bot_user_id", sa.String(32)),
        sa.Column("bot_scopes", sa.Text),
        sa.Column("bot_refresh_token", sa.Text),
        sa.Column("bot_token_expires_at", sa.DateTime),
        sa.Column("is_enterprise_install", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("installed_at", sa.DateTime, nullable=False, server_default=sa.func.now()),
    ]
