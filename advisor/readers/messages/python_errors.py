r"""Python exceptions of other kinds at the end of a traceback.

>>> log = '''Traceback (most recent call last):
...   File "run.py", line 3, in <module>
...     main(args)
... ValueError: too many values to unpack'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error')]
>>> [(item.fact, item.value) for item in read(Document.of("MemoryError"))]
[('failure_kind', 'other_error'), ('failure_kind', 'host_oom')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("error", "exception", "ptxas", "_dynamo.exc", "has no attribute")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?m)^(?:[\w.]+\.)?(?:ValueError|KeyError|TypeError|AttributeError|ImportError|ModuleNotFoundError|AssertionError|NotImplementedError|FileNotFoundError|NameError|UnboundLocalError|SyntaxError|HFValidationError|ConnectionError|PermissionError|ZeroDivisionError|RecursionError|pickle\.UnpicklingError|json\.decoder\.JSONDecodeError)\b ?:", "other_error", 0.4),
        Form(r"(?m)(?:^|[\])][ ])(?:[a-z_][\w.]*\.)?[A-Z]\w{2,40}(?:Error|Exception)\b ?(?::|$)|torch\._dynamo\.exc\.\w+: |\bptxas fatal +:|(?m)^\S*:? ?fatal error: ", "other_error", 0.3),
        Form(r"(?m)^\W{0,4}Exception in (?:thread|Tkinter)\b|^Process \S+-[0-9:]+:\nTraceback", "other_error", 0.3),
        # A PyTorch that is older or newer than the program wants.
        Form(r"module ['\"]torch(?:\.\w+)*['\"] has no attribute|^\W{0,12}['\"]torch(?:\.\w+)*['\"] has no attribute|cannot import name ['\"]\w+['\"] from ['\"]torch\b", "other_error", 0.55, "pytorch", says=(("signal", "install_mismatch"),)),
        # The interpreter's own, of the host's memory.
        Form(r"(?m)^\W{0,4}(?:builtins\.)?MemoryError\b ?(?:: ?$|: (?:std::)?bad[_ ]alloc|: Unable to allocate|$)|Caught MemoryError in", "host_oom", 0.7),
        Form(r"No module named|cannot open shared object file|undefined symbol|DLL load failed", "other_error", 0.55, says=(("signal", "install_mismatch"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """A failure, below anything that explains itself."""
    yield from seen(doc, _forms())
