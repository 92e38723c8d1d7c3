#include "engine/output.h"

#include "base/limits.h"
#include "base/lines.h"
#include "base/mem.h"
#include "redact/redact.h"

/*
 * A line goes to kiln_lines whole and reaches the encoder whole, which redacts it there. Only a
 * line over KILN_MAX_LINE is cut on the way; it is redacted before, or a secret might lie across
 * the cut.
 */
struct stream {
    struct kiln_output *o;
    enum kiln_level level;
    struct kiln_str tail; /* a line without its end: nothing of it was handed on */
    bool is_long;         /* in a line over KILN_MAX_LINE, which went through `redact` so far */
    struct kiln_redact_stream redact;
    struct kiln_lines lines;
};

struct kiln_output {
    struct kiln_build *b;     /* borrowed */
    struct stream streams[2]; /* stdout, stderr */
    struct kiln_str text;     /* lines of one stream, not sent yet */
    struct kiln_str redacted;
    bool any; /* text holds a line, even if an empty one */
};

static void add_line(void *ud, const char *line, size_t len)
{
    struct kiln_output *o = ud;

    if (o->any)
        kiln_str_addc(&o->text, '\n');
    kiln_str_add(&o->text, line, len);
    o->any = true;
}

struct kiln_output *kiln_output_new(struct kiln_build *b)
{
    struct kiln_output *o = kiln_xcalloc(1, sizeof(*o));

    o->b = b;
    for (size_t i = 0; i < KILN_COUNT(o->streams); i++) {
        o->streams[i].o = o;
        o->streams[i].level = i == 0 ? KILN_OUTPUT : KILN_ERRLINE;
        o->streams[i].lines = (struct kiln_lines)KILN_LINES_INIT(add_line, o);
    }
    return o;
}

void kiln_output_free(struct kiln_output *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < KILN_COUNT(o->streams); i++) {
        kiln_str_done(&o->streams[i].tail);
        kiln_redact_stream_done(&o->streams[i].redact);
        kiln_lines_done(&o->streams[i].lines);
    }
    kiln_str_done(&o->text);
    kiln_str_done(&o->redacted);
    free(o);
}

void kiln_output_freep(struct kiln_output **o)
{
    kiln_output_free(*o);
}

static void send_lines(struct kiln_output *o, enum kiln_level level)
{
    if (o->any)
        kiln_output(o->b, level, kiln_str_cstr(&o->text), o->text.len);
    kiln_str_clear(&o->text);
    o->any = false;
}

/* Part of a long line; NULL: its end. */
static void feed_long(struct stream *st, const char *s, size_t len)
{
    struct kiln_output *o = st->o;

    kiln_str_clear(&o->redacted);
    if (!o->b->bus)
        kiln_str_add(&o->redacted, s, len);
    else if (s)
        kiln_bus_redact_feed(o->b->bus, &st->redact, s, len, &o->redacted);
    else
        kiln_bus_redact_flush(o->b->bus, &st->redact, &o->redacted);
    kiln_lines_feed(&st->lines, kiln_str_cstr(&o->redacted), o->redacted.len);
}

/* The end of the line that the slice begins with, if that line is a long one. Returns how much of
 * the slice it took. */
static size_t feed_long_line(struct stream *st, const char *s, size_t len)
{
    const char *nl = memchr(s, '\n', len);
    size_t n = nl ? (size_t)(nl - s) : len;

    if (!st->is_long && st->tail.len + n <= KILN_MAX_LINE)
        return 0;
    if (!st->is_long)
        feed_long(st, kiln_str_cstr(&st->tail), st->tail.len);
    kiln_str_clear(&st->tail);
    st->is_long = true;
    feed_long(st, s, n);
    if (!nl)
        return n;
    feed_long(st, NULL, 0);
    kiln_lines_feed(&st->lines, "\n", 1);
    st->is_long = false;
    return n + 1;
}

/* At most KILN_MAX_LINE bytes: no line but the first can be a long one. */
static void feed_slice(struct stream *st, const char *s, size_t len)
{
    size_t n = feed_long_line(st, s, len);
    const char *last;

    s += n;
    len -= n;
    last = len ? memrchr(s, '\n', len) : NULL;
    if (last) {
        kiln_lines_feed(&st->lines, kiln_str_cstr(&st->tail), st->tail.len);
        kiln_str_clear(&st->tail);
        kiln_lines_feed(&st->lines, s, (size_t)(last + 1 - s));
        len -= (size_t)(last + 1 - s);
        s = last + 1;
    }
    kiln_str_add(&st->tail, s, len);
}

void kiln_output_feed(struct kiln_output *o, bool is_stderr, const char *data, size_t len)
{
    struct stream *st = &o->streams[is_stderr];

    for (size_t n; len > 0; data += n, len -= n) {
        n = len < KILN_MAX_LINE ? len : KILN_MAX_LINE;
        feed_slice(st, data, n);
        send_lines(o, st->level);
    }
}

void kiln_output_end(struct kiln_output *o)
{
    for (size_t i = 0; i < KILN_COUNT(o->streams); i++) {
        struct stream *st = &o->streams[i];

        if (st->is_long)
            feed_long(st, NULL, 0);
        st->is_long = false;
        kiln_lines_feed(&st->lines, kiln_str_cstr(&st->tail), st->tail.len);
        kiln_str_clear(&st->tail);
        kiln_lines_end(&st->lines);
        send_lines(o, st->level);
    }
}

void kiln_output_remote(void *ud, bool is_stderr, const char *data, size_t len)
{
    kiln_output_feed(ud, is_stderr, data, len);
}
