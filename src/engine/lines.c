#include <stdatomic.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "engine/build.h"

void kiln_emit(struct kiln_build *b, struct kiln_event *ev)
{
    if (!b->bus)
        return;
    ev->build = b->label;
    kiln_bus_send(b->bus, ev);
}

static void send_lines(struct kiln_build *b, enum kiln_level level, const char *text, size_t len)
{
    struct kiln_event ev = {
        .type = KILN_EV_LINE, .target = b->target, .level = level, .text = text, .len = len
    };

    kiln_emit(b, &ev);
}

void kiln_output(struct kiln_build *b, enum kiln_level level, const char *text, size_t len)
{
    while (len > KILN_MAX_LINE) {
        const char *nl = memrchr(text, '\n', KILN_MAX_LINE + 1);

        if (!nl)
            nl = memchr(text, '\n', len);
        if (!nl)
            break; /* one line: the encoder says so if it has to cut it */
        send_lines(b, level, text, (size_t)(nl - text));
        len -= (size_t)(nl + 1 - text);
        text = nl + 1;
    }
    send_lines(b, level, text, len);
}

static void KILN_PRINTF(3, 0)
    say(struct kiln_build *b, enum kiln_level level, const char *fmt, va_list ap)
{
    KILN_AUTO_FREE char *text = kiln_xvasprintf(fmt, ap);

    kiln_output(b, level, text, strlen(text));
}

void kiln_say(struct kiln_build *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(b, KILN_SAY, fmt, ap);
    va_end(ap);
}

void kiln_message(struct kiln_build *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(b, KILN_MESSAGE, fmt, ap);
    va_end(ap);
}

void kiln_error(struct kiln_build *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(b, KILN_ERRLINE, fmt, ap);
    va_end(ap);
}

#define PROGRESS_PERIOD KILN_MS(100)

void kiln_progress(struct kiln_build *b, const char *name, uint64_t done, uint64_t total)
{
    struct kiln_event ev = { .type = KILN_EV_PROGRESS, .name = name, .done = done, .total = total };
    int64_t now = kiln_clock_mono_us(), last = b->progress_us;
    bool edge = done == 0 || (total > 0 && done >= total);

    if (!edge && now - last < PROGRESS_PERIOD)
        return;
    if (!atomic_compare_exchange_strong(&b->progress_us, &last, now) && !edge)
        return; /* another thread has just sent one */
    kiln_emit(b, &ev);
}

void kiln_build_add_secret(struct kiln_build *b, const char *value)
{
    KILN_AUTO_STRV values = { 0 };

    kiln_strv_add(&values, value);
    if (b->bus)
        kiln_bus_add_secrets(b->bus, &values);
}
