"""Loads ViT checkpoints as their authors published them."""

import math
import re
from typing import Any

import torch.nn.functional as F
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

# Names as in timm and in the code of DeiT, DINO and DINOv2, and mmpretrain's.
_RENAMES = (
    (r'^(blocks\.)(?:\d+\.)?(\d+\.)', r'layers.\2'),  # DINOv2 may chunk its blocks
    (r'^norm\.', 'ln1.'),
    (r'^(layers\.\d+)\.norm1\.', r'\1.ln1.'),
    (r'^(layers\.\d+)\.norm2\.', r'\1.ln2.'),
    (r'^(layers\.\d+)\.mlp\.fc1\.', r'\1.ffn.layers.0.0.'),
    (r'^(layers\.\d+)\.mlp\.fc2\.', r'\1.ffn.layers.1.'),
    (r'^(layers\.\d+)\.mlp\.(w12|w3)\.', r'\1.ffn.\2.'),
    (r'^(layers\.\d+)\.(?:ls1\.gamma|gamma_1)$', r'\1.attn.gamma1.weight'),
    (r'^(layers\.\d+)\.(?:ls2\.gamma|gamma_2)$', r'\1.ffn.gamma2.weight'),
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
    (r'^reg_token$', 'register_tokens'),
)
_CONTAINERS = ('state_dict', 'model', 'teacher')
_UNUSED = re.compile(r'^(head|mask_token|dino_head|ibot_head)\b')


@HOOKS.register_module()
class ViTCheckpointHook(Hook):
    """Renames the weights of a ViT to mmpretrain's names before they are loaded.

    Takes the files of DeiT, DINO, DINOv2 and timm, also with registers, by their path.
    Checkpoints of mmpretrain and of this project are left as they are.
    """

    priority = 'HIGH'  # before what checks names

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Replace the content of ``checkpoint``, in place, by its renamed weights."""
        weights = to_mmpretrain(checkpoint)
        if weights is not None:
            checkpoint.clear()
            checkpoint['state_dict'] = weights


def to_mmpretrain(checkpoint: dict[str, Any]) -> 'dict[str, Tensor] | None':
    """Weights under mmpretrain's names, as parts of a model's ``backbone``.

    Args:
        checkpoint: What the file holds: weights, or weights under one of the keys
            ``'state_dict'``, ``'model'``, ``'teacher'``.

    Returns:
        The weights; ``None`` if there is nothing to rename.
    """
    weights = checkpoint
    for key in _CONTAINERS:
        if isinstance(weights.get(key), dict):
            weights = weights[key]
    names = {re.sub(r'^(module\.)?(backbone\.)?', '', name): name for name in weights}
    if not any(name.startswith('blocks.') for name in names):
        return None
    renamed = {
        f'backbone.{_rename(name)}': weights[original]
        for name, original in names.items()
        if not _UNUSED.match(name)
    }
    _add_class_position(renamed)
    return renamed


def _add_class_position(weights: dict[str, Tensor]) -> None:
    """Give the class token position 0 where only patches have one (timm)."""
    positions = weights.get('backbone.pos_embed')
    if positions is not None and math.isqrt(positions.shape[1]) ** 2 == len(
        positions[0]
    ):
        weights['backbone.pos_embed'] = F.pad(positions, (0, 0, 1, 0))


def _rename(name: str) -> str:
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
