"""A model's config.json from the Hugging Face Hub, through huggingface_hub and only when asked for (`--hub`)."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import InputError

_OFFLINE = "Is this machine online? Else hand in a copy with --model-path."
# By the names of huggingface_hub's exceptions, which moved between its versions.
_REASONS = {
    "GatedRepoError": ("is gated", "Accept its licence on its page, then `hf auth login`; or hand in a copy with --model-path."),
    "RepositoryNotFoundError": ("is not on the Hub, or is private", "Check the spelling of org/name; for a private one, `hf auth login`."),
    "RevisionNotFoundError": ("is empty", "Hand in a copy with --model-path."),
    "LocalEntryNotFoundError": ("could not be fetched from the Hub", _OFFLINE),
    "EntryNotFoundError": ("has no config.json", "State what is known: --params-b, --model-kind; or hand in a file with --model-path."),
    "RemoteEntryNotFoundError": ("has no config.json", "State what is known: --params-b, --model-kind; or use --model-path."),
    "HFValidationError": ("is no name of a model on the Hub", "Write it as org/name, for example Qwen/Qwen2.5-7B."),
    "OfflineModeIsEnabled": ("can't be fetched: HF_HUB_OFFLINE is set", "Unset HF_HUB_OFFLINE, or hand in a copy with --model-path."),
}  # fmt: skip


def fetch_config(hf_id: str) -> Path:
    """Downloads config.json of `org/name` into Hugging Face's cache and returns its path.

    Raises:
        InputError: huggingface_hub is not installed, there is no network, or the model is gated or not there.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise InputError(
            "huggingface_hub is not installed",
            place="--hub",
            hint="pip install 'vram-advisor[hub]', or use --model-path.",
        ) from None
    try:
        return Path(hf_hub_download(repo_id=hf_id, filename="config.json"))
    except (
        Exception
    ) as error:  # what it raises differs between its versions and HTTP libraries; none of it may be a traceback
        names = [kind.__name__ for kind in type(error).__mro__]
        reason, hint = next(
            (_REASONS[name] for name in names if name in _REASONS), ("could not be fetched from the Hub", _OFFLINE)
        )
        raise InputError(reason, place=hf_id, hint=hint) from None
