"""The tables of runs fit the configs, tools and claims that they name."""

import pytest
from mmengine.config import Config
from tool_process import REPOSITORY

from reproduction.commands import TOOLS, Places, Settings, build_command
from reproduction.run import Run, Stage
from reproduction.stages import STAGES
from wwt_mm.errors import ConfigError

RUNS = [(stage, run) for stage in STAGES.values() for run in stage.runs]


def name(value):
    return getattr(value, 'name', None)


@pytest.mark.parametrize(('stage', 'run'), RUNS, ids=name)
def test_every_option_changes_something_that_the_config_has(stage, run):
    cfg = read(run.config)
    for option in (*run.options, *run.quick):
        key = option.partition('=')[0]
        if key in ADDED or key.startswith('model.method.method.'):
            continue
        node = cfg
        for part in key.split('.'):
            if isinstance(node, list):  # --cfg-options count its items
                node = {str(index): item for index, item in enumerate(node)}
            assert part in node, f'{run.config} has no {key}'
            node = node[part]


#: Options with a default that configs leave out, and arguments of another metric.
ADDED = {
    'model.backbone.mask_mlp',
    'model.backbone.norm_scores',
    'model.average',
    'model.backbone.slot_init_std',
    'model.bbox_head.norm_pooled',
    'model.bbox_head.temperature',
    'model.class_map',
    'model.method.rank',
    'model.decoder.positions',
    'model.head.average_of',
    'model.max_per_img',
    'model.method.concentration',
    'model.method.features',
    'model.method.granularity',
    'model.method.heads',
    'model.method.max_area',
    'model.method.min_area',
    'model.method.normalise',
    'model.method.side',
    'model.method.threshold',
    'model.method.top',
    'test_dataloader.dataset.indices',
    'test_dataloader.dataset.step',
    'model.rectify_heads',
    'test_evaluator.0.objective',
    'test_evaluator.ignore_index',
    'train_cfg.val_begin',
    'train_dataloader.dataset.indices',
    'train_dataloader.dataset.step',
    'val_dataloader.dataset.step',
}


def read(path, cache={}):
    if path not in cache:
        cache[path] = Config.fromfile(REPOSITORY / path, import_custom_modules=False)
    return cache[path]


@pytest.mark.parametrize('stage', STAGES.values(), ids=name)
def test_tools_exist_and_claims_name_runs(stage):
    names = {run.name for run in stage.runs}
    assert all((REPOSITORY / TOOLS[run.tool].script).is_file() for run in stage.runs)
    for claim in stage.claims:
        assert claim.run_names <= names
        for row in claim.rows:
            assert len(row.cells) == len(claim.columns)
            assert len(row.paper) in (0, len(claim.columns))


def test_scenes_test_every_claim_and_measure_for_nothing_else():
    scenes = STAGES['scenes']
    used = {run.name for run in scenes.select(None, quick=False).runs}
    assert used == {run.name for run in scenes.runs}
    assert set(range(1, 9)) <= {claim.number for claim in scenes.claims}


def test_a_selection_has_what_the_claims_need_and_no_more():
    stage = STAGES['scenes'].select([8], quick=True)
    assert [run.name for run in stage.runs] == ['wwt', 'invariance']
    stage = STAGES['scenes'].select([2], quick=True)
    assert {run.name for run in stage.runs} == {
        'wwt', 'vit', 'weak_wwt', 'weak_wwt_threshold', 'weak_attention',
        'weak_attention_threshold', 'weak_rollout', 'weak_rollout_threshold',
    }  # fmt: skip
    assert not any(run.full_only for run in STAGES['scenes'].select(None, True).runs)
    with pytest.raises(ConfigError, match="stage 'cifar' has no claim 3: it has 1, 7"):
        STAGES['cifar'].select([3], quick=False)


def test_a_missing_dataset_is_one_line(tmp_path):
    stage = STAGES['imagenet']
    (tmp_path / 'train').mkdir()
    places = dict.fromkeys(stage.data, tmp_path)
    with pytest.raises(ConfigError, match=r'no folder .*/val: see docs/datasets.md'):
        stage.check_data(places)
    # Only what the chosen runs read has to be there.
    (tmp_path / 'val').mkdir()
    stage.select([1], quick=True).check_data(places)


def test_runs_must_follow_what_they_need():
    runs = (
        Run('a', 'test', 'c.py', 'd', weights='b'),
        Run('b', 'train', 'c.py', 'd'),
    )
    with pytest.raises(ConfigError, match="run 'a' of stage 's' needs b, which is no"):
        Stage('s', '', '', {}, runs, ())


def test_several_gpus_train_by_the_distributed_tool(tmp_path):
    stage = STAGES['imagenet']
    places = Places(tmp_path, dict.fromkeys(stage.data, tmp_path))
    settings = Settings(amp=True, gpus=8, options=('train_cfg.max_epochs=1',))
    train, test = stage.runs[0], stage.runs[4]
    command = build_command(train, 3, places, settings, None)
    assert command[:3] == ['bash', 'tools/dist_train.sh', train.config]
    assert command[3] == '8' and '--amp' in command and '--launcher' not in command
    assert command[-1] == 'train_cfg.max_epochs=1'
    command = build_command(test, 3, places, settings, None)
    assert command[:2] == ['python', 'tools/analysis_tools/explain.py']
    assert '<wwt>' in command and 'train_cfg.max_epochs=1' not in command


def test_quick_runs_of_photographs_are_shorter_and_keep_their_other_options():
    whole = STAGES['photos'].select([5], quick=False)
    quick = STAGES['photos'].select([5], quick=True)
    assert {run.name for run in quick.runs} == {run.name for run in whole.runs}
    for short, run in zip(quick.runs, whole.runs, strict=True):
        assert short.options == (*run.options, *run.quick)
        assert run.quick, f'{run.name} takes as long as ever'


def test_photographs_test_every_claim_and_measure_for_nothing_else():
    photos = STAGES['photos']
    used = {run.name for run in photos.select(None, quick=False).runs}
    assert used == {run.name for run in photos.runs}
    assert set(range(1, 9)) <= {claim.number for claim in photos.claims}
