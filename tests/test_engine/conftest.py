import pytest

from wwt_mm.engine import cli, load_config

from ..faults.small import DETECTION, options


@pytest.fixture
def detection_runner(monkeypatch, tmp_path, scenes_root):
    """Builds a runner that trains the detector of scenes for three iterations."""

    def build(**changes):
        monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
        _, *texts = options(scenes_root, batch_size=4)
        small = dict(text.split('=', 1) for text in texts)
        small = {k: int(v) if v.isdigit() else v for k, v in small.items()}
        cfg = load_config(DETECTION, small | changes)
        cfg.work_dir, cfg.launcher, cfg.randomness = str(tmp_path), 'none', dict(seed=1)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cli.complete_dataloaders(cfg)
        return cli.build_runner(cfg)

    return build
