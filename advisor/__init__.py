"""Why a run ran out of GPU memory, what to change first, and which smallest set of changes makes it fit.

The public names are imported on first use, so that `import advisor` costs next to nothing in a training script; their types are in
`__init__.pyi`.
"""

import sys

from advisor.version import __version__

_HOMES = {
    "Diagnosis": "advisor.api",
    "Estimate": "advisor.api",
    "Fit": "advisor.api",
    "Preferences": "advisor.api",
    "diagnose": "advisor.api",
    "fit": "advisor.api",
    "load_ipython_extension": "advisor.watching.notebook",
    "unload_ipython_extension": "advisor.watching.notebook",
    "watch": "advisor.watching",
}

__all__ = [
    "Diagnosis",
    "Estimate",
    "Fit",
    "Preferences",
    "__version__",
    "diagnose",
    "estimate",
    "fit",
    "load_ipython_extension",
    "unload_ipython_extension",
    "watch",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(type(sys)):  # type: ignore[misc]
    """This package: `advisor.estimate` is the function of the API, although the room that computes has the same name.

    The import system binds a sub-package to its parent's attribute; here that binding is not kept.
    """

    @property
    def estimate(self) -> object:
        """The memory that one device needs for a run; see `advisor.api.estimate`."""
        from advisor.api import estimate

        return estimate

    @estimate.setter
    def estimate(self, value: object) -> None:
        pass


sys.modules[__name__].__class__ = _Package
