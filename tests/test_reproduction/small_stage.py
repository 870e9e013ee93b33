"""A stage of two stand-in tools that answer at once, in a repository of its own."""

import io
from dataclasses import replace

from rich.console import Console

from reproduction.claims import Claim, Ordering, Quantity, Row
from reproduction.commands import Places, Settings
from reproduction.executor import Executor
from reproduction.progress import RunProgress
from reproduction.results import ResultStore
from reproduction.run import Run, Stage

# They understand what the harness says, leave what the real ones leave, and do as an
# option says: `die` kills the first attempt after its checkpoint, `fail` ends with an
# error, `wait` waits for a file.
TOOL = """
import json, os, signal, sys, time
from pathlib import Path
arguments = sys.argv[1:]
options = arguments[arguments.index('--cfg-options') + 1 :]
options = dict(option.split('=', 1) for option in options)
work = Path(arguments[arguments.index('--work-dir') + 1])
work.mkdir(parents=True, exist_ok=True)
print('called with', arguments, flush=True)
if 'fail' in options:
    sys.exit('error: ' + options['fail'])
if 'wait' in options:
    (work / 'waiting').touch()
    while not Path(options['wait']).exists():
        time.sleep(0.01)
"""
TRAIN = (
    TOOL
    + """
resumed = (work / 'epoch_1.pth').exists()
(work / 'epoch_1.pth').write_text(options.get('load_from', ''))
(work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))
if 'die' in options and not resumed:
    os.kill(os.getpid(), signal.SIGKILL)
(work / '1' / 'vis_data').mkdir(parents=True, exist_ok=True)
(work / '1' / 'vis_data' / 'scalars.json').write_text(
    json.dumps(dict(loss=0.5, time=0.1, step=1)) + '\\n' + json.dumps(dict(accuracy=9))
)
"""
)
TEST = (
    TOOL
    + """
checkpoint = Path(arguments[1])
assert checkpoint.exists(), checkpoint
seed = int(checkpoint.parts[-4][4:])
(work / '1').mkdir()
(work / '1' / '1.json').write_text(
    json.dumps({'score': float(options['score']) + seed, 'name': 'text'})
)
"""
)


def make_repository(folder):
    (folder / 'tools').mkdir(parents=True)
    (folder / 'tools' / 'train.py').write_text(TRAIN)
    (folder / 'tools' / 'test.py').write_text(TEST)
    (folder / 'configs').mkdir()
    (folder / 'configs' / 'base.py').write_text('width = 3\n')
    (folder / 'configs' / 'model.py').write_text("_base_ = './base.py'\n")
    return folder


def make_stage(train_options=(), better='2', worse='1'):
    """A training, and two tests of it, one of which uses the other's score."""
    config = 'configs/model.py'
    runs = (
        Run('model', 'train', config, 'pictures', options=tuple(train_options)),
        Run('worse', 'test', config, 'pictures', 'model', (f'score={worse}',)),
        Run(
            'better',
            'test',
            config,
            'pictures',
            'model',
            (f'score={better}', 'other=<worse:score>'),
        ),
    )
    high, low = Quantity('better', 'score'), Quantity('worse', 'score')
    claim = Claim(
        3,
        'Table 3',
        'Better is more',
        ('CorLoc',),
        (Row('better', (high,), ('41.4',)), Row('worse', (low,), ('11.7',))),
        (Ordering('better above worse', '41.4 / 11.7', high, low),),
    )
    return Stage(
        name='small',
        title='Small',
        about='Stand-ins.',
        data={'pictures': 'data/pictures'},
        runs=runs,
        claims=(claim,),
    )


def make_executor(folder, stage, force=False, jobs=2, settings=None, data=None):
    """An executor of a stage in a repository, and what it will say."""
    repository = folder / 'repository'
    if not repository.exists():
        make_repository(repository)
    said = io.StringIO()
    progress = RunProgress(Console(file=said, width=300), interval=0.05)
    places = Places(folder / 'out', {'pictures': data or folder / 'pictures'})
    store = ResultStore(folder / 'out', force)
    executor = Executor(
        stage,
        places,
        settings or Settings(),
        store,
        repository,
        progress,
        jobs,
    )
    return executor, said


def with_run(stage, name, **changes):
    """A stage in which one run differs."""
    runs = tuple(
        replace(run, **changes) if run.name == name else run for run in stage.runs
    )
    return replace(stage, runs=runs)
