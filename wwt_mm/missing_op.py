"""The error about an op of mmcv that is not compiled: who needs it, how to get it."""

import sys
from types import FrameType

from .errors import MissingOpError
from .requirements import COMPILE_OPS_COMMAND

EXTENSION = 'mmcv._ext'

# Packages, and modules of ours, that only pass on what a model part asks for.
_PASS_THROUGH = frozenset({'mmcv', 'mmengine', 'torch'})
_OURS = frozenset(f'{__package__}.{name}' for name in ('compat', 'portable_ops'))


def missing_op(name: str) -> MissingOpError:
    """Returns the error about a function of the extension that is not there.

    Args:
        name: The function. Who asks for it is read from the call stack.
    """
    caller = sys._getframe(1)
    return MissingOpError(
        f'{_find_requester(caller)} needs the compiled op {name} of '
        f'{_find_mmcv_module(caller)}, but mmcv is installed without compiled ops. '
        f'Install them with `make install WITH_OPS=1`, or with `{COMPILE_OPS_COMMAND}` '
        '(docs/install.md)'
    )


def _find_mmcv_module(frame: FrameType | None) -> str:
    """Names the module of ``mmcv.ops`` whose function called the extension."""
    while frame is not None:
        module = frame.f_globals.get('__name__', '')
        if module.startswith('mmcv.'):
            return module
        frame = frame.f_back
    return EXTENSION


def _find_requester(frame: FrameType | None) -> str:
    """Names the innermost model part on the call stack, with its module."""
    while frame is not None:
        module = frame.f_globals.get('__name__', '')
        if module not in _OURS and module.partition('.')[0] not in _PASS_THROUGH:
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
