import random
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import nn

from wwt_mm.guards import RandomStateHook  # noqa: F401  (registers it)


@DATASETS.register_module(force=True)
class NoisyImages(BaseDataset):
    """Each sample is its index and a draw of each generator a transform may use."""

    def load_data_list(self):
        return [dict(number=number) for number in range(11)]

    def prepare_data(self, idx):
        number = float(self.get_data_info(idx)['number'])
        draws = [random.random(), np.random.rand(), float(torch.rand(()))]
        return dict(inputs=torch.tensor([number, *draws]))


@DATASETS.register_module(force=True)
class NoisyPair(ConcatDataset):
    """Two of them, as VOC2007 and VOC2012 are concatenated."""

    def __init__(self):
        super().__init__([dict(type='NoisyImages'), dict(type='NoisyImages')])


@MODELS.register_module(force=True)
class DroppingModel(BaseModel):
    """Linear regression with dropout, which remembers the samples it has seen."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.seen = []

    def forward(self, inputs, mode='loss'):
        inputs = torch.stack(list(inputs)).float()
        self.seen.extend(tuple(row) for row in inputs.tolist())
        dropped = nn.functional.dropout(self.layer(inputs), training=self.training)
        return dict(loss=dropped.square().mean())


def build_runner(tmp_path, name, loop, sampler, workers, persistent=False, **options):
    by_epoch = 'max_epochs' in loop
    if isinstance(sampler, str):
        sampler = dict(type=sampler, shuffle=True)
    interval = 1 if by_epoch else 4
    settings = dict(
        model=dict(type='DroppingModel'),
        work_dir=str(tmp_path / name),
        experiment_name=f'{tmp_path.name}_{name}',
        train_dataloader=dict(
            dataset=options.pop('dataset', dict(type='NoisyImages')),
            sampler=sampler,
            batch_size=3,
            num_workers=workers,
            persistent_workers=persistent,
        ),
        train_cfg=dict(by_epoch=by_epoch, **loop),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.01)),
        default_hooks=dict(
            checkpoint=dict(
                type='AtomicCheckpointHook', by_epoch=by_epoch, interval=interval
            )
        ),
        custom_hooks=[dict(type='RandomStateHook')],
        log_level='WARNING',
    )
    return Runner.from_cfg(Config(settings | options))


def train(*args, **kwargs):
    """Returns the model's weights and the samples it has seen."""
    runner = build_runner(*args, **kwargs)
    model = runner.train()
    stop_workers(runner.train_loop)
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    return weights, model.seen


def stop_workers(loop):
    """Ends them now: when runners are collected as garbage, each takes five seconds."""
    for holder in (loop.dataloader, getattr(loop, 'dataloader_iterator', None)):
        iterator = getattr(holder, '_iterator', None)
        getattr(iterator, '_shutdown_workers', bool)()


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    """Weights after a whole run without workers, whose number shall not matter."""

    @cache
    def run(sampler, **loop):
        folder = tmp_path_factory.mktemp('uninterrupted')
        return train(folder, 'whole', loop, sampler, 0, randomness={'seed': 5})[0]

    return run


EPOCHS = ({'max_epochs': 2}, {'max_epochs': 4}, 'epoch_2.pth')
ITERATIONS = ({'max_iters': 8}, {'max_iters': 13}, 'iter_8.pth')


@pytest.mark.parametrize(
    ('loops', 'sampler', 'workers', 'persistent'),
    [
        (EPOCHS, 'DefaultSampler', 0, False),
        (EPOCHS, 'DefaultSampler', 2, False),
        (EPOCHS, 'DefaultSampler', 2, True),
        (ITERATIONS, 'InfiniteSampler', 0, False),
        (ITERATIONS, 'InfiniteSampler', 2, True),
        (ITERATIONS, 'DefaultSampler', 2, False),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    tmp_path, monkeypatch, uninterrupted, loops, sampler, workers, persistent
):
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # mmengine's, per epoch
    part, whole, checkpoint = loops
    case = (sampler, workers, persistent)
    train(tmp_path, 'part', part, *case, randomness={'seed': 5})
    resumed, _ = train(
        tmp_path,
        'resumed',
        whole,
        *case,
        resume=True,
        load_from=str(tmp_path / 'part' / checkpoint),
    )
    assert torch.equal(resumed, uninterrupted(sampler, **whole))


def test_a_resumed_run_continues_with_the_seed_that_the_first_part_drew(tmp_path):
    case = ('DefaultSampler', 0)
    build = build_runner(tmp_path, 'part', {'max_epochs': 2}, *case)
    build.train()
    seed = build.seed
    _, expected = train(
        tmp_path, 'whole', {'max_epochs': 4}, *case, randomness={'seed': seed}
    )
    _, seen = train(
        tmp_path,
        'resumed',
        {'max_epochs': 4},
        *case,
        resume=True,
        load_from=str(tmp_path / 'part' / 'epoch_2.pth'),
    )
    assert seen == expected[len(expected) - len(seen) :]


def test_augmentation_differs_between_samples_and_epochs(tmp_path):
    _, seen = train(tmp_path, 'run', {'max_epochs': 3}, 'DefaultSampler', 2)
    assert len(seen) == 33
    for column in (1, 2, 3):  # of Python, NumPy, torch
        assert len({sample[column] for sample in seen}) == 33


def test_augmentation_does_not_depend_on_the_number_of_workers(tmp_path):
    runs = [
        train(
            tmp_path,
            f'workers_{workers}',
            {'max_epochs': 2},
            'DefaultSampler',
            workers,
            randomness={'seed': 7},
        )
        for workers in (0, 1, 3)
    ]
    for weights, seen in runs[1:]:
        assert seen == runs[0][1]
        assert torch.equal(weights, runs[0][0])


def test_samples_of_concatenated_datasets_are_seeded_too(tmp_path):
    runs = [
        train(
            tmp_path,
            f'workers_{workers}',
            {'max_epochs': 1},
            'DefaultSampler',
            workers,
            dataset=dict(type='NoisyPair'),
            randomness={'seed': 7},
        )[1]
        for workers in (0, 2)
    ]
    assert runs[0] == runs[1]
    assert len({sample[2] for sample in runs[0]}) == 22


def test_ranks_share_the_order_of_samples_but_not_their_randomness(
    tmp_path, monkeypatch
):
    ranks = []
    for rank in (0, 1):
        for module in ('mmengine.dataset.sampler', 'wwt_mm.guards.random_state'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda rank=rank: (rank, 2))
        ranks.append(
            train(
                tmp_path,
                f'rank_{rank}',
                {'max_epochs': 1},
                'DefaultSampler',
                0,
                randomness={'seed': 7},
            )[1]
        )
    numbers = [{sample[0] for sample in seen} for seen in ranks]
    assert len(numbers[0] | numbers[1]) == 11  # one sample serves both, to round up
    draws = [sample[1:] for seen in ranks for sample in seen]
    assert len(set(draws)) == len(draws) == 12


def test_a_world_of_two_sees_the_samples_of_one_process(tmp_path, monkeypatch):
    case = ({'max_epochs': 1}, 'DefaultSampler', 0)
    _, alone = train(tmp_path, 'alone', *case, randomness={'seed': 7})
    together = []
    for rank in (0, 1):
        for module in ('mmengine.dataset.sampler', 'wwt_mm.guards.random_state'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda rank=rank: (rank, 2))
        name = f'rank_{rank}'
        together += train(tmp_path, name, *case, randomness={'seed': 7})[1]
    assert set(alone) < set(together)


def test_a_seed_of_the_sampler_in_the_config_is_kept(tmp_path):
    sampler = dict(type='DefaultSampler', shuffle=True, seed=3)
    runner = build_runner(tmp_path, 'run', {'max_epochs': 1}, sampler, 0)
    runner.train()
    assert runner.train_loop.dataloader.sampler.seed == 3
