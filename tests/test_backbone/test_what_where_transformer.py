"""The backbone as a whole: sizes, shapes, padding, checkpoints, precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import MODELS
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.functional import layer_norm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from wwt_mm.backbone import SlotMasks, WhatWhereTransformer
from wwt_mm.errors import CheckpointError, ConfigError

from . import reference

ARCH = dict(embed_dims=12, num_layers=3, num_heads=2)


def make(**options):
    torch.manual_seed(0)
    options = dict(arch=ARCH, img_size=32, patch_size=8, num_slots=4) | options
    return WhatWhereTransformer(**options).eval()


def image(*size, batch=2, seed=0):
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    'arch, dims, heads, parameters',
    [('tiny', 192, 3, 8.66), ('small', 384, 6, 33.76), ('base', 768, 12, None)],
)
def test_sizes_are_those_of_the_design(arch, dims, heads, parameters):
    with torch.device('meta'):
        model = WhatWhereTransformer(arch)
    assert (model.embed_dims, model.num_heads, model.num_layers) == (dims, heads, 12)
    if parameters:
        head = dims * dims + dims + 1000 * dims + 1000  # slot MLP D -> D -> 1000
        total = sum(p.numel() for p in model.parameters()) + head
        assert round(total / 1e6, 2) == parameters


def test_slot_masks_have_the_documented_shapes_also_for_several_blocks():
    outputs = make(out_indices=(0, -1))(image(32, 48))
    assert len(outputs) == 2
    for output in outputs:
        assert isinstance(output, SlotMasks)
        assert output.slots.shape == (2, 4, 12)
        assert output.masks.shape == (2, 2, 4, 4, 6)
        assert output.tokens.shape == (2, 12, 4, 6)
        assert output.padding_mask is None


def test_out_indices_keep_their_order():
    model = make(out_indices=(2, 0))
    last, first = model(image(32, 32))
    model.out_indices = (0, 2)
    again_first, again_last = model(image(32, 32))
    assert torch.equal(last.slots, again_last.slots)
    assert torch.equal(first.slots, again_first.slots)


def test_other_out_types_follow_from_slots_and_masks():
    model = make()
    (full,) = model(image(32, 48))
    for out_type, expected in {
        'featmap': full.tokens,
        'avg_slots': full.slots.mean(1),
        'reassembled': full.reassemble(),
    }.items():
        model.out_type = out_type
        torch.testing.assert_close(model(image(32, 48))[0], expected)


@pytest.mark.parametrize('heads', ['mean', 'each'])
def test_reassembled_is_equation_7(heads):
    slots, masks = torch.randn(1, 4, 12).double(), torch.randn(1, 2, 4, 3, 5).double()
    dense = SlotMasks(slots, masks, torch.empty(0)).reassemble(heads)
    expected = reference.reassemble(masks[0].flatten(2).mT, slots[0], heads)
    torch.testing.assert_close(dense[0].flatten(1).T, expected, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_any_image_size_gives_the_grid_that_covers_it(height, width):
    (output,) = make()(image(height, width, batch=1))
    assert output.tokens.shape[-2:] == (-(-height // 8), -(-width // 8))
    assert torch.isfinite(output.masks).all()


def test_patches_are_embedded_as_a_convolution_does():
    model, picture = make().double(), image(24, 40).double()
    embedding = model.patch_embed
    expected = torch.nn.functional.conv2d(
        picture, embedding.weight, embedding.bias, stride=8
    )
    torch.testing.assert_close(embedding(picture), expected.permute(0, 2, 3, 1))


def test_the_image_is_padded_with_zeros_to_whole_patches():
    small = image(30, 41)
    padded = torch.nn.functional.pad(small, (0, 7, 0, 2))
    model = make()
    for got, want in zip(model(small)[0][:3], model(padded)[0][:3]):
        torch.testing.assert_close(got, want)


@settings(max_examples=15, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    canvas=st.tuples(st.integers(40, 60), st.integers(40, 60)),
)
def test_an_image_gives_the_same_alone_and_padded_in_a_batch(size, canvas):
    model = make(out_indices=(0, 2))
    alone = model(image(*size, batch=1))
    height, width = size
    batch = torch.full((2, 3, *canvas), 1e3)  # whatever the padding holds
    batch[0, :, :height, :width] = image(*size, batch=1)[0]
    padding = torch.ones(2, *canvas, dtype=torch.bool)
    padding[0, :height, :width] = False
    padding[1] = False
    for single, batched in zip(alone, model(batch, padding)):
        rows, columns = single.tokens.shape[-2:]
        torch.testing.assert_close(single.slots, batched.slots[:1], rtol=0, atol=1e-5)
        for name in ('masks', 'tokens'):
            whole = getattr(batched, name)[:1]
            own = whole[..., :rows, :columns]
            torch.testing.assert_close(getattr(single, name), own, rtol=0, atol=1e-5)
            assert not whole[..., batched.padding_mask[0]].any()
        inside = ~batched.padding_mask[0]
        assert inside[:rows, :columns].all() and inside.sum() == rows * columns


def test_permuting_patches_permutes_tokens_and_masks_and_keeps_slots():
    model = make()
    torch.nn.init.zeros_(model.pos_embed.weight)
    picture = image(32, 32, batch=1)
    patches = picture.unfold(2, 8, 8).unfold(3, 8, 8).flatten(2, 3)  # (1, 3, 16, 8, 8)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    shuffled = patches[:, :, order].unflatten(2, (4, 4))
    shuffled = shuffled.permute(0, 1, 2, 4, 3, 5).reshape(1, 3, 32, 32)
    (before,), (after,) = model(picture), model(shuffled)
    torch.testing.assert_close(after.slots, before.slots)
    for name in ('tokens', 'masks'):
        expected = getattr(before, name).flatten(-2)[..., order]
        torch.testing.assert_close(getattr(after, name).flatten(-2), expected)


def test_gradients_reach_every_parameter_from_slots_masks_and_tokens():
    model = make().train()
    (output,) = model(image(32, 32))
    sum(part.square().sum() for part in output[:3]).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not missing


def test_from_slots_alone_the_last_masks_and_tokens_are_not_trained():
    """What DDP must know: see ``static_graph`` in the configs."""
    model = make().train()
    model(image(32, 32))[0].slots.square().sum().backward()
    missing = {n.split('.')[2] for n, p in model.named_parameters() if p.grad is None}
    assert missing == {'mlp_masks', 'mlp_tokens', 'norm_tokens_mlp'}


@pytest.mark.parametrize('with_cp', [True, 'selective'])
@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(mask_mlp=False),
        dict(norm_scores=True, drop_rate=0.3, drop_path_rate=0.3),
    ],
)
def test_recomputing_changes_nothing_but_memory(with_cp, options):
    padding = torch.zeros(2, 32, 32, dtype=torch.bool)
    padding[0, 20:] = True
    runs = []
    for mode in (False, with_cp):
        model = make(with_cp=mode, **options).double().train()
        torch.manual_seed(1)
        (output,) = model(image(32, 32).double(), padding)
        (output.slots.sum() + output.masks.square().sum()).backward()
        gradients = {n: p.grad for n, p in model.named_parameters()}
        runs.append((output.slots, output.masks, gradients))
    torch.testing.assert_close(runs[1], runs[0])


def test_each_way_of_recomputing_keeps_less():
    """What the forward pass leaves behind of each block, in multiples of its tokens."""
    images, dims, slots = image(256, 256, batch=1), 32, 16  # as many masks as channels
    tokens = 4 * 32 * 32 * dims

    def kept(with_cp):
        def total(layers):
            arch = dict(embed_dims=dims, num_layers=layers, num_heads=2)
            model = make(arch=arch, with_cp=with_cp, num_slots=slots)
            return bytes_left_behind(model.train(), images)

        return (total(3) - total(1)) / 2 / tokens

    # By hand: tokens and their norm, twice; two softmaxes of scores; scores and tokens
    # concatenated; twice 2 and twice 1.5 hidden channels. Slots are few.
    assert kept(False) == pytest.approx(15, abs=0.5)
    # Tokens, masks, and 2 and 1.5 hidden channels.
    assert kept('selective') == pytest.approx(5.5, abs=0.5)
    # Tokens and masks.
    assert kept(True) == kept(1) == pytest.approx(2, abs=0.2)


def bytes_left_behind(model, images):
    """Bytes of the storages that live as long as the result's graph, weights aside."""
    storages = {}

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(result):
                if isinstance(tensor, torch.Tensor):
                    storage = tensor.untyped_storage()
                    storages[storage._cdata] = (StorageWeakRef(storage), len(storage))
            return result

    with Watch():
        output = model(images)
    own = {p.untyped_storage()._cdata for p in model.parameters()}
    assert output
    return sum(
        size
        for key, (reference, size) in storages.items()
        if key not in own and not reference.expired()
    )


def test_frozen_stages_are_not_trained_and_stay_in_eval_mode():
    model = make(frozen_stages=1, drop_path_rate=0.1).train()
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert not any(n.startswith(('blocks.0', 'patch', 'pos', 'slots')) for n in trained)
    assert any(n.startswith('blocks.1') for n in trained)
    assert not model.blocks[0].training and model.blocks[1].training
    whole = make(frozen_stages=3).train()
    assert not any(p.requires_grad for p in whole.parameters())
    assert not whole.norm_slots.training


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_stays_finite_and_close(dtype):
    model = make()
    (full,) = model(image(40, 32))
    with torch.autocast('cpu', dtype):
        (half,) = model(image(40, 32))
    for name in ('slots', 'masks', 'tokens'):
        a, b = getattr(full, name), getattr(half, name).float()
        assert torch.isfinite(b).all()
        torch.testing.assert_close(a, b, rtol=0, atol=0.1 * a.abs().max().item())


@pytest.mark.parametrize('with_cp', [False, 'selective'])
@pytest.mark.parametrize('padded', [False, True])
def test_traces_without_graph_breaks_also_for_dynamic_sizes(padded, with_cp):
    model = make(arch=ARCH | dict(num_layers=2), with_cp=with_cp)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend='eager')
    for size in ((32, 48), (40, 56)):
        padding = None
        if padded:
            padding = torch.zeros(2, *size, dtype=torch.bool)
            padding[0, 20:] = True
        got, want = compiled(image(*size), padding)[0], model(image(*size), padding)[0]
        torch.testing.assert_close(got.slots, want.slots)
        torch.testing.assert_close(got.masks, want.masks)


def test_position_embeddings_of_a_checkpoint_are_resized():
    source, target = make(img_size=32), make(img_size=(48, 64))
    with torch.no_grad():  # a horizontal ramp stays one
        ramp = torch.linspace(-1, 1, 4).expand(1, 12, 4, 4)
        source.pos_embed.weight.copy_(ramp)
    target.load_state_dict(source.state_dict())
    resized = target.pos_embed.weight
    assert resized.shape == (1, 12, 6, 8)
    assert (resized.diff(dim=3) > 0).all()
    torch.testing.assert_close(resized.diff(dim=2), torch.zeros(1, 12, 5, 8))
    # and running the small model on the large size is the same resampling
    torch.testing.assert_close(
        source(image(48, 64))[0].slots, target(image(48, 64))[0].slots
    )


def test_a_checkpoint_with_other_slots_says_how_to_proceed():
    with pytest.raises(CheckpointError, match='has 6 slots .* set num_slots=6'):
        make(num_slots=4).load_state_dict(make(num_slots=6).state_dict())


def test_a_checkpoint_of_another_arch_names_the_difference():
    other = make(arch=ARCH | dict(embed_dims=16))
    with pytest.raises(CheckpointError, match='embed_dims=16.*embed_dims=12'):
        make().load_state_dict(other.state_dict())


def test_state_dict_names_are_stable():
    """Published checkpoints depend on these; do not rename."""
    model = make(arch=ARCH | dict(num_layers=1))
    linear = ['attn.token_qv', 'attn.slot_kv', 'mlp_tokens.0', 'mlp_tokens.3']
    linear += ['mlp_slots.0', 'mlp_slots.3', 'mlp_masks.0', 'mlp_masks.3']
    norms = ['norm_tokens', 'norm_slots', 'norm_tokens_mlp', 'norm_slots_mlp']
    expected = {'slots', 'pos_embed.weight', 'patch_embed.weight', 'patch_embed.bias'}
    expected |= {'norm_slots.weight', 'norm_slots.bias'}
    expected |= {
        f'blocks.0.{n}.{p}' for n in linear + norms for p in ('weight', 'bias')
    }
    assert set(model.state_dict()) == expected


def test_it_is_built_from_the_root_registry():
    cfg = dict(type='WhatWhereTransformer', arch=ARCH, num_slots=4, patch_size=8)
    assert isinstance(MODELS.build(cfg), WhatWhereTransformer)


def test_layer_depths_grow_from_embeddings_to_the_last_norm():
    model = make()
    depth = {n: model.get_layer_depth(n)[0] for n, _ in model.named_parameters()}
    assert depth['slots'] == depth['patch_embed.weight'] == 0
    assert depth['blocks.0.attn.slot_kv.weight'] == 1
    assert depth['norm_slots.weight'] == 4
    assert model.get_layer_depth('backbone.blocks.2.x', 'backbone.') == (3, 5)


def test_initialisation_is_small_weights_and_unit_slots():
    model = make(arch=ARCH | dict(embed_dims=96), num_slots=64)
    model.init_weights()
    weight, slots = model.blocks[0].attn.token_qv.weight.detach(), model.slots.detach()
    assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert slots.std().item() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(arch='huge'), "arch='huge' is unknown: choose one of"),
        (dict(arch=dict(embed_dims=12)), 'arch needs the keys'),
        (dict(arch=ARCH | dict(num_heads=5)), 'num_heads=5 does not divide'),
        (dict(arch=ARCH | dict(mlp_ratios=(1, 2))), 'three positive numbers'),
        (dict(num_slots=0), 'num_slots=0 must be a positive integer'),
        (dict(img_size=0), 'img_size=0 must be a positive integer'),
        (dict(patch_size=1.5), 'patch_size=1.5 must be a positive integer'),
        (dict(out_type='slots'), "out_type='slots' is unknown"),
        (dict(with_cp='all'), "with_cp='all' is unknown"),
        (dict(out_indices=3), r'out_indices=\(3,\) must name blocks'),
        (dict(frozen_stages=4), 'frozen_stages=4 must lie between'),
        (dict(drop_path_rate=1.0), r'drop_path_rate=1.0 must lie in \[0, 1\)'),
    ],
)
def test_bad_values_are_named_in_one_line(options, message):
    with pytest.raises(ConfigError, match=message) as error:
        make(**options)
    assert '\n' not in str(error.value)


def test_stochastic_depth_grows_linearly_from_0_to_its_rate():
    blocks = make(drop_path_rate=0.3).blocks
    kept = [float(getattr(block.drop, 'kept', 1.0)) for block in blocks]
    assert kept == pytest.approx([1, 0.85, 0.7])


@torch.no_grad()
def test_slots_of_the_last_block_alone_are_normalised():
    options = dict(out_indices=(0, -1))
    model, bare = make(**options), make(final_norm=False, **options)
    bare.load_state_dict(model.state_dict(), strict=False)
    (first, last), (raw_first, raw_last) = model(image(32, 32)), bare(image(32, 32))
    torch.testing.assert_close(first.slots, raw_first.slots)
    expected = layer_norm(raw_last.slots, (12,), eps=1e-6)
    torch.testing.assert_close(last.slots, expected)


def test_slots_begin_with_the_deviation_that_is_asked_for():
    slots = make(arch=dict(ARCH, embed_dims=96), num_slots=64, slot_init_std=0.3).slots
    assert float(slots.detach().std()) == pytest.approx(0.3, rel=0.1)


def test_dropout_is_after_positions_and_in_every_mlp():
    model = make(drop_rate=0.5).train()
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    assert len(layers) == 1 + 3 * 3 * 2 and {layer.p for layer in layers} == {0.5}
    dropped = []
    layers[0].register_forward_hook(lambda *call: dropped.append(call[2]))
    model(image(64, 64))
    assert float((dropped[0] == 0).float().mean()) == pytest.approx(0.5, abs=0.05)
    assert not make(drop_rate=0.5, frozen_stages=0).train().drop_after_pos.training


def test_another_activation_replaces_all():
    kinds = {
        type(module).__name__ for module in make(act_cfg=dict(type='ReLU')).modules()
    }
    assert 'ReLU' in kinds and 'GELU' not in kinds
