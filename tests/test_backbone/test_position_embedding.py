"""Position embeddings are stretched as torch does it, with gradients fit for GPUs."""

import pytest
import torch
import torch.nn.functional as F

from wwt_mm.backbone.position_embedding import PositionEmbedding


def embedding(grid, dims=5, dtype=torch.float64):
    module = PositionEmbedding(dims, grid).to(dtype)
    torch.nn.init.normal_(module.weight, generator=torch.Generator().manual_seed(0))
    return module


def interpolated(weight, grid):
    return F.interpolate(weight, size=grid, mode='bicubic', align_corners=False)


@pytest.mark.parametrize(
    'grid', [(14, 14), (7, 9), (9, 7), (32, 32), (21, 5), (3, 40), (1, 1)]
)
@pytest.mark.parametrize(
    'dtype, tolerance', [(torch.float64, 1e-12), (torch.float32, 1e-6)]
)
def test_resampling_is_bicubic_interpolation(grid, dtype, tolerance):
    module = embedding((14, 14), dtype=dtype)
    want = interpolated(module.weight, grid)
    error = (module(grid, None) - want).abs().max()
    assert error < tolerance * module.weight.abs().max()


def test_its_gradient_is_that_of_bicubic_interpolation():
    module, grid = embedding((6, 4)), (9, 3)
    upstream = torch.randn(1, 5, *grid, dtype=torch.float64)
    (got,) = torch.autograd.grad(module(grid, None), module.weight, upstream)
    want = interpolated(module.weight, grid)
    (want,) = torch.autograd.grad(want, module.weight, upstream)
    torch.testing.assert_close(got, want)


def test_each_image_of_a_padded_batch_has_the_embeddings_it_has_alone():
    module, canvas = embedding((6, 4)), (11, 9)
    sizes = [(11, 9), (4, 9), (6, 4), (1, 2)]
    padding = torch.ones(4, *canvas, dtype=torch.bool)
    for index, (height, width) in enumerate(sizes):
        padding[index, :height, :width] = False
    batch = module(canvas, padding)
    assert batch.shape == (4, 5, *canvas)
    for positions, (height, width) in zip(batch, sizes):
        want = interpolated(module.weight, (height, width))[0]
        torch.testing.assert_close(positions[:, :height, :width], want)


def test_autocast_leaves_its_precision():
    module = embedding((6, 4), dtype=torch.float32)
    plain = module((9, 5), None)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(module((9, 5), None), plain)


@pytest.mark.parametrize('padded', [False, True])
def test_no_operation_is_one_whose_gradient_varies_on_gpus(padded):
    """The operations of its backward pass, not their names on CPUs alone."""
    module = embedding((6, 4))
    padding = torch.zeros(2, 9, 5, dtype=torch.bool) if padded else None
    with torch.profiler.profile() as profile:
        module((9, 5), padding).sum().backward()
    names = {event.key for event in profile.key_averages()}
    assert 'aten::bmm' in names  # the profiler sees the backward pass
    varying = ('upsample', 'grid_sampler', 'scatter', 'index_put', 'index_add')
    assert not [name for name in names if any(part in name for part in varying)]
