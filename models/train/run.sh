#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rebuilds the model from nothing: run.sh SEED BUDGET_MINUTES OUT_DIR
#
# The budget is for the training alone. PYTHON chooses the interpreter (it needs torch,
# tokenizers and numpy), SHARDS the number of data files of 40,000 dialogues (about three
# million tokens each), TRAIN_OPTIONS is handed to train.py (for example "--layers 8"
# or "--steps 5000", which makes a run that can be repeated bit for bit on one machine),
# EVAL_OPTIONS to evaluate.py.
set -eu
seed=${1:?seed} minutes=${2:?minutes} out=${3:?output folder}
python=${PYTHON:-python3} shards=${SHARDS:-8}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out/data"
out=$(cd "$out" && pwd)
cd "$here"

"$python" test_generate.py
"$python" tokenizer.py --seed "$seed" --out "$out/tokenizer.json"
i=1
while [ "$i" -le "$shards" ]; do
    "$python" pack.py --tokenizer "$out/tokenizer.json" --seed $((seed * 1000 + i)) \
        --out "$out/data/$(printf %04d "$i").npz"
    i=$((i + 1))
done
# shellcheck disable=SC2086
nice -n 10 "$python" train.py --data "$out/data" --out "$out/model.pt" --seed "$seed" \
    --minutes "$minutes" ${TRAIN_OPTIONS:-}
"$python" export_gguf.py --checkpoint "$out/model.pt" --tokenizer "$out/tokenizer.json" \
    --sharpen 1.3 --out "$out/grokd-mini.gguf"
# shellcheck disable=SC2086
"$python" evaluate.py --model "$out/grokd-mini.gguf" --tokenizer "$out/tokenizer.json" \
    --out "$out/eval.json" ${EVAL_OPTIONS:-}
