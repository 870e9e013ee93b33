"""Training without labels: losses by hand, and the configs in miniature."""

import json
import math
from pathlib import Path

import pytest
import torch
from mmpretrain.registry import MODELS

from reproduction.scenes import SCENE_CLASSES, SceneConfig, write_classification
from tests.test_datasets.small_tiny_imagenet import write_tiny_imagenet
from tests.test_tools.small_runs import load
from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config, train

FOLDER = REPOSITORY / 'configs' / 'mmpretrain' / 'selfsup'
TWO_ITERATIONS = (
    'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=0',
    'train_dataloader.dataset.indices=8',
    'train_cfg.max_epochs=1',
    'default_hooks.logger.interval=1',
)
ONE_BLOCK = (
    'model.backbone.arch._delete_=True',
    'model.backbone.arch.embed_dims=384',
    'model.backbone.arch.num_layers=1',
    'model.backbone.arch.num_heads=6',
)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp('classification')
    config = SceneConfig(height=64, width=64, max_objects=1, single_class=True)
    write_classification(root, config, train=10, val=4, workers=1)
    return root / 'classification'


@pytest.fixture
def run(tmp_path):
    """Trains a config for two iterations; returns its checkpoint and what it logged."""

    def run(name, root, *options):
        work_dir = tmp_path / name
        options = (f'data_root={root}', *TWO_ITERATIONS, *options)
        arguments = (FOLDER / f'{name}.py', '--work-dir', work_dir, '--cfg-options')
        train.main([str(argument) for argument in (*arguments, *options)])
        (scalars,) = work_dir.glob('*/vis_data/scalars.json')
        logged = [json.loads(line) for line in scalars.read_text().splitlines()]
        assert [math.isfinite(line['loss']) for line in logged[:2]] == [True, True]
        return Path((work_dir / 'last_checkpoint').read_text()), logged

    return run


@pytest.mark.parametrize(
    'method, backbone',
    [('mocov3', 'wwt'), ('simsiam', 'wwt'), ('autoencoder', 'wwt'), ('byol', 'vit')],
)
def test_what_is_trained_on_scenes_is_probed(method, backbone, run, scenes):
    checkpoint, (_, last) = run(f'{method}_{backbone}_scenes', scenes)
    assert ('loss_views' in last) == (method != 'autoencoder')
    assert ('loss_autoencoding' in last) == (backbone == 'wwt')
    probed, logged = run(
        f'linear_{backbone}_scenes',
        scenes,
        f'load_from={checkpoint}',
        'val_dataloader.num_workers=0',
        'train_cfg.val_interval=1',
    )
    assert 0 <= logged[-1]['accuracy/top1'] <= 100
    before, after = (load(path)['state_dict'] for path in (checkpoint, probed))
    kept = [
        name
        for name in after
        if name.startswith('backbone.') and torch.equal(before[name], after[name])
    ]
    learned = [name for name in after if name not in kept]
    assert len(kept) > 70 and all(
        name.startswith(('neck.', 'head.')) for name in learned
    )


@pytest.mark.parametrize(
    'method, backbone', [('mocov3', 'wwt'), ('autoencoder', 'wwt'), ('mocov3', 'vit')]
)
def test_micro_is_trained_and_probed_on_tiny_imagenet(method, backbone, run, tmp_path):
    root = write_tiny_imagenet(tmp_path / 'tiny')
    checkpoint, (_, last) = run(f'{method}_{backbone}_micro_tinyimagenet', root)
    assert ('loss_autoencoding' in last) == (backbone == 'wwt')
    assert 0 < last.get('loss_autoencoding', last['loss']) < 10
    _, logged = run(
        f'linear_{backbone}_micro_tinyimagenet',
        root,
        f'load_from={checkpoint}',
        'val_dataloader.num_workers=0',
        'train_cfg.val_interval=1',
    )
    assert 0 <= logged[-1]['accuracy/top1'] <= 100


@pytest.mark.parametrize('method', ['mocov3', 'byol', 'simsiam', 'autoencoder'])
def test_imagenet_recipes_train(method, run, scenes):
    crops = ['pipeline.1.scale=32']
    classes = ','.join(SCENE_CLASSES)
    options = [*ONE_BLOCK, f'train_dataloader.dataset.metainfo.classes=({classes})']
    if method != 'autoencoder':
        crops = [f'pipeline.1.transforms.{view}.0.scale=32' for view in (0, 1)]
    options += [f'train_dataloader.dataset.{crop}' for crop in crops]
    _, (_, last) = run(f'{method}_wwt_small_in1k', scenes, *options)
    assert 0 < last['loss_autoencoding'] < 10


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('method', ['mocov3', 'byol', 'simsiam'])
def test_losses_are_the_methods_own_and_the_mean_reconstruction(method):
    cfg = load_config(FOLDER / f'{method}_wwt_scenes.py').model
    cfg.autoencoding_head.loss_weight = 3.0
    model = MODELS.build(cfg).double()
    views = [torch.rand(4, 3, 64, 64).double() for _ in range(2)]
    feats = [model.backbone(view) for view in views]
    seen = [out[0].slots.mean(1) for out in feats]
    losses = model.loss(views, [])
    assert losses.keys() == {'loss_views', 'loss_autoencoding'}

    first, second = (model.neck[1]([slots])[0] for slots in seen)
    if method == 'simsiam':
        expected = (model.head.loss(first, second) + model.head.loss(second, first)) / 2
    else:  # the average still equals what it averages
        expected = model.head.loss(first, second) + model.head.loss(second, first)
        expected = expected * (2 if method == 'byol' else 1)
    torch.testing.assert_close(losses['loss_views'], expected)
    errors = [
        (model.autoencoding_head(out, (64, 64)) - view).square().mean()
        for out, view in zip(feats, views, strict=True)
    ]
    torch.testing.assert_close(losses['loss_autoencoding'], 3 * sum(errors) / 2)


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('method', ['mocov3', 'byol', 'simsiam', 'autoencoder'])
def test_gradients_reach_slots_and_the_last_masks(method):
    model = MODELS.build(load_config(FOLDER / f'{method}_wwt_scenes.py').model)
    views = [torch.rand(4, 3, 64, 64) for _ in range(2)]
    losses = model.loss(views[0] if method == 'autoencoder' else views, [])
    sum(losses.values()).backward()
    without = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    averaged = ('momentum_encoder.', 'target_net.')
    without = {name for name in without if not name.startswith(averaged)}
    # Nobody reads the last block's tokens.
    assert {name for name in without if '.mlp_tokens.' not in name} <= set()
