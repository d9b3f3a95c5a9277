/* SPDX-License-Identifier: Apache-2.0
 *
 * Mails from several threads, taking mails back, timers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "net/loop.h"

#define N_SENDER 4
#define N_POST 20000

struct sender {
    struct loop *loop;
    struct mail mail;
    atomic_int posted;                         /* posts made; the mail must see the last one */
    int seen;                                  /* loop thread */
    int n_run;                                 /* loop thread */
    atomic_int *n_finished;
};

static void on_mail(void *arg)
{
    struct sender *s = arg;
    s->n_run++;
    bool was_last = s->seen == N_POST;
    s->seen = atomic_load(&s->posted);
    if (s->seen == N_POST && !was_last && atomic_fetch_add(s->n_finished, 1) == N_SENDER - 1)
        loop_stop(s->loop);
}

static void *run_sender(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < N_POST; i++) {
        atomic_fetch_add(&s->posted, 1);
        loop_post(s->loop, &s->mail);
    }
    return NULL;
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* However posts coalesce, the last one of every sender is seen. */
static void mails_of_many_threads_arrive(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct sender s[N_SENDER];
    atomic_int n_finished = 0;
    pthread_t t[N_SENDER], lt;
    memset(s, 0, sizeof s);
    for (int i = 0; i < N_SENDER; i++) {
        s[i].loop = loop;
        s[i].mail = (struct mail){.fn = on_mail, .arg = &s[i]};
        s[i].n_finished = &n_finished;
    }
    lt = thread_start("loop", run_loop, loop);
    for (int i = 0; i < N_SENDER; i++)
        t[i] = thread_start("sender", run_sender, &s[i]);
    for (int i = 0; i < N_SENDER; i++)
        thread_join(t[i]);
    thread_join(lt);
    for (int i = 0; i < N_SENDER; i++) {
        assert_int_equal(s[i].seen, N_POST);
        assert_true(s[i].n_run >= 1 && s[i].n_run <= N_POST);
    }
    loop_free(loop);
}

struct order {
    struct loop *loop;
    struct mail a, b, c, again;
    char seen[16];
    int n;
};

static void note(struct order *o, char c)
{
    if (o->n < (int)sizeof o->seen - 1)
        o->seen[o->n++] = c;
}

static void on_a(void *arg)
{
    struct order *o = arg;
    note(o, 'a');
    loop_unpost(o->loop, &o->b);               /* already detached with a */
    loop_post(o->loop, &o->again);
    loop_post(o->loop, &o->a);                 /* itself, once more */
    if (o->n > 3) {
        loop_unpost(o->loop, &o->a);           /* still in the queue */
        loop_unpost(o->loop, &o->a);           /* harmless */
    }
}

static void on_b(void *arg)
{
    note(arg, 'b');
}

static void on_c(void *arg)
{
    note(arg, 'c');
}

static void on_again(void *arg)
{
    struct order *o = arg;
    note(o, 'x');
    if (o->n >= 5)
        loop_stop(o->loop);
}

static void mails_keep_order_and_can_be_taken_back(void **state)
{
    (void)state;
    struct order o = {.loop = loop_new()};
    o.a = (struct mail){.fn = on_a, .arg = &o};
    o.b = (struct mail){.fn = on_b, .arg = &o};
    o.c = (struct mail){.fn = on_c, .arg = &o};
    o.again = (struct mail){.fn = on_again, .arg = &o};
    loop_post(o.loop, &o.a);
    loop_post(o.loop, &o.b);
    loop_post(o.loop, &o.c);
    loop_post(o.loop, &o.c);
    loop_run(o.loop);
    assert_string_equal(o.seen, "acxax");
    loop_free(o.loop);
}

struct ticks {
    struct loop *loop;
    struct timer *a, *b, *never;
    int n_a;
    int64_t first_ns;
};

static void on_tick_a(void *arg)
{
    struct ticks *t = arg;
    if (t->n_a++ == 0)
        t->first_ns = clock_ns();
    timer_start(t->a, 1);
}

static void on_tick_b(void *arg)
{
    struct ticks *t = arg;
    timer_free(t->a);
    t->a = NULL;
    loop_stop(t->loop);
}

static void on_never(void *arg)
{
    (void)arg;
    fail_msg("a stopped timer ran");
}

static void timers_run_restart_and_stop(void **state)
{
    (void)state;
    struct ticks t = {.loop = loop_new()};
    t.a = timer_new(t.loop, on_tick_a, &t);
    t.b = timer_new(t.loop, on_tick_b, &t);
    t.never = timer_new(t.loop, on_never, &t);
    int64_t start = clock_ns();
    timer_start(t.never, 5);
    timer_stop(t.never);
    timer_start(t.a, 1000);
    timer_start(t.a, 20);                      /* replaces the first delay */
    timer_start(t.b, 60);
    loop_run(t.loop);
    int64_t first_ms = (t.first_ns - start) / NS_PER_MS;
    if (t.n_a < 2 || first_ms < 19 || first_ms > 900)
        fail_msg("%d ticks, the first after %lld ms", t.n_a, (long long)first_ms);
    timer_free(t.b);
    timer_free(t.never);
    timer_free(NULL);
    loop_free(t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mails_of_many_threads_arrive),
        cmocka_unit_test(mails_keep_order_and_can_be_taken_back),
        cmocka_unit_test(timers_run_restart_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
