"""What a run that resumes with other settings finds changed, on a model of one layer.

On real detectors: tests/faults/test_resume_elsewhere.py.
"""

import pytest

import wwt_mm.guards.resume_fit_hook  # noqa: F401  (registers it)
from wwt_mm.errors import CheckpointError

from .test_random_state import build_runner

STEP = dict(type='StepLR', step_size=1)


@pytest.fixture
def train(tmp_path):
    """Trains an epoch, or one more from a checkpoint; returns warnings and the next."""

    def run(name, scheduler, resume=None, accumulative_counts=1, **optimizer):
        optimizer = dict(type='SGD', lr=0.01) | optimizer
        runner = build_runner(
            tmp_path,
            name,
            dict(max_epochs=2 if resume else 1),
            'DefaultSampler',
            workers=0,
            optim_wrapper=dict(
                optimizer=optimizer, accumulative_counts=accumulative_counts
            ),
            param_scheduler=scheduler,
            custom_hooks=[dict(type='ResumeFitHook')],
            resume=bool(resume),
            load_from=resume,
        )
        warnings: list[str] = []
        runner.logger.warning = warnings.append
        runner.train()
        told = [line for line in warnings if 'was made with' in line]
        return told, str(tmp_path / name / 'epoch_1.pth')

    return run


def test_accumulated_batches_count_as_one(train):
    _, checkpoint = train('first', STEP)
    (told,) = train('second', STEP, checkpoint, accumulative_counts=2)[0]
    assert 'images per iteration 3 (now 6)' in told


def test_a_schedule_that_depends_on_results_cannot_be_followed(train):
    _, checkpoint = train('first', STEP)
    plateau = dict(type='ReduceOnPlateauLR', monitor='loss')
    with pytest.raises(CheckpointError, match='depends on results'):
        train('second', plateau, checkpoint, lr=0.02)


def test_what_a_schedule_has_changed_is_no_change_of_settings(train):
    adam = dict(type='AdamW', betas=(0.9, 0.999))
    momentum = dict(type='LinearMomentum', start_factor=0.5, end=9)
    _, checkpoint = train('first', momentum, **adam)
    assert train('second', momentum, checkpoint, **adam)[0] == []
