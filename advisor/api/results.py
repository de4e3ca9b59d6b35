"""What the API returns: the core's frozen results, which also print themselves and show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from advisor import report
from advisor.estimate import result
from advisor.facts import FactValue, Lang


class _Shown:
    """What IPython asks a result for. `include` and `exclude` are its own arguments."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_markdown_(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        forms = {"text/plain": str(self), "text/html": self._repr_html_(), "text/markdown": self._repr_markdown_()}
        return {
            name: text
            for name, text in forms.items()
            if (not include or name in include) and name not in (exclude or ())
        }


class Diagnosis(report.Diagnosis, _Shown, frozen=True):
    """The answer to one text. `str()` gives what the command line prints, `as_json()` the JSON of `--format json`."""

    @classmethod
    def of(cls, found: report.Diagnosis) -> Diagnosis:
        """The same diagnosis, able to show itself."""
        return cls(**{name: getattr(found, name) for name in found.__struct_fields__})

    def __str__(self) -> str:
        from advisor.render.text import render_text

        return render_text(self)

    def _repr_html_(self) -> str:
        from advisor.render.html import render_html

        return render_html(self)

    def _repr_markdown_(self) -> str:
        from advisor.render.markdown import render_markdown

        return render_markdown(self)


class Estimate(result.Estimate, _Shown, frozen=True):
    """The memory that one device needs.

    `words` is the specification that was estimated, `by_framework` those of them that are the framework's defaults;
    `need_low_gib`, `need_gib`, `need_high_gib` are what the card must have, and `fits` says whether the high end does.
    """

    words: Mapping[str, Any] = {}
    by_framework: Mapping[str, FactValue] = {}
    lang: Lang = "en"

    @classmethod
    def of(
        cls, found: result.Estimate, words: Mapping[str, Any], by_framework: Mapping[str, FactValue], lang: Lang
    ) -> Estimate:
        """The same estimate with what was estimated, able to show itself."""
        values = {name: getattr(found, name) for name in found.__struct_fields__}
        made = cls(**values, words=words, by_framework=by_framework, lang=lang)
        if made.capacity_gib is None:
            return made
        return cls(
            **{**values, "fits": made.need_high_gib <= made.capacity_gib},
            words=words,
            by_framework=by_framework,
            lang=lang,
        )

    @property
    def need_gib(self) -> float:
        """GiB that the card must have, by expectation: the tensors and what the process needs beside them."""
        from advisor.plan.outcome import peak_gib

        return peak_gib(self)

    @property
    def need_low_gib(self) -> float:
        """The low end of the 90 % interval for `need_gib`."""
        from advisor.plan.outcome import beside_gib

        return self.low_gib + beside_gib(self)

    @property
    def need_high_gib(self) -> float:
        """The high end of the 90 % interval for `need_gib`."""
        from advisor.plan.outcome import need_gib

        return need_gib(self)

    def _need(self) -> tuple[float, float, float]:
        return self.need_low_gib, self.need_gib, self.need_high_gib

    def __str__(self) -> str:
        from io import StringIO

        from advisor.render.estimate_text import render_estimate

        file = StringIO()
        render_estimate(
            self, self.words, self.by_framework, need=self._need(), lang=self.lang, explain=False, file=file
        )
        return file.getvalue()

    def _repr_html_(self) -> str:
        from advisor.render.html import render_estimate_html

        return render_estimate_html(
            self.components,
            self._figures(),
            {**self.assumed, **self.by_framework},
            need=self._need(),
            capacity=self.capacity_gib,
            warnings=self.warnings,
            lang=self.lang,
        )

    def _repr_markdown_(self) -> str:
        from advisor.render.markdown import render_estimate_markdown

        return render_estimate_markdown(
            self.components,
            {**self.assumed, **self.by_framework},
            need=self._need(),
            capacity=self.capacity_gib,
            warnings=self.warnings,
            lang=self.lang,
        )

    def _figures(self) -> dict[str, float]:
        return {
            "max_memory_allocated": self.allocated_gib,
            "max_memory_reserved": self.reserved_gib,
            "nvidia-smi": self.process_gib,
        }


class FitRow(Struct, frozen=True):
    """The best value, None where none fits; what the card must have with it, in GiB; the value of the second fact."""

    value: int | None
    need_gib: float | None
    over: FactValue | None = None


class Fit(_Shown, Struct, frozen=True):
    """What fits a card of `capacity_gib`: the best value of `fact`, one row for each value of the second fact `over`.

    `given`: facts that nobody stated, as they were taken for granted.
    """

    fact: str
    capacity_gib: float
    rows: tuple[FitRow, ...]
    over: str = ""
    given: Mapping[str, FactValue] = field(default_factory=dict)

    @property
    def value(self) -> int | None:
        """The best value of the first row; None where none fits."""
        return self.rows[0].value if self.rows else None

    def as_json(self) -> dict[str, Any]:
        """The object of `advisor fit --format json`."""
        rows = [
            ({self.over: row.over} if self.over else {}) | {self.fact: row.value, "need_gib": row.need_gib}
            for row in self.rows
        ]
        return {"capacity_gib": self.capacity_gib, "rows": rows, "given": dict(self.given)}

    def _table(self) -> tuple[list[str], list[list[str]]]:
        from advisor.units import format_gib

        head = [*([self.over] if self.over else []), self.fact, "needs", "of"]
        rows = []
        for row in self.rows:
            first = [str(row.over)] if self.over else []
            need = format_gib(row.need_gib) if row.need_gib is not None else "?"
            value = "nothing fits" if row.value is None else str(row.value)
            rows.append([*first, value, need, format_gib(self.capacity_gib)])
        return head, rows

    def __str__(self) -> str:
        head, rows = self._table()
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        return "\n".join(
            "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *rows)
        )

    def _repr_html_(self) -> str:
        from advisor.render.html import table_html

        return table_html(*self._table())

    def _repr_markdown_(self) -> str:
        from advisor.render.markdown import escape

        head, rows = self._table()
        lines = [head, ["---:"] * len(head), *rows]
        return (
            "\n".join("| " + " | ".join(map(escape, row) if row[0] != "---:" else row) + " |" for row in lines) + "\n"
        )
