import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

import wwt_mm.object_centric  # noqa: F401  (registers the modules)
from wwt_mm.engine import load_config
from wwt_mm.object_centric import ObjectSlots

from ..tool_process import REPOSITORY

CONFIGS = REPOSITORY / 'configs' / 'mmseg' / 'ocl'


@pytest.fixture(autouse=True)
def _scope_and_seed():
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        yield


@pytest.fixture
def build():
    """Builds the model of a config of the scenes, with a teacher of random weights."""

    def build_model(name, **options):
        cfg = load_config(CONFIGS / f'ocl_{name}_scenes.py')
        if 'checkpoint' in (cfg.model.get('target') or {}):
            cfg.model.target.checkpoint = 'random'
        cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
        torch.manual_seed(0)
        return MODELS.build(cfg.model)

    return build_model


@pytest.fixture
def objects():
    """Draws 2 images with 3 slots of 5 channels and masks of 2 x 4 patches, float64."""
    generator = torch.Generator().manual_seed(0)
    slots = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64)
    masks = torch.randn(2, 3, 2, 4, generator=generator, dtype=torch.float64)
    return ObjectSlots(slots, masks.softmax(1))
