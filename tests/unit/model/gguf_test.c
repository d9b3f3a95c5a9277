/* SPDX-License-Identifier: Apache-2.0
 *
 * The GGUF reader on good files, on every truncation and bit flip of one, and on files that lie.
 * Bytes are parsed from exact heap copies, so that a read past the end shows under ASan.
 */
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "model/widen.h"

/* ---- a small writer, independent of gguf_write.c ---- */

static void put(struct buf *b, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        buf_char(b, (char)(v >> 8 * i & 0xff));
}

static void put_name(struct buf *b, str s)
{
    put(b, s.n, 8);
    buf_add(b, s);
}

static void put_head(struct buf *b, uint32_t version, uint64_t n_tensor, uint64_t n_kv)
{
    buf_add(b, STR("GGUF"));
    put(b, version, 4);
    put(b, n_tensor, 8);
    put(b, n_kv, 8);
}

static void put_u32(struct buf *b, const char *key, uint32_t v)
{
    put_name(b, str_of(key));
    put(b, GGUF_U32, 4);
    put(b, v, 4);
}

static void put_tensor(struct buf *b, const char *name, uint32_t n_dim, const uint64_t *dim,
                       uint32_t type, uint64_t offset)
{
    put_name(b, str_of(name));
    put(b, n_dim, 4);
    for (uint32_t i = 0; i < n_dim; i++)
        put(b, dim[i], 8);
    put(b, type, 4);
    put(b, offset, 8);
}

static void pad_to(struct buf *b, size_t align)
{
    while (b->n % align != 0)
        buf_char(b, 0);
}

static void put_array(struct buf *b, const char *key, enum gguf_type item, uint64_t n)
{
    put_name(b, str_of(key));
    put(b, GGUF_ARRAY, 4);
    put(b, item, 4);
    put(b, n, 8);
}

/* Every value type, three tensors. Gives the length of the head. */
static size_t put_sample(struct buf *b)
{
    static const uint64_t dims[3][2] = {{32, 3}, {8, 1}, {64, 2}};
    put_head(b, 3, 3, 9);
    put_name(b, STR("a.string")), put(b, GGUF_STRING, 4), put_name(b, STR("hello"));
    put_u32(b, "a.u32", 7);
    put_name(b, STR("a.i8")), put(b, GGUF_I8, 4), put(b, 0xfe, 1);
    put_name(b, STR("a.u64")), put(b, GGUF_U64, 4), put(b, UINT64_MAX, 8);
    put_name(b, STR("a.f32")), put(b, GGUF_F32, 4), put(b, 0x3fc00000, 4);
    put_name(b, STR("a.f64")), put(b, GGUF_F64, 4), put(b, 0x4004000000000000, 8);
    put_name(b, STR("a.bool")), put(b, GGUF_BOOL, 4), put(b, 1, 1);
    put_array(b, "a.strings", GGUF_STRING, 3);
    put_name(b, STR("x")), put_name(b, STR("")), put_name(b, STR("yz"));
    put_array(b, "a.i16s", GGUF_I16, 2), put(b, 0xffff, 2), put(b, 5, 2);
    put_tensor(b, "one", 2, dims[0], QUANT_Q8_0, 0);           /* 102 bytes */
    put_tensor(b, "two", 1, dims[1], QUANT_F32, 128);          /* 32 */
    put_tensor(b, "three", 2, dims[2], QUANT_F16, 160);        /* 256 */
    size_t head = b->n;
    pad_to(b, 32);
    for (int i = 0; i < 416; i++)
        buf_char(b, (char)i);
    return head;
}

/* ---- opening ---- */

/* Reads everything that an open file offers; gives a sum so that nothing is optimized away. */
static uint64_t walk(const struct gguf *g)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < gguf_kv_count(g); i++) {
        const struct gguf_kv *kv = gguf_kv_at(g, i);
        int64_t v;
        double d;
        str s;
        for (uint64_t k = 0; k < kv->n && k < 1000; k++) {
            sum += gguf_get_int(kv, k, &v) ? (uint64_t)v : 0;
            sum += gguf_get_float(kv, k, &d);
        }
        if (gguf_get_str(kv, &s))
            sum += s.n ? (uint8_t)s.p[s.n - 1] : 0;
        if (kv->type == GGUF_ARRAY && kv->item_type == GGUF_STRING) {
            str *list = mem_array((size_t)kv->n, sizeof *list);
            assert_int_equal(gguf_get_strs(kv, list, NULL), ERR_OK);
            sum += kv->n ? list[kv->n - 1].n : 0;
            mem_free(list);
        }
    }
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        assert_non_null(tensor_type(t->type));
        assert_true(t->bytes > 0);
        for (size_t k = 0; k < t->bytes; k++)
            sum += ((const uint8_t *)t->data)[k];
    }
    return sum;
}

/* Parses an exact copy; an open file is walked. Gives the result. */
static enum err try_bytes(const char *p, size_t n, struct error *e)
{
    void *copy = mem_try_aligned(16, n);
    assert_non_null(copy);
    memcpy(copy, p, n);
    struct gguf *g;
    enum err err = gguf_parse(copy, n, &g, e);
    if (err == ERR_OK) {
        walk(g);
        gguf_close(&g);
    }
    assert_null(g);
    mem_free(copy);
    return err;
}

static void test_reads(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    put_sample(&b);
    struct gguf *g;
    struct error e = {0};
    int64_t v;
    double d;
    bool t;
    str s, list[3];
    if (gguf_parse(b.p, b.n, &g, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_int_equal(gguf_kv_count(g), 9);
    assert_int_equal(gguf_version(g), 3);
    assert_true(gguf_get_str(gguf_find(g, "a.string"), &s) && str_is(s, "hello"));
    assert_true(gguf_get_int(gguf_find(g, "a.u32"), 0, &v) && v == 7);
    assert_true(gguf_get_int(gguf_find(g, "a.i8"), 0, &v) && v == -2);
    assert_false(gguf_get_int(gguf_find(g, "a.u64"), 0, &v));
    assert_false(gguf_get_int(gguf_find(g, "a.f32"), 0, &v));
    assert_false(gguf_get_int(gguf_find(g, "a.bool"), 0, &v));
    assert_false(gguf_get_int(gguf_find(g, "a.u32"), 1, &v));
    assert_true(gguf_get_float(gguf_find(g, "a.f32"), 0, &d) && d == 1.5);
    assert_true(gguf_get_float(gguf_find(g, "a.f64"), 0, &d) && d == 2.5);
    assert_true(gguf_get_float(gguf_find(g, "a.i8"), 0, &d) && d == -2);
    assert_true(gguf_get_bool(gguf_find(g, "a.bool"), &t) && t);
    assert_true(gguf_get_int(gguf_find(g, "a.i16s"), 0, &v) && v == -1);
    assert_true(gguf_get_int(gguf_find(g, "a.i16s"), 1, &v) && v == 5);
    assert_int_equal(gguf_get_strs(gguf_find(g, "a.strings"), list, &e), ERR_OK);
    assert_true(str_is(list[0], "x") && str_is(list[1], "") && str_is(list[2], "yz"));
    assert_int_equal(gguf_get_strs(gguf_find(g, "a.i16s"), list, &e), ERR_TYPE);
    assert_null(gguf_find(g, "a"));
    assert_int_equal(gguf_tensor(g, "one")->bytes, 102);
    assert_int_equal(gguf_tensor(g, "three")->bytes, 256);
    assert_int_equal(((const uint8_t *)gguf_tensor(g, "two")->data)[1], 129);
    assert_null(gguf_tensor(g, "four"));
    gguf_close(&g);
    b.p[4] = 2;                                /* version 2 has the same layout */
    assert_int_equal(try_bytes(b.p, b.n, &e), ERR_OK);
    buf_add(&b, STR("whatever stands behind"));
    assert_int_equal(try_bytes(b.p, b.n, &e), ERR_OK);
    buf_done(&b);
}

static void test_truncated(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    put_sample(&b);
    for (size_t n = 0; n < b.n; n++) {
        struct error e = {0};
        if (try_bytes(b.p, n, &e) == ERR_OK)
            fail_msg("opens with %zu of %zu bytes", n, b.n);
        assert_true(e.text[0] != '\0');
        assert_true(e.pos <= n);
    }
    buf_done(&b);
}

/* Every place in the head, so every integer of it, takes each of these values. */
static void test_wrong_integers(void **state)
{
    (void)state;
    static const uint64_t values[] = {UINT64_MAX, 0, 1, (uint64_t)1 << 31, (uint64_t)1 << 63,
                                      ((uint64_t)1 << 31) + 1, ((uint64_t)1 << 61) + 1, 0xffff};
    struct buf b;
    buf_init(&b, 1 << 16);
    size_t head = put_sample(&b), n_open = 0;
    char saved[8];
    for (size_t at = 0; at + 8 <= head; at++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            for (size_t width = 4; width <= 8; width += 4) {
                memcpy(saved, b.p + at, width);
                memcpy(b.p + at, &values[i], width);
                n_open += try_bytes(b.p, b.n, &(struct error){0}) == ERR_OK;
                memcpy(b.p + at, saved, width);
            }
        }
    }
    printf("%zu of the changed files still open\n", n_open);
    buf_done(&b);
}

static void test_bit_flips(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    size_t head = put_sample(&b);
    for (size_t bit = 0; bit < head * 8; bit++) {
        struct error e = {0};
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
        if (try_bytes(b.p, b.n, &e) != ERR_OK)
            assert_true(e.text[0] != '\0');
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
    }
    buf_done(&b);
}

/* ---- files that lie: how each is made, and a word of the refusal ---- */

static const uint64_t square[2] = {32, 2};

static void lie_version(struct buf *b) { put_head(b, 1, 0, 0); }
static void lie_version_4(struct buf *b) { put_head(b, 4, 0, 0); }
static void lie_endian(struct buf *b) { put_head(b, 0x03000000, 0, 0); }
static void lie_magic(struct buf *b) { buf_add(b, STR("GGML0000")); }
static void lie_kv_count(struct buf *b) { put_head(b, 3, 0, GGUF_KV_MAX + 1); }
static void lie_kv_count_fits(struct buf *b) { put_head(b, 3, 0, GGUF_KV_MAX); }
static void lie_tensor_count(struct buf *b) { put_head(b, 3, GGUF_TENSORS_MAX + 1, 0); }
static void lie_tensor_count_fits(struct buf *b) { put_head(b, 3, GGUF_TENSORS_MAX, 0); }

static void lie_key_twice(struct buf *b)
{
    put_head(b, 3, 0, 2);
    put_u32(b, "k", 1);
    put_u32(b, "k", 1);
}

static void lie_nested(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_array(b, "k", GGUF_ARRAY, 1);
    pad_to(b, 256);
}

static void lie_value_type(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_name(b, STR("k"));
    put(b, GGUF_TYPE_COUNT, 4);
    put(b, 0, 8);
}

static void lie_array_length(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_array(b, "k", GGUF_U64, (uint64_t)1 << 61);
    put(b, 0, 8);
}

static void lie_strings_length(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_array(b, "k", GGUF_STRING, (uint64_t)1 << 40);
    put(b, 0, 8);
}

static void lie_alignment(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_u32(b, "general.alignment", 48);
}

static void lie_alignment_large(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_u32(b, "general.alignment", GGUF_ALIGNMENT_MAX * 2);
}

static void lie_alignment_small(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put_u32(b, "general.alignment", GGUF_ALIGNMENT_MIN / 2);
}

static void put_two(struct buf *b, const char *second, uint64_t offset)
{
    put_head(b, 3, 2, 0);
    put_tensor(b, "t", 2, square, QUANT_Q8_0, 0);
    put_tensor(b, second, 2, square, QUANT_Q8_0, offset);
    pad_to(b, 32);
    for (int i = 0; i < 256; i++)
        buf_char(b, 0);
}

static void lie_tensor_twice(struct buf *b) { put_two(b, "t", 96); }
static void lie_overlap(struct buf *b) { put_two(b, "u", 64); }
static void lie_same_place(struct buf *b) { put_two(b, "u", 0); }
static void lie_offset(struct buf *b) { put_two(b, "u", 97); }
static void lie_past_end(struct buf *b) { put_two(b, "u", 256); }
static void lie_far_offset(struct buf *b) { put_two(b, "u", UINT64_MAX - 31); }

static void put_dims(struct buf *b, uint32_t n, const uint64_t *dim, uint32_t type)
{
    put_head(b, 3, 1, 0);
    put_tensor(b, "t", n, dim, type, 0);
    pad_to(b, 32);
    for (int i = 0; i < 256; i++)
        buf_char(b, 0);
}

static void lie_no_dims(struct buf *b) { put_dims(b, 0, square, QUANT_F32); }
static void lie_five_dims(struct buf *b) { put_dims(b, 5, (uint64_t[]){1, 1, 1, 1, 1}, 0); }
static void lie_dim_zero(struct buf *b) { put_dims(b, 2, (uint64_t[]){32, 0}, QUANT_F32); }
static void lie_dim_large(struct buf *b) { put_dims(b, 1, (uint64_t[]){GGUF_DIM_MAX + 1}, 0); }
static void lie_block(struct buf *b) { put_dims(b, 2, (uint64_t[]){33, 2}, QUANT_Q8_0); }
static void lie_type(struct buf *b) { put_dims(b, 2, square, 9999); }

static void lie_product(struct buf *b)
{
    put_dims(b, 4, (uint64_t[]){GGUF_DIM_MAX, GGUF_DIM_MAX, GGUF_DIM_MAX, 1}, QUANT_F32);
}

static void lie_long_name(struct buf *b)
{
    char name[GGUF_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[GGUF_NAME_BYTES_MAX + 1] = '\0';
    put_head(b, 3, 1, 0);
    put_tensor(b, name, 2, square, QUANT_F32, 0);
}

static void lie_long_key(struct buf *b)
{
    put_head(b, 3, 0, 1);
    put(b, GGUF_KEY_BYTES_MAX + 1, 8);
    for (int i = 0; i < GGUF_KEY_BYTES_MAX + 64; i++)
        buf_char(b, 'k');
}

static void lie_control(struct buf *b)
{
    put_head(b, 3, 1, 0);
    put_tensor(b, "a\033[2Jb", 2, square, QUANT_F32, 0);
}

static void lie_control_key(struct buf *b)
{
    put_head(b, 3, 0, 2);
    put_u32(b, "k\n", 1);
    pad_to(b, 128);
}

static const struct { void (*make)(struct buf *b); enum err err; const char *word; } lies[] = {
    {lie_version, ERR_UNSUPPORTED, "version 1"},
    {lie_version_4, ERR_UNSUPPORTED, "version 4"},
    {lie_endian, ERR_UNSUPPORTED, "big endian"},
    {lie_magic, ERR_FORMAT, "not a GGUF file"},
    {lie_kv_count, ERR_LIMIT, "at most 65536"},
    {lie_kv_count_fits, ERR_FORMAT, "do not fit"},
    {lie_tensor_count, ERR_LIMIT, "at most 65536"},
    {lie_tensor_count_fits, ERR_FORMAT, "do not fit"},
    {lie_key_twice, ERR_FORMAT, "k occurs twice"},
    {lie_nested, ERR_UNSUPPORTED, "array of arrays"},
    {lie_value_type, ERR_FORMAT, "unknown value type 13"},
    {lie_array_length, ERR_FORMAT, "do not fit"},
    {lie_strings_length, ERR_FORMAT, "do not fit"},
    {lie_alignment, ERR_FORMAT, "power of two"},
    {lie_alignment_large, ERR_FORMAT, "power of two"},
    {lie_alignment_small, ERR_FORMAT, "power of two"},
    {lie_tensor_twice, ERR_FORMAT, "t occurs twice"},
    {lie_overlap, ERR_FORMAT, "overlap"},
    {lie_same_place, ERR_FORMAT, "overlap"},
    {lie_offset, ERR_FORMAT, "not a multiple"},
    {lie_past_end, ERR_FORMAT, "past the end"},
    {lie_far_offset, ERR_FORMAT, "past the end"},
    {lie_no_dims, ERR_FORMAT, "0 dimensions"},
    {lie_five_dims, ERR_FORMAT, "5 dimensions"},
    {lie_dim_zero, ERR_LIMIT, "dimension 1 of tensor t is 0"},
    {lie_dim_large, ERR_LIMIT, "is 2147483649"},
    {lie_block, ERR_FORMAT, "multiple of 32"},
    {lie_type, ERR_UNSUPPORTED, "tensor t has block type 9999"},
    {lie_product, ERR_LIMIT, "overflows"},
    {lie_control, ERR_FORMAT, "a tensor name with a control character"},
    {lie_control_key, ERR_FORMAT, "a key with a control character"},
    {lie_long_name, ERR_LIMIT, "257 bytes"},
    {lie_long_key, ERR_LIMIT, "65536 bytes"},
};

static void test_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct buf b;
        struct error e = {0};
        buf_init(&b, 1 << 20);
        lies[i].make(&b);
        enum err err = try_bytes(b.p, b.n, &e);
        if (err != lies[i].err || !strstr(e.text, lies[i].word))
            fail_msg("case %zu: %s \"%s\", expected %s \"%s\"", i, err_name(err), e.text,
                     err_name(lies[i].err), lies[i].word);
        buf_done(&b);
    }
}

/* What stands just inside the limits is taken. */
static void test_limits_reached(void **state)
{
    (void)state;
    struct buf b;
    struct error e = {0};
    char name[GGUF_NAME_BYTES_MAX + 1];
    memset(name, 'n', sizeof name);
    name[GGUF_NAME_BYTES_MAX] = '\0';
    buf_init(&b, 4 << 20);
    put_head(&b, 3, 1, 2);
    put_u32(&b, "general.alignment", GGUF_ALIGNMENT_MAX);
    put(&b, GGUF_KEY_BYTES_MAX, 8);
    for (int i = 0; i < GGUF_KEY_BYTES_MAX; i++)
        buf_char(&b, 'k');
    put(&b, GGUF_U8, 4), put(&b, 1, 1);
    put_tensor(&b, name, 2, square, QUANT_F32, 0);
    pad_to(&b, GGUF_ALIGNMENT_MAX);
    for (int i = 0; i < 256; i++)
        buf_char(&b, 1);
    if (try_bytes(b.p, b.n, &e) != ERR_OK)
        fail_msg("%s", e.text);
    buf_clear(&b);
    put_head(&b, 3, 0, GGUF_KV_MAX);
    for (int i = 0; i < GGUF_KV_MAX; i++) {
        char key[8];
        snprintf(key, sizeof key, "%06x", (unsigned)i);
        put_name(&b, str_of(key));
        put(&b, GGUF_U8, 4), put(&b, 1, 1);
    }
    if (try_bytes(b.p, b.n, &e) != ERR_OK)
        fail_msg("%s", e.text);
    buf_done(&b);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = "gguf-test-XXXXXX", path[64];
    struct gguf *g;
    struct error e = {0};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(gguf_open(dir, &g, &e), ERR_IO);
    snprintf(path, sizeof path, "%s/absent", dir);
    assert_int_equal(gguf_open(path, &g, &e), ERR_NOT_FOUND);
    snprintf(path, sizeof path, "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(gguf_open(path, &g, &e), ERR_IO);
    assert_null(g);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/empty", dir);
    assert_int_equal(file_write_atomic(path, STR(""), 0600, &e), ERR_OK);
    assert_int_equal(gguf_open(path, &g, &e), ERR_FORMAT);
    struct buf b;
    buf_init(&b, 1 << 16);
    put_sample(&b);
    assert_int_equal(file_write_atomic(path, buf_str(&b), 0600, &e), ERR_OK);
    buf_done(&b);
    assert_int_equal(gguf_open(path, &g, &e), ERR_OK);
    uint64_t sum = walk(g);
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        gguf_forget(g, gguf_tensor_at(g, i));
    assert_int_equal(walk(g), sum);
    gguf_close(&g);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* Memory that input sizes ask for may be refused; nothing leaks or crashes then. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    put_sample(&b);
    size_t nth = 1;
    for (; nth < 10; nth++) {
        struct gguf *g;
        struct error e = {0};
        mem_fail_nth(nth);
        enum err err = gguf_parse(b.p, b.n, &g, &e);
        mem_fail_nth(0);
        if (err == ERR_OK) {
            gguf_close(&g);
            break;
        }
        assert_int_equal(err, ERR_LIMIT);
    }
    assert_int_equal(nth, 5);                  /* keys, tensors, offsets, order */
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),          cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_wrong_integers), cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_lies),           cmocka_unit_test(test_limits_reached),
        cmocka_unit_test(test_files),          cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
