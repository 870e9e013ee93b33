"""What would make a host wait for its GPU, counted on a CPU."""

import sys
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import wwt_mm

# Operations whose result, or its size, the host must know: item(), bool(), tolist() ...
WAITING = ('_local_scalar_dense', 'nonzero', 'masked_select', '_unique2', 'equal')
OURS = wwt_mm.__path__[0]


class WaitCounter(TorchDispatchMode):
    """Counts, by place, the waits that a line of wwt_mm asks for itself."""

    def __init__(self):
        super().__init__()
        self.places = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if self._waits(function.overloadpacket.__name__, args):
            self.places[self._asking()] += 1
        return function(*args, **(kwargs or {}))

    @staticmethod
    def _waits(name, args):
        if name.startswith('index') and isinstance(args[1], list | tuple):  # by masks
            return any(x is not None and x.dtype == torch.bool for x in args[1])
        return name in WAITING

    @staticmethod
    def _asking():
        frame = sys._getframe(2)
        while '/torch/' in frame.f_code.co_filename:
            frame = frame.f_back
        return f'{frame.f_code.co_filename}:{frame.f_lineno}'

    def ours(self):
        return {p: n for p, n in self.places.items() if p.startswith(OURS)}


def test_the_counter_sees_what_waits():
    with WaitCounter() as counter:
        bool(torch.ones(()) > 0)
        torch.ones(3)[torch.ones(3) > 0]
        torch.ones(3).sum().item()
    assert sum(counter.places.values()) == 3 and not counter.ours()


@pytest.mark.filterwarnings('ignore')
def test_an_iteration_of_detection_waits_once_by_itself(detection_runner):
    """For the check of its losses; mmdet's matching and mmengine's log wait, too."""
    runner = detection_runner()
    with WaitCounter() as counter:
        runner.train()
    assert runner.iter == 3
    assert counter.places, 'mmengine logs numbers'
    # Once for all iterations RandomStateHook draws a seed, which is on the CPU anyway.
    each = {place: n for place, n in counter.ours().items() if n >= runner.iter}
    assert sum(each.values()) == runner.iter, counter.ours()
    assert 'invalid_loss' in ''.join(each)
