#include "run/bundle_log.h"

#include <errno.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "engine/event.h"

#define PART_MAX   ((size_t)512 << 10) /* bytes of each part */
#define CHUNK      ((size_t)1 << 20)
#define MAX_SPANS  4096u /* events of the log's end */
#define HEAD_BYTES 512   /* of an encoded event: type and build stand there */

struct span {
    off_t at;
    size_t len;
};

struct reader {
    struct kiln_bundle_log *log;
    int fd;
    const char *build;
    struct kiln_str mark; /* "build":"LABEL" as it is encoded */
    struct kiln_event_box box;
    struct span *spans; /* a ring: the last events that the log part is made of */
    size_t n_spans;     /* ever */
    bool failed;        /* a step has: what comes now is the cleanup */
};

/* ---- text ---- */

static void trim(struct kiln_str *s, size_t max)
{
    const char *nl;

    if (s->len <= max)
        return;
    nl = memchr(s->data + (s->len - max), '\n', max);
    kiln_str_remove(s, 0, nl ? (size_t)(nl + 1 - s->data) : s->len);
}

/* Whoever shows the file must not be told what to do by a guest. */
static void add_clean(struct kiln_str *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        kiln_str_addc(out, (unsigned char)text[i] >= ' ' || text[i] == '\t' ? text[i] : '?');
}

static void add_time(struct reader *r, struct kiln_str *out, const struct kiln_event *ev)
{
    int64_t us = ev->wall_us - r->log->start_us;

    kiln_str_addf(out, "%10.3f  ", (double)(us > 0 ? us : 0) / 1e6);
}

/* One line of a part for each of the text: time, prefix, line. */
static void add_lines(struct reader *r, enum kiln_bundle_part part, const struct kiln_event *ev,
                      const char *prefix)
{
    struct kiln_str *out = &r->log->parts[part];
    const char *p = ev->text ? ev->text : "", *end = p + ev->len;

    for (;;) {
        const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

        add_time(r, out, ev);
        add_clean(out, prefix, strlen(prefix));
        add_clean(out, p, (size_t)((nl ? nl : end) - p));
        kiln_str_addc(out, '\n');
        if (!nl)
            break;
        p = nl + 1;
    }
    if (out->len > 2 * PART_MAX)
        trim(out, PART_MAX);
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* ---- events ---- */

static void take_key(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *line = kiln_xasprintf("    %-4s  %s", ev->down ? "down" : "up",
                                               ev->masked ? "\u2022" : or_empty(ev->name));
    KILN_AUTO_FREE char *code =
        ev->scancode ? kiln_xasprintf("%s  key 0x%02x", line, (unsigned)ev->scancode) : NULL;
    struct kiln_event key = { .wall_us = ev->wall_us, .text = code ? code : line };

    key.len = strlen(key.text);
    add_lines(r, KILN_BUNDLE_KEYS, &key, "");
}

static void take_boot(struct reader *r, const struct kiln_event *ev)
{
    struct kiln_event element = *ev;

    if (ev->masked) {
        element.text = "\u2022";
        element.len = strlen(element.text);
    }
    add_lines(r, KILN_BUNDLE_KEYS, &element, "");
}

static void take_http(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *prefix = kiln_xasprintf("%lld  %8llu bytes  %s ", (long long)ev->status,
                                                 (unsigned long long)ev->done, or_empty(ev->name));

    add_lines(r, KILN_BUNDLE_HTTP, ev, prefix);
}

static void take_qemu(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *prefix = kiln_xasprintf("%s: ", or_empty(ev->name));

    add_lines(r, KILN_BUNDLE_QEMU, ev, prefix);
}

static void take_qmp(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *prefix = kiln_xasprintf("%s ", or_empty(ev->name));

    add_lines(r, KILN_BUNDLE_QMP, ev, prefix);
}

static void take_rung(struct reader *r, const struct kiln_event *ev)
{
    struct kiln_str *out;

    if (r->failed || ev->index < 0 || ev->index >= KILN_BUNDLE_RUNGS)
        return;
    out = &r->log->rungs[ev->index];
    kiln_str_clear(out);
    add_time(r, out, ev);
    kiln_str_addf(out, "%-12s %-8s ", or_empty(ev->name), or_empty(ev->to));
    add_clean(out, or_empty(ev->text), ev->len);
}

/* For the part that is the log itself. */
static void take_line(struct reader *r, const struct kiln_event *ev)
{
    bool indented = ev->level == KILN_MESSAGE || ev->level == KILN_OUTPUT;
    const char *target = ev->target ? ev->target : r->build;
    KILN_AUTO_FREE char *prefix = kiln_xasprintf("%s %s: ", indented ? "   " : "==>", target);

    add_lines(r, KILN_BUNDLE_LOG, ev, prefix);
}

/* Of the builder's steps one fails, unless it is tried again. */
static void take_step(struct reader *r, const struct kiln_event *ev)
{
    if (!ev->id && kiln_streq(ev->to, "failed"))
        r->failed = true;
    else if (!ev->id && kiln_streq(ev->to, "running"))
        r->failed = false;
}

static void log_step(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *line = kiln_xasprintf("--- %s %s: %s", ev->id ? ev->id : "step",
                                               or_empty(ev->name), or_empty(ev->to));
    struct kiln_event step = { .wall_us = ev->wall_us, .text = line, .len = strlen(line) };

    add_lines(r, KILN_BUNDLE_LOG, &step, "");
}

static void log_rung(struct reader *r, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *prefix =
        kiln_xasprintf("--- rung %s: %s  ", or_empty(ev->name), or_empty(ev->to));

    add_lines(r, KILN_BUNDLE_LOG, ev, prefix);
}

/* ---- reading ---- */

/* now: while the log is read; later: for its end only, of which there may be gigabytes. */
static const struct use {
    enum kiln_event_type type;
    void (*now)(struct reader *, const struct kiln_event *);
    void (*later)(struct reader *, const struct kiln_event *);
} uses[] = {
    { KILN_EV_KEY, take_key, NULL },       { KILN_EV_BOOT, take_boot, NULL },
    { KILN_EV_HTTP, take_http, NULL },     { KILN_EV_QEMU, take_qemu, NULL },
    { KILN_EV_QMP, take_qmp, NULL },       { KILN_EV_RUNG, take_rung, log_rung },
    { KILN_EV_LINE, NULL, take_line },     { KILN_EV_LOG, NULL, take_line },
    { KILN_EV_STEP, take_step, log_step },
};

static const struct use *use_of(enum kiln_event_type type)
{
    for (size_t i = 0; i < KILN_COUNT(uses); i++) {
        if (uses[i].type == type)
            return &uses[i];
    }
    return NULL;
}

static bool is_of_build(const struct reader *r, const char *line, size_t len)
{
    return memmem(line, len < HEAD_BYTES ? len : HEAD_BYTES, r->mark.data, r->mark.len) != NULL;
}

/* One event, without its newline. */
static void take_event(struct reader *r, const char *line, size_t len, off_t at)
{
    enum kiln_event_type type;
    const struct use *use;

    if (!kiln_event_peek(line, len, &type) || !is_of_build(r, line, len))
        return;
    use = use_of(type);
    if (use && use->later)
        r->spans[r->n_spans++ % MAX_SPANS] = (struct span){ at, len };
    if (type != KILN_EV_BUILD_START && !(use && use->now))
        return;
    if (!kiln_event_decode(&r->box, line, len, NULL))
        return;
    if (type == KILN_EV_BUILD_START)
        r->log->start_us = r->box.ev.wall_us;
    else
        use->now(r, &r->box.ev);
    r->log->machine |= type == KILN_EV_RUNG || type == KILN_EV_QEMU;
}

static bool read_at(int fd, void *to, size_t len, off_t at, size_t *ret_n, struct kiln_err *err)
{
    ssize_t n;

    do {
        n = pread(fd, to, len, at);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return kiln_err_sys(err, errno, "read the event log");
    *ret_n = (size_t)n;
    return true;
}

static bool read_all(struct reader *r, struct kiln_err *err)
{
    KILN_AUTO_STR buf = KILN_STR_MAX(CHUNK + KILN_MAX_EVENT);
    off_t at = 0; /* of buf in the file */
    size_t n = 0, used;

    do {
        const char *nl;
        void *space = kiln_str_space(&buf, CHUNK);

        if (!space)
            return kiln_str_ok(&buf, "event", err);
        if (!read_at(r->fd, space, CHUNK, at + (off_t)buf.len, &n, err))
            return false;
        kiln_str_commit(&buf, n);
        for (used = 0; (nl = memchr(buf.data + used, '\n', buf.len - used));
             used = (size_t)(nl + 1 - buf.data))
            take_event(r, buf.data + used, (size_t)(nl - buf.data) - used, at + (off_t)used);
        kiln_str_remove(&buf, 0, used);
        at += (off_t)used;
    } while (n > 0);
    return true;
}

/* The events of the log's end, from the file again. */
static bool read_end(struct reader *r, struct kiln_err *err)
{
    KILN_AUTO_STR line = KILN_STR_MAX(KILN_MAX_EVENT);
    size_t first = r->n_spans > MAX_SPANS ? r->n_spans - MAX_SPANS : 0, n = 0;

    for (size_t i = first; i < r->n_spans; i++) {
        const struct span *span = &r->spans[i % MAX_SPANS];
        const struct use *use;
        void *space;

        kiln_str_clear(&line);
        space = kiln_str_space(&line, span->len);
        if (!space)
            return kiln_str_ok(&line, "event", err);
        if (!read_at(r->fd, space, span->len, span->at, &n, err))
            return false;
        if (!kiln_event_decode(&r->box, space, n, NULL))
            continue;
        use = use_of(r->box.ev.type);
        if (use && use->later)
            use->later(r, &r->box.ev);
    }
    return true;
}

void kiln_bundle_log_done(struct kiln_bundle_log *log)
{
    for (size_t i = 0; i < KILN_BUNDLE__N; i++)
        kiln_str_done(&log->parts[i]);
    for (size_t i = 0; i < KILN_BUNDLE_RUNGS; i++)
        kiln_str_done(&log->rungs[i]);
}

bool kiln_bundle_log_read(struct kiln_bundle_log *ret, int fd, const char *build,
                          struct kiln_err *err)
{
    struct reader r = { .log = ret, .fd = fd, .build = build };
    bool ok;

    *ret = (struct kiln_bundle_log){ 0 };
    kiln_str_adds(&r.mark, "\"build\":");
    kiln_json_adds(&r.mark, build);
    r.spans = kiln_xcalloc(MAX_SPANS, sizeof(*r.spans));
    ok = read_all(&r, err) && read_end(&r, err);
    for (size_t i = 0; i < KILN_BUNDLE__N; i++)
        trim(&ret->parts[i], PART_MAX);
    kiln_event_box_done(&r.box);
    kiln_str_done(&r.mark);
    free(r.spans);
    if (!ok)
        kiln_bundle_log_done(ret);
    return ok;
}
