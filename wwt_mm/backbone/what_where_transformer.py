"""The What-Where Transformer backbone (paper, sec. 3.1)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmengine.utils import to_2tuple
from torch import Tensor, nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from ..errors import CheckpointError, ConfigError, one_of
from .block import WhatWhereBlock
from .initial_weights import init_cfg_of
from .patch_embedding import PatchEmbedding
from .position_embedding import PositionEmbedding, resize_positions
from .slot_masks import SlotMasks, Slots

OUT_TYPES = ('slot_masks', 'featmap', 'reassembled', 'avg_slots')


@MODELS.register_module()
class WhatWhereTransformer(BaseModule):
    """A slot-centric backbone: *what* (slots) and *where* (masks) side by side.

    Args:
        arch: ``'tiny'`` or ``'small'`` (paper), ``'nano'`` or ``'base'`` (ours), or a
            dict with ``embed_dims``, ``num_layers``, ``num_heads`` and, optionally,
            ``mlp_ratios``: hidden widths of MLP_x, MLP_s and MLP_m over ``embed_dims``.
        img_size: Size, or (height, width), that position embeddings are made for, in
            pixels. Images of any other size work: the embeddings are resampled.
        patch_size: Side of a patch in pixels.
        in_channels: Channels of the image.
        num_slots: Slots ``K``; 64 in the paper.
        out_indices: Index, or indices, of the blocks whose output is returned, negative
            ones counting from the end.
        out_type: What is returned for each of ``out_indices``:

            - ``'slot_masks'``: :class:`SlotMasks`, for the heads of this project.
            - ``'featmap'``: tokens ``(B, D, h, w)``, as ordinary backbones do.
            - ``'reassembled'``: masks times slots ``(B, D, h, w)``, eq. (7).
            - ``'avg_slots'``: the mean over slots ``(B, D)``, for mmpretrain's heads.
        mask_mlp: Whether masks pass through an MLP in each block; ``False`` is
            Table 7's "w/o MLP over attention".
        norm_scores: Whether that MLP reads normalised scores (a layer norm without
            parameters). Not given in the paper. Each block's masks feed the next
            block's scores, so without it masks can grow from block to block;
            docs/architecture.md says when that was seen.
        drop_rate: Probability of dropout after position embedding and in the MLPs.
        drop_path_rate: Probability of stochastic depth in the last block; it grows
            linearly from 0 in the first.
        slot_init_std: Standard deviation of the slots' initial values (not given in
            the paper).
        final_norm: Whether the slots of the last block are normalised, as DeiT does
            with its class token (not given in the paper).
        norm_cfg: Config of normalisation layers.
        act_cfg: Config of the MLPs' activation.
        attention: How equations (1) to (3) are computed: ``'eager'``, by PyTorch's
            operations; ``'fused'``, by Triton kernels for GPUs, with float32, bfloat16
            or float16, and numbers of slots and of channels of a head that are powers
            of two from 16; ``'auto'``, as ``'eager'``, which was faster by the clock
            on the GPU tried. Results and weights are the same.
        with_cp: Trade time for memory: ``True`` computes each block again in the
            backward pass (a quarter more time); ``'selective'`` all but the hidden
            channels of the MLPs, which take nearly half of its products.
        frozen_stages: -1 freezes nothing, 0 what comes before the first block (patch
            and position embeddings, slots), ``n`` also the first ``n`` blocks; with
            all blocks everything is frozen.
        init_cfg: mmengine initialisation, as for any backbone.

    Raises:
        ConfigError: If a value is unknown, out of range or does not fit another.
    """

    arch_zoo = {
        'nano': dict(embed_dims=96, num_layers=6, num_heads=3),
        'tiny': dict(embed_dims=192, num_layers=12, num_heads=3),
        'small': dict(embed_dims=384, num_layers=12, num_heads=6),
        'base': dict(embed_dims=768, num_layers=12, num_heads=12),
    }

    def __init__(
        self,
        arch: str | dict = 'tiny',
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        num_slots: int = 64,
        out_indices: int | Sequence[int] = -1,
        out_type: str = 'slot_masks',
        mask_mlp: bool = True,
        norm_scores: bool = False,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        slot_init_std: float = 1.0,
        final_norm: bool = True,
        norm_cfg: dict = dict(type='LN', eps=1e-6),
        act_cfg: dict = dict(type='GELU'),
        attention: str = 'auto',
        with_cp: bool | str = False,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is None:
            init_cfg = init_cfg_of('Linear', 'Conv2d')
        super().__init__(init_cfg)
        arch = self._resolve_arch(arch)
        self.embed_dims = arch['embed_dims']
        self.num_layers = arch['num_layers']
        self.num_heads = arch['num_heads']
        self.num_slots = _positive_int('num_slots', num_slots)
        self.patch_size = _positive_int('patch_size', patch_size)
        height, width = to_2tuple(img_size)
        grid = (
            -(-_positive_int('img_size', height) // patch_size),
            -(-_positive_int('img_size', width) // patch_size),
        )
        self.out_type = one_of('out_type', out_type, OUT_TYPES)
        self.out_indices = self._resolve_indices(out_indices)
        self.frozen_stages = self._check_frozen_stages(frozen_stages)
        self.with_cp = one_of('with_cp', with_cp, (False, True, 'selective'))
        one_of('attention', attention, ('auto', 'eager', 'fused'))
        _probability('drop_rate', drop_rate)
        _probability('drop_path_rate', drop_path_rate)

        dims, size = self.embed_dims, self.patch_size
        self.patch_embed = PatchEmbedding(in_channels, dims, size)
        self.pos_embed = PositionEmbedding(dims, grid)
        self.slots = nn.Parameter(torch.empty(1, self.num_slots, dims))
        nn.init.normal_(self.slots, std=slot_init_std)
        self.drop_after_pos = nn.Dropout(drop_rate)
        self.blocks = nn.ModuleList(
            WhatWhereBlock(
                dims,
                self.num_heads,
                self.num_slots,
                mlp_ratios=arch['mlp_ratios'],
                mask_mlp=mask_mlp,
                norm_scores=norm_scores,
                drop_rate=drop_rate,
                drop_path_rate=drop_path_rate * index / max(self.num_layers - 1, 1),
                norm_cfg=norm_cfg,
                act_cfg=act_cfg,
                attention=attention,
            )
            for index in range(self.num_layers)
        )
        self.norm_slots = build_norm_layer(norm_cfg, dims)[1] if final_norm else None
        self._freeze()

    def forward(
        self,
        image: Tensor,
        padding_mask: Tensor | None = None,
        slots_only: bool = False,
    ) -> tuple[SlotMasks | Slots | Tensor, ...]:
        """Compute slots, masks and tokens.

        Args:
            image: ``(B, C, H, W)``, any size; sides that are not multiples of the patch
                size are padded with zeros.
            padding_mask: ``(B, H, W)`` bool, ``True`` where a pixel is padding that
                made images of several sizes one batch. Padding lies below and right
                of an image. What it holds reaches no result.
            slots_only: Whether the caller reads nothing but the slots of the last block
                (a classifier at inference). What only masks and tokens need is left
                out then, and :class:`Slots` returned for that block. Only with
                ``out_type='slot_masks'``; ``'avg_slots'`` does so by itself.

        Returns:
            One entry per ``out_indices``, in their order, of the kind ``out_type``
            says. The grid has ``ceil(H / patch)`` by ``ceil(W / patch)`` tokens; a
            token counts as padding if all its pixels do.
        """
        tokens, grid, padding = self._embed(image, padding_mask)
        slots = self.slots  # the same for all images until they have read tokens
        flat_padding = None if padding is None else padding.flatten(1)
        slots_only = slots_only or self.out_type == 'avg_slots'

        masks = None  # zeros, without the cost of adding them
        outputs = {}
        last = max(self.out_indices)
        for index, block in enumerate(self.blocks[: last + 1]):
            state = (tokens, slots, masks, flat_padding, slots_only and index == last)
            tokens, slots, masks = self._run(block, *state)
            if index in self.out_indices:
                outputs[index] = self._output(
                    index, tokens, slots, masks, grid, padding
                )
        return tuple(outputs[index] for index in self.out_indices)

    def _run(self, block: nn.Module, *state) -> Any:
        """Run a block; its backward pass may compute it again, whole or in part."""
        options = {}
        if self.with_cp == 'selective':
            options['context_fn'] = partial(
                create_selective_checkpoint_contexts, self._keep_hidden
            )
        # A compiler decides by itself what is cheap to compute again.
        left_to_compiler = options and torch.compiler.is_compiling()
        if not self.with_cp or not torch.is_grad_enabled() or left_to_compiler:
            return block(*state)
        return checkpoint(block, *state, use_reentrant=False, **options)

    def _keep_hidden(self, ctx, op, *args, **kwargs) -> CheckpointPolicy:
        """Keep the hidden channels of MLPs, nearly half of the products of a block."""
        linear = op is torch.ops.aten.addmm.default
        if linear and len(args[0]) > self.embed_dims:  # args: bias, input, weight
            return CheckpointPolicy.MUST_SAVE
        return CheckpointPolicy.PREFER_RECOMPUTE

    def _embed(
        self, image: Tensor, padding_mask: Tensor | None
    ) -> tuple[Tensor, tuple[int, int], Tensor | None]:
        """Patches to tokens ``(B, N, D)``; also their grid and its padding."""
        height, width = image.shape[-2:]
        size = self.patch_size
        missing = (0, -width % size, 0, -height % size)
        padding = None
        if padding_mask is not None:
            image = image.masked_fill(padding_mask.unsqueeze(1), 0)
            padding_mask = F.pad(padding_mask, missing, value=True)
            padding = padding_mask.unflatten(2, (-1, size)).unflatten(1, (-1, size))
            padding = padding.all(4).all(2)  # (B, h, w)
        if any(missing):
            image = F.pad(image, missing)
        tokens = self.patch_embed(image)  # (B, h, w, D)
        grid = (tokens.shape[1], tokens.shape[2])
        tokens = tokens + self.pos_embed(grid, padding).permute(0, 2, 3, 1)
        return self.drop_after_pos(tokens.flatten(1, 2)), grid, padding

    def _output(
        self,
        index: int,
        tokens: Tensor | None,
        slots: Tensor,
        masks: Tensor | None,
        grid: tuple[int, int],
        padding: Tensor | None,
    ) -> SlotMasks | Slots | Tensor:
        """Give the state after block ``index`` the form ``out_type`` asks for."""
        if index == self.num_layers - 1 and self.norm_slots is not None:
            slots = self.norm_slots(slots)
        if self.out_type == 'avg_slots':
            return slots.mean(1)
        if masks is None or tokens is None:
            return Slots(slots)
        features: Tensor = tokens.mT.unflatten(2, grid)  # (B, D, h, w)
        maps: Tensor = masks.mT.unflatten(2, grid).unflatten(1, (self.num_heads, -1))
        if padding is not None:
            features = features.masked_fill(padding[:, None], 0)
            maps = maps.masked_fill(padding[:, None, None], 0)
        if self.out_type == 'featmap':
            return features
        output = SlotMasks(slots, maps, features, padding)
        return output.reassemble() if self.out_type == 'reassembled' else output

    def train(self, mode: bool = True) -> 'WhatWhereTransformer':
        """Switch mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        self._freeze()
        return self

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Depth of a parameter, for mmpretrain's layer-wise learning rate decay.

        Args:
            param_name: Full name of the parameter.
            prefix: What its name starts with, e.g. ``'backbone.'``.

        Returns:
            The depth of the parameter's layer (0 for embeddings and slots) and the
            number of depths.
        """
        depths = self.num_layers + 2
        name = param_name[len(prefix) :]
        if not param_name.startswith(prefix):
            return depths - 1, depths
        if name.startswith('blocks.'):
            return int(name.split('.')[1]) + 1, depths
        if name.startswith('norm_slots'):
            return depths - 1, depths
        return 0, depths

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        self.slots.requires_grad_(False)
        frozen = [self.patch_embed, self.pos_embed, self.drop_after_pos]
        frozen += self.blocks[: self.frozen_stages]
        if self.frozen_stages == self.num_layers and self.norm_slots is not None:
            frozen.append(self.norm_slots)
        for module in frozen:
            module.eval()
            module.requires_grad_(False)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs) -> None:
        """Fit a checkpoint's position map to this image size, and check the rest.

        mmengine only warns about shapes that do not fit and goes on with random
        weights, so what would ruin a run is an error here.
        """
        self._check_checkpoint(state_dict, prefix)
        key = prefix + 'pos_embed.weight'
        if key in state_dict:
            height, width = self.pos_embed.weight.shape[-2:]
            state_dict[key] = resize_positions(state_dict[key], (height, width))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _check_checkpoint(self, state_dict: dict, prefix: str) -> None:
        slots = state_dict.get(prefix + 'slots')
        if slots is not None and slots.shape[1] != self.num_slots:
            raise CheckpointError(
                f'the checkpoint has {slots.shape[1]} slots and the model '
                f'num_slots={self.num_slots}: set num_slots={slots.shape[1]} in the '
                "backbone's config, or pretrain with the number you want (masks are "
                'made for one number of slots and cannot be resized)'
            )
        patch = state_dict.get(prefix + 'patch_embed.weight')
        if patch is not None and patch.shape != self.patch_embed.weight.shape:
            dims, channels, size, _ = patch.shape
            raise CheckpointError(
                f'the checkpoint has embed_dims={dims}, in_channels={channels}, '
                f'patch_size={size} and the model embed_dims={self.embed_dims}, '
                f'in_channels={self.patch_embed.in_channels}, '
                f'patch_size={self.patch_size}: use the same arch, in_channels and '
                "patch_size in the backbone's config"
            )

    @classmethod
    def _resolve_arch(cls, arch: str | dict) -> dict:
        if isinstance(arch, str):
            arch = cls.arch_zoo[one_of('arch', arch, cls.arch_zoo)]
        arch = {'mlp_ratios': (2, 3, 1.5), **arch}
        keys = {'embed_dims', 'num_layers', 'num_heads', 'mlp_ratios'}
        if set(arch) != keys:
            raise ConfigError(
                f'arch needs the keys {sorted(keys)} and no other, not {sorted(arch)}'
            )
        for key in ('embed_dims', 'num_layers', 'num_heads'):
            _positive_int(f'arch.{key}', arch[key])
        if arch['embed_dims'] % arch['num_heads']:
            raise ConfigError(
                f'arch.num_heads={arch["num_heads"]} does not divide '
                f'arch.embed_dims={arch["embed_dims"]}: choose a divisor'
            )
        if len(arch['mlp_ratios']) != 3 or min(arch['mlp_ratios']) <= 0:
            raise ConfigError(
                'arch.mlp_ratios needs three positive numbers, for the MLPs of tokens, '
                f'slots and masks, not {arch["mlp_ratios"]}'
            )
        return arch

    def _resolve_indices(self, indices: int | Sequence[int]) -> tuple[int, ...]:
        indices = (indices,) if isinstance(indices, int) else tuple(indices)
        resolved = tuple(i + self.num_layers if i < 0 else i for i in indices)
        if not resolved or not all(0 <= i < self.num_layers for i in resolved):
            raise ConfigError(
                f'out_indices={indices} must name blocks between '
                f'{-self.num_layers} and {self.num_layers - 1}'
            )
        return resolved

    def _check_frozen_stages(self, stages: int) -> int:
        if not -1 <= stages <= self.num_layers:
            raise ConfigError(
                f'frozen_stages={stages} must lie between -1 (nothing frozen) and '
                f'{self.num_layers} (all blocks)'
            )
        return stages


def _positive_int(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f'{name}={value!r} must be a positive integer')
    return value


def _probability(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ConfigError(f'{name}={value!r} must lie in [0, 1)')
