import os
import random
import shutil
from copy import copy

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader
from tool_process import ToolRunner, skip_slow_niceties

from reproduction.scenes import SceneConfig, write_voc

# Before anything imports triton: its kernels then run where there is no GPU.
if not torch.cuda.is_available():
    os.environ.setdefault('TRITON_INTERPRET', '1')


@pytest.fixture(autouse=True)
def _seed():
    """What a test draws does not depend on the tests before it."""
    random.seed(0)
    np.random.seed(0)  # mmcv and mmdet draw from it
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _forget_loggers():
    """Runs that begin in one second share a name, and so the first one's streams."""
    MMLogger._instance_dict.clear()


@pytest.fixture(autouse=True)
def _skip_slow_niceties(monkeypatch):
    skip_slow_niceties(monkeypatch.setattr)


@pytest.fixture(autouse=True)
def _restore_loading(monkeypatch):
    """Tools make mmengine load weights only, for the rest of their process."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', {**CheckpointLoader._schemes})
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')


@pytest.fixture(autouse=True, scope='module')
def _restore_default_scope():
    """Whoever builds a runner sets mmengine's default scope, for other files too."""
    before = copy(DefaultScope._instance_dict)
    yield
    DefaultScope._instance_dict = before


@pytest.fixture(scope='session')
def scenes_root(tmp_path_factory):
    """A data root with VOC2007: 12 trainval and 6 test scenes of 64 x 64 pixels."""
    root = tmp_path_factory.mktemp('scenes')
    scenes = SceneConfig(height=64, width=64, seed=1)
    write_voc(root, scenes, train=8, val=4, test=6, workers=1)
    return root


@pytest.fixture(scope='session')
def run_tool(tmp_path_factory):
    """Runs tools/train.py or tools/test.py in a process of its own.

    See :meth:`tool_process.ToolRunner.__call__`.
    """
    return ToolRunner(tmp_path_factory.mktemp('tools'))


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    """A headless Chromium, driven by Selenium."""
    webdriver = pytest.importorskip('selenium.webdriver', reason='needs selenium')
    binary = shutil.which('chromium') or shutil.which('google-chrome')
    driver = shutil.which('chromedriver')
    if not binary or not driver:
        pytest.skip('needs Chromium and its driver (chromium, chromium-driver)')
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        'headless',
        'no-sandbox',  # Chromium refuses root with it
        'disable-gpu',
        'disable-quic',
        'no-first-run',
        'disable-background-networking',
        'disable-component-update',
        'disable-sync',
        'window-size=1000,900',
        f'user-data-dir={tmp_path_factory.mktemp("profile")}',
    ):
        options.add_argument(f'--{argument}')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def graphs():
    """Counts what a backend of torch.compile that runs graphs as they are is given."""
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    yield CompileCounter()
    torch._dynamo.reset()
