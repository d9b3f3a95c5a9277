/* SPDX-License-Identifier: Apache-2.0 */
#include "store/response_rows.h"

static enum err not_found(str id, struct error *e)
{
    return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "Response with id=%.*s not found",
                   STR_FMT(str_sub(id, 0, 100)));
}

/* ---- writes ---- */

static enum err insert_item(struct db *db, str response_id, size_t position,
                            const struct response_item *i, struct error *e)
{
    const struct db_value p[] = {db_text(response_id), db_int((int64_t)position), db_text(i->id),
                                 db_int(i->is_output), db_text(i->body)};

    return db_run(db,
        "INSERT INTO response_item (response_id, position, id, is_output, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5)", p, sizeof p / sizeof p[0], NULL, NULL, e);
}

enum err response_rows_insert(struct db *db, const struct response_row *r, struct error *e)
{
    const struct db_value p[] = {
        db_text(r->id), db_text(r->team_id), db_text(r->key_id), db_text(r->previous_id),
        db_text(r->instructions), db_text(r->body), db_int(r->output_at),
        db_int(r->created_unix_s), db_int(r->expires_unix_s)};

    TRY(db_run(db,
        "INSERT INTO response (id, team_id, key_id, previous_id, instructions, body, output_at,"
        " created_unix_s, expires_unix_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        p, sizeof p / sizeof p[0], NULL, NULL, e));
    for (size_t i = 0; i < r->n_item; i++) TRY(insert_item(db, r->id, i, &r->item[i], e));
    return ERR_OK;
}

enum err response_rows_delete(struct db *db, const struct response_key *k, bool *found,
                              struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s)};

    TRY(db_run(db, "DELETE FROM response WHERE id = ?1 AND team_id = ?2 AND expires_unix_s > ?3",
               p, 3, NULL, NULL, e));
    *found = db_changes(db) > 0;
    return ERR_OK;
}

enum err response_rows_sweep(struct db *db, int64_t now_unix_s, int64_t max, int64_t *n,
                             struct error *e)
{
    const struct db_value p[] = {db_int(now_unix_s), db_int(max)};

    TRY(db_run(db,
        "DELETE FROM response WHERE id IN"
        " (SELECT id FROM response WHERE expires_unix_s <= ?1 ORDER BY expires_unix_s LIMIT ?2)",
        p, 2, NULL, NULL, e));
    *n = db_changes(db);
    return ERR_OK;
}

/* ---- one response ---- */

struct whole {
    struct buf *out;
    struct buf tail;                   /* of the object, behind its output */
    int n_row;
};

/* Columns: position, JSON, byte of `output`. First the object, then each item of its output. */
static bool whole_row(void *arg, const struct db_value *c, int n)
{
    struct whole *w = arg;

    CHECK(n == 3);
    if (w->n_row == 0) {
        buf_add(w->out, str_sub(c[1].s, 0, (size_t)c[2].i));
        buf_add(&w->tail, str_sub(c[1].s, (size_t)c[2].i, c[1].s.n));
    } else {
        if (w->n_row > 1) buf_char(w->out, ',');
        buf_add(w->out, c[1].s);
    }
    w->n_row++;
    return !w->out->bad;
}

enum err response_rows_get(struct db *db, const struct response_key *k, struct buf *out,
                           struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s)};
    struct whole w = {.out = out};
    enum err rc;

    buf_init(&w.tail, out->max);
    rc = db_run(db,
        "SELECT -1, body, output_at FROM response"
        " WHERE id = ?1 AND team_id = ?2 AND expires_unix_s > ?3"
        " UNION ALL SELECT i.position, i.body, 0 FROM response_item i JOIN response r"
        " ON r.id = i.response_id WHERE r.id = ?1 AND r.team_id = ?2 AND r.expires_unix_s > ?3"
        " AND i.is_output = 1 ORDER BY 1", p, 3, whole_row, &w, e);
    if (rc == ERR_OK && w.n_row == 0) rc = not_found(k->id, e);
    buf_add(out, buf_str(&w.tail));
    buf_done(&w.tail);
    if (rc == ERR_OK && out->bad)
        rc = err_set(e, ERR_LIMIT, ERR_NO_POS, "The stored response is too long to be shown.");
    return rc;
}

/* ---- a conversation ---- */

struct chain {
    struct buf *items, *instructions;
    str asked;                         /* id */
    int64_t n_row;
    bool is_cut;                       /* its beginning is missing */
    bool is_long;
    char missing[64];
};

/* Columns: depth, previous id, instructions, item or NULL. Oldest response first. */
static bool chain_row(void *arg, const struct db_value *c, int n)
{
    struct chain *h = arg;

    CHECK(n == 4);
    if (h->n_row++ == 0 && c[1].s.n) {
        h->is_cut = true;
        h->is_long = c[0].i >= RESPONSE_CHAIN_MAX - 1;
        memcpy(h->missing, c[1].s.p, c[1].s.n < 63 ? c[1].s.n : 63);
        return false;
    }
    if (c[2].s.n) {
        buf_clear(h->instructions);
        buf_add(h->instructions, c[2].s);
    }
    if (c[3].kind == DB_NULL) return true;
    if (h->items->n > 1) buf_char(h->items, ',');
    buf_add(h->items, c[3].s);
    return !h->items->bad;
}

static enum err chain_error(const struct chain *h, struct error *e)
{
    if (h->n_row == 0) return not_found(h->asked, e);
    if (h->is_long)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "The conversation has more than %d responses: begin a new one with what of "
                       "it matters.", RESPONSE_CHAIN_MAX);
    if (h->is_cut)
        return err_set(e, ERR_NOT_FOUND, ERR_NO_POS,
                       "Response with id=%s not found: the conversation before %.*s was deleted or "
                       "has expired. Send its items as input instead.", h->missing,
                       STR_FMT(str_sub(h->asked, 0, 64)));
    if (h->items->bad || h->instructions->bad)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "The conversation is too long: begin a new one with what of it matters.");
    return ERR_OK;
}

enum err response_rows_chain(struct db *db, const struct response_key *k, struct buf *items,
                             struct buf *instructions, struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s),
                                 db_int(RESPONSE_CHAIN_MAX)};
    struct chain h = {.items = items, .instructions = instructions, .asked = k->id};

    buf_char(items, '[');
    TRY(db_run(db,
        "WITH RECURSIVE chain (id, previous_id, instructions, depth) AS ("
        " SELECT id, previous_id, instructions, 0 FROM response"
        " WHERE id = ?1 AND team_id = ?2 AND expires_unix_s > ?3"
        " UNION ALL SELECT r.id, r.previous_id, r.instructions, c.depth + 1"
        " FROM chain c JOIN response r ON r.id = c.previous_id"
        " WHERE r.team_id = ?2 AND r.expires_unix_s > ?3 AND c.depth + 1 < ?4)"
        " SELECT c.depth, c.previous_id, c.instructions, i.body"
        " FROM chain c LEFT JOIN response_item i ON i.response_id = c.id"
        " ORDER BY c.depth DESC, i.position",
        p, 4, chain_row, &h, e));
    buf_char(items, ']');
    return chain_error(&h, e);
}

/* ---- items ---- */

static bool take_text(void *arg, const struct db_value *c, int n)
{
    CHECK(n == 1);
    buf_add(arg, c[0].s);
    return false;
}

enum err response_rows_item(struct db *db, const struct response_key *k, struct buf *out,
                            struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s)};
    size_t n = out->n;

    TRY(db_run(db,
        "SELECT i.body FROM response_item i JOIN response r ON r.id = i.response_id"
        " WHERE i.id = ?1 AND r.team_id = ?2 AND r.expires_unix_s > ?3"
        " ORDER BY r.created_unix_s DESC LIMIT 1", p, 3, take_text, out, e));
    if (out->n > n) return ERR_OK;
    return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "Item with id '%.*s' not found.",
                   STR_FMT(str_sub(k->id, 0, 100)));
}

struct page {
    void (*fn)(void *arg, const struct response_item *item);
    void *arg;
    int left;
    bool exists, has_more;
};

/* Columns: id, JSON; NULLs when the response has no input of the page. */
static bool page_row(void *arg, const struct db_value *c, int n)
{
    struct page *p = arg;
    struct response_item item = {.id = c[0].s, .body = c[1].s};

    CHECK(n == 2);
    p->exists = true;
    if (c[0].kind == DB_NULL) return false;
    p->has_more = p->left-- == 0;
    if (p->has_more) return false;
    p->fn(p->arg, &item);
    return true;
}

static bool take_position(void *arg, const struct db_value *c, int n)
{
    CHECK(n == 1);
    *(int64_t *)arg = c[0].i;
    return false;
}

enum err response_rows_inputs(struct db *db, const struct response_key *k,
                              const struct response_page *page,
                              void (*fn)(void *, const struct response_item *), void *arg,
                              bool *has_more, struct error *e)
{
    int64_t after = page->is_ascending ? -1 : INT64_MAX;
    struct page list = {.fn = fn, .arg = arg, .left = page->limit};
    struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s),
                           db_text(page->after)};

    if (page->after.n) {
        int64_t none = after;

        TRY(db_run(db,
            "SELECT i.position FROM response_item i JOIN response r ON r.id = i.response_id"
            " WHERE r.id = ?1 AND r.team_id = ?2 AND r.expires_unix_s > ?3 AND i.id = ?4"
            " AND i.is_output = 0", p, 4, take_position, &after, e));
        if (after == none)
            return err_set(e, ERR_ARG, ERR_NO_POS, "'after': the response has no input item "
                           "'%.*s'.", STR_FMT(str_sub(page->after, 0, 100)));
    }
    p[3] = db_int(after);
    TRY(db_run(db, page->is_ascending
        ? "SELECT i.id, i.body FROM response r LEFT JOIN response_item i ON i.response_id = r.id"
          " AND i.is_output = 0 AND i.position > ?4 WHERE r.id = ?1 AND r.team_id = ?2"
          " AND r.expires_unix_s > ?3 ORDER BY i.position"
        : "SELECT i.id, i.body FROM response r LEFT JOIN response_item i ON i.response_id = r.id"
          " AND i.is_output = 0 AND i.position < ?4 WHERE r.id = ?1 AND r.team_id = ?2"
          " AND r.expires_unix_s > ?3 ORDER BY i.position DESC",
        p, 4, page_row, &list, e));
    *has_more = list.has_more;
    return list.exists ? ERR_OK : not_found(k->id, e);
}
