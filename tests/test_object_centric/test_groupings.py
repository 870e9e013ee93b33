"""Slot Attention against its algorithm in loops; the first slots of a WWT."""

import pytest
import torch

from wwt_mm.backbone import SlotMasks
from wwt_mm.errors import ConfigError
from wwt_mm.object_centric import FirstSlots, SlotAttention


def slot_attention_in_loops(module, features, slots):
    """Algorithm 1 of Locatello et al. (2020) for one image ``(C, h, w)``."""
    inputs = [
        module.norm_inputs(module.read(features[:, y, x]))
        for y in range(features.shape[1])
        for x in range(features.shape[2])
    ]
    for _ in range(module.iterations):
        previous = slots
        queries = [module.to_queries(module.norm_slots(slot)) for slot in slots]
        attention = torch.zeros(len(inputs), len(slots), dtype=torch.float64)
        for i, value in enumerate(inputs):
            key = module.to_keys(value)
            scores = torch.stack([key @ q / len(q) ** 0.5 for q in queries])
            attention[i] = scores.exp() / scores.exp().sum()
        slots = []
        for k, slot in enumerate(previous):
            weights = (attention[:, k] + 1e-8) / (attention[:, k] + 1e-8).sum()
            update = sum(
                w * module.to_values(v) for w, v in zip(weights, inputs, strict=True)
            )
            slot = module.update(update[None], slot[None])[0]
            slots.append(slot + module.mlp(module.norm_mlp(slot)))
        slots = torch.stack(slots)
    return slots, attention


@pytest.fixture(params=[None, 5], ids=['without MLP', 'with MLP'])
def attention(request):
    module = SlotAttention(6, 3, channels=4, hidden_channels=request.param)
    return module.double().eval()


def test_slot_attention_is_its_algorithm(attention):
    features = torch.randn(2, 6, 2, 3, dtype=torch.float64)
    found = attention(features)
    start = attention.mean[0] + attention.log_std[0].exp() * attention.noise[0]
    for image in range(2):
        slots, shares = slot_attention_in_loops(attention, features[image], start)
        torch.testing.assert_close(found.slots[image], slots)
        torch.testing.assert_close(found.masks[image].flatten(1).T, shares)


def test_each_image_of_a_training_batch_draws_its_own_slots(attention):
    features = torch.randn(1, 6, 2, 3, dtype=torch.float64).expand(2, -1, -1, -1)
    slots = attention.train()(features).slots
    assert not torch.allclose(slots[0], slots[1])


def test_evaluation_repeats_itself_whatever_the_batch(attention):
    features = torch.randn(2, 6, 2, 3, dtype=torch.float64)
    together = attention(features)
    for image in range(2):
        alone = attention(features[image : image + 1])
        torch.testing.assert_close(alone.slots[0], together.slots[image])


def test_coordinates_are_added_to_features_of_any_size():
    module = SlotAttention(6, 3, channels=4, positions=True).double().eval()
    features = torch.randn(1, 6, 2, 3, dtype=torch.float64)
    plain = SlotAttention(6, 3, channels=4).double().eval()
    plain.load_state_dict(module.state_dict(), strict=False)
    project = module.positions.project
    shifted = features.clone()
    for y, row in enumerate((-1.0, 1.0)):
        for x, column in enumerate((-1.0, 0.0, 1.0)):
            shifted[0, :, y, x] += project(torch.tensor([row, column]).double())
    torch.testing.assert_close(module(features).slots, plain(shifted).slots)
    assert module(torch.zeros(1, 6, 4, 5).double()).masks.shape == (1, 3, 4, 5)


@pytest.fixture
def feats():
    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    return SlotMasks(draw(2, 8, 6), draw(2, 3, 8, 4, 5), draw(2, 6, 4, 5))


def test_the_first_masks_compete_among_themselves(feats):
    objects = FirstSlots(3)((feats,))
    assert torch.equal(objects.slots, feats.slots[:, :3])
    for k in range(3):
        masks = [sum(feats.masks[:, h, j] for h in range(3)) / 3 for j in range(3)]
        expected = masks[k].exp() / sum(mask.exp() for mask in masks)
        torch.testing.assert_close(objects.masks[:, k], expected)


def test_all_slots_can_be_kept(feats):
    assert FirstSlots(None)((feats,)).masks.shape == (2, 8, 4, 5)


def test_what_has_no_slots_is_named(feats):
    with pytest.raises(ConfigError, match='exceeds the 8 slots'):
        FirstSlots(9)((feats,))
    with pytest.raises(ConfigError, match="out_type='slot_masks'"):
        FirstSlots(3)((feats.tokens,))
    with pytest.raises(ConfigError, match='at least 2'):
        FirstSlots(1)
