"""Two processes, whose last blocks have weights that no loss reaches."""

from contextlib import nullcontext

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS, DefaultScope
from mmengine.runner import set_random_seed
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from wwt_mm.engine.distributed import prepare_accumulation

from .conftest import shrunk
from .two_processes import run_in_two_processes


def make(name):
    deterministic = {'model.train_cfg': None, 'model.backbone.drop_path_rate': 0.0}
    cfg = shrunk(name, 'unused', 'unused', **deterministic)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        set_random_seed(0)
        return MODELS.build(cfg.model), cfg


def wrap(name, **optim_wrapper):
    model, cfg = make(name)
    cfg.optim_wrapper.update(optim_wrapper)
    prepare_accumulation(cfg)
    return MODEL_WRAPPERS.build(cfg.model_wrapper_cfg, default_args=dict(module=model))


def samples(rank=None):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=generator)
    labels = [DataSample().set_gt_label(index % 3) for index in range(4)]
    part = slice(None) if rank is None else slice(2 * rank, 2 * rank + 2)
    return dict(inputs=images[part], data_samples=labels[part])


def steps(model, rank=None, accumulate=False):
    """Gradients of the second of two steps, by name; or of a step of two iterations."""
    module = getattr(model, 'module', model)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for index in range(2):
        exchanged = not accumulate or index == 1
        if not accumulate:
            optimizer.zero_grad()
        data = module.data_preprocessor(samples(rank), training=True)
        with nullcontext() if exchanged else getattr(model, 'no_sync', nullcontext)():
            losses = model(**data, mode='loss')
            module.parse_losses(losses)[0].backward()
        gradients = {
            name: parameter.grad.clone()
            for name, parameter in module.named_parameters()
            if parameter.grad is not None
        }
        if not accumulate:
            optimizer.step()
    return gradients


def train(rank, names, accumulate):
    """For each config: gradients, and what DDP says if not told of unused weights."""
    counts = dict(accumulative_counts=2) if accumulate else {}
    results = []
    for name in names:
        gradients, complaint = steps(wrap(name, **counts), rank, accumulate), None
        try:
            steps(MMDistributedDataParallel(make(name)[0]), rank)
        except RuntimeError as error:
            complaint = str(error)
        results.append((gradients, complaint))
    return results


@pytest.mark.parametrize('accumulate', [False, True])
def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(
    tmp_path, accumulate
):
    names = ['wwt_tiny_in1k', 'wwt_tiny_no_autoencoder_in1k']
    of_ranks = run_in_two_processes(train, tmp_path, names, accumulate)
    for name, (first, complaint), (second, _) in zip(names, *of_ranks, strict=True):
        expected = steps(make(name)[0], accumulate=accumulate)
        assert first.keys() == second.keys() == expected.keys()
        assert 'backbone.blocks.1.mlp_tokens.0.weight' not in expected
        for key, gradient in expected.items():
            assert torch.allclose(first[key], gradient, atol=1e-5), key
            assert torch.equal(first[key], second[key]), key
        # Why the configs set static_graph:
        assert 'find_unused_parameters=True' in complaint
