"""Networks of pictures and of volumes."""

from __future__ import annotations

from advisor.estimate import estimate
from advisor.library import load_library

LIBRARY = load_library()


def test_networks_of_volumes_see_as_many_pictures_as_a_patch_is_deep() -> None:
    run = {"model": "nnU-Net", "task": "train", "batch_size": 2, "precision": "amp-fp16", "optimizer": "sgd_momentum"}
    found = estimate(run, LIBRARY)
    assert found.assumed["image_resolution"] == "128x128x128"
    # Planned for cards of 8 GB (https://github.com/MIC-DKFZ/nnUNet, experiment planning).
    assert 2.0 < found.allocated_gib < 8.0
