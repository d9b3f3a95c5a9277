/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys are as llama.cpp writes them. Ids that a file names twice (old and new key) come from the
 * newer one.
 */
#include "engine/load_vocab.h"
#include "base/mem.h"

/* The arrays of a description; the strings in them lie in the file. */
struct arrays {
    str *token, *merge;                /* own */
    float *score;                      /* owns; NULL when absent */
    int32_t *type;                     /* owns; NULL when absent */
};

struct id_key { const char *key; enum vocab_extra extra; };

static const struct id_key extra_keys[] = {
    {"tokenizer.ggml.prefix_token_id", VOCAB_FIM_PREFIX},
    {"tokenizer.ggml.suffix_token_id", VOCAB_FIM_SUFFIX},
    {"tokenizer.ggml.middle_token_id", VOCAB_FIM_MIDDLE},
    {"tokenizer.ggml.eom_token_id", VOCAB_EOM},
    {"tokenizer.ggml.fim_pre_token_id", VOCAB_FIM_PREFIX},
    {"tokenizer.ggml.fim_suf_token_id", VOCAB_FIM_SUFFIX},
    {"tokenizer.ggml.fim_mid_token_id", VOCAB_FIM_MIDDLE},
    {"tokenizer.ggml.fim_pad_token_id", VOCAB_FIM_PAD},
    {"tokenizer.ggml.fim_rep_token_id", VOCAB_FIM_REPO},
    {"tokenizer.ggml.fim_sep_token_id", VOCAB_FIM_FILE},
};

static str find_str(const struct gguf *g, const char *key)
{
    const struct gguf_kv *kv = gguf_find(g, key);
    str s;
    return kv && gguf_get_str(kv, &s) ? s : STR("");
}

static int64_t find_id(const struct gguf *g, const char *key)
{
    const struct gguf_kv *kv = gguf_find(g, key);
    int64_t id;
    return kv && gguf_get_int(kv, 0, &id) && id >= 0 ? id : TOKEN_NONE;
}

/* 1, 0, or -1 when the file does not say. */
static int find_bool(const struct gguf *g, const char *key)
{
    const struct gguf_kv *kv = gguf_find(g, key);
    bool b;
    return kv && gguf_get_bool(kv, &b) ? b : -1;
}

/* An array that is there, of that item type, and not longer than max. *out NULL: absent. */
static enum err find_array(const struct gguf *g, const char *key, uint64_t max,
                           const struct gguf_kv **out, struct error *e)
{
    const struct gguf_kv *kv = *out = gguf_find(g, key);
    if (kv && kv->type != GGUF_ARRAY)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s is no array but %s", key,
                       gguf_type_name(kv->type));
    if (kv && kv->n > max)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%s has %llu items, at most %llu are allowed", key,
                       (unsigned long long)kv->n, (unsigned long long)max);
    return ERR_OK;
}

static enum err read_strs(const struct gguf *g, const char *key, uint64_t max, str **out,
                          size_t *n, struct error *e)
{
    const struct gguf_kv *kv;
    TRY(find_array(g, key, max, &kv, e));
    if (!kv)
        return ERR_OK;
    if (kv->item_type != GGUF_STRING)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s holds %s, not strings", key,
                       gguf_type_name(kv->item_type));
    *out = mem_try_alloc((size_t)kv->n * sizeof **out);
    if (!*out)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %s", key);
    *n = (size_t)kv->n;
    return gguf_get_strs(kv, *out, e);
}

/* Arrays beside the tokens may be longer than they are, never shorter. */
static enum err check_length(const struct gguf_kv *kv, size_t n, const char *key, struct error *e)
{
    if (kv->n >= n)
        return ERR_OK;
    return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s has %llu items for %zu tokens", key,
                   (unsigned long long)kv->n, n);
}

static enum err read_types(const struct gguf *g, size_t n, int32_t **out, struct error *e)
{
    static const char key[] = "tokenizer.ggml.token_type";
    const struct gguf_kv *kv;
    TRY(find_array(g, key, VOCAB_TOKENS_MAX, &kv, e));
    if (!kv)
        return ERR_OK;
    TRY(check_length(kv, n, key, e));
    int32_t *type = *out = mem_try_alloc(n * sizeof **out);
    if (!type)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %s", key);
    for (size_t i = 0; i < n; i++) {
        int64_t t;
        if (!gguf_get_int(kv, i, &t))
            return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s holds %s, not integers", key,
                           gguf_type_name(kv->item_type));
        type[i] = t >= TOKEN_NORMAL && t <= TOKEN_BYTE ? (int32_t)t : 0;
    }
    return ERR_OK;
}

static enum err read_scores(const struct gguf *g, size_t n, float **out, struct error *e)
{
    static const char key[] = "tokenizer.ggml.scores";
    const struct gguf_kv *kv;
    TRY(find_array(g, key, VOCAB_TOKENS_MAX, &kv, e));
    if (!kv)
        return ERR_OK;
    TRY(check_length(kv, n, key, e));
    float *score = *out = mem_try_alloc(n * sizeof **out);
    if (!score)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %s", key);
    for (size_t i = 0; i < n; i++) {
        double f;
        if (!gguf_get_float(kv, i, &f))
            return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s holds %s, not numbers", key,
                           gguf_type_name(kv->item_type));
        score[i] = (float)f;
    }
    return ERR_OK;
}

static enum err read_arrays(const struct gguf *g, struct vocab_desc *d, struct arrays *a,
                            struct error *e)
{
    TRY(read_strs(g, "tokenizer.ggml.tokens", VOCAB_TOKENS_MAX, &a->token, &d->n_token, e));
    if (!a->token)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the file has no tokenizer.ggml.tokens");
    TRY(read_types(g, d->n_token, &a->type, e));
    TRY(read_scores(g, d->n_token, &a->score, e));
    TRY(read_strs(g, "tokenizer.ggml.merges", VOCAB_MERGES_MAX, &a->merge, &d->n_merge, e));
    if (!a->merge && str_is(d->model, "gpt2"))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the file has no tokenizer.ggml.merges");
    d->token = a->token;
    d->type = a->type;
    d->score = a->score;
    d->merge = a->merge;
    return ERR_OK;
}

static void read_ids(const struct gguf *g, struct vocab_desc *d, int64_t extra[VOCAB_EXTRA_COUNT])
{
    for (size_t i = 0; i < VOCAB_EXTRA_COUNT; i++)
        extra[i] = TOKEN_NONE;
    for (size_t i = 0; i < sizeof extra_keys / sizeof extra_keys[0]; i++) {
        int64_t id = find_id(g, extra_keys[i].key);
        if (id != TOKEN_NONE)
            extra[extra_keys[i].extra] = id;
    }
    d->bos = find_id(g, "tokenizer.ggml.bos_token_id");
    d->eos = find_id(g, "tokenizer.ggml.eos_token_id");
    d->eot = find_id(g, "tokenizer.ggml.eot_token_id");
    d->unk = find_id(g, "tokenizer.ggml.unknown_token_id");
    d->sep = find_id(g, "tokenizer.ggml.seperator_token_id");
    d->pad = find_id(g, "tokenizer.ggml.padding_token_id");
    d->extra = extra;
}

enum err load_vocab(const struct gguf *g, struct vocab **out, struct error *e)
{
    int64_t extra[VOCAB_EXTRA_COUNT];
    struct arrays a = {0};
    struct vocab_desc d = {
        .model = find_str(g, "tokenizer.ggml.model"),
        .pre = find_str(g, "tokenizer.ggml.pre"),
        .model_name = find_str(g, "general.name"),
        .add_bos = find_bool(g, "tokenizer.ggml.add_bos_token"),
        .add_eos = find_bool(g, "tokenizer.ggml.add_eos_token"),
        .add_space_prefix = find_bool(g, "tokenizer.ggml.add_space_prefix"),
        .remove_extra_whitespaces = find_bool(g, "tokenizer.ggml.remove_extra_whitespaces") > 0,
    };

    *out = NULL;
    if (d.model.n == 0)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the file has no tokenizer.ggml.model");
    read_ids(g, &d, extra);
    enum err code = read_arrays(g, &d, &a, e);
    if (code == ERR_OK)
        code = vocab_new(&d, out, e);
    mem_free(a.token);
    mem_free(a.merge);
    mem_free(a.score);
    mem_free(a.type);
    return code;
}

/* For files without a template: the plain form of ChatML, which most models have seen. */
static const char chatml[] =
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

str load_chat_template(const struct gguf *g)
{
    str own = find_str(g, "tokenizer.chat_template");

    return own.n ? own : str_of(chatml);
}
