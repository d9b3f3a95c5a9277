/* SPDX-License-Identifier: Apache-2.0
 *
 * Intrusive doubly linked list. An element embeds a struct list; the head is one too. No
 * allocation, O(1) removal. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list { struct list *prev, *next; };

#define LIST_ENTRY(node, type, field) ((type *)(void *)((char *)(node) - offsetof(type, field)))
#define LIST_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* Safe against removal of `it`. */
#define LIST_EACH_SAFE(it, head) \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l) { l->prev = l->next = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_add_tail(struct list *head, struct list *n)
{
    n->prev = head->prev; n->next = head; head->prev->next = n; head->prev = n;
}
static inline void list_add_head(struct list *head, struct list *n)
{
    list_add_tail(head->next, n);
}
/* Leaves n as an empty list, so removing twice is harmless. */
static inline void list_del(struct list *n)
{
    n->prev->next = n->next; n->next->prev = n->prev; list_init(n);
}
