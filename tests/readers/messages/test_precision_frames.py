"""Half precision seen in a traceback."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.messages.precision_frames import read


@pytest.mark.parametrize(
    "frame",
    [
        '  File "/opt/conda/lib/python3.8/site-packages/apex/amp/handle.py", line 120, in scale_loss',
        '  File "/usr/lib/python3/site-packages/torch/cuda/amp/grad_scaler.py", line 338, in step',
        '  File "/usr/lib/python3/site-packages/torch/amp/autocast_mode.py", line 44, in decorate_autocast',
        '  File "/x/deepspeed/runtime/fp16/../fp16_optimizer.py", line 5, in step',
        '  File "/x/deepspeed/runtime/bf16_optimizer.py", line 271, in step',
    ],
)
def test_it_is_on(frame: str) -> None:
    assert [(item.fact, item.value) for item in read(Document.of(frame))] == [("tried", "mixed_precision")]


@pytest.mark.parametrize(
    "text",
    [
        '  File "/x/train_fp16_or_not/main.py", line 3, in main',
        "would fp16.py help here?",
        '  File "/usr/lib/python3/site-packages/torch/amp/autocast_mode.py", line 96, in decorate_fwd',
    ],
)
def test_it_is_not_seen(text: str) -> None:
    assert not list(read(Document.of(text)))
