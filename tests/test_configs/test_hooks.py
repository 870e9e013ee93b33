"""What every config has, also those with hooks of their own."""

import pytest
from mmengine.config import Config
from tool_process import REPOSITORY

CONFIGS = sorted((REPOSITORY / 'configs').glob('mm*/**/*.py'))


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: f'{path.parent.name}-{path.stem}'
)
def test_bad_images_and_losses_are_looked_for(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    hooks = {hook.type.rpartition('.')[2] for hook in cfg.custom_hooks}
    assert {'BadImageHook', 'InvalidLossHook'} <= hooks
