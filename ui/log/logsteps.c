#include "ui/log/logsteps.h"

#include "base/mem.h"

#define MAX_NAMES   1024
#define MAX_NAME    200 /* bytes */
#define MAX_CHANGES 65536

/* ---- names ---- */

void kiln_lognames_done(struct kiln_lognames *n)
{
    kiln_strv_done(&n->v);
    n->last = 0;
}

static bool is_name(const struct kiln_lognames *n, unsigned id, const char *name, size_t len)
{
    return strncmp(n->v.v[id - 1], name, len) == 0 && !n->v.v[id - 1][len];
}

unsigned kiln_lognames_id(struct kiln_lognames *n, const char *name)
{
    size_t len = name ? strnlen(name, MAX_NAME) : 0;

    if (len == 0)
        return 0;
    while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
        len--;
    if (n->last && is_name(n, n->last, name, len))
        return n->last;
    for (unsigned id = 1; id <= n->v.n; id++) {
        if (is_name(n, id, name, len)) {
            n->last = id;
            return id;
        }
    }
    if (n->v.n == MAX_NAMES)
        return MAX_NAMES;
    if (n->v.n == MAX_NAMES - 1)
        kiln_strv_add(&n->v, "…");
    else
        kiln_strv_add_take(&n->v, kiln_xstrndup(name, len));
    n->last = (unsigned)n->v.n;
    return n->last;
}

const char *kiln_lognames_text(const struct kiln_lognames *n, unsigned id)
{
    return id > 0 && id <= n->v.n ? n->v.v[id - 1] : "";
}

/* ---- steps ---- */

enum list { STEPS, PROVISIONERS, POSTPROCESSORS, LISTS };

/* From this byte on. What did not change is as in the change before. */
struct change {
    uint64_t offset;
    uint16_t running[LISTS]; /* names; 0: none */
};

struct build {
    struct change *v;
    size_t n, cap;
};

struct kiln_logsteps {
    struct kiln_lognames names;
    struct build *builds; /* by number */
    size_t n_builds;
    size_t n_changes; /* of all */
};

struct kiln_logsteps *kiln_logsteps_new(void)
{
    return kiln_xcalloc(1, sizeof(struct kiln_logsteps));
}

void kiln_logsteps_free(struct kiln_logsteps *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_builds; i++)
        free(s->builds[i].v);
    free(s->builds);
    kiln_lognames_done(&s->names);
    free(s);
}

static enum list list_of(const char *id)
{
    if (kiln_streq(id, "provisioner"))
        return PROVISIONERS;
    return kiln_streq(id, "post-processor") ? POSTPROCESSORS : STEPS;
}

static struct build *build_at(struct kiln_logsteps *s, unsigned build)
{
    if (build >= s->n_builds) {
        s->builds = kiln_xrealloc(s->builds, build + 1, sizeof(*s->builds));
        memset(s->builds + s->n_builds, 0, (build + 1 - s->n_builds) * sizeof(*s->builds));
        s->n_builds = build + 1;
    }
    return &s->builds[build];
}

static void append(struct build *b, struct change change)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->v = kiln_xrealloc(b->v, b->cap, sizeof(*b->v));
    }
    b->v[b->n++] = change;
}

void kiln_logsteps_add(struct kiln_logsteps *s, unsigned build, uint64_t offset,
                       const struct kiln_event *ev)
{
    bool runs = kiln_streq(ev->to, "running") || kiln_streq(ev->to, "paused");
    struct build *b;
    struct change change = { 0 };
    uint16_t name;

    if (s->n_changes == MAX_CHANGES)
        return; /* no build has that many */
    b = build_at(s, build);
    if (b->n > 0)
        change = b->v[b->n - 1];
    change.offset = offset;
    name = (uint16_t)kiln_lognames_id(&s->names, ev->name);
    if (runs)
        change.running[list_of(ev->id)] = name;
    else if (change.running[list_of(ev->id)] == name)
        change.running[list_of(ev->id)] = 0;
    append(b, change);
    s->n_changes++;
}

const char *kiln_logsteps_at(const struct kiln_logsteps *s, unsigned build, uint64_t offset)
{
    const struct build *b = build < s->n_builds ? &s->builds[build] : NULL;
    size_t low = 0, high = b ? b->n : 0;
    const uint16_t *running;

    while (low < high) { /* low: changes before the offset */
        size_t mid = low + (high - low) / 2;

        if (b->v[mid].offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == 0)
        return "";
    running = b->v[low - 1].running;
    return kiln_lognames_text(&s->names, running[PROVISIONERS] ? running[PROVISIONERS]
                                         : running[STEPS]      ? running[STEPS]
                                                               : running[POSTPROCESSORS]);
}
