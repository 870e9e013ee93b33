"""What `--auto-scale-lr` takes for the batch that a learning rate was chosen with."""

import pytest

from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config

CONFIGS = REPOSITORY / 'configs'
# Those for one process; the others are for 8 or 16 GPUs.
SMALL = sorted(
    str(path.relative_to(CONFIGS))
    for pattern in ('*_scenes.py', '*_micro_*.py', '*_overfit.py')
    for path in CONFIGS.rglob(pattern)
    if '_base_' not in path.parts
)


@pytest.mark.parametrize('name', SMALL)
def test_the_batch_of_a_small_config_is_its_own(name):
    cfg = load_config(CONFIGS / name)
    if cfg.get('train_cfg') and cfg.get('auto_scale_lr'):
        batch_size = cfg.train_dataloader.batch_size
        assert cfg.auto_scale_lr.base_batch_size == batch_size
