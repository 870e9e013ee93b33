"""The ViT of YOLOS and EoMT: which tokens meet, and which weights it starts from."""

import re

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from tool_process import REPOSITORY

from wwt_mm.backbone import SlotMasks
from wwt_mm.detection import SlotBBoxHead
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


@torch.no_grad()
def test_a_slot_tells_its_class_and_box_from_itself_alone():
    head = SlotBBoxHead(num_classes=3, embed_dims=8).double().eval()
    slots, tokens = torch.randn(1, 4, 8).double(), torch.zeros(1, 8, 2, 2)
    logits, boxes = head((SlotMasks(slots, None, tokens),))
    for slot in range(4):
        hidden = slots[0, slot]
        for layer in head.fc_cls.layers[:2]:
            hidden = (layer.weight @ hidden + layer.bias).clamp(min=0)
        last = head.fc_cls.layers[2]
        expected = (last.weight @ hidden + last.bias).float()
        torch.testing.assert_close(logits[0, 0, slot], expected)
        expected = head.fc_reg(head.reg_mlp(slots[0, slot])).float().sigmoid()
        torch.testing.assert_close(boxes[0, 0, slot], expected)


@pytest.mark.parametrize(
    'config, metric', [('mmdet/yolos_scenes', 'mAP'), ('mmseg/eomt_scenes', 'mIoU')]
)
def test_a_peer_starts_from_a_vit_trains_and_is_tested(
    config, metric, run_tool, scenes_root, tmp_path
):
    vit = VisionTransformer(
        arch=dict(embed_dims=96, num_layers=4, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=8,
    )
    weights = {f'backbone.{name}': value for name, value in vit.state_dict().items()}
    torch.save(dict(state_dict=weights), tmp_path / 'vit.pth')
    options = [f'data_root={scenes_root}/', f'load_from={tmp_path}/vit.pth']
    for loader in ('train_dataloader', 'val_dataloader'):
        options += [f'{loader}.{key}' for key in ('num_workers=0', 'batch_size=6')]
        options.append(f'{loader}.persistent_workers=False')
    options += ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    finished = run_tool(
        *('train', REPOSITORY / f'configs/{config}.py', '--work-dir', tmp_path),
        *('--cfg-options', *options),
    ).check()
    assert re.search(rf'{metric}: \d', finished.output)
    (missing,) = re.findall('missing keys in source state_dict: (.*)', finished.output)
    assert re.findall(r'backbone\.[\w.]+', missing) == ['backbone.queries']
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    assert not torch.equal(saved['backbone.cls_token'], weights['backbone.cls_token'])
