"""`compile` in a config compiles the blocks, few graphs for all of them."""

import torch
from mmengine.config import Config

from wwt_mm.engine.compilation import compile_blocks


def test_training_compiles_each_kind_of_block_once(detection_runner, graphs):
    # A rate of stochastic depth of its own in each block.
    runner = detection_runner(**{'model.backbone.drop_path_rate': 0.1})
    runner.cfg.compile = dict(backend=graphs)
    compile_blocks(runner)
    runner.train()
    assert runner.iter == 3 and runner.model.backbone.num_layers == 6
    # The first block has no masks before it and no stochastic depth.
    assert graphs.frame_count == 2


def test_a_model_without_such_blocks_is_left_to_mmengine():
    runner = type('', (), {})()
    runner.cfg = Config(dict(compile=True))
    runner.model = torch.nn.Linear(2, 2)
    compile_blocks(runner)
    assert runner.cfg.compile is True
