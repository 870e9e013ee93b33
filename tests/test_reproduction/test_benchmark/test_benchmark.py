"""The benchmark: what it computes from times, and one run of the real tool."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

import reproduction.benchmark
from reproduction.benchmark import (
    Settings,
    Timing,
    build_subject,
    print_tables,
    to_json,
)
from reproduction.benchmark.memory import peak_memory
from reproduction.benchmark.report import slopes
from wwt_mm.errors import ConfigError

ROOT = Path(__file__).parents[3]
WWT = str(ROOT / 'configs/mmpretrain/wwt_tiny_no_autoencoder_in1k.py')
DEIT = 'timm:deit_tiny_patch16_224'
TOOL = ROOT / 'tools/analysis_tools/benchmark.py'


def timing(name='a', seconds=(1.0,), size=224, batch=4, mode='forward', macs=10):
    settings = Settings(size=size, batch_size=batch)
    return Timing(name, mode, settings, macs, list(seconds))


def test_ratios_are_taken_round_by_round():
    ours, other = timing(seconds=(1, 2, 4)), timing(seconds=(2, 2, 2))
    assert ours.ratio_to(other) == (1.0, 0.75, 1.5)  # of 2, 1 and 0.5


def test_images_per_second_come_from_the_median():
    assert timing(seconds=(9, 2, 1), batch=4).images_per_second == 2


def test_a_training_step_counts_as_three_forward_passes():
    forward = timing(seconds=(2.0,), batch=4, macs=10)
    train = timing(seconds=(2.0,), batch=4, macs=10, mode='train')
    assert forward.share_of(100) == pytest.approx(0.2)
    assert train.share_of(100) == pytest.approx(0.6)


def test_slopes_are_of_time_for_an_image_on_pixels():
    linear = [timing('l', [(s / 512) ** 2], s, batch=1) for s in (512, 1024, 2048)]
    square = [timing('s', [2 * (s / 512) ** 4], s, batch=2) for s in (512, 1024)]
    small = [timing('l', [100.0], 224, batch=1)]  # not counted: below 512
    found = {name: slope for name, _, slope in slopes(linear + square + small)}
    assert found == {'l': pytest.approx(1.0), 's': pytest.approx(2.0)}


@pytest.mark.parametrize(
    'seconds, shown', [(0.01, '400.0'), (1.0, '4.00'), (500, '0.00800')]
)
def test_tables_show_three_digits_also_of_slow_models(seconds, shown, capsys):
    print_tables([timing(seconds=[seconds])], 'a', 1e9, Console(width=120))
    assert f' {shown} ' in capsys.readouterr().out


def test_what_is_measured_can_be_written_as_json():
    rows = [timing('a', (1, 2)), timing('b', (2, 4))]
    result = json.loads(json.dumps(to_json(rows, 'b', rate=1e9)))
    assert [row['ratio'][0] for row in result['timings']] == [2.0, 1.0]


@pytest.mark.parametrize('name', [WWT, DEIT, 'timm:resnet18'])
def test_a_step_trains_and_a_forward_pass_does_not(name):
    subject = build_subject(name, Settings(size=64, batch_size=2))
    before = [p.detach().clone() for p in subject.model.parameters()]
    subject.forward()
    assert all(map(torch.equal, before, subject.model.parameters()))
    subject.step()
    changed = [
        not torch.equal(*pair) for pair in zip(before, subject.model.parameters())
    ]
    assert np.mean(changed) > 0.5


@pytest.mark.parametrize('name, kinds', [(WWT, 3), (DEIT, 2)])
def test_alike_blocks_share_a_compiled_graph(name, kinds, graphs, monkeypatch):
    """WWT's first has no masks, its last no reader of its own; DeiT's first no drop."""
    compile_block = nn.Module.compile
    monkeypatch.setattr(
        nn.Module, 'compile', lambda block, **_: compile_block(block, backend=graphs)
    )
    subject = build_subject(name, Settings(size=32, batch_size=2, compile=True))
    subject.macs()  # must not be compiled, nor keep what follows from being so
    assert graphs.frame_count == 0
    subject.forward()
    assert graphs.frame_count == kinds


def test_a_forward_pass_leaves_out_what_the_slots_do_not_need():
    """The last MLPs over tokens and masks, and all but one of the slots' logits."""
    subject = build_subject(WWT, Settings(size=224, batch_size=1))
    tokens, dims = 196, 192
    spared = tokens * (64 * dims + 4 * dims**2 + 4.5 * dims**2) + 63 * dims * 1000
    assert subject.macs() == 1_266_106_368 - spared


def test_peak_memory_of_a_step_holds_gradients_and_the_optimizer():
    settings = Settings(size=224, batch_size=1)
    parameters = sum(
        p.numel() for p in build_subject(DEIT, settings).model.parameters()
    )
    peak = peak_memory(DEIT, 'train', settings)
    assert 3 * 4 * parameters < peak < 30 * 4 * parameters


def test_an_unknown_model_of_timm_is_named_with_its_neighbours():
    with pytest.raises(ConfigError, match='no model .*deit_tinny.*deit_tiny'):
        build_subject('timm:deit_tinny', Settings(size=64))


def test_the_tool_measures_prints_and_draws(tmp_path, monkeypatch, capsys):
    out = {kind: tmp_path / f'result.{kind}' for kind in ('json', 'png')}
    arguments = [WWT, DEIT, '--sizes', 64, 96, '--batch-sizes', 2, 1, '--rounds', 1]
    arguments += ['--json', out['json'], '--plot', out['png']]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name='__main__')
    assert 'images/s' in capsys.readouterr().out
    rows = json.loads(out['json'].read_text())['timings']
    assert {(r['name'], r['mode'], r['settings']['size']) for r in rows} == {
        (name, mode, size)
        for name in (WWT, DEIT)
        for mode in ('forward', 'train')
        for size in (64, 96)
    }
    assert all(r['ratio'] == [1, 1, 1] for r in rows if r['name'] == DEIT)
    assert out['png'].stat().st_size > 1000


def test_what_was_measured_before_an_interrupt_is_kept(tmp_path, monkeypatch, capsys):
    measure, out = reproduction.benchmark.time_subjects, tmp_path / 'result.json'

    def interrupted_at_96(subjects, *args):
        if subjects[0].settings.size == 96:
            raise KeyboardInterrupt
        return measure(subjects, *args)

    monkeypatch.setattr(reproduction.benchmark, 'time_subjects', interrupted_at_96)
    arguments = [WWT, '--sizes', 64, 96, '--modes', 'forward', '--rounds', 1]
    arguments += ['--json', out]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, arguments)])
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        runpy.run_path(str(TOOL), run_name='__main__')
    assert 'forward, 8 x 64 x 64' in capsys.readouterr().out
    (row,) = json.loads(out.read_text())['timings']
    assert row['settings']['size'] == 64
