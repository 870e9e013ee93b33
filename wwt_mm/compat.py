"""Lets mmdet, mmseg and mmpretrain import where mmcv has no compiled ops.

Nothing of the What-Where Transformer needs a compiled op, but mmdet imports
``mmcv.ops`` even for models that never use one, and mmcv without its extension module
cannot import that package. :func:`activate` then serves placeholders for it. An op
that is really used raises :class:`~wwt_mm.errors.MissingOpError`, which names the op,
the model part that asked for it and the command that installs it. Where mmcv has its
compiled ops, nothing is changed.
"""

import importlib.util
import sys
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

from .errors import MissingOpError

OPS_PACKAGE = 'mmcv.ops'

# The names under which mmcv's ops enter the registry, where configs find them.
_REGISTERED_OPS = {
    'DCN': 'DeformConv2dPack',
    'DCNv2': 'ModulatedDeformConv2dPack',
    'MMSyncBN': 'SyncBatchNorm',
    'SAC': 'SAConv2d',
    'carafe': 'CARAFEPack',
    'CrissCrossAttention': 'CrissCrossAttention',
    'MultiScaleDeformableAttention': 'MultiScaleDeformableAttention',
}

# mmdet's CLRHead takes None to mean "use the version in plain Python".
_OPS_WITH_FALLBACK = frozenset({'line_nms'})

# mmcv's collect_env takes a failing import to mean "no compiler to report".
_BUILD_QUERIES = frozenset({'get_compiler_version', 'get_compiling_cuda_version'})

# Packages that only pass on what a model part asks for.
_PASS_THROUGH = frozenset({'mmcv', 'mmengine', 'torch'})


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
    return PathFinder.find_spec('mmcv._ext', locations) is not None


def activate() -> bool:
    """Serves placeholders for ``mmcv.ops`` if mmcv has no compiled ops.

    Calling it again, with compiled ops, or without mmcv changes nothing.

    Returns:
        bool: True if placeholders stand in for the ops from now on.
    """
    if any(isinstance(finder, _PlaceholderFinder) for finder in sys.meta_path):
        return True
    if importlib.util.find_spec('mmcv') is None or has_compiled_ops():
        return False
    sys.meta_path.insert(0, _PlaceholderFinder())
    _register_placeholders()
    return True


def _register_placeholders() -> None:
    """Registers placeholders, so that ``type='DCNv2'`` fails by its op's name."""
    from mmengine.registry import MODELS

    for name, op in _REGISTERED_OPS.items():
        if name not in MODELS.module_dict:
            MODELS.register_module(name=name, module=_placeholder(op))


class _PlaceholderModule(ModuleType):
    """A module of ``mmcv.ops``, every public name of which is a placeholder."""

    def __getattr__(self, name: str) -> type | None:
        if name.startswith('_'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        if name in _BUILD_QUERIES:
            raise ModuleNotFoundError('mmcv is installed without compiled ops')
        if name in _OPS_WITH_FALLBACK:
            return None
        return _placeholder(name)

    def __setattr__(self, name: str, value: object) -> None:
        # As in mmcv, the function `nms` hides the submodule of the same name, which
        # the import system would otherwise put in its place.
        if not isinstance(value, _PlaceholderModule):
            super().__setattr__(name, value)


class _PlaceholderFinder(MetaPathFinder, Loader):
    """Finds and loads ``mmcv.ops`` and its submodules as placeholders."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        if fullname == OPS_PACKAGE or fullname.startswith(f'{OPS_PACKAGE}.'):
            return ModuleSpec(fullname, self, is_package=fullname == OPS_PACKAGE)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _PlaceholderModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """A placeholder module has nothing to run."""


@cache
def _placeholder(op: str) -> type:
    """Returns a class named like the op that cannot be called.

    It is a class so that the libraries can subclass it, name it in annotations and
    test ``isinstance`` against it while they are imported.
    """

    def __new__(cls: type, *args, **kwargs):
        raise MissingOpError(_missing_op_message(op))

    doc = f'Placeholder of the compiled op ``{op}``, which is not installed.'
    namespace = {'__new__': __new__, '__module__': OPS_PACKAGE, '__doc__': doc}
    return type(op, (), namespace)


def _missing_op_message(op: str) -> str:
    from .requirements import COMPILE_OPS_COMMAND

    return (
        f'{_find_requester(sys._getframe(1))} needs the compiled op mmcv.ops.{op}, '
        'but mmcv is installed without compiled ops. Install them with `make install '
        f'WITH_OPS=1`, or with `{COMPILE_OPS_COMMAND}` (docs/install.md)'
    )


def _find_requester(frame: FrameType | None) -> str:
    """Names the innermost model part on the call stack, with its module."""
    while frame is not None:
        module = frame.f_globals.get('__name__', '')
        if module != __name__ and module.partition('.')[0] not in _PASS_THROUGH:
            break
        frame = frame.f_back
    if frame is None:
        return 'A model part'
    # Before Python 3.12 a comprehension has a frame of its own, without `self`.
    owner = frame
    while owner is not None and owner.f_globals is frame.f_globals:
        if 'self' in owner.f_locals:
            return f'{type(owner.f_locals["self"]).__name__} ({module})'
        owner = owner.f_back
    return f'{frame.f_code.co_name} ({module})'
