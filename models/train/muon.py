# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices of the blocks: momentum whose update is made orthogonal.

Small models learn clearly faster with it than with AdamW alone. Matrices of one
shape are stacked, so that a step is a few batched products (Newton-Schulz, five
rounds, in bfloat16). Source: K. Jordan et al., "Muon", 2024.
"""
import torch

ROUNDS = 5
A, B, C = 3.4445, -4.7750, 2.0315


def orthogonal(stack):
    """Each matrix of the stack with its singular values moved close to one."""
    x = stack.bfloat16()
    flip = x.shape[-2] > x.shape[-1]
    if flip:
        x = x.transpose(-2, -1)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.transpose(-2, -1)
        x = A * x + (B * square + C * square @ square) @ x
    if flip:
        x = x.transpose(-2, -1)
    return x.float()


class Muon(torch.optim.Optimizer):
    """`lr` is the spectral size of a step; weight decay is decoupled."""

    def __init__(self, matrices, lr=0.02, momentum=0.95, decay=0.01):
        super().__init__(list(matrices), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        """One update of all matrices."""
        for group in self.param_groups:
            by_shape = {}
            for p in group["params"]:
                if p.grad is not None:
                    by_shape.setdefault(tuple(p.shape), []).append(p)
            for shape, params in by_shape.items():
                self.update(group, shape, params)

    def update(self, group, shape, params):
        """The matrices of one shape."""
        moved = []
        for p in params:
            state = self.state[p]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(p)
            state["momentum"].lerp_(p.grad, 1 - group["momentum"])
            moved.append(p.grad.lerp(state["momentum"], group["momentum"]))
        steps = orthogonal(torch.stack(moved))
        scale = max(1.0, shape[0] / shape[1]) ** 0.5
        for p, one in zip(params, steps):
            p.mul_(1 - group["lr"] * group["decay"])
            p.add_(one, alpha=-group["lr"] * scale)
