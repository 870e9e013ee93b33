"""Shows during training how slots and masks develop."""

from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from ..errors import ConfigError
from ..visualization.slot_sheet import draw_slot_sheet
from .class_names import match_class_names
from .slot_reader import SlotReader


@HOOKS.register_module()
class SlotSheetHook(Hook):
    """Gives the first images of each validation to the visualizer, as slots see them.

    A picture holds the slots, the evidence for the predicted class (eq. 8) if slots
    are classified, the reconstruction if there is an autoencoding head, and the masks
    of single slots. It goes to all backends of the config's visualizer (local files,
    TensorBoard, Weights & Biases, ...) as ``slots_0``, ``slots_1``, ..., at the
    iteration that training has come to. In a config of any library::

        custom_hooks = [dict(type='wwt_mm.inference.SlotSheetHook')]

    Args:
        num_images: How many images to show. Each is run through the model once more.
        max_slots: How many slots to show of each, those with the largest share of the
            image first.

    Raises:
        ConfigError: If ``num_images`` is less than 1; at validation, if the model's
            backbone is no ``WhatWhereTransformer``.
    """

    def __init__(self, num_images: int = 4, max_slots: int = 24) -> None:
        if num_images < 1:
            raise ConfigError(f'num_images={num_images} must be at least 1')
        self.num_images = num_images
        self.max_slots = max_slots
        self._shown = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin with the first image."""
        self._shown = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draw what is still wanted of this batch."""
        missing = self.num_images - self._shown
        if missing <= 0 or not is_main_process():
            return
        reader = SlotReader(runner.model)
        told = (runner.visualizer.dataset_meta or {}).get('classes') or ()
        names = match_class_names([told], reader)
        readings = reader(
            data_batch['inputs'][:missing], data_batch['data_samples'][:missing]
        )
        for reading in readings:
            picture = draw_slot_sheet(reading, names, self.max_slots)
            runner.visualizer.add_image(f'slots_{self._shown}', picture, runner.iter)
            self._shown += 1
