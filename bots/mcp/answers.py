"""What each tool answers: the same core as the command line, a text to read and the object of the contract."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from advisor import api
from advisor.errors import InputError
from advisor.facts import check_facts, spec_of
from advisor.library import Library
from advisor.names import suggest_gpus, suggest_models
from advisor.plan.outcome import Preferences
from advisor.render.text import render_text

Lang = Literal["auto", "en", "zh"]
MAX_TEXT = 20 * 2**20
MAX_TRACE = 60
WIDTH = 100


class Desk:
    """Answers with one library, loaded once."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def diagnose(
        self,
        text: str,
        facts: Mapping[str, Any],
        lang: Lang,
        preferences: Preferences,
        most: int,
    ) -> tuple[str, dict[str, Any]]:
        """The text and the object of a diagnosis, with the `most` best remedies."""
        stated: dict[str, Any] = check_facts(facts)  # nothing but facts becomes a keyword
        self._known(preferences)
        found = api.diagnose(_checked(text), lang=lang, preferences=preferences, library=self.library, **stated)
        data = found.as_json()
        data["remedies"] = data["remedies"][:most]
        return render_text(found, width=WIDTH), data

    def _known(self, preferences: Preferences) -> None:
        """Raises FactError or InputError for what is to be kept or forbidden and does not exist."""
        for fact in preferences.keep:
            spec_of(fact)
        for remedy in preferences.forbid:
            if remedy != "offload" and remedy not in self.library.remedies:
                near = difflib.get_close_matches(remedy, self.library.remedies, n=3, cutoff=0.4)
                raise InputError("there is no such remedy", place=f"forbid {remedy}", hint=_near(near))

    def estimate(self, facts: Mapping[str, Any], lang: Literal["en", "zh"]) -> tuple[str, dict[str, Any]]:
        """The text and the object of an estimate."""
        found = api.estimate(facts, library=self.library, lang=lang)
        return str(found), dict(found.as_json())

    def fit(self, facts: Mapping[str, Any], vary: str, over: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
        """The table as text and as rows."""
        if bool(over) != bool(values):
            hint = 'For example over="seq_len", values=[512, 1024, 2048].'
            raise InputError("give both, or neither", place="over and values", hint=hint)
        found = api.fit(vary, over={over: list(values)} if over else None, spec=facts, library=self.library)
        rows = [
            {"value": row.value, "need_gib": row.need_gib} | ({"over": row.over} if over else {}) for row in found.rows
        ]
        data: dict[str, Any] = {"fact": vary, "capacity_gib": found.capacity_gib, "rows": rows}
        return str(found), data | ({"over": over} if over else {})

    def explain(self, text: str, facts: Mapping[str, Any], remedy: str, lang: Lang) -> tuple[str, dict[str, Any]]:
        """Why a remedy is advised or not; without a remedy the whole chain from lines to advice."""
        stated: dict[str, Any] = check_facts(facts)
        if remedy:
            from advisor.diagnosis.why_not import why_not

            answer = why_not(remedy, _checked(text), stated=stated, library=self.library, lang=lang)
            data = {name: value for name, value in answer.as_json().items() if name != "remedy"}
            return "\n".join([answer.headline, *(f"  {line}" for line in answer.lines)]), data
        found = api.diagnose(_checked(text), lang=lang, library=self.library, **stated)
        whole = found.as_json(explain=True)
        data = {"headline": found.verdict, "trace": whole["trace"][:MAX_TRACE]}
        data |= {name: whole[name] for name in ("evidence", "sources")}
        return render_text(found, explain=True, width=WIDTH), data

    def gpus(self, query: str, least_gib: float, limit: int) -> tuple[str, dict[str, Any]]:
        """Cards whose names hold all words of the query, the smallest first."""
        rows: list[dict[str, Any]] = [
            {
                "name": gpu.name, "vendor": gpu.vendor, "arch": gpu.arch, "memory_gb": gpu.memory_gb,
                "usable_gib": gpu.usable_gib, "source": gpu.source,
            }
            for gpu in self.library.gpus.values()
            if _holds(query, (gpu.name, gpu.vendor, gpu.arch, *gpu.aliases)) and gpu.usable_gib >= least_gib
        ]  # fmt: skip
        if not rows:
            raise InputError("no such card", place=query, hint=_near(suggest_gpus(query, self.library)))
        rows.sort(key=lambda row: float(row["usable_gib"]))
        lines = [f"{row['name']}: {row['memory_gb']:g} GB, {row['usable_gib']:.2f} GiB usable" for row in rows[:limit]]
        return "\n".join(lines), {"gpus": rows[:limit], "left_out": max(0, len(rows) - limit)}

    def models(self, query: str, kind: str, limit: int) -> tuple[str, dict[str, Any]]:
        """Models whose names hold all words of the query, the smallest first."""
        rows: list[dict[str, Any]] = [
            {
                "name": model.name, "hf_id": model.hf_id, "kind": model.kind, "params_b": model.params_b,
                "source": model.source,
            }
            for model in self.library.models.values()
            if _holds(query, (model.name, model.hf_id, model.family, *model.aliases)) and kind in ("", model.kind)
        ]  # fmt: skip
        if not rows:
            hint = _near(suggest_models(query, self.library))
            raise InputError("no such model", place=query, hint=f"{hint} Any model can be stated by params_b or arch.")
        rows.sort(key=lambda row: float(row["params_b"]))
        lines = [f"{row['name']}: {row['params_b']:g} B, {row['kind']}, {row['hf_id']}" for row in rows[:limit]]
        return "\n".join(lines), {"models": rows[:limit], "left_out": max(0, len(rows) - limit)}


def _holds(query: str, names: Iterable[str]) -> bool:
    text = " ".join(names).lower()
    return all(part in text for part in query.lower().split())


def _near(names: Iterable[Any]) -> str:
    listed = [str(getattr(name, "name", name)) for name in names][:5]
    return f"Did you mean {', '.join(listed)}?" if listed else "Try fewer words."


def _checked(text: str) -> str:
    if len(text) > MAX_TEXT:
        hint = "Send the command, the configuration, and the lines around the first error."
        raise InputError(f"is longer than {MAX_TEXT // 2**20} MiB", place="text", hint=hint)
    return text
