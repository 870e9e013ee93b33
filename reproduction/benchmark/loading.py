"""Time that each step of a data pipeline takes, on one core."""

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import mmcv
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, init_default_scope

from wwt_mm.errors import ConfigError

BACKENDS = ('cv2', 'pillow', 'turbojpeg')


def time_pipeline(
    cfg: Config,
    images: Sequence[Path],
    backend: str,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Run the training pipeline of a classification config over images.

    Args:
        cfg: Config with ``train_dataloader.dataset.pipeline``.
        images: Image files; the first warms up and is not counted.
        backend: What decodes: one of mmcv's backends, see :data:`BACKENDS`.
        advance: Called after each image, for a progress bar.

    Returns:
        Milliseconds of processor time an image, by transform, in their order.

    Raises:
        ConfigError: If the backend is not installed.
    """
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    try:
        mmcv.use_backend(backend)  # the only way to make mmcv load a decoder
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            f'cannot decode with {backend}: {error}. See docs/performance.md'
        ) from error
    steps = copy.deepcopy(cfg.train_dataloader.dataset.pipeline)
    for step in steps:
        if step.type == 'LoadImageFromFile':
            step.imdecode_backend = backend
    transforms = [(step.type, TRANSFORMS.build(step)) for step in steps]
    seconds: dict[str, float] = defaultdict(float)
    for index, image in enumerate(images):
        sample = dict(img_path=str(image), gt_label=0)
        for name, transform in transforms:
            start = time.process_time()
            sample = transform(sample)
            if index:
                seconds[name] += time.process_time() - start
        advance()
    return {name: 1000 * s / max(len(images) - 1, 1) for name, s in seconds.items()}
