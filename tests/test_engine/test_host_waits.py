"""What would make a host wait for its GPU, counted on a CPU."""

import sys
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import wwt_mm

# Operations whose result the host must know: item(), bool(), tolist(), boolean masks.
WAITING = ('_local_scalar_dense', 'nonzero', 'masked_select', 'unique', 'equal')
OURS = wwt_mm.__path__[0]


class WaitCounter(TorchDispatchMode):
    """Counts, by place, the waits that a line of wwt_mm asks for itself."""

    def __init__(self):
        super().__init__()
        self.places = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in WAITING:
            self.places[self._asking()] += 1
        return function(*args, **(kwargs or {}))

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
    assert sum(counter.ours().values()) <= 3, counter.ours()
