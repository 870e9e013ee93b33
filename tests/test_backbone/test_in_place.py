"""What may overwrite an operand does so without gradients only, to the same result."""

import pytest
import torch
from torch import nn

from wwt_mm.backbone.in_place import activate, add, add_product

LENGTH, CHANNELS, OTHERS = 3, 4, 5


def tensors(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def activate_case():
    (hidden,) = tensors((2, LENGTH, CHANNELS))
    act = nn.GELU()
    expected = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    return lambda: activate(act, hidden), hidden, expected


def add_case():
    update, x = tensors((2, LENGTH, CHANNELS), (1, LENGTH, CHANNELS))
    expected = torch.stack([update[0] + x[0], update[1] + x[0]])
    return lambda: add(update, x), update, expected


def add_product_case():
    total, x, weight = tensors(
        (2, LENGTH, CHANNELS), (2, LENGTH, OTHERS), (CHANNELS, OTHERS)
    )
    expected = total.clone()
    for image in range(2):
        for i in range(LENGTH):
            for j in range(CHANNELS):
                expected[image, i, j] += sum(x[image, i] * weight[j])
    return lambda: add_product(total, x, weight), total, expected


@pytest.mark.parametrize('case', [activate_case, add_case, add_product_case])
def test_only_without_gradients_the_first_operand_is_overwritten(case):
    call, first, expected = case()
    before = first.clone()
    torch.testing.assert_close(call(), expected)
    assert torch.equal(first, before)
    with torch.no_grad():
        torch.testing.assert_close(call(), expected)
    torch.testing.assert_close(first, expected)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_a_half_update_keeps_the_precision_of_what_it_is_added_to(dtype):
    update, x = tensors((2, LENGTH, CHANNELS), (2, LENGTH, CHANNELS))
    with torch.no_grad():
        total = add(update.to(dtype), x)
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, update.to(dtype).float() + x)


def test_products_are_accumulated_under_autocast():
    total, x, weight = tensors((2, 3, 4), (2, 3, 5), (4, 5))
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        sums = add_product(total.bfloat16(), x, weight)
    assert sums.dtype == torch.bfloat16
    torch.testing.assert_close(sums.float(), total + x @ weight.T, rtol=0.05, atol=0.1)


def test_no_gradient_is_copied_for_a_view_changed_in_place():
    linear, (tokens, x, weight) = nn.Linear(4, 4), tensors((2, 3, 4), (2, 3, 5), (4, 5))
    sums = add_product(linear(tokens), x, weight)
    nodes, names = [sums.grad_fn], set()
    while nodes:
        node = nodes.pop()
        names.add(node.name())
        nodes += [parent for parent, _ in node.next_functions if parent]
    assert 'AddmmBackward0' in names and 'CopySlices' not in names
