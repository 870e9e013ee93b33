"""What --resume starts from."""

import pytest
import torch
from mmengine.config import Config

from wwt_mm.engine.train import set_resumption
from wwt_mm.errors import CheckpointError


def config(tmp_path):
    return Config(dict(work_dir=str(tmp_path), load_from='pretrained.pth'))


def test_with_nothing_to_resume_pretrained_weights_are_loaded(tmp_path):
    cfg = config(tmp_path)
    set_resumption(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')


def test_the_last_checkpoint_comes_before_pretrained_weights(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    cfg = config(tmp_path)
    set_resumption(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'epoch_1.pth'))


def test_a_damaged_last_checkpoint_is_no_reason_to_start_over(tmp_path):
    (tmp_path / 'epoch_1.pth').touch()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    with pytest.raises(CheckpointError, match=r'epoch_1\.pth is damaged'):
        set_resumption(config(tmp_path), 'auto')


def test_a_checkpoint_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint to resume from at none'):
        set_resumption(config(tmp_path), 'none.pth')


def test_resume_in_a_config_means_the_last_checkpoint(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), load_from=None, resume=True))
    set_resumption(cfg, None)
    assert (cfg.resume, cfg.load_from) == (False, None)
    torch.save(dict(state_dict={}), tmp_path / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    cfg.resume = True
    set_resumption(cfg, None)
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'epoch_1.pth'))
