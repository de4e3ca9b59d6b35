"""Image tokens by each family's rule, against the families' own examples."""

import pytest

from advisor.estimate.image_tokens import (
    ImageSettings,
    image_tokens,
    internvl,
    llava_next,
    minicpm_v,
    parse_size,
    qwen_vl,
)


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("llava-1.5-7b", (336, 336), 576),
        ("Qwen2-VL-7B-Instruct", (448, 448), 256),
        ("Qwen2.5-VL-3B", (1000, 700), 36 * 25),
        ("MiniCPM-V-2.6", (1344, 1344), 640),
        ("MiniCPM-Llama3-V-2.5", (1344, 1344), 960),
        ("MiniCPM-V-2.6", (400, 400), 64),
        ("InternVL2-8B", (448, 448), 256),
        ("InternVL2-8B", (896, 448), 768),
        ("nanoVLM-222M", (640, 480), 49),
        ("nanoVLM-460M-8k", (640, 480), 64),
        ("paligemma-3b-pt-224", (640, 480), 256),
        ("paligemma-3b-pt-448", (640, 480), 1024),
        ("openvla-7b", (640, 480), 256),
        ("GR00T-N1-2B", (640, 480), 64),
        ("SmolVLM-500M", (512, 512), 17 * 64),
        ("pixtral-12b", (512, 512), 32 * 32 + 32),
    ],
)
def test_tokens_of_one_image(model: str, size: tuple[int, int], tokens: int) -> None:
    found = image_tokens(model, *size)
    assert found is not None
    assert found.text == tokens


def test_an_unknown_family_has_no_rule() -> None:
    assert image_tokens("zebra-7b", 100, 100) is None


def test_qwen_stays_within_its_pixel_budget() -> None:
    found = qwen_vl(4000, 3000, max_pixels=1003520)
    assert found.text * 28 * 28 <= 1003520
    assert found.tower == 4 * found.text
    small = qwen_vl(10, 10, min_pixels=56 * 56)
    assert small.text * 28 * 28 >= 56 * 56


def test_slices_grow_up_to_the_limit() -> None:
    assert minicpm_v(900, 450).tiles == 4
    assert minicpm_v(4000, 4000, max_slices=4).tiles == 5
    assert minicpm_v(448, 448).tiles == 1


def test_tiles_take_the_nearest_shape() -> None:
    assert internvl(1344, 448, max_tiles=12).tiles == 3 + 1
    assert internvl(1344, 448, max_tiles=1).tiles == 1


def test_llava_next_adds_a_base_image() -> None:
    assert llava_next(672, 672).tiles == 5


def test_settings_reach_the_rule() -> None:
    found = image_tokens("MiniCPM-V-2.6", 2000, 2000, ImageSettings(max_slices=2))
    assert found is not None
    assert found.text == 3 * 64


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("448", (448, 448)),
        ("1344x896", (1344, 896)),
        ("image of 640*480", (640, 480)),
        ("49x480x720", (720, 480)),
        ("large", None),
    ],
)
def test_sizes_in_words(text: str, size: tuple[int, int] | None) -> None:
    assert parse_size(text) == size
