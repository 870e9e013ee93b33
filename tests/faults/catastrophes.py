"""tools/train.py, with something going wrong in one of its processes.

python -m torch.distributed.run ... catastrophes.py NAME RANK ARGUMENTS OF TRAIN
"""

import os
import resource
import signal
import sys

from wwt_mm.engine import cli, train


def nan_losses():
    """The second and the third loss are NaN."""
    from wwt_mm.classification import WWTClassifier

    loss, calls = WWTClassifier.loss, []

    def spoiled(self, inputs, samples):
        losses = loss(self, inputs, samples)
        calls.append(1)
        if len(calls) in (2, 3):
            losses['loss_cls'] = losses['loss_cls'] * float('nan')
        return losses

    WWTClassifier.loss = spoiled


def nan_boxes():
    """In the second iteration all boxes and classes are NaN, and so costs."""
    from wwt_mm.detection import MaskPoolBBoxHead

    forward, calls = MaskPoolBBoxHead.forward, []

    def spoiled(self, *args):
        calls.append(1)
        outputs = forward(self, *args)
        return [x * float('nan') if len(calls) == 2 else x for x in outputs]

    MaskPoolBBoxHead.forward = spoiled


def dead_worker():
    """The process that loads data dies at its third image."""
    from mmcv.transforms import LoadImageFromFile

    main, transform, loaded = os.getpid(), LoadImageFromFile.transform, []

    def transform_or_die(self, results):
        loaded.append(1)
        if os.getpid() != main and len(loaded) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return transform(self, results)

    LoadImageFromFile.transform = transform_or_die


def full_disk():
    """No file may grow beyond 300 kB, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


if __name__ == '__main__':
    name, rank = sys.argv[1:3]
    if rank == os.environ.get('RANK', '0'):
        globals()[name]()
    cli.run_tool(lambda: train.main(sys.argv[3:]))
