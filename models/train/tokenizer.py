# SPDX-License-Identifier: Apache-2.0
"""Byte-level BPE with the qwen2 pre-tokenizer: training it, and loading it again."""
import argparse
import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from generate import stream
from render import render

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
USER_DEFINED = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>",
                "</tool_response>")


def empty_tokenizer():
    """The pipeline without a vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def texts(seed, count):
    """Rendered dialogues, with the special tokens taken out."""
    for talk, _ in zip(stream(seed, "train"), range(count)):
        text = render(talk.messages, talk.tools)
        for special in CONTROL + USER_DEFINED:
            text = text.replace(special, "\n")
        yield text


def train(seed, count, size):
    """A tokenizer of exactly `size` tokens; the special ones take the last ids."""
    specials = CONTROL + USER_DEFINED
    tokenizer = empty_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(specials), min_frequency=2, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts(seed, count), trainer)
    tokenizer.add_special_tokens(list(specials))
    assert tokenizer.get_vocab_size() == size, tokenizer.get_vocab_size()
    return tokenizer


def load(path):
    """The tokenizer of a file that `main` wrote."""
    return Tokenizer.from_file(path)


def merges_of(path):
    """Merge rules as `left right` strings, in order."""
    with open(path, encoding="utf-8") as file:
        merges = json.load(file)["model"]["merges"]
    return [m if isinstance(m, str) else " ".join(m) for m in merges]


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60000)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    tokenizer = train(options.seed, options.count, options.vocab)
    tokenizer.save(options.out)
    sample = list(texts(options.seed + 1, 2000))
    ids = sum(len(tokenizer.encode(t).ids) for t in sample)
    print(f"{tokenizer.get_vocab_size()} tokens, {sum(map(len, sample)) / ids:.2f} characters per token")


if __name__ == "__main__":
    main()
