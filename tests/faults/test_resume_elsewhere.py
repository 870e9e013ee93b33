"""A run that is resumed with other settings goes on as they say, and says so."""

import pytest

from ..test_tools.small_runs import load
from .conftest import MAINS
from .small import DETECTION, arch, options

EPOCHS = 4


def schedule(checkpoint):
    """Learning rates of all groups of parameters, and the state of the schedules."""
    content = load(checkpoint)
    states = [dict(each) for each in content['param_schedulers']]
    lrs = [group['lr'] for group in content['optimizer']['param_groups']]
    return lrs, [[state['last_step'], *state['_last_value']] for state in states]


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp('shared')


@pytest.fixture
def train(isolated, scenes_root, tmp_path, shared):
    """Trains on 12 images; returns the folder, and what was logged of resuming."""

    def run(name, *arguments, **changes):
        folder = (shared if name == 'first' else tmp_path) / name
        if (folder / f'epoch_{EPOCHS}.pth').is_file():
            return folder, []
        given = dict(epochs=EPOCHS, param_scheduler__0__end=4) | changes
        given |= {'param_scheduler__1__end': given['epochs']}
        given |= {'train_cfg.val_interval': 99}
        given |= arch()
        given |= {'default_hooks.checkpoint.max_keep_ckpts': -1}
        config = [str(DETECTION), *map(str, arguments), '--work-dir', str(folder)]
        MAINS['train']([*config, *options(scenes_root, **given)])
        (log,) = folder.glob('*/*.log')
        lines = log.read_text().splitlines()
        return folder, [line for line in lines if 'was made with' in line]

    return run


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        (dict(batch_size=2), ('iterations per epoch 3 (now 6)', 'iteration 4 (now 2)')),
        (dict(epochs=6), ('end of CosineAnnealingLR 12 (now 18)',)),
        ({'optim_wrapper.optimizer.lr': 1e-3}, ('lr 0.0005 (now 0.001)',)),
    ],
)
def test_learning_rates_go_on_as_if_it_had_always_been_so(train, changes, says):
    first, _ = train('first')
    whole, _ = train('whole', **changes)
    resumed, told = train('resumed', '--resume', first / 'epoch_2.pth', **changes)
    assert len(told) == 1
    for text in says:
        assert text in told[0]
    for epoch in (3, 4):
        name = f'epoch_{epoch}.pth'
        lrs, states = schedule(resumed / name)
        expected_lrs, expected = schedule(whole / name)
        assert lrs == pytest.approx(expected_lrs, rel=1e-9)
        assert states == [pytest.approx(each, rel=1e-9) for each in expected]
    assert load(resumed / name)['meta']['iter'] == load(whole / name)['meta']['iter']


def test_nothing_is_touched_where_nothing_has_changed(train):
    first, _ = train('first')
    resumed, told = train('resumed', '--resume', first / 'epoch_2.pth')
    assert not told
    assert schedule(resumed / 'epoch_4.pth') == schedule(first / 'epoch_4.pth')
