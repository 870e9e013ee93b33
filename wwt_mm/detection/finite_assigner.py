"""Hungarian matching that says what is wrong when there is nothing to match by."""

from mmdet.models.task_modules import AssignResult, HungarianAssigner
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from ..errors import InvalidLossError


@TASK_UTILS.register_module()
class FiniteHungarianAssigner(HungarianAssigner):
    """mmdet's ``HungarianAssigner``, which names the image and what is not finite.

    Raises:
        InvalidLossError: On use, if a cost is NaN or infinite, which ends or skips an
            iteration like a loss that is (:class:`~wwt_mm.guards.InvalidLossHook`).
    """

    def assign(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        **kwargs,
    ) -> AssignResult:
        """Match predictions and objects: see mmdet."""
        try:
            return super().assign(pred_instances, gt_instances, img_meta, **kwargs)
        except ValueError as error:  # of scipy
            parts = [
                f'{whose} {name}'
                for whose, each in (
                    ('predicted', pred_instances),
                    ('true', gt_instances),
                )
                for name, value in each.items()
                if hasattr(value, 'isfinite') and not value.isfinite().all()
            ]
            raise InvalidLossError(
                'Hungarian matching has no finite costs for '
                f'{(img_meta or {}).get("img_path", "an image")}: not finite are '
                f'{", ".join(parts) or "the costs"}'
            ) from error
