"""SLATE: slots predict the tokens of a discrete VAE that learns beside them."""

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from .learner import ObjectCentricLearner


@MODELS.register_module()
class SLATE(ObjectCentricLearner):
    """Learns objects by predicting an image's tokens (Singh et al., 2022).

    ``target`` is a :class:`DiscreteVAE`, whose embeddings the grouping reads, and
    ``decoder`` an :class:`AutoregressiveDecoder` that predicts each token from slots
    and those before it. In evaluation tokens are the most probable ones.

    Args: those of :class:`ObjectCentricLearner`, without ``backbone``.
    """

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Losses of images ``(B, 3, H, W)``.

        Returns:
            ``loss_vae``, see :meth:`DiscreteVAE.learn`, and ``loss_tokens``, the cross
            entropy of an image's tokens, summed over the image, mean over images.
        """
        tokens, loss_vae = self.target.learn(self.to_pixels(inputs))
        words = self.target.embed(tokens)
        logits = self.decoder(self.grouping(words), words).prediction.float()
        loss_tokens = F.cross_entropy(logits, tokens, reduction='sum') / len(inputs)
        return dict(loss_tokens=loss_tokens, loss_vae=loss_vae)
