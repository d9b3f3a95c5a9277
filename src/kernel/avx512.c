/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-512 (F, BW, VL, DQ, VNNI): panels of 16 rows. Order of accumulation per output, whatever
 * the tile: float weights are one FMA chain along K; quantized weights are exact integer sums per
 * block, joined by one FMA chain along the blocks. exp: relative error at most 2e-7.
 *
 * The VNNI product takes unsigned times signed bytes. Weights are the unsigned side (Q8_0 as
 * q + 128, Q4_0 as its nibble), and each sum starts from the bias of the activation block, which
 * takes the offset away again. It costs no instruction and no byte of weights.
 */
#include <immintrin.h>
#include <math.h>

#include "kernel/kern_internal.h"
#include "kernel/panel.h"

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

static const struct panel_shape shape = {.rows = LANES, .q8_flip = 0x80};

static int avx512_panel_rows(uint32_t type)
{
    (void)type;
    return LANES;
}

static size_t avx512_pack_bytes(uint32_t type, int rows, int cols)
{
    return panel_pack_bytes(&shape, type, rows, cols);
}

static void avx512_pack(uint32_t type, void *dst, const void *src, int rows, int cols)
{
    panel_pack(&shape, type, dst, src, rows, cols);
}

static void avx512_row(const struct kern_weight *w, int row, float *out)
{
    panel_row(&shape, w, row, out);
}

/* The first n lanes. */
INLINE __mmask16 lanes_below(int n)
{
    unsigned mask = n >= LANES ? 0xffffu : (1u << n) - 1;
    return (__mmask16)mask;
}

/* ---- activations ---- */

INLINE __m512i magnitude(__m512 v)
{
    return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff));
}

static void act_block(int8_t *q, struct act_scale *s, const float *x, int zero)
{
    __m512 lo = _mm512_loadu_ps(x), hi = _mm512_loadu_ps(x + LANES);
    uint32_t amax = _mm512_reduce_max_epu32(_mm512_max_epu32(magnitude(lo), magnitude(hi)));
    float inverse = act_scale_inverse(amax, &s->d);

    if (inverse == 0) {
        memset(q, 0, BLOCK_LEN);
        s->bias = 0;
        return;
    }
    __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(lo, _mm512_set1_ps(inverse)));
    __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(hi, _mm512_set1_ps(inverse)));
    s->bias = -zero * _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
    _mm_storeu_si128((__m128i *)(void *)q, _mm512_cvtepi32_epi8(a));
    _mm_storeu_si128((__m128i *)(void *)(q + LANES), _mm512_cvtepi32_epi8(b));
}

static void avx512_act_make(uint32_t type, void *dst, const float *x, int cols)
{
    if (type_is_float(type)) {
        memcpy(dst, x, (size_t)cols * sizeof *x);
        return;
    }
    struct act_scale *s = act_scales(dst, cols);
    int zero = type == QUANT_Q4_0 ? 8 : 128;
    for (int b = 0; b < cols / BLOCK_LEN; b++)
        act_block((int8_t *)dst + b * BLOCK_LEN, &s[b], x + b * BLOCK_LEN, zero);
}

/* ---- matrix product ---- */

INLINE void store_rows(const struct tile *t, int panel, int tok, __m512 v)
{
    float *y = t->y + (size_t)tok * t->y_stride + (size_t)panel * LANES;
    _mm512_mask_storeu_ps(y, lanes_below(t->n_row - panel * LANES), v);
}

/* Column c of a panel of float weights. */
INLINE __m512 load_column(const uint8_t *panel, uint32_t type, size_t c)
{
    if (type == QUANT_F32)
        return _mm512_load_ps(panel + c * LANES * 4);
    __m256i h = _mm256_load_si256((const __m256i *)(const void *)(panel + c * LANES * 2));
    if (type == QUANT_F16)
        return _mm512_cvtph_ps(h);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

INLINE void float_tile(const struct tile *t, uint32_t type, int n_panel, int n_tok)
{
    __m512 sum[TILE_PANELS_MAX][TILE_TOKENS_MAX], w[TILE_PANELS_MAX];

    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            sum[p][j] = _mm512_setzero_ps();
    for (size_t c = 0; c < (size_t)t->cols; c++) {
        UNROLL for (int p = 0; p < n_panel; p++)
            w[p] = load_column(t->w + (size_t)p * t->panel_bytes, type, c);
        UNROLL for (int j = 0; j < n_tok; j++) {
            const float *x = (const float *)(const void *)(t->act + (size_t)j * t->act_stride);
            __m512 v = _mm512_set1_ps(x[c]);
            UNROLL for (int p = 0; p < n_panel; p++)
                sum[p][j] = _mm512_fmadd_ps(w[p], v, sum[p][j]);
        }
    }
    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            store_rows(t, p, j, sum[p][j]);
}

/* Group g of a block, columns 4g .. 4g+3 of 16 rows as unsigned bytes. */
INLINE __m512i load_group(const uint8_t *q, uint32_t type, int g)
{
    if (type == QUANT_Q8_0)
        return _mm512_load_si512(q + g * LANES * 4);
    __m512i both = _mm512_load_si512(q + (g & 3) * LANES * 4);
    return _mm512_and_si512(g < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
}

/* Adds one block of columns to the sums of every panel and token of the tile. */
INLINE void add_block(const struct tile *t, uint32_t type, size_t b, int n_panel, int n_tok,
                      __m512 sum[TILE_PANELS_MAX][TILE_TOKENS_MAX])
{
    const size_t n_block = (size_t)t->cols / BLOCK_LEN;
    const size_t block_bytes = (type == QUANT_Q8_0 ? 8 : 4) * LANES * 4;
    const struct act_scale *s[TILE_TOKENS_MAX];
    __m512i dot[TILE_PANELS_MAX][TILE_TOKENS_MAX], w[TILE_PANELS_MAX];

    UNROLL for (int j = 0; j < n_tok; j++) {
        s[j] = act_scales_of(t->act + (size_t)j * t->act_stride, t->cols) + b;
        UNROLL for (int p = 0; p < n_panel; p++)
            dot[p][j] = _mm512_set1_epi32(s[j]->bias);
    }
    UNROLL for (int g = 0; g < 8; g++) {
        UNROLL for (int p = 0; p < n_panel; p++)
            w[p] = load_group(t->w + (size_t)p * t->panel_bytes + b * block_bytes, type, g);
        UNROLL for (int j = 0; j < n_tok; j++) {
            const uint8_t *act = t->act + (size_t)j * t->act_stride + b * BLOCK_LEN;
            __m512i x = _mm512_set1_epi32((int)load_u32(act + g * 4));
            UNROLL for (int p = 0; p < n_panel; p++)
                dot[p][j] = _mm512_dpbusd_epi32(dot[p][j], w[p], x);
        }
    }
    UNROLL for (int p = 0; p < n_panel; p++) {
        const uint8_t *d = t->w + (size_t)p * t->panel_bytes + n_block * block_bytes;
        __m512 dw = _mm512_cvtph_ps(
            _mm256_load_si256((const __m256i *)(const void *)(d + b * LANES * 2)));
        UNROLL for (int j = 0; j < n_tok; j++) {
            __m512 scale = _mm512_mul_ps(dw, _mm512_set1_ps(s[j]->d));
            sum[p][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p][j]), scale, sum[p][j]);
        }
    }
}

INLINE void block_tile(const struct tile *t, uint32_t type, int n_panel, int n_tok)
{
    __m512 sum[TILE_PANELS_MAX][TILE_TOKENS_MAX];

    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            sum[p][j] = _mm512_setzero_ps();
    for (size_t b = 0; b < (size_t)t->cols / BLOCK_LEN; b++)
        add_block(t, type, b, n_panel, n_tok, sum);
    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            store_rows(t, p, j, sum[p][j]);
}

#define TILE(name, body, type, n_panel, n_tok)                        \
    static void name##_##n_panel##x##n_tok(const struct tile *t)      \
    {                                                                 \
        body(t, type, n_panel, n_tok);                                \
    }
#define TILES(name, body, type)                                       \
    TILE(name, body, type, 1, 1)                                      \
    TILE(name, body, type, 1, 2)                                      \
    TILE(name, body, type, 1, 3)                                      \
    TILE(name, body, type, 1, 4)                                      \
    TILE(name, body, type, 2, 1)                                      \
    TILE(name, body, type, 2, 2)                                      \
    TILE(name, body, type, 2, 3)                                      \
    TILE(name, body, type, 2, 4)                                      \
    TILE(name, body, type, 3, 1)                                      \
    TILE(name, body, type, 4, 1)
#define TILES_OF(name)                                                \
    {                                                                 \
        {name##_1x1, name##_1x2, name##_1x3, name##_1x4},             \
        {name##_2x1, name##_2x2, name##_2x3, name##_2x4},             \
        {name##_3x1},                                                 \
        {name##_4x1},                                                 \
    }

TILES(f32, float_tile, QUANT_F32)
TILES(f16, float_tile, QUANT_F16)
TILES(bf16, float_tile, QUANT_BF16)
TILES(q8_0, block_tile, QUANT_Q8_0)
TILES(q4_0, block_tile, QUANT_Q4_0)

static const tile_table tiles[QUANT_TYPE_COUNT] = {
    [QUANT_F32] = TILES_OF(f32),   [QUANT_F16] = TILES_OF(f16),   [QUANT_BF16] = TILES_OF(bf16),
    [QUANT_Q8_0] = TILES_OF(q8_0), [QUANT_Q4_0] = TILES_OF(q4_0),
};

static void avx512_matmul(float *y, size_t y_stride, const struct kern_weight *w, const void *act,
                          size_t act_stride, int n_tok, int row0, int row1)
{
    /* One token alone needs several independent chains; more tokens bring their own. */
    struct matmul m = {y, y_stride, w, act, act_stride, n_tok, row0, row1, n_tok == 1 ? 4 : 2};
    panel_matmul(&shape, &tiles[w->type], &m);
}

/* ---- elementwise ---- */

/* exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln 2 / 2: Taylor to r^7 leaves 7e-9. */
INLINE __m512 exp16(__m512 x)
{
    x = _mm512_max_ps(_mm512_set1_ps(-105.0f), _mm512_min_ps(_mm512_set1_ps(89.0f), x));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    static const float term[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
    __m512 p = _mm512_set1_ps(1.0f / 5040);
    UNROLL for (int i = 0; i < 7; i++)
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(term[i]));
    return _mm512_scalef_ps(p, n);
}

static void avx512_rms_norm(float *y, const float *x, const float *w, int n, float eps)
{
    __m512 sum = _mm512_setzero_ps();

    for (int i = 0; i < n; i += LANES) {
        __m512 v = _mm512_maskz_loadu_ps(lanes_below(n - i), x + i);
        sum = _mm512_fmadd_ps(v, v, sum);
    }
    float inverse = 1.0f / sqrtf(_mm512_reduce_add_ps(sum) / (float)n + eps);
    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(on, x + i), _mm512_set1_ps(inverse));
        _mm512_mask_storeu_ps(y + i, on, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(on, w + i)));
    }
}

static void avx512_silu_mul(float *y, const float *gate, const float *up, int n)
{
    const __m512 one = _mm512_set1_ps(1), sign = _mm512_set1_ps(-0.0f);

    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        __m512 g = _mm512_maskz_loadu_ps(on, gate + i);
        __m512 silu = _mm512_div_ps(g, _mm512_add_ps(one, exp16(_mm512_xor_ps(g, sign))));
        _mm512_mask_storeu_ps(y + i, on, _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(on, up + i)));
    }
}

static void avx512_kv_store(void *dst, const float *x, int n, enum kv_type type)
{
    if (type == KV_F32) {
        memcpy(dst, x, (size_t)n * sizeof *x);
        return;
    }
    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        __m256i h = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(on, x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_mask_storeu_epi16((uint8_t *)dst + 2 * i, on, h);
    }
}

/* ---- attention ---- */

INLINE size_t kv_offset(size_t i, enum kv_type type)
{
    return i * (type == KV_F16 ? 2 : 4);
}

INLINE __m512 kv_load(const uint8_t *p, __mmask16 on, enum kv_type type)
{
    if (type == KV_F32)
        return _mm512_maskz_loadu_ps(on, p);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(on, p));
}

/* Dot products of q with four keys; lanes are summed in the same tree for each. */
INLINE __m128 dot_keys(const float *q, const uint8_t *const key[4], int dim, enum kv_type type)
{
    __m512 s[4];

    UNROLL for (int k = 0; k < 4; k++)
        s[k] = _mm512_setzero_ps();
    for (int i = 0; i < dim; i += LANES) {
        __mmask16 on = lanes_below(dim - i);
        __m512 v = _mm512_maskz_loadu_ps(on, q + i);
        UNROLL for (int k = 0; k < 4; k++) {
            __m512 x = kv_load(key[k] + kv_offset((size_t)i, type), on, type);
            s[k] = _mm512_fmadd_ps(v, x, s[k]);
        }
    }
    __m256 h[4];
    UNROLL for (int k = 0; k < 4; k++)
        h[k] = _mm256_add_ps(_mm512_castps512_ps256(s[k]), _mm512_extractf32x8_ps(s[k], 1));
    h[0] = _mm256_hadd_ps(_mm256_hadd_ps(h[0], h[1]), _mm256_hadd_ps(h[2], h[3]));
    return _mm_add_ps(_mm256_castps256_ps128(h[0]), _mm256_extractf128_ps(h[0], 1));
}

/* Scores of one head over n keys of a page. The last group repeats its last key. */
INLINE void score_page(const float *q, const uint8_t *page, int n, float scale, int dim,
                       enum kv_type type, float *score)
{
    size_t row = kv_offset((size_t)dim, type);

    for (int k = 0; k < n; k += 4) {
        const uint8_t *key[4];
        UNROLL for (int i = 0; i < 4; i++)
            key[i] = page + (size_t)(k + i < n ? k + i : n - 1) * row;
        __m128 s = _mm_mul_ps(dot_keys(q, key, dim, type), _mm_set1_ps(scale));
        _mm_mask_storeu_ps(score + k, (__mmask8)(lanes_below(n - k) & 15), s);
    }
}

/* score becomes its softmax. */
static void softmax(float *score, int n)
{
    __m512 max = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();

    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        max = _mm512_mask_max_ps(max, on, max, _mm512_maskz_loadu_ps(on, score + i));
    }
    __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(max));
    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        __m512 v = exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(on, score + i), top));
        _mm512_mask_storeu_ps(score + i, on, v);
        sum = _mm512_mask_add_ps(sum, on, sum, v);
    }
    __m512 inverse = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sum));
    for (int i = 0; i < n; i += LANES) {
        __mmask16 on = lanes_below(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(on, score + i), inverse);
        _mm512_mask_storeu_ps(score + i, on, v);
    }
}

/* out[n_vec * 16] += sum over keys of weight * value; `on` are the lanes of the last vector. */
INLINE void add_values(float *out, const uint8_t *v, size_t stride, const float *weight, int n,
                       enum kv_type type, int n_vec, __mmask16 on)
{
    __m512 s[8];

    UNROLL for (int i = 0; i < n_vec; i++)
        s[i] = _mm512_maskz_loadu_ps(i + 1 < n_vec ? (__mmask16)0xffff : on, out + i * LANES);
    for (int k = 0; k < n; k++, v += stride) {
        __m512 p = _mm512_set1_ps(weight[k]);
        UNROLL for (int i = 0; i < n_vec; i++) {
            __mmask16 m = i + 1 < n_vec ? (__mmask16)0xffff : on;
            __m512 x = kv_load(v + kv_offset((size_t)i * LANES, type), m, type);
            s[i] = _mm512_fmadd_ps(p, x, s[i]);
        }
    }
    UNROLL for (int i = 0; i < n_vec; i++)
        _mm512_mask_storeu_ps(out + i * LANES, i + 1 < n_vec ? (__mmask16)0xffff : on, s[i]);
}

INLINE void value_page(float *out, const uint8_t *page, const float *weight, int n, int dim,
                       enum kv_type type)
{
    size_t row = kv_offset((size_t)dim, type);
    int i = 0;

    for (; i + 8 * LANES <= dim; i += 8 * LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 8, 0xffff);
    for (; i + 4 * LANES <= dim; i += 4 * LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 4, 0xffff);
    for (; i < dim; i += LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 1,
                   lanes_below(dim - i));
}

/* Pages outside, heads inside: a page is read from memory once for all heads that share it. */
INLINE void attn_all(const struct kern_attn *a, enum kv_type type)
{
    size_t stride = round_up((size_t)a->n_kv, (size_t)a->page_len), dim = (size_t)a->dim;

    for (int k = 0; k < a->n_kv; k += a->page_len) {
        int n = a->n_kv - k < a->page_len ? a->n_kv - k : a->page_len;
        for (int h = 0; h < a->n_q; h++)
            score_page(a->q + (size_t)h * dim, a->k_page[k / a->page_len], n, a->scale, a->dim,
                       type, a->score + (size_t)h * stride + k);
    }
    memset(a->out, 0, (size_t)a->n_q * dim * sizeof *a->out);
    for (int h = 0; h < a->n_q; h++)
        softmax(a->score + (size_t)h * stride, a->n_kv);
    for (int k = 0; k < a->n_kv; k += a->page_len) {
        int n = a->n_kv - k < a->page_len ? a->n_kv - k : a->page_len;
        for (int h = 0; h < a->n_q; h++)
            value_page(a->out + (size_t)h * dim, a->v_page[k / a->page_len],
                       a->score + (size_t)h * stride + k, n, a->dim, type);
    }
}

static void attn_f32(const struct kern_attn *a)
{
    attn_all(a, KV_F32);
}

static void attn_f16(const struct kern_attn *a)
{
    attn_all(a, KV_F16);
}

static void avx512_attn(const struct kern_attn *a)
{
    if (a->kv_type == KV_F32)
        attn_f32(a);
    else
        attn_f16(a);
}

void kern_use_avx512(struct kern *k)
{
    k->panel_rows = avx512_panel_rows;
    k->pack_bytes = avx512_pack_bytes;
    k->pack = avx512_pack;
    k->row = avx512_row;
    k->act_make = avx512_act_make;
    k->matmul = avx512_matmul;
    k->rms_norm = avx512_rms_norm;
    k->silu_mul = avx512_silu_mul;
    k->kv_store = avx512_kv_store;
    k->attn = avx512_attn;
}
