"""Decoders against their formulas, slot by slot and patch by patch."""

import pytest
import torch
import torch.nn.functional as F

from wwt_mm.errors import ConfigError
from wwt_mm.object_centric import (
    AutoregressiveDecoder,
    BroadcastDecoder,
    CNNDecoder,
    MLPDecoder,
)


def mlp_decoder(competition, **options):
    options = dict(in_channels=5, out_channels=6, grid=(2, 4), hidden_channels=7) | (
        options
    )
    return MLPDecoder(competition=competition, **options).double()


def whole_mlp(decoder, x):
    """The MLP on one vector, its first layer not taken apart."""
    return decoder.rest(decoder.first(x))


def patches():
    return [(y, x) for y in range(2) for x in range(4)]


def test_slots_compete_by_the_alpha_that_they_decode(objects):
    decoder = mlp_decoder('alpha')
    found = decoder(objects)
    for image in range(2):
        for y, x in patches():
            position = decoder.positions.weight[0, :, y, x]
            decoded = [whole_mlp(decoder, s + position) for s in objects.slots[image]]
            alpha = torch.stack([d[6] for d in decoded])
            shares = alpha.exp() / alpha.exp().sum()
            expected = sum(shares[k] * decoded[k][:6] for k in range(3))
            torch.testing.assert_close(found.masks[image, :, y, x], shares)
            torch.testing.assert_close(found.prediction[image, :, y, x], expected)


def test_slots_compete_by_the_masks_of_the_grouping(objects):
    decoder = mlp_decoder('masks')
    found = decoder(objects)
    assert torch.equal(found.masks, objects.masks)
    for image in range(2):
        for y, x in patches():
            position = decoder.positions.weight[0, :, y, x]
            expected = sum(
                objects.masks[image, k, y, x]
                * whole_mlp(decoder, objects.slots[image, k] + position)
                for k in range(3)
            )
            torch.testing.assert_close(found.prediction[image, :, y, x], expected)


@pytest.mark.parametrize('positions', [True, False])
def test_features_are_mixed_before_the_mlp(objects, positions):
    decoder = mlp_decoder('features', positions=positions)
    found = decoder(objects)
    assert torch.equal(found.masks, objects.masks)
    for image in range(2):
        for y, x in patches():
            mixed = sum(
                objects.masks[image, k, y, x] * objects.slots[image, k]
                for k in range(3)
            )
            if positions:
                mixed = mixed + decoder.positions.weight[0, :, y, x]
            expected = whole_mlp(decoder, mixed)
            torch.testing.assert_close(found.prediction[image, :, y, x], expected)


def test_without_positions_a_slot_decodes_alike_everywhere(objects):
    decoder = mlp_decoder('masks', positions=False)
    found = decoder(objects).prediction
    for image in range(2):
        decoded = [whole_mlp(decoder, slot) for slot in objects.slots[image]]
        for y, x in patches():
            shares = objects.masks[image, :, y, x]
            expected = sum(share * d for share, d in zip(shares, decoded, strict=True))
            torch.testing.assert_close(found[image, :, y, x], expected)


@pytest.mark.parametrize('competition', ['masks', 'features'])
def test_masks_of_another_size_are_resized_to_the_target(objects, competition):
    found = mlp_decoder(competition, grid=(4, 8))(objects)
    assert found.prediction.shape == (2, 6, 4, 8)
    expected = F.interpolate(objects.masks, (4, 8), mode='bilinear')
    torch.testing.assert_close(found.masks, expected)
    torch.testing.assert_close(found.masks.sum(1), torch.ones_like(found.masks[:, 0]))


def test_a_target_that_does_not_fit_is_an_error(objects):
    decoder = mlp_decoder('alpha')
    with pytest.raises(ConfigError, match=r'grid=\(2, 4\) and the target has 3 x 4'):
        decoder(objects, torch.zeros(2, 6, 3, 4))
    with pytest.raises(ConfigError, match='out_channels=6 and the target has 9'):
        decoder(objects, torch.zeros(2, 9, 2, 4))
    with pytest.raises(ConfigError, match="'beta' is unknown"):
        mlp_decoder('beta')


def test_the_cnn_reads_masks_times_slots(objects):
    decoder = CNNDecoder(in_channels=5, patch_size=4).double()
    features = torch.zeros(2, 5, 2, 4, dtype=torch.float64)
    for k in range(3):
        features += objects.masks[:, None, k] * objects.slots[:, k, :, None, None]
    expected = decoder.head.decoder(features)
    torch.testing.assert_close(decoder(objects).prediction, expected)
    cut = decoder(objects, torch.zeros(2, 3, 7, 16)).prediction
    torch.testing.assert_close(cut, expected[..., :7, :])


def test_images_of_slots_are_mixed_by_the_softmax_of_alpha(objects):
    decoder = BroadcastDecoder(5, grid=(2, 2), num_layers=2, hidden_channels=4).double()
    found = decoder(objects)
    corners = torch.tensor([[[-1, -1], [-1, 1]], [[1, -1], [1, 1]]]).double()
    positions = decoder.positions.project(corners).permute(2, 0, 1)
    painted = [
        decoder.layers(objects.slots[:, k, :, None, None] + positions) for k in range(3)
    ]
    alpha = torch.stack([p[:, 3] for p in painted], 1)
    shares = alpha.exp() / alpha.exp().sum(1, keepdim=True)
    expected = sum(shares[:, k, None] * painted[k][:, :3].tanh() for k in range(3))
    torch.testing.assert_close(found.masks, shares)
    torch.testing.assert_close(found.prediction, expected)
    assert found.prediction.shape == (2, 3, 8, 8)


@pytest.fixture
def autoregressive():
    def make(**options):
        options = dict(embed_dims=8, num_layers=2, num_heads=2) | options
        return AutoregressiveDecoder(5, **options).double().eval()

    return make


def test_a_patch_is_predicted_from_those_before_it(objects, autoregressive):
    decoder = autoregressive()
    target = torch.randn(2, 8, 2, 4, dtype=torch.float64)
    before = decoder(objects, target).prediction.flatten(2)
    target[:, :, 1, 1] += torch.randn(8)  # patch 5
    after = decoder(objects, target).prediction.flatten(2)
    changed = (before != after).any(1).any(0)
    assert changed.tolist() == [False] * 6 + [True] * 2


@pytest.mark.parametrize('slate', [False, True])
def test_the_transformer_is_that_of_torch_as_dinosaur_configures_it(
    objects, autoregressive, slate
):
    options = dict(out_channels=11, dropout=0.1, linear_input=False) if slate else {}
    decoder = autoregressive(**options)
    layer = torch.nn.TransformerDecoderLayer(
        8, 2, 32, activation='relu', batch_first=True, norm_first=True
    )
    reference = torch.nn.TransformerDecoder(layer, 2).double().eval()  # no last norm
    weights = decoder.blocks.state_dict()
    reference.load_state_dict({f'layers.{n}': w for n, w in weights.items()})
    target = torch.randn(2, 8, 2, 4, dtype=torch.float64)
    start = decoder.start.expand(2, 1, 8)
    inputs = torch.cat([start, target.flatten(2).mT[:, :-1]], 1)
    if not slate:
        inputs = inputs @ decoder.read_patches[0].weight.T
    inputs = F.layer_norm(inputs, (8,))
    slots = F.layer_norm(objects.slots @ decoder.read_slots[0].weight.T, (8,))
    mask = torch.nn.Transformer.generate_square_subsequent_mask(8).double()
    expected = reference(inputs, slots, mask)
    if slate:
        expected = expected @ decoder.write.weight.T + decoder.write.bias
    found = decoder(objects, target).prediction
    torch.testing.assert_close(found.flatten(2).mT, expected)


def test_a_target_of_another_width_is_an_error(objects, autoregressive):
    with pytest.raises(ConfigError, match='embed_dims=8 and the target has 6'):
        autoregressive()(objects, torch.zeros(2, 6, 2, 4).double())


def test_the_evaluated_masks_are_attention_or_those_of_the_grouping(
    objects, autoregressive
):
    target = torch.randn(2, 8, 2, 4, dtype=torch.float64)
    decoder = autoregressive()
    last, seen = decoder.blocks[-1].multihead_attn, []
    last.register_forward_hook(lambda _, inputs, output: seen.append(inputs))
    masks = decoder(objects, target).masks
    assert masks.shape == (2, 3, 2, 4)
    torch.testing.assert_close(masks.sum(1), torch.ones_like(masks[:, 0]))
    _, heads = last(*seen[0], average_attn_weights=False)  # (B, heads, N, n)
    torch.testing.assert_close(masks.flatten(2).mT, (heads[:, 0] + heads[:, 1]) / 2)
    masks = autoregressive(masks_from='grouping')(objects, target).masks
    assert torch.equal(masks, objects.masks)
    with pytest.raises(ConfigError, match="'slots' is unknown"):
        autoregressive(masks_from='slots')


def test_the_decoder_of_slot_attention_doubles_its_map_four_times():
    layers = [
        module
        for module in BroadcastDecoder(5).modules()
        if isinstance(module, torch.nn.ConvTranspose2d)
    ]
    sizes = {(layer.kernel_size, layer.stride) for layer in layers}
    assert len(layers) == 4 and sizes == {((5, 5), (2, 2))}
