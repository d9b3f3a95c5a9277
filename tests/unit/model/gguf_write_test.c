/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing files: what gguf_open reads back, what is left when writing fails, and requantizing
 * against files that llama.cpp quantized.
 */
#include "fixture.h"

#include <math.h>
#include <unistd.h>

#include "model/gguf_write.h"
#include "model/quantize.h"
#include "model/widen.h"

static const char *scratch(struct arena *a, const char *name)
{
    return arena_printf(a, "write-test-%d-%s", (int)getpid(), name).p;
}

/* The same metadata and tensors, bit for bit. */
static void assert_same_file(const struct gguf *x, const struct gguf *y)
{
    assert_int_equal(gguf_kv_count(x), gguf_kv_count(y));
    for (size_t i = 0; i < gguf_kv_count(x); i++) {
        const struct gguf_kv *p = gguf_kv_at(x, i), *q = gguf_kv_at(y, i);
        assert_true(str_eq(p->key, q->key) && p->type == q->type && p->item_type == q->item_type);
        assert_int_equal(p->n, q->n);
        assert_int_equal(p->bytes, q->bytes);
        assert_memory_equal(p->data, q->data, p->bytes);
    }
    assert_int_equal(gguf_tensor_count(x), gguf_tensor_count(y));
    for (size_t i = 0; i < gguf_tensor_count(x); i++) {
        const struct gguf_tensor *p = gguf_tensor_at(x, i), *q = gguf_tensor_at(y, i);
        assert_true(str_eq(p->name, q->name) && p->type == q->type && p->n_dim == q->n_dim);
        assert_memory_equal(p->dim, q->dim, sizeof p->dim);
        assert_int_equal(p->bytes, q->bytes);
        assert_memory_equal(p->data, q->data, p->bytes);
    }
}

/* Copies with the data cut into pieces of an odd size. */
static void copy_file(const struct gguf *g, const char *to)
{
    struct error e = {0};
    struct gguf_writer *w = gguf_writer_new();
    for (size_t i = 0; i < gguf_kv_count(g); i++)
        gguf_writer_copy(w, gguf_kv_at(g, i));
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        assert_int_equal(gguf_writer_tensor(w, gguf_tensor_at(g, i)), gguf_tensor_at(g, i)->bytes);
    assert_int_equal(gguf_writer_start(w, to, &e), ERR_OK);
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        for (size_t at = 0, n; at < t->bytes; at += n) {
            n = t->bytes - at < 1001 ? t->bytes - at : 1001;
            assert_int_equal(gguf_writer_data(w, (const uint8_t *)t->data + at, n, &e), ERR_OK);
        }
        assert_false(file_exists(to));
    }
    if (gguf_writer_finish(w, &e) != ERR_OK)
        fail_msg("%s", e.text);
    gguf_writer_free(w);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const dirs[] = {"arch/qwen2", "quant/Q4_0"};
    struct arena *a = arena_new(0);
    const char *to = scratch(a, "copy");
    for (size_t i = 0; i < 2; i++) {
        struct gguf *x, *y;
        struct error e = {0};
        assert_int_equal(gguf_open(golden_path(a, dirs[i], "model.gguf"), &x, &e), ERR_OK);
        copy_file(x, to);
        if (gguf_open(to, &y, &e) != ERR_OK)
            fail_msg("%s", e.text);
        assert_same_file(x, y);
        gguf_close(&x);
        gguf_close(&y);
        assert_int_equal(unlink(to), 0);
    }
    arena_free(a);
}

static void test_scalars(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *to = scratch(a, "scalars");
    struct error e = {0};
    struct gguf_writer *w = gguf_writer_new();
    gguf_writer_u32(w, STR("u"), 4000000000u);
    gguf_writer_f32(w, STR("f"), -0.5f);
    gguf_writer_str(w, STR("s"), STR("text"));
    assert_int_equal(gguf_writer_start(w, to, &e), ERR_OK);
    assert_int_equal(gguf_writer_finish(w, &e), ERR_OK);
    gguf_writer_free(w);
    struct gguf *g;
    int64_t v;
    double d;
    str s;
    assert_int_equal(gguf_open(to, &g, &e), ERR_OK);
    assert_true(gguf_get_int(gguf_find(g, "u"), 0, &v) && v == 4000000000);
    assert_true(gguf_get_float(gguf_find(g, "f"), 0, &d) && d == -0.5);
    assert_true(gguf_get_str(gguf_find(g, "s"), &s) && str_is(s, "text"));
    gguf_close(&g);
    assert_int_equal(unlink(to), 0);
    arena_free(a);
}

/* A writer that stops half way leaves nothing, and no old file is harmed. */
static void test_unfinished(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *to = scratch(a, "old"), *tmp = arena_printf(a, "%s.tmp", to).p;
    struct error e = {0};
    str old;
    assert_int_equal(file_write_atomic(to, STR("old"), 0600, &e), ERR_OK);
    struct gguf_writer *w = gguf_writer_new();
    assert_int_equal(gguf_writer_start(w, to, &e), ERR_OK);
    assert_true(file_exists(tmp));
    gguf_writer_free(w);
    assert_false(file_exists(tmp));
    assert_int_equal(file_read(to, 100, a, &old, &e), ERR_OK);
    assert_true(str_is(old, "old"));
    assert_int_equal(unlink(to), 0);
    w = gguf_writer_new();
    assert_int_equal(gguf_writer_start(w, "absent-folder/x", &e), ERR_IO);
    assert_non_null(strstr(e.text, "absent-folder"));
    gguf_writer_free(w);
    arena_free(a);
}

/* ---- requantizing ---- */

/* Values of one tensor against llama.cpp's, which quantized the F32 original. We start from its
 * F16 form: no value is further off than one step of its block, and few are. */
static void compare_values(const struct gguf_tensor *got, const struct gguf_tensor *want,
                           double step, const char *name)
{
    const struct quant_info *x = tensor_type(got->type), *y = tensor_type(want->type);
    size_t n = want->bytes / (size_t)y->block_bytes * (size_t)y->block_len, n_off = 0;
    float *a = mem_array(n, sizeof *a), *b = mem_array(n, sizeof *b);
    x->dequantize(a, got->data, n);
    y->dequantize(b, want->data, n);
    for (size_t i = 0; i < n; i += 32) {
        double max = 0;
        for (size_t k = i; k < i + 32 && k < n; k++)
            max = fmax(max, fabs((double)b[k]));
        for (size_t k = i; k < i + 32 && k < n; k++) {
            double d = fabs((double)a[k] - (double)b[k]);
            n_off += d > max * step / 2;
            if (!(d <= max * (step + 0.001)))
                fail_msg("%s %.*s: value %zu is %g, llama.cpp's %g", name, STR_FMT(want->name), k,
                         (double)a[k], (double)b[k]);
        }
    }
    if (n_off * 20 > n)
        fail_msg("%s %.*s: %zu of %zu values differ", name, STR_FMT(want->name), n_off, n);
    mem_free(a);
    mem_free(b);
}

static void compare_files(const struct gguf *made, const struct gguf *golden, double step,
                          const char *name)
{
    assert_int_equal(gguf_tensor_count(made), gguf_tensor_count(golden));
    for (size_t i = 0; i < gguf_tensor_count(golden); i++) {
        const struct gguf_tensor *want = gguf_tensor_at(golden, i);
        char key[128];
        snprintf(key, sizeof key, "%.*s", STR_FMT(want->name));
        const struct gguf_tensor *got = gguf_tensor(made, key);
        assert_non_null(got);
        bool is_ours = got->type != want->type;
        if (is_ours)
            assert_true(str_is(want->name, "output.weight") && got->type == QUANT_Q8_0);
        compare_values(got, want, is_ours ? 1 / 20.0 : step, name);
    }
    int64_t x, y;
    assert_true(gguf_get_int(gguf_find(made, "general.file_type"), 0, &x));
    assert_true(gguf_get_int(gguf_find(golden, "general.file_type"), 0, &y));
    assert_int_equal(x, y);
}

static void note_progress(void *arg, double share)
{
    double *last = arg;
    assert_true(share >= *last && share <= 1);
    *last = share;
}

static void test_quantize(void **state)
{
    (void)state;
    static const struct { const char *name; double step; } to_types[] = {
        {"F16", 0}, {"BF16", 1 / 128.0}, {"Q8_0", 1 / 126.0}, {"Q4_0", 1 / 7.9},
    };
    struct arena *a = arena_new(0);
    const char *to = scratch(a, "quantized");
    const char *from = golden_path(a, "quant/F16", "model.gguf");
    if (!from)
        printf("skipped: quant/F16 is not under GOLDEN\n");
    for (size_t i = 0; from && i < 4; i++) {
        uint32_t type;
        double share = 0;
        struct gguf *made, *golden;
        struct error e = {0};
        struct quantize_result r;
        const char *dir = arena_printf(a, "quant/%s", to_types[i].name).p;
        assert_non_null(quant_by_name(str_of(to_types[i].name), &type));
        if (quantize_file(from, to, type, note_progress, &share, &r, &e) != ERR_OK)
            fail_msg("%s", e.text);
        assert_int_equal(gguf_open(to, &made, &e), ERR_OK);
        assert_int_equal(gguf_open(golden_path(a, dir, "model.gguf"), &golden, &e), ERR_OK);
        assert_int_equal(r.n_tensor, gguf_tensor_count(made));
        assert_int_equal(r.n_changed, i == 0 ? 0 : 16);
        assert_int_equal(r.n_requantized, 0);
        compare_files(made, golden, to_types[i].step, to_types[i].name);
        gguf_close(&made);
        gguf_close(&golden);
        assert_int_equal(unlink(to), 0);
    }
    arena_free(a);
}

/* Quantized files widened to F32 give the reference's logits for exactly those weights. */
static void test_widened_logits(void **state)
{
    (void)state;
    static const char *const dirs[] = {"quant/Q8_0", "quant/Q4_0"};
    struct arena *a = arena_new(0);
    const char *to = scratch(a, "f32");
    for (size_t i = 0; i < 2; i++) {
        struct error e = {0};
        struct quantize_result q;
        struct rig r;
        double ids[64];
        uint32_t page = 0;
        struct forward_token t[64];
        if (quantize_file(golden_path(a, dirs[i], "model.gguf"), to, QUANT_F32, NULL, NULL, &q,
                          &e) != ERR_OK)
            fail_msg("%s", e.text);
        assert_int_equal(q.n_requantized, 16);
        str json = golden_read(a, dirs[i], "expected.json");
        str want = golden_read(a, dirs[i], "short.exact.f32");
        int n = json_numbers(json, "prompt_ids", str_find(json, STR("\"short\""), 0), ids, 64);
        assert_in_range(n, 5, KV_PAGE_LEN);
        for (int k = 0; k < n; k++)
            t[k] = (struct forward_token){(int32_t)ids[k], k, &page, k == n - 1 ? 0 : -1};
        rig_open(&r, to, KERN_SCALAR, 1, KV_F32, 1);
        forward_run(r.forward, t, n, r.kv);
        for (size_t k = 0; k < want.n / sizeof(float); k++) {
            float w, g = forward_logits(r.forward, 0)[k];
            memcpy(&w, want.p + k * sizeof w, sizeof w);
            if (!(fabs((double)(w - g)) <= 1e-3))
                fail_msg("%s, logit %zu: %g, expected %g", dirs[i], k, (double)g, (double)w);
        }
        rig_close(&r);
        assert_int_equal(unlink(to), 0);
    }
    arena_free(a);
}

/* Rows that do not divide stay, vectors become F32, a bad input leaves no output. */
static void test_choice(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *from = scratch(a, "odd"), *to = scratch(a, "out");
    struct error e = {0};
    struct quantize_result r;
    static const float zeros[96];
    struct gguf_tensor t[3] = {
        {.name = STR("blk.0.ffn_up.weight"), .n_dim = 2, .dim = {48, 2, 1, 1}},
        {.name = STR("blk.0.ffn_gate_inp.weight"), .n_dim = 2, .dim = {32, 3, 1, 1}},
        {.name = STR("token_embd.weight"), .n_dim = 2, .dim = {32, 3, 1, 1}},
    };
    struct gguf_writer *w = gguf_writer_new();
    for (int i = 0; i < 3; i++)
        gguf_writer_tensor(w, &t[i]);
    assert_int_equal(gguf_writer_start(w, from, &e), ERR_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(gguf_writer_data(w, zeros, sizeof zeros, &e), ERR_OK);
    assert_int_equal(gguf_writer_finish(w, &e), ERR_OK);
    gguf_writer_free(w);
    assert_int_equal(quantize_file(from, to, QUANT_Q4_0, NULL, NULL, &r, &e), ERR_OK);
    struct gguf *g;
    assert_int_equal(gguf_open(to, &g, &e), ERR_OK);
    assert_int_equal(gguf_tensor(g, "blk.0.ffn_up.weight")->type, QUANT_F32);
    assert_int_equal(gguf_tensor(g, "blk.0.ffn_gate_inp.weight")->type, QUANT_F32);
    assert_int_equal(gguf_tensor(g, "token_embd.weight")->type, QUANT_Q8_0);
    assert_int_equal(r.n_changed, 1);
    gguf_close(&g);
    assert_int_equal(unlink(to), 0);
    assert_int_equal(file_write_atomic(from, STR("GGUFxxxx"), 0600, &e), ERR_OK);
    assert_int_not_equal(quantize_file(from, to, QUANT_Q4_0, NULL, NULL, &r, &e), ERR_OK);
    assert_false(file_exists(to));
    assert_int_equal(unlink(from), 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_unfinished), cmocka_unit_test(test_quantize),
        cmocka_unit_test(test_widened_logits), cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
