"""Two processes, whose last blocks have weights that no loss reaches."""

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import DefaultScope
from mmengine.runner import set_random_seed
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from .conftest import shrunk
from .two_processes import run_in_two_processes


def make(name):
    deterministic = {'model.train_cfg': None, 'model.backbone.drop_path_rate': 0.0}
    cfg = shrunk(name, 'unused', 'unused', **deterministic)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        set_random_seed(0)
        return MODELS.build(cfg.model), cfg.find_unused_parameters


def samples(rank=None):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=generator)
    labels = [DataSample().set_gt_label(index % 3) for index in range(4)]
    part = slice(None) if rank is None else slice(2 * rank, 2 * rank + 2)
    return dict(inputs=images[part], data_samples=labels[part])


def steps(model, rank=None):
    """Gradients of the second of two steps, by name."""
    module = getattr(model, 'module', model)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        data = module.data_preprocessor(samples(rank), training=True)
        losses = model(**data, mode='loss')
        module.parse_losses(losses)[0].backward()
        gradients = {
            name: parameter.grad.clone()
            for name, parameter in module.named_parameters()
            if parameter.grad is not None
        }
        optimizer.step()
    return gradients


def train(rank, names):
    """For each config: gradients, and what DDP says if not told of unused weights."""
    results = []
    for name in names:
        model, find_unused = make(name)
        wrapped = MMDistributedDataParallel(model, find_unused_parameters=find_unused)
        gradients, complaint = steps(wrapped, rank), None
        try:
            steps(MMDistributedDataParallel(make(name)[0]), rank)
        except RuntimeError as error:
            complaint = str(error)
        results.append((gradients, complaint))
    return results


def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(tmp_path):
    names = ['wwt_tiny_in1k', 'wwt_tiny_no_autoencoder_in1k']
    of_ranks = run_in_two_processes(train, tmp_path, names)
    for name, (first, complaint), (second, _) in zip(names, *of_ranks, strict=True):
        expected = steps(make(name)[0])
        assert first.keys() == second.keys() == expected.keys()
        assert 'backbone.blocks.1.mlp_tokens.0.weight' not in expected
        for key, gradient in expected.items():
            assert torch.allclose(first[key], gradient, atol=1e-5), key
            assert torch.equal(first[key], second[key]), key
        # Why the configs set find_unused_parameters:
        assert 'find_unused_parameters=True' in complaint
