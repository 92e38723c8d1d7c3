#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli/stops.h"

#define MAX_LINE 4096 /* bytes; a terminal holds no more, but ctrl-d hands over what it has */

static int open_tty(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

bool kiln_terminal_available(void)
{
    KILN_AUTO_FD fd = open_tty();

    return fd >= 0 && tcgetpgrp(fd) == getpgrp();
}

/* Length of a colour sequence ESC [ digits ; : m at s, or 0. */
static size_t sgr_length(const char *s, size_t len)
{
    size_t i = 2;

    if (len < 3 || s[0] != '\033' || s[1] != '[')
        return 0;
    while (i < len && i < 64 && strchr("0123456789;:", s[i]) && s[i])
        i++;
    return i < len && s[i] == 'm' ? i + 1 : 0;
}

static bool is_control(const char *s, size_t len)
{
    unsigned char c = (unsigned char)s[0];

    if (c == '\n' || c == '\t')
        return false;
    /* C1 controls arrive as C2 80 … C2 9F in UTF-8; some terminals obey them. */
    return c < 0x20 || c == 0x7f || (c == 0xc2 && len > 1 && (unsigned char)s[1] < 0xa0) ||
           (c >= 0x80 && c < 0xa0 && kiln_utf8_decode(s, len, &(unsigned){ 0 }) == 0);
}

void kiln_terminal_clean(struct kiln_str *out, const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t n = sgr_length(text + i, len - i);
        unsigned cp;

        if (n == 0 && is_control(text + i, len - i)) {
            kiln_str_addc(out, '?');
            i += (unsigned char)text[i] == 0xc2 ? 2 : 1;
            continue;
        }
        if (n == 0)
            n = kiln_utf8_decode(text + i, len - i, &cp);
        if (n == 0)
            n = 1;
        kiln_str_add(out, text + i, n);
        i += n;
    }
}

int kiln_terminal_log_fd(void)
{
    const char *log = getenv("PACKER_LOG"), *path = getenv("PACKER_LOG_PATH");

    if (path && path[0])
        return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return log && log[0] && !kiln_streq(log, "0") ? STDERR_FILENO : -1;
}

void kiln_terminal_prompt_init(struct kiln_terminal_prompt *t, struct kiln_outlet *out)
{
    *t = (struct kiln_terminal_prompt){
        .out = out, .fd = -1, .quiet = KILN_QUIET_INIT, .line = KILN_STR_MAX(MAX_LINE)
    };
}

static void remove_question(struct kiln_terminal_prompt *t, size_t i)
{
    free(t->open[i].build);
    free(t->open[i].text);
    kiln_strv_done(&t->open[i].commands);
    memmove(t->open + i, t->open + i + 1, (--t->n - i) * sizeof(*t->open));
}

static void leave_terminal(struct kiln_terminal_prompt *t)
{
    kiln_quiet_end(&t->quiet);
    kiln_fd_closep(&t->fd);
}

static void forget_line(struct kiln_terminal_prompt *t)
{
    if (t->line.len)
        explicit_bzero(t->line.data, t->line.len);
    kiln_str_clear(&t->line);
}

void kiln_terminal_prompt_done(struct kiln_terminal_prompt *t)
{
    leave_terminal(t);
    forget_line(t);
    while (t->n)
        remove_question(t, 0);
    free(t->open);
    kiln_str_done(&t->line);
}

bool kiln_terminal_prompt_open(const struct kiln_terminal_prompt *t)
{
    return t->n > 0;
}

int kiln_terminal_prompt_fd(const struct kiln_terminal_prompt *t)
{
    return t->quiet.fd >= 0 ? t->quiet.fd : t->fd;
}

void kiln_terminal_prompt_again(const struct kiln_terminal_prompt *t)
{
    if (t->n > 0)
        kiln_outlet_write(t->out, t->open[0].text, strlen(t->open[0].text));
}

/* Put the first question on the screen. */
static void show(struct kiln_terminal_prompt *t)
{
    if (t->n == 0)
        return;
    t->fd = open_tty();
    if (t->fd < 0) /* gone meanwhile: there is nobody to answer, which reading finds out */
        t->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (t->open[0].secret)
        kiln_quiet_begin(&t->quiet, t->fd);
    kiln_terminal_prompt_again(t);
}

void kiln_terminal_prompt_add(struct kiln_terminal_prompt *t, const char *build, int64_t id,
                              const char *text, size_t len, bool secret)
{
    t->open = kiln_xrealloc(t->open, t->n + 1, sizeof(*t->open));
    t->open[t->n++] = (struct kiln_question){
        .build = kiln_xstrdup(build), .id = id, .text = kiln_xstrndup(text, len), .secret = secret
    };
    if (t->n == 1)
        show(t);
}

void kiln_terminal_prompt_stop(struct kiln_terminal_prompt *t, const char *build,
                               const struct kiln_strv *commands, const char *text, size_t len)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->open[i].id == KILN_TERMINAL_STOP && kiln_streq(t->open[i].build, build))
            return; /* the same stop, told again */
    }
    kiln_terminal_prompt_add(t, build, KILN_TERMINAL_STOP, text, len, false);
    kiln_strv_add_all(&t->open[t->n - 1].commands, commands);
}

void kiln_terminal_prompt_end(struct kiln_terminal_prompt *t, const char *build, int64_t id)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->open[i].id != id || !kiln_streq(t->open[i].build, build))
            continue;
        if (i == 0 && t->fd >= 0) /* void before it was answered: leave its line */
            kiln_outlet_write(t->out, "\n", 1);
        remove_question(t, i);
        if (i == 0) {
            leave_terminal(t);
            forget_line(t);
            show(t);
        }
        return;
    }
}

void kiln_terminal_prompt_over(struct kiln_terminal_prompt *t, const char *build)
{
    for (size_t i = t->n; i-- > 0;) /* the first, which is shown, last */
        if (kiln_streq(t->open[i].build, build))
            kiln_terminal_prompt_end(t, build, t->open[i].id);
}

/* The first question is answered; text NULL: nobody can. */
static void answer(struct kiln_terminal_prompt *t, struct kiln_supervisor *s, const char *text)
{
    const struct kiln_question *q = &t->open[0];
    struct kiln_request req = { .command = "answer", .number = q->id, .text = text };

    if (q->id == KILN_TERMINAL_STOP) {
        req = (struct kiln_request){ .command = kiln_stop_command(text ? text : "", &q->commands) };
        if (!req.command) { /* no such choice */
            show(t);
            return;
        }
    }
    kiln_supervisor_command(s, q->build, &req);
}

/* Cut off it could be another answer than was meant. */
static void refuse_line(struct kiln_terminal_prompt *t)
{
    static const char said[] = "An answer can have 4096 bytes; this one has more.\n";

    forget_line(t);
    kiln_outlet_write(t->out, said, strlen(said));
    kiln_terminal_prompt_again(t);
}

void kiln_terminal_prompt_read(struct kiln_terminal_prompt *t, struct kiln_supervisor *s)
{
    char chunk[512];
    ssize_t n;
    bool there;

    if (kiln_quiet_signals(&t->quiet))
        kiln_terminal_prompt_again(t);
    n = read(t->fd, chunk, sizeof(chunk));
    there = n > 0 || isatty(t->fd); /* Ctrl-D ends a line, not the terminal */
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        const char *nl = memchr(chunk, '\n', (size_t)n);

        kiln_str_add(&t->line, chunk, nl ? (size_t)(nl - chunk) : (size_t)n);
        explicit_bzero(chunk, (size_t)n);
        if (!nl)
            return;
    }
    if (there && t->line.failed) {
        refuse_line(t);
        return;
    }
    leave_terminal(t); /* answered; or it is gone */
    answer(t, s, there ? kiln_str_cstr(&t->line) : NULL);
    forget_line(t);
}
