"""All of it in ten minutes: scenes, pretraining, detection, evaluation, a picture."""

import argparse
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parents[1]
PRETRAIN = 'configs/mmpretrain/wwt_scenes.py'
DETECT = 'configs/mmdet/wwt_det_scenes.py'
# Three epochs less than the config has, to end within ten minutes.
SHORTER = ['train_cfg.max_epochs=5', 'param_scheduler.1.end=5']
_TRAINED = re.compile(r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*? loss: ([\d.]+)')
_MEASURED = re.compile(r'(accuracy/top1|pascal_voc/mAP): ([\d.]+)')

console = Console()


def main() -> None:
    """Run every stage as a user would from the command line, then draw the result."""
    parser = argparse.ArgumentParser(
        description='Generate scenes, pretrain a small WWT on their class labels, '
        'finetune it into a detector, evaluate it and draw what it sees. Takes about '
        'ten minutes on two CPU cores. Stopped and started again, it goes on.',
        epilog='example: python tools/demo.py --out work_dirs/demo --seed 1',
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--data', type=Path, default=Path('data/scenes'))
    parser.add_argument('--seed', type=int, default=0, help='(default: 0)')
    for stage, what in (
        ('scene', 'options of make_scenes.py'),
        ('cls', '--cfg-options of the pretraining'),
        ('det', '--cfg-options of the detector'),
    ):
        parser.add_argument(
            f'--{stage}-options',
            default='',
            metavar='TEXT',
            help=f'further {what}, in one quoted text',
        )
    args = parser.parse_args()
    out, data = args.out.resolve(), args.data.resolve()
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()

    scene_options = shlex.split(args.scene_options)
    cls_options = [f'data_root={data / "classification"}', *SHORTER]
    cls_options += shlex.split(args.cls_options)
    det_options = shlex.split(args.det_options)

    run(
        '1. Generate scenes',
        ['tools/dataset_converters/make_scenes.py', data, *scene_options],
    )
    accuracy = run(
        '2. Pretrain on class labels',
        train(PRETRAIN, out / 'pretrain', args.seed, cls_options),
        out / 'pretrain.log',
    )
    pretrained = last_checkpoint(out / 'pretrain')
    run(
        '3. Finetune for detection',
        train(
            DETECT,
            out / 'detect',
            args.seed,
            [f'data_root={data}/', f'load_from={pretrained}', *det_options],
        ),
        out / 'detect.log',
    )
    detector = last_checkpoint(out / 'detect')
    mean_ap = run(
        '4. Evaluate',
        ['tools/test.py', DETECT, detector, '--work-dir', out / 'test']
        + ['--cfg-options', f'data_root={data}/', *det_options],
        out / 'test.log',
    )
    picture = out / 'slots.png'
    with console.status('5. Draw'):
        draw(detector, data, det_options, picture)
    minutes = (time.perf_counter() - start) / 60
    console.print(
        f'\nClassification accuracy {accuracy} %, detection mAP {mean_ap} '
        f'(VOC, 11 points), in {minutes:.1f} minutes.\n'
        f'Look at [bold]{show(picture)}[/bold]'
    )


def train(config: str, work_dir: Path, seed: int, options: list[str]) -> list:
    """The command that trains a config; it resumes what is there."""
    command = ['tools/train.py', config, '--work-dir', work_dir, '--seed', seed]
    return [*command, '--resume', '--cfg-options', *options]


def last_checkpoint(work_dir: Path) -> Path:
    """The newest whole checkpoint of a run."""
    return Path((work_dir / 'last_checkpoint').read_text().strip())


def run(title: str, command: list, log: Path | None = None) -> str | None:
    """Run a tool, show its progress, and stop with its last words if it fails.

    Args:
        title: What the user sees.
        command: Path of the tool and its arguments.
        log: Where its output goes; to the terminal by default.

    Returns:
        The last accuracy or mAP that it printed.
    """
    command = [str(part) for part in command]
    console.print(f'[bold]{title}[/bold]  [dim]python {" ".join(map(show, command))}')
    command = [sys.executable, *command]
    if log is None:
        if subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(1)
        return None
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        measured = follow(process.stdout, log)
    if process.returncode:
        console.print(f'[red]It failed. The end of {show(log)}:[/red]')
        console.print(''.join(log.read_text().splitlines(keepends=True)[-20:]))
        sys.exit(1)
    return measured


def follow(lines, log: Path) -> str | None:
    """Copy output to a log and turn its training lines into a progress bar."""
    measured, epochs = None, None
    columns = (TextColumn('   {task.description}'), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, log.open('a') as file:
        task = progress.add_task('starting', total=None)
        for line in lines:
            file.write(line)
            if match := re.match(r'\s*max_epochs=(\d+)', line):
                epochs = int(match[1])
            if match := _TRAINED.search(line):
                epoch, step, steps, loss = match.groups()
                progress.update(
                    task,
                    description=f'epoch {epoch}, loss {float(loss):.2f}',
                    completed=(int(epoch) - 1) * int(steps) + int(step),
                    total=epochs and epochs * int(steps),
                )
            if match := _MEASURED.search(line):
                measured = match[2]
                progress.console.print(f'   {match[1]} {measured}')
        progress.update(task, total=1, completed=1)
    return measured


def draw(checkpoint: Path, data: Path, options: list[str], picture: Path) -> None:
    """Draw the detector's first six test scenes."""
    from mmengine.registry import init_default_scope
    from mmengine.runner import load_checkpoint

    import wwt_mm  # noqa: F401  lets mmdet import without compiled ops
    from wwt_mm.engine import load_config
    from wwt_mm.visualization.detection_sheet import draw_detection_sheet

    cfg = load_config(str(ROOT / DETECT), {'data_root': f'{data}/'})
    cfg.merge_from_dict(parse(options))
    init_default_scope('mmdet')
    from mmdet.registry import DATASETS, MODELS

    model = MODELS.build(cfg.model).eval()
    load_checkpoint(model, str(checkpoint), map_location='cpu')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    samples = [dataset[index] for index in range(6)]
    draw_detection_sheet(model, samples, dataset.metainfo['classes'], picture)


def parse(options: list[str]) -> dict:
    """Read KEY=VALUE options as the tools do."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction)
    return parser.parse_args(['--cfg-options', *options]).cfg_options or {}


def show(path: str | Path) -> str:
    """A path as seen from here, if that is shorter."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == '__main__':
    main()
