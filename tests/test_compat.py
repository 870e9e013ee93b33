"""Without compiled ops everything imports, and a needed op is named in one line."""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from wwt_mm import compat

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def found():
    """What tests/compat_probe.py meets without compiled ops."""
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, ROOT / 'tests' / 'compat_probe.py']
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ('case', 'op'),
    [
        ('deformable_resnet', 'modulated_deform_conv_forward'),
        ('max_roi_align', "roi_align_forward with pool_mode='max'"),
        ('soft_nms', 'softnms'),
        ('subclass', 'deform_conv_forward'),
    ],
)
def test_a_needed_op_is_named_with_what_to_run(found, case, op):
    name, message = found[case]
    assert name == 'MissingOpError'
    assert f' its {op} is needed. ' in message
    assert 'make install WITH_OPS=1' in message
    assert 'MMCV_WITH_OPS=1 pip install' in message
    assert '\n' not in message


def test_activating_twice_installs_one_finder(found):
    assert found['finders'].count('_StandInFinder') == 1


def test_only_the_extension_is_a_stand_in_the_ops_package_is_mmcvs_own(found):
    assert found['modules'] == ['_StandIn', 'module']


def test_the_stand_in_does_not_pretend_to_be_what_introspection_looks_for(found):
    assert found['dunders'] == []


def test_what_asks_whether_ops_are_there_goes_on_as_with_them(found):
    assert found['full mmcv'] is True
    assert found['reverted'] == '_BatchNormXd'
    assert found['compiler'] == 'n/a'
    assert found['line_nms'] is None


def test_what_works_without_ops_keeps_working(found):
    assert found['focal_loss'] == pytest.approx(found['focal_loss_reference'])


@pytest.fixture
def installed_mmcv(tmp_path, monkeypatch):
    """A folder of an mmcv that shadows the real one."""
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition('.')[0] == 'mmcv']:
        monkeypatch.delitem(sys.modules, name)
    return package


@pytest.fixture
def bare_meta_path(monkeypatch):
    finders = [f for f in sys.meta_path if type(f).__module__ != compat.__name__]
    monkeypatch.setattr(sys, 'meta_path', finders)


@pytest.mark.usefixtures('bare_meta_path')
def test_nothing_changes_where_mmcv_has_its_ops(installed_mmcv):
    (installed_mmcv / f'_ext{EXTENSION_SUFFIXES[0]}').touch()
    before = list(sys.meta_path)
    assert compat.has_compiled_ops()
    assert compat.activate() is False
    assert sys.meta_path == before


@pytest.mark.usefixtures('bare_meta_path')
def test_ops_built_for_another_python_are_no_ops(installed_mmcv):
    (installed_mmcv / '_ext.cpython-36m-x86_64-linux-gnu.so').touch()
    assert not compat.has_compiled_ops()
    assert compat.activate() is True
    assert importlib.util.find_spec('mmcv._ext').loader in sys.meta_path


@pytest.mark.usefixtures('bare_meta_path')
def test_nothing_changes_without_mmcv(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert not compat.has_compiled_ops()
    assert compat.activate() is False


def test_classification_imports_beside_transformers_5(tmp_path):
    """With pycocotools, which the tests have, mmpretrain alone does not."""
    pytest.importorskip('pycocotools')
    (tmp_path / 'transformers').mkdir()
    (tmp_path / 'transformers' / '__init__.py').touch()  # without what 4 had
    (tmp_path / 'transformers-5.0.0.dist-info').mkdir()
    (tmp_path / 'transformers-5.0.0.dist-info' / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: transformers\nVersion: 5.0.0\n'
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
    program = """
from importlib import metadata
assert metadata.version('transformers') == '5.0.0'
import wwt_mm.classification
from mmpretrain.registry import MODELS
assert MODELS.get('WWTClassifier') is wwt_mm.classification.WWTClassifier
try:
    MODELS.get('BlipCaption')()  # says that it is left out
except ImportError as error:
    print(error)
"""
    command = [sys.executable, '-c', program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'multi-modal dependencies' in result.stdout
