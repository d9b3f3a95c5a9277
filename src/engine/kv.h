/* SPDX-License-Identifier: Apache-2.0
 *
 * KV pages: one reserved range of memory cut into equal pages, with a count of holders per page.
 * Address space is reserved at start, memory is touched only when a page is first used. What is
 * in a page is not known here. Scheduler thread; allocates only in kv_init.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define PAGE_NONE UINT32_MAX
#define KV_PAGES_MAX (1u << 28)

struct kv {
    uint8_t *base;                     /* page p at base + p * page_bytes */
    size_t page_bytes, map_bytes;
    uint32_t n_page;
    uint32_t *n_holder;                /* [n_page]; 0: the page is free */
    uint32_t *free_page;               /* stack of pages that were used before */
    uint32_t n_free_stack;
    uint32_t n_fresh;                  /* pages n_fresh .. n_page-1 were never used */
};

MUST_CHECK enum err kv_init(struct kv *kv, size_t page_bytes, uint32_t n_page, struct error *e);
void kv_done(struct kv *kv);
/* A free page with one holder, or PAGE_NONE. Used pages first: fresh ones cost memory. */
uint32_t kv_take(struct kv *kv);
void kv_hold(struct kv *kv, uint32_t page);
/* Gives the number of holders left; at 0 the page is free. */
uint32_t kv_drop(struct kv *kv, uint32_t page);
uint32_t kv_n_free(const struct kv *kv);
