# SPDX-License-Identifier: Apache-2.0
"""The network, in the shape that GGUF calls `qwen3`.

RMSNorm before attention and before the feed-forward block, grouped-query
attention with a norm on every query and key head, half-split rotary positions,
SwiGLU, no biases, and an output head tied to the embedding table.
"""
from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

SHORT_ROW = 320


@dataclass
class Shape:
    """Every number that the file format needs; rows are multiples of 256."""

    vocab: int = 4096
    width: int = 256
    layers: int = 8
    heads: int = 8
    kv_heads: int = 4
    head_size: int = 32
    ff: int = 768
    rope_base: float = 10000.0
    eps: float = 1e-6
    context: int = 4096

    def as_dict(self):
        """Plain dictionary for the checkpoint file."""
        return asdict(self)


class Norm(nn.Module):
    """RMSNorm with a learned gain."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rope_tables(positions, head_size, base):
    """cos and sin of shape [batch, 1, time, head_size/2], in float32."""
    half = head_size // 2
    inverse = base ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = positions.float()[:, None, :, None] * inverse.to(positions.device)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Turns the pairs (i, i + half) of each head; `cos` and `sin` from rope_tables."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1)


class Attention(nn.Module):
    """Causal grouped-query attention with per-head query and key norms."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        self.q = nn.Linear(s.width, s.heads * s.head_size, bias=False)
        self.k = nn.Linear(s.width, s.kv_heads * s.head_size, bias=False)
        self.v = nn.Linear(s.width, s.kv_heads * s.head_size, bias=False)
        self.o = nn.Linear(s.heads * s.head_size, s.width, bias=False)
        self.q_norm = Norm(s.head_size, s.eps)
        self.k_norm = Norm(s.head_size, s.eps)

    def forward(self, x, cos, sin, cache=None):
        s, (b, t, _) = self.s, x.shape
        q = self.q_norm(self.q(x).view(b, t, s.heads, s.head_size)).transpose(1, 2)
        k = self.k_norm(self.k(x).view(b, t, s.kv_heads, s.head_size)).transpose(1, 2)
        v = self.v(x).view(b, t, s.kv_heads, s.head_size).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            k, v = cache.append(self, k, v)
        y = self.mix(q, k, v, cache.mask if cache is not None else None, cache is None)
        return self.o(y.transpose(1, 2).reshape(b, t, s.heads * s.head_size))

    def mix(self, q, k, v, mask, is_causal):
        """Softmax attention. Short rows on the CPU go through plain products, which are
        about twice as fast there as the fused kernel with its backward pass."""
        b, heads, t, size = q.shape
        group = heads // k.shape[1]
        if q.device.type != "cpu" or not is_causal or t > SHORT_ROW:
            k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal)
        q = q.reshape(b, k.shape[1], group * t, size)
        scores = q @ k.transpose(-2, -1) * size ** -0.5
        future = torch.ones(t, t, dtype=torch.bool).triu(1).repeat(group, 1)
        scores = scores.masked_fill(future, float("-inf"))
        weights = torch.softmax(scores.float(), dim=-1).to(v.dtype)
        return (weights @ v).reshape(b, heads, t, size)


class Block(nn.Module):
    """One layer: attention and SwiGLU, each added to its input."""

    def __init__(self, s):
        super().__init__()
        self.attn_norm = Norm(s.width, s.eps)
        self.attn = Attention(s)
        self.ffn_norm = Norm(s.width, s.eps)
        self.gate = nn.Linear(s.width, s.ff, bias=False)
        self.up = nn.Linear(s.width, s.ff, bias=False)
        self.down = nn.Linear(s.ff, s.width, bias=False)

    def forward(self, x, cos, sin, cache=None):
        x = x + self.attn(self.attn_norm(x), cos, sin, cache)
        y = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Model(nn.Module):
    """Token ids in, hidden states out; `logits` applies the tied head."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.eps)
        self.reset()

    def reset(self):
        """Small normal weights; layers that write to the residual start at zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features ** -0.5)
        nn.init.normal_(self.embed.weight, std=0.03)
        for block in self.blocks:
            nn.init.zeros_(block.attn.o.weight)
            nn.init.zeros_(block.down.weight)

    def forward(self, ids, positions, cache=None):
        """Hidden states [batch, time, width] after the last norm."""
        cos, sin = rope_tables(positions, self.shape.head_size, self.shape.rope_base)
        x = self.embed(ids)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        for block in self.blocks:
            x = block(x, cos, sin, cache)
        return self.norm(x)

    def logits(self, hidden):
        """Scores over the vocabulary; the head is the embedding table."""
        return F.linear(hidden, self.embed.weight.to(hidden.dtype))


class Cache:
    """Keys and values of one batch of sequences, for greedy decoding."""

    def __init__(self):
        self.store = {}
        self.mask = None

    def append(self, layer, k, v):
        """Adds the new keys and values of one layer; returns all of them."""
        if layer in self.store:
            old_k, old_v = self.store[layer]
            k, v = torch.cat((old_k, k), dim=2), torch.cat((old_v, v), dim=2)
        self.store[layer] = (k, v)
        return k, v
