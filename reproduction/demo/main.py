"""The command line of tools/demo.py."""

import argparse
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from wwt_mm.engine import load_config
from wwt_mm.guards import write_atomically

from ..commands import Places, Settings, last_checkpoint
from ..cores import cpu_has_bfloat16
from ..executor import Executor, RunError
from ..progress import RunProgress
from ..results import ResultStore
from ..run import RunKey
from .page import Picture, Step, render_page
from .photographs import look_at_photographs
from .stage import DETECT, demo_stage

REPOSITORY = Path(__file__).resolve().parents[2]

#: Of the detector, without and with bfloat16, which halves the time of an epoch.
EPOCHS = {False: 7, True: 12}

_TITLES = {
    'pretrain': 'Pretrain on class labels',
    'accuracy': 'Classify images not seen in training',
    'discover': 'Discover objects from raw masks, without boxes',
    'detect': 'Finetune a detector on slots and masks',
    'evaluate': 'Detect objects in scenes not seen in training',
}
_SHOWN = {
    'accuracy/top1': ('accuracy', '{:.1f} %', 1),
    'discovery/corloc': ('CorLoc', '{:.1f} %', 1),
    'discovery/recall': ('recall', '{:.1f} %', 1),
    'discovery/num_predictions': ('boxes per image', '{:.1f}', 1),
    'pascal_voc/mAP': ('mAP', '{:.1f}', 100),
}


def main(argv: list[str] | None = None) -> None:
    """Do every step as a user would from the command line, then write the page.

    Raises:
        WWTError: If a step fails.
    """
    args = _build_parser().parse_args(argv)
    amp = cpu_has_bfloat16()
    stage = demo_stage(EPOCHS[amp])
    stage = replace(stage, prepare=(*stage.prepare, *shlex.split(args.scene_options)))
    out, data = args.out.resolve(), args.data.resolve()
    places = Places(out, {'scenes': data})
    settings = Settings(amp, workers=0, options=tuple(args.train_options))
    store = ResultStore(out, args.force)
    looked, photographs = look_at_photographs(out / 'photographs')
    with RunProgress() as progress, store.locked():
        executor = Executor(stage, places, settings, store, REPOSITORY, progress)
        begin = time.perf_counter()
        executor.prepare()
        prepared = time.perf_counter() - begin
        failed = executor.execute([args.seed])
    if failed:
        raise RunError(f'the demo stopped: {next(iter(failed.values()))}')

    results = {run.name: store.read(RunKey(run.name, args.seed)) for run in stage.runs}
    # As for the other steps, where data usually is, so that others can repeat it.
    command = ' '.join(stage.prepare_command(stage.data))
    generated = Step('Generate scenes', command, prepared)
    steps = [looked, generated, *(_describe(result) for result in results.values())]
    for step in steps:
        for name, value in step.results:
            print(f'{step.title}: {name} {value}')
    page = out / 'demo.html'
    pictures = [*photographs, *_draw(places, args.seed)]
    write_atomically(render_page(steps, pictures, results['evaluate']).encode(), page)
    minutes = sum(step.seconds for step in steps) / 60
    print(f'{minutes:.1f} minutes. Look at {_show(page)}')


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Look at photographs with the model that is part of the '
        'package. Then generate scenes, pretrain a small WWT on their class labels, '
        'discover objects from its masks, finetune it into a detector, evaluate it, '
        'and write a page of pictures. Takes less than ten minutes on two CPU cores. '
        'Stopped and started again, it goes on.',
        epilog='example: python tools/demo.py --out work_dirs/demo1 --seed 1',
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--data', type=Path, default=Path('data/scenes'))
    parser.add_argument('--seed', type=int, default=0, help='(default: 0)')
    parser.add_argument(
        '--force', action='store_true', help='replace runs of other settings in --out'
    )
    parser.add_argument(
        '--scene-options', default='', metavar='TEXT', help='options of make_scenes.py'
    )
    parser.add_argument(
        '--train-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='--cfg-options of both trainings',
    )
    return parser


def _describe(result: dict[str, Any]) -> Step:
    shown = tuple(
        (name, text.format(scale * result['metrics'][metric]))
        for metric, (name, text, scale) in _SHOWN.items()
        if metric in result['metrics']
    )
    return Step(_TITLES[result['run']], result['command'], result['seconds'], shown)


def _draw(places: Places, seed: int) -> list[Picture]:
    """The pictures: discoveries by the hook of the test, detections by the model."""
    discovered = places.folder(RunKey('discover', seed)) / 'work'
    grid = max(discovered.glob('*/discovery.png'))
    sheet = places.out / 'detections.png'
    _draw_detections(places, seed, sheet)
    return [
        Picture.read(
            'Objects from class labels only',
            'Green: ground truth. Blue: regions of thresholded masks; red: the most '
            'concentrated one. Then the best regions, each of one slot. The model has '
            'seen no box.',
            grid,
        ),
        Picture.read(
            'Detections',
            'Ground truth; detections with a score above 0.5; the masks of the slots '
            'that made them; and which slot has each patch.',
            sheet,
        ),
    ]


def _draw_detections(places: Places, seed: int, path: Path) -> None:
    """Draws the detector's first six test scenes."""
    from mmdet.registry import DATASETS, MODELS

    from .detection_sheet import draw_detection_sheet

    cfg = load_config(
        str(REPOSITORY / DETECT), {'data_root': str(places.data['scenes'])}
    )
    init_default_scope('mmdet')
    model = MODELS.build(cfg.model).eval()
    folder = places.folder(RunKey('detect', seed))
    load_checkpoint(model, str(folder / last_checkpoint(folder)), map_location='cpu')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    samples = [dataset[index] for index in range(6)]
    draw_detection_sheet(model, samples, dataset.metainfo['classes'], path)


def _show(path: Path) -> Path:
    """A path as seen from here, if that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
