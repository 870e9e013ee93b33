"""Writes predicted boxes in COCO's results format, whatever the dataset."""

import json
from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..errors import ConfigError
from ..guards.atomic import write_atomically


@METRICS.register_module()
class CocoResultsWriter(BaseMetric):
    """Exports class-agnostic boxes as a JSON file that pycocotools reads.

    mmdet's ``CocoMetric(format_only=True)`` needs COCO annotations; this needs none.
    Each box becomes ``{'image_id', 'category_id', 'bbox': [x, y, w, h], 'score'}`` in
    pixels of the original image. Not a metric: it adds nothing to the results.

    Args:
        out_file: Path of the file, ending with ``.json``. It is written in one step at
            the end, in place of a former one.
        category_id: Category of all boxes.
        collect_device: As for mmengine's ``BaseMetric``.
    """

    def __init__(
        self, out_file: str, category_id: int = 1, collect_device: str = 'cpu'
    ) -> None:
        super().__init__(collect_device=collect_device)
        if not str(out_file).endswith('.json'):
            raise ConfigError(f'out_file={out_file!r} must end with .json')
        self.out_file = Path(out_file)
        self.category_id = category_id

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of a batch; see mmengine's ``BaseMetric``."""
        for sample in data_samples:
            predicted = sample['pred_instances']
            boxes = predicted['bboxes'].clone()
            boxes[:, 2:] -= boxes[:, :2]
            scores = predicted['scores'].tolist()
            self.results.append(
                [
                    dict(
                        image_id=sample['img_id'],
                        category_id=self.category_id,
                        bbox=box,
                        score=score,
                    )
                    for box, score in zip(boxes.tolist(), scores, strict=True)
                ]
            )

    def compute_metrics(self, results: list[list[dict]]) -> dict[str, float]:
        """Write the file; there are no metrics."""
        boxes = [box for image in results for box in image]
        write_atomically(json.dumps(boxes).encode(), self.out_file)
        print_log(f'{len(boxes)} boxes are written to {self.out_file}', 'current')
        return {}
