/* Lines of the log to the terminal's clipboard and to files. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "ui/clipboard.h"
#include "ui/log/logscan.h"
#include "ui/log/pane_log.h"

#define COPY_BYTES ((size_t)100 << 10) /* terminals take no more, and some take less */
#define COPY_US    KILN_MS(50)
#define SAVE_CHUNK ((size_t)64 << 10)

void kiln_logpane_range(const struct kiln_logpane *p, struct kiln_logpos *ret_from,
                        struct kiln_logpos *ret_to)
{
    struct kiln_logpos mark = p->marking ? p->mark : p->cursor;
    bool back = kiln_logpos_compare(mark, p->cursor) < 0;

    *ret_from = back ? mark : p->cursor;
    *ret_to = back ? p->cursor : mark;
}

/* ---- clipboard ---- */

/* The text of the selection up to COPY_BYTES; *ret_cut: there was more. */
static size_t collect(struct kiln_logpane *p, struct kiln_str *out, bool *ret_cut)
{
    struct kiln_logpos at, to;
    struct kiln_logline line;
    int64_t until_us = kiln_clock_mono_us() + COPY_US;
    bool here = true;
    size_t n = 0;

    kiln_logpane_range(p, &at, &to);
    *ret_cut = false;
    while (kiln_logview_walk(p->view, at, true, here, until_us, &at) == KILN_LOG_FOUND &&
           kiln_logpos_compare(at, to) <= 0 && kiln_logview_line(p->view, at, &line)) {
        if (out->len + line.len + 1 > COPY_BYTES) {
            *ret_cut = true;
            break;
        }
        if (n++ > 0)
            kiln_str_addc(out, '\n');
        kiln_str_add(out, line.text, line.len);
        here = false;
    }
    return n;
}

void kiln_logpane_copy(struct kiln_logpane *p)
{
    KILN_AUTO_STR text = { 0 };
    bool cut;
    size_t n;

    n = collect(p, &text, &cut);
    if (n == 0) {
        kiln_console_say(p->console, cut ? "the line is too long to be copied" : "nothing to copy");
        return;
    }
    if (!kiln_clipboard_copy(p->console, text.data, text.len))
        return;
    kiln_console_say(p->console, "copied %s%zu line%s%s%s", cut ? "only the first " : "", n,
                     n == 1 ? "" : "s", cut ? " (100 kB; \"copy FILE\" writes all)" : "",
                     getenv("TMUX") ? " (tmux: if set-clipboard is on)" : "");
    p->marking = false;
}

/* ---- files ---- */

struct kiln_logsave {
    char *path, *temp; /* temp: what is written; == path if that is new */
    int fd;
    struct kiln_logpos at, to;
    bool here; /* `at` itself is still to be written */
    uint64_t lines;
    struct kiln_str out;
};

static void save_free(struct kiln_logpane *p)
{
    struct kiln_logsave *s = p->save;

    if (!s)
        return;
    kiln_fd_closep(&s->fd);
    free(s->path);
    free(s->temp);
    kiln_str_done(&s->out);
    free(s);
    p->save = NULL;
}

void kiln_logpane_save_stop(struct kiln_logpane *p)
{
    if (p->save)
        (void)unlink(p->save->temp);
    save_free(p);
}

static void save_fail(struct kiln_logpane *p, const struct kiln_err *err)
{
    kiln_console_error(p->console, "save: %s", kiln_err_text(err));
    kiln_logpane_save_stop(p);
}

unsigned kiln_logpane_save_percent(const struct kiln_logpane *p)
{
    uint64_t to = (uint64_t)p->save->to.block + 1;

    return (unsigned)((uint64_t)p->save->at.block * 100 / to);
}

static int open_new(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* @replace: write a neighbour, and let it take the file's place when it is whole. */
static void save_begin(struct kiln_logpane *p, const char *path, bool replace)
{
    struct kiln_logsave *s = kiln_xcalloc(1, sizeof(*s));
    KILN_AUTO_ERR err = { 0 };

    s->path = kiln_xstrdup(path);
    s->temp = replace ? kiln_xasprintf("%s.%d.part", path, (int)getpid()) : kiln_xstrdup(path);
    s->fd = open_new(s->temp);
    s->here = true;
    s->to = (struct kiln_logpos){ kiln_logstore_blocks(p->store), 0 };
    if (p->save_marked)
        kiln_logpane_range(p, &s->at, &s->to);
    p->save = s;
    if (s->fd < 0) {
        (void)kiln_err_sys(&err, errno, "cannot write %s", s->temp);
        kiln_console_error(p->console, "save: %s", kiln_err_text(&err));
        save_free(p);
    }
}

static void replace_answer(void *ud, bool yes)
{
    struct kiln_logpane *p = ud;
    KILN_AUTO_FREE char *path = p->save_path;

    p->save_path = NULL;
    if (yes && path)
        save_begin(p, path, true);
    else
        kiln_console_say(p->console, "not saved");
}

/* ~/x, as a shell has it. */
static char *expanded(const char *path)
{
    const char *home = getenv("HOME");

    if (path[0] == '~' && path[1] == '/' && home)
        return kiln_path_join(home, path + 2);
    return kiln_xstrdup(path);
}

void kiln_logpane_save(struct kiln_logpane *p, const char *path, bool marked)
{
    KILN_AUTO_FREE char *full = expanded(path);
    KILN_AUTO_FREE char *question = NULL;

    if (p->save) {
        kiln_console_error(p->console, "%s is being written; Esc stops that", p->save->path);
        return;
    }
    p->save_marked = marked;
    if (kiln_fs_is_dir(full)) {
        kiln_console_error(p->console, "save: %s is a directory", full);
        return;
    }
    if (!kiln_fs_exists(full)) {
        save_begin(p, full, false);
        return;
    }
    free(p->save_path);
    p->save_path = kiln_xstrdup(full);
    question = kiln_xasprintf("%s is there already. Replace it?", full);
    kiln_console_confirm(p->console, question, replace_answer, p);
}

/* "2026-11-21 06:22:41.715 qemu.debian stepRun: text" */
static void add_line(struct kiln_logpane *p, const struct kiln_logline *line, struct kiln_str *out)
{
    const char *step = kiln_logstore_step(p->store, line);
    time_t now = (time_t)(line->wall_us / 1000000);
    char stamp[64];
    struct tm tm;

    if (!localtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%F %T", &tm) == 0)
        stamp[0] = '\0';
    kiln_str_addf(out, "%s.%03d", stamp, (int)(line->wall_us / 1000 % 1000));
    if (line->target[0]) {
        kiln_str_addc(out, ' ');
        kiln_logscan_clean(out, line->target, strlen(line->target));
    }
    if (step[0]) {
        kiln_str_addc(out, ' ');
        kiln_logscan_clean(out, step, strlen(step));
    }
    kiln_str_adds(out, ": ");
    kiln_str_add(out, line->text, line->len);
    kiln_str_addc(out, '\n');
}

static bool save_flush(struct kiln_logsave *s, struct kiln_err *err)
{
    bool ok = kiln_fs_write_all(s->fd, s->out.data, s->out.len, err);

    kiln_str_clear(&s->out);
    return ok || kiln_err_wrap(err, "cannot write %s", s->temp);
}

static bool save_end(struct kiln_logpane *p, struct kiln_err *err)
{
    struct kiln_logsave *s = p->save;

    if (!save_flush(s, err))
        return false;
    if (!kiln_streq(s->temp, s->path) && rename(s->temp, s->path) != 0)
        return kiln_err_sys(err, errno, "cannot replace %s", s->path);
    kiln_console_say(p->console, "wrote %llu line%s to %s", (unsigned long long)s->lines,
                     s->lines == 1 ? "" : "s", s->path);
    if (p->save_marked)
        p->marking = false;
    save_free(p);
    return true;
}

static bool save_some(struct kiln_logpane *p, int64_t until_us, bool *ret_more,
                      struct kiln_err *err)
{
    struct kiln_logsave *s = p->save;
    struct kiln_logline line;

    *ret_more = true;
    do {
        enum kiln_log_answer answer =
            kiln_logview_walk(p->view, s->at, true, s->here, until_us, &s->at);

        if (answer == KILN_LOG_LATER)
            return true;
        if (answer == KILN_LOG_NONE || kiln_logpos_compare(s->at, s->to) > 0 ||
            !kiln_logview_line(p->view, s->at, &line)) {
            *ret_more = false;
            return save_end(p, err);
        }
        s->here = false;
        s->lines++;
        add_line(p, &line, &s->out);
        if (s->out.len >= SAVE_CHUNK && !save_flush(s, err))
            return false;
    } while ((s->lines & 63) != 0 || kiln_clock_mono_us() < until_us);
    return true;
}

bool kiln_logpane_save_work(struct kiln_logpane *p, int64_t until_us)
{
    KILN_AUTO_ERR err = { 0 };
    bool more = false;

    if (!save_some(p, until_us, &more, &err))
        save_fail(p, &err);
    kiln_console_dirty(p->console);
    return p->save && more;
}
