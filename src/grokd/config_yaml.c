/* SPDX-License-Identifier: Apache-2.0
 *
 * The YAML file: a flat mapping. The only file that knows libyaml.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include "base/str.h"
#include "grokd/config_internal.h"

struct reading {
    struct setter *s;
    yaml_parser_t parser;
    const char *path;
    char name[64]; /* option whose value comes next; "" expects a name */
    int depth;
};

static enum err yaml_fault(const struct reading *r, size_t line, const char *what, struct error *e)
{
    return err_set(e, ERR_FORMAT, line, "%s line %zu: %s", r->path, line + 1, what);
}

static enum err scalar(struct reading *r, const yaml_event_t *ev, struct error *e)
{
    const char *text = (const char *)ev->data.scalar.value;
    char where[160];

    if (!r->name[0]) {
        if (strlen(text) >= sizeof r->name || !*text)
            return yaml_fault(r, ev->start_mark.line, "no such option", e);
        snprintf(r->name, sizeof r->name, "%s", text);
        return ERR_OK;
    }
    snprintf(where, sizeof where, "%.100s line %zu: ", r->path, ev->start_mark.line + 1);
    TRY(config_set(r->s, r->name, text, where, e));
    if (r->depth == 1) r->name[0] = 0;
    return ERR_OK;
}

static enum err event(struct reading *r, const yaml_event_t *ev, struct error *e)
{
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        if (r->depth == 0)
            return yaml_fault(r, ev->start_mark.line, "expected 'option: value' lines", e);
        return scalar(r, ev, e);
    case YAML_MAPPING_START_EVENT:
        if (r->depth++ > 0)
            return yaml_fault(r, ev->start_mark.line, "options have no sections", e);
        return ERR_OK;
    case YAML_SEQUENCE_START_EVENT:
        if (r->depth++ != 1 || strcmp(r->name, "model") != 0)
            return yaml_fault(r, ev->start_mark.line, "only 'model' takes a list", e);
        return ERR_OK;
    case YAML_SEQUENCE_END_EVENT:
        r->name[0] = 0;
        r->depth--;
        return ERR_OK;
    case YAML_MAPPING_END_EVENT: r->depth--; return ERR_OK;
    case YAML_ALIAS_EVENT:
        return yaml_fault(r, ev->start_mark.line, "aliases are not supported", e);
    default: return ERR_OK;
    }
}

static enum err read_events(struct reading *r, struct error *e)
{
    bool more = true;

    while (more) {
        yaml_event_t ev;
        enum err rc;

        if (!yaml_parser_parse(&r->parser, &ev))
            return yaml_fault(r, r->parser.problem_mark.line,
                              r->parser.problem ? r->parser.problem : "not YAML", e);
        more = ev.type != YAML_STREAM_END_EVENT;
        rc = event(r, &ev, e);
        yaml_event_delete(&ev);
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}

enum err config_read_yaml(struct setter *s, const char *path, struct error *e)
{
    struct reading r = {.s = s, .path = path};
    FILE *f = fopen(path, "rb");
    enum err rc;

    if (!f) return err_set(e, ERR_IO, ERR_NO_POS, "config file %s: %s", path, strerror(errno));
    CHECK(yaml_parser_initialize(&r.parser));
    yaml_parser_set_input_file(&r.parser, f);
    rc = read_events(&r, e);
    yaml_parser_delete(&r.parser);
    fclose(f);
    return rc;
}
