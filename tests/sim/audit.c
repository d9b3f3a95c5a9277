/* SPDX-License-Identifier: Apache-2.0
 *
 * The invariants of sched_internal.h, prefix.h and kv.h, checked between two steps.
 */
#include "audit.h"

#include <string.h>

#include "base/mem.h"

static void audit_sequence(const struct sched *sc, const struct engine_seq *s, uint32_t *n_holder)
{
    CHECK(s->state == SEQ_RUNNING && s->n_plan == 0);
    CHECK(s->n_done < s->n_token && s->n_token <= s->n_token_max);
    CHECK(s->n_page == pages_of(s->n_done));
    CHECK(s->decode_from < s->n_token && s->n_forced <= FORCED_MAX);
    CHECK(s->matcher ? matcher_n_token(s->matcher) == (size_t)(s->n_token - s->n_prompt)
                     : s->n_forced == 0 && !s->asks_forced);
    CHECK(s->n_shared == (sc->o.prefix_cache ? s->n_done / KV_PAGE_LEN : 0));
    for (int i = 0; i < s->n_page; i++) {
        uint32_t page = s->page[i];
        const struct prefix_node *n = &sc->prefix.node[page];
        n_holder[page]++;
        CHECK(n->is_in_tree == (i < s->n_shared));
        if (!n->is_in_tree) {
            CHECK(sc->kv.n_holder[page] == 1);
            continue;
        }
        CHECK(n->salt == s->salt);
        CHECK(n->parent == (i > 0 ? s->page[i - 1] : PAGE_NONE));
        CHECK(memcmp(n->token, s->token + i * KV_PAGE_LEN, sizeof n->token) == 0);
    }
}

static void audit_pages(const struct sched *sc, const uint32_t *n_holder)
{
    uint32_t n_used = 0, n_in_tree = 0, n_idle = 0;
    for (uint32_t page = 0; page < sc->kv.n_page; page++) {
        const struct prefix_node *n = &sc->prefix.node[page];
        CHECK(sc->kv.n_holder[page] == n_holder[page] + n->is_in_tree);
        CHECK(n->is_idle == (n->is_in_tree && n_holder[page] == 0));
        if (n->is_in_tree) {
            CHECK(prefix_find(&sc->prefix, n->salt, n->parent, n->token) == page);
            if (n->parent != PAGE_NONE)
                CHECK(sc->prefix.node[n->parent].is_in_tree);
        }
        n_used += sc->kv.n_holder[page] > 0;
        n_in_tree += n->is_in_tree;
        n_idle += n->is_idle;
    }
    CHECK(n_used + kv_n_free(&sc->kv) == sc->kv.n_page);
    CHECK(n_in_tree == sc->prefix.n_in_tree && n_idle == sc->prefix.n_idle);
}

static void audit_idle_list(const struct prefix *px)
{
    uint32_t n = 0, before = PAGE_NONE;
    for (uint32_t page = px->oldest; page != PAGE_NONE; page = px->node[page].newer) {
        CHECK(px->node[page].is_idle && px->node[page].older == before);
        before = page;
        n++;
    }
    CHECK(before == px->newest && n == px->n_idle);
    CHECK(n == 0 || px->node[px->oldest].n_child == 0);
}

static void audit_free_stack(const struct kv *kv)
{
    CHECK(kv->n_free_stack <= kv->n_fresh);
    for (uint32_t i = 0; i < kv->n_free_stack; i++) {
        CHECK(kv->free_page[i] < kv->n_fresh && kv->n_holder[kv->free_page[i]] == 0);
        for (uint32_t j = 0; j < i; j++)
            CHECK(kv->free_page[i] != kv->free_page[j]);
    }
}

void audit(const struct sched *sc)
{
    uint32_t *n_holder = mem_array(sc->kv.n_page, sizeof *n_holder);
    int n_queued = 0;
    CHECK(sc->n_running <= sc->o.n_seq_max);
    for (int i = 0; i < sc->n_running; i++) {
        const struct engine_seq *s = sc->running[i], *b = i > 0 ? sc->running[i - 1] : NULL;
        audit_sequence(sc, s, n_holder);
        CHECK(!b || b->priority > s->priority ||
              (b->priority == s->priority && b->ticket < s->ticket));
    }
    LIST_EACH(link, (struct list *)&sc->queue) {
        const struct engine_seq *s = LIST_ENTRY(link, struct engine_seq, link);
        CHECK(s->state == SEQ_QUEUED && s->n_page == 0 && s->n_done == 0 && s->n_shared == 0);
        CHECK(!s->matcher ||
              matcher_n_token(s->matcher) == (size_t)(s->n_token - s->n_prompt));
        n_queued++;
    }
    CHECK(n_queued == sc->n_queued);
    audit_pages(sc, n_holder);
    audit_idle_list(&sc->prefix);
    audit_free_stack(&sc->kv);
    mem_free(n_holder);
}
