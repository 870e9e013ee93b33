"""The page says what the results say."""

import re

import cv2
import numpy as np
import pytest
from tool_process import REPOSITORY

from reproduction.progress import read_state
from reproduction.report import render_page, renew_summary, table, write_report
from reproduction.stages import STAGES
from wwt_mm.errors import ConfigError

from .small_stage import make_stage


def results(*values, seconds=1800):
    """Results of 'better' and 'worse', one pair for each seed."""
    return [
        dict(
            run=run,
            seed=seed,
            fingerprint='f',
            finished=True,
            command=f'python tools/test.py {run} {seed}',
            amp=False,
            attempts=1,
            git='abc',
            versions={'torch': '2'},
            machine=dict(processor='P', cores=2, device='cpu', threads=1),
            processor_seconds=seconds,
            metrics={'score': value},
        )
        for seed, pair in enumerate(values)
        for run, value in zip(('better', 'worse'), pair, strict=True)
    ]


def write(folder, found, **more):
    stage = make_stage()
    return write_report([stage], stage, found, folder, **more).read_text()


def test_a_claim_shows_mean_deviation_paper_verdict_and_command(tmp_path):
    page = write(tmp_path, results((10, 1), (20, 2), (60, 3)))
    assert '| better | 30.0 ± 26.5 | 41.4 |' in page
    assert (
        '| [3](#small-claim-3) | Table 3 | better above worse | 41.4 / 11.7 | '
        '30.0 ± 26.5 / 2.0 ± 1.0 | yes (3 of 3) | `small --claims 3` |'
    ) in page
    assert '6 runs, seeds 0, 1, 2, 3.0 hours of processor time' in page
    assert '(reproduction/small.json)' in page


def test_a_page_says_how_trainings_were_changed(tmp_path):
    found = results((10, 1))
    page = write(tmp_path / 'unchanged', found)
    assert '--train-options' not in page
    found[0]['train_options'] = ['train_cfg.max_epochs=5', 'a=1']
    page = write(tmp_path / 'changed', found)
    assert 'changed by `--train-options train_cfg.max_epochs=5 a=1`.' in page


def test_an_ordering_that_does_not_hold_is_said_plainly(tmp_path):
    page = write(tmp_path, results((1, 10), (2, 1)))
    assert '| 1.5 ± 0.7 / 5.5 ± 6.4 | **no** (1 of 2) |' in page


def test_one_seed_has_no_deviation_and_what_is_missing_is_said(tmp_path):
    page = write(tmp_path, results((7, 1))[:1])
    assert '| better | 7.0 | 41.4 |' in page and '| worse | – | 11.7 |' in page
    assert '| 7.0 / – | not measured |' in page


def test_a_stage_without_results_is_said_to_be_not_run(tmp_path):
    page = render_page([make_stage()], tmp_path)
    assert 'Nothing of this stage has been run yet' in page
    assert 'python tools/reproduce.py small' in page


def test_results_are_not_replaced_by_fewer_unless_forced(tmp_path):
    write(tmp_path, results((1, 2), (3, 4)))
    with pytest.raises(ConfigError, match="holds 2 results, such as .'better', 1"):
        write(tmp_path, results((1, 2)))
    assert 'seeds 0, 1, ' in (tmp_path / 'reproduction.md').read_text()
    assert 'seeds 0, 1, ' not in write(tmp_path, results((1, 2)), force=True)


def test_figures_are_drawn_for_what_was_measured_and_shown(tmp_path):
    page = write(tmp_path, results((10, 1), (20, 2)))
    (name,) = re.findall(r'!\[CorLoc by method\]\((.*?)\)', page)
    assert name == 'reproduction/small_claim3_corloc.png'
    assert np.std(cv2.imread(str(tmp_path / name))) > 5


def test_the_page_in_docs_is_what_its_results_say():
    page = REPOSITORY / 'docs' / 'reproduction.md'
    if not page.is_file():
        pytest.skip('docs/reproduction.md has not been written')
    assert page.read_text() == render_page(STAGES.values(), page.parent)
    for name in re.findall(r'\]\(([\w/]+\.\w+)\)', page.read_text()):
        assert (page.parent / name).is_file()


def test_the_summary_in_the_readme_is_what_results_say():
    text = (REPOSITORY / 'README.md').read_text()
    assert renew_summary(text, STAGES.values(), REPOSITORY / 'docs') == text


def test_a_readme_beside_the_folder_gets_the_summary(tmp_path):
    readme = tmp_path / 'README.md'
    readme.write_text('a\n<!-- claims -->\nold\n<!-- claims end -->\nb\n')
    (tmp_path / 'docs').mkdir()
    write(tmp_path / 'docs', results((20, 1), (20, 2)))
    first, _, titles, _, row, *_, last = readme.read_text().splitlines()
    assert (first, last) == ('a', 'b') and titles.startswith('| source | ordering |')
    assert '20.0 ± 0.0 / 1.5 ± 0.7 yes (2 of 2)' in row


def test_cells_do_not_break_tables():
    assert table(['a'], [['x|y']])[2] == '| x\\|y |'


def test_progress_is_what_the_log_says_last(tmp_path):
    log = tmp_path / 'log.txt'
    log.write_text('nothing yet')
    assert read_state(log) is None
    log.write_text(
        'Epoch(train)  [2][50/78]  lr: 9e-04  eta: 0:00:37  loss: 2.8914  x_loss: 2\n'
    )
    assert read_state(log) == ('epoch 2, loss 2.89', 50, 78)
    log.write_text('x' * 9000 + '\nEpoch(test) [ 8/16]    accuracy: 1\n')
    assert read_state(log) == ('testing', 8, 16)
