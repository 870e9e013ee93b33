"""Lets mmdet, mmseg and mmpretrain run where mmcv has no compiled ops.

mmcv without its extension module ``mmcv._ext`` cannot import ``mmcv.ops``, and mmdet
imports that package even for models that never use an op. :func:`activate` serves a
stand-in for the extension module alone: all of ``mmcv.ops`` that is Python is mmcv's
own, and what has a path in plain PyTorch works. The stand-in holds the functions of
:mod:`wwt_mm.portable_ops`, with which the common detectors run. Any other raises
:class:`~wwt_mm.errors.MissingOpError` when it is called, which names the function and
the command that installs it. Where mmcv has its compiled ops, nothing is changed.
"""

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from importlib import metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

EXTENSION = 'mmcv._ext'

# mmdet's CLRHead takes None to mean "use the version in plain Python".
_LINE_NMS = 'mmcv.ops.line_nms'

# What mmcv's collect_env asks for, and its own words for "there is none".
_BUILD_QUERIES = ('get_compiler_version', 'get_compiling_cuda_version')
_NO_BUILD = 'n/a'


def has_compiled_ops() -> bool:
    """Tells whether the installed mmcv has compiled ops, without importing it.

    Returns:
        bool: True if ``mmcv._ext`` can be found; False if not, or if there is no
        mmcv at all.
    """
    mmcv_spec = importlib.util.find_spec('mmcv')
    if mmcv_spec is None:
        return False
    locations = mmcv_spec.submodule_search_locations
    return PathFinder.find_spec(EXTENSION, locations) is not None


def activate() -> bool:
    """Serves a stand-in for ``mmcv._ext`` if mmcv has no compiled ops.

    Calling it again, with compiled ops, or without mmcv changes nothing.

    Returns:
        bool: True if the stand-in serves from now on.
    """
    if any(isinstance(finder, _StandInFinder) for finder in sys.meta_path):
        return True
    if importlib.util.find_spec('mmcv') is None or has_compiled_ops():
        return False
    sys.meta_path.insert(0, _StandInFinder())
    return True


def find_mmseg_configs() -> None:
    """Makes ``_base_ = 'mmseg::...'`` resolve with OneDL's mmseg.

    mmengine looks for the distribution ``mmsegmentation``, which OneDL calls
    ``onedl-mmsegmentation``. Where the former is not installed it is told the import
    name, by which it finds mmdet and mmpretrain too.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    try:
        metadata.distribution(MODULE2PACKAGE['mmseg'])
    except metadata.PackageNotFoundError:
        MODULE2PACKAGE['mmseg'] = 'mmseg'


def leave_out_multimodal_models() -> None:
    """Makes mmpretrain import beside transformers 5 and pycocotools.

    With both installed it imports its multimodal models too, which use what
    transformers 5 no longer has. Whether it does is decided in a module of its own,
    which is imported here before the package, and told no.
    """
    name = 'mmpretrain.utils.dependency'
    package = importlib.util.find_spec('mmpretrain')
    if name in sys.modules or package is None or not _has_transformers_5():
        return
    path = Path(*package.submodule_search_locations, 'utils', 'dependency.py')
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.WITH_MULTIMODAL = False


def _has_transformers_5() -> bool:
    try:
        return int(metadata.version('transformers').partition('.')[0]) >= 5
    except metadata.PackageNotFoundError:
        return False


class _StandIn(ModuleType):
    """``mmcv._ext`` without a compiler: what is not portable raises when called."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('_'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        return _missing_function(name)


class _StandInFinder(MetaPathFinder, Loader):
    """Finds and fills ``mmcv._ext``, and ``mmcv.ops.line_nms``."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        if fullname in (EXTENSION, _LINE_NMS):
            return ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return (_StandIn if spec.name == EXTENSION else ModuleType)(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Puts in what works without a compiler."""
        if module.__name__ == _LINE_NMS:
            module.line_nms = None
            return
        from . import portable_ops

        for name in portable_ops.__all__:
            setattr(module, name, getattr(portable_ops, name))
        for name in _BUILD_QUERIES:
            setattr(module, name, lambda: _NO_BUILD)


@cache
def _missing_function(name: str) -> Callable:
    """Returns a function of the extension that cannot be called."""

    def function(*args, **kwargs):
        from .portable_ops import missing_op

        raise missing_op(name)

    function.__name__ = function.__qualname__ = name
    return function
