"""The VOC07 detection config, shrunk to runs of a few seconds on the tiny scenes."""

import json
from pathlib import Path

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals
from tool_process import REPOSITORY

from reproduction.scenes import SCENE_CLASSES

DETECTION = REPOSITORY / 'configs' / 'mmdet' / 'wwt_det_voc07.py'


def shrink_detection(root, epochs=2, batch_size=4, drop_path_rate=0.1):
    """Returns the --cfg-options for WWT-Tiny on images of 64 pixels."""
    classes = ','.join(SCENE_CLASSES)
    options = {
        'data_root': root,
        'model.backbone.arch': 'tiny',
        'model.backbone.img_size': 64,
        'model.backbone.num_slots': 8,
        'model.backbone.drop_path_rate': drop_path_rate,
        'model.bbox_head.embed_dims': 192,
        'model.bbox_head.num_heads': 3,
        'model.bbox_head.num_classes': len(SCENE_CLASSES),
        'model.test_cfg.max_per_img': 8,
        'train_dataloader.batch_size': batch_size,
        'train_dataloader.dataset.pipeline.2.scales': '[(48,48),(64,64)]',
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.logger.interval': 1,
        'param_scheduler.0.end': 4,
    }
    for loader in ('train', 'val', 'test'):
        dataset = f'{loader}_dataloader.dataset'
        options[f'{loader}_dataloader.num_workers'] = 1
        options[f'{dataset}.metainfo.classes'] = f'({classes})'
    for loader in ('val', 'test'):
        options[f'{loader}_dataloader.dataset.pipeline.1.scale'] = '(64,64)'
    return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]


def load(path):
    """Loads a checkpoint that holds nothing but data, no code to run."""
    with torch.serialization.safe_globals(get_torch_safe_globals()):
        return torch.load(path, map_location='cpu', weights_only=True)


def assert_equal_states(first, second):
    """Compares nested dicts and lists with tensors, to the bit."""
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            assert_equal_states(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_equal_states(one, other)
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    else:
        assert first == second


def read_losses(work_dir):
    """Returns the losses of each logged iteration of the only run in a folder."""
    (scalars,) = Path(work_dir).glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if 'loss' in name}
        for line in lines
        if 'loss' in line
    ]


def read_metrics(work_dir):
    """Returns the metrics that testing has left in a folder."""
    (path,) = Path(work_dir).glob('*/*.json')
    metrics = json.loads(path.read_text())
    return {k: v for k, v in metrics.items() if not k.endswith('time')}


def shrink_classification(root):
    """Returns the --cfg-options for one epoch on classification scenes."""
    options = {
        'data_root': root / 'classification',
        'train_dataloader.batch_size': 5,
        'train_cfg.max_epochs': 1,
    }
    for loader in ('train', 'val', 'test'):
        options[f'{loader}_dataloader.num_workers'] = 0
    return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]


def shrink_segmentation(root):
    """Returns the --cfg-options for two iterations on the label maps of the scenes."""
    options = {
        'data_root': root,
        'model.data_preprocessor.size': '(64,64)',
        'model.backbone.img_size': 64,
        'model.backbone.num_slots': 8,
        'model.decode_head.num_slots': 8,
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.pipeline.2.scale': '(64,64)',
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.interval': 2,
    }
    for loader in ('train', 'val', 'test'):
        dataset = f'{loader}_dataloader.dataset'
        split = 'train' if loader == 'train' else 'test'
        options[f'{loader}_dataloader.num_workers'] = 0
        options[f'{dataset}.ann_file'] = f'VOC2007/ImageSets/Segmentation/{split}.txt'
        options[f'{dataset}.data_prefix.img_path'] = 'VOC2007/JPEGImages'
        options[f'{dataset}.data_prefix.seg_map_path'] = 'VOC2007/SegmentationClass'
    for loader in ('val', 'test'):
        options[f'{loader}_dataloader.dataset.pipeline.1.scale'] = '(64,64)'
    for scale in range(3):
        options[f'tta_pipeline.1.transforms.0.{scale}.scale'] = '(64,64)'
    return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
