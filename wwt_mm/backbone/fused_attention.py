"""Equations (1) to (3) of a block as five Triton kernels that store no attention map.

Of all that has the size of tokens times slots, only the scores, which MLP_m reads, and
their gradient are written. Letters as in block.py, ``C = D / H``. Five kernels:

    attend          scores; softmax over slots, times values
    pool            softmax over tokens, times tokens
    grad_scores     gradient of the scores, which is also that of the masks
    grad_tokens     gradient of the tokens
    grad_values     gradient of the slots' values

The softmax over tokens is taken in one pass, by running maxima. Where that makes too
few programs for a GPU, each reads a share of the tokens and writes a softmax of its own
with its log-sum-exp; a softmax over those joins the shares. Nothing is added in an
order of chance: results are the same in each run. For the gradients both softmaxes are
computed again.

Products accumulate in float32. Those of float32 are as precise as
``torch.set_float32_matmul_precision`` says.
"""

# Triton takes sizes for constants, and launch options that are in no signature.
# pyright: reportArgumentType=false, reportCallIssue=false

import torch
from torch import Tensor

from ..errors import ConfigError

try:
    import triton
    import triton.language as tl
except ImportError as error:
    raise ConfigError(
        "attention='fused' needs triton, which comes with torch's CUDA wheels for "
        f"Linux, and importing it failed ({error}): choose attention='eager'"
    ) from error

ENOUGH_PROGRAMS = 256  # an A100 has 108 multiprocessors, an H100 has 132


@triton.jit
def attend_kernel(
    tokens, keys, shift, masks, values, scores, update,
    N, keys_image, keys_head, values_image, values_slot,
    H: tl.constexpr, K: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of a head and a tile of an image's tokens: scores, softmax over slots, update."""
    head, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    rows = tl.program_id(1) * TILE + tl.arange(0, TILE)
    real = (rows < N)[:, None]
    slots = head * K + tl.arange(0, K)
    D: tl.constexpr = H * C
    tokens += (image * N + rows)[:, None] * D
    keys += image * keys_image + head * keys_head
    keys += tl.arange(0, K)[None, :] * D
    place = (image * N + rows)[:, None] * (H * K) + slots[None, :]

    a = tl.zeros((TILE, K), tl.float32)
    for start in range(0, D, CHUNK):
        channels = start + tl.arange(0, CHUNK)
        x = tl.load(tokens + channels[None, :], mask=real, other=0.0)
        a = tl.dot(x, tl.load(keys + channels[:, None]), a, input_precision=PRECISION)
    a += tl.load(shift + image * H * K + slots)[None, :].to(tl.float32)
    if masks is not None:
        a += tl.load(masks + place, mask=real, other=0.0).to(tl.float32)  # (1)
    a = a.to(scores.dtype.element_ty)
    tl.store(scores + place, a, mask=real)

    if update is not None:
        channels = head * C + tl.arange(0, C)
        values += image * values_image + tl.arange(0, K)[:, None] * values_slot
        v = tl.load(values + channels[None, :])
        weights = _softmax(a.to(tl.float32), 1).to(v.dtype)
        u = tl.dot(weights, v, input_precision=PRECISION)  # for (2)
        place = (image * N + rows)[:, None] * D + channels[None, :]
        tl.store(update + place, u.to(v.dtype), mask=real)


@triton.jit
def pool_kernel(
    tokens, scores, padding, pooled, log_sum,
    N, B, SHARE,
    H: tl.constexpr, K: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of a head, a share of an image's tokens and some channels: pooled tokens."""
    chunk, share = tl.program_id(0), tl.program_id(1)
    image, head = (tl.program_id(2) // H).to(tl.int64), tl.program_id(2) % H
    slots = head * K + tl.arange(0, K)
    channels = chunk * CHUNK + tl.arange(0, CHUNK)
    D: tl.constexpr = H * C

    top = tl.full((K,), -1e30, tl.float32)
    total = tl.zeros((K,), tl.float32)
    acc = tl.zeros((K, CHUNK), tl.float32)
    end = tl.minimum((share + 1) * SHARE, N)
    for start in range(share * SHARE, end, TILE):
        rows = start + tl.arange(0, TILE)
        real = rows < end
        if padding is not None:
            real = real & (tl.load(padding + image * N + rows, mask=real, other=1) == 0)
        place = (image * N + rows)[None, :] * (H * K) + slots[:, None]
        a = tl.load(scores + place, mask=real[None, :], other=float('-inf'))
        a = a.to(tl.float32)
        place = (image * N + rows)[:, None] * D + channels[None, :]
        x = tl.load(tokens + place, mask=real[:, None], other=0.0)
        new_top = tl.maximum(top, tl.max(a, 1))
        weights = tl.exp(a - new_top[:, None])
        shrink = tl.exp(top - new_top)
        total = total * shrink + tl.sum(weights, 1)
        acc *= shrink[:, None]
        acc = tl.dot(weights.to(x.dtype), x, acc, input_precision=PRECISION)
        top = new_top

    acc /= tl.where(total > 0, total, 1.0)[:, None]  # nothing but padding: 0
    place = ((share * H + head) * B + image) * K + tl.arange(0, K)
    pooled += place[:, None] * D + channels[None, :]
    tl.store(pooled, acc.to(pooled.dtype.element_ty))  # for (3)
    if chunk == 0:
        tl.store(log_sum + place, top + tl.log(total))


@triton.jit
def grad_scores_kernel(
    tokens, values, scores, padding, log_sum,
    grad_scores, grad_update, grad_pooled, inner, grad,
    N, B, pooled_image, pooled_head, values_image, values_slot,
    H: tl.constexpr, K: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of a head and a tile of an image's tokens: the gradient of the scores."""
    head, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    rows = tl.program_id(1) * TILE + tl.arange(0, TILE)
    real = (rows < N)[:, None]
    slots = head * K + tl.arange(0, K)
    D: tl.constexpr = H * C
    place = (image * N + rows)[:, None] * (H * K) + slots[None, :]
    tokens += (image * N + rows)[:, None] * D
    a = tl.load(scores + place, mask=real, other=0.0).to(tl.float32)

    grad_pooled += image * pooled_image + head * pooled_head
    grad_pooled += tl.arange(0, K)[None, :] * D
    change = tl.zeros((TILE, K), tl.float32)  # of the weights over tokens
    for start in range(0, D, CHUNK):
        channels = start + tl.arange(0, CHUNK)
        x = tl.load(tokens + channels[None, :], mask=real, other=0.0)
        g = tl.load(grad_pooled + channels[:, None])
        change = tl.dot(x, g, change, input_precision=PRECISION)
    of_slots = (head * B + image) * K + tl.arange(0, K)
    change -= tl.load(inner + of_slots)[None, :]
    read = _read(padding, image, rows, N)
    total = _over_tokens(a, log_sum + of_slots, read) * change

    if grad_update is not None:
        channels = head * C + tl.arange(0, C)
        grad_update += (image * N + rows)[:, None] * D
        g = tl.load(grad_update + channels[None, :], mask=real, other=0.0)
        values += image * values_image + tl.arange(0, K)[None, :] * values_slot
        v = tl.load(values + channels[:, None])
        change = tl.dot(g, v, input_precision=PRECISION)
        weights = _softmax(a, 1)
        total += weights * (change - tl.sum(weights * change, 1)[:, None])
    if grad_scores is not None:
        total += tl.load(grad_scores + place, mask=real, other=0.0).to(tl.float32)
    tl.store(grad + place, total.to(grad.dtype.element_ty), mask=real)


@triton.jit
def grad_tokens_kernel(
    keys, scores, padding, log_sum, grad_scores, grad_pooled, grad,
    N, B, keys_image, keys_head, pooled_image, pooled_head,
    H: tl.constexpr, K: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of a tile of an image's tokens and some channels: the gradient of the tokens."""
    chunk, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    rows = tl.program_id(1) * TILE + tl.arange(0, TILE)
    real = (rows < N)[:, None]
    channels = chunk * CHUNK + tl.arange(0, CHUNK)
    D: tl.constexpr = H * C
    read = _read(padding, image, rows, N)
    slots = tl.arange(0, K)
    keys += image * keys_image + slots[:, None] * D + channels[None, :]
    grad_pooled += image * pooled_image + slots[:, None] * D + channels[None, :]
    log_sum += image * K + slots
    acc = tl.zeros((TILE, CHUNK), tl.float32)
    for head in range(H):
        place = (image * N + rows)[:, None] * (H * K) + head * K + slots[None, :]
        g = tl.load(grad_scores + place, mask=real, other=0.0)
        k = tl.load(keys + head * keys_head)
        acc = tl.dot(g, k, acc, input_precision=PRECISION)
        a = tl.load(scores + place, mask=real, other=0.0).to(tl.float32)
        weights = _over_tokens(a, log_sum + head * B * K, read)
        g = tl.load(grad_pooled + head * pooled_head)
        acc = tl.dot(weights.to(g.dtype), g, acc, input_precision=PRECISION)
    place = (image * N + rows)[:, None] * D + channels[None, :]
    tl.store(grad + place, acc.to(grad.dtype.element_ty), mask=real)


@triton.jit
def grad_values_kernel(
    scores, grad_update, grad,
    N, B, SHARE,
    H: tl.constexpr, K: tl.constexpr, C: tl.constexpr,
    TILE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Of a head and a share of an image's tokens: the gradient of the values."""
    head, share, image = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    image = image.to(tl.int64)
    slots, channels = tl.arange(0, K), head * C + tl.arange(0, C)
    acc = tl.zeros((K, C), tl.float32)
    end = tl.minimum((share + 1) * SHARE, N)
    for start in range(share * SHARE, end, TILE):
        rows = start + tl.arange(0, TILE)
        real = rows < end
        place = (image * N + rows)[None, :] * (H * K) + head * K + slots[:, None]
        a = tl.load(scores + place, mask=real[None, :], other=0.0).to(tl.float32)
        place = (image * N + rows)[:, None] * (H * C) + channels[None, :]
        g = tl.load(grad_update + place, mask=real[:, None], other=0.0)
        weights = _softmax(a, 0).to(g.dtype)
        acc = tl.dot(weights, g, acc, input_precision=PRECISION)
    place = ((share * B + image) * K + slots)[:, None] * (H * C) + channels[None, :]
    tl.store(grad + place, acc.to(grad.dtype.element_ty))


@triton.jit
def _softmax(a, axis: tl.constexpr):
    weights = tl.exp(a - tl.expand_dims(tl.max(a, axis), axis))
    return weights / tl.expand_dims(tl.sum(weights, axis), axis)


@triton.jit
def _read(padding, image, rows, N):
    """Whether slots read a token, (TILE, 1)."""
    read = rows < N
    if padding is not None:
        read = read & (tl.load(padding + image * N + rows, mask=read, other=1) == 0)
    return read[:, None]


@triton.jit
def _over_tokens(a, log_sum, read):
    """The softmax over tokens of a tile of them, (TILE, K), computed again."""
    return tl.where(read, tl.exp(a - tl.load(log_sum)[None, :]), 0.0)


# TRITON_INTERPRET=1 makes something else of them, which runs on CPUs.
INTERPRETED = not isinstance(attend_kernel, triton.JITFunction)


@torch.library.custom_op('wwt_mm::attend', mutates_args=())
def attend(
    tokens: Tensor,
    keys: Tensor,
    shift: Tensor,
    masks: Tensor | None,
    values: Tensor,
    padding: Tensor | None,
    slots_only: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores, what tokens read of slots, and what slots read of tokens.

    All of one dtype (float32, float16 or bfloat16) but ``padding``. Gradients reach
    all that are not ``padding``.

    Args:
        tokens: Normalised tokens, ``(B, N, D)``.
        keys: Slots' keys in the space of the tokens, scaled, ``(B, H, K, D)``.
        shift: What the projection's bias adds to the scores, ``(B, H, K)``.
        masks: ``(B, N, H * K)``; ``None`` means zeros.
        values: Slots' values, ``(B, K, H, C)``.
        padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.
        slots_only: Whether to leave out what tokens read.

    Returns:
        The scores ``(B, N, H * K)``; what tokens read ``(B, N, D)``, empty with
        ``slots_only``; what slots read, not yet projected, ``(B, H, K, D)``; and the
        logarithm of the sum over tokens of exponentiated scores, ``(H, B, K)``, which
        is for the gradients only.

    Raises:
        ConfigError: If these kernels do not run on the tensors' device, or not for
            their dtype or sizes.
    """
    _check(tokens, values)
    tokens, shift, keys = tokens.contiguous(), shift.contiguous(), _rows(keys)
    values = _rows(values)
    masks = None if masks is None else masks.contiguous()
    sizes, tile = _sizes(tokens, values), _tile(tokens, values.shape[1])
    batch, length, dims = tokens.shape
    _, heads, slots, _ = keys.shape

    scores = tokens.new_empty(batch, length, heads * slots)
    update = tokens.new_empty(0) if slots_only else torch.empty_like(tokens)
    attend_kernel[heads, triton.cdiv(length, tile), batch](
        tokens, keys, shift, masks, values, scores, None if slots_only else update,
        length, *keys.stride()[:2], *values.stride()[:2],
        **sizes, **_channels(tokens, slots, 64), TILE=tile, num_stages=3,
    )  # fmt: skip

    channels = _channels(tokens, slots, 128)
    chunks = dims // channels['CHUNK']
    shares, share = cut_tokens(length, chunks * batch * heads, tile)
    dtype = tokens.dtype if shares == 1 else torch.float32
    # Head by head, as the product that projects them wants it.
    pooled = tokens.new_empty(shares, heads, batch, slots, dims, dtype=dtype)
    log_sum = tokens.new_empty(pooled.shape[:-1], dtype=torch.float32)
    pool_kernel[chunks, shares, batch * heads](
        tokens, scores, padding, pooled, log_sum,
        length, batch, share,
        **sizes, **channels, TILE=tile, num_stages=3,
    )  # fmt: skip
    if shares == 1:
        pooled, log_sum = pooled[0], log_sum[0]
    else:
        pooled = (pooled * log_sum.softmax(0).unsqueeze(-1)).sum(0).to(tokens.dtype)
        log_sum = log_sum.logsumexp(0)
    return scores, update, pooled.transpose(0, 1), log_sum


@torch.library.custom_op('wwt_mm::attend_backward', mutates_args=())
def attend_backward(
    grad_scores: Tensor | None,
    grad_update: Tensor | None,
    grad_pooled: Tensor,
    tokens: Tensor,
    keys: Tensor,
    values: Tensor,
    padding: Tensor | None,
    scores: Tensor,
    pooled: Tensor,
    log_sum: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of tokens, keys, shift, masks and values of :func:`attend`.

    Shapes are those of :func:`attend`; gradients that are ``None`` are zeros.
    """
    grad_scores = None if grad_scores is None else grad_scores.contiguous()
    grad_update = None if grad_update is None else grad_update.contiguous()
    tokens, keys, values = tokens.contiguous(), _rows(keys), _rows(values)
    grad_pooled = _rows(grad_pooled)
    sizes, tile = _sizes(tokens, values), _tile(tokens, values.shape[1])
    batch, length, dims = tokens.shape
    _, heads, slots, _ = keys.shape
    tiles, channels = triton.cdiv(length, tile), _channels(tokens, slots, 64)

    # A softmax's gradient: weights times what is above their own mean of the change.
    inner = (grad_pooled * pooled).sum(-1, dtype=torch.float32)
    inner = inner.transpose(0, 1).contiguous()
    grad = torch.empty_like(scores)
    grad_scores_kernel[heads, tiles, batch](
        tokens, values, scores, padding, log_sum,
        grad_scores, grad_update, grad_pooled, inner, grad,
        length, batch, *grad_pooled.stride()[:2], *values.stride()[:2],
        **sizes, **channels, TILE=tile, num_stages=2,
    )  # fmt: skip
    grad_tokens = torch.empty_like(tokens)
    grad_tokens_kernel[dims // channels['CHUNK'], tiles, batch](
        keys, scores, padding, log_sum, grad, grad_pooled, grad_tokens,
        length, batch, *keys.stride()[:2], *grad_pooled.stride()[:2],
        **sizes, **channels, TILE=tile, num_stages=2,
    )  # fmt: skip
    grad_keys, grad_shift = grad.mT @ tokens, grad.sum(1)
    grad_values = _grad_values(scores, grad_update, values, sizes, tile)
    by_head = heads, -1
    grad_keys, grad_shift = (t.unflatten(1, by_head) for t in (grad_keys, grad_shift))
    return grad_tokens, grad_keys, grad_shift, grad, grad_values


def _grad_values(scores, grad_update, values, sizes, tile) -> Tensor:
    if grad_update is None:
        return values.new_zeros(values.shape)
    batch, length, _ = scores.shape
    _, slots, _, channels = values.shape
    shares, share = cut_tokens(length, batch * sizes['H'], tile)
    dtype = values.dtype if shares == 1 else torch.float32
    grad = values.new_empty(shares, *values.shape, dtype=dtype)
    grad_values_kernel[sizes['H'], shares, batch](
        scores, grad_update, grad,
        length, batch, share,
        **sizes, TILE=tile, num_warps=_warps(values, slots * channels),
    )  # fmt: skip
    return grad[0] if shares == 1 else grad.sum(0).to(values.dtype)


@attend.register_fake
def _(tokens, keys, shift, masks, values, padding, slots_only):
    batch, length, dims = tokens.shape
    _, heads, slots, _ = keys.shape
    pooled = tokens.new_empty(heads, batch, slots, dims)
    return (
        tokens.new_empty(batch, length, heads * slots),
        tokens.new_empty(0) if slots_only else tokens.new_empty(tokens.shape),
        pooled.transpose(0, 1),
        tokens.new_empty(pooled.shape[:-1], dtype=torch.float32),
    )


@attend_backward.register_fake
def _(_scores, _update, _pooled, tokens, keys, values, padding, scores, *_):
    like = tokens, keys, keys[..., 0], scores, values
    return tuple(tokens.new_empty(tensor.shape) for tensor in like)


def _setup_context(ctx, inputs, output) -> None:
    tokens, keys, _, masks, values, padding, slots_only = inputs
    scores, _, pooled, log_sum = output
    ctx.save_for_backward(tokens, keys, values, padding, scores, pooled, log_sum)
    ctx.has_masks, ctx.slots_only = masks is not None, slots_only
    ctx.set_materialize_grads(False)


def _backward(ctx, grad_scores, grad_update, grad_pooled, _):
    if grad_pooled is None:
        grad_pooled = torch.zeros_like(ctx.saved_tensors[5])
    grads = grad_scores, None if ctx.slots_only else grad_update, grad_pooled
    *grads, masks, values = attend_backward(*grads, *ctx.saved_tensors)
    return *grads, masks if ctx.has_masks else None, values, None, None


attend.register_autograd(_backward, setup_context=_setup_context)


def _check(tokens: Tensor, values: Tensor) -> None:
    _, slots, _, channels = values.shape
    if not (tokens.is_cuda or INTERPRETED):
        raise ConfigError(
            f"attention='fused' needs a GPU, these tensors are on {tokens.device}: "
            "choose attention='eager'"
        )
    if tokens.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ConfigError(
            f"attention='fused' cannot compute in {tokens.dtype}: choose "
            "attention='eager', or float32, float16 or bfloat16"
        )
    if any(n < 16 or n & (n - 1) for n in (slots, channels)):
        raise ConfigError(
            "attention='fused' needs powers of two from 16 as the number of slots, "
            f'not {slots}, and as embed_dims / num_heads, not {channels}: choose '
            "attention='eager'"
        )


def _rows(tensor: Tensor) -> Tensor:
    """With its last two axes contiguous, as the kernels read it."""
    strided = tensor.stride()[-2:] != (tensor.shape[-1], 1)
    return tensor.contiguous() if strided else tensor


def _sizes(tokens: Tensor, values: Tensor) -> dict:
    _, slots, heads, channels = values.shape
    highest = torch.get_float32_matmul_precision() == 'highest'
    precision = 'ieee' if highest else 'tf32'
    return dict(H=heads, K=slots, C=channels, PRECISION=precision)


def _tile(tokens: Tensor, slots: int) -> int:
    """Tokens of a program at a time."""
    return 2048 // max(slots, 64) if tokens.dtype == torch.float32 else 64


def _channels(tokens: Tensor, slots: int, most: int) -> dict:
    """Channels of a program at a time: the largest power of two that divides them."""
    dims = tokens.shape[-1]
    chunk = min(dims & -dims, most)
    return dict(CHUNK=chunk, num_warps=_warps(tokens, slots * chunk))


def _warps(tokens: Tensor, held: int) -> int:
    """So many that registers suffice; tools/analysis_tools/compile_kernels.py tells."""
    return 4 if held * tokens.element_size() <= 8192 else 8


def cut_tokens(length: int, programs: int, tile: int) -> tuple[int, int]:
    """In how many shares to cut the tokens, and how many tokens each has."""
    shares = min(-(-ENOUGH_PROGRAMS // programs), -(-length // (2 * tile)))
    share = -(-length // (shares * tile)) * tile
    return -(-length // share), share
