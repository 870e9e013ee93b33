"""The stages of check_gpu.py: each yields what it finds, a dict for each line.

``ok=False`` in one says that the stage has failed. What is imported inside a stage is
imported in a process of its own.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import product
from pathlib import Path

WWT = 'configs/mmpretrain/wwt_tiny_no_autoencoder_in1k.py'
DEIT = 'timm:deit_tiny_patch16_224'
# How far float32 may be from another processor's, and TF32 from both; a half-precision
# loss may match other boxes, so of those only finiteness is asked.
TOLERANCES = dict(fp32=2e-3, tf32=2e-2)
# Pixels and images of a batch
SIZES = dict(cuda=((224, 256), (512, 64), (1024, 16)), cpu=((64, 1),))
# Trains; after the first iteration, which builds things, tells where the host waits.
WATCH = """
import sys, torch
from mmengine.runner import EpochBasedTrainLoop
from wwt_mm.engine import cli, train
run_iter = EpochBasedTrainLoop.run_iter
def watched(loop, index, batch):
    torch.cuda.set_sync_debug_mode('warn' if index else 'default')
    run_iter(loop, index, batch)
    torch.cuda.set_sync_debug_mode('default')
EpochBasedTrainLoop.run_iter = watched
cli.run_tool(lambda: train.main(sys.argv[1:]))
"""
Rows = Iterator[dict]


def check_environment(device: str, out: Path) -> Rows:
    """Versions, the card, and what it can do at best."""
    import timm
    import torch

    from reproduction.benchmark import Settings, machine_rate

    yield dict(torch=torch.__version__, timm=timm.__version__, cuda=torch.version.cuda)
    if device == 'cuda':
        print(subprocess.run(['nvidia-smi'], capture_output=True, text=True).stdout)
        card = torch.cuda.get_device_properties(0)
        yield dict(card=card.name, memory_gb=card.total_memory / 1e9)
        source = torch.empty(2**30, dtype=torch.uint8, device=device)
        target = torch.empty_like(source)
        target.copy_(source)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(10):
            target.copy_(source)
        torch.cuda.synchronize()
        yield dict(copy_tb_s=20 * 2**30 / (time.perf_counter() - begin) / 1e12)
    for dtype in ('fp32', 'bf16'):
        rate = machine_rate(Settings(device=device, dtype=dtype))
        yield {f'{dtype}_gmac_s': rate / 1e9}


def check_equality(device: str, out: Path) -> Rows:
    """Losses and gradients, however they are computed."""
    import torch

    kinds = dict(fp32=None, bf16=torch.bfloat16)
    if device == 'cuda':
        kinds |= dict(tf32=None, fp16=torch.float16)
    for name, model, batch in _models(device):
        loss, gradient = _backward(model, batch, 'cpu')
        for kind, dtype in kinds.items():
            torch.set_float32_matmul_precision('high' if kind == 'tf32' else 'highest')
            found, found_gradient = _backward(model, batch, device, dtype)
            errors = dict(
                loss_error=abs(found / loss - 1),
                gradient_error=float(
                    (found_gradient - gradient).norm() / gradient.norm()
                ),
            )
            finite = bool(found_gradient.isfinite().all())
            close = max(errors.values()) <= TOLERANCES.get(kind, float('inf'))
            yield dict(ok=finite and close, model=name, kind=kind, **errors)


def check_determinism(device: str, out: Path) -> Rows:
    """Whether two backward passes agree to the bit, or which kernel cannot."""
    import torch

    os.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'
    torch.use_deterministic_algorithms(True)
    for name, model, batch in _models(device):
        try:
            gradients = [_backward(model, batch, device)[1] for _ in range(2)]
        except RuntimeError as error:
            # torch documents none for mmseg's loss, though 2.11 ran it.
            yield dict(ok=name == 'segmentor', model=name, error=str(error)[:90])
            continue
        yield dict(ok=torch.equal(*gradients), model=name)


def _models(device: str) -> Iterator[tuple]:
    """Name, model on the CPU without randomness, and a batch as of a data loader."""
    import torch
    from mmdet.testing import demo_mm_inputs
    from mmengine.registry import MODELS, init_default_scope
    from mmengine.structures import PixelData
    from mmpretrain.structures import DataSample
    from mmseg.structures import SegDataSample

    from wwt_mm.engine import load_config

    side = 512 if device == 'cuda' else 64
    images = list(torch.randint(256, (2, 3, side, side), dtype=torch.uint8))
    labels = torch.randint(21, (2, 1, side, side))
    maps = [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]
    classes = [DataSample().set_gt_label(label) for label in range(2)]
    shapes = [(3, side, side - 24), (3, side - 9, side)]
    boxes = demo_mm_inputs(2, shapes, num_items=[1, 3], num_classes=20)
    for name, config, batch in (
        (
            'classifier',
            'mmpretrain/wwt_tiny_in1k',
            dict(inputs=images, data_samples=classes),
        ),
        ('detector', 'mmdet/wwt_det_voc07', boxes),
        ('segmentor', 'mmseg/wwt_seg_voc12', dict(inputs=images, data_samples=maps)),
    ):
        cfg = load_config(f'configs/{config}.py', {'model.backbone.drop_path_rate': 0})
        cfg.model.train_cfg.pop('augments', None)
        if name == 'segmentor':
            cfg.model.data_preprocessor.size = (side, side)
            cfg.model.decode_head.dropout_ratio = 0
        if device == 'cpu':
            wide = 192 if name == 'classifier' else 384
            arch = dict(embed_dims=wide, num_layers=2, num_heads=wide // 64)
            cfg.model.backbone.arch = arch
        init_default_scope(cfg.default_scope)
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        model.init_weights()
        yield name, model.train(), dict(inputs=images) | batch


def _backward(model, batch: dict, device: str, dtype=None) -> tuple:
    """The loss, and all gradients as one vector on the CPU."""
    import torch

    model.to(device).zero_grad()
    with torch.autocast(device, dtype) if dtype else nullcontext():
        data = model.data_preprocessor(batch, training=True)
        loss = model.parse_losses(model(**data, mode='loss'))[0]
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return float(loss), torch.cat([g.flatten() for g in gradients]).float().cpu()


def check_launches(device: str, out: Path) -> Rows:
    """How many kernels there are, what time they take, how often the host waits.

    Where the kernels take less time than a pass, the host is slower than the GPU.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    from reproduction.benchmark import Settings, build_subject

    fused = {'model.backbone.attention': 'fused'}
    variants = [(DEIT, False, {}), (WWT, False, {}), (WWT, False, fused)]
    variants += [(DEIT, True, {}), (WWT, True, {})]
    activities = [ProfilerActivity.CPU]
    if device == 'cuda':
        activities.append(ProfilerActivity.CUDA)
    else:
        variants = variants[:2]
    for (name, compiled, options), (size, batch) in product(variants, SIZES[device]):
        torch.compiler.reset()
        settings = Settings(size, batch, device, 'bf16', compiled, options)
        subject = build_subject(name, settings)
        for mode in ('forward', 'step'):
            run = getattr(subject, mode)
            for _ in range(3):
                run()
            if device == 'cuda':
                torch.cuda.synchronize()
            with profile(activities=activities) as record:
                run()
            averages = record.key_averages()
            print(averages.table(sort_by=f'self_{device}_time_total', row_limit=25))
            count = {
                word: sum(e.count for e in averages if word in e.key)
                for word in ('LaunchKernel', 'Synchronize', 'aten::')
            }
            kernels = [e for e in averages if e.device_type.name == 'CUDA']
            yield dict(
                model=Path(name).stem
                + ' compiled' * compiled
                + ' fused' * bool(options),
                mode=mode,
                size=size,
                launches=count['LaunchKernel'],
                kernels_ms=sum(e.self_device_time_total for e in kernels) / 1000,
                waits=count['Synchronize'],
                operations=count['aten::'],
            )


def check_training(device: str, out: Path) -> Rows:
    """What a user runs: the loss falls, and nothing of ours makes the host wait."""
    from reproduction.scenes import SCENE_CLASSES

    root, iterations = _scenes(out, device), 200 if device == 'cuda' else 4
    options = [
        f'data_root={root}',
        *(
            f'{loader}_dataloader.dataset.metainfo.classes=({",".join(SCENE_CLASSES)})'
            for loader in ('train', 'val', 'test')
        ),
        f'model.bbox_head.num_classes={len(SCENE_CLASSES)}',
        'train_dataloader.batch_size=4',
        f'train_dataloader.num_workers={8 if device == "cuda" else 0}',
        'train_cfg.max_epochs=1',
        'train_cfg.val_begin=9',
        'default_hooks.logger.interval=10',
        'param_scheduler.0.end=50',
    ]
    if device == 'cpu':
        options += [
            'model.backbone.arch=tiny',
            'model.bbox_head.embed_dims=192',
            'model.bbox_head.num_heads=3',
            'train_dataloader.dataset.pipeline.2.scales=[(48,48),(64,64)]',
            'default_hooks.logger.interval=1',
        ]
    command = ['configs/mmdet/wwt_det_voc07.py', '--amp', '--seed', '0', '--work-dir']
    work, indices = out / 'train', 'train_dataloader.dataset.indices'
    command += [str(work), '--cfg-options', *options]
    train = [sys.executable, 'tools/train.py', *command, f'{indices}={4 * iterations}']
    subprocess.run(train, check=True)
    yield _read_log(work)
    if device == 'cpu':
        return
    watched = [sys.executable, '-W', 'always', '-c', WATCH, *command, f'{indices}=44']
    run = subprocess.run(watched, capture_output=True, text=True, check=True)
    print(run.stderr)
    pattern = r'^(\S+:\d+): UserWarning: called a synchronizing'
    places = Counter(re.findall(pattern, run.stderr, re.MULTILINE))
    ours = sum(n for place, n in places.items() if '/wwt_mm/' in place) / 10
    yield dict(ok=ours < 2, waits=sum(places.values()) / 10, waits_of_ours=ours)
    for place, count in places.most_common(12):
        yield dict(place='/'.join(place.split('/')[-3:]), waits=count / 10)


def check_distributed(device: str, out: Path) -> Rows:
    """One process, but with all of DDP."""
    work = out / 'distributed'
    options = [
        f'data_root={_scenes(out, device)}',
        'train_cfg.max_epochs=1',
        'train_cfg.val_begin=9',
        f'train_dataloader.dataset.indices={256 if device == "cuda" else 8}',
        f'train_dataloader.batch_size={8 if device == "cuda" else 2}',
        'default_hooks.logger.interval=1',
        'sync_bn=torch',
    ]
    config = 'configs/mmdet/wwt_det_tokens_scenes.py'
    command = ['bash', 'tools/dist_train.sh', config, '1', '--amp', '--seed', '0']
    command += ['--work-dir', str(work), '--cfg-options', *options]
    subprocess.run(command, check=True, env={**os.environ, 'PYTHON': sys.executable})
    yield _read_log(work)


def run_tests(device: str, out: Path) -> Rows:
    """Tests that tell something on a GPU; in a rehearsal they are found, not run."""
    # Other files may import what only developers have.
    files = [p for p in Path('tests').rglob('test_*.py') if 'mark.gpu' in p.read_text()]
    command = [sys.executable, '-m', 'pytest', '-q', '-m', 'gpu', *map(str, files)]
    command += ['--collect-only'] if device == 'cpu' else []
    run = subprocess.run(command, capture_output=True, text=True)
    print(run.stdout, run.stderr)
    yield dict(ok=run.returncode == 0, result=run.stdout.strip().splitlines()[-1])


def run_benchmark(device: str, out: Path, *options: str) -> Rows:
    """WWT beside DeiT, by the tool for that."""
    sizes, batches = ([str(n) for n in column] for column in zip(*SIZES[device]))
    path = out / f'benchmark{options[-1] if options else ""}.json'
    command = [sys.executable, 'tools/analysis_tools/benchmark.py', WWT, DEIT]
    command += ['--device', device, '--dtype', 'bf16', '--json', str(path), *options]
    command += ['--sizes', *sizes, '--batch-sizes', *batches, '--rounds']
    command += ['7'] if device == 'cuda' else ['1', '--modes', 'forward']
    run = subprocess.run([*command, '--memory'])
    for row in json.loads(path.read_text())['timings'] if path.exists() else ():
        settings = row['settings']
        yield dict(
            model=Path(row['name']).stem,
            mode=row['mode'],
            size=settings['size'],
            batch=settings['batch_size'],
            images_s=row['images_per_second'],
            ratio=row['ratio'][0],
            peak_mb=row['memory'] / 2**20,
        )
    run.check_returncode()


def run_fused_benchmark(device: str, out: Path) -> Rows:
    """With our own kernel."""
    attention = 'fused' if device == 'cuda' else 'eager'
    option = f'model.backbone.attention={attention}'
    yield from run_benchmark(device, out, '--cfg-options', option)


def run_compiled_benchmark(device: str, out: Path) -> Rows:
    """Blocks of both models through torch.compile."""
    yield from run_benchmark(device, out, '--compile')


def _scenes(out: Path, device: str) -> Path:
    """Generated scenes as VOC2007: 800 of 256 pixels, or a few small ones."""
    from reproduction.scenes import SceneConfig, write_voc

    number, side = (800, 256) if device == 'cuda' else (16, 64)
    scenes = SceneConfig(height=side, width=side)
    write_voc(out / 'scenes', scenes, train=number, val=4, test=4)
    return out / 'scenes'


def _read_log(work: Path) -> dict:
    """Sums up mmengine's log of a training."""
    log = max(work.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [row for row in rows if 'loss' in row]
    first, last = rows[0]['loss'], rows[-1]['loss']
    finite = all(abs(row['loss']) < float('inf') for row in rows)
    return dict(
        ok=finite,
        iterations=rows[-1]['step'],
        first_loss=first,
        last_loss=last,
        seconds_an_iteration=rows[-1]['time'],
        of_that_data=rows[-1]['data_time'],
        memory_mb=rows[-1].get('memory', 0),
    )


STAGES = dict(
    environment=check_environment,
    equality=check_equality,
    determinism=check_determinism,
    launches=check_launches,
    train=check_training,
    distributed=check_distributed,
    tests=run_tests,
    benchmark=run_benchmark,
    fused=run_fused_benchmark,
    compiled=run_compiled_benchmark,
)
