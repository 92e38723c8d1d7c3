#include "engine/event.h"

#include <assert.h>
#include <inttypes.h>

#include "base/encode.h"
#include "base/limits.h"
#include "engine/event_wire.h"
#include "redact/redact.h"

/* One event on its way out. The scratch holds the redacted form of one string at a time. */
struct encoder {
    const struct kiln_redactor *redactor;
    struct kiln_str *out;
    struct kiln_str scratch;
    size_t start; /* of the event in out */
    bool cut;     /* second try, after the first came out too long */
};

/* What is left of each string when an event is cut: with escapes (six bytes for one) the strings,
 * the text and the names that fit into CUT_NAMES stay below KILN_MAX_EVENT together. */
#define CUT_STRING ((size_t)4 << 10)
#define CUT_TEXT   ((size_t)64 << 10)
#define CUT_NAMES  ((size_t)KILN_MAX_EVENT - CUT_STRING * 7)

static_assert(CUT_TEXT * 6 + CUT_STRING * 6 * 6 + 4096 < CUT_NAMES, "a cut event fits");

/* Redaction comes first: a secret is looked for in what was written, not in its escaped form, and a
 * cut can then no longer leave half of one. */
static void add_string(struct encoder *e, const char *s, size_t len, bool verbatim, size_t max)
{
    kiln_str_clear(&e->scratch);
    if (e->redactor && !verbatim) {
        kiln_redact_text(e->redactor, s, len, &e->scratch);
        s = kiln_str_cstr(&e->scratch);
        len = e->scratch.len;
    }
    if (e->cut && len > max) {
        if (s != e->scratch.data)
            kiln_str_add(&e->scratch, s, max);
        kiln_str_truncate(&e->scratch, max);
        kiln_str_addf(&e->scratch, "... (%zu more bytes)", len - max);
        s = kiln_str_cstr(&e->scratch);
        len = e->scratch.len;
    }
    kiln_json_add_string(e->out, s, len, KILN_JSON_PLAIN);
}

static bool over(const struct encoder *e, size_t max)
{
    return e->out->len - e->start > max;
}

static void add_names(struct encoder *e, const struct kiln_strv *names)
{
    kiln_str_addc(e->out, '[');
    for (size_t i = 0; i < names->n && !over(e, KILN_MAX_EVENT); i++) {
        if (i > 0)
            kiln_str_addc(e->out, ',');
        if (e->cut && over(e, CUT_NAMES)) {
            kiln_str_addf(e->out, "\"... (%zu more)\"", names->n - i);
            break;
        }
        add_string(e, names->v[i], strlen(names->v[i]), false, CUT_STRING);
    }
    kiln_str_addc(e->out, ']');
}

static void add_key(struct encoder *e, const char *key)
{
    kiln_str_addc(e->out, e->out->len == e->start ? '{' : ',');
    kiln_str_addc(e->out, '"');
    kiln_str_adds(e->out, key);
    kiln_str_add(e->out, "\":", 2);
}

static bool is_absent(const struct kiln_event *ev, const struct kiln_wire_member *m, const void *at)
{
    switch (m->kind) {
    case KILN_WIRE_STRING:
    case KILN_WIRE_TEXT:
    case KILN_WIRE_NAMES:
        return !*(const void *const *)at;
    case KILN_WIRE_I64:
    case KILN_WIRE_U64:
        return *(const uint64_t *)at == 0;
    case KILN_WIRE_U32:
        return *(const uint32_t *)at == 0;
    case KILN_WIRE_BOOL:
        return !*(const bool *)at;
    case KILN_WIRE_TYPE:
        return false;
    case KILN_WIRE_LEVEL:
        return ev->type != KILN_EV_LINE;
    }
    return true;
}

static void add_member(struct encoder *e, const struct kiln_event *ev,
                       const struct kiln_wire_member *m)
{
    const void *at = (const char *)ev + m->offset;
    const char *s;

    if (is_absent(ev, m, at))
        return;
    add_key(e, m->key);
    switch (m->kind) {
    case KILN_WIRE_STRING:
        s = *(const char *const *)at;
        add_string(e, s, strlen(s), m->verbatim, CUT_STRING);
        break;
    case KILN_WIRE_TEXT:
        add_string(e, ev->text, ev->len, m->verbatim, CUT_TEXT);
        break;
    case KILN_WIRE_NAMES:
        add_names(e, ev->names);
        break;
    case KILN_WIRE_I64:
        kiln_str_addf(e->out, "%" PRId64, *(const int64_t *)at);
        break;
    case KILN_WIRE_U64:
        kiln_str_addf(e->out, "%" PRIu64, *(const uint64_t *)at);
        break;
    case KILN_WIRE_U32:
        kiln_str_addf(e->out, "%" PRIu32, *(const uint32_t *)at);
        break;
    case KILN_WIRE_BOOL:
        kiln_str_adds(e->out, "true");
        break;
    case KILN_WIRE_TYPE:
        kiln_str_addf(e->out, "\"%s\"", kiln_wire_types[ev->type]);
        break;
    case KILN_WIRE_LEVEL:
        kiln_str_addf(e->out, "\"%s\"", kiln_wire_levels[ev->level]);
        break;
    }
}

static void encode(struct encoder *e, const struct kiln_event *ev)
{
    for (size_t i = 0; i < KILN_COUNT(kiln_wire_members) && !over(e, KILN_MAX_EVENT); i++)
        add_member(e, ev, &kiln_wire_members[i]);
    kiln_str_add(e->out, "}\n", 2);
}

void kiln_event_encode(const struct kiln_event *ev, const struct kiln_redactor *redactor,
                       struct kiln_str *out)
{
    struct encoder e = { .redactor = redactor, .out = out, .start = out->len };
    struct kiln_event bare = *ev;

    if (ev->masked) {
        bare.name = NULL;
        bare.keysym = bare.scancode = 0;
    }
    encode(&e, &bare);
    if (over(&e, KILN_MAX_EVENT)) {
        kiln_str_truncate(out, e.start);
        e.cut = true;
        encode(&e, &bare);
    }
    kiln_str_done(&e.scratch);
}
