"""The tool counts what the equations cost, and nothing that only training needs."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.model import BaseModel, ImgDataPreprocessor
from torch import nn

from reproduction.benchmark.complexity import count, measure_complexity
from wwt_mm.deployment.onnx_export import default_shape
from wwt_mm.engine import load_config

ROOT = Path(__file__).parents[3]
TOOL = ROOT / 'tools' / 'analysis_tools' / 'get_flops.py'
CONFIGS = ROOT / 'configs' / 'mmpretrain'


def wwt_macs(
    dims: int, tokens: int, slots: int = 64, depth: int = 12, as_written: bool = False
) -> int:
    """Counts eqs. (1) to (6) and the slot head by hand; needs heads * slots == dims.

    As written, tokens are projected to queries and values; as computed, keys and what
    slots pool are projected instead, for all heads.
    """
    if as_written:
        projections = (2 * tokens + 2 * slots) * dims**2
        attention = 3 * tokens * slots * dims  # scores, read by tokens, by slots
    else:
        projections = 4 * slots * dims**2 + slots * dims  # and keys with queries' bias
        attention = 2 * tokens * dims**2 + tokens * slots * dims
    mlp_tokens = tokens * dims * (2 * dims) * 2
    mlp_slots = slots * dims * (3 * dims) * 2
    mlp_masks = tokens * ((dims + dims) * (3 * dims // 2) + (3 * dims // 2) * dims)
    block = projections + attention + mlp_tokens + mlp_slots + mlp_masks
    patch_embedding = tokens * (3 * 16 * 16) * dims
    head = slots * (dims * dims + dims * 1000)
    return patch_embedding + depth * block + head


def stretching_macs(dims: int, rows: int, columns: int) -> int:
    """Position embeddings of 14 x 14 patches, to so many columns, then rows."""
    return dims * (14 * 14 * columns + 14 * columns * rows)


@pytest.mark.parametrize(
    ('config', 'dims', 'millions', 'billions', 'computed'),
    [
        ('wwt_tiny_in1k.py', 192, 8.66, 1.267, 1.266),
        ('wwt_small_in1k.py', 384, 33.76, 4.813, 4.924),
    ],
)
def test_classifiers_have_the_sizes_of_table_1(
    config, dims, millions, billions, computed
):
    complexity = measure_complexity(load_config(CONFIGS / config))

    assert complexity.shape == (224, 224)
    assert complexity.total.macs == wwt_macs(dims, tokens=14 * 14)
    assert complexity.total.macs / 1e9 == pytest.approx(computed, abs=5e-4)
    as_written = wwt_macs(dims, tokens=14 * 14, as_written=True)
    assert as_written / 1e9 == pytest.approx(billions, abs=5e-4)
    assert complexity.total.params / 1e6 == pytest.approx(millions, abs=5e-3)


def test_another_image_size_costs_what_its_tokens_cost():
    cfg = load_config(CONFIGS / 'wwt_tiny_in1k.py')
    complexity = measure_complexity(cfg, (96, 160))
    assert complexity.shape == (96, 160)
    expected = wwt_macs(192, tokens=6 * 10) + stretching_macs(192, 6, 10)
    assert complexity.total.macs == expected


@pytest.mark.parametrize(
    ('backbone', 'shape'),
    [
        ({'img_size': 96}, (96, 96)),
        ({'img_size': (64, 96)}, (64, 96)),
        ({}, (224, 224)),
    ],
)
def test_the_default_image_has_the_size_the_backbone_is_made_for(backbone, shape):
    assert default_shape(Config(dict(model=dict(backbone=backbone)))) == shape


class _Model(BaseModel):
    """Uses parameters in every way that a counter may overlook."""

    def __init__(self):
        super().__init__(ImgDataPreprocessor())
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.queries = nn.Embedding(5, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 7)
        self.training_head = nn.Linear(8, 100)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        tokens = self.conv(inputs).flatten(2).mT
        tokens, _ = self.attention(tokens, tokens, tokens)
        # As mmdet's DETR does: neither module is called.
        return self.head.forward(self.queries.weight @ tokens.mT @ tokens)


@pytest.fixture(scope='module')
def complexity():
    return count(_Model().eval().requires_grad_(False), (8, 12))


def test_fused_attention_is_counted_like_its_matrix_products(complexity):
    tokens = 2 * 3
    projections = tokens * 8 * (4 * 8)
    scores_and_values = 2 * tokens * tokens * 8
    assert complexity.parts['attention'].macs == projections + scores_and_values


def test_a_part_that_is_run_without_being_called_is_counted(complexity):
    assert complexity.parts['head'].macs == 5 * 8 * 7
    assert complexity.parts['queries'].params == 5 * 8


def test_parts_and_the_products_between_them_add_up(complexity):
    between = 2 * 5 * 6 * 8
    parts = sum(part.macs for part in complexity.parts.values())
    assert complexity.total.macs == parts + between


def test_parameters_that_only_training_uses_stand_apart(complexity):
    assert 'training_head' not in complexity.parts
    assert complexity.training_params == 8 * 100 + 100
    parts = sum(part.params for part in complexity.parts.values())
    assert complexity.total.params == parts


def test_the_tool_prints_one_json_object_and_nothing_else():
    options = ['model.backbone.num_slots=32', 'model.backbone.mask_mlp=False']
    command = [sys.executable, TOOL, CONFIGS / 'wwt_tiny_in1k.py', '--json']
    result = subprocess.run(
        [*command, '--shape', '64', '96', '--cfg-options', *options],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    complexity = json.loads(result.stdout)
    tokens, slots, dims = 4 * 6, 32, 192
    block = (
        4 * slots * dims**2
        + slots * dims
        + tokens * slots * dims * (3 + 3 + 1)  # heads: scores, pooling; tokens' update
        + (tokens * 2 + slots * 3) * 2 * dims**2
    )
    outside = tokens * 768 * dims + slots * dims * (dims + 1000)
    assert complexity['shape'] == [64, 96]
    outside += stretching_macs(dims, 4, 6)
    assert complexity['total']['macs'] == 12 * block + outside


def test_the_tool_names_a_config_that_does_not_exist(monkeypatch, capsys):
    missing = str(CONFIGS / 'wwt_tny_in1k.py')
    monkeypatch.setattr(sys, 'argv', [str(TOOL), missing])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(TOOL), run_name='__main__')
    message = capsys.readouterr().err
    assert stop.value.code == 2
    assert message.count('\n') == 1
    assert missing in message and 'wwt_tiny_in1k.py' in message
