"""One picture of what a detector found, and of the masks of the slots that found it."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn

from wwt_mm.guards.atomic import write_atomically
from wwt_mm.visualization.slot_pictures import normalise_masks, slot_colors

_COLUMNS = ('ground truth', 'detections', 'their masks', 'all slots')


@torch.no_grad()
def draw_detection_sheet(
    model: nn.Module,
    samples: Sequence[dict],
    classes: Sequence[str],
    out_file: str | Path,
    score_thr: float = 0.5,
) -> None:
    """Draw images in rows: ground truth, detections, their slots' masks, all slots.

    Args:
        model: A ``WWTDetector`` with a ``MaskPoolBBoxHead``, in evaluation mode.
        samples: Items of an mmdet dataset: ``inputs`` and ``data_samples``.
        classes: Names of the classes.
        out_file: Where the picture is written, as PNG.
        score_thr: Detections below are left out.
    """
    figure = Figure(figsize=(2.6 * len(_COLUMNS), 2.6 * len(samples)), dpi=110)
    axes = figure.subplots(len(samples), len(_COLUMNS), squeeze=False)
    for title, axis in zip(_COLUMNS, axes[0], strict=True):
        axis.set_title(title)
    for row, sample in zip(axes, samples, strict=True):
        _draw_row(row, model, sample, classes, score_thr)
    figure.tight_layout(pad=0.4)
    picture = io.BytesIO()
    figure.savefig(picture, format='png')
    write_atomically(picture.getvalue(), out_file)


def overlay_masks(
    image: np.ndarray, masks: Tensor, colors: np.ndarray, strength: float = 0.75
) -> np.ndarray:
    """Paint masks over an image, each in its colour, the strongest on top.

    Args:
        image: ``(H, W, 3)`` RGB uint8.
        masks: ``(K, h, w)`` raw logits of one image, without padding.
        colors: ``(K, 3)`` RGB in [0, 1].
        strength: Opacity where a mask is highest.

    Returns:
        ``(H, W, 3)`` RGB uint8.
    """
    if not len(masks):
        return image
    size = image.shape[:2]
    maps = normalise_masks(masks.float())
    maps = F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]
    peak, owner = maps.max(0)
    # Square, so that the background of a mask does not tint the image.
    opacity = strength * peak.square().unsqueeze(-1).cpu().numpy()
    paint = 255 * colors[owner.cpu().numpy()]
    return (image * (1 - opacity) + paint * opacity).round().astype(np.uint8)


def segment_by_slots(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Give each pixel to the slot whose mask is highest there.

    Args:
        masks: ``(K, h, w)`` raw logits.
        size: Height and width in pixels.

    Returns:
        ``size`` int64 indices of slots.
    """
    maps = F.interpolate(masks.float()[None], size, mode='bilinear')
    return torch.argmax(maps[0], dim=0)


def _draw_row(row, model, sample, classes, score_thr) -> None:
    image = sample['inputs'].flip(0).permute(1, 2, 0).numpy()  # BGR to RGB
    size = image.shape[:2]
    data = dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']])
    data = model.data_preprocessor(data)
    feats = model.extract_feat(data['inputs'], data['data_samples'])
    metas = [data['data_samples'][0].metainfo]
    logits, boxes = model.bbox_head(feats, metas)
    scores, labels = model.bbox_head.to_scores(logits[0, 0]).max(-1)
    found = scores > score_thr
    # Padding to whole patches lies outside the picture.
    stride = model.backbone.patch_size
    rows, columns = (-(-side // stride) for side in size)
    masks = feats[-1].masks[0].mean(0)[:, :rows, :columns]
    colors = slot_colors(len(masks))

    truth = sample['data_samples'].gt_instances
    scale = np.tile(sample['data_samples'].scale_factor, 2)
    true_boxes = (
        truth.bboxes.tensor if hasattr(truth.bboxes, 'tensor') else truth.bboxes
    )
    names = [classes[label] for label in truth.labels]
    _show(row[0], image, np.asarray(true_boxes) * scale, names)
    names = [
        f'{classes[label]} {score:.2f}'
        for label, score in zip(labels[found], scores[found], strict=True)
    ]
    painted = [tuple(color) for color in colors[found.cpu().numpy()]]
    _show(row[1], image, _corners(boxes[0, 0][found], size), names, painted)
    overlay = overlay_masks(image, masks[found], colors[found.cpu().numpy()])
    _show(row[2], overlay)
    _show(row[3], (255 * colors[segment_by_slots(masks, size)]).astype(np.uint8))


def _corners(boxes: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    return bbox_cxcywh_to_xyxy(boxes).cpu().numpy() * (width, height, width, height)


def _show(axis, image, boxes=(), names=(), colors=None) -> None:
    axis.imshow(image, interpolation='nearest')
    axis.set_axis_off()
    colors = colors or ['white'] * len(boxes)
    for (x1, y1, x2, y2), name, color in zip(boxes, names, colors, strict=True):
        axis.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=color, lw=1.8)
        )
        axis.text(
            x1,
            y1,
            name,
            fontsize=7,
            va='bottom',
            clip_on=True,
            bbox=dict(facecolor=color, edgecolor='none', pad=0.8, alpha=0.8),
        )
