#include "ui/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "ui/console_priv.h"
#include "ui/term/term.h"

#define ESCAPE  0x1D /* Ctrl-] */
#define ESCAPES 3

static const char welcome[] =
    "A shell in the guest. Its end leads back, and so does Ctrl-] three times.\r\n";

/* Bytes on their way in one direction. */
struct way {
    int from, to;
    char bytes[4096];
    size_t at, len;
    bool closed;
};

static void read_some(struct way *w)
{
    ssize_t n = read(w->from, w->bytes, sizeof(w->bytes));

    if (n > 0) {
        w->at = 0;
        w->len = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        w->closed = true;
    }
}

static void write_some(struct way *w)
{
    ssize_t n = write(w->to, w->bytes + w->at, w->len - w->at);

    if (n > 0)
        w->at += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        w->closed = true;
}

/* What leads back though the guest does not answer: as systemd-nspawn has it. */
struct escape {
    unsigned n;
    int64_t since; /* the first of them */
};

static bool take_escape(struct escape *e, const struct way *in)
{
    int64_t now = kiln_clock_mono_us();

    for (size_t i = in->at; i < in->len; i++) {
        if (in->bytes[i] != ESCAPE)
            e->n = 0;
        else if (e->n++ == 0 || now - e->since > KILN_SECOND(1))
            *e = (struct escape){ 1, now };
    }
    return e->n >= ESCAPES;
}

static bool waiting(const struct way *w)
{
    return w->at < w->len;
}

/* True: it is time to end. */
static bool take_signals(struct kiln_console *c, int signals)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        struct kiln_request size = { .command = "shell-size" };

        if (info.ssi_signo == SIGWINCH) {
            kiln_term_size(c->term, &size.cols, &size.rows);
            kiln_console_command(c, &size);
        } else if (info.ssi_signo != SIGTSTP && info.ssi_signo != SIGCONT) {
            c->quit = true;
            return true;
        }
    }
    return false;
}

void kiln_shell_relay(struct kiln_console *c, int fd, int signals)
{
    int tty = kiln_term_fd(c->term);
    struct way out = { .from = fd, .to = tty }, in = { .from = tty, .to = fd };
    struct escape escape = { 0 };

    memcpy(out.bytes, welcome, sizeof(welcome) - 1);
    out.len = sizeof(welcome) - 1;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while (!out.closed && !in.closed) {
        struct pollfd fds[] = {
            { .fd = fd,
              .events = (short)((waiting(&in) ? POLLOUT : 0) | (waiting(&out) ? 0 : POLLIN)) },
            { .fd = tty,
              .events = (short)((waiting(&out) ? POLLOUT : 0) | (waiting(&in) ? 0 : POLLIN)) },
            { .fd = signals, .events = POLLIN },
            { .fd = kiln_client_fd(c->client), .events = POLLIN },
        };

        if (kiln_wait_fds(NULL, fds, KILN_COUNT(fds), KILN_NEVER, NULL) == KILN_WAIT_ERROR)
            return;
        if (fds[2].revents && take_signals(c, signals))
            return;
        if (fds[3].revents)
            kiln_client_read(c->client, &kiln_console_handler, c);
        if (waiting(&out))
            write_some(&out);
        else if (fds[0].revents)
            read_some(&out);
        if (waiting(&in)) {
            write_some(&in);
        } else if (fds[1].revents) {
            read_some(&in);
            if (take_escape(&escape, &in))
                return;
        }
    }
}
