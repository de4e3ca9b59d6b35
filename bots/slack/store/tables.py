"""The tables: cases and feedback, wishes of workspaces, the work queue with its journal. Times are seconds since 1970 (UTC)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
_Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """All tables of the bot but slack_sdk's own (OAuth), which the migrations make."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012


class CaseRow(Base):
    """A question: redacted text and what builds its answer again."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_team_user", "team", "user"), Index("ix_cases_created_at", "created_at"))

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    team: Mapped[str] = mapped_column(String(32))
    user: Mapped[str] = mapped_column("user", String(32))
    channel: Mapped[str] = mapped_column(String(32), default="")
    thread_ts: Mapped[str] = mapped_column(String(32), default="")
    text: Mapped[str] = mapped_column(Text)
    lang: Mapped[str] = mapped_column(String(8), default="en")
    stated: Mapped[dict[str, Any]]
    tried: Mapped[list[str]]
    applied: Mapped[list[str]]
    kind: Mapped[str] = mapped_column(String(64), default="")
    model: Mapped[str] = mapped_column(String(200), default="")
    gpu: Mapped[str] = mapped_column(String(200), default="")
    framework: Mapped[str] = mapped_column(String(200), default="")
    shared: Mapped[bool] = mapped_column(default=False)
    message_ts: Mapped[str] = mapped_column(String(32), default="")
    created_at: Mapped[float] = mapped_column(Float)


class FeedbackRow(Base):
    """What somebody said about one remedy of a case (empty: about the whole answer)."""

    __tablename__ = "feedback"
    __table_args__ = (Index("ix_feedback_team_user", "team", "user"),)

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    user: Mapped[str] = mapped_column("user", String(32), primary_key=True)
    answer: Mapped[str] = mapped_column(String(16), primary_key=True)
    remedy: Mapped[str] = mapped_column(String(64), primary_key=True)
    team: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Float)


class TallyRow(Base):
    """What remains of deleted cases and feedback: counts, of nobody. `answer` "case" counts cases."""

    __tablename__ = "tallies"

    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    remedy: Mapped[str] = mapped_column(String(64), primary_key=True)
    answer: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column("count", _Id)


class TeamRow(Base):
    """The wishes of a workspace."""

    __tablename__ = "teams"

    team: Mapped[str] = mapped_column(String(32), primary_key=True)
    lang: Mapped[str] = mapped_column(String(8), default="auto")
    react: Mapped[str] = mapped_column(String(16), default="files")
    gpu: Mapped[str] = mapped_column(String(200), default="")
    emails: Mapped[bool] = mapped_column(default=False)
    retention_days: Mapped[int | None] = mapped_column(Integer)


class MarkRow(Base):
    """Something that happens once: a share of a case, a signature that was seen, an hourly sweep."""

    __tablename__ = "marks"
    __table_args__ = (Index("ix_marks_until", "until"), Index("ix_marks_case_id", "case_id"))

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    until: Mapped[float] = mapped_column("until", Float)


class JobRow(Base):
    """A request that was acknowledged. `state`: ready, leased, done, failed; the payload is emptied at the end."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_claim", "state", "not_before", "id"),
        Index("ix_jobs_team_user", "team", "user"),
        Index("ix_jobs_done_at", "done_at"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column("key", String(200), unique=True)
    token: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    team: Mapped[str] = mapped_column(String(32), default="")
    user: Mapped[str] = mapped_column("user", String(32), default="")
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(8), default="ready")
    owner: Mapped[str] = mapped_column("owner", String(64), default="")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    takeovers: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Float)
    not_before: Mapped[float] = mapped_column(Float)
    leased_until: Mapped[float] = mapped_column(Float, default=0.0)
    done_at: Mapped[float | None] = mapped_column(Float)


class StepRow(Base):
    """The journal of a job: what it set out to post (`intent`), what left for Slack (`sent`), what Slack confirmed (`done`)."""

    __tablename__ = "steps"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    ts: Mapped[str] = mapped_column(String(32), default="")
