"""A package that is absent or of the wrong version is told about in one clear line."""

import json
import os
import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from wwt_mm import requirements
from wwt_mm.errors import MissingPackageError
from wwt_mm.requirements import REQUIREMENTS, require

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed(monkeypatch):
    """Pretends that certain distributions, and no others, are installed."""
    versions = {}

    def version(distribution):
        if distribution not in versions:
            raise metadata.PackageNotFoundError(distribution)
        return versions[distribution]

    def find_spec(module):
        names = REQUIREMENTS[module].distributions
        return object() if any(name in versions for name in names) else None

    monkeypatch.setattr(metadata, 'version', version)
    monkeypatch.setattr(requirements, 'find_spec', find_spec)
    return versions


def failure_in(part, module):
    """The one line that a part of wwt_mm ends with when it requires a module."""
    with pytest.raises(MissingPackageError) as error:
        exec('require(module)', dict(__name__=part, require=require, module=module))
    message = str(error.value)
    assert '\n' not in message
    return message


def test_what_is_installed_here_suits():
    require(*REQUIREMENTS)


@pytest.mark.parametrize(
    ('module', 'part', 'extra', 'distribution'),
    [
        ('mmdet', 'wwt_mm.detection', 'det', 'onedl-mmdetection'),
        ('mmseg', 'wwt_mm.segmentation', 'seg', 'onedl-mmsegmentation'),
        ('mmpretrain', 'wwt_mm.classification', 'cls', 'onedl-mmpretrain'),
    ],
)
def test_an_absent_library_is_named_with_its_extra(
    installed, module, part, extra, distribution
):
    message = failure_in(part, module)
    assert message.startswith(f'{part} needs {module}>=')
    assert f'`pip install "wwt-mm[{extra}]"`' in message
    assert f'`pip install "{distribution}>=' in message


def test_a_version_out_of_range_is_named_with_the_range_and_the_command(installed):
    installed['onedl-mmdetection'] = '2.28.2'
    wanted = REQUIREMENTS['mmdet'].versions
    assert failure_in('wwt_mm.discovery', 'mmdet') == (
        f'wwt_mm.discovery needs mmdet{wanted}, but mmdet 2.28.2 is installed. '
        f'Replace it with `pip install "onedl-mmdetection{wanted}"`'
    )


@pytest.mark.parametrize(
    ('distribution', 'module', 'version'),
    [
        ('mmdet', 'mmdet', '3.3.0'),
        ('mmcv', 'mmcv', '2.1.0'),
        ('mmcv-lite', 'mmcv', '2.1.0'),
        ('torch', 'torch', '2.11.0+cu128'),
        ('torch', 'torch', '2.12.0.dev20260101'),
    ],
)
def test_upstream_releases_and_local_builds_suit_too(
    installed, distribution, module, version
):
    installed[distribution] = version
    require(module)


def test_a_package_without_metadata_is_taken_as_it_is(installed, monkeypatch):
    monkeypatch.setattr(requirements, 'find_spec', lambda module: object())
    require('mmdet')


def test_importing_wwt_mm_imports_no_library_and_registers_the_backbone():
    code = (
        'import json, sys, wwt_mm\n'
        'from mmengine.registry import MODELS\n'
        'libraries = {name.partition(".")[0] for name in sys.modules}\n'
        'libraries &= {"mmdet", "mmseg", "mmpretrain"}\n'
        'backbone = MODELS.get("WhatWhereTransformer").__module__\n'
        'print(json.dumps([sorted(libraries), backbone, wwt_mm.__version__]))'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    output = subprocess.check_output([sys.executable, '-c', code], env=environment)
    libraries, backbone, version = json.loads(output)
    assert libraries == []
    assert backbone.startswith('wwt_mm.backbone')
    assert version == runpy.run_path(str(ROOT / 'wwt_mm/version.py'))['__version__']
