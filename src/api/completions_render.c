/* SPDX-License-Identifier: Apache-2.0 */
#include "api/completions_render.h"
#include "base/utf8.h"

#define FOLD_BYTES_MAX (256u << 20)
#define NAME_BYTES_MAX (1u << 20)      /* of a token, four for each of its bytes */

static const char object_name[] = "text_completion";

void completion_fold_init(struct completion_fold *f)
{
    *f = (struct completion_fold){0};
    buf_init(&f->text, FOLD_BYTES_MAX);
    buf_init(&f->tokens, FOLD_BYTES_MAX);
    buf_init(&f->token_logprobs, FOLD_BYTES_MAX);
    buf_init(&f->top_logprobs, FOLD_BYTES_MAX);
    buf_init(&f->text_offset, FOLD_BYTES_MAX);
}

void completion_fold_done(struct completion_fold *f)
{
    buf_done(&f->text);
    buf_done(&f->tokens);
    buf_done(&f->token_logprobs);
    buf_done(&f->top_logprobs);
    buf_done(&f->text_offset);
}

void completion_fold_clear(struct completion_fold *f)
{
    buf_clear(&f->text);
    buf_clear(&f->tokens);
    buf_clear(&f->token_logprobs);
    buf_clear(&f->top_logprobs);
    buf_clear(&f->text_offset);
}

/* ---- logprobs ---- */

/* A token's text; one that is no text by itself is spelled "bytes:\xe2\x82", as at OpenAI. */
static str name(struct buf *b, str text)
{
    if (utf8_valid(text)) return text;
    buf_clear(b);
    buf_add(b, STR("bytes:"));
    for (size_t i = 0; i < text.n; i++) buf_printf(b, "\\x%02x", (uint8_t)text.p[i]);
    return buf_str(b);
}

static bool is_among(const struct chat_token *t, int n, str text)
{
    for (int i = 0; i < n; i++)
        if (str_eq(t->top[i].text, text)) return true;
    return false;
}

/* The alternatives and the token itself by their texts; of equal ones the most likely. */
static void write_top(struct json_writer *w, struct buf *scratch, const struct chat_token *t)
{
    jw_object(w);
    for (int i = 0; i < t->n_top; i++) {
        if (is_among(t, i, t->top[i].text)) continue;
        jw_key_str(w, name(scratch, t->top[i].text));
        jw_double(w, (double)t->top[i].logprob);
    }
    if (!is_among(t, t->n_top, t->text)) {
        jw_key_str(w, name(scratch, t->text));
        jw_double(w, (double)t->logprob);
    }
    jw_object_end(w);
}

/* A writer of one more element. */
static struct json_writer *element(struct json_writer *w, struct buf *b)
{
    if (b->n) buf_char(b, ',');
    jw_init(w, b);
    return w;
}

static void add_token(struct completion_fold *f, struct buf *scratch, const struct chat_token *t,
                      str text)
{
    struct json_writer w;
    size_t end = t->end > f->n_byte ? t->end - f->n_byte : 0;

    jw_string(element(&w, &f->tokens), name(scratch, t->text));
    jw_double(element(&w, &f->token_logprobs), (double)t->logprob);
    write_top(element(&w, &f->top_logprobs), scratch, t);
    jw_int(element(&w, &f->text_offset), (int64_t)f->next_offset);
    f->next_offset = f->n_char + utf8_count(str_sub(text, 0, end));
}

void completion_fold_event(struct completion_fold *f, const struct chat_event *ev)
{
    struct buf scratch;

    if (ev->kind == CHAT_CHOICE_END) {
        f->ended = true;
        f->finish = ev->finish;
    }
    if (ev->kind != CHAT_TEXT) return;
    buf_add(&f->text, ev->text);
    buf_init(&scratch, NAME_BYTES_MAX);
    for (size_t i = 0; i < ev->n_token; i++) add_token(f, &scratch, &ev->token[i], ev->text);
    buf_done(&scratch);
    f->n_byte += ev->text.n;
    f->n_char += utf8_count(ev->text);
}

/* ---- JSON ---- */

static void list(struct json_writer *w, const char *key, const struct buf *elements)
{
    jw_key(w, key);
    jw_array(w);
    jw_raw(w, buf_str(elements));
    jw_array_end(w);
}

static void choice(struct json_writer *w, const struct chat_head *h, int index,
                   const struct completion_fold *f)
{
    jw_object(w);
    jw_kv_string(w, "text", buf_str(&f->text));
    jw_kv_int(w, "index", index);
    jw_key(w, "logprobs");
    if (h->has_logprobs) {
        jw_object(w);
        list(w, "tokens", &f->tokens);
        list(w, "token_logprobs", &f->token_logprobs);
        list(w, "top_logprobs", &f->top_logprobs);
        list(w, "text_offset", &f->text_offset);
        jw_object_end(w);
    } else {
        jw_null(w);
    }
    jw_key(w, "finish_reason");
    if (f->ended)
        jw_cstring(w, f->finish == CHAT_FINISH_LENGTH ? "length" : "stop");
    else
        jw_null(w);
    jw_object_end(w);
}

static void begin(struct json_writer *w, struct buf *b, const struct chat_head *h)
{
    jw_init(w, b);
    chat_render_head(w, h, object_name);
    jw_key(w, "choices");
    jw_array(w);
}

void completion_render_chunk(struct buf *b, const struct chat_head *h, int index,
                             const struct completion_fold *f)
{
    struct json_writer w;

    begin(&w, b, h);
    choice(&w, h, index, f);
    jw_array_end(&w);
    chat_render_tail(&w, h);
}

void completion_render_whole(struct buf *b, const struct chat_head *h,
                             const struct completion_fold *folds, int n_choice,
                             const struct chat_usage *u, int64_t cost_ticks)
{
    struct json_writer w;

    begin(&w, b, h);
    for (int i = 0; i < n_choice; i++) choice(&w, h, i, &folds[i]);
    jw_array_end(&w);
    chat_render_usage(&w, u, cost_ticks);
    chat_render_tail(&w, h);
}
