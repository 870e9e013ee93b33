"""timm makes, dissects and refits WWT as it does its own models."""

import pytest
import timm
import torch

import wwt_mm.timm_models  # noqa: F401
from wwt_mm import SlotInferencer


def images(size, batch=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, size, size, generator=generator)


def test_models_of_the_paper_have_its_sizes():
    for name, millions in (('wwt_tiny', 8.66), ('wwt_small', 33.76)):
        model = timm.create_model(name)
        total = sum(parameter.numel() for parameter in model.parameters())
        assert total / 1e6 == pytest.approx(millions, abs=5e-3)


def test_logits_are_the_mean_over_slots_and_their_parts_fit_together():
    model = timm.create_model('wwt_micro', num_classes=7).eval()
    x = images(64)
    slots = model.forward_features(x)
    assert slots.shape == (2, 16, 128)
    per_slot = model.get_classifier()(model.head.act(model.head.hidden(slots)))
    torch.testing.assert_close(model(x), per_slot.mean(1))
    pre_logits = model.forward_head(slots, pre_logits=True)
    torch.testing.assert_close(model.get_classifier()(pre_logits), model(x))


def test_a_new_classifier_or_none():
    model = timm.create_model('wwt_micro').eval()
    model.reset_classifier(5)
    assert model(images(64)).shape == (2, 5)
    model.reset_classifier(0)
    slots = model.forward_features(images(64))
    torch.testing.assert_close(model(images(64)), slots.mean(1))


def test_features_only_gives_maps_of_the_blocks_asked_for():
    torch.manual_seed(0)
    whole = timm.create_model('wwt_micro').eval()
    model = timm.create_model('wwt_micro', features_only=True, out_indices=(1, 3))
    model = model.eval()
    assert len(model.model.backbone.blocks) == 4  # the others are pruned
    model.model.load_state_dict(whole.state_dict(), strict=False)
    maps = model(images(96))
    assert [tuple(m.shape) for m in maps] == [(2, 128, 24, 24)] * 2
    assert model.feature_info.channels() == [128, 128]
    assert model.feature_info.reduction() == [4, 4]
    slots, expected = whole.forward_intermediates(images(96), indices=[1, 3])
    torch.testing.assert_close(slots, whole.forward_features(images(96)))
    for got, want in zip(maps, expected):
        torch.testing.assert_close(got, want)


def test_the_backward_pass_may_compute_blocks_again():
    model = timm.create_model('wwt_micro').train()
    expected = model(images(64))
    model.set_grad_checkpointing()
    got = model(images(64))
    torch.testing.assert_close(got, expected)
    got.sum().backward()
    assert model.backbone.blocks[0].attn.slot_kv.weight.grad is not None


def test_pretrained_weights_are_those_that_ship():
    model = timm.create_model('wwt_micro', pretrained=True).eval()
    infer = SlotInferencer(device='cpu')
    weights = infer.reader.model.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name
    refitted = timm.create_model('wwt_micro', pretrained=True, num_classes=3)
    assert refitted(images(64)).shape == (2, 3)
    assert torch.equal(refitted.backbone.slots, model.backbone.slots)


def test_models_start_from_the_weights_of_the_recipe():
    model = timm.create_model('wwt_tiny')
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert model.head.hidden in layers and model.head.classifier in layers
    for layer in layers:
        assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
        assert not layer.bias.any()
