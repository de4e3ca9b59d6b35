"""Names of cards and models in all the spellings that people use, found in text and resolved to rows of knowledge/."""

from advisor.names.gpus import GpuName, find_gpus, resolve_gpu, sized_gpu
from advisor.names.models import ModelName, find_models, params_from_name, resolve_model
from advisor.names.suggest import suggest_gpus, suggest_models

__all__ = [
    "GpuName",
    "ModelName",
    "find_gpus",
    "find_models",
    "params_from_name",
    "resolve_gpu",
    "resolve_model",
    "sized_gpu",
    "suggest_gpus",
    "suggest_models",
]
