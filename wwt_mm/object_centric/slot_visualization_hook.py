"""Draws what tools/test.py --show-dir asks for: image, ground truth, segments."""

import os.path as osp
from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor

from ..visualization.slot_pictures import slot_colors
from .loading import VOID


@HOOKS.register_module()
class SlotVisualizationHook(SegVisualizationHook):
    """mmseg's hook for segments without classes, on the part of an image that is seen.

    Pictures show the image, its objects and its segments side by side.

    Args: those of mmseg's ``SegVisualizationHook``.
    """

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Draw the first image of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._draw('val', data_batch['inputs'][0], outputs[0], step)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Draw every image."""
        if not self.draw:
            return
        for image, sample in zip(data_batch['inputs'], outputs, strict=True):
            self._test_index += 1
            self._draw('test', image, sample, self._test_index)

    def _draw(self, stage: str, image: Tensor, sample: SegDataSample, step: int):
        name = f'{stage}_{osp.basename(sample.img_path)}'
        picture = draw_segments(image, sample)
        if self.show:
            self._visualizer.show(picture, name, wait_time=self.wait_time)
        self._visualizer.add_image(name, picture, step)


def draw_segments(image: Tensor, sample: SegDataSample) -> np.ndarray:
    """Draw an image, its objects if they are known, and its segments.

    Args:
        image: ``(3, H, W)`` BGR between 0 and 255, as loaded.
        sample: Sample with ``pred_sem_seg`` and, perhaps, ``gt_instance_map``.

    Returns:
        ``(height, width, 3)`` uint8 RGB, panels side by side in the size of the maps.
    """
    labels = sample.pred_sem_seg.data[0].cpu().numpy()
    image = F.interpolate(image[None].float().cpu(), labels.shape, mode='bilinear')
    image = image[0].flip(0).permute(1, 2, 0).numpy()
    panels = [image]
    if 'gt_instance_map' in sample:
        objects = sample.gt_instance_map.data[0].cpu().numpy()
        colors = np.concatenate([[[0, 0, 0]], slot_colors(VOID - 1), [[1, 1, 1]]])
        panels.append(_blend(image, colors[objects]))
    panels.append(_blend(image, slot_colors(labels.max() + 1)[labels]))
    return np.concatenate(panels, axis=1).round().astype(np.uint8)


def _blend(image: np.ndarray, colors: np.ndarray) -> np.ndarray:
    return 0.4 * image + 0.6 * 255 * colors
