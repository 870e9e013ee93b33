"""Compiles what repeats in a model: its blocks, one graph for all of them."""

from mmengine.runner import Runner

from ..backbone.block import WhatWhereBlock


def compile_blocks(runner: Runner) -> None:
    """Compiles the What-Where blocks if the config has ``compile``.

    mmengine would compile the whole training step, which data, losses and hooks break
    into many graphs, and would have compiled anew what is the same in each block. A
    model without such blocks is left to it.

    Args:
        runner: With ``compile`` in its config: ``True``, or arguments of
            ``torch.compile``.
    """
    options = runner.cfg.get('compile')
    if options is None or options is False:
        return
    blocks = [m for m in runner.model.modules() if isinstance(m, WhatWhereBlock)]
    if not blocks:
        return
    for block in blocks:
        block.compile(**(options if isinstance(options, dict) else {}))
    runner.cfg.compile = False
    runner.logger.info(
        f'{len(blocks)} blocks are compiled when they first run: the first iterations '
        'take long'
    )
