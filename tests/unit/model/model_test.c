/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening models: golden files with one thing changed are refused with a text that names it, or
 * give the same logits where the change is another spelling of the same model.
 */
#include "fixture.h"

#include <unistd.h>

#include "kernel/quant.h"
#include "model/gguf_write.h"

#define VALUE_MAX 16

/* One change to a file; what is not set stays. */
struct edit {
    const char *key;                   /* replaced, or removed when n is 0 */
    enum gguf_type type, item_type;
    uint64_t n;
    uint32_t value[VALUE_MAX];         /* raw bytes of the value */
    size_t bytes;
    const char *drop;                  /* tensor */
    const char *add;                   /* F32 {64} */
    const char *turn;                  /* tensor whose two dimensions are exchanged */
    const char *narrow;                /* F32 tensor that becomes F16 */
    bool fuse;                         /* attn_q, attn_k, attn_v become attn_qkv */
};

#define WORD(k, t, v) {.key = k, .type = t, .item_type = t, .n = 1, .value = {v}, .bytes = 4}
#define U32(k, v) WORD(k, GGUF_U32, v)
#define F32_BITS(k, v) WORD(k, GGUF_F32, v)
#define NO_KEY(k) {.key = k}
#define CHARS(a, b, c, d)                                                                       \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define TEXT4(k, a, b, c, d)                                                                    \
    {.key = k, .type = GGUF_STRING, .item_type = GGUF_STRING, .n = 1, .bytes = 12,              \
     .value = {4, 0, CHARS(a, b, c, d)}}

static void copy_keys(struct gguf_writer *w, const struct gguf *g, const struct edit *d)
{
    for (size_t i = 0; i < gguf_kv_count(g); i++)
        if (!d->key || !str_is(gguf_kv_at(g, i)->key, d->key))
            gguf_writer_copy(w, gguf_kv_at(g, i));
    if (d->key && d->n)
        gguf_writer_copy(w, &(struct gguf_kv){.key = str_of(d->key), .type = d->type,
                                              .item_type = d->item_type, .n = d->n,
                                              .data = (const uint8_t *)d->value,
                                              .bytes = d->bytes});
}

static bool is_named(str name, const char *want)
{
    return want && str_is(name, want);
}

static bool is_q(str name)
{
    return str_find(name, STR("attn_q."), 0) != SIZE_MAX;
}

/* attn_k or attn_v beside the attn_q called name. */
static const struct gguf_tensor *sibling(const struct gguf *g, str name, char part)
{
    char other[64];
    snprintf(other, sizeof other, "%.*s", STR_FMT(name));
    other[str_find(name, STR("attn_q."), 0) + 5] = part;
    const struct gguf_tensor *t = gguf_tensor(g, other);
    assert_non_null(t);
    return t;
}

/* The changed table row of a tensor; false when it is left out. */
static bool edit_row(const struct gguf *g, const struct edit *d, struct gguf_tensor *t)
{
    if (is_named(t->name, d->drop))
        return false;
    if (is_named(t->name, d->turn)) {
        uint64_t first = t->dim[0];
        t->dim[0] = t->dim[1], t->dim[1] = first;
    }
    if (is_named(t->name, d->narrow))
        t->type = QUANT_F16;
    bool is_kv = false;
    if (d->fuse) {
        is_kv = str_find(t->name, STR("attn_k."), 0) != SIZE_MAX ||
                str_find(t->name, STR("attn_v."), 0) != SIZE_MAX;
        for (const char *part = is_q(t->name) ? "kv" : ""; *part; part++)
            t->dim[t->n_dim - 1] += sibling(g, t->name, *part)->dim[t->n_dim - 1];
    }
    return !is_kv;
}

static void write_values(struct gguf_writer *w, const struct gguf *g, const struct edit *d,
                         const struct gguf_tensor *from, const struct gguf_tensor *to)
{
    struct error e = {0};
    if (to->type != from->type) {
        uint16_t half[1024];
        assert_true(from->dim[0] <= 1024 && from->n_dim == 1);
        quant_info(QUANT_F16)->quantize(half, from->data, from->dim[0]);
        assert_int_equal(gguf_writer_data(w, half, from->dim[0] * 2, &e), ERR_OK);
        return;
    }
    assert_int_equal(gguf_writer_data(w, from->data, from->bytes, &e), ERR_OK);
    for (const char *part = d->fuse && is_q(from->name) ? "kv" : ""; *part; part++) {
        const struct gguf_tensor *t = sibling(g, from->name, *part);
        assert_int_equal(gguf_writer_data(w, t->data, t->bytes, &e), ERR_OK);
    }
}

/* Writes `from` with the change as `to`. */
static void rewrite(const char *from, const char *to, const struct edit *d)
{
    struct gguf *g;
    struct error e = {0};
    struct gguf_writer *w = gguf_writer_new();
    if (gguf_open(from, &g, &e) != ERR_OK)
        fail_msg("%s", e.text);
    copy_keys(w, g, d);
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        struct gguf_tensor t = *gguf_tensor_at(g, i);
        bool is_weight = str_ends(t.name, STR("weight"));
        if (!edit_row(g, d, &t))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.5s.attn_qkv.%s", t.name.p, is_weight ? "weight" : "bias");
        if (d->fuse && is_q(t.name))
            t.name = str_of(name);
        gguf_writer_tensor(w, &t);
    }
    struct gguf_tensor extra = {.name = str_of(d->add), .n_dim = 1, .dim = {64, 1, 1, 1}};
    if (d->add)
        gguf_writer_tensor(w, &extra);
    assert_int_equal(gguf_writer_start(w, to, &e), ERR_OK);
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        struct gguf_tensor t = *gguf_tensor_at(g, i);
        if (edit_row(g, d, &t))
            write_values(w, g, d, gguf_tensor_at(g, i), &t);
    }
    static const float values[64];
    if (d->add)
        assert_int_equal(gguf_writer_data(w, values, sizeof values, &e), ERR_OK);
    if (gguf_writer_finish(w, &e) != ERR_OK)
        fail_msg("%s", e.text);
    gguf_writer_free(w);
    gguf_close(&g);
}

static const struct { struct edit edit; enum err err; const char *word; } refused[] = {
    {NO_KEY("general.architecture"), ERR_FORMAT, "general.architecture"},
    {TEXT4("general.architecture", 'm', 'o', 'r', 'e'), ERR_UNSUPPORTED,
     "\"more\" is not supported; known are llama, qwen2, qwen3"},
    {TEXT4("general.architecture", 'a', 033, '[', 'm'), ERR_UNSUPPORTED, "\"(not printable)\""},
    {U32("split.count", 2), ERR_UNSUPPORTED, "one of 2 parts"},
    {U32("llama.expert_count", 8), ERR_UNSUPPORTED, "8 experts is not supported yet"},
    {{.key = "llama.attention.causal", .type = GGUF_BOOL, .item_type = GGUF_BOOL, .n = 1,
      .bytes = 1}, ERR_UNSUPPORTED, "llama.attention.causal"},
    {U32("llama.block_count", 0), ERR_LIMIT, "llama.block_count is 0"},
    {U32("llama.block_count", 1025), ERR_LIMIT, "1 to 1024"},
    {U32("llama.block_count", 3), ERR_FORMAT, "blk.2.attn_norm.weight is missing"},
    {U32("llama.block_count", 1), ERR_UNSUPPORTED, "blk.1.attn_norm.weight is not part"},
    {NO_KEY("llama.block_count"), ERR_FORMAT, "lacks llama.block_count"},
    {NO_KEY("llama.context_length"), ERR_FORMAT, "lacks llama.context_length"},
    {U32("llama.context_length", (1 << 24) + 1), ERR_LIMIT, "llama.context_length"},
    {U32("llama.embedding_length", 128), ERR_UNSUPPORTED, "does not go with heads of 32"},
    {{.turn = "blk.0.attn_k.weight"}, ERR_FORMAT, "blk.0.attn_k.weight has the shape {32, 64}, the "
     "metadata of the model asks for {64, 32}"},
    {U32("llama.embedding_length", 65537), ERR_LIMIT, "llama.embedding_length"},
    {U32("llama.feed_forward_length", (1 << 20) + 1), ERR_LIMIT, "llama.feed_forward_length"},
    {U32("llama.feed_forward_length", 1), ERR_FORMAT, "blk.0.ffn_gate.weight has the shape"},
    {U32("llama.attention.head_count", 1025), ERR_LIMIT, "llama.attention.head_count"},
    {U32("llama.attention.head_count_kv", 3), ERR_FORMAT, "cannot share"},
    {U32("llama.attention.head_count_kv", 5), ERR_LIMIT, "1 to 4"},
    {U32("llama.attention.head_count_kv", 1), ERR_FORMAT,
     "blk.0.attn_k.weight has the shape {64, 32}"},
    {{.key = "llama.attention.head_count_kv", .type = GGUF_ARRAY, .item_type = GGUF_U32, .n = 2,
      .value = {2, 4}, .bytes = 8}, ERR_UNSUPPORTED, "differs between layers"},
    {{.key = "llama.attention.head_count_kv", .type = GGUF_ARRAY, .item_type = GGUF_F32, .n = 2,
      .value = {2, 2}, .bytes = 8}, ERR_FORMAT, "must be a whole number"},
    {U32("llama.attention.key_length", 1025), ERR_LIMIT, "llama.attention.key_length"},
    {U32("llama.attention.value_length", 8), ERR_UNSUPPORTED, "values of 8"},
    {NO_KEY("llama.attention.layer_norm_rms_epsilon"), ERR_FORMAT, "layer_norm_rms_epsilon"},
    {F32_BITS("llama.attention.layer_norm_rms_epsilon", 0x7fc00000), ERR_LIMIT, "epsilon is"},
    {U32("llama.rope.dimension_count", 8), ERR_UNSUPPORTED, "does not go with heads of 16"},
    {F32_BITS("llama.rope.freq_base", 0), ERR_LIMIT, "llama.rope.freq_base"},
    {TEXT4("llama.rope.scaling.type", 'l', 'o', 'n', 'g'), ERR_UNSUPPORTED,
     "\"long\" is not supported"},
    {F32_BITS("llama.rope.scaling.factor", 0x7f800000), ERR_LIMIT, "llama.rope.scaling.factor"},
    {{.drop = "blk.1.ffn_up.weight"}, ERR_FORMAT, "blk.1.ffn_up.weight is missing"},
    {{.drop = "output_norm.weight"}, ERR_FORMAT, "output_norm.weight is missing"},
    {{.drop = "token_embd.weight"}, ERR_FORMAT, "token_embd.weight is missing"},
    {{.add = "blk.0.attn_sinks.weight"}, ERR_UNSUPPORTED, "blk.0.attn_sinks.weight is not part of"},
    {{.add = "blk.0.attn_k_norm.weight"}, ERR_UNSUPPORTED,
     "blk.0.attn_k_norm.weight is not part of"},
    {{.add = "rope_freqs.weight"}, ERR_FORMAT, "rope_freqs.weight has the shape {64, 1}"},
    {{.turn = "token_embd.weight"}, ERR_FORMAT, "464 tokens, but token_embd.weight has 64 rows"},
    {{.turn = "blk.0.ffn_down.weight"}, ERR_FORMAT, "blk.0.ffn_down.weight has the shape"},
};

static const char *scratch_file(struct arena *a)
{
    return arena_printf(a, "model-test-%d.gguf", (int)getpid()).p;
}

static void test_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *from = golden_path(a, "arch/llama-gqa", "model.gguf"), *to = scratch_file(a);
    struct kern k;
    assert_int_equal(kern_init(&k, KERN_SCALAR, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct model *m;
        struct error e = {0};
        rewrite(from, to, &refused[i].edit);
        enum err err = model_open(to, &(struct model_options){.kern = &k}, &m, &e);
        if (err != refused[i].err || !strstr(e.text, refused[i].word))
            fail_msg("case %zu: %s \"%s\", expected %s \"%s\"", i, err_name(err), e.text,
                     err_name(refused[i].err), refused[i].word);
        assert_null(m);
    }
    assert_int_equal(unlink(to), 0);
    arena_free(a);
}

/* Logits of four tokens in one run. */
static void logits_of(const char *path, float *out, int n_vocab)
{
    struct rig r;
    uint32_t page = 0;
    struct forward_token t[4];
    rig_open(&r, path, KERN_SCALAR, 1, KV_F32, 1);
    assert_int_equal(model_shape(r.model)->n_vocab, n_vocab);
    for (int i = 0; i < 4; i++)
        t[i] = (struct forward_token){40 + i, i, &page, i == 3 ? 0 : -1};
    forward_run(r.forward, t, 4, r.kv);
    memcpy(out, forward_logits(r.forward, 0), (size_t)n_vocab * sizeof *out);
    rig_close(&r);
}

static const struct {
    const char *dir;
    int n_vocab;
    struct edit edit;
    bool same_bits;
} accepted[] = {
    {"arch/llama-gqa", 464, {.fuse = true}, true},
    {"arch/qwen2", 450, {.fuse = true}, true},
    {"arch/qwen3", 450, {.fuse = true}, true},
    {"arch/llama-gqa", 464, {.key = "llama.attention.head_count_kv", .type = GGUF_ARRAY,
     .item_type = GGUF_U64, .n = 2, .value = {2, 0, 2, 0}, .bytes = 16}, true},
    {"arch/llama-gqa", 464, NO_KEY("general.name"), true},
    {"arch/llama-gqa", 464, U32("general.alignment", 32), true},
    {"arch/llama-gqa", 464, TEXT4("llama.rope.scaling.type", 'n', 'o', 'n', 'e'), true},
    {"arch/llama-gqa", 464, TEXT4("llama.rope.scaling.type", 'y', 'a', 'r', 'n'), true},
    {"arch/qwen2", 450, {.narrow = "output_norm.weight"}, false},
    {"arch/qwen2", 450, {.narrow = "blk.0.attn_q.bias"}, false},
};

static void test_accepted(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *to = scratch_file(a);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        float want[512], got[512];
        const char *from = golden_path(a, accepted[i].dir, "model.gguf");
        int n = accepted[i].n_vocab;
        rewrite(from, to, &accepted[i].edit);
        logits_of(from, want, n);
        logits_of(to, got, n);
        for (int k = 0; k < n; k++) {
            float d = got[k] - want[k];
            if (accepted[i].same_bits ? memcmp(&got[k], &want[k], sizeof d) != 0
                                      : !(d < 0.02f && d > -0.02f))
                fail_msg("case %zu, logit %d: %.9g, expected %.9g", i, k, (double)got[k],
                         (double)want[k]);
        }
        if (!accepted[i].same_bits)
            assert_memory_not_equal(got, want, (size_t)n * sizeof *got);
    }
    assert_int_equal(unlink(to), 0);
    arena_free(a);
}

static void note_progress(void *arg, double share)
{
    double *last = arg;
    assert_true(share > *last && share <= 1);
    *last = share;
}

static void test_shape(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct kern k;
    struct error e = {0};
    struct model *m;
    double share = 0;
    assert_int_equal(kern_init(&k, kern_best(KERN_LEVEL_COUNT), NULL), ERR_OK);
    struct workers *w = workers_new(2);
    struct model_options o = {.kern = &k, .workers = w, .kv_type = KV_F16,
                              .progress = note_progress, .progress_arg = &share};
    const char *path = golden_path(a, "arch/qwen3", "model.gguf");
    if (model_open(path, &o, &m, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_true(share == 1);
    const struct model_shape *s = model_shape(m);
    assert_true(str_is(s->arch, "qwen3"));
    assert_int_equal(s->n_layer, 2);
    assert_int_equal(s->width, 64);
    assert_int_equal(s->n_head, 4);
    assert_int_equal(s->n_kv_head, 2);
    assert_int_equal(s->n_vocab, 450);
    assert_int_equal(model_kv_page_bytes(m), 2 * 2 * 2 * s->head_dim * KV_PAGE_LEN * 2);
    uint64_t print = s->fingerprint;
    model_close(&m);
    share = 0;
    assert_int_equal(model_open(path, &o, &m, &e), ERR_OK);
    assert_true(model_shape(m)->fingerprint == print);
    model_close(&m);
    path = golden_path(a, "arch/qwen2", "model.gguf");
    share = 0;
    assert_int_equal(model_open(path, &o, &m, &e), ERR_OK);
    assert_true(model_shape(m)->fingerprint != print);
    model_close(&m);
    model_close(&m);
    workers_free(w);
    arena_free(a);
}

/* Every mem_try of opening a model fails once: an error, nothing leaks (ASan looks). */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct kern k;
    size_t nth = 1;
    assert_int_equal(kern_init(&k, KERN_SCALAR, NULL), ERR_OK);
    const char *path = golden_path(a, "quant/Q4_0", "model.gguf");
    for (;; nth++) {
        struct model *m;
        struct error e = {0};
        mem_fail_nth(nth);
        enum err err = model_open(path, &(struct model_options){.kern = &k}, &m, &e);
        mem_fail_nth(0);
        model_close(&m);
        if (err == ERR_OK)
            break;
        assert_int_equal(err, ERR_LIMIT);
    }
    assert_in_range(nth, 9, 12);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
