"""Packaging of wwt-mm. Ranges come from wwt_mm/requirements.py, the rest is here."""

from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = run_path(str(ROOT / 'wwt_mm' / 'version.py'))['__version__']
REQUIREMENTS = run_path(str(ROOT / 'wwt_mm' / 'requirements.py'))['REQUIREMENTS']

INSTALL_REQUIRES = [
    *(r.specifier for r in REQUIREMENTS.values() if r.extra is None),
    'torchvision',
    'matplotlib',
    'numpy',
    'packaging',
    'pillow',
    'pycocotools',
    'rich',
    'scikit-image',
    'scipy',
    'tqdm',
]
EXTRAS = {r.extra: [r.specifier] for r in REQUIREMENTS.values() if r.extra}
EXTRAS['all'] = sorted(specifier for extra in EXTRAS.values() for specifier in extra)
# What tools/deployment/export_onnx.py writes and checks with.
EXTRAS['export'] = ['onnx', 'onnxruntime', 'onnxscript']
EXTRAS['dev'] = [
    *EXTRAS['export'],
    'hypothesis',
    'pre-commit',
    'pytest',
    'pytest-xdist',
    'ruff',
    'scikit-learn',
    'timm',
    'torchmetrics',
]
# What mmcv's ops are compiled with; tools/install.sh installs it before it does that.
EXTRAS['build'] = ['ninja', 'psutil', 'setuptools>=77,<82', 'wheel']

README = ROOT / 'README.md'

setup(
    name='wwt-mm',
    version=VERSION,
    description='The What-Where Transformer for mmdet, mmseg and mmpretrain',
    long_description=README.read_text(encoding='utf-8') if README.is_file() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['wwt_mm', 'wwt_mm.*']),
    package_data={'wwt_mm': ['**/*.txt', '**/*.json']},
    python_requires='>=3.10,<3.13',
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS,
    classifiers=[
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
