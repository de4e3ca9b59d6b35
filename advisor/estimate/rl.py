"""What preference and reinforcement learning add to a training run: other models, more sequences at once, a rollout engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

from advisor.estimate.closed_form import POLICY_LOSS


class RlPlan(Struct, frozen=True):
    """An algorithm as memory sees it.

    Attributes:
        name: dpo, grpo, ppo ...
        sequences: sequences of one training forward pass for each sample of the batch.
        frozen_models: whole models beside the policy that only run forward (reference, reward), as multiples of its weights.
        trained_models: models beside the policy that are trained (a value model).
        generates: completions are sampled with the policy on the same devices.
        rollout_share: share of the card that a colocated server holds.
    """

    name: str
    sequences: float = 1.0
    frozen_models: float = 0.0
    trained_models: float = 0.0
    generates: bool = False
    rollout_share: float = 0.0

    @property
    def changes(self) -> bool:
        return self.name != ""


_ALGORITHM = re2.compile(r"\b(dpo|grpo|gspo|dapo|rloo|ppo|kto|orpo|simpo|cpo|reinforce(?:\+\+)?|remax|rm|reward)\b")
_PAIRS = frozenset({"dpo", "orpo", "simpo", "cpo", "rm", "reward"})
_REFERENCE = frozenset({"dpo", "kto", "grpo", "gspo", "rloo", "ppo", "remax", "reinforce", "reinforce++"})
_SAMPLES = frozenset({"grpo", "gspo", "dapo", "rloo", "ppo", "remax", "reinforce", "reinforce++"})
PROJECTS = frozenset({"vlm-r1", "verl", "openrlhf", "easyr1", "open-r1", "open-r1-multimodal", "r1-v"})
"""Projects that do nothing but reinforcement learning."""
_REPEATS_PROMPTS = frozenset({"vlm-r1", "open-r1-multimodal", "r1-v"})
"""Projects whose batch counts prompts, each repeated num_generations times in one pass; TRL's counts completions:
https://github.com/om-ai-lab/VLM-R1/blob/main/src/open-r1-multimodal/src/open_r1/trainer/grpo_trainer.py,
https://huggingface.co/docs/trl/grpo_trainer"""


_NO_REFERENCE = frozenset({"grpo", "gspo"})
_WITHOUT_KL = frozenset({"trl", "axolotl"})


@lru_cache(maxsize=256)
def without_kl(framework: str, version: str) -> bool:
    """Whether group-relative algorithms have no reference model by default: TRL's `beta` is 0 since 0.19 (0.04 before), and axolotl
    leaves it to TRL. ms-swift's is 0.04, RLOO's 0.05 everywhere.

    https://github.com/huggingface/trl/blob/main/trl/trainer/grpo_config.py, https://github.com/modelscope/ms-swift/issues/5264
    """
    if framework not in _WITHOUT_KL:
        return False
    stated = re2.search(r"(\d+)\.(\d+)", version) if framework == "trl" else None
    return stated is None or (int(stated.group(1)), int(stated.group(2))) >= (0, 19)


@lru_cache(maxsize=1024)
def _named(text: str) -> str:
    found = _ALGORITHM.search(text.lower().replace("_", " ").replace("=", " "))
    return str(found.group(1)) if found else ""


def algorithm_of(method: str, model: str, words: Mapping[str, Any]) -> str:
    """The algorithm that the method, the model's description (`... rlhf_type=dpo`) or other words tell, else empty."""
    for text in (method, model):
        found = _named(text)
        if found:
            return found
    if words.get("num_generations"):
        return "grpo"
    return (str(words.get("framework", "")) == "vlm-r1" and "grpo") or ""


def rl_plan(
    algorithm: str, framework: str, adapters: bool, generations: int, batch: int, beta_zero: bool = False,
    utilization: float = 0.0, colocated: bool = False,
) -> RlPlan:  # fmt: skip
    """What the algorithm adds.

    dpo, orpo, simpo, rm: chosen and rejected answers go through together, two sequences a sample.
    grpo, rloo:           a reference unless beta is 0; completions are sampled; per sample one, or num_generations where the batch
                          counts prompts.
    ppo:                  reference and reward models run forward, a value model is trained.
    kto:                  a sample and its mismatched pair run forward, one of them with gradients.
    LoRA:                 the reference is the base with its adapters off, no second copy.
    """
    if not algorithm:
        return RlPlan("")
    unneeded = adapters or (beta_zero and algorithm in _NO_REFERENCE)
    reference = 0.0 if unneeded or algorithm not in _REFERENCE else 1.0
    sequences = 2.0 if algorithm in _PAIRS else 1.0
    if algorithm in _SAMPLES and generations > 1 and framework in _REPEATS_PROMPTS:
        sequences = float(generations) if batch < generations else 1.0
    return RlPlan(
        name=algorithm,
        sequences=sequences,
        frozen_models=reference + (1.0 if algorithm == "ppo" else 0.0),
        trained_models=1.0 if algorithm == "ppo" and not adapters else 0.0,
        generates=algorithm in _SAMPLES and not colocated,
        rollout_share=(utilization or 0.3) if colocated else 0.0,
    )


def loss_bytes(algorithm: str, usual: float) -> float:
    """Bytes of one vocabulary entry of the logits at their peak under the algorithm."""
    return POLICY_LOSS if algorithm in _SAMPLES and usual > POLICY_LOSS else usual


def samples(algorithm: str) -> bool:
    """Whether the algorithm samples completions with its policy."""
    return algorithm in _SAMPLES
