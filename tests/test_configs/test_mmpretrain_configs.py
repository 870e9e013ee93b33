"""The configs of configs/mmpretrain/: what they say, and that they train, shrunk."""

import math
import shutil

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR, build_optim_wrapper
from mmengine.runner import Runner
from mmpretrain.datasets.samplers import repeat_aug
from mmpretrain.registry import MODELS

from tests.test_classification.conftest import (  # noqa: F401  (a fixture)
    CLASSES,
    image_folders,
    scope,
    shrunk,
)
from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config, train
from wwt_mm.errors import DatasetError

FOLDER = REPOSITORY / 'configs' / 'mmpretrain'
IN1K = sorted(path.stem for path in FOLDER.glob('*_in1k.py'))

pytestmark = pytest.mark.usefixtures('scope')


def config(name):
    return load_config(FOLDER / f'{name}.py')


@pytest.mark.parametrize(
    'name, parameters',
    [
        ('wwt_tiny_in1k', 8_661_352),
        ('wwt_small_in1k', 33_763_048),
        # DeiT's paper and code: 5 M and 22 M
        ('deit_tiny_in1k', 5_717_416),
        ('deit_small_in1k', 22_050_664),
    ],
)
def test_models_have_the_sizes_of_table_1(name, parameters):
    with torch.device('meta'):
        model = MODELS.build(config(name).model)
    parts = (model.backbone, model.head)
    assert sum(p.numel() for part in parts for p in part.parameters()) == parameters


@pytest.mark.parametrize(
    'name, key, value',
    [
        ('wwt_tiny_slots16_in1k', 'model.backbone.num_slots', 16),
        ('wwt_tiny_slots32_in1k', 'model.backbone.num_slots', 32),
        ('wwt_tiny_slots128_in1k', 'model.backbone.num_slots', 128),
        ('wwt_tiny_no_mask_mlp_in1k', 'model.backbone.mask_mlp', False),
        ('wwt_tiny_no_autoencoder_in1k', 'model.autoencoding_head', None),
    ],
)
def test_the_ablations_of_table_7_change_one_thing(name, key, value):
    expected = config('wwt_tiny_in1k')
    expected.merge_from_dict({key: value})
    assert config(name).to_dict() == expected.to_dict()


@pytest.mark.parametrize('name', [*IN1K, 'wwt_scenes'])
def test_each_config_trains_and_validates(name, image_folders, tmp_path):  # noqa: F811
    options = {}
    if name == 'wwt_scenes':
        options['model.backbone.num_slots'] = 4
        options['train_dataloader.drop_last'] = False
        for stage in ('train', 'val', 'test'):
            # Three classes instead of the ten of scenes, of the same layout.
            options[f'{stage}_dataloader.dataset.metainfo.classes'] = CLASSES
    cfg = shrunk(name, image_folders, tmp_path, **options)
    cfg.train_cfg.val_interval = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    losses = [
        runner.message_hub.get_scalar(key).data[0]
        for key in runner.message_hub.log_scalars
        if 'loss' in key
    ]
    assert losses
    assert all(math.isfinite(value) for history in losses for value in history)
    assert 0 <= runner.message_hub.get_scalar('val/accuracy/top1').current() <= 100
    assert (tmp_path / 'epoch_1.pth').is_file()


@pytest.mark.parametrize('name', ['wwt_tiny_in1k', 'deit_tiny_in1k'])
def test_embeddings_norms_and_biases_do_not_decay(name):
    cfg = shrunk(name, 'unused', 'unused')
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decay = {id(g['params'][0]): g['weight_decay'] for g in groups}
    free = {n for n, p in model.named_parameters() if decay[id(p)] == 0}
    expected = {
        n
        for n, p in model.named_parameters()
        if p.dim() == 1 or 'embed.weight' in n and 'pos' in n
    }
    extra = (
        {'backbone.slots'}
        if name.startswith('wwt')
        else {
            'backbone.cls_token',
            'backbone.pos_embed',
        }
    )
    assert free == expected | extra
    assert {decay[id(p)] for n, p in model.named_parameters() if n not in free} == {
        0.05
    }


def test_the_learning_rate_warms_up_for_5_epochs_and_falls_by_a_cosine():
    cfg, epoch = config('wwt_tiny_in1k'), 10  # iterations of an epoch
    optimizer = torch.optim.SGD([torch.zeros(1)], cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for kind, options in zip(
        (LinearLR, CosineAnnealingLR), cfg.param_scheduler, strict=True
    ):
        options = {
            k: v for k, v in options.items() if not k.startswith(('type', 'conv'))
        }
        schedulers.append(
            kind.build_iter_from_epoch(
                optimizer=optimizer, epoch_length=epoch, **options
            )
        )
    rates = []
    for _ in range(300 * epoch):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] == pytest.approx(1e-6)
    assert rates[2 * epoch + 5] == pytest.approx(5e-4, rel=0.03)
    for iteration in (5 * epoch, 100 * epoch, 299 * epoch):
        done = (iteration - 5 * epoch) / (295 * epoch)
        cosine = 1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * done)) / 2
        assert rates[iteration] == pytest.approx(cosine, rel=1e-3)


def test_deit_starts_from_the_weights_that_its_code_draws():
    model = MODELS.build(config('deit_tiny_in1k').model)
    model.init_weights()
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert len(linear) == 12 * 4 + 1  # qkv, projection, two of the FFN; the head
    for layer in linear:
        assert float(layer.weight.std()) == pytest.approx(0.02, rel=0.02)
        assert not layer.bias.any()
    for embedding in (model.backbone.cls_token, model.backbone.pos_embed):
        assert float(embedding.std()) == pytest.approx(0.02, rel=0.15)
    for name, parameter in model.named_parameters():
        if '.ln' in name:
            assert (parameter == (1 if name.endswith('weight') else 0)).all()


@pytest.mark.parametrize('name', ['deit_tiny_in1k', 'wwt_tiny_in1k'])
def test_an_epoch_of_imagenet_has_1251_iterations_on_8_gpus(name, monkeypatch):
    cfg = config(name).train_dataloader
    monkeypatch.setattr(repeat_aug, 'get_dist_info', lambda: (0, 8))
    images = range(1_281_167)
    sampler = repeat_aug.RepeatAugSampler(images, num_repeats=3, seed=0)
    loader = torch.utils.data.DataLoader(
        images, cfg.batch_size, sampler=sampler, drop_last=cfg.drop_last
    )
    assert len(loader) == 1251


def test_averaged_weights_come_on_top_of_the_other_hooks():
    hooks = config('wwt_tiny_ema_in1k').custom_hooks
    assert hooks[:-1] == config('wwt_tiny_in1k').custom_hooks
    assert hooks[-1].type == 'EMAHook'
    assert 1 - hooks[-1].momentum == pytest.approx(0.99996)


def test_both_layouts_of_imagenet_are_read(image_folders, tmp_path):  # noqa: F811
    flat = tmp_path / 'flat'
    lines = []
    for number, name in enumerate(CLASSES):
        for image in sorted((image_folders / 'val' / name).iterdir()):
            target = flat / 'val' / f'{name}_{image.name}'
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(image, target)
            lines.append(f'{target.name} {number}\n')
    (flat / 'meta').mkdir()
    (flat / 'meta' / 'val.txt').write_text(''.join(lines))
    for root in (image_folders, flat):
        cfg = shrunk('wwt_tiny_in1k', root, tmp_path)
        dataset = Runner.build_dataloader(cfg.val_dataloader).dataset
        labels = [dataset[index]['data_samples'].gt_label.item() for index in range(7)]
        assert labels == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize('name', [*IN1K, 'wwt_scenes'])
def test_missing_data_ends_in_an_error_that_says_where_it_belongs(name, tmp_path):
    arguments = [str(FOLDER / f'{name}.py'), '--work-dir', str(tmp_path)]
    missing = tmp_path / 'nowhere'
    with pytest.raises(DatasetError) as error:
        train.main([*arguments, '--cfg-options', f'data_root={missing}'])
    message = str(error.value)
    assert f'{missing}' in message and 'docs/datasets.md' in message
