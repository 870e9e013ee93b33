"""SLATE's discrete VAE: its tokens, its annealing, and what learns from what."""

import math

import pytest
import torch
import torch.nn.functional as F

from wwt_mm.object_centric import DiscreteVAE


@pytest.fixture
def vae():
    torch.manual_seed(0)
    vae = DiscreteVAE(7, channels=5, grid=(2, 3), hidden_channels=6, annealing=4)
    vae.init_weights()
    return vae


def pixels():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 8, 12, generator=generator) * 255


def test_a_patch_of_4_x_4_pixels_is_one_token(vae):
    vae.eval()
    tokens = vae.encoder(pixels() / 127.5 - 1).argmax(1)
    assert tokens.shape == (2, 2, 3)
    embedded = vae(pixels())
    for image, y, x in ((0, 0, 0), (1, 1, 2)):
        word = vae.dictionary.weight[tokens[image, y, x]]
        expected = word + vae.positions[0, :, y, x]
        torch.testing.assert_close(embedded[image, :, y, x], expected)
    restored = vae.decoder(F.one_hot(tokens, 7).permute(0, 3, 1, 2).float())
    assert restored.shape == (2, 3, 8, 12)


def test_tokens_are_drawn_with_the_probabilities_of_the_encoder(vae):
    image = pixels()[:1]
    probabilities = vae.encoder(image / 127.5 - 1).softmax(1)[0, :, 1, 2]
    with torch.no_grad():
        drawn = vae.learn(image.expand(500, -1, -1, -1))[0][:, 1, 2]
    shares = torch.bincount(drawn, minlength=7) / 500
    torch.testing.assert_close(shares, probabilities.detach(), atol=0.07, rtol=0)


def test_the_temperature_falls_by_a_cosine_and_stays(vae):
    read = []
    for _ in range(6):
        read.append(float(vae.temperature))
        vae.learn(pixels())
    expected = [0.1 + 0.45 * (1 + math.cos(math.pi * min(i, 4) / 4)) for i in range(6)]
    assert read == pytest.approx(expected)
    assert vae.state_dict()['iterations'] == 6  # a resumed run goes on from there


def test_the_error_is_summed_over_an_image_and_trains_only_encoder_and_decoder(vae):
    torch.manual_seed(3)
    _, loss = vae.learn(pixels())
    vae.iterations.zero_()
    torch.manual_seed(3)
    images = pixels() / 127.5 - 1
    logits = vae.encoder(images).log_softmax(1)
    noise = -torch.empty_like(logits).exponential_().log()
    restored = vae.decoder((logits + noise).softmax(1))  # temperature 1
    expected = (restored - images).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    trained = {n.split('.')[0] for n, p in vae.named_parameters() if p.grad is not None}
    assert trained == {'encoder', 'decoder'}


def test_slots_predict_the_drawn_tokens_and_never_move_the_encoder(build):
    model = build('slate')
    model.init_weights()
    model.eval()  # no dropout, and slots that start alike
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    torch.manual_seed(5)
    losses = model.loss(images)
    torch.manual_seed(5)
    tokens, loss_vae = model.target.learn(model.to_pixels(images))
    words = model.target.embed(tokens)
    logits = model.decoder(model.grouping(words), words).prediction.flatten(2)
    chosen = logits.log_softmax(1).gather(1, tokens.flatten(1).unsqueeze(1))
    expected = -chosen.sum((1, 2)).mean()
    torch.testing.assert_close(losses['loss_tokens'], expected)
    losses['loss_tokens'].backward()
    assert all(p.grad is None for p in model.target.encoder.parameters())
    assert model.target.dictionary.weight.grad is not None
    assert all(p.grad is not None for p in model.grouping.parameters())


def test_the_vocabulary_learns_to_restore_images():
    torch.manual_seed(0)
    vae = DiscreteVAE(32, channels=4, grid=(4, 4), annealing=200)
    vae.init_weights()
    colors = torch.tensor([[255.0, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
    optimizer = torch.optim.Adam(vae.parameters(), 1e-3)
    losses = []
    for _ in range(100):
        patches = colors[torch.randint(4, (32, 4, 4))].permute(0, 3, 1, 2)
        _, loss = vae.learn(F.interpolate(patches, scale_factor=4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    variance = 16 * 16 * 3  # what the mean color of all images leaves
    assert losses[0] > variance > sum(losses[-10:]) / 10 / 0.8


def test_words_are_dropped_in_training_only():
    vae = DiscreteVAE(7, channels=500, grid=(2, 3), hidden_channels=6, dropout=0.3)
    words = vae.train().embed(torch.zeros(1, 2, 3, dtype=torch.long))
    assert float((words == 0).float().mean()) == pytest.approx(0.3, abs=0.05)
    assert (vae.eval().embed(torch.zeros(1, 2, 3, dtype=torch.long)) != 0).all()
