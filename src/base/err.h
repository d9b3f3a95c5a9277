/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors. Three classes: a bug (CHECK aborts), small out-of-memory (mem_alloc aborts), and an
 * operation that failed (an enum err, always looked at). A function whose failure a human must
 * understand takes a struct error last; the failing leaf fills it once, callers forward it.
 * Any thread; no state.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
    ERR_OK = 0,
    ERR_ARG,          /* a value is out of its range or of the wrong kind */
    ERR_FORMAT,       /* bytes do not follow their format */
    ERR_TYPE,         /* well-formed, but not the expected type (JSON wire: 422) */
    ERR_LIMIT,        /* a named limit was passed */
    ERR_CONTEXT,      /* the prompt does not fit the context */
    ERR_NOT_FOUND,
    ERR_MODEL,        /* no such model, or not visible to the caller */
    ERR_EXISTS,
    ERR_UNAUTHENTICATED, /* no credentials */
    ERR_KEY,          /* credentials presented, but wrong */
    ERR_DENIED,       /* known caller, not allowed */
    ERR_METHOD,       /* HTTP method not allowed here */
    ERR_MEDIA_TYPE,   /* body missing or not of the required type */
    ERR_TOO_LARGE,    /* body over its limit */
    ERR_GONE,         /* retired feature */
    ERR_UNSUPPORTED,  /* understood, not supported by this build or model */
    ERR_BUSY,         /* try later: queue or budget is full */
    ERR_TIMEOUT,
    ERR_CANCELLED,    /* the caller went away */
    ERR_IO,           /* the operating system said no */
    ERR_SHUTDOWN,     /* the server is draining */
    ERR_INTERNAL,
    ERR_COUNT
};

#define ERR_NO_POS ((size_t)-1)

/* One failure: what class, where in the input (byte offset or ERR_NO_POS), and one sentence that
 * says what to change. Lives on the caller's stack; copies freely. */
struct error {
    enum err code;
    size_t pos;
    char text[320];
};

/* Fills e (may be NULL) and gives code back, so a leaf can `return err_set(...)`. Text longer
 * than the record is cut at a character border. */
enum err err_set(struct error *e, enum err code, size_t pos, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Short name of a code, for logs: "limit", "not_found". Never NULL. */
const char *err_name(enum err code);

#define TRY(call)                              \
    do {                                       \
        enum err try_err_ = (call);            \
        if (try_err_ != ERR_OK) return try_err_; \
    } while (0)

/* A broken invariant: prints condition and place, aborts. Active in release builds. */
void check_failed(const char *cond, const char *file, int line) __attribute__((noreturn, cold));
#define CHECK(cond) \
    do { if (__builtin_expect(!(cond), 0)) check_failed(#cond, __FILE__, __LINE__); } while (0)
#ifdef NDEBUG
#define DCHECK(cond) ((void)sizeof(cond))
#else
#define DCHECK(cond) CHECK(cond)
#endif
