#include "engine/event.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/fdpass.h"
#include "base/limits.h"
#include "base/mem.h"
#include "redact/redact.h"

/* Lock: lock, over everything but fd and build, and held while writing: seq numbers leave in order.
 */
struct kiln_bus {
    int fd;      /* borrowed; a socket or a pipe, blocking or not */
    char *build; /* owned; NULL: the run */
    pthread_mutex_t lock;
    uint64_t seq;
    bool gone;  /* nobody reads any more */
    bool blind; /* there is a secret that cannot be looked for: no text leaves */
    struct kiln_strv secrets;
    struct kiln_redactor *redactor; /* owned; of all secrets; NULL: there are none */
    struct kiln_str line;           /* kept from event to event */
};

struct kiln_bus *kiln_bus_new(int fd, const char *build)
{
    struct kiln_bus *bus = kiln_xcalloc(1, sizeof(*bus));

    bus->fd = fd;
    bus->build = kiln_xstrdup(build);
    (void)pthread_mutex_init(&bus->lock, NULL);
    return bus;
}

void kiln_bus_free(struct kiln_bus *bus)
{
    if (!bus)
        return;
    kiln_redactor_free(bus->redactor);
    kiln_strv_done(&bus->secrets);
    kiln_str_done(&bus->line);
    (void)pthread_mutex_destroy(&bus->lock);
    free(bus->build);
    free(bus);
}

/* send() so that a reader who is gone is an error and not a signal; a pipe has only write(). */
static ssize_t write_some(int fd, const char *data, size_t len, int with)
{
    ssize_t n = kiln_fd_send(fd, data, len, with);

    return n < 0 && errno == ENOTSOCK ? write(fd, data, len) : n;
}

static bool wait_writable(int fd)
{
    return kiln_wait_fd(NULL, fd, POLLOUT, KILN_NEVER, NULL) == KILN_WAIT_READY;
}

/* with: a descriptor that goes with the first byte; -1: none. */
static bool write_line(int fd, const char *data, size_t len, int with)
{
    while (len > 0) {
        ssize_t n = write_some(fd, data, len, with);

        if (n >= 0) {
            with = -1;
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN ? !wait_writable(fd) : errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Nothing in it but what kiln itself says. */
static struct kiln_event without_text(const struct kiln_event *ev)
{
    struct kiln_event bare = *ev;

    bare.name = bare.id = NULL;
    bare.names = NULL;
    bare.target = NULL;
    if (bare.text) {
        bare.text = KILN_REDACTED;
        bare.len = strlen(bare.text);
    }
    return bare;
}

static void send_locked(struct kiln_bus *bus, struct kiln_event *ev)
{
    struct kiln_event bare;

    ev->seq = ++bus->seq;
    ev->mono_us = kiln_clock_mono_us();
    ev->wall_us = kiln_clock_wall_us();
    if (!ev->build)
        ev->build = bus->build;
    if (bus->blind) {
        bare = without_text(ev);
        ev = &bare;
    }
    kiln_str_clear(&bus->line);
    kiln_event_encode(ev, bus->redactor, &bus->line);
    if (!bus->gone && !bus->line.failed)
        bus->gone = !write_line(bus->fd, bus->line.data, bus->line.len, -1);
}

void kiln_bus_send(struct kiln_bus *bus, struct kiln_event *ev)
{
    (void)pthread_mutex_lock(&bus->lock);
    send_locked(bus, ev);
    (void)pthread_mutex_unlock(&bus->lock);
}

/* ---- replies ---- */

static void add_redacted(struct kiln_bus *bus, const char *key, const char *text)
{
    KILN_AUTO_STR shown = { 0 };

    if (bus->blind)
        kiln_str_adds(&shown, KILN_REDACTED);
    else
        kiln_redact_text(bus->redactor, text, strlen(text), &shown);
    kiln_str_addf(&bus->line, ",\"%s\":", key);
    kiln_json_add_string(&bus->line, kiln_str_cstr(&shown), shown.len, KILN_JSON_PLAIN);
}

static void encode_reply(struct kiln_bus *bus, int64_t id, const char *error, const char *text,
                         int fd)
{
    kiln_str_clear(&bus->line);
    kiln_str_addf(&bus->line, "{\"type\":\"reply\",\"id\":%lld,\"ok\":%s", (long long)id,
                  error ? "false" : "true");
    if (error)
        add_redacted(bus, "error", error);
    if (text)
        add_redacted(bus, "text", text);
    if (fd >= 0)
        kiln_str_adds(&bus->line, ",\"fd\":true");
    kiln_str_adds(&bus->line, "}\n");
}

void kiln_bus_reply(struct kiln_bus *bus, int64_t id, const struct kiln_err *err, const char *text,
                    int fd)
{
    (void)pthread_mutex_lock(&bus->lock);
    encode_reply(bus, id, err ? kiln_err_text(err) : NULL, text, fd);
    if (bus->line.len > KILN_MAX_EVENT)
        encode_reply(bus, id, "the answer is too long", NULL, fd = -1);
    if (!bus->gone && !bus->line.failed)
        bus->gone = !write_line(bus->fd, bus->line.data, bus->line.len, fd);
    (void)pthread_mutex_unlock(&bus->lock);
}

/* ---- secrets ---- */

static void go_blind(struct kiln_bus *bus, const struct kiln_err *why)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf(
        "No more text is shown: it cannot be kept free of secrets (%s)", kiln_err_text(why));
    struct kiln_event ev = {
        .type = KILN_EV_LINE, .level = KILN_ERRLINE, .text = text, .len = strlen(text)
    };

    if (!bus->blind)
        send_locked(bus, &ev);
    bus->blind = true;
}

void kiln_bus_add_secrets(struct kiln_bus *bus, const struct kiln_strv *values)
{
    struct kiln_redactor *redactor = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)pthread_mutex_lock(&bus->lock);
    kiln_strv_add_all(&bus->secrets, values);
    if (kiln_redactor_build(&bus->secrets, &redactor, &err)) {
        kiln_redactor_free(bus->redactor);
        bus->redactor = redactor;
    } else {
        go_blind(bus, &err);
    }
    (void)pthread_mutex_unlock(&bus->lock);
}

char *kiln_bus_redacted(struct kiln_bus *bus, const char *text)
{
    struct kiln_str out = { 0 };

    (void)pthread_mutex_lock(&bus->lock);
    if (bus->blind)
        kiln_str_adds(&out, KILN_REDACTED);
    else
        kiln_redact_text(bus->redactor, text, strlen(text), &out);
    (void)pthread_mutex_unlock(&bus->lock);
    return kiln_str_steal(&out);
}

void kiln_bus_redact_feed(struct kiln_bus *bus, struct kiln_redact_stream *s, const void *data,
                          size_t len, struct kiln_str *out)
{
    (void)pthread_mutex_lock(&bus->lock);
    s->redactor = bus->redactor;
    kiln_redact_feed(s, data, len, out);
    (void)pthread_mutex_unlock(&bus->lock);
}

void kiln_bus_redact_flush(struct kiln_bus *bus, struct kiln_redact_stream *s, struct kiln_str *out)
{
    (void)pthread_mutex_lock(&bus->lock);
    s->redactor = bus->redactor;
    kiln_redact_flush(s, out);
    (void)pthread_mutex_unlock(&bus->lock);
}

void kiln_bus_log(void *ud, const char *line, size_t len)
{
    struct kiln_event ev = { .type = KILN_EV_LOG, .text = line, .len = len };

    kiln_bus_send(ud, &ev);
}
