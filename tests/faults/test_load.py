"""Ten thousand images: memory stays flat, and what was stopped goes on.

Long, so not part of the suite: ``make faults``, or with another number of images

    WWT_IMAGES=500 python -m pytest -m slow_faults tests/faults/test_load.py
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from tool_process import CPU_ONLY, REPOSITORY

from wwt_mm.engine import load_config

from .small import CLASSIFICATION, options

pytestmark = pytest.mark.slow_faults

IMAGES = int(os.environ.get('WWT_IMAGES', 10_000))


@pytest.fixture(scope='module')
def many(classification_root, tmp_path_factory):
    """A data root whose ``val`` holds many images: links to a few."""
    root = tmp_path_factory.mktemp('many')
    sources = sorted((classification_root / 'val').glob('*/*.jpg'))
    for number in range(IMAGES):
        source = sources[number % len(sources)]
        target = root / 'val' / source.parent.name / f'{number:06}.jpg'
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    return root


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    cfg = load_config(CLASSIFICATION)
    init_default_scope('mmpretrain')
    from mmengine.registry import MODELS

    path = tmp_path_factory.mktemp('weights') / 'classifier.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    return path


def start(tool, log, *arguments):
    command = [sys.executable, REPOSITORY / 'tools' / f'{tool}.py', *arguments]
    return subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **CPU_ONLY},
        stdout=open(log, 'w'),
        stderr=subprocess.STDOUT,
        cwd=log.parent,
    )


def resident(pid):
    """Resident memory of a process in MB; None when it has ended."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS'):
            return int(line.split()[1]) / 1024
    return None


def watch(run, progress, until=1.0):
    """(share of the work done, MB) again and again, until a share or the end."""
    samples = []
    while run.poll() is None:
        share, memory = progress(), resident(run.pid)
        if memory is not None:
            samples.append((share, memory))
        if share >= until:
            break
        time.sleep(0.25)
    return samples


def growth(samples):
    """How much higher the peak of the second half is than that of the first."""
    first = max(memory for share, memory in samples if share < 0.5)
    second = max(memory for share, memory in samples if share >= 0.5)
    print(f'resident: {first:.0f} MB in the first half, {second:.0f} MB in the second')
    return second / first


def test_slots_of_many_images_take_flat_memory_and_go_on(many, checkpoint, tmp_path):
    out = tmp_path / 'seen'
    arguments = [many / 'val', '--config', CLASSIFICATION, '--checkpoint', checkpoint]
    arguments += ['--out', out, '--batch-size', 32]

    def progress():
        return len(list(out.rglob('*.slots.json'))) / IMAGES

    run = start('slots', tmp_path / 'first.log', *arguments)
    watch(run, progress, until=0.1)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = len(list(out.rglob('*.slots.json')))
    assert 0 < before < IMAGES

    run = start('slots', tmp_path / 'second.log', *arguments)
    samples = watch(run, progress)
    assert run.wait(timeout=60) == 0
    text = (tmp_path / 'second.log').read_text()
    assert f'{IMAGES - before} images written, {before} were there' in text
    assert growth([sample for sample in samples if sample[0] > 0.15]) < 1.05


def test_an_evaluation_of_many_images_takes_flat_memory(many, checkpoint, tmp_path):
    log = tmp_path / 'test.log'
    arguments = [CLASSIFICATION, checkpoint, '--work-dir', tmp_path / 'work']
    run = start('test', log, *arguments, *options(many, batch_size=50))
    batches = -(-IMAGES // 50)

    def progress():
        found = [line for line in log.read_text().splitlines() if 'Epoch(test)' in line]
        numbers = found[-1].partition('[')[2].partition('/')[0] if found else '0'
        return int(numbers) / batches

    samples = watch(run, progress, until=2)
    assert run.wait(timeout=60) == 0
    assert 'accuracy/top1' in log.read_text()
    assert growth([sample for sample in samples if sample[0] > 0]) < 1.1
