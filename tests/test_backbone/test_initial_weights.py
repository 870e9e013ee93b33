"""The random weights that models start from."""

import pytest
import torch

from wwt_mm.backbone.initial_weights import draw_weights


def test_the_lowest_draw_is_no_outlier(monkeypatch):
    monkeypatch.setattr(torch.Tensor, 'uniform_', lambda t, low, *_, **__: t.fill_(low))
    assert float(torch.nn.init.trunc_normal_(torch.empty(1), std=0.02)) == -2
    assert -0.1 <= float(draw_weights(torch.empty(1))) < -0.09


def test_the_deviation_is_that_of_the_docstring():
    weights = draw_weights(torch.empty(1000, 1000))
    assert float(weights.std()) == pytest.approx(0.02, rel=0.005)
