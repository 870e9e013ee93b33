"""The notebook of the documentation runs, and shows what it says."""

import json

import matplotlib
from tool_process import REPOSITORY


def test_the_cells_run_in_order(monkeypatch):
    monkeypatch.chdir(REPOSITORY / 'docs')
    matplotlib.use('agg')
    cells = json.loads((REPOSITORY / 'docs' / 'first_look.ipynb').read_text())['cells']
    names = {}
    for cell in cells:
        if cell['cell_type'] == 'code':
            exec(compile(''.join(cell['source']), cell['id'], 'exec'), names)
    assert names['out'].slots.shape == (1, 64, 192)
    assert names['result'].masks.shape == (16, 8, 8)
    assert len(names['result'].classes) == 10
    assert names['axes'].flat[1].get_title() == 'slot 0'
