"""Features of a frozen ViT as what slots have to predict."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..discovery.features import check_vit, read_features
from ..discovery.vit_checkpoint_hook import to_mmpretrain
from ..errors import CheckpointError

#: In place of a checkpoint: weights drawn with a fixed seed, to try a config out.
RANDOM = 'random'


@MODELS.register_module()
class FeatureTeacher(BaseModule):
    """A frozen ViT, such as DINO's, with an input size and normalisation of its own.

    The ViT is kept beside the module tree, not in it. So it is always in evaluation
    mode, no optimizer, average or distributed wrapper sees its parameters, and
    checkpoints do not hold them: they never change, are larger than the model that is
    trained, and come from a file that stays where it is. It is built and loaded when
    training begins or features are first asked for; models that are tested without
    their teacher need no file.

    Args:
        backbone: Config of a ViT of mmpretrain with ``out_type='raw'``, or of a
            ``RegisterVisionTransformer``.
        checkpoint: Its weights: a file of DINO, DINOv2, DeiT, timm or mmpretrain, or a
            classifier trained by this project. ``'random'``: weights drawn with a
            fixed seed, to try a config out.
        size: Height and width in pixels that images are resized to; ``None`` keeps
            theirs.
        mean: Mean of R, G and B between 0 and 255 that the ViT was trained with.
        std: Standard deviation of the same.
        features: What to read, see :func:`~wwt_mm.discovery.read_features`;
            ``'token'``, the output of the last block, in DINOSAUR.
    """

    def __init__(
        self,
        backbone: dict,
        checkpoint: str,
        size: tuple[int, int] | None = None,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        features: str = 'token',
    ) -> None:
        super().__init__()
        self.backbone_cfg = dict(backbone)
        self.checkpoint = checkpoint
        self.size = size and tuple(size)
        self.features = features
        for name, value in (('mean', mean), ('std', std)):
            value = torch.tensor(value, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, value, persistent=False)
        self._hidden: list[nn.Module] = []  # a list hides it from the module tree

    def load(self) -> nn.Module:
        """The ViT, on the device of this module; built and loaded the first time.

        Raises:
            CheckpointError: If there is no checkpoint, or it does not fit.
        """
        if not self._hidden:
            vit = _build(self.backbone_cfg, self.checkpoint)
            vit.requires_grad_(False)
            vit.eval()  # returns nothing in mmpretrain
            self._hidden.append(vit.to(self.mean.device))
        return self._hidden[0]

    def init_weights(self) -> None:
        """Load the ViT: a missing file ends a run before it has begun."""
        self.load()

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Compute the features of images.

        Args:
            pixels: RGB ``(B, 3, H, W)`` between 0 and 255.

        Returns:
            ``(B, C, h, w)`` float32, one vector for each patch, without class token and
            registers.
        """
        images = (pixels - self.mean) / self.std
        if self.size is not None and tuple(images.shape[-2:]) != self.size:
            images = F.interpolate(
                images, self.size, mode='bicubic', align_corners=False, antialias=True
            )
        features, _ = read_features(self.load(), images, which=self.features)
        return features.permute(0, 3, 1, 2).float()

    def _apply(self, fn, *args, **kwargs) -> 'FeatureTeacher':
        """Move the ViT along to another device or number type."""
        for vit in self._hidden:
            vit._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)


def _build(cfg: dict, checkpoint: str) -> nn.Module:
    # The run's own random numbers, those of GPUs too, stay what they were.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        vit = MODELS.build(cfg)
    check_vit(vit)
    if checkpoint == RANDOM:
        return vit
    if not Path(checkpoint).is_file():
        raise CheckpointError(
            f'no teacher at {checkpoint}: give the weights of a ViT with --cfg-options '
            'model.target.checkpoint=FILE (docs/object_centric.md says which), or try '
            "the config out with 'random'"
        )
    content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger=None)
    weights = to_mmpretrain(content) or content.get('state_dict', content)
    weights = {name.removeprefix('backbone.'): value for name, value in weights.items()}
    try:
        missing = vit.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError as error:  # of another size
        reason = ' '.join(str(error).split())
        raise CheckpointError(
            f'{checkpoint} does not fit model.target.backbone: {reason[:300]}'
        ) from error
    if missing:
        raise CheckpointError(
            f'{checkpoint} does not fit model.target.backbone: it lacks {missing[0]} '
            f'and {len(missing) - 1} more; is it a ViT of that kind?'
        )
    return vit
