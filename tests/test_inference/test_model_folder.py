"""A published folder is a model by itself: config, weights and names of classes."""

import copy
import json
import runpy

import pytest
import torch
from safetensors.torch import load_file

from wwt_mm.deployment import write_model_folder
from wwt_mm.engine import load_config
from wwt_mm.errors import CheckpointError, ConfigError
from wwt_mm.inference import SlotInferencer

from ..tool_process import REPOSITORY
from .conftest import CLASSIFIER, CONFIGS

CLASSES = list('abcdefghij')


@pytest.fixture
def model_folder(checkpoint_of, tmp_path):
    """Writes a folder of the classifier of scenes."""

    def make(dtype='float16', **options):
        config = load_config(CLASSIFIER, options)
        checkpoint = checkpoint_of('mmpretrain/wwt_scenes', CLASSES)
        return write_model_folder(config, checkpoint, tmp_path / dtype, dtype)

    return make


@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [('float32', 0), ('float16', 0.01), ('bfloat16', 0.1)]
)
def test_a_folder_gives_what_its_config_and_checkpoint_give(
    model_folder, infer, picture, dtype, tolerance
):
    folder = model_folder(dtype)
    stored = load_file(folder / 'model.safetensors')
    assert {value.dtype for value in stored.values()} == {getattr(torch, dtype)}
    published = SlotInferencer(folder, device='cpu')
    assert next(published.reader.model.parameters()).dtype == torch.float32
    result, expected = published(picture()), infer(picture())
    assert published.class_names == infer.class_names == CLASSES
    for name in ('slots', 'masks', 'probabilities'):
        got, want = getattr(result, name), getattr(expected, name)
        scale = want.abs().max().item()
        torch.testing.assert_close(got, want, rtol=0, atol=tolerance * scale)


def test_regions_are_found_as_the_config_says(model_folder, picture):
    options = {'slot_regions': dict(normalise='min_max', threshold=0.5, min_area=3)}
    infer = SlotInferencer(model_folder(**options), device='cpu')
    (method,) = infer.find_regions.args
    assert (method.normalise, method.threshold) == ('min_max', 0.5)
    masks = infer(picture()).regions.masks
    assert len(masks) and all(mask.sum() >= 3 for mask in masks)


def test_a_wrapped_dataset_and_shared_weights_are_published(checkpoint_of, tmp_path):
    config = load_config(CLASSIFIER)
    loader = config.test_dataloader
    loader.dataset = dict(type='ConcatDataset', datasets=[loader.dataset] * 2)
    content = torch.load(checkpoint_of('mmpretrain/wwt_scenes', CLASSES))
    weights = content['state_dict']
    for name in [name for name in weights if name.startswith('backbone.blocks.1.')]:
        weights[name.replace('.1.', '.0.', 1)] = weights[name]
    torch.save(content, tmp_path / 'shared.pth')
    folder = write_model_folder(
        config, tmp_path / 'shared.pth', tmp_path / 'out', 'float32'
    )
    assert SlotInferencer(folder).class_names == CLASSES


@pytest.mark.parametrize('name', ['detr_slots_scenes', 'mask2former_slots'])
def test_models_that_change_their_config_leave_the_user_his(name, tmp_path):
    config = load_config(CONFIGS / 'mmdet' / 'swaps' / f'{name}.py')
    before = copy.deepcopy(config.to_dict())
    infer = SlotInferencer(config)
    assert config.to_dict() == before
    torch.save(dict(state_dict=infer.reader.model.state_dict()), tmp_path / 'it.pth')
    folder = write_model_folder(config, tmp_path / 'it.pth', tmp_path / 'out')
    assert config.to_dict() == before
    assert SlotInferencer(folder).class_names == infer.class_names


def test_weights_beyond_the_range_of_halves_are_refused(checkpoint_of, tmp_path):
    content = torch.load(checkpoint_of('mmpretrain/wwt_scenes', CLASSES))
    content['state_dict']['backbone.slots'][0, 0, 0] = 1e5
    torch.save(content, tmp_path / 'large.pth')
    with pytest.raises(CheckpointError, match=r'backbone.slots .* torch.float16'):
        write_model_folder(
            load_config(CLASSIFIER), tmp_path / 'large.pth', tmp_path / 'out'
        )
    assert not (tmp_path / 'out').exists()


def test_other_dtypes_are_refused(checkpoint_of, tmp_path):
    checkpoint = checkpoint_of('mmpretrain/wwt_scenes', CLASSES)
    with pytest.raises(ConfigError, match="dtype='int8'"):
        write_model_folder(load_config(CLASSIFIER), checkpoint, tmp_path, 'int8')


def test_a_model_that_predicts_nothing_is_kept_and_refused_where_it_must_predict(
    model_folder,
):
    folder = model_folder(test_dataloader=None)
    assert load_file(folder / 'model.safetensors')
    with pytest.raises(ConfigError, match='no test_dataloader.dataset.pipeline'):
        SlotInferencer(folder)


def test_broken_or_missing_weights_are_told_in_one_line(model_folder):
    folder = model_folder()
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match='model.safetensors cannot be read'):
        SlotInferencer(folder, device='cpu')
    weights.unlink()
    with pytest.raises(CheckpointError, match='no checkpoint file at'):
        SlotInferencer(folder, device='cpu')


def test_the_tool_writes_a_folder(checkpoint_of, tmp_path, monkeypatch, capsys):
    tool = REPOSITORY / 'tools/model_converters/publish_model.py'
    checkpoint = checkpoint_of('mmpretrain/wwt_scenes', CLASSES)
    out = tmp_path / 'wwt_scenes'
    command = [tool, checkpoint, '--config', CLASSIFIER, '--out', out]
    monkeypatch.setattr('sys.argv', [str(word) for word in command])
    runpy.run_path(str(tool), run_name='__main__')
    assert capsys.readouterr().out.strip() == str(out)
    config = json.loads((out / 'config.json').read_text())
    assert config['test_dataloader']['dataset']['metainfo']['classes'] == CLASSES


def test_weights_of_another_model_are_not_published(model_folder, tmp_path):
    with pytest.raises(CheckpointError, match='backbone.slots should be'):
        model_folder(**{'model.backbone.num_slots': 5})
    assert not list(tmp_path.glob('float16/*'))


def test_a_folder_of_a_detector_resizes_as_its_config_does(
    checkpoint_of, infer_with, picture, tmp_path
):
    name = 'mmdet/wwt_det_scenes'
    folder = write_model_folder(
        load_config(CONFIGS / f'{name}.py'), checkpoint_of(name), tmp_path, 'float32'
    )
    result, expected = SlotInferencer(folder)(picture()), infer_with(name)(picture())
    torch.testing.assert_close(result.masks, expected.masks)
