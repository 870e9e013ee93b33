"""The analysis of Fig. 7: on a made-up model whose answers are known, and as a tool."""

import json
import runpy
import sys

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import save_checkpoint
from mmpretrain.registry import MODELS
from PIL import Image

from reproduction.scenes import SCENE_CLASSES
from reproduction.translation_invariance import (
    best_slots,
    measure_invariance,
    place_pattern,
    straight_corners,
)
from tests.tool_process import REPOSITORY
from wwt_mm.backbone import SlotMasks
from wwt_mm.errors import ConfigError, DatasetError

from .conftest import shrunk

SCRIPT = REPOSITORY / 'tools' / 'analysis_tools' / 'translation_invariance.py'
TOOL = runpy.run_path(str(SCRIPT))


def test_a_pattern_covers_its_place_as_much_as_it_is_opaque():
    pattern = torch.ones(4, 2, 3) * torch.tensor([10, 20, 30, 0.5])[:, None, None]
    background = torch.full((3, 4, 8), 100.0)
    images = place_pattern(pattern, background, [(0, 0), (1, 4)])
    for image, (top, left) in zip(images, [(0, 0), (1, 4)], strict=True):
        expected = background.clone()
        expected[:, top : top + 2, left : left + 3] = torch.tensor([55.0, 60, 65]).view(
            3, 1, 1
        )
        assert torch.equal(image, expected)
    assert (background == 100).all()


def test_places_run_by_whole_patches_from_border_to_border():
    assert straight_corners((64, 96), 32, 16, 5) == [
        (16, column) for column in (0, 16, 32, 48, 64)
    ]
    assert straight_corners((224, 224), 64, 16, 4)[-1] == (80, 160)
    with pytest.raises(ConfigError, match='6 places'):
        straight_corners((64, 96), 32, 16, 6)


def test_the_slot_of_a_pattern_is_the_one_whose_mask_fits_it_best():
    covered = torch.zeros(1, 2, 4, dtype=torch.bool)
    covered[:, :, 1:3] = True
    masks = torch.zeros(1, 2, 4, 2, 4)
    masks[0, :, 0] = 5.0  # all of the image: scaled to nothing
    masks[0, :, 1, :, 1:4] = 1.0  # the pattern and more
    masks[0, :, 2, :, 1:3] = 0.1  # the pattern, faintly; the scale of a mask is moot
    masks[0, :, 3, :, 1:2] = 9.0  # half the pattern
    assert best_slots(masks, covered.flatten(1)).tolist() == [2]


class KnownBackbone:
    """One slot holds the pattern, wherever it is; its tokens hold their column."""

    patch_size = 2
    slots = torch.zeros(1)

    def __call__(self, images):
        grid = images[:, :1, ::2, ::2]  # (P, 1, h, w); the pattern is 1
        masks = torch.stack([1 - grid, grid], 2).expand(-1, 3, -1, -1, -1)
        slots = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]).expand(len(images), -1, -1)
        angle = torch.arange(grid.shape[-1]) * torch.pi / 12
        tokens = torch.stack([angle.cos(), angle.sin()])[None, :, None]
        return (SlotMasks(slots, masks, tokens.expand(len(images), -1, 4, -1)),)


def test_invariant_slots_score_one_and_tokens_the_angle_they_have_turned_by():
    corners = [(2, 0), (2, 4), (2, 8)]
    pattern = torch.ones(4, 4, 4)
    images = place_pattern(pattern, torch.zeros(3, 8, 12), corners)
    result = measure_invariance(KnownBackbone(), images, corners, side=4)
    turned = torch.tensor([0, 2, 4]) * torch.pi / 12
    assert torch.allclose(result.slots, torch.ones(3))
    assert torch.allclose(result.tokens, turned.cos())
    assert result.other_slots == 0
    columns = [0] * 2 + [1] * 2 + [column for column in range(2, 6) for _ in range(4)]
    own = torch.tensor([0, 1]).repeat(2)
    difference = (own[:, None] - torch.tensor(columns)) * torch.pi / 12
    assert torch.allclose(result.other_tokens, difference.cos().mean())


def write_objects(root):
    """VOC with a large object in one image and a small one in another."""
    for folder in ('SegmentationObject', 'JPEGImages'):
        (root / folder).mkdir()
    for name, side in (('a', 20), ('b', 4)):
        instances = np.zeros((30, 40), np.uint8)
        instances[5 : 5 + side, 10 : 10 + side] = 1
        instances[0] = 255
        Image.fromarray(instances).save(root / 'SegmentationObject' / f'{name}.png')
        Image.new('RGB', (40, 30)).save(root / 'JPEGImages' / f'{name}.jpg')
    return root / 'JPEGImages'


def test_objects_are_cut_out_as_their_instance_maps_say(tmp_path):
    write_objects(tmp_path)
    instances = np.zeros((30, 40), np.uint8)
    instances[10:20, 10:30], instances[10:15, 10:20] = 3, 0
    Image.fromarray(instances).save(tmp_path / 'SegmentationObject' / 'a.png')
    ((name, pattern),) = TOOL['cut_out_objects'](tmp_path, 10, 5)
    assert name == 'a' and pattern.shape == (4, 10, 10)
    alpha = pattern[3]  # halved in width: a gap of 5 x 5 pixels
    assert alpha[:4, :4].max() == 0 and alpha[6:].min() == 1 == alpha[:, 6:].min()
    with pytest.raises(DatasetError, match='20 x 20 pixels'):
        next(TOOL['cut_out_objects'](tmp_path, 20, 5))


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('patterns', ['shapes', 'files', 'cutouts'])
def test_the_command_writes_the_curve_and_its_picture(patterns, tmp_path, monkeypatch):
    name = 'wwt_tiny_in1k'
    torch.manual_seed(0)
    cfg = shrunk(name, tmp_path, tmp_path)
    weights = tmp_path / 'weights.pth'
    save_checkpoint(dict(state_dict=MODELS.build(cfg.model).state_dict()), str(weights))
    arguments = []
    if patterns == 'files':
        Image.new('RGBA', (20, 30), (255, 0, 0, 128)).save(tmp_path / 'dot.png')
        Image.new('L', (50, 50), 90).save(tmp_path / 'wall.png')
        arguments = ['--pattern', tmp_path / 'dot.png']
        arguments += ['--background', tmp_path / 'wall.png']
    elif patterns == 'cutouts':
        walls = write_objects(tmp_path)
        arguments = ['--cutouts', tmp_path, '--background', walls]
    config = tmp_path / 'small.py'
    cfg.dump(config)
    arguments = [SCRIPT, config, weights, '--out', tmp_path / 'fig7', *arguments]
    monkeypatch.setattr(sys, 'argv', list(map(str, arguments)))
    runpy.run_path(str(SCRIPT), run_name='__main__')

    report = json.loads((tmp_path / 'fig7.json').read_text())
    assert report['columns'] == [0, 8, 16, 24]
    names = dict(shapes=list(SCENE_CLASSES), files=['dot'], cutouts=['a'])
    assert list(report['slots']['patterns']) == names[patterns]
    for field in ('slots', 'tokens'):
        assert report[field]['mean'][0] == pytest.approx(1)
        assert all(abs(value) < 1.00001 for value in report[field]['mean'])
    assert Image.open(tmp_path / 'fig7.png').size[0] > 300
