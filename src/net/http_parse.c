/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict HTTP/1.x heads and chunked bodies. Sections: character classes, request line, header
 * meaning, head, chunks, status texts.
 */
#include "net/http_parse.h"

/* -- Character classes --------------------------------------------------------------------- */

#define TOKEN 1                                /* RFC 9110 5.6.2 */
#define VALUE 2                                /* field value: HTAB, SP, visible, obs-text */
#define TARGET 4                               /* no space, no control, no fragment */
#define HOST 8                                 /* RFC 3986 host and port, no user info */

static const uint8_t class_of[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['!'] = TOKEN | VALUE | TARGET | HOST,
    ['"'] = VALUE | TARGET,
    ['#'] = TOKEN | VALUE,
    ['$' ... '\''] = TOKEN | VALUE | TARGET | HOST,
    ['(' ... ')'] = VALUE | TARGET | HOST,
    ['*' ... '+'] = TOKEN | VALUE | TARGET | HOST,
    [','] = VALUE | TARGET | HOST,
    ['-' ... '.'] = TOKEN | VALUE | TARGET | HOST,
    ['/'] = VALUE | TARGET,
    ['0' ... '9'] = TOKEN | VALUE | TARGET | HOST,
    [':' ... ';'] = VALUE | TARGET | HOST,
    ['<'] = VALUE | TARGET,
    ['='] = VALUE | TARGET | HOST,
    ['>' ... '@'] = VALUE | TARGET,
    ['A' ... 'Z'] = TOKEN | VALUE | TARGET | HOST,
    ['['] = VALUE | TARGET | HOST,
    ['\\'] = VALUE | TARGET,
    [']'] = VALUE | TARGET | HOST,
    ['^'] = TOKEN | VALUE | TARGET,
    ['_'] = TOKEN | VALUE | TARGET | HOST,
    ['`'] = TOKEN | VALUE | TARGET,
    ['a' ... 'z'] = TOKEN | VALUE | TARGET | HOST,
    ['{'] = VALUE | TARGET,
    ['|'] = TOKEN | VALUE | TARGET,
    ['}'] = VALUE | TARGET,
    ['~'] = TOKEN | VALUE | TARGET | HOST,
    [0x80 ... 0xFF] = VALUE | TARGET,
};

static bool all_of(str s, uint8_t class)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(class_of[(uint8_t)s.p[i]] & class))
            return false;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum http_step bad(struct http_head *h, int status, const char *why)
{
    h->status = status;
    h->why = why;
    return HTTP_BAD;
}

/* -- Request line -------------------------------------------------------------------------- */

static bool escapes_are_valid(str path)
{
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '%')
            continue;
        if (path.n - i < 3)
            return false;
        int high = hex_value(path.p[i + 1]), low = hex_value(path.p[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        i += 2;
    }
    return true;
}

/* Origin form "/p?q", absolute form "http://host/p?q", and "*" of OPTIONS. */
static enum http_step split_target(struct http_head *h)
{
    str rest = h->target;
    size_t scheme = str_find(rest, STR("://"), 0);
    if (rest.p[0] != '/' && scheme != SIZE_MAX) {
        str name = str_sub(rest, 0, scheme);
        if (!str_eq_nocase(name, STR("http")) && !str_eq_nocase(name, STR("https")))
            return bad(h, 400, "The scheme of the request target must be http or https.");
        rest = str_sub(rest, scheme + 3, rest.n);
        size_t host = 0;
        while (host < rest.n && rest.p[host] != '/' && rest.p[host] != '?')
            host++;
        if (host == 0 || !all_of(str_sub(rest, 0, host), HOST))
            return bad(h, 400, "The host in the request target is malformed.");
        rest = str_sub(rest, host, rest.n);
        if (rest.n == 0)
            rest = STR("/");
    } else if (rest.p[0] != '/' && !(str_is(rest, "*") && str_is(h->method, "OPTIONS"))) {
        return bad(h, 400, "The request target must begin with a slash.");
    }
    size_t mark = str_find_char(rest, '?', 0);
    h->raw_path = mark == SIZE_MAX ? rest : str_sub(rest, 0, mark);
    h->query = mark == SIZE_MAX ? STR("") : str_sub(rest, mark + 1, rest.n);
    if (h->raw_path.n == 0)
        h->raw_path = STR("/");
    if (!escapes_are_valid(h->raw_path))
        return bad(h, 400, "The path has a malformed percent escape.");
    return HTTP_DONE;
}

static enum http_step parse_version(str v, struct http_head *h)
{
    bool digits = v.n == 8 && v.p[5] >= '0' && v.p[5] <= '9' && v.p[7] >= '0' && v.p[7] <= '9';
    if (!digits || !str_starts(v, STR("HTTP/")) || v.p[6] != '.')
        return bad(h, 400, "The request line does not end in an HTTP version.");
    if (v.p[5] != '1' || v.p[7] > '1')
        return bad(h, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    h->minor = v.p[7] - '0';
    return HTTP_DONE;
}

static enum http_step parse_request_line(str line, struct http_head *h)
{
    size_t first = str_find_char(line, ' ', 0);
    size_t last = first == SIZE_MAX ? SIZE_MAX : str_find_char(line, ' ', first + 1);
    if (last == SIZE_MAX)
        return bad(h, 400, "The request line must be: method, target, version.");
    str method = str_sub(line, 0, first);
    str target = str_sub(line, first + 1, last - first - 1);
    if (method.n == 0 || method.n > HTTP_METHOD_MAX || !all_of(method, TOKEN))
        return bad(h, 400, "The method is not a token.");
    if (target.n > HTTP_TARGET_MAX)
        return bad(h, 414, "The request target is too long.");
    if (target.n == 0 || !all_of(target, TARGET))
        return bad(h, 400, "The request target has a character that is not allowed there.");
    if (parse_version(str_sub(line, last + 1, line.n), h) == HTTP_BAD)
        return HTTP_BAD;
    h->method = method;
    h->target = target;
    return split_target(h);
}

/* -- Header meaning ------------------------------------------------------------------------ */

/* What must be known of all headers before the head can be judged. */
struct meaning {
    int n_host, n_length, n_encoding;
    bool close, keep_alive;
    bool encoding_is_chunked;
    str expect;
    bool has_expect;
};

bool http_list_has(str value, const char *token)
{
    str part;
    for (str rest = value; str_split(&rest, ',', &part);)
        if (str_eq_nocase(str_trim(part), str_of(token)))
            return true;
    return false;
}

static enum http_step parse_length(str v, struct http_head *h)
{
    uint64_t n = 0;
    if (v.n == 0)
        return bad(h, 400, "Content-Length is empty.");
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return bad(h, 400, "Content-Length must be decimal digits only.");
        uint64_t digit = (uint64_t)(v.p[i] - '0');
        if (n > ((uint64_t)INT64_MAX - digit) / 10)
            return bad(h, 400, "Content-Length is too large.");
        n = n * 10 + digit;
    }
    h->length = n;
    return HTTP_DONE;
}

static enum http_step note_header(const struct header *f, struct meaning *m, struct http_head *h)
{
    if (str_eq_nocase(f->name, STR("host"))) {
        if (++m->n_host > 1)
            return bad(h, 400, "There is more than one Host header.");
        if (!all_of(f->value, HOST))
            return bad(h, 400, "The Host header is malformed.");
    } else if (str_eq_nocase(f->name, STR("content-length"))) {
        if (++m->n_length > 1)
            return bad(h, 400, "There is more than one Content-Length header.");
        return parse_length(f->value, h);
    } else if (str_eq_nocase(f->name, STR("transfer-encoding"))) {
        if (++m->n_encoding > 1)
            return bad(h, 400, "There is more than one Transfer-Encoding header.");
        m->encoding_is_chunked = str_eq_nocase(f->value, STR("chunked"));
    } else if (str_eq_nocase(f->name, STR("connection"))) {
        m->close = m->close || http_list_has(f->value, "close");
        m->keep_alive = m->keep_alive || http_list_has(f->value, "keep-alive");
    } else if (str_eq_nocase(f->name, STR("expect"))) {
        m->has_expect = true;
        m->expect = f->value;
    }
    return HTTP_DONE;
}

/* The rules that hold between headers (RFC 9112 3.2, 6.1, 6.3, 9.3; RFC 9110 10.1.1). */
static enum http_step judge(const struct meaning *m, struct http_head *h)
{
    if (h->minor == 1 && m->n_host == 0)
        return bad(h, 400, "The Host header is missing.");
    if (m->n_encoding && m->n_length)
        return bad(h, 400, "Content-Length and Transfer-Encoding exclude each other.");
    if (m->n_encoding && h->minor == 0)
        return bad(h, 400, "HTTP/1.0 has no Transfer-Encoding.");
    if (m->n_encoding && !m->encoding_is_chunked)
        return bad(h, 501, "The only transfer coding known here is chunked.");
    bool expects = m->has_expect && h->minor == 1;
    if (expects && !str_eq_nocase(m->expect, STR("100-continue")))
        return bad(h, 417, "The only expectation known here is 100-continue.");
    h->chunked = m->n_encoding > 0;
    h->expect_continue = expects;
    h->keep_alive = !m->close && (h->minor == 1 || m->keep_alive);
    return HTTP_DONE;
}

/* -- Head ---------------------------------------------------------------------------------- */

static enum http_step parse_header(str line, struct header *f, struct http_head *h)
{
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return bad(h, 400, "A header line is folded.");
    size_t colon = str_find_char(line, ':', 0);
    if (colon == SIZE_MAX || colon == 0)
        return bad(h, 400, "A header line has no name.");
    f->name = str_sub(line, 0, colon);
    if (!all_of(f->name, TOKEN))
        return bad(h, 400, "A header name has a character that is not allowed there.");
    str v = str_sub(line, colon + 1, line.n);
    if (!all_of(v, VALUE))
        return bad(h, 400, "A header value has a control character.");
    while (v.n > 0 && (v.p[0] == ' ' || v.p[0] == '\t'))
        v = str_sub(v, 1, v.n);
    while (v.n > 0 && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
        v.n--;
    f->value = v;
    return HTTP_DONE;
}

/* The complete line at *at, without CRLF; moves *at behind it. */
static enum http_step next_line(str in, size_t *at, str *line, struct http_head *h)
{
    size_t lf = str_find_char(in, '\n', *at);
    if (lf == SIZE_MAX)
        return HTTP_MORE;
    if (lf == *at || in.p[lf - 1] != '\r')
        return bad(h, 400, "A line ends in a bare line feed.");
    *line = str_sub(in, *at, lf - 1 - *at);
    *at = lf + 1;
    return HTTP_DONE;
}

static enum http_step parse_headers(str in, size_t at, const struct http_limits *limits,
                                    struct header *header, struct http_head *h)
{
    struct meaning m = {0};
    for (;;) {
        str line;
        enum http_step step = next_line(in, &at, &line, h);
        if (step == HTTP_MORE && in.n == limits->bytes_max)
            return bad(h, 431, "The request head is too large.");
        if (step != HTTP_DONE)
            return step;
        if (line.n == 0)
            break;
        if (h->n_header == limits->count_max)
            return bad(h, 431, "The request has too many headers.");
        struct header *f = &header[h->n_header];
        if (parse_header(line, f, h) == HTTP_BAD || note_header(f, &m, h) == HTTP_BAD)
            return HTTP_BAD;
        h->n_header++;
    }
    h->used = at;
    return judge(&m, h);
}

enum http_step http_parse_head(str in, const struct http_limits *limits, struct header *header,
                               struct http_head *h)
{
    *h = (struct http_head){.header = header, .method = STR(""), .target = STR("")};
    if (in.n > limits->bytes_max)
        in.n = limits->bytes_max;
    /* RFC 9112 2.2: one empty line before the request is forgiven. */
    size_t at = str_starts(in, STR("\r\n")) ? 2 : 0;
    if (at == 0 && in.n == 1 && in.p[0] == '\r')
        return HTTP_MORE;
    if (in.n > at && !(class_of[(uint8_t)in.p[at]] & TOKEN))
        return bad(h, 400, "This is not an HTTP request.");

    str line, start = str_sub(in, 0, at + HTTP_LINE_MAX);
    enum http_step step = next_line(start, &at, &line, h);
    if (step == HTTP_MORE && (start.n < in.n || in.n == limits->bytes_max))
        return bad(h, 414, "The request line is too long.");
    if (step != HTTP_DONE)
        return step;
    if (parse_request_line(line, h) == HTTP_BAD)
        return HTTP_BAD;
    return parse_headers(in, at, limits, header, h);
}

size_t http_decode_path(str raw, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            c = (char)(hex_value(raw.p[i + 1]) * 16 + hex_value(raw.p[i + 2]));
            i += 2;
        }
        out[n++] = c;
    }
    return n;
}

/* -- Chunks -------------------------------------------------------------------------------- */

/*
 *   SIZE --';'--> EXT --CR--> SIZE_LF --LF--> DATA (size > 0) --> DATA_CR --> DATA_LF --> SIZE
 *     `------------CR-----------^    `-LF--> LINE (size 0)
 *   LINE --token--> NAME --':'--> FIELD --CR--> FIELD_LF --LF--> LINE
 *     `------CR--> END_LF --LF--> END
 */
enum chunk_state {
    CHUNK_SIZE, CHUNK_EXT, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF,
    CHUNK_LINE, CHUNK_NAME, CHUNK_FIELD, CHUNK_FIELD_LF, CHUNK_END_LF, CHUNK_END,
};

/* A byte of the size line; NULL when it is fine. */
static const char *size_byte(struct http_chunks *d, char c)
{
    int digit = hex_value(c);
    if (d->state == CHUNK_SIZE && digit >= 0) {
        if (++d->n_digit > HTTP_CHUNK_DIGITS_MAX || d->left > (uint64_t)INT64_MAX >> 4)
            return "A chunk size is too large.";
        d->left = d->left * 16 + (uint64_t)digit;
        return NULL;
    }
    if (d->state == CHUNK_SIZE && (d->n_digit == 0 || (c != ';' && c != '\r')))
        return "A chunk size is not a hexadecimal number.";
    if (c == '\r') {
        d->state = CHUNK_SIZE_LF;
        return NULL;
    }
    if (!(class_of[(uint8_t)c] & VALUE))
        return "A chunk extension has a control character.";
    d->state = CHUNK_EXT;
    return ++d->n_ext > HTTP_CHUNK_EXT_MAX ? "A chunk extension is too long." : NULL;
}

static const char *trailer_byte(struct http_chunks *d, char c)
{
    uint8_t class = class_of[(uint8_t)c];
    if (++d->n_trailer > HTTP_TRAILER_BYTES_MAX)
        return "The trailers are too large.";
    if (c == '\r' && (d->state == CHUNK_LINE || d->state == CHUNK_FIELD)) {
        d->state = d->state == CHUNK_LINE ? CHUNK_END_LF : CHUNK_FIELD_LF;
        return NULL;
    }
    if (d->state == CHUNK_FIELD)
        return class & VALUE ? NULL : "A trailer has a control character.";
    if (d->state == CHUNK_NAME && c == ':')
        d->state = CHUNK_FIELD;
    else if (class & TOKEN)
        d->state = CHUNK_NAME;
    else
        return "A trailer line is malformed.";
    return NULL;
}

/* A byte that must be the CR or LF behind a piece. */
static const char *border_byte(struct http_chunks *d, char c)
{
    if (c != (d->state == CHUNK_DATA_CR ? '\r' : '\n'))
        return "A chunk does not end in CRLF.";
    switch (d->state) {
    case CHUNK_SIZE_LF:
        d->state = d->left > 0 ? CHUNK_DATA : CHUNK_LINE;
        break;
    case CHUNK_DATA_CR:
        d->state = CHUNK_DATA_LF;
        break;
    case CHUNK_DATA_LF:
        *d = (struct http_chunks){.state = CHUNK_SIZE};
        break;
    case CHUNK_FIELD_LF:
        d->state = CHUNK_LINE;
        break;
    default:
        d->state = CHUNK_END;
        break;
    }
    return NULL;
}

static const char *chunk_byte(struct http_chunks *d, char c)
{
    switch (d->state) {
    case CHUNK_SIZE:
    case CHUNK_EXT:
        return size_byte(d, c);
    case CHUNK_LINE:
    case CHUNK_NAME:
    case CHUNK_FIELD:
        return trailer_byte(d, c);
    default:
        return border_byte(d, c);
    }
}

enum http_step http_chunks_feed(struct http_chunks *d, str in, size_t *used, str *data,
                                const char **why)
{
    *data = STR_NONE;
    size_t i = 0;
    while (i < in.n && d->state != CHUNK_END && d->state != CHUNK_DATA) {
        *why = chunk_byte(d, in.p[i++]);
        if (*why) {
            *used = i;
            return HTTP_BAD;
        }
    }
    if (d->state == CHUNK_DATA) {
        *data = str_sub(in, i, d->left < in.n - i ? (size_t)d->left : in.n - i);
        i += data->n;
        d->left -= data->n;
        if (d->left == 0)
            d->state = CHUNK_DATA_CR;
    }
    *used = i;
    return d->state == CHUNK_END ? HTTP_DONE : HTTP_MORE;
}

/* -- Status texts -------------------------------------------------------------------------- */

static const struct { int status; const char *text; } statuses[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
    {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
    {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"},
    {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
    {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
    {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"},
    {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"}, {421, "Misdirected Request"}, {422, "Unprocessable Content"},
    {425, "Too Early"}, {426, "Upgrade Required"}, {428, "Precondition Required"},
    {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
    {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"}, {507, "Insufficient Storage"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "Unknown";
}
