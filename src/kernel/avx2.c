/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX2 with FMA and F16C: panels of 8 rows. Order of accumulation per output, whatever the tile:
 * float weights are one FMA chain along K; quantized weights are exact integer sums per block,
 * joined by one FMA chain along the blocks. exp: relative error at most 2e-7.
 */
#include <immintrin.h>
#include <math.h>

#include "kernel/kern_internal.h"
#include "kernel/panel.h"

#define LANES 8
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

static const struct panel_shape shape = {.rows = LANES, .q8_flip = 0};

static int avx2_panel_rows(uint32_t type)
{
    (void)type;
    return LANES;
}

static size_t avx2_pack_bytes(uint32_t type, int rows, int cols)
{
    return panel_pack_bytes(&shape, type, rows, cols);
}

static void avx2_pack(uint32_t type, void *dst, const void *src, int rows, int cols)
{
    panel_pack(&shape, type, dst, src, rows, cols);
}

static void avx2_row(const struct kern_weight *w, int row, float *out)
{
    panel_row(&shape, w, row, out);
}

/* All ones in the first n lanes. */
INLINE __m256i lanes_below(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE float sum_of_lanes(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* ---- activations ---- */

INLINE __m256i magnitude(__m256 v)
{
    return _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(0x7fffffff));
}

INLINE uint32_t max_of_lanes(__m256i v)
{
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1)));
}

INLINE int sum_of_ints(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static void act_block(int8_t *q, struct act_scale *s, const float *x, int zero)
{
    __m256 v[4];
    __m256i amax = _mm256_setzero_si256(), sum = _mm256_setzero_si256(), n[4];

    UNROLL for (int i = 0; i < 4; i++) {
        v[i] = _mm256_loadu_ps(x + i * LANES);
        amax = _mm256_max_epu32(amax, magnitude(v[i]));
    }
    float inverse = act_scale_inverse(max_of_lanes(amax), &s->d);
    if (inverse == 0) {
        memset(q, 0, BLOCK_LEN);
        s->bias = 0;
        return;
    }
    UNROLL for (int i = 0; i < 4; i++) {
        n[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], _mm256_set1_ps(inverse)));
        sum = _mm256_add_epi32(sum, n[i]);
    }
    s->bias = -zero * sum_of_ints(sum);
    /* Packing works within halves; the last step puts the groups of four back in order. */
    __m256i p = _mm256_packs_epi16(_mm256_packs_epi32(n[0], n[1]), _mm256_packs_epi32(n[2], n[3]));
    p = _mm256_permutevar8x32_epi32(p, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)q, p);
}

static void avx2_act_make(uint32_t type, void *dst, const float *x, int cols)
{
    if (type_is_float(type)) {
        memcpy(dst, x, (size_t)cols * sizeof *x);
        return;
    }
    struct act_scale *s = act_scales(dst, cols);
    int zero = type == QUANT_Q4_0 ? 8 : 0;
    for (int b = 0; b < cols / BLOCK_LEN; b++)
        act_block((int8_t *)dst + b * BLOCK_LEN, &s[b], x + b * BLOCK_LEN, zero);
}

/* ---- matrix product ---- */

INLINE void store_rows(const struct tile *t, int panel, int tok, __m256 v)
{
    float *y = t->y + (size_t)tok * t->y_stride + (size_t)panel * LANES;
    int left = t->n_row - panel * LANES;

    if (left >= LANES)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, lanes_below(left), v);
}

/* Column c of a panel of float weights. */
INLINE __m256 load_column(const uint8_t *panel, uint32_t type, size_t c)
{
    if (type == QUANT_F32)
        return _mm256_load_ps((const float *)(const void *)panel + c * LANES);
    __m128i h = _mm_load_si128((const __m128i *)(const void *)(panel + c * LANES * 2));
    if (type == QUANT_F16)
        return _mm256_cvtph_ps(h);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

INLINE void float_tile(const struct tile *t, uint32_t type, int n_panel, int n_tok)
{
    __m256 sum[TILE_PANELS_MAX][TILE_TOKENS_MAX], w[TILE_PANELS_MAX];

    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            sum[p][j] = _mm256_setzero_ps();
    for (size_t c = 0; c < (size_t)t->cols; c++) {
        UNROLL for (int p = 0; p < n_panel; p++)
            w[p] = load_column(t->w + (size_t)p * t->panel_bytes, type, c);
        UNROLL for (int j = 0; j < n_tok; j++) {
            const float *x = (const float *)(const void *)(t->act + (size_t)j * t->act_stride);
            __m256 v = _mm256_broadcast_ss(x + c);
            UNROLL for (int p = 0; p < n_panel; p++)
                sum[p][j] = _mm256_fmadd_ps(w[p], v, sum[p][j]);
        }
    }
    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            store_rows(t, p, j, sum[p][j]);
}

INLINE __m256i load_group(const uint8_t *q, int g)
{
    return _mm256_load_si256((const __m256i *)(const void *)(q + g * LANES * 4));
}

INLINE __m256i broadcast_group(const uint8_t *act, int g)
{
    return _mm256_set1_epi32((int)load_u32(act + g * 4));
}

/* Keeps a partial sum where it is. Without it gcc re-orders the sums of a block into a tree whose
 * leaves do not fit the registers. */
INLINE __m256i in_place(__m256i v)
{
    __asm__("" : "+x"(v));
    return v;
}

/* |w| * (x with the sign of w): pairs reach 2 * 128 * 127 and fit 16 bits, which w * x as
 * unsigned times signed would not. */
INLINE __m256i dot_add_q8(__m256i dot, __m256i w, __m256i w_abs, __m256i x)
{
    __m256i pairs = _mm256_maddubs_epi16(w_abs, _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(dot, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE void dots_q8_0(const struct tile *t, const uint8_t *q, size_t col, int n_tok, __m256i *dot)
{
    UNROLL for (int j = 0; j < n_tok; j++)
        dot[j] = _mm256_setzero_si256();
    UNROLL for (int g = 0; g < 8; g++) {
        __m256i w = load_group(q, g), w_abs = _mm256_abs_epi8(w);
        UNROLL for (int j = 0; j < n_tok; j++) {
            const uint8_t *act = t->act + (size_t)j * t->act_stride + col;
            dot[j] = in_place(dot_add_q8(dot[j], w, w_abs, broadcast_group(act, g)));
        }
    }
}

/* Eight pairs of at most 2 * 15 * 127 fit 16 bits, so the sums widen once per block. */
INLINE void dots_q4_0(const struct tile *t, const uint8_t *q, size_t col, int n_tok, __m256i *dot)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i pairs[TILE_TOKENS_MAX];

    UNROLL for (int j = 0; j < n_tok; j++)
        pairs[j] = _mm256_setzero_si256();
    UNROLL for (int g = 0; g < 4; g++) {
        __m256i both = load_group(q, g);
        __m256i lo = _mm256_and_si256(both, nibble);
        __m256i hi = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        UNROLL for (int j = 0; j < n_tok; j++) {
            const uint8_t *act = t->act + (size_t)j * t->act_stride + col;
            __m256i a = _mm256_maddubs_epi16(lo, broadcast_group(act, g));
            __m256i b = _mm256_maddubs_epi16(hi, broadcast_group(act, g + 4));
            pairs[j] = in_place(_mm256_add_epi16(pairs[j], _mm256_add_epi16(a, b)));
        }
    }
    UNROLL for (int j = 0; j < n_tok; j++)
        dot[j] = _mm256_madd_epi16(pairs[j], _mm256_set1_epi16(1));
}

/* Adds one block of columns to the sums of one panel and every token of the tile. */
INLINE void add_block(const struct tile *t, uint32_t type, const uint8_t *panel, size_t b,
                      int n_tok, __m256 sum[TILE_TOKENS_MAX])
{
    const size_t n_block = (size_t)t->cols / BLOCK_LEN;
    const size_t block_bytes = (type == QUANT_Q8_0 ? 8 : 4) * LANES * 4;
    const uint8_t *q = panel + b * block_bytes, *d = panel + n_block * block_bytes;
    __m256i dot[TILE_TOKENS_MAX];

    if (type == QUANT_Q8_0)
        dots_q8_0(t, q, b * BLOCK_LEN, n_tok, dot);
    else
        dots_q4_0(t, q, b * BLOCK_LEN, n_tok, dot);
    __m256 dw =
        _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(const void *)(d + b * LANES * 2)));
    UNROLL for (int j = 0; j < n_tok; j++) {
        const struct act_scale *s = act_scales_of(t->act + (size_t)j * t->act_stride, t->cols) + b;
        if (type != QUANT_Q8_0)
            dot[j] = _mm256_add_epi32(dot[j], _mm256_set1_epi32(s->bias));
        __m256 scale = _mm256_mul_ps(dw, _mm256_set1_ps(s->d));
        sum[j] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[j]), scale, sum[j]);
    }
}

/* Sixteen registers hold the sums of one panel and four tokens, or of four panels and one. */
INLINE void add_panels(const struct tile *t, uint32_t type, int first, int n_panel, int n_tok)
{
    __m256 sum[TILE_PANELS_MAX][TILE_TOKENS_MAX];

    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            sum[p][j] = _mm256_setzero_ps();
    for (size_t b = 0; b < (size_t)t->cols / BLOCK_LEN; b++)
        UNROLL for (int p = 0; p < n_panel; p++)
            add_block(t, type, t->w + (size_t)(first + p) * t->panel_bytes, b, n_tok, sum[p]);
    UNROLL for (int p = 0; p < n_panel; p++)
        UNROLL for (int j = 0; j < n_tok; j++)
            store_rows(t, first + p, j, sum[p][j]);
}

INLINE void block_tile(const struct tile *t, uint32_t type, int n_panel, int n_tok)
{
    if (n_tok == 1)
        add_panels(t, type, 0, n_panel, 1);
    else
        for (int p = 0; p < n_panel; p++)
            add_panels(t, type, p, 1, n_tok);
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

static void avx2_matmul(float *y, size_t y_stride, const struct kern_weight *w, const void *act,
                        size_t act_stride, int n_tok, int row0, int row1)
{
    /* One token alone needs several independent chains; more tokens bring their own. */
    struct matmul m = {y, y_stride, w, act, act_stride, n_tok, row0, row1, n_tok == 1 ? 4 : 2};
    panel_matmul(&shape, &tiles[w->type], &m);
}

/* ---- elementwise ---- */

/* exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln 2 / 2: Taylor to r^7 leaves 7e-9. The
 * power comes in two halves, so that denormal results and infinity come out by themselves. */
INLINE __m256 exp8(__m256 x)
{
    x = _mm256_max_ps(_mm256_set1_ps(-105.0f), _mm256_min_ps(_mm256_set1_ps(89.0f), x));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    static const float term[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
    __m256 p = _mm256_set1_ps(1.0f / 5040);
    UNROLL for (int i = 0; i < 7; i++)
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(term[i]));
    __m256i e = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(e, 1);
    __m256i bias = _mm256_set1_epi32(127);
    __m256i lo = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    __m256i hi = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(e, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(lo)), _mm256_castsi256_ps(hi));
}

static void avx2_rms_norm(float *y, const float *x, const float *w, int n, float eps)
{
    __m256 sum = _mm256_setzero_ps();

    for (int i = 0; i < n; i += LANES) {
        __m256 v = _mm256_maskload_ps(x + i, lanes_below(n - i));
        sum = _mm256_fmadd_ps(v, v, sum);
    }
    float inverse = 1.0f / sqrtf(sum_of_lanes(sum) / (float)n + eps);
    for (int i = 0; i < n; i += LANES) {
        __m256i on = lanes_below(n - i);
        __m256 v = _mm256_mul_ps(_mm256_maskload_ps(x + i, on), _mm256_set1_ps(inverse));
        _mm256_maskstore_ps(y + i, on, _mm256_mul_ps(v, _mm256_maskload_ps(w + i, on)));
    }
}

static void avx2_silu_mul(float *y, const float *gate, const float *up, int n)
{
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);

    for (int i = 0; i < n; i += LANES) {
        __m256i on = lanes_below(n - i);
        __m256 g = _mm256_maskload_ps(gate + i, on);
        __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, exp8(_mm256_xor_ps(g, sign))));
        _mm256_maskstore_ps(y + i, on, _mm256_mul_ps(silu, _mm256_maskload_ps(up + i, on)));
    }
}

static void avx2_kv_store(void *dst, const float *x, int n, enum kv_type type)
{
    if (type == KV_F32) {
        memcpy(dst, x, (size_t)n * sizeof *x);
        return;
    }
    uint8_t *to = dst;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm_storeu_si128((__m128i *)(void *)(to + 2 * i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        store_u16(to + 2 * i, f32_to_f16(x[i]));
}

/* ---- attention ---- */

INLINE size_t kv_offset(size_t i, enum kv_type type)
{
    return i * (type == KV_F16 ? 2 : 4);
}

INLINE __m256 kv_load8(const uint8_t *p, enum kv_type type)
{
    if (type == KV_F32)
        return _mm256_loadu_ps((const float *)(const void *)p);
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE __m128 kv_load4(const uint8_t *p, enum kv_type type)
{
    if (type == KV_F32)
        return _mm_loadu_ps((const float *)(const void *)p);
    return _mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

/* Dot products of q with four keys; lanes are summed in the same tree for each. */
INLINE __m128 dot_keys(const float *q, const uint8_t *const key[4], int dim, enum kv_type type)
{
    __m256 s[4];
    int i = 0;

    UNROLL for (int k = 0; k < 4; k++)
        s[k] = _mm256_setzero_ps();
    for (; i + LANES <= dim; i += LANES) {
        __m256 v = _mm256_loadu_ps(q + i);
        UNROLL for (int k = 0; k < 4; k++)
            s[k] = _mm256_fmadd_ps(v, kv_load8(key[k] + kv_offset((size_t)i, type), type), s[k]);
    }
    if (i < dim) {
        __m256 v = _mm256_zextps128_ps256(_mm_loadu_ps(q + i));
        UNROLL for (int k = 0; k < 4; k++) {
            __m128 last = kv_load4(key[k] + kv_offset((size_t)i, type), type);
            s[k] = _mm256_fmadd_ps(v, _mm256_zextps128_ps256(last), s[k]);
        }
    }
    __m256 h = _mm256_hadd_ps(_mm256_hadd_ps(s[0], s[1]), _mm256_hadd_ps(s[2], s[3]));
    return _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
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
        if (k + 4 <= n)
            _mm_storeu_ps(score + k, s);
        else
            _mm_maskstore_ps(score + k, _mm256_castsi256_si128(lanes_below(n - k)), s);
    }
}

/* score becomes its softmax. */
static void softmax(float *score, int n)
{
    __m256 max = _mm256_set1_ps(-INFINITY), sum = _mm256_setzero_ps();
    float lane[LANES], top = -INFINITY;

    for (int i = 0; i < n; i += LANES) {
        __m256i on = lanes_below(n - i);
        __m256 v = _mm256_maskload_ps(score + i, on);
        max = _mm256_max_ps(max, _mm256_blendv_ps(max, v, _mm256_castsi256_ps(on)));
    }
    _mm256_storeu_ps(lane, max);
    for (int i = 0; i < LANES; i++)
        top = lane[i] > top ? lane[i] : top;
    for (int i = 0; i < n; i += LANES) {
        __m256i on = lanes_below(n - i);
        __m256 v = _mm256_sub_ps(_mm256_maskload_ps(score + i, on), _mm256_set1_ps(top));
        v = _mm256_and_ps(exp8(v), _mm256_castsi256_ps(on));
        _mm256_maskstore_ps(score + i, on, v);
        sum = _mm256_add_ps(sum, v);
    }
    float inverse = 1.0f / sum_of_lanes(sum);
    for (int i = 0; i < n; i++)
        score[i] *= inverse;
}

/* out[n_vec * 8] += sum over keys of weight * value; stride bytes from a value to the next. */
INLINE void add_values(float *out, const uint8_t *v, size_t stride, const float *weight, int n,
                       enum kv_type type, int n_vec)
{
    __m256 s[8];

    UNROLL for (int i = 0; i < n_vec; i++)
        s[i] = _mm256_loadu_ps(out + i * LANES);
    for (int k = 0; k < n; k++, v += stride) {
        __m256 p = _mm256_broadcast_ss(weight + k);
        UNROLL for (int i = 0; i < n_vec; i++) {
            __m256 x = kv_load8(v + kv_offset((size_t)i * LANES, type), type);
            s[i] = _mm256_fmadd_ps(p, x, s[i]);
        }
    }
    UNROLL for (int i = 0; i < n_vec; i++)
        _mm256_storeu_ps(out + i * LANES, s[i]);
}

INLINE void add_values4(float *out, const uint8_t *v, size_t stride, const float *weight, int n,
                        enum kv_type type)
{
    __m128 s = _mm_loadu_ps(out);

    for (int k = 0; k < n; k++, v += stride)
        s = _mm_fmadd_ps(_mm_set1_ps(weight[k]), kv_load4(v, type), s);
    _mm_storeu_ps(out, s);
}

INLINE void value_page(float *out, const uint8_t *page, const float *weight, int n, int dim,
                       enum kv_type type)
{
    size_t row = kv_offset((size_t)dim, type);
    int i = 0;

    for (; i + 8 * LANES <= dim; i += 8 * LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 8);
    for (; i + 2 * LANES <= dim; i += 2 * LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 2);
    for (; i + LANES <= dim; i += LANES)
        add_values(out + i, page + kv_offset((size_t)i, type), row, weight, n, type, 1);
    if (i < dim)
        add_values4(out + i, page + kv_offset((size_t)i, type), row, weight, n, type);
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

static void avx2_attn(const struct kern_attn *a)
{
    if (a->kv_type == KV_F32)
        attn_f32(a);
    else
        attn_f16(a);
}

void kern_use_avx2(struct kern *k)
{
    k->panel_rows = avx2_panel_rows;
    k->pack_bytes = avx2_pack_bytes;
    k->pack = avx2_pack;
    k->row = avx2_row;
    k->act_make = avx2_act_make;
    k->matmul = avx2_matmul;
    k->rms_norm = avx2_rms_norm;
    k->silu_mul = avx2_silu_mul;
    k->kv_store = avx2_kv_store;
    k->attn = avx2_attn;
}
