"""The analysis of Fig. 7: on a made-up model whose answers are known, and as a tool."""

import json
import runpy
import sys

import pytest
import torch
from mmengine.runner.checkpoint import save_checkpoint
from mmpretrain.registry import MODELS
from PIL import Image

from reproduction.translation_invariance import (
    best_slots,
    measure_invariance,
    place_pattern,
    straight_corners,
)
from tests.tool_process import REPOSITORY
from wwt_mm.backbone import SlotMasks
from wwt_mm.errors import ConfigError

from .conftest import shrunk


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


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('from_files', [False, True])
def test_the_command_writes_the_curve_and_its_picture(
    from_files, tmp_path, monkeypatch
):
    name = 'wwt_tiny_in1k'
    torch.manual_seed(0)
    cfg = shrunk(name, tmp_path, tmp_path)
    weights = tmp_path / 'weights.pth'
    save_checkpoint(dict(state_dict=MODELS.build(cfg.model).state_dict()), str(weights))
    arguments = []
    if from_files:
        Image.new('RGBA', (20, 30), (255, 0, 0, 128)).save(tmp_path / 'dot.png')
        Image.new('L', (50, 50), 90).save(tmp_path / 'wall.png')
        arguments = ['--pattern', tmp_path / 'dot.png']
        arguments += ['--background', tmp_path / 'wall.png']
    config = tmp_path / 'small.py'
    cfg.dump(config)
    script = REPOSITORY / 'tools' / 'analysis_tools' / 'translation_invariance.py'
    arguments = [script, config, weights, '--out', tmp_path / 'fig7', *arguments]
    monkeypatch.setattr(sys, 'argv', list(map(str, arguments)))
    runpy.run_path(str(script), run_name='__main__')

    report = json.loads((tmp_path / 'fig7.json').read_text())
    assert report['columns'] == [0, 8, 16, 24]
    patterns = report['slots']['patterns']
    assert list(patterns) == ['dot'] if from_files else len(patterns) == 10
    for field in ('slots', 'tokens'):
        assert report[field]['mean'][0] == pytest.approx(1)
        assert all(abs(value) < 1.00001 for value in report[field]['mean'])
    assert Image.open(tmp_path / 'fig7.png').size[0] > 300
