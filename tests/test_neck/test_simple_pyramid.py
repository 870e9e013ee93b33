"""SimplePyramid gives the strides that it says, from the last map alone."""

import pytest
import torch
from mmengine.registry import MODELS

from wwt_mm.errors import ConfigError
from wwt_mm.neck import SimplePyramid

NORM = dict(type='GN', num_groups=2)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_levels_have_the_sizes_that_scales_say():
    neck = MODELS.build(
        dict(
            type='SimplePyramid',
            in_channels=16,
            out_channels=6,
            scales=(8, 4, 2, 1, 0.5, 0.25),
            num_outs=8,
            norm_cfg=NORM,
        )
    )
    outputs = neck((torch.randn(2, 16, 8, 12),))
    sizes = [tuple(output.shape[2:]) for output in outputs]
    assert sizes[:4] == [(64, 96), (32, 48), (16, 24), (8, 12)]
    assert sizes[4:] == [(4, 6), (2, 3), (1, 2), (1, 1)]
    assert {output.shape[:2] for output in outputs} == {(2, 6)}


def test_a_level_is_the_layers_of_vitdet_one_after_the_other():
    neck = SimplePyramid(8, 6, scales=(4,), norm_cfg=NORM).double()
    image = torch.randn(1, 8, 3, 3, dtype=torch.float64)
    up, norm, gelu, up_again, narrow, smooth = neck.levels[0]
    assert [up.out_channels, up_again.out_channels] == [4, 2]
    expected = up_again(torch.nn.functional.gelu(norm(up(image))))
    expected = smooth.gn(smooth.conv(narrow.gn(narrow.conv(expected))))
    assert torch.equal(neck((image,))[0], expected)


def test_only_the_last_map_is_read_and_an_odd_one_loses_no_border():
    neck = SimplePyramid(4, 4, scales=(0.5,), norm_cfg=NORM)
    maps = [torch.randn(1, 4, 5, 7) for _ in range(2)]
    (output,) = neck(maps)
    assert output.shape == (1, 4, 3, 4)
    assert torch.equal(output, neck([torch.zeros(1, 4, 5, 7), maps[1]])[0])


@pytest.mark.parametrize('scale', [3, 0.3, 0, -2, 1.5])
def test_a_scale_that_is_no_power_of_2_is_an_error(scale):
    with pytest.raises(ConfigError, match='must be a power of 2'):
        SimplePyramid(8, 8, scales=(scale,), norm_cfg=NORM)


def test_fewer_outputs_than_scales_are_an_error():
    with pytest.raises(ConfigError, match='num_outs=1 is less than the 4 levels'):
        SimplePyramid(64, 64, num_outs=1)


def test_a_smaller_level_is_pooled_and_the_next_output_skips_every_other():
    neck = SimplePyramid(4, 4, scales=(0.5,), num_outs=2, norm_cfg=NORM)
    image = torch.randn(1, 4, 5, 7)
    _, narrow, smooth = neck.levels[0]
    first, second = neck((image,))
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1), value=-torch.inf)
    windows = padded.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    torch.testing.assert_close(first, smooth(narrow(windows)))
    assert torch.equal(second, first[..., ::2, ::2])
