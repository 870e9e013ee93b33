"""Explanations of WWT and of a ViT, and the test that measures them."""

import json
import runpy
import sys

import pytest
import torch
from mmengine.runner import Runner
from mmengine.runner.checkpoint import save_checkpoint
from mmpretrain.registry import MODELS

from reproduction.explanation import METHODS, hide_unimportant, suitable_methods
from tests.tool_process import REPOSITORY
from wwt_mm.classification import class_activation, record_attentions, rollout
from wwt_mm.errors import ConfigError

from .conftest import shrunk
from .two_processes import run_in_two_processes

OF_WWT = ('masks', 'class-activation')
OF_VIT = ('class-token', 'rollout')


def make(name, folder='unused'):
    torch.manual_seed(0)
    model = MODELS.build(shrunk(name, folder, folder).model)
    for parameter in model.parameters():  # far from the symmetry of an untrained model
        torch.nn.init.normal_(parameter, std=0.3)
    model.eval()
    return model.requires_grad_(False)


def image(height=32, width=32, batch=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, height, width, generator=generator)


pytestmark = pytest.mark.usefixtures('scope')


@pytest.mark.parametrize(
    'config, methods', [('wwt_tiny_in1k', OF_WWT), ('deit_tiny_in1k', OF_VIT)]
)
def test_explaining_gives_the_logits_of_the_model_and_maps_of_its_tokens(
    config, methods
):
    model = make(config)
    for method in methods:
        logits, maps = METHODS[method](model, image(40, 20))
        assert torch.allclose(logits, model(image(40, 20)), atol=1e-5)
        assert maps.shape == (2, 5, 3)
        assert (maps >= 0).all() and maps.std((1, 2)).min() > 0


def test_class_activation_explains_the_predicted_class_or_the_one_asked_for():
    model = make('wwt_tiny_in1k')
    feats = model.extract_feat(image())
    slot_scores = model.head.slot_logits(feats).softmax(-1)
    predicted = model(image()).argmax(1)
    for classes in (None, torch.tensor([2, 0])):
        _, maps = METHODS['class-activation'](model, image(), classes)
        labels = predicted if classes is None else classes
        expected = class_activation(slot_scores, feats[-1].masks, labels)
        assert torch.allclose(maps, expected)


def test_raw_masks_are_the_mean_of_the_rectified_masks():
    model = make('wwt_tiny_in1k')
    masks = model.backbone(image())[-1].masks  # (B, H, K, h, w)
    expected = sum(masks[:, :, k].mean(1).clamp(min=0) for k in range(6)) / 6
    assert torch.allclose(METHODS['masks'](model, image())[1], expected, atol=1e-6)


def test_heads_are_rectified_before_their_mean_on_request():
    model = make('wwt_tiny_in1k')
    masks = model.backbone(image())[-1].masks
    expected = sum(masks[:, :, k].clamp(min=0).mean(1) for k in range(6)) / 6
    _, maps = METHODS['rectified-heads'](model, image())
    assert torch.allclose(maps, expected, atol=1e-6)
    assert not torch.allclose(maps, METHODS['masks'](model, image())[1], atol=1e-3)


def test_vits_are_explained_by_their_last_attention_or_by_rollout():
    model = make('deit_tiny_in1k')
    with record_attentions(model.backbone) as attentions:
        model(image())
    last = attentions[-1][:, :, 0, 1:].mean(1).view(2, 4, 4)
    assert torch.allclose(METHODS['class-token'](model, image())[1], last)
    flow = rollout(attentions, (4, 4))
    assert torch.allclose(METHODS['rollout'](model, image())[1], flow)


@pytest.mark.parametrize(
    'config, methods', [('deit_tiny_in1k', OF_WWT), ('wwt_tiny_in1k', OF_VIT)]
)
def test_methods_refuse_models_that_they_cannot_explain(config, methods):
    for method in methods:
        with pytest.raises(ConfigError, match='choose'):
            METHODS[method](make(config), image())


def test_unknown_methods_and_backbones_are_refused(image_folders, tmp_path):
    test_cfg = dict(type='ExplanationTestLoop', method='guess')
    cfg = shrunk('wwt_tiny_in1k', image_folders, tmp_path, test_cfg=test_cfg)
    with pytest.raises(ConfigError, match='guess'):
        Runner.from_cfg(cfg).test_loop  # noqa: B018  (builds it)
    resnet = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=18))
    with pytest.raises(ConfigError, match='ResNet'):
        suitable_methods(MODELS.build(resnet))


def test_the_paper_takes_masks_as_they_are_and_attention_of_the_class_token():
    assert suitable_methods(make('wwt_tiny_in1k')) == OF_WWT
    assert suitable_methods(make('deit_tiny_in1k')) == OF_VIT


def test_hidden_pixels_fade_to_the_mean_or_to_black():
    model = make('wwt_tiny_in1k')
    mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
    raw = torch.rand(1, 3, 32, 32) * 255
    maps = torch.full((1, 4, 4), -3.0)
    maps[:, :, 2:] = 1.0  # scaled to 0 on the left and 1 on the right
    inputs = (raw - mean) / std

    to_mean = hide_unimportant(model, inputs, maps, 'mean') * std + mean
    to_black = hide_unimportant(model, inputs, maps, 'black') * std + mean
    left, right = (..., slice(0, 12)), (..., slice(20, 32))
    assert torch.allclose(to_mean[right], raw[right], atol=1e-3)
    assert torch.allclose(to_black[right], raw[right], atol=1e-3)
    assert torch.allclose(to_mean[left], mean.expand_as(raw)[left], atol=1e-3)
    assert torch.allclose(to_black[left], torch.zeros_like(raw)[left], atol=1e-3)
    with pytest.raises(ConfigError, match='white'):
        hide_unimportant(model, inputs, maps, 'white')


def test_a_constant_map_hides_the_whole_image():
    model = make('wwt_tiny_in1k')
    seen = hide_unimportant(model, image(batch=1), torch.ones(1, 4, 4))
    assert not seen.any()


# -- the evaluation as a whole --------------------------------------------------------


def checkpoint(name, folder):
    path = folder / f'{name}.pth'
    save_checkpoint(dict(state_dict=make(name).state_dict()), str(path))
    return path


def evaluate(rank, name, data_root, path, folder):
    """Tests with explanations; in two processes, as a module-level function."""
    cfg = shrunk(
        name,
        data_root,
        f'{folder}/{rank}',
        launcher='none' if rank is None else 'pytorch',
        load_from=str(path),
        test_cfg=dict(type='ExplanationTestLoop', method='class-activation'),
        test_evaluator=[dict(type='Accuracy'), dict(type='ExplanationMetric')],
    )
    if rank is not None:
        from wwt_mm.engine import prepare_cpu_processes

        prepare_cpu_processes(cfg)
    return Runner.from_cfg(cfg).test()


def test_the_measured_drop_is_that_of_images_taken_one_by_one(image_folders, tmp_path):
    path = checkpoint('wwt_tiny_in1k', tmp_path)
    metrics = evaluate(None, 'wwt_tiny_in1k', image_folders, path, tmp_path)

    cfg = shrunk('wwt_tiny_in1k', image_folders, tmp_path)
    dataset = Runner.build_dataloader(cfg.test_dataloader).dataset
    model = make('wwt_tiny_in1k')
    drops, gains, right = [], 0, 0
    for data in dataset:
        inputs = (data['inputs'].flip(0) - model.data_preprocessor.mean)[None]
        inputs = inputs / model.data_preprocessor.std
        logits, maps = METHODS['class-activation'](model, inputs)
        seen = hide_unimportant(model, inputs, maps)
        label = logits.argmax()
        whole, part = logits.softmax(1)[0, label], model(seen).softmax(1)[0, label]
        drops.append(max(0, float((whole - part) / whole)))
        gains += bool(part > whole)
        right += int(label == data['data_samples'].gt_label)
    assert len(dataset) == 7 and max(drops) > 0.001
    assert metrics == pytest.approx(
        {
            'accuracy/top1': 100 * right / 7,
            'explanation/drop': 100 * sum(drops) / 7,
            'explanation/increase': 100 * gains / 7,
        },
        rel=1e-4,
    )


def test_two_processes_measure_what_one_does(image_folders, tmp_path):
    path = checkpoint('wwt_tiny_in1k', tmp_path)
    arguments = 'wwt_tiny_in1k', str(image_folders), path, str(tmp_path)
    alone = evaluate(None, *arguments)
    first, second = run_in_two_processes(evaluate, tmp_path, *arguments)
    # 7 images in 2 processes: the sampler repeats one, the metric drops it again.
    assert first == pytest.approx(alone, rel=1e-5) and second == first


def run_tool(monkeypatch, *arguments):
    script = REPOSITORY / 'tools' / 'analysis_tools' / 'explain.py'
    monkeypatch.setattr(sys, 'argv', ['explain.py', *map(str, arguments)])
    runpy.run_path(str(script), run_name='__main__')


def options(cfg):
    """What turns a config file into its shrunk form, for the command line."""
    return [
        f'data_root={cfg.data_root}',
        'model.data_preprocessor.num_classes=3',
        'model.head.num_classes=3',
        'model.head.in_channels=12',
        'model.backbone.arch._delete_=True',
        *(f'model.backbone.arch.{k}={v}' for k, v in cfg.model.backbone.arch.items()),
        'model.backbone.img_size=32',
        'model.backbone.patch_size=8',
        'test_evaluator.topk=1',
        'test_dataloader.num_workers=0',
        'test_dataloader.dataset.metainfo.classes=apple,banana,cherry',
        'test_dataloader.dataset.pipeline.1.scale=32',
        'test_dataloader.dataset.pipeline.2.crop_size=32',
    ]


def test_the_command_prints_and_writes_the_columns_of_table_1(
    image_folders, tmp_path, monkeypatch, capsys
):
    name = 'deit_tiny_in1k'
    cfg = shrunk(name, image_folders, tmp_path)
    out = tmp_path / 'out' / 'deit.json'
    run_tool(
        monkeypatch,
        f'{REPOSITORY}/configs/mmpretrain/{name}.py',
        checkpoint(name, tmp_path),
        *('--out', out, '--work-dir', tmp_path),
        *('--cfg-options', *options(cfg)),
    )
    rows = json.loads(out.read_text())['rows']
    assert [row['method'] for row in rows] == ['class-token', 'rollout']
    parameters = sum(p.numel() for p in make(name).parameters())
    printed = capsys.readouterr().out
    for title in ('MACs', 'params', 'top-1', 'drop', 'inc.'):
        assert title in printed
    for row in rows:
        assert row['params'] == parameters and row['macs'] > 0
        assert row['accuracy/top1'] == rows[0]['accuracy/top1']
        assert f'{row["explanation/drop"]:.1f} %' in printed
    assert rows[0]['explanation/drop'] != rows[1]['explanation/drop']


def test_the_command_ends_with_one_line_where_data_or_checkpoint_are_missing(
    tmp_path, monkeypatch, capsys
):
    config = f'{REPOSITORY}/configs/mmpretrain/wwt_tiny_in1k.py'
    file = tmp_path / 'weights.pth'
    work_dir = ('--work-dir', tmp_path)
    monkeypatch.chdir(tmp_path)
    for present, expected in ((False, 'no checkpoint file'), (True, 'data_root')):
        if present:
            file.touch()
        with pytest.raises(SystemExit) as ended:
            run_tool(monkeypatch, config, file, *work_dir)
        error = capsys.readouterr().err
        assert ended.value.code == 2
        assert expected in error and error.count('\n') == 1
