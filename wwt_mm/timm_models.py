"""WWT as models of timm: ``import wwt_mm.timm_models``, then ``timm.create_model``."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmengine.model import initialize
from timm.models import build_model_with_cfg, register_model
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from .backbone import WhatWhereTransformer
from .backbone.initial_weights import draw_weights, init_cfg_of
from .guards.weights import WEIGHTS_NAME
from .weights import SHIPPED_MODEL

_CONFIG = dict(
    input_size=(3, 224, 224),
    num_classes=1000,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    interpolation='bicubic',
    crop_pct=0.9,
    pool_size=None,
    first_conv='backbone.patch_embed',
    classifier='head.classifier',
)


class SlotClassifier(nn.Module):
    """A What-Where Transformer and its slot head, as timm speaks to models.

    Features are the slots, ``(B, K, D)``; ``features_only=True`` gives tokens of single
    blocks as maps ``(B, D, h, w)``. Parameters have the names of ``WWTClassifier``.

    Args:
        arch: As for ``WhatWhereTransformer``.
        num_classes: Classes; 0 for none: the mean over slots.
        in_chans: Channels of the image.
        **backbone: As for ``WhatWhereTransformer``.
    """

    def __init__(
        self,
        arch: str | dict = 'tiny',
        num_classes: int = 1000,
        in_chans: int = 3,
        **backbone,
    ) -> None:
        super().__init__()
        self.backbone = WhatWhereTransformer(arch, in_channels=in_chans, **backbone)
        # Not init_weights, which logs a line for each parameter.
        initialize(self.backbone, self.backbone.init_cfg)
        dims, size = self.backbone.embed_dims, self.backbone.patch_size
        self.num_features = self.head_hidden_size = dims
        self.feature_info = [
            dict(module=f'backbone.blocks.{index}', num_chs=dims, reduction=size)
            for index in range(self.backbone.num_layers)
        ]
        self.head = nn.Sequential(
            OrderedDict(hidden=nn.Linear(dims, dims), act=nn.GELU())
        )
        initialize(self.head, init_cfg_of('Linear'))
        self.reset_classifier(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(B, C, H, W)`` to logits ``(B, num_classes)``."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Images to slots ``(B, K, D)``."""
        return self.backbone(x, slots_only=True)[-1].slots

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Slots to logits, or to what the logits are made of."""
        if not self.num_classes:
            return x.mean(1)
        x = self.head.act(self.head.hidden(x)).mean(1)
        return x if pre_logits else self.head.classifier(x)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = 'NCHW',
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Tokens of several blocks as maps; as of timm's ViTs, slots before them."""
        count = self.backbone.num_layers
        taken, last = feature_take_indices(count, indices)
        end = last if stop_early or intermediates_only else count - 1
        before, self.backbone.out_indices = self.backbone.out_indices, (*taken, end)
        try:
            *outputs, final = self.backbone(x)
        finally:
            self.backbone.out_indices = before
        maps = [output.tokens for output in outputs]
        if output_fmt == 'NLC':
            maps = [tokens.flatten(2).mT for tokens in maps]
        return maps if intermediates_only else (final.slots, maps)

    def prune_intermediate_layers(
        self,
        indices: int | Sequence[int] = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drop the blocks after the last of ``indices``, and the head."""
        taken, last = feature_take_indices(self.backbone.num_layers, indices)
        self.backbone.blocks = self.backbone.blocks[: last + 1]
        self.backbone.num_layers = last + 1
        self.backbone.out_indices = (last,)
        if prune_norm:
            self.backbone.norm_slots = None
        if prune_head:
            self.num_classes, self.head = 0, nn.Identity()
        return taken

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.head.classifier

    def reset_classifier(
        self, num_classes: int, global_pool: str | None = None
    ) -> None:
        """Replace the last layer by a new one for ``num_classes``."""
        self.num_classes = num_classes
        self.head.classifier = nn.Identity()
        if num_classes:
            self.head.classifier = nn.Linear(self.num_features, num_classes)
            draw_weights(self.head.classifier.weight)
            nn.init.zeros_(self.head.classifier.bias)

    @torch.jit.ignore
    def no_weight_decay(self) -> set[str]:
        """What timm's optimizers leave without weight decay, besides vectors."""
        return {'backbone.slots', 'backbone.pos_embed.weight'}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute blocks again in the backward pass."""
        self.backbone.with_cp = enable


def _create(name: str, pretrained: bool, cfg: dict, **kwargs) -> nn.Module:
    cfg = kwargs.pop('pretrained_cfg', None) or cfg
    return build_model_with_cfg(
        SlotClassifier,
        name,
        pretrained,
        pretrained_cfg=cfg,
        pretrained_filter_fn=_without_autoencoder,
        feature_cfg=dict(out_indices=3, feature_cls='getter'),
        **kwargs,
    )


def _without_autoencoder(weights: dict, model: nn.Module) -> dict:
    return {k: v for k, v in weights.items() if not k.startswith('autoencoding')}


@register_model
def wwt_tiny(pretrained: bool = False, **kwargs) -> nn.Module:
    """WWT-Tiny of the paper; no weights yet."""
    return _create('wwt_tiny', pretrained, _CONFIG, arch='tiny', **kwargs)


@register_model
def wwt_small(pretrained: bool = False, **kwargs) -> nn.Module:
    """WWT-Small of the paper; no weights yet."""
    return _create('wwt_small', pretrained, _CONFIG, arch='small', **kwargs)


@register_model
def wwt_micro(pretrained: bool = False, **kwargs) -> nn.Module:
    """The model that is part of the package: 100 classes, images of 64 pixels."""
    arch = dict(embed_dims=128, num_layers=6, num_heads=4)
    sizes = dict(img_size=64, patch_size=4, num_slots=16)
    cfg = _CONFIG | dict(
        input_size=(3, 64, 64),
        num_classes=100,
        crop_pct=1.0,
        file=str(SHIPPED_MODEL / WEIGHTS_NAME),
    )
    return _create('wwt_micro', pretrained, cfg, arch=arch, **sizes | kwargs)
