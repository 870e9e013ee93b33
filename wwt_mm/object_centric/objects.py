"""What the parts of an object-centric model hand to one another."""

from typing import NamedTuple

from torch import Tensor


class ObjectSlots(NamedTuple):
    """What a grouping makes of an image: a few slots that compete for its patches.

    Attributes:
        slots: ``(B, n, D)``, one embedding for each object.
        masks: ``(B, n, h, w)``, the share of each slot in each patch: not negative, and
            one in sum over the slots.
    """

    slots: Tensor
    masks: Tensor


class Reconstruction(NamedTuple):
    """What a decoder makes of slots.

    Attributes:
        prediction: ``(B, C, h, w)``, to be compared with the target.
        masks: ``(B, n, h, w)``, the share of each slot in the prediction, as in
            :class:`ObjectSlots`. The segmentation that is evaluated.
    """

    prediction: Tensor
    masks: Tensor
