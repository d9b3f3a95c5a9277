/* SPDX-License-Identifier: Apache-2.0
 *
 * tidy: holds the tree to the rules of CONTRIBUTING.md that a program can check. It reads files
 * line by line with comments and strings blanked; it does not parse C.
 *
 *     tidy ROOT [BUILD]    prints "file:line: what; how to mend", exits 1 when it found something
 *
 * With BUILD (a Meson folder of ROOT) it also compares the mutable globals of the static
 * libraries with docs/globals.txt. tests/, bench/ and gen/ are held to fewer rules than src/.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"

#define FILE_LINES_MAX 1000
#define FUNCTION_LINES_MAX 70
#define README_LINES_MAX 100
#define COLUMNS_MAX 100
#define FILE_BYTES_MAX ((size_t)16 << 20)
#define FILES_MAX 4000

/* The layers: what a folder of src/ may include besides itself. A word with a dot is one header.
 * ARCHITECTURE.md shows the same table. */
static const struct layer { const char *folder, *may; } layers[] = {
    {"base", ""},
    {"codec", "base"},
    {"kernel", "base"},
    {"net", "base"},
    {"sandbox", "base"},
    {"token", "base codec"},
    {"model", "base kernel"},
    {"store", "base codec"},
    {"grammar", "base token"},
    {"schema", "base codec grammar"},
    {"engine", "base kernel token model grammar"},
    {"xai", "base codec net"},
    {"account", "base codec store"},
    {"tool", "base codec store net sandbox"},
    {"media", "base codec store kernel model engine"},
    {"chat", "base codec token grammar schema engine/engine.h xai tool backend"},
    {"backend", "base codec token grammar schema engine/engine.h xai tool chat"},
    {"api", "base codec net chat backend account media store"},
    {"cli", "*"},
    {"grokd", "*"},
};

/* System libraries that only some folders speak to. */
static const struct border { const char *header, *folders; } borders[] = {
    {"event2/", "net"},          {"nghttp2/", "net"},
    {"curl/", "net xai"},        {"openssl/", "net account"},
    {"sqlite3.h", "store"},      {"libpq", "store"},
    {"yaml.h", "grokd"},         {"histedit.h", "cli"},
    {"editline/", "cli"},        {"zlib.h", "codec net"},
    {"pcre2.h", "schema"},       {"immintrin.h", "kernel"},
    {"arm_neon.h", "kernel"},
};

static const struct ban { const char *call, *instead; bool is_heap; } bans[] = {
    {"strcpy", "copy a str", false},         {"strcat", "append to a buf", false},
    {"strncpy", "copy a str", false},        {"strncat", "append to a buf", false},
    {"sprintf", "use snprintf or buf_printf", false},
    {"vsprintf", "use vsnprintf", false},    {"strtok", "use str_split", false},
    {"atoi", "use str_to_i64", false},       {"atol", "use str_to_i64", false},
    {"atof", "use str_to_double", false},    {"gets", "read a bounded length", false},
    {"alloca", "use an arena", false},       {"localtime", "use clock_rfc3339 or gmtime_r", false},
    {"gmtime", "use gmtime_r", false},       {"malloc", "use mem_alloc", true},
    {"calloc", "use mem_array", true},       {"realloc", "use mem_resize", true},
    {"free", "use mem_free", true},          {"strdup", "use mem_strdup", true},
    {"strndup", "use arena_str", true},      {"asprintf", "use arena_printf", true},
    {"posix_memalign", "use mem_try_aligned", true},
    {"aligned_alloc", "use mem_try_aligned", true},
};

struct source {
    const char *path;                          /* from the root: "src/base/str.c" */
    str text;
    bool is_c, is_generated, is_strict;        /* strict: src/ and tools/ */
    str folder;                                /* "base" of src/base/..., else empty */
};

struct tidy {
    struct arena *arena;
    const char *root;
    struct source *file;                       /* [n_file], in walk order */
    size_t n_file, n_finding;
    struct map included;                       /* what some file includes in quotes */
};

/* What one file's walk knows. */
struct scan {
    struct tidy *t;
    const struct source *f;
    size_t line;
    bool in_comment;
    bool in_function, is_long_allowed;
    size_t function_line;
    char function[64], last_name[64];
    size_t n_include;
};

static void PRINTF_LIKE(4, 5) found(struct tidy *t, const char *path, size_t line,
                                    const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    printf("%s:%zu: %s\n", path, line, text);
    t->n_finding++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Is `word` one of the words of a list separated by spaces? */
static bool list_has(const char *list, str word)
{
    str rest = str_of(list), part;
    while (str_split(&rest, ' ', &part))
        if (str_eq(part, word))
            return true;
    return false;
}

/* Offset of needle as a whole word at or after from; SIZE_MAX if there is none. */
static size_t find_word(str s, str needle, size_t from)
{
    for (size_t at = from; (at = str_find(s, needle, at)) != SIZE_MAX; at++) {
        bool left = at == 0 || !is_word(s.p[at - 1]);
        bool right = at + needle.n == s.n || !is_word(s.p[at + needle.n]);
        if (left && right)
            return at;
    }
    return SIZE_MAX;
}

/* ---- Reading the tree ---- */

static bool has_shebang(str text)
{
    return str_starts(text, STR("#!"));
}

static bool is_checked(const char *name, str text)
{
    static const char *const ends[] = {".c", ".h", ".inc", ".py", ".sh", ".mjs", "meson.build"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (str_ends(str_of(name), str_of(ends[i])))
            return true;
    return has_shebang(text);
}

static enum err read_file(struct tidy *t, const char *path, str *text, struct error *e)
{
    return file_read(file_join(t->arena, t->root, path), FILE_BYTES_MAX, t->arena, text, e);
}

static void add_file(struct tidy *t, const char *path)
{
    str text;
    struct error e;
    if (read_file(t, path, &text, &e) != ERR_OK) {
        found(t, path, 1, "%s", e.text);
        return;
    }
    str p = str_of(path);
    if (!is_checked(path, text))
        return;
    CHECK(t->n_file < FILES_MAX);
    struct source *f = &t->file[t->n_file++];
    *f = (struct source){.path = path, .text = text};
    f->is_c = str_ends(p, STR(".c")) || str_ends(p, STR(".h"));
    f->is_generated = str_ends(p, STR("_gen.inc"));
    f->is_strict = str_starts(p, STR("src/")) || str_starts(p, STR("tools/"));
    if (str_starts(p, STR("src/")))
        f->folder = str_sub(p, 4, str_find_char(p, '/', 4) - 4);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *d)
{
    static const char *const skip[] = {"node_modules", "__pycache__", "venv", "corpus", "golden"};
    for (size_t i = 0; i < sizeof skip / sizeof skip[0]; i++)
        if (strcmp(d->d_name, skip[i]) == 0)
            return 0;
    return d->d_name[0] != '.';
}

static void walk(struct tidy *t, const char *folder)
{
    struct dirent **entry;
    int n = scandir(file_join(t->arena, t->root, folder), &entry, is_shown, by_name);
    for (int i = 0; i < n; i++) {
        const char *path = file_join(t->arena, folder, entry[i]->d_name);
        struct stat st;
        if (lstat(file_join(t->arena, t->root, path), &st) == 0) {
            if (S_ISDIR(st.st_mode))
                walk(t, path);
            else if (S_ISREG(st.st_mode) && st.st_size < (off_t)FILE_BYTES_MAX)
                add_file(t, path);
        }
        mem_free(entry[i]);
    }
    if (n >= 0)
        mem_free(entry);
}

static const struct source *file_of(const struct tidy *t, const char *path)
{
    for (size_t i = 0; i < t->n_file; i++)
        if (strcmp(t->file[i].path, path) == 0)
            return &t->file[i];
    return NULL;
}

/* ---- Lines ---- */

/* Blanks comments and the insides of strings and character literals, in place. */
static void blank(struct scan *s, char *line, size_t n)
{
    char quote = '\0';
    for (size_t i = 0; i < n; i++) {
        char c = line[i], next = i + 1 < n ? line[i + 1] : '\0';
        if (s->in_comment) {
            line[i] = ' ';
            if (c == '*' && next == '/') {
                line[++i] = ' ';
                s->in_comment = false;
            }
        } else if (quote) {
            if (c == '\\' && next)
                line[++i] = ' ';
            else if (c == quote)
                quote = '\0';
            if (quote)
                line[i] = ' ';
        } else if (c == '/' && next == '/') {
            memset(line + i, ' ', n - i);
            return;
        } else if (c == '/' && next == '*') {
            s->in_comment = true;
            line[i] = line[i + 1] = ' ';
            i++;
        } else if (c == '"' || c == '\'') {
            quote = c;
        }
    }
}

static bool layer_allows(str from, str folder, str header)
{
    if (str_eq(from, folder))
        return true;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (str_is(from, layers[i].folder))
            return list_has(layers[i].may, STR("*")) || list_has(layers[i].may, folder) ||
                   list_has(layers[i].may, header);
    return false;
}

static void check_own_header(struct scan *s, str header)
{
    str path = str_of(s->f->path);
    if (s->n_include != 1 || s->f->folder.n == 0 || !str_ends(path, STR(".c")))
        return;
    str own = arena_printf(s->t->arena, "%.*s.h", (int)path.n - 2, path.p);
    str inner = arena_printf(s->t->arena, "%.*s_internal.h", (int)path.n - 2, path.p);
    if (file_of(s->t, own.p) && !str_eq(str_sub(own, 4, own.n), header) &&
        !str_eq(str_sub(inner, 4, inner.n), header))
        found(s->t, s->f->path, s->line, "not its own header first; include \"%s\" before others",
              own.p + 4);
}

static void check_quoted_include(struct scan *s, str header)
{
    const struct source *f = s->f;
    size_t slash = str_find_char(header, '/', 0);
    map_set(&s->t->included, header, 1);
    if (f->folder.n == 0)
        return;
    if (slash == SIZE_MAX) {
        found(s->t, f->path, s->line, "include without its folder; write \"folder/file.h\"");
        return;
    }
    str folder = str_sub(header, 0, slash);
    if (!layer_allows(f->folder, folder, header))
        found(s->t, f->path, s->line, "%.*s may not include %.*s; see the layer table",
              STR_FMT(f->folder), STR_FMT(header));
    if (str_ends(header, STR("_internal.h")) && !str_eq(folder, f->folder))
        found(s->t, f->path, s->line, "a private header of %.*s; use its public one",
              STR_FMT(folder));
}

static void check_system_include(struct scan *s, str header)
{
    if (s->f->folder.n == 0)
        return;
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++)
        if (str_starts(header, str_of(borders[i].header)) &&
            !list_has(borders[i].folders, s->f->folder))
            found(s->t, s->f->path, s->line, "only %s may include %.*s; call that folder instead",
                  borders[i].folders, STR_FMT(header));
}

/* raw, because the name in quotes is blanked in the code. */
static void check_include(struct scan *s, str raw)
{
    str name = str_trim(raw);
    if (!str_starts(name, STR("#include")))
        return;
    name = str_trim(str_sub(name, 8, name.n));
    size_t end = name.n < 2 ? SIZE_MAX : str_find_char(name, name.p[0] == '<' ? '>' : '"', 1);
    if (end == SIZE_MAX)
        return;
    str header = str_sub(name, 1, end - 1);
    s->n_include++;
    check_own_header(s, header);
    if (name.p[0] == '"')
        check_quoted_include(s, header);
    else
        check_system_include(s, header);
}

static void check_bans(struct scan *s, str code)
{
    for (size_t i = 0; i < sizeof bans / sizeof bans[0]; i++) {
        const struct ban *b = &bans[i];
        if (b->is_heap && (!s->f->is_strict || strcmp(s->f->path, "src/base/mem.c") == 0))
            continue;
        size_t at = find_word(code, str_of(b->call), 0);
        if (at == SIZE_MAX)
            continue;
        str rest = str_trim(str_sub(code, at + strlen(b->call), code.n));
        bool is_member = at > 0 && (code.p[at - 1] == '.' || code.p[at - 1] == '>');
        if (str_starts(rest, STR("(")) && !is_member)
            found(s->t, s->f->path, s->line, "%s is banned; %s", b->call, b->instead);
    }
}

static void check_marks(struct scan *s, str raw)
{
    static const char *const marks[] = {"TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (find_word(raw, str_of(marks[i]), 0) != SIZE_MAX)
            found(s->t, s->f->path, s->line, "a %s is left; finish it or file it", marks[i]);
}

/* Remembers the last "name(" of a line that starts a declaration, for the message. */
static void note_name(struct scan *s, str code)
{
    size_t open = str_find_char(code, '(', 0);
    if (open == SIZE_MAX || code.n == 0 || !is_word(code.p[0]))
        return;
    size_t first = open;
    while (first > 0 && is_word(code.p[first - 1]))
        first--;
    snprintf(s->last_name, sizeof s->last_name, "%.*s", (int)(open - first), code.p + first);
}

static void check_function(struct scan *s, str raw, str code)
{
    if (!s->in_function) {
        note_name(s, code);
        if (code.n > 2 && is_word(code.p[0]) && str_ends(code, STR(") {")))
            found(s->t, s->f->path, s->line, "a function's brace has its own line; move it down");
        if (!str_is(code, "{"))
            return;
        s->in_function = true;
        s->is_long_allowed = false;
        s->function_line = s->line;
        memcpy(s->function, s->last_name, sizeof s->function);
        return;
    }
    if (str_find(raw, STR("/* long:"), 0) != SIZE_MAX)
        s->is_long_allowed = true;
    if (!str_starts(code, STR("}")))
        return;
    s->in_function = false;
    size_t n = s->line - s->function_line + 1;
    if (n > FUNCTION_LINES_MAX && !s->is_long_allowed)
        found(s->t, s->f->path, s->function_line,
              "%s has %zu lines, at most %d; split it, or say /* long: why */ inside",
              s->function, n, FUNCTION_LINES_MAX);
}

static void check_line(struct scan *s, str raw)
{
    struct tidy *t = s->t;
    if (raw.n > 0 && strchr(" \t\r", raw.p[raw.n - 1]))
        found(t, s->f->path, s->line, "white space at the end of the line; cut it");
    if (str_find_char(raw, '\t', 0) != SIZE_MAX)
        found(t, s->f->path, s->line, "a tab; indent by four spaces");
    check_marks(s, raw);
    if (!s->f->is_c)
        return;
    if (utf8_count(raw) > COLUMNS_MAX)
        found(t, s->f->path, s->line, "%zu columns, at most %d; break the line", utf8_count(raw),
              COLUMNS_MAX);
    char *code = arena_cstr(t->arena, raw);
    bool was_comment = s->in_comment;
    blank(s, code, raw.n);
    str clean = {code, raw.n};
    while (clean.n > 0 && clean.p[clean.n - 1] == ' ')
        clean.n--;
    if (!was_comment)
        check_include(s, raw);
    check_bans(s, clean);
    if (s->f->is_strict)
        check_function(s, raw, clean);
}

static void check_head(struct tidy *t, const struct source *f)
{
    str rest = f->text, line = STR_NONE;
    str_split(&rest, '\n', &line);
    if (has_shebang(f->text))
        str_split(&rest, '\n', &line);
    if (f->text.n > 0 && str_find(line, STR("SPDX-License-Identifier: Apache-2.0"), 0) == SIZE_MAX)
        found(t, f->path, 1, "no licence line; start with SPDX-License-Identifier: Apache-2.0");
    if (str_ends(str_of(f->path), STR(".h")) &&
        str_find(f->text, STR("\n#pragma once\n"), 0) == SIZE_MAX)
        found(t, f->path, 1, "no #pragma once; add it behind the opening comment");
    if (f->text.n > 0 && f->text.p[f->text.n - 1] != '\n')
        found(t, f->path, 1, "no newline at the end; add it");
}

static void check_file(struct tidy *t, const struct source *f)
{
    check_head(t, f);
    if (f->is_generated)
        return;
    struct scan s = {.t = t, .f = f};
    str rest = f->text, line;
    while (str_split(&rest, '\n', &line) && (line.n > 0 || rest.p)) {
        s.line++;
        check_line(&s, line);
    }
    if (s.line > FILE_LINES_MAX)
        found(t, f->path, s.line, "%zu lines, at most %d; split the module", s.line,
              FILE_LINES_MAX);
}

/* ---- Dead files ---- */

/* Does the meson.build of the file's folder, or of one above, name it? Tests and fuzz targets are
 * named without their suffix, files of other folders with their path. */
static bool is_built(const struct tidy *t, const char *path)
{
    str p = str_of(path);
    for (size_t cut = p.n; cut > 0;) {
        do
            cut--;
        while (cut > 0 && p.p[cut] != '/');
        str name = str_sub(p, cut ? cut + 1 : 0, p.n);
        const char *dir = arena_cstr(t->arena, str_sub(p, 0, cut));
        const struct source *m = file_of(t, file_join(t->arena, dir, "meson.build"));
        if (!m)
            continue;
        str stem = str_sub(name, 0, name.n - 2);
        if (str_ends(stem, STR("_test")) || str_ends(stem, STR("_fuzz")))
            stem.n -= 5;
        if (str_find(m->text, arena_printf(t->arena, "'%.*s'", STR_FMT(name)), 0) != SIZE_MAX ||
            str_find(m->text, arena_printf(t->arena, "'%.*s'", STR_FMT(stem)), 0) != SIZE_MAX)
            return true;
    }
    return false;
}

static bool is_included(const struct tidy *t, str path)
{
    /* As "folder/file.h" from src/, and as any shorter end of the path elsewhere. */
    for (size_t at = 0; at != SIZE_MAX; at = str_find_char(path, '/', at)) {
        at += at > 0;
        str end = str_sub(path, at, path.n);
        if (map_get(&t->included, end, NULL) ||
            map_get(&t->included, arena_printf(t->arena, "../%.*s", STR_FMT(end)), NULL))
            return true;
        at += at == 0;
    }
    return false;
}

static void check_dead(struct tidy *t, const struct source *f)
{
    str path = str_of(f->path);
    if (str_ends(path, STR(".c")) && !is_built(t, f->path) && !is_included(t, path))
        found(t, f->path, 1, "no meson.build names it; add or delete it");
    if ((str_ends(path, STR(".h")) || str_ends(path, STR(".inc"))) && !is_included(t, path))
        found(t, f->path, 1, "nothing includes it; use or delete it");
}

static void check_readme(struct tidy *t, const char *folder)
{
    const char *path = arena_printf(t->arena, "src/%s/README.md", folder).p;
    if (!file_exists(arena_printf(t->arena, "%s/src/%s/meson.build", t->root, folder).p))
        return;
    str text, line;
    if (read_file(t, path, &text, NULL) != ERR_OK) {
        found(t, path, 1, "the folder has no README.md; say its purpose, invariants, threads");
        return;
    }
    size_t n = 0;
    while (str_split(&text, '\n', &line))
        n++;
    if (n > README_LINES_MAX + 1)
        found(t, path, n, "%zu lines, at most %d; shorten it", n, README_LINES_MAX);
}

/* ---- Globals ---- */

/* "libbase.a.p/src_base_log.c.o" or only its last part -> "base/log.c". */
static str object_name(struct tidy *t, str o)
{
    for (size_t slash; (slash = str_find_char(o, '/', 0)) != SIZE_MAX;)
        o = str_sub(o, slash + 1, o.n);
    if (str_starts(o, STR("src_")))
        o = str_sub(o, 4, o.n);
    if (str_ends(o, STR(".o")))
        o.n -= 2;
    char *name = arena_cstr(t->arena, o);
    char *under = strchr(name, '_');
    if (under)
        *under = '/';
    return str_of(name);
}

/* A line "name|value|class|type|size|line|section" of nm; is it in a writable section? */
static bool is_mutable(str line, str *name)
{
    str field[7] = {{0}}, rest = line;
    size_t n = 0;
    while (n < 7 && str_split(&rest, '|', &field[n]))
        n++;
    if (n < 7)
        return false;
    *name = str_trim(field[0]);
    size_t dot = str_find_char(*name, '.', 1); /* a static inside a function: name.123 */
    name->n = dot == SIZE_MAX ? name->n : dot;
    str section = str_trim(field[6]), type = str_trim(field[3]);
    if (str_is(type, "SECTION") || str_starts(section, STR(".data.rel.ro")))
        return false;
    return str_starts(section, STR(".data")) || str_starts(section, STR(".bss")) ||
           str_starts(section, STR(".tbss")) || str_starts(section, STR(".tdata")) ||
           str_is(section, "*COM*");
}

/* docs/globals.txt: "folder/file.c name  why" a line. */
static void load_globals(struct tidy *t, struct map *known)
{
    str text, line;
    struct error e;
    if (read_file(t, "docs/globals.txt", &text, &e) != ERR_OK) {
        found(t, "docs/globals.txt", 1, "%s", e.text);
        return;
    }
    while (str_split(&text, '\n', &line)) {
        size_t first = str_find_char(line, ' ', 0);
        size_t second = first == SIZE_MAX ? SIZE_MAX : str_find_char(line, ' ', first + 1);
        if (line.n > 0 && line.p[0] != '#' && second != SIZE_MAX)
            map_set(known, str_sub(line, 0, second), 0);
    }
}

static void check_symbols(struct tidy *t, struct map *known, FILE *nm)
{
    char row[1024];
    str object = STR_NONE;
    while (fgets(row, sizeof row, nm)) {
        str line = str_trim(str_of(row)), name;
        if (str_starts(line, STR("Symbols from "))) {
            size_t open = str_find_char(line, '[', 0), close = str_find_char(line, ']', 0);
            if (open != SIZE_MAX && close != SIZE_MAX)
                object = object_name(t, str_sub(line, open + 1, close - open - 1));
        } else if (is_mutable(line, &name)) {
            str key = arena_printf(t->arena, "%.*s %.*s", STR_FMT(object), STR_FMT(name));
            if (!map_get(known, key, NULL))
                found(t, arena_printf(t->arena, "src/%.*s", STR_FMT(object)).p, 1,
                      "mutable global %.*s; make it const, put it in a struct, or list it in"
                      " docs/globals.txt", STR_FMT(name));
            else
                map_set(known, key, 1);
        }
    }
}

static void check_globals(struct tidy *t, const char *build)
{
    struct map known;
    map_init(&known, 0);
    load_globals(t, &known);
    FILE *nm = popen(arena_printf(t->arena, "nm -f sysv '%s'/lib*.a", build).p, "r");
    CHECK(nm != NULL);
    check_symbols(t, &known, nm);
    if (pclose(nm) != 0)
        found(t, build, 1, "nm failed on its libraries; build first");
    const struct map_slot *slot;
    for (size_t i = 0; (slot = map_next(&known, &i));)
        if (slot->value == 0)
            found(t, "docs/globals.txt", 1, "%.*s is no global any more; delete its line",
                  STR_FMT(slot->key));
    map_done(&known);
}

int main(int argc, char **argv)
{
    static const char *const tops[] = {"src", "tools", "tests", "bench",
                                       "gen", "scripts", "models"};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: tidy ROOT [BUILD]\n");
        return 2;
    }
    struct tidy t = {.arena = arena_new(0), .root = argv[1]};
    t.file = mem_array(FILES_MAX, sizeof *t.file);
    map_init(&t.included, 0);
    for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++)
        walk(&t, tops[i]);
    add_file(&t, "meson.build");
    for (size_t i = 0; i < t.n_file; i++)
        check_file(&t, &t.file[i]);
    for (size_t i = 0; i < t.n_file; i++)
        check_dead(&t, &t.file[i]);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        check_readme(&t, layers[i].folder);
    if (argc == 3)
        check_globals(&t, argv[2]);
    printf("tidy: %zu files, %zu findings\n", t.n_file, t.n_finding);
    int status = t.n_finding ? 1 : 0;
    map_done(&t.included);
    mem_free(t.file);
    arena_free(t.arena);
    return status;
}
