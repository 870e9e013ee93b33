"""``make demo``, from nothing to its picture, in small."""

import os
import subprocess
import sys

import cv2
from tool_process import CPU_ONLY, REPOSITORY

SCENES = '--height 64 --width 64 --train 8 --val 4 --test 6 --workers 1 '
SCENES += '--cls-train 20 --cls-val 10'
QUICK = 'train_cfg.max_epochs=1 train_dataloader.num_workers=0 '
QUICK += 'train_dataloader.persistent_workers=False '
QUICK += 'val_dataloader.num_workers=0 val_dataloader.persistent_workers=False '
QUICK += 'test_dataloader.num_workers=0 test_dataloader.persistent_workers=False '
QUICK += 'train_dataloader.batch_size=4 default_hooks.logger.interval=1'


def test_the_demo_goes_from_nothing_to_a_picture(tmp_path):
    command = [sys.executable, 'tools/demo.py', '--out', tmp_path / 'out']
    command += ['--data', tmp_path / 'scenes', '--scene-options', SCENES]
    command += ['--cls-options', QUICK, '--det-options', QUICK]
    environment = {**os.environ, 'COLUMNS': '200', **CPU_ONLY}
    finished = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert 'accuracy/top1' in finished.stdout and 'pascal_voc/mAP' in finished.stdout
    assert 'slots.png' in finished.stdout
    picture = cv2.imread(str(tmp_path / 'out' / 'slots.png'))
    assert picture.std() > 10 and picture.shape[0] > picture.shape[1]
    detector_log = (tmp_path / 'out' / 'detect.log').read_text()
    assert f'Load checkpoint from {tmp_path}/out/pretrain/epoch_1.pth' in detector_log
