/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CPU can do, and which kernels follow from it. The table is filled from the bottom up:
 * a level that has no faster form of a function keeps the one below.
 */
#include "kernel/kern_internal.h"

#if defined(__x86_64__)
#define ARCH_X86 1
#include <cpuid.h>
#else
#define ARCH_X86 0
#endif

static const char *const level_name[KERN_LEVEL_COUNT] = {
    [KERN_SCALAR] = "scalar",
    [KERN_AVX2] = "avx2",
    [KERN_AVX512] = "avx512",
    [KERN_NEON] = "neon",
};

#if ARCH_X86
bool cpu_has_avx2(void)
{
    unsigned a, b, c, d;
    /* F16C by hand: not every compiler knows it by name. The builtin checks the system's part. */
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_F16C))
        return false;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool cpu_has_avx512(void)
{
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

void cpu_pause(void)
{
    __builtin_ia32_pause();
}
#else
bool cpu_has_avx2(void)
{
    return false;
}

bool cpu_has_avx512(void)
{
    return false;
}

void cpu_pause(void)
{
    __asm__ volatile("" ::: "memory");
}
#endif

static bool level_is_present(enum kern_level level)
{
    switch (level) {
    case KERN_SCALAR: return true;
    case KERN_AVX2: return cpu_has_avx2();
    case KERN_AVX512: return cpu_has_avx512();
    case KERN_NEON:
    case KERN_LEVEL_COUNT: break;
    }
    return false;
}

enum kern_level kern_best(enum kern_level max)
{
    enum kern_level best = KERN_SCALAR;

    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT && l <= max; l++)
        if (level_is_present(l))
            best = l;
    return best;
}

enum err kern_init(struct kern *k, enum kern_level level, struct error *e)
{
    if (!level_is_present(level))
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "this CPU or build has no %s kernels; the best it has is %s",
                       kern_level_name(level), kern_level_name(kern_best(KERN_LEVEL_COUNT)));

    kern_use_scalar(k);
    k->level = level;
#if ARCH_X86
    if (level < KERN_AVX2)
        return ERR_OK;
    kern_use_avx2(k);
    if (level < KERN_AVX512)
        return ERR_OK;
    kern_use_avx512(k);
#endif
    return ERR_OK;
}

const char *kern_level_name(enum kern_level level)
{
    return (unsigned)level < KERN_LEVEL_COUNT ? level_name[level] : "unknown";
}

bool kern_level_parse(str name, enum kern_level *out)
{
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++) {
        if (!str_eq_nocase(name, str_of(level_name[l])))
            continue;
        *out = l;
        return true;
    }
    return false;
}
