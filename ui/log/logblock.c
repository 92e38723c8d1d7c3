#include "ui/log/logblock.h"

#include "base/mem.h"
#include "ui/log/logscan.h"

void kiln_logblock_done(struct kiln_logblock *b)
{
    kiln_str_done(&b->arena);
    free(b->events);
    free(b->lines);
    free(b->shown);
    *b = (struct kiln_logblock){ 0 };
}

void kiln_logblock_clear(struct kiln_logblock *b)
{
    kiln_str_clear(&b->arena);
    b->n_events = b->n_lines = 0;
    b->shown_tag = 0;
    b->used = b->complete = false;
}

size_t kiln_logblock_memory(const struct kiln_logblock *b)
{
    return b->arena.cap + b->cap_events * sizeof(*b->events) + b->cap_lines * sizeof(*b->lines) +
           b->cap_shown * sizeof(*b->shown);
}

static void add_line(struct kiln_logblock *b, size_t from, size_t to)
{
    if (b->n_lines == b->cap_lines) {
        b->cap_lines = b->cap_lines ? b->cap_lines * 2 : 256;
        b->lines = kiln_xrealloc(b->lines, b->cap_lines, sizeof(*b->lines));
    }
    b->lines[b->n_lines++] = (struct kiln_logentry){ .text = (uint32_t)from,
                                                     .len = (uint32_t)(to - from),
                                                     .event = (uint32_t)b->n_events };
}

static unsigned level_of(const struct kiln_event *ev)
{
    if (ev->type == KILN_EV_LOG || ev->type == KILN_EV_QEMU)
        return KILN_LOG_DEBUG;
    if (ev->type == KILN_EV_HTTP)
        return KILN_SAY;
    return ev->type == KILN_EV_LINE ? ev->level : KILN_ERRLINE;
}

/* As the plain client prints it. */
static void add_text(struct kiln_str *out, const struct kiln_event *ev)
{
    if (ev->type == KILN_EV_HTTP) {
        kiln_str_adds(out, "HTTP: ");
        kiln_logscan_clean(out, ev->name ? ev->name : "", ev->name ? strcspn(ev->name, "\n") : 0);
        kiln_str_addc(out, ' ');
    }
    kiln_logscan_clean(out, ev->text, ev->len);
    if (ev->type == KILN_EV_HTTP)
        kiln_str_addf(out, ": %lld", (long long)ev->status);
}

static void add_event(struct kiln_logblock *b, struct kiln_lognames *names,
                      const struct kiln_event *ev, uint64_t offset)
{
    size_t from = b->arena.len, end;

    if (!ev->text)
        return;
    add_text(&b->arena, ev);
    end = b->arena.len;
    for (;;) {
        const char *nl = end > from ? memchr(b->arena.data + from, '\n', end - from) : NULL;

        add_line(b, from, nl ? (size_t)(nl - b->arena.data) : end);
        if (!nl)
            break;
        from = (size_t)(nl - b->arena.data) + 1;
    }
    if (b->n_events == b->cap_events) {
        b->cap_events = b->cap_events ? b->cap_events * 2 : 64;
        b->events = kiln_xrealloc(b->events, b->cap_events, sizeof(*b->events));
    }
    b->events[b->n_events++] = (struct kiln_logevent){
        .offset = offset,
        .wall_us = ev->wall_us,
        .build = (uint16_t)kiln_lognames_id(names, ev->build),
        .target = (uint16_t)kiln_lognames_id(names, ev->target ? ev->target : ev->build),
        .level = (uint8_t)level_of(ev),
    };
}

void kiln_logblock_decode(struct kiln_logblock *b, struct kiln_event_box *box,
                          struct kiln_lognames *names, const char *raw, size_t len, uint64_t offset)
{
    const char *end = raw + len, *nl;

    b->names = names;
    for (const char *p = raw; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
        size_t n = (size_t)(nl - p);

        if (kiln_logscan_type(p, n) == KILN_LOGSCAN_LINES && kiln_event_decode(box, p, n, NULL))
            add_event(b, names, &box->ev, offset + (uint64_t)(p - raw));
    }
}

/* ---- what the store's users see ---- */

uint32_t kiln_logblock_lines(const struct kiln_logblock *b)
{
    return (uint32_t)b->n_lines;
}

bool kiln_logblock_complete(const struct kiln_logblock *b)
{
    return b->complete;
}

void kiln_logblock_line(const struct kiln_logblock *b, uint32_t i, struct kiln_logline *ret)
{
    const struct kiln_logentry *line = &b->lines[i];
    const struct kiln_logevent *ev = &b->events[line->event];

    *ret = (struct kiln_logline){
        .text = kiln_str_cstr(&b->arena) + line->text,
        .len = line->len,
        .wall_us = ev->wall_us,
        .level = ev->level,
        .build = kiln_lognames_text(b->names, ev->build),
        .target = kiln_lognames_text(b->names, ev->target),
        .build_id = ev->build,
        .offset = ev->offset,
    };
}

void kiln_logblock_set_shown(struct kiln_logblock *b, uint64_t tag, const uint32_t *v, uint32_t n)
{
    if (n > b->cap_shown) {
        b->shown = kiln_xrealloc(b->shown, n, sizeof(*b->shown));
        b->cap_shown = n;
    }
    if (n > 0)
        memcpy(b->shown, v, n * sizeof(*v));
    b->n_shown = n;
    b->shown_tag = tag;
}

const uint32_t *kiln_logblock_shown(const struct kiln_logblock *b, uint64_t tag, uint32_t *ret_n)
{
    static const uint32_t none;

    if (b->shown_tag != tag)
        return NULL;
    *ret_n = b->n_shown;
    return b->shown ? b->shown : &none;
}
