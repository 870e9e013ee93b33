"""Runs the swap configs, shrunk to seconds, on a handful of generated scenes."""

import json
import math
import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, load_checkpoint
from PIL import Image
from pycocotools import mask as coco_mask
from tool_process import REPOSITORY

from reproduction.scenes import SCENE_CLASSES
from wwt_mm.deployment.onnx_export import ExportedModel, export_onnx
from wwt_mm.engine import load_config

SIDE = 64
WIDTH, FULL_WIDTH = 64, 384  # of WWT-Small, and what it is shrunk to
_WIDTHS = ('in_channels', 'embed_dim', 'embed_dims', 'channels')
_SIDES = ('scale', 'scales', 'size', 'crop_size', 'stride')


def load_swap(path, tmp_path, iterations, **options):
    """Returns a swap config with narrow layers, small images and few iterations.

    What the run consists of stays the config's: model, losses, pipelines, metrics.
    """
    cfg = load_config(REPOSITORY / 'configs' / path)
    cfg.model = narrow(cfg.model)
    encoder = cfg.model.get('image_encoder', [cfg.model.get('backbone')])[0]
    encoder.arch = dict(embed_dims=WIDTH, num_layers=12, num_heads=4)
    encoder.img_size, encoder.num_slots = SIDE, 8
    cfg.merge_from_dict(options)
    for loader in ('train', 'val'):
        loader = cfg[f'{loader}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset = shrink_images(loader.dataset)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=False)
    cfg.train_dataloader.pop('batch_sampler', None)
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.train_cfg = dict(by_epoch=False, max_iters=iterations, val_interval=iterations)
    cfg.val_cfg = dict()
    # A rate that shows in a few iterations, and no slow start.
    cfg.optim_wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=3e-4),
        clip_grad=dict(max_norm=1.0),
    )
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', by_epoch=False, interval=iterations, save_optimizer=False
    )
    cfg.default_hooks.pop('visualization', None)
    cfg.log_level = 'WARNING'
    cfg.visualizer = dict(type='mmengine.Visualizer')
    cfg.env_cfg.mp_cfg = dict(mp_start_method='fork')
    cfg.randomness = dict(seed=0)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = path.replace('/', '_')
    return cfg


def narrow(model):
    """Gives the layers that read the backbone its small width."""
    return _map(model, _WIDTHS, lambda width: WIDTH if width == FULL_WIDTH else width)


def shrink_images(pipeline):
    """Makes every image 64 pixels wide and high."""
    return _map(pipeline, _SIDES, lambda side: SIDE)


def set_classes(model, number):
    """Sets the number of classes of every head."""
    return _map(model, ('num_classes', 'num_things_classes'), lambda _: number)


def _map(node, keys, change, below=False):
    """Changes the leaves below certain keys of nested dicts and lists."""
    if isinstance(node, dict):
        return type(node)(
            (key, _map(value, keys, change, key in keys)) for key, value in node.items()
        )
    if isinstance(node, (list, tuple)):
        return type(node)(_map(item, keys, change, below) for item in node)
    return change(node) if below else node


class Recorder(Hook):
    def __init__(self):
        self.losses, self.metrics = [], {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.update(metrics)


def train(cfg: Config):
    """Trains and evaluates; returns the model, the losses and the metrics."""
    runner = Runner.from_cfg(cfg)
    recorder = Recorder()
    runner.register_hook(recorder)
    return runner.train(), recorder.losses, recorder.metrics


def assert_trains_evaluates_and_saves(cfg, iterations):
    """The loss is finite and falls, a metric comes out, and the weights load again."""
    model, losses, metrics = train(cfg)
    assert len(losses) == iterations
    assert all(map(math.isfinite, losses)), losses
    print(f'\n{cfg.filename}: loss {losses[0]:.3f} -> {losses[-1]:.3f}, {metrics}')
    assert losses[-1] < losses[0], losses
    assert metrics
    saved = f'{cfg.work_dir}/iter_{iterations}.pth'
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    load_checkpoint(model, saved, strict=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    return model


def assert_exports(model, cfg):
    """What was trained can be written as ONNX, which checks itself.

    Recording 12 blocks takes long: only with EXPORT_SWAPS=1, for docs/swaps.md.
    """
    if not os.environ.get('EXPORT_SWAPS'):
        return
    exported = ExportedModel(model.eval().requires_grad_(False), cfg.default_scope)
    path = Path(cfg.work_dir, 'swap.onnx')
    difference = export_onnx(exported, (SIDE, SIDE), path)
    print(f'{cfg.filename}: ONNX differs by {difference:.1e}')
    assert path.is_file()


def write_coco(voc, path, split='trainval'):
    """Writes the scenes of a VOC folder as COCO annotations with masks."""
    images, annotations = [], []
    names = (voc / f'ImageSets/Main/{split}.txt').read_text().split()
    for index, name in enumerate(names):
        objects = np.array(Image.open(voc / f'SegmentationObject/{name}.png'))
        height, width = objects.shape
        file_name = f'{name}.jpg'
        images.append(dict(id=index, file_name=file_name, height=height, width=width))
        root = ET.parse(voc / f'Annotations/{name}.xml').getroot()
        for number, entry in enumerate(root.findall('object'), start=1):
            mask = np.asfortranarray(objects == number).astype(np.uint8)
            rle = coco_mask.encode(mask)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=index,
                    category_id=SCENE_CLASSES.index(entry.find('name').text),
                    bbox=coco_mask.toBbox(rle).tolist(),
                    area=float(coco_mask.area(rle)),
                    segmentation=dict(rle, counts=rle['counts'].decode()),
                    iscrowd=0,
                )
            )
    categories = [dict(id=i, name=name) for i, name in enumerate(SCENE_CLASSES)]
    path.write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=categories))
    )


def write_inshop(voc, root):
    """Writes images of two items for training, query and gallery, as InShop does."""
    (root / 'Img').mkdir(parents=True)
    (root / 'Eval').mkdir()
    images = sorted((voc / 'JPEGImages').iterdir())
    lines = []
    for index, path in enumerate(images):
        shutil.copy(path, root / 'Img')
        status = {0: 'train', 1: 'query'}.get(index // 2, 'gallery')
        lines.append(f'{path.name} id_{index % 2} {status}')
    text = '\n'.join([str(len(lines)), 'image_name item_id evaluation_status', *lines])
    (root / 'Eval/list_eval_partition.txt').write_text(text + '\n')
