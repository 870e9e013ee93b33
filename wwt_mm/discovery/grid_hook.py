"""Draws the picture grid of the first images of a test."""

from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
from mmdet.structures import DetDataSample
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..guards.atomic import write_atomically
from ..guards.dataset_fit_hook import unwrap
from ..visualization.discovery_grid import Discovery, draw_discoveries
from ..visualization.slot_pictures import encode_png


@HOOKS.register_module()
class DiscoveryGridHook(Hook):
    """Writes ``discovery.png``: images, regions, candidate boxes and ground truth.

    It lies in the folder of the run's log.

    Args:
        num_images: How many images of the test to show; 0 writes nothing.
        num_regions: How many regions to show of each.
    """

    def __init__(self, num_images: int = 8, num_regions: int = 4) -> None:
        self.num_images = num_images
        self.num_regions = num_regions
        self._discoveries = []

    def before_test(self, runner: Runner) -> None:
        """Have the model predict masks as long as they are needed."""
        self._discoveries = []
        self._set_masks(runner, self.num_images > 0)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[DetDataSample] | None = None,
    ) -> None:
        """Keep the first images."""
        missing = self.num_images - len(self._discoveries)
        if missing > 0:
            self._discoveries += [_read(sample) for sample in outputs[:missing]]
            if len(outputs) >= missing:
                self._set_masks(runner, False)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Draw and write the grid."""
        if not self._discoveries or not is_main_process():
            return
        picture = draw_discoveries(self._discoveries, self.num_regions, 'source')
        path = Path(runner.log_dir, 'discovery.png')
        write_atomically(encode_png(picture), path)
        print_log(
            f'pictures of {len(self._discoveries)} images are in {path}', 'current'
        )

    @staticmethod
    def _set_masks(runner: Runner, wanted: bool) -> None:
        unwrap(runner.model).with_masks = wanted


def _read(sample: DetDataSample) -> Discovery:
    found = sample.pred_instances.cpu().numpy()
    return Discovery(
        mmcv.imread(sample.img_path, channel_order='rgb'),
        found.bboxes,
        found.scores,
        found.sources,
        found.masks,
        np.asarray(sample.gt_instances.bboxes.cpu()),
    )
