/* SPDX-License-Identifier: Apache-2.0
 *
 * Kept responses behind a loop. Reads wait for the disk on one connection under a lock, so they run
 * on the pool. Writes go to the store's writer and come back as a mail.
 *
 * A write has two owners, the loop and the writer's thread, that meet under its lock: whichever
 * comes last frees it. A loop that has forgotten a write may be gone when it ends, so no mail goes
 * out then.
 */
#include "api/responses_store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "codec/json.h"

#define CHAIN_BYTES_MAX ((size_t)128 << 20)
#define ITEM_BYTES_MAX ((size_t)64 << 20)
#define SWEEP_MAX 200                  /* responses deleted at a time */

struct responses {
    struct writer *writer;             /* borrows */
    struct seal_key key;
    int64_t keep_s;
    pthread_mutex_t lock;              /* of db */
    struct db *db;
};

enum err responses_open(const char *db_path, const char *key_path, struct writer *w,
                        int64_t keep_s, struct responses **out, struct error *e)
{
    struct responses *s;
    struct seal_key key;
    struct db *db;

    TRY(seal_key_load(key_path, &key, e));
    TRY(db_open(db_path, &db, e));
    s = mem_alloc(sizeof *s);
    *s = (struct responses){.writer = w, .key = key, .keep_s = keep_s, .db = db};
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return ERR_OK;
}

void responses_close(struct responses **sp)
{
    struct responses *s = *sp;

    if (!s) return;
    db_close(&s->db);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    *sp = NULL;
}

const struct seal_key *responses_key(const struct responses *s)
{
    return &s->key;
}

int64_t responses_keep_s(const struct responses *s)
{
    return s->keep_s;
}

/* ---- reads ---- */

static struct response_key key_of(str team_id, str id)
{
    return (struct response_key){team_id, id, clock_unix_s()};
}

/* Moves b to the arena. */
static enum err give(struct buf *b, struct arena *a, str *out, enum err rc, struct error *e)
{
    char *p = rc == ERR_OK && !b->bad ? arena_try(a, b->n + 1) : NULL;

    if (rc == ERR_OK && !p)
        rc = err_set(e, ERR_LIMIT, ERR_NO_POS, "What is stored is too long to be read back.");
    if (rc == ERR_OK) *out = str_n(b->n ? memcpy(p, b->p, b->n) : p, b->n);
    buf_done(b);
    return rc;
}

enum err responses_load_chain(struct responses *s, str team_id, str id, struct arena *a, str *items,
                              str *instructions, struct error *e)
{
    struct response_key k = key_of(team_id, id);
    struct buf list, words;
    enum err rc;

    buf_init(&list, CHAIN_BYTES_MAX);
    buf_init(&words, CHAIN_BYTES_MAX);
    pthread_mutex_lock(&s->lock);
    rc = response_rows_chain(s->db, &k, &list, &words, e);
    pthread_mutex_unlock(&s->lock);
    rc = give(&list, a, items, rc, e);
    return give(&words, a, instructions, rc, e);
}

enum err responses_load_item(struct responses *s, str team_id, str id, struct arena *a, str *body,
                             struct error *e)
{
    struct response_key k = key_of(team_id, id);
    struct buf b;
    enum err rc;

    buf_init(&b, ITEM_BYTES_MAX);
    pthread_mutex_lock(&s->lock);
    rc = response_rows_item(s->db, &k, &b, e);
    pthread_mutex_unlock(&s->lock);
    return give(&b, a, body, rc, e);
}

enum err responses_load(struct responses *s, str team_id, str id, struct arena *a, str *body,
                        struct error *e)
{
    struct response_key k = key_of(team_id, id);
    struct buf b;
    enum err rc;

    buf_init(&b, CHAIN_BYTES_MAX);
    pthread_mutex_lock(&s->lock);
    rc = response_rows_get(s->db, &k, &b, e);
    pthread_mutex_unlock(&s->lock);
    return give(&b, a, body, rc, e);
}

struct listing { struct json_writer *w; struct buf first, last; };

static void list_item(void *arg, const struct response_item *item)
{
    struct listing *l = arg;

    if (!l->first.n) buf_add(&l->first, item->id);
    buf_clear(&l->last);
    buf_add(&l->last, item->id);
    jw_raw(l->w, item->body);
}

static void id_or_null(struct json_writer *w, const char *key, const struct buf *id)
{
    if (id->n)
        jw_kv_string(w, key, buf_str(id));
    else
        jw_kv_null(w, key);
}

enum err responses_load_inputs(struct responses *s, str team_id, str id,
                               const struct response_page *page, struct arena *a, str *body,
                               struct error *e)
{
    struct response_key k = key_of(team_id, id);
    struct json_writer w;
    struct listing l = {.w = &w};
    struct buf b;
    bool has_more = false;
    enum err rc;

    buf_init(&b, CHAIN_BYTES_MAX);
    buf_init(&l.first, ITEM_BYTES_MAX);
    buf_init(&l.last, ITEM_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_cstring(&w, "object", "list");
    jw_key(&w, "data");
    jw_array(&w);
    pthread_mutex_lock(&s->lock);
    rc = response_rows_inputs(s->db, &k, page, list_item, &l, &has_more, e);
    pthread_mutex_unlock(&s->lock);
    jw_array_end(&w);
    id_or_null(&w, "first_id", &l.first);
    id_or_null(&w, "last_id", &l.last);
    jw_kv_bool(&w, "has_more", has_more);
    jw_object_end(&w);
    buf_done(&l.first);
    buf_done(&l.last);
    return give(&b, a, body, rc, e);
}

/* ---- writes ---- */

struct responses_write {
    struct write_job job;              /* first: the writer knows only this */
    struct arena *arena;               /* owns; the row and its texts */
    const struct response_row *row;    /* NULL: key is to be deleted */
    struct response_key key;
    bool found;                        /* key was there */
    void (*fn)(void *arg, enum err result);
    void *arg;
    struct loop *loop;                 /* not after is_forgotten */
    struct mail mail;

    pthread_mutex_t lock;              /* guards the fields below */
    enum err result;
    bool is_done, is_forgotten;
};

static void write_free(struct responses_write *w)
{
    pthread_mutex_destroy(&w->lock);
    arena_free(w->arena);
    mem_free(w);
}

/* Writer's thread; again when the commit failed. */
static enum err run(struct db *db, struct write_job *job, struct error *e)
{
    struct responses_write *w = (struct responses_write *)(void *)job;

    if (w->row) return response_rows_insert(db, w->row, e);
    return response_rows_delete(db, &w->key, &w->found, e);
}

/* Writer's thread. */
static void done(struct write_job *job, enum err result)
{
    struct responses_write *w = (struct responses_write *)(void *)job;
    bool is_forgotten;

    if (result == ERR_OK && !w->row && !w->found) result = ERR_NOT_FOUND;
    pthread_mutex_lock(&w->lock);
    w->result = result;
    w->is_done = true;
    is_forgotten = w->is_forgotten;
    if (!is_forgotten) loop_post(w->loop, &w->mail);
    pthread_mutex_unlock(&w->lock);
    if (is_forgotten) write_free(w);
}

/* Loop thread. */
static void arrive(void *arg)
{
    struct responses_write *w = arg;
    void (*fn)(void *, enum err) = w->fn;
    void *fn_arg = w->arg;
    enum err result;

    pthread_mutex_lock(&w->lock);      /* done has let go */
    result = w->result;
    pthread_mutex_unlock(&w->lock);
    write_free(w);
    fn(fn_arg, result);
}

void responses_forget(struct responses_write *w)
{
    bool is_done;

    if (!w) return;
    pthread_mutex_lock(&w->lock);
    is_done = w->is_done;
    w->is_forgotten = true;
    pthread_mutex_unlock(&w->lock);
    if (!is_done) return;
    loop_unpost(w->loop, &w->mail);
    write_free(w);
}

static struct responses_write *post(struct responses *s, struct responses_write *made)
{
    struct responses_write *w = mem_alloc(sizeof *w);

    *w = *made;
    w->job = (struct write_job){.run = run, .done = done, .is_awaited = true};
    w->mail = (struct mail){.fn = arrive, .arg = w};
    pthread_mutex_init(&w->lock, NULL);
    if (writer_post(s->writer, &w->job)) return w;
    write_free(w);
    return NULL;
}

struct responses_write *responses_save(struct responses *s, struct loop *loop, struct arena *a,
                                       const struct response_row *row,
                                       void (*fn)(void *, enum err), void *arg)
{
    struct responses_write w = {.arena = a, .row = row, .fn = fn, .arg = arg, .loop = loop};

    return post(s, &w);
}

struct responses_write *responses_delete(struct responses *s, struct loop *loop, str team_id,
                                         str id, void (*fn)(void *, enum err), void *arg)
{
    struct arena *a = arena_new(0);
    struct responses_write w = {.arena = a, .fn = fn, .arg = arg, .loop = loop,
                                .key = key_of(arena_str(a, team_id), arena_str(a, id))};

    return post(s, &w);
}

bool responses_sweep(struct db *db)
{
    struct error e;
    int64_t n = 0;

    if (response_rows_sweep(db, clock_unix_s(), SWEEP_MAX, &n, &e) != ERR_OK)
        log_error("responses", "event=sweep_failed text=\"%s\"", e.text);
    else if (n > 0)
        log_info("responses", "event=swept n=%lld", (long long)n);
    return n == SWEEP_MAX;
}
