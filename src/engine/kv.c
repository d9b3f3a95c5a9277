/* SPDX-License-Identifier: Apache-2.0
 *
 * Invariant: every page is fresh (number >= n_fresh), or on the free stack with no holder, or
 * held. The stack never holds a page twice, because only the drop to zero pushes.
 */
#include "engine/kv.h"

#include <sys/mman.h>

#include "base/mem.h"

enum err kv_init(struct kv *kv, size_t page_bytes, uint32_t n_page, struct error *e)
{
    size_t bytes;
    *kv = (struct kv){.page_bytes = page_bytes, .n_page = n_page};
    if (n_page == 0 || n_page > KV_PAGES_MAX || !size_mul(page_bytes, n_page, &bytes))
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%u KV pages, 1 to %u are allowed", n_page,
                       KV_PAGES_MAX);
    kv->n_holder = mem_try_alloc(n_page * sizeof *kv->n_holder);
    kv->free_page = mem_try_alloc(n_page * sizeof *kv->free_page);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p != MAP_FAILED) {
        kv->base = p;
        kv->map_bytes = bytes;
    }
    if (!kv->n_holder || !kv->free_page || !kv->base) {
        kv_done(kv);
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "the system does not give %zu bytes for the KV "
                       "cache: lower the KV budget", bytes);
    }
    return ERR_OK;
}

void kv_done(struct kv *kv)
{
    if (kv->base)
        munmap(kv->base, kv->map_bytes);
    mem_free(kv->n_holder);
    mem_free(kv->free_page);
    *kv = (struct kv){0};
}

uint32_t kv_take(struct kv *kv)
{
    uint32_t page;
    if (kv->n_free_stack > 0)
        page = kv->free_page[--kv->n_free_stack];
    else if (kv->n_fresh < kv->n_page)
        page = kv->n_fresh++;
    else
        return PAGE_NONE;
    CHECK(kv->n_holder[page] == 0);
    kv->n_holder[page] = 1;
    return page;
}

void kv_hold(struct kv *kv, uint32_t page)
{
    CHECK(page < kv->n_fresh && kv->n_holder[page] > 0);
    kv->n_holder[page]++;
}

uint32_t kv_drop(struct kv *kv, uint32_t page)
{
    CHECK(page < kv->n_fresh && kv->n_holder[page] > 0);
    uint32_t left = --kv->n_holder[page];
    if (left == 0)
        kv->free_page[kv->n_free_stack++] = page;
    return left;
}

uint32_t kv_n_free(const struct kv *kv)
{
    return kv->n_free_stack + (kv->n_page - kv->n_fresh);
}
