"""Mixed precision on a CPU."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIM_WRAPPERS

from wwt_mm.engine import BFloat16OptimWrapper
from wwt_mm.engine.train import _enable_amp


def test_forward_is_in_bfloat16_and_weights_stay_in_float32():
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='BFloat16OptimWrapper', optimizer=optimizer)
    )
    assert isinstance(wrapper, BFloat16OptimWrapper)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(2, 8))
    wrapper.update_params(output.float().square().mean())
    assert output.dtype == torch.bfloat16
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
    assert not torch.is_autocast_enabled('cpu')


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has mmengine's wrapper")
def test_amp_means_bfloat16_without_a_gpu():
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    _enable_amp(cfg)
    assert cfg.optim_wrapper.type == 'wwt_mm.engine.BFloat16OptimWrapper'
    assert OPTIM_WRAPPERS.get(cfg.optim_wrapper.type) is BFloat16OptimWrapper
