/* SPDX-License-Identifier: Apache-2.0
 *
 * From a model file to what the token layer wants: the tokenizer.ggml.* keys become a vocabulary,
 * tokenizer.chat_template a string. Any thread.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"
#include "token/vocab.h"

/* Gives *out, which does not need g any more. Errors name the key: absent, of the wrong type, of
 * the wrong length; or come from vocab_new. */
MUST_CHECK enum err load_vocab(const struct gguf *g, struct vocab **out, struct error *e);

/* The file's chat template, borrowed from g; ChatML when it has none. */
str load_chat_template(const struct gguf *g);
