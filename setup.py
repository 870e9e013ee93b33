"""Packaging of wwt-mm. Ranges come from wwt_mm/requirements.py, the rest is here."""

import shutil
from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = run_path(str(ROOT / 'wwt_mm' / 'version.py'))['__version__']
REQUIREMENTS = run_path(str(ROOT / 'wwt_mm' / 'requirements.py'))['REQUIREMENTS']

INSTALL_REQUIRES = [
    *(r.specifier for r in REQUIREMENTS.values() if r.extra is None),
    'torchvision',
    'jinja2',
    'matplotlib',
    'numpy',
    'packaging',
    'pillow',
    'pycocotools',
    'rich',
    'safetensors',
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
    'basedpyright',
    'hypothesis',
    'pre-commit',
    'pytest',
    'pytest-xdist',
    'ruff',
    'scikit-learn',
    'selenium',
    'tensorboard',
    'timm',
    'torchmetrics',
]
EXTRAS['docs'] = ['mkdocs', 'mkdocstrings[python]']
# What mmcv's ops are compiled with; tools/install.sh installs it before it does that.
EXTRAS['build'] = ['ninja', 'psutil', 'setuptools>=77,<82', 'wheel']

# What mim and mmengine (`wwt_mm::mmdet/...`) look for in an installed package.
MIM_FILES = ('configs', 'tools', 'model-index.yml')
# The reproduction is a project of the clone, and no part of the package.
NOT_IN_MIM = ('reproduce.py', 'demo.py', 'seeds.py', 'make_scenes.py')
NOT_IN_MIM += ('benchmark.py', 'benchmark_loading.py', 'check_gpu.py', 'gpu_stages.py')
NOT_IN_MIM += ('explain.py', 'get_flops.py')
NOT_IN_MIM += ('compile_kernels.py', 'translation_invariance.py', '__pycache__', '.*')


class BuildWithConfigs(build_py):
    """Puts configs and tools into the package: copies, or links if editable."""

    def run(self) -> None:
        """Build the package, then add its ``.mim``."""
        super().run()
        folder = ROOT if self.editable_mode else Path(self.build_lib)
        folder = folder / 'wwt_mm' / '.mim'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in MIM_FILES:
            source, target = ROOT / name, folder / name
            if self.editable_mode:
                target.symlink_to(source)
            elif source.is_dir():
                ignored = shutil.ignore_patterns(*NOT_IN_MIM)
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)


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
    package_data={
        'wwt_mm': ['**/*.txt', '**/*.json', '**/*.jinja', 'py.typed', 'weights/*/*']
    },
    cmdclass={'build_py': BuildWithConfigs},
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
