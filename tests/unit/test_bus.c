/* The way out of a process: whole lines in order from many threads, slow and dead readers, secrets.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/event.h"
#include "redact/redact.h"
#include "unit.h"

/* A small buffer: an event does not fit, so that writes stop in its middle. */
static void pair(int fds[2])
{
    int size = 2048;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static void send_text(struct kiln_bus *bus, const char *text)
{
    struct kiln_event ev = { .type = KILN_EV_LINE, .text = text, .len = strlen(text) };

    kiln_bus_send(bus, &ev);
}

/* What a reader at the other end gets until it is closed. */
struct reader {
    int fd;
    struct kiln_str got;
};

static void *read_all(void *arg)
{
    struct reader *r = arg;
    char buf[4096]; /* smaller than an event: the writer has to wait */
    ssize_t n;

    while ((n = read(r->fd, buf, sizeof(buf))) > 0)
        kiln_str_add(&r->got, buf, (size_t)n);
    return NULL;
}

#define THREADS 4
#define EACH    200

static void *send_many(void *arg)
{
    KILN_AUTO_FREE char *text = kiln_xcalloc(1, 5001);

    for (size_t i = 0; i < EACH; i++) {
        memset(text, 'a' + (int)(i % 26), 5000);
        send_text(arg, text);
    }
    return NULL;
}

static void check_many(const struct reader *r)
{
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };
    const char *p = kiln_str_cstr(&r->got), *nl;
    uint64_t seq = 0;
    int64_t last_us = 0;

    for (; (nl = strchr(p, '\n')); p = nl + 1) {
        unit_ok(kiln_event_decode(&box, p, (size_t)(nl - p), &err), &err);
        assert_int_equal(box.ev.seq, ++seq);
        assert_true(box.ev.mono_us >= last_us && box.ev.wall_us > 0);
        last_us = box.ev.mono_us;
        assert_string_equal(box.ev.build, "qemu.deb");
        assert_int_equal(box.ev.len, 5000);
        assert_int_equal(strspn(box.ev.text, (char[]){ box.ev.text[0], '\0' }), 5000);
    }
    assert_int_equal(seq, THREADS * EACH);
    kiln_event_box_done(&box);
}

static void many_threads(int flags)
{
    struct reader reader = { 0 };
    pthread_t threads[THREADS], reading;
    struct kiln_bus *bus;
    int fds[2];

    pair(fds);
    assert_int_equal(fcntl(fds[0], F_SETFL, flags), 0);
    reader.fd = fds[1];
    bus = kiln_bus_new(fds[0], "qemu.deb");
    assert_int_equal(pthread_create(&reading, NULL, read_all, &reader), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, bus), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)close(fds[0]);
    assert_int_equal(pthread_join(reading, NULL), 0);
    kiln_bus_free(bus);
    (void)close(fds[1]);
    check_many(&reader);
    kiln_str_done(&reader.got);
}

static void test_threads_and_slow_reader(void **state)
{
    (void)state;
    many_threads(0);
    many_threads(O_NONBLOCK); /* an fd that somebody made so loses nothing either */
}

static _Atomic int signals_handled;

static void on_signal(int sig)
{
    int saved = errno;

    (void)sig;
    signals_handled++;
    errno = saved;
}

/* A few, each handled before the next: the first ends a write early, another one finds it blocked
 * before its first byte. The wait has an end, as TSan may put a signal off. */
static void pester(pthread_t thread)
{
    for (int i = 0; i < 5; i++) {
        int before = signals_handled;

        if (pthread_kill(thread, SIGUSR1) != 0)
            return;
        for (int spins = 0; signals_handled == before && spins < 1000; spins++)
            (void)sched_yield();
    }
}

/* Signals that interrupt the write must not cut a line. */
static void test_interrupted(void **state)
{
    struct sigaction sa = { .sa_handler = on_signal }, old; /* no SA_RESTART */
    pthread_t writer;
    struct kiln_bus *bus;
    char buf[3000];
    size_t lines = 0;
    ssize_t n;
    int fds[2];

    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &sa, &old), 0);
    pair(fds);
    bus = kiln_bus_new(fds[0], "b");
    assert_int_equal(pthread_create(&writer, NULL, send_many, bus), 0);
    while (lines < EACH) {
        if (lines < EACH - 2) /* it is still there to be pestered */
            pester(writer);
        n = read(fds[1], buf, sizeof(buf));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            lines += buf[i] == '\n';
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = fds[1], .events = POLLIN }, 1, 0), 0);
    kiln_bus_free(bus);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)sigaction(SIGUSR1, &old, NULL);
}

/* No signal, no error, no endless wait. */
static void test_dead_reader(void **state)
{
    struct kiln_bus *bus;
    int fds[2];

    (void)state;
    pair(fds);
    bus = kiln_bus_new(fds[0], "b");
    (void)close(fds[1]);
    for (int i = 0; i < 3; i++)
        send_text(bus, "nobody hears this");
    kiln_bus_free(bus);
    (void)close(fds[0]);
}

/* One event's line, as text. */
static char *next_line(int fd)
{
    struct kiln_str out = { 0 };
    char c;

    while (read(fd, &c, 1) == 1 && c != '\n')
        kiln_str_addc(&out, c);
    return kiln_str_steal(&out);
}

static void text_is(int fd, const char *want)
{
    KILN_AUTO_FREE char *line = next_line(fd);
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_event_decode(&box, line, strlen(line), &err), &err);
    assert_string_equal(box.ev.text, want);
    kiln_event_box_done(&box);
}

static void test_secrets_come_later(void **state)
{
    KILN_AUTO_STRV first = { 0 }, second = { 0 };
    KILN_AUTO_FREE char *shown = NULL;
    struct kiln_bus *bus;
    int fds[2];

    (void)state;
    kiln_strv_add(&first, "tiger");
    kiln_strv_add(&second, "panther");
    pair(fds);
    bus = kiln_bus_new(fds[0], "b");
    send_text(bus, "a tiger and a panther");
    text_is(fds[1], "a tiger and a panther");
    kiln_bus_add_secrets(bus, &first);
    send_text(bus, "a tiger and a panther");
    text_is(fds[1], "a <sensitive> and a panther");
    kiln_bus_add_secrets(bus, &second);
    send_text(bus, "a tiger and a panther");
    text_is(fds[1], "a <sensitive> and a <sensitive>");
    shown = kiln_bus_redacted(bus, "tiger.log");
    assert_string_equal(shown, "<sensitive>.log");
    kiln_log_set_sink(kiln_bus_log, bus);
    kiln_log("ate %s", "tiger");
    kiln_log_set_sink(NULL, NULL);
    text_is(fds[1], "ate <sensitive>");
    kiln_bus_free(bus);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* A secret that cannot be looked for: better no text than that text. */
static void test_blind(void **state)
{
    KILN_AUTO_STRV huge = { 0 };
    KILN_AUTO_FREE char *value = kiln_xcalloc(1, KILN_MAX_SECRET + 2);
    KILN_AUTO_FREE char *why = NULL, *shown = NULL, *line = NULL;
    struct kiln_bus *bus;
    struct kiln_event ev = { .type = KILN_EV_HTTP,
                             .name = "GET",
                             .id = "x",
                             .status = 200,
                             .text = "/secret",
                             .len = 7,
                             .names = &huge };
    int fds[2];

    (void)state;
    memset(value, 'x', KILN_MAX_SECRET + 1);
    kiln_strv_add(&huge, value);
    pair(fds);
    bus = kiln_bus_new(fds[0], NULL);
    kiln_bus_add_secrets(bus, &huge);
    why = next_line(fds[1]);
    assert_non_null(strstr(why, "No more text is shown"));
    kiln_bus_send(bus, &ev);
    line = next_line(fds[1]);
    assert_non_null(strstr(line, "\"type\":\"http\",\"status\":200,\"text\":\"<sensitive>\"}"));
    shown = kiln_bus_redacted(bus, "anything");
    assert_string_equal(shown, "<sensitive>");
    kiln_bus_free(bus);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_slow_reader),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_dead_reader),
        cmocka_unit_test(test_secrets_come_later),
        cmocka_unit_test(test_blind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
