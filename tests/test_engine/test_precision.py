"""Mixed precision by name, and TF32."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import OPTIM_WRAPPERS

from wwt_mm.engine import BFloat16OptimWrapper
from wwt_mm.engine.precision import allow_tf32, enable_amp
from wwt_mm.errors import ConfigError


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


@pytest.fixture
def pretend_gpu(monkeypatch):
    """Makes torch say that there is a GPU of a compute capability, or none."""

    MMLogger.get_current_instance()  # whose name is of the GPU that is not there

    def pretend(capability):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: capability is not None)
        monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)

    return pretend


@pytest.mark.parametrize(
    'capability, name, dtype',
    [
        (None, None, 'bfloat16'),
        ((9, 0), None, 'bfloat16'),
        ((8, 0), None, 'bfloat16'),
        ((7, 5), None, 'float16'),
        ((9, 0), 'float16', 'float16'),
        ((7, 5), 'bfloat16', 'bfloat16'),
    ],
)
@pytest.mark.parametrize('before', ['OptimWrapper', 'AmpOptimWrapper'])
def test_amp_is_bfloat16_where_the_device_has_it_and_float16_by_name(
    pretend_gpu, capability, name, dtype, before
):
    pretend_gpu(capability)
    cfg = Config(dict(optim_wrapper=dict(type=before, clip_grad=dict(max_norm=1))))
    if before == 'AmpOptimWrapper':
        cfg.optim_wrapper.update(dtype='float16', loss_scale=512.0)
    chosen = cfg.optim_wrapper.to_dict()
    enable_amp(cfg, name)
    wrapper = cfg.optim_wrapper
    assert wrapper.clip_grad.max_norm == 1
    if before == 'AmpOptimWrapper' and name is None:
        assert wrapper.to_dict() == chosen  # the config has said it
    elif dtype == 'float16':
        assert (wrapper.type, wrapper.dtype) == ('AmpOptimWrapper', 'float16')
        assert wrapper.loss_scale == (512.0 if 'Amp' in before else 'dynamic')
    else:
        assert OPTIM_WRAPPERS.get(wrapper.type) is BFloat16OptimWrapper
        assert set(wrapper) == {'type', 'clip_grad'}


def test_float16_without_a_gpu_is_an_error(pretend_gpu):
    pretend_gpu(None)
    with pytest.raises(ConfigError, match='--amp bfloat16'):
        enable_amp(Config(dict(optim_wrapper=dict(type='OptimWrapper'))), 'float16')


def test_tf32_is_allowed_on_gpus_only_and_said_in_the_log(pretend_gpu, monkeypatch):
    precisions, lines = [], []
    monkeypatch.setattr(torch, 'set_float32_matmul_precision', precisions.append)
    logger = SimpleNamespace(info=lines.append)
    pretend_gpu(None)
    allow_tf32(logger)
    assert (precisions, lines) == ([], [])
    pretend_gpu((9, 0))
    allow_tf32(logger)
    assert precisions == ['high']
    assert 'TF32' in lines[0] and 'NVIDIA_TF32_OVERRIDE=0' in lines[0]
