"""Damaged checkpoints are named and passed over; a full disk harms no former one."""

import logging
import os
import resource

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import load_checkpoint

from wwt_mm.engine.cli import run_tool as run_as_tool
from wwt_mm.errors import CheckpointError, WriteError
from wwt_mm.guards import write_atomically
from wwt_mm.guards.checkpoint_hook import find_whole_checkpoint
from wwt_mm.guards.weights import find_damage

from .small import DETECTION, Program, options


def save(path, legacy=False):
    weights = {'a.weight': torch.arange(5000.0)}
    content = dict(state_dict=weights, meta=dict(epoch=1))
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def flip_bit(path, place=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path):
    path.write_bytes(b'')


@pytest.fixture
def warnings():
    texts = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield texts
    logger.removeHandler(handler)


@pytest.fixture
def run_folder(tmp_path):
    for epoch in (1, 2, 3, 10):
        save(tmp_path / f'epoch_{epoch}.pth')
    save(tmp_path / 'best_epoch_9.pth')
    return tmp_path


@pytest.mark.parametrize('harm', [flip_bit, cut, empty])
def test_the_checkpoint_before_a_damaged_one_is_taken(harm, run_folder, warnings):
    harm(run_folder / 'epoch_10.pth')
    assert find_whole_checkpoint(str(run_folder / 'epoch_10.pth')) == str(
        run_folder / 'epoch_3.pth'
    )
    (warning,) = [text for text in warnings if 'damaged' in text]
    assert 'epoch_10.pth is damaged' in warning
    assert warning.endswith(f'Going on from {run_folder}/epoch_3.pth')


def test_several_damaged_ones_are_passed_over(run_folder):
    for epoch in (2, 3, 10):
        cut(run_folder / f'epoch_{epoch}.pth')
    assert find_whole_checkpoint(str(run_folder / 'epoch_10.pth')) == str(
        run_folder / 'epoch_1.pth'
    )


def test_no_whole_checkpoint_is_an_error_that_names_all(run_folder):
    for path in run_folder.glob('epoch_*.pth'):
        empty(path)
    with pytest.raises(CheckpointError, match='epoch_10.*epoch_3.*epoch_1.*restore'):
        find_whole_checkpoint(str(run_folder / 'epoch_10.pth'))


@pytest.mark.parametrize('place', [0.3, 0.5, 0.7, 0.9])
def test_one_flipped_bit_of_the_weights_is_found(place, tmp_path):
    path = save(tmp_path / 'a.pth')
    assert find_damage(path) is None
    flip_bit(path, place)
    assert 'data/0' in find_damage(path)


def test_files_of_the_old_format_are_read_to_check_them(tmp_path):
    path = save(tmp_path / 'a.pth', legacy=True)
    assert find_damage(path) is None
    cut(path)
    assert 'cannot be read' in find_damage(path)


def in_child(function):
    """Runs a function in a forked process; returns its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_file_size_limit_leaves_the_former_file_whole(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    write_atomically(b'former', path)

    def write_too_much():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            write_atomically(b'x' * 1_000_000, path)
        except WriteError as error:
            text = str(error)
            told = str(path) in text and '1.0 MB' in text and 'make room' in text
            return 7 if told and '\n' not in text else 8
        return 0

    assert in_child(write_too_much) == 7
    assert path.read_bytes() == b'former'
    assert os.listdir(tmp_path) == ['epoch_1.pth']


def test_a_full_disk_is_told_and_leaves_the_former_file_whole(tmp_path, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    write_atomically(b'former', path)

    def is_full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', is_full)
    with pytest.raises(WriteError, match='No space left on device .*MB are free'):
        write_atomically(b'new', path)
    assert path.read_bytes() == b'former'
    assert os.listdir(tmp_path) == ['epoch_1.pth']


def limit_files_after_first_checkpoint():
    """Lets the second checkpoint of a run meet a file-size limit."""
    from wwt_mm.guards import atomic

    write = atomic.os.replace

    def replace(source, target):
        write(source, target)
        if str(target).endswith('last_checkpoint'):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    atomic.os.replace = replace


def test_a_run_on_a_full_disk_ends_with_one_line_and_goes_on_later(
    run_tool, scenes_root, tmp_path
):
    arguments = [DETECTION, '--work-dir', tmp_path, '--resume', '--seed=3']
    arguments += options(scenes_root, epochs=2, batch_size=12)
    run = run_tool('train', *arguments, before=limit_files_after_first_checkpoint)
    assert run.code == 2, run.output[-3000:]
    line = run.output.strip().splitlines()[-1]
    assert line.startswith('error: cannot write') and 'epoch_2.pth' in line
    assert find_damage(tmp_path / 'epoch_1.pth') is None
    assert not list(tmp_path.glob('.*.tmp'))
    again = run_tool('train', *arguments).check()
    assert 'resumed epoch: 1' in again.output
    assert find_damage(tmp_path / 'epoch_2.pth') is None


def flip_the_newest(work_dir):
    flip_bit(work_dir / 'epoch_2.pth')


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    run_tool, scenes_root, tmp_path
):
    arguments = [DETECTION, '--work-dir', tmp_path, '--resume', '--seed=3']
    run_tool('train', *arguments, *options(scenes_root, epochs=2, batch_size=12))
    flip_the_newest(tmp_path)
    more = options(scenes_root, epochs=3, batch_size=12)
    run = run_tool('train', *arguments, *more).check()
    assert 'epoch_2.pth is damaged' in run.output
    assert 'resumed epoch: 1' in run.output


def test_every_tool_loads_weights_only_also_what_mmengine_loads(tmp_path, capsys):
    torch.save(dict(state_dict=Program()), tmp_path / 'program.pth')
    model = torch.nn.Linear(1, 1)
    with pytest.raises(SystemExit) as end:
        run_as_tool(lambda: load_checkpoint(model, str(tmp_path / 'program.pth')))
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert 'holds more than weights' in error and '--trust-checkpoint' in error
