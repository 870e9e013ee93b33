"""Equations (1) to (7) written out with loops, in float64, from the design's text."""

import math

import torch


def layer_norm(x, weight, bias, eps=1e-6):
    out = torch.empty_like(x)
    for i, row in enumerate(x):
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        out[i] = (row - mean) / math.sqrt(variance + eps) * weight + bias
    return out


def linear(x, weight, bias):
    out = x.new_empty(len(x), len(weight))
    for i in range(len(x)):
        for j in range(len(weight)):
            out[i, j] = sum(x[i, c] * weight[j, c] for c in range(x.shape[1])) + bias[j]
    return out


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def softmax(values):
    peak = max(values)
    exps = [math.exp(value - peak) for value in values]
    return [value / sum(exps) for value in exps]


def block(
    params,
    tokens,
    slots,
    masks,
    num_heads,
    mask_mlp=True,
    padding=(),
    normed_scores=False,
):
    """One block on one image.

    Args:
        params: State dict of a ``WhatWhereBlock``.
        tokens: X, (N, D).
        slots: S, (K, D).
        masks: M, (H, N, K).
        padding: Indices of tokens that no slot may read.
        normed_scores: Whether MLP_m reads each token's scores normalised.
    """
    num_tokens, dims = tokens.shape
    num_slots, size = len(slots), tokens.shape[1] // num_heads

    def norm(name, x):
        return layer_norm(x, params[f'{name}.weight'], params[f'{name}.bias'])

    def dense(name, x):
        return linear(x, params[f'{name}.weight'], params[f'{name}.bias'])

    xn, sn = norm('norm_tokens', tokens), norm('norm_slots', slots)
    token_qv, slot_kv = dense('attn.token_qv', xn), dense('attn.slot_kv', sn)
    q, xv = token_qv[:, :dims], token_qv[:, dims:]
    k, sv = slot_kv[:, :dims], slot_kv[:, dims:]

    scores = torch.empty(num_heads, num_tokens, num_slots, dtype=tokens.dtype)
    new_tokens, new_slots = tokens.clone(), slots.clone()
    for h in range(num_heads):
        own = slice(h * size, (h + 1) * size)
        for n in range(num_tokens):
            for s in range(num_slots):
                dot = sum(a * b for a, b in zip(q[n, own], k[s, own]))
                scores[h, n, s] = dot / math.sqrt(size) + masks[h, n, s]  # (1)
        for n in range(num_tokens):  # (2)
            weights = softmax(scores[h, n].tolist())
            for s in range(num_slots):
                new_tokens[n, own] += weights[s] * sv[s, own]
        readable = [n for n in range(num_tokens) if n not in padding]
        for s in range(num_slots):  # (3)
            weights = softmax([scores[h, n, s].item() for n in readable])
            for weight, n in zip(weights, readable):
                new_slots[s, own] += weight * xv[n, own]

    def mlp(name, x):
        return dense(f'{name}.3', gelu(dense(f'{name}.0', x)))

    normed = norm('norm_tokens_mlp', new_tokens)
    out_tokens = new_tokens + mlp('mlp_tokens', normed)  # (4)
    out_slots = new_slots + mlp('mlp_slots', norm('norm_slots_mlp', new_slots))  # (5)
    if not mask_mlp:
        return out_tokens, out_slots, scores
    read = torch.cat(list(scores), dim=1)  # (N, H*K)
    if normed_scores:
        read = layer_norm(read, 1, 0, eps=1e-5)
    concatenated = torch.cat([read, normed], dim=1)  # (N, H*K + D)
    flat = mlp('mlp_masks', concatenated)  # (6)
    out_masks = torch.stack(
        [flat[:, h * num_slots : (h + 1) * num_slots] for h in range(num_heads)]
    )
    return out_tokens, out_slots, out_masks


def reassemble(masks, slots, heads='mean'):
    """Eq. (7): F = M S. (H, N, K) and (K, D) to (N, D).

    M is the mean over heads, or each head's, for its own group of channels.
    """
    num_heads, num_tokens, num_slots = masks.shape
    dims = slots.shape[1]
    features = torch.zeros(num_tokens, dims, dtype=slots.dtype)
    if heads == 'each':
        for n in range(num_tokens):
            for c in range(dims):
                own = c // (dims // num_heads)
                for s in range(num_slots):
                    features[n, c] += masks[own, n, s] * slots[s, c]
        return features
    for n in range(num_tokens):
        for s in range(num_slots):
            mask = sum(masks[h, n, s] for h in range(num_heads)) / num_heads
            features[n] += mask * slots[s]
    return features
