"""A model as a folder, in the layout of the Hugging Face hub: config and weights."""

import copy
import json
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from safetensors.torch import save

from ..errors import one_of
from ..guards.atomic import write_atomically
from ..guards.class_names import iterate_leaves, read_saved_classes
from ..guards.weights import CONFIG_NAME, WEIGHTS_NAME, check_fit
from .publish import read_weights

# What predictions need of a config.
_KEYS = ('default_scope', 'custom_imports', 'model', 'slot_regions')


def write_model_folder(
    config: Config, checkpoint: str | Path, out: str | Path, dtype: str = 'float16'
) -> Path:
    """Write ``config.json`` and ``model.safetensors``, all that predictions need.

    The classes' names, which a config of a folder of data lacks, come from the
    checkpoint.

    Args:
        config: What the checkpoint was trained with.
        checkpoint: Of a training run; averaged weights if it averaged them.
        out: The folder, made if need be. A model card (``README.md``) is yours to add.
        dtype: What weights are stored in: ``'float16'``, ``'bfloat16'`` or
            ``'float32'``. They are computed with in float32 all the same.

    Returns:
        The folder.

    Raises:
        CheckpointError: If the checkpoint is none, of another model, or not finite in
            ``dtype``.
        ConfigError: If the dtype is unknown.
    """
    one_of('dtype', dtype, ('float16', 'bfloat16', 'float32'))
    weights, saved = read_weights(checkpoint, getattr(torch, dtype))
    # safetensors takes neither views nor tensors that share their memory
    weights = {name: value.contiguous().clone() for name, value in weights.items()}
    with DefaultScope.overwrite_default_scope(config.get('default_scope')):
        model = MODELS.build(copy.deepcopy(config.model))  # some change it
    check_fit(model, weights, str(checkpoint), str(config.filename))
    content = {key: config[key] for key in _KEYS if key in config}
    if loader := config.get('test_dataloader'):  # None where nothing is predicted
        dataset = dict(pipeline=next(iterate_leaves(loader.dataset)).pipeline)
        if classes := read_saved_classes(saved):
            dataset['metainfo'] = dict(classes=list(classes))
        content['test_dataloader'] = dict(dataset=dataset)
    text = json.dumps(Config(content).to_dict(), indent=1) + '\n'
    out = Path(out)
    write_atomically(save(weights), out / WEIGHTS_NAME)
    write_atomically(text.encode(), out / CONFIG_NAME)
    return out
