# SPDX-License-Identifier: Apache-2.0
"""Trains the model on packed dialogues, on a GPU if there is one, else on the CPU.

Dialogues of like length share a batch, so nothing crosses from one dialogue into
another and little is padded. The rate warms up, stays, and falls to zero over the
last part of the budget, which may be given in minutes or in steps; give steps for
a run that is to be repeated exactly.
"""
import argparse
import glob
import math
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F

from model import Model, Shape
from muon import Muon

POOL = 6000              # dialogues that are sorted by length together
OTHER_SHARE = 0.15       # of the tokens that are not the assistant's, so many are scored
OTHER_WEIGHT = 0.3
JUMP_SHARE = 0.15        # of the dialogues, so many get gaps in their positions
WARMUP_STEPS = 60


def shards(folder, seed):
    """Endless arrays from the folder: always one of the least used files, so that files
    may be added or replaced while the training runs."""
    rng, used = random.Random(seed), {}
    while True:
        names = sorted(glob.glob(os.path.join(folder, "*.npz")))
        least = min(used.get(name, 0) for name in names)
        name = rng.choice([n for n in names if used.get(n, 0) == least])
        used[name] = used.get(name, 0) + 1
        yield dict(np.load(name))


def microbatches(folder, seed, tokens, device):
    """Lists of (ids, learned) pairs of like length, `tokens` padded tokens at most."""
    rng = random.Random(seed + 1)
    for shard in shards(folder, seed):
        starts = shard["starts"]
        order = list(range(len(starts) - 1))
        rng.shuffle(order)
        for at in range(0, len(order), POOL):
            pool = sorted(order[at:at + POOL], key=lambda i: starts[i + 1] - starts[i])
            groups, group = [], []
            for i in pool:
                length = rounded(starts[i + 1] - starts[i])
                if group and (len(group) + 1) * length > tokens:
                    groups.append(group)
                    group = []
                group.append(i)
            groups.append(group)
            rng.shuffle(groups)
            for group in groups:
                yield tensors(shard, group, rng, device)


def rounded(length):
    """Multiples of 16, so that few shapes occur: kernels and buffers are made once per shape."""
    return -(-length // 16) * 16 + 1


def tensors(shard, group, rng, device):
    """Inputs, positions, targets and weights of one micro-batch."""
    starts = shard["starts"]
    longest = rounded(max(starts[i + 1] - starts[i] for i in group))
    ids = np.zeros((len(group), longest), np.int64)
    weight = np.zeros((len(group), longest), np.float32)
    gaps = np.ones((len(group), longest), np.int64)
    for row, i in enumerate(group):
        part = slice(starts[i], starts[i + 1])
        size = starts[i + 1] - starts[i]
        ids[row, :size] = shard["ids"][part]
        weight[row, :size] = np.where(shard["learned"][part], 1.0, OTHER_WEIGHT)
        if rng.random() < JUMP_SHARE:
            add_jumps(gaps[row], size, rng)
    noise = np.random.default_rng(rng.getrandbits(32)).random(weight.shape)
    weight[(weight < 1.0) & (noise > OTHER_SHARE)] = 0
    positions = np.cumsum(gaps, axis=1) - 1
    make = lambda a: torch.from_numpy(a).to(device)
    return (make(ids[:, :-1]), make(positions[:, :-1]), make(ids[:, 1:]), make(weight[:, 1:]))


def add_jumps(gaps, size, rng):
    """Gaps in the positions, so that distances up to the context length are met."""
    room = 4000 - size
    for _ in range(rng.randrange(1, 4)):
        if room > 1:
            jump = rng.randrange(room)
            gaps[rng.randrange(size)] += jump
            room -= jump


def loss_of(model, batch, use_bf16):
    """Sum of weighted losses and sum of weights; only scored positions reach the head."""
    ids, positions, targets, weight = batch
    chosen = weight.reshape(-1).nonzero().squeeze(1)
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=use_bf16):
        hidden = model(ids, positions)
        logits = model.logits(hidden.reshape(-1, hidden.shape[-1])[chosen])
    losses = F.cross_entropy(logits.float(), targets.reshape(-1)[chosen], reduction="none")
    scale = weight.reshape(-1)[chosen]
    return (losses * scale).sum(), scale.sum()


def rate_factor(step, progress, decay_from):
    """Warm up, stay, then fall in a straight line to zero."""
    factor = min(1.0, (step + 1) / WARMUP_STEPS)
    if progress > decay_from:
        factor *= max(0.0, (1 - progress) / (1 - decay_from))
    return factor


def optimizers(model, options):
    """Muon for the matrices of the blocks, AdamW for the embedding and the gains."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and n.startswith("blocks")]
    table = [model.embed.weight]
    gains = [p for p in model.parameters() if p.ndim == 1]
    adam = torch.optim.AdamW([{"params": table, "lr": options.adam_lr, "weight_decay": 0.01},
                              {"params": gains, "lr": options.adam_lr, "weight_decay": 0.0}],
                             betas=(0.9, 0.97), eps=1e-8)
    both = [Muon(matrices, lr=options.muon_lr), adam]
    for optimizer in both:
        for group in optimizer.param_groups:
            group["full_lr"] = group["lr"]
    return both


def save(path, model, both, step, seen, minutes):
    """A checkpoint, written beside and then moved, so that readers never see half of it."""
    state = {"shape": model.shape.as_dict(), "model": model.state_dict(), "step": step,
             "tokens": seen,
             "minutes": minutes, "optimizers": [o.state_dict() for o in both]}
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def load_model(path, device="cpu"):
    """Model and the whole state of a checkpoint."""
    state = torch.load(path, map_location=device, weights_only=True)
    model = Model(Shape(**state["shape"])).to(device)
    model.load_state_dict(state["model"])
    return model, state


def parse():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--out", required=True, help="checkpoint to write")
    parser.add_argument("--resume", help="checkpoint to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=0, help="overrides --minutes")
    parser.add_argument("--decay-from", type=float, default=0.65, help="share of the budget")
    parser.add_argument("--step-tokens", type=int, default=8192)
    parser.add_argument("--micro-tokens", type=int, default=2048)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=0.004)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--ff", type=int, default=768)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=0, help="0: by the load of the machine")
    parser.add_argument("--workers", type=int, default=1,
                        help="processes of one thread each that share the weights; better than "
                             "threads on a busy machine, but not exactly repeatable")
    parser.add_argument("--save-minutes", type=float, default=3)
    return parser.parse_args()


def use_threads(wanted):
    """All cores while the machine is ours; one while others work on it, because threads
    that wait for each other at the end of every product lose most of their time then."""
    if not wanted:
        cores = os.cpu_count() or 1
        wanted = cores if os.getloadavg()[0] < 1.75 * cores else 1
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


def keep_rates(optimizer, saved):
    """State of a checkpoint, but the rates of the command line."""
    rates = [group["full_lr"] for group in optimizer.param_groups]
    optimizer.load_state_dict(saved)
    for group, rate in zip(optimizer.param_groups, rates):
        group["full_lr"] = rate


def begin(options, device):
    """A fresh or a resumed model; the state is None for a fresh one."""
    if options.resume:
        return load_model(options.resume, device)
    torch.manual_seed(options.seed)
    shape = Shape(vocab=options.vocab, width=options.width, layers=options.layers, ff=options.ff,
                  heads=options.width // 32, kv_heads=options.width // 64)
    return Model(shape).to(device), None


def one_step(model, both, batches, options, use_bf16, factor):
    """Gradients of several micro-batches, then one update. Returns mean loss and tokens."""
    total, weight, tokens = 0.0, 0.0, 0
    while tokens < options.step_tokens:
        batch = next(batches)
        loss, scale = loss_of(model, batch, use_bf16)
        loss.backward()
        total, weight, tokens = total + loss.item(), weight + scale.item(), tokens + batch[
                0].numel()
    for p in model.parameters():
        if p.grad is not None:
            p.grad.div_(weight)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in both:
        for group in optimizer.param_groups:
            group["lr"] = group["full_lr"] * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total / weight, tokens


def follow(worker, model, options, state, counts):
    """The loop of one worker. Workers share the weights and update them without waiting
    for each other; `counts` holds their common steps and tokens, and worker 0 reports."""
    device = model.embed.weight.device
    use_threads(1 if options.workers > 1 else options.threads)
    both = optimizers(model, options)
    if state:
        for optimizer, saved in zip(both, state["optimizers"]):
            keep_rates(optimizer, saved)
    first_step, first_seen = counts[0].item(), counts[1].item()
    batches = microbatches(options.data, options.seed + first_step + 7919 * worker,
                           options.micro_tokens, device)
    started = saved_at = time.monotonic()
    smooth, own_steps = None, 0
    before = state["minutes"] if state else 0.0
    while True:
        minutes = (time.monotonic() - started) / 60
        done = counts[0].item() - first_step
        progress = done / options.steps if options.steps else minutes / options.minutes
        if progress >= 1:
            break
        factor = rate_factor(done + (WARMUP_STEPS if state else 0), progress, options.decay_from)
        loss, tokens = one_step(model, both, batches, options, True, factor)
        counts[0] += 1
        counts[1] += tokens
        own_steps += 1
        smooth = loss if smooth is None or math.isnan(smooth) else 0.97 * smooth + 0.03 * loss
        if device.type == "cpu" and options.workers == 1:
            use_threads(options.threads)
        if worker == 0 and own_steps % 20 == 0:
            speed = (counts[1].item() - first_seen) / (time.monotonic() - started)
            print(f"step {counts[0].item()} loss {smooth:.4f} tokens {counts[1].item() / 1e6:.2f}M "
                  f"{speed:.0f}/s {minutes:.1f} min rate {factor:.2f}", flush=True)
        if worker == 0 and time.monotonic() - saved_at > options.save_minutes * 60:
            save(options.out, model, both, counts[0].item(), counts[1].item(), before + minutes)
            saved_at = time.monotonic()
    if worker == 0:
        minutes = (time.monotonic() - started) / 60
        save(options.out, model, both, counts[0].item(), counts[1].item(), before + minutes)
        print(f"done: {counts[0].item()} steps, {counts[1].item()} tokens", flush=True)


def main():
    """Sets the model up and starts the workers."""
    options = parse()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        options.workers = 1
    torch.set_float32_matmul_precision("high")
    model, state = begin(options, device)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters on {device}, {options.workers} workers",
          flush=True)
    start = [state["step"], state["tokens"]] if state else [0, 0]
    counts = torch.tensor(start, dtype=torch.int64).share_memory_()
    if options.workers == 1:
        follow(0, model, options, state, counts)
    else:
        model.share_memory()
        torch.multiprocessing.spawn(follow, (model, options, state, counts), options.workers)


if __name__ == "__main__":
    main()
