#include "run/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/command.h"
#include "run/peer.h"
#include "run/rundir.h"
#include "run/socket.h"

#define PATIENCE KILN_MS(500)
#define TAIL     4096               /* the last event of a run is short */
#define SUMMARY  ((size_t)64 << 10) /* bytes at a summary's end that are looked at */

const char *const kiln_run_results[3] = { "ok", "failed", "cancelled" };

const char *kiln_run_result(const struct kiln_run_info *info)
{
    return kiln_run_results[info->status == 0 ? 0 : info->status == 2 ? 2 : 1];
}

void kiln_run_info_done(struct kiln_run_info *info)
{
    free(info->id);
    free(info->dir);
    free(info->tpl);
    kiln_strv_done(&info->builds);
    kiln_strv_done(&info->results);
    *info = (struct kiln_run_info){ 0 };
}

const char *kiln_run_short(const struct kiln_run_info *info, char buf[KILN_RUN_SHORT])
{
    (void)snprintf(buf, KILN_RUN_SHORT, "%s", info->id);
    return buf;
}

/* ---- one run ---- */

static bool decode_if(struct kiln_event_box *box, enum kiln_event_type type, const char *line,
                      size_t len)
{
    enum kiln_event_type found;

    return kiln_event_peek(line, len, &found) && found == type &&
           kiln_event_decode(box, line, len, NULL);
}

static void take_start(struct kiln_run_info *info, const char *line, size_t len)
{
    struct kiln_event_box box = { 0 };

    if (decode_if(&box, KILN_EV_RUN_START, line, len)) {
        free(info->tpl);
        info->tpl = kiln_xstrdup(box.ev.text ? box.ev.text : "");
        info->start_us = box.ev.wall_us;
        kiln_strv_done(&info->builds);
        if (box.ev.names)
            kiln_strv_add_all(&info->builds, box.ev.names);
    }
    kiln_event_box_done(&box);
}

static void take_end(struct kiln_run_info *info, const char *line, size_t len)
{
    struct kiln_event_box box = { 0 };

    if (decode_if(&box, KILN_EV_RUN_END, line, len)) {
        info->state = KILN_RUN_ENDED;
        info->status = box.ev.status;
        info->end_us = box.ev.wall_us;
    }
    kiln_event_box_done(&box);
}

/* Up to `len` bytes from `at`; how many there were. */
static size_t read_at(int fd, uint64_t at, char *buf, size_t len)
{
    ssize_t n = pread(fd, buf, len, (off_t)at);

    return n > 0 ? (size_t)n : 0;
}

static void read_head(struct kiln_run_info *info, int fd)
{
    size_t size = TAIL;

    while (size <= 2 * KILN_MAX_EVENT) { /* a run of very many builds has a long first line */
        KILN_AUTO_FREE char *buf = kiln_xmalloc(size);
        size_t n = read_at(fd, 0, buf, size);
        const char *nl = memchr(buf, '\n', n);

        if (nl) {
            take_start(info, buf, (size_t)(nl - buf));
            return;
        }
        if (n < size)
            return;
        size *= 16;
    }
}

static void read_tail(struct kiln_run_info *info, int fd, uint64_t size)
{
    char buf[TAIL];
    size_t n = read_at(fd, size > TAIL ? size - TAIL : 0, buf, TAIL);
    const char *start;

    if (n == 0 || buf[n - 1] != '\n')
        return;
    start = memrchr(buf, '\n', n - 1);
    start = start ? start + 1 : buf;
    take_end(info, start, (size_t)(buf + n - 1 - start));
}

static void take_result(struct kiln_run_info *info, const char *line, size_t len)
{
    struct kiln_event_box box = { 0 };

    if (decode_if(&box, KILN_EV_BUILD_END, line, len) && box.ev.status >= 0 &&
        box.ev.status < (int64_t)KILN_COUNT(kiln_run_results)) {
        for (size_t i = 0; i < info->builds.n; i++) {
            if (kiln_streq(info->builds.v[i], box.ev.build))
                kiln_strv_set(&info->results, i, kiln_run_results[box.ev.status]);
        }
    }
    kiln_event_box_done(&box);
}

/* How the builds ended, from the end of the summary. */
static void read_results(struct kiln_run_info *info)
{
    KILN_AUTO_FREE char *path = kiln_path_join(info->dir, KILN_SUMMARY_NAME);
    KILN_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    KILN_AUTO_FREE char *buf = NULL;
    const char *p, *nl, *end;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    for (size_t i = 0; i < info->builds.n; i++)
        kiln_strv_add(&info->results, "");
    buf = kiln_xmalloc(SUMMARY);
    p = buf;
    end = buf + read_at(fd, (size_t)st.st_size > SUMMARY ? (size_t)st.st_size - SUMMARY : 0, buf,
                        SUMMARY);
    for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
        take_result(info, p, (size_t)(nl - p));
}

/* Ids begin with the seconds, in hex. */
static int64_t start_by_id(const char *id)
{
    char *end;
    unsigned long seconds = strtoul(id, &end, 16);

    return *end == '-' ? (int64_t)seconds * 1000000 : 0;
}

/* How it began and ended, from the log or the summary. */
static void read_ends(struct kiln_run_info *info, const char *name)
{
    KILN_AUTO_FREE char *path = kiln_path_join(info->dir, name);
    KILN_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    read_head(info, fd);
    read_tail(info, fd, (uint64_t)st.st_size);
    if (info->state == KILN_RUN_DEAD)
        info->end_us = (int64_t)st.st_mtim.tv_sec * 1000000;
}

static void read_info(struct kiln_run_info *info, const char *dir)
{
    *info = (struct kiln_run_info){ .id = kiln_xstrdup(kiln_path_base(dir)),
                                    .dir = kiln_xstrdup(dir),
                                    .tpl = kiln_xstrdup("") };
    info->start_us = start_by_id(info->id);
    /* In this order: a run that ends meanwhile must not look dead. */
    info->state = kiln_rundir_is_going(dir) ? KILN_RUN_GOING : KILN_RUN_DEAD;
    read_ends(info, KILN_LOG_NAME);
    if (info->state == KILN_RUN_DEAD) /* or its log has no end: the disk was full */
        read_ends(info, KILN_SUMMARY_NAME);
    if (info->state == KILN_RUN_ENDED)
        read_results(info);
}

/* ---- who waits ---- */

static void take_waits(struct kiln_run_info *info, struct json_object *hello)
{
    struct json_object *waits;

    if (!json_object_object_get_ex(hello, "waits", &waits) ||
        !json_object_is_type(waits, json_type_array))
        return;
    for (size_t i = 0; i < info->builds.n; i++)
        kiln_strv_add(&info->results, "");
    for (size_t k = 0; k < json_object_array_length(waits); k++) {
        const char *build = json_object_get_string(json_object_array_get_idx(waits, k));

        for (size_t i = 0; i < info->builds.n; i++) {
            if (kiln_streq(info->builds.v[i], build))
                kiln_strv_set(&info->results, i, KILN_RUN_WAITS);
        }
    }
}

/* Its greeting tells. */
static void ask_who_waits(struct kiln_run_info *info)
{
    struct kiln_peer peer = { .fd = -1 };
    int64_t end = kiln_cancel_deadline(NULL, PATIENCE);
    int fd = kiln_socket_connect(info->dir, NULL);
    const char *line;
    size_t len;
    bool there;

    if (fd < 0)
        return;
    kiln_peer_init(&peer, fd, KILN_MAX_EVENT, TAIL);
    while (!(there = kiln_peer_line(&peer, &line, &len)) &&
           kiln_wait_fd(NULL, fd, POLLIN, end, NULL) == KILN_WAIT_READY && kiln_peer_read(&peer)) {
    }
    if (there) {
        KILN_AUTO_JSON *hello = kiln_json_read(line, len - 1, KILN_COMMAND_DEPTH, NULL);

        take_waits(info, hello);
    }
    kiln_peer_done(&peer);
}

/* ---- all of them ---- */

void kiln_runs_list(struct kiln_runs *ret)
{
    KILN_AUTO_STRV dirs = { 0 };

    kiln_rundir_list(&dirs);
    *ret = (struct kiln_runs){ .v = kiln_xcalloc(dirs.n + 1, sizeof(*ret->v)) };
    for (size_t i = dirs.n; i > 0; i--) {
        struct kiln_run_info *info = &ret->v[ret->n++];

        read_info(info, dirs.v[i - 1]);
        if (info->state == KILN_RUN_GOING)
            ask_who_waits(info);
    }
}

void kiln_runs_done(struct kiln_runs *runs)
{
    for (size_t i = 0; i < runs->n; i++)
        kiln_run_info_done(&runs->v[i]);
    free(runs->v);
    *runs = (struct kiln_runs){ 0 };
}

/* The newest that is going, else the newest. */
static const char *find_newest(const struct kiln_strv *dirs, struct kiln_err *err)
{
    for (size_t i = dirs->n; i > 0; i--) {
        if (kiln_rundir_is_going(dirs->v[i - 1]))
            return dirs->v[i - 1];
    }
    if (dirs->n > 0)
        return dirs->v[dirs->n - 1];
    (void)kiln_err_set(err, KILN_ERR_USER, "there is no run; kiln build or kiln tui begins one");
    return NULL;
}

static const char *find_named(const struct kiln_strv *dirs, const char *run, struct kiln_err *err)
{
    KILN_AUTO_STRV found = { 0 };
    KILN_AUTO_FREE char *names = NULL;
    const char *dir = NULL;

    KILN_STRV_FOREACH (path, dirs) {
        if (!kiln_has_prefix(kiln_path_base(path), run))
            continue;
        kiln_strv_add(&found, kiln_path_base(path));
        dir = path;
        if (kiln_streq(kiln_path_base(path), run))
            return path;
    }
    if (found.n == 1)
        return dir;
    names = kiln_strv_join(&found, ", ");
    if (found.n == 0)
        (void)kiln_err_set(err, KILN_ERR_USER, "no run is called \"%s\"; kiln ps lists them", run);
    else
        (void)kiln_err_set(err, KILN_ERR_USER, "more than one run begins with \"%s\": %s", run,
                           names);
    return NULL;
}

bool kiln_runs_find(struct kiln_run_info *ret, const char *run, struct kiln_err *err)
{
    KILN_AUTO_STRV dirs = { 0 };
    const char *dir;

    kiln_rundir_list(&dirs);
    dir = run && run[0] ? find_named(&dirs, run, err) : find_newest(&dirs, err);
    if (!dir)
        return false;
    read_info(ret, dir);
    return true;
}
