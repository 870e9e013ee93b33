"""A published checkpoint holds the weights and no more, under its hash."""

import hashlib
import os
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.runner import load_checkpoint
from torch import nn
from torch.hub import HASH_REGEX

from wwt_mm.deployment.publish import publish_checkpoint
from wwt_mm.errors import CheckpointError

from ..test_guards.test_checkpoint_hook import build_runner


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """The last checkpoint of a real run with averaged weights."""
    work_dir = tmp_path_factory.mktemp('run')
    runner = build_runner(work_dir, epochs=2)
    runner.register_hook(EMAHook(momentum=0.5))
    runner.train()
    return work_dir / 'epoch_2.pth'


def load(path):
    return torch.load(path, weights_only=True)


def test_weights_and_meta_data_stay_and_the_rest_goes(checkpoint, tmp_path):
    published = load(publish_checkpoint(checkpoint, tmp_path / 'wwt.pth'))
    original = torch.load(checkpoint, weights_only=False)
    assert {'optimizer', 'message_hub', 'ema_state_dict'} < set(original)
    assert set(published) == {'meta', 'state_dict'}
    assert published['meta']['epoch'] == 2
    assert Config.fromstring(published['meta']['cfg'], '.py').train_cfg.max_epochs == 2
    for name, value in original['state_dict'].items():
        assert torch.equal(published['state_dict'][name], value)
        # The averages, not the weights that they are of.
        twin = original['ema_state_dict'][f'module.{name}']
        assert not torch.equal(value, twin)


def test_the_name_ends_in_the_hash_that_torch_hub_checks(checkpoint, tmp_path):
    path = publish_checkpoint(checkpoint, tmp_path / 'sub' / 'wwt.pth')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path == tmp_path / 'sub' / f'wwt-{digest[:8]}.pth'
    assert HASH_REGEX.search(path.name).group(1) == digest[:8]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_checkpoint_gives_the_same_file(checkpoint, tmp_path):
    first = publish_checkpoint(checkpoint, tmp_path / 'a.pth')
    again = publish_checkpoint(checkpoint, tmp_path / 'b.pth')
    assert first.read_bytes() == again.read_bytes()
    assert publish_checkpoint(first) == first
    assert first.read_bytes() == again.read_bytes()


def test_a_model_loads_what_was_published(checkpoint, tmp_path):
    path = publish_checkpoint(checkpoint, tmp_path / 'wwt.pth')
    model = nn.ModuleDict(dict(layer=nn.Linear(1, 1)))
    load_checkpoint(model, str(path), strict=True)
    weights = load(path)['state_dict']
    assert torch.equal(model['layer'].weight, weights['layer.weight'])


def test_bare_weights_are_published_too(tmp_path):
    torch.save(dict(weight=torch.ones(2)), tmp_path / 'bare.pth')
    published = load(publish_checkpoint(tmp_path / 'bare.pth'))
    assert list(published) == ['state_dict']
    assert torch.equal(published['state_dict']['weight'], torch.ones(2))


class Malicious:
    def __reduce__(self):
        return os.mkdir, (str(self.trap),)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    Malicious.trap = tmp_path / 'trap'
    torch.save(dict(state_dict=dict(a=Malicious())), tmp_path / 'bad.pth')
    with pytest.raises(CheckpointError, match=r'bad\.pth holds more than weights'):
        publish_checkpoint(tmp_path / 'bad.pth')
    assert not Malicious.trap.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'no checkpoint file at'),
        (b'', 'cannot be read'),
        (b'no zip', 'is no checkpoint file'),
        ([1, 2], 'holds a list, no weights'),
        (dict(meta=dict(), state_dict={}), 'holds no weights: .* this one .{}'),
        (dict(state_dict=[1]), 'holds no weights'),
        (dict(state_dict=dict(a=1)), 'holds no weights'),
        (dict(state_dict=dict(a=torch.tensor([1.0, float('nan')]))), '^a of .*finite'),
    ],
)
def test_what_cannot_be_published_is_an_error_in_one_line(content, message, tmp_path):
    path = tmp_path / 'file.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    before = set(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match=message) as error:
        publish_checkpoint(path)
    assert re.fullmatch('[^\n]+', str(error.value))
    assert set(tmp_path.iterdir()) == before


def test_the_tool_prints_the_file_alone(checkpoint, tmp_path, monkeypatch, capsys):
    import runpy

    from tool_process import REPOSITORY

    tool = REPOSITORY / 'tools/model_converters/publish_model.py'
    out = tmp_path / 'wwt.pth'
    monkeypatch.setattr('sys.argv', [str(tool), str(checkpoint), '--out', str(out)])
    runpy.run_path(str(tool), run_name='__main__')
    (written,) = tmp_path.iterdir()
    assert capsys.readouterr().out.strip() == str(written)
