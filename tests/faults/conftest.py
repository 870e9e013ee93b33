import shutil

import pytest

from reproduction.scenes import SceneConfig, write_classification
from wwt_mm.engine import cli, test, train

from .small import DETECTION

MAINS = {'train': train.main, 'test': test.main}


@pytest.fixture(scope='session')
def classification_root(tmp_path_factory):
    """``train`` and ``val`` with ten folders of two scenes each."""
    root = tmp_path_factory.mktemp('classification')
    scenes = SceneConfig(height=64, width=64, max_objects=1, single_class=True)
    write_classification(root, scenes, train=20, val=20, workers=1)
    return root / 'classification'


@pytest.fixture
def root(tmp_path, scenes_root):
    """A copy of the scenes, to spoil."""
    return shutil.copytree(scenes_root, tmp_path / 'data')


@pytest.fixture
def isolated(monkeypatch):
    """Takes back what tools change for their process."""
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.delenv('RANK', raising=False)
    # Asks compilers for their versions, each time.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture
def fail(isolated, tmp_path, capsys):
    """Runs a tool that must end with status 2; returns the line it ends with."""

    def run(tool, *arguments):
        arguments = [str(argument) for argument in arguments]
        work_dir = ['--work-dir', str(tmp_path / 'work')]
        with pytest.raises(SystemExit) as end:
            cli.run_tool(lambda: MAINS[tool]([*arguments, *work_dir]))
        assert end.value.code == 2
        errors = capsys.readouterr().err
        line = errors[errors.index('error: ') :].strip()
        assert '\n' not in line, errors
        assert 'Traceback' not in line
        return line

    return run


@pytest.fixture(scope='session')
def detector_checkpoint(tmp_path_factory):
    """Weights of the detector of scenes, as they are drawn."""
    import torch
    from mmengine.registry import init_default_scope

    from wwt_mm.engine import load_config

    cfg = load_config(DETECTION)
    init_default_scope('mmdet')
    from mmdet.registry import MODELS

    path = tmp_path_factory.mktemp('weights') / 'detector.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta={}), path)
    return path
