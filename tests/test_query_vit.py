"""The ViT of YOLOS and EoMT: which tokens meet, and which weights it starts from."""

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from wwt_mm.errors import ConfigError
from wwt_mm.query_vit import QueryViT

ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)
QUERIES, PATCH = 3, 4


def make(kind=QueryViT, seed=0, **options):
    torch.manual_seed(seed)
    model = kind(arch=ARCH, img_size=12, patch_size=PATCH, **options).double()
    model.eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def attended_by_loops(attention, tokens):
    """Multi-head attention of a list of tokens, one query, key and head at a time."""
    dims, heads = ARCH['embed_dims'], ARCH['num_heads']
    width = dims // heads
    q, k, v = zip(*(attention.qkv(token).split(dims) for token in tokens))
    outputs = []
    for query in q:
        parts = []
        for head in range(heads):
            at = slice(head * width, (head + 1) * width)
            scores = torch.stack([query[at] @ key[at] for key in k]) / width**0.5
            weights = scores.softmax(0)
            parts.append(sum(w * value[at] for w, value in zip(weights, v)))
        outputs.append(attention.proj(torch.cat(parts)))
    return outputs


@pytest.mark.parametrize('start', range(ARCH['num_layers']))
@torch.no_grad()
def test_queries_join_the_tokens_before_their_block(start):
    model = make(num_queries=QUERIES, queries_from=start)
    image = torch.randn(1, 3, 12, 12).double()
    positions = model.pos_embed[0]
    tokens = [model.cls_token[0, 0] + positions[0]]
    for i in range(9):
        row, column = 4 * (i // 3), 4 * (i % 3)
        patch = image[:, :, row : row + 4, column : column + 4]
        embedded = model.patch_embed.projection(patch).flatten()
        tokens.append(embedded + positions[1 + i])
    for index, layer in enumerate(model.layers):
        if index == start:
            tokens += list(model.queries)
        attended = attended_by_loops(layer.attn, [layer.ln1(t) for t in tokens])
        tokens = [t + a for t, a in zip(tokens, attended)]
        tokens = [layer.ffn(layer.ln2(t), identity=t) for t in tokens]
    tokens = [model.ln1(token) for token in tokens]
    (output,) = model(image)
    torch.testing.assert_close(output.slots[0], torch.stack(tokens[10:]))
    torch.testing.assert_close(
        output.tokens[0].flatten(1).mT, torch.stack(tokens[1:10])
    )
    assert output.masks is None and output.tokens.shape == (1, 8, 3, 3)


@torch.no_grad()
def test_an_image_of_another_size_is_padded_to_whole_patches():
    (output,) = make(num_queries=QUERIES)(torch.randn(2, 3, 10, 17).double())
    assert output.tokens.shape == (2, 8, 3, 5) and output.slots.shape == (2, QUERIES, 8)


def test_a_checkpoint_of_the_plain_vit_lacks_the_queries_only():
    source, model = make(VisionTransformer), make(num_queries=QUERIES, seed=1)
    result = model.load_state_dict(source.state_dict(), strict=False)
    assert result.missing_keys == ['queries'] and not result.unexpected_keys


def test_queries_from_no_block_are_an_error():
    with pytest.raises(ConfigError, match='queries_from=3 is no block'):
        make(num_queries=QUERIES, queries_from=3)
