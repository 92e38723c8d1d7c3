#include "vm/qemu_img.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"

#define LOCK_TRIES      10
#define INFO_DEPTH      32 /* levels of what `info` prints */
#define LOCK_MAX_PAUSES 10 /* in units of the first pause */

static const char lock_text[] = "Failed to get shared \"write\" lock";

/* One run of qemu-img. */
struct run {
    const struct kiln_qemu_img *img;
    bool progress;  /* stdout holds nothing but progress */
    unsigned shown; /* progress told last, plus 1 */
    struct kiln_process process;
    struct kiln_str out, errs;
};

/* Tell the last "(12.34/100%)" of what qemu-img printed, and forget the text. */
static void tell_progress(struct run *r)
{
    const char *open = r->out.len > 0 ? memrchr(r->out.data, '(', r->out.len) : NULL;
    unsigned whole = 0, hundredths = 0;

    if (!open || !strchr(open, ')'))
        return;
    for (open++; isdigit((unsigned char)*open) && whole <= 100; open++)
        whole = 10 * whole + (unsigned)(*open - '0');
    if (open[0] == '.' && isdigit((unsigned char)open[1]) && isdigit((unsigned char)open[2]))
        hundredths = 10 * (unsigned)(open[1] - '0') + (unsigned)(open[2] - '0');
    hundredths += 100 * whole;
    kiln_str_clear(&r->out);
    if (hundredths > 10000 || hundredths < r->shown)
        return;
    r->shown = hundredths + 1;
    r->img->on_progress(r->img->ud, hundredths);
}

/* Read once. Past the maximum the bytes are dropped; false: the stream has ended. */
static bool take(int fd, struct kiln_str *into)
{
    char buf[4096];
    ssize_t n = read(fd, buf, sizeof(buf));

    if (n > 0 && into->len < KILN_MAX_CAPTURE)
        kiln_str_add(into, buf, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool read_streams(struct run *r, struct kiln_err *err)
{
    struct pollfd fds[2] = { { .fd = r->process.out, .events = POLLIN },
                             { .fd = r->process.err, .events = POLLIN } };
    struct kiln_str *into[2] = { &r->out, &r->errs };

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (kiln_wait_fds(r->img->cancel, fds, 2, KILN_NEVER, err) != KILN_WAIT_READY)
            return false;
        for (size_t i = 0; i < 2; i++) {
            if (fds[i].fd >= 0 && fds[i].revents && !take(fds[i].fd, into[i]))
                fds[i].fd = -1;
        }
        if (r->progress)
            tell_progress(r);
    }
    return kiln_process_wait(&r->process, r->img->cancel, KILN_NEVER, err);
}

static void run_done(struct run *r)
{
    kiln_process_done(&r->process);
    kiln_str_done(&r->out);
    kiln_str_done(&r->errs);
}

/* What it wrote to stderr, without white space around it; caller frees. */
static char *complaint(const struct run *r)
{
    const char *s = kiln_str_cstr(&r->errs);
    size_t len;

    while (isspace((unsigned char)*s))
        s++;
    len = strlen(s);
    while (len > 0 && isspace((unsigned char)s[len - 1]))
        len--;
    return kiln_xstrndup(s, len);
}

/* ret_out: what it printed (caller frees); NULL: of no interest, or told as progress. */
static bool run(const struct kiln_qemu_img *img, const struct kiln_strv *argv, bool progress,
                char **ret_out, struct kiln_err *err)
{
    KILN_CLEANUP(run_done)
    struct run r = {
        .img = img,
        .progress = progress,
        .process = KILN_PROCESS_INIT,
    };
    const struct kiln_spawn how = {
        .argv = (const char *const *)argv->v,
        .in = KILN_STDIO_NULL,
        .out = KILN_STDIO_PIPE,
        .err = KILN_STDIO_PIPE,
        .on_pid = img->on_pid,
        .ud = img->ud,
    };

    if (!kiln_process_spawn(&r.process, &how, err))
        return false;
    if (!read_streams(&r, err))
        return kiln_err_wrap(err, "%s %s", kiln_path_base(argv->v[0]), argv->v[1]);
    if (kiln_process_exit_code(&r.process) != 0) {
        KILN_AUTO_FREE char *why = complaint(&r);

        return kiln_err_set(err, KILN_ERR_REMOTE, "QemuImg error: %s", why);
    }
    if (ret_out)
        *ret_out = kiln_str_steal(&r.out);
    return true;
}

static void begin(const struct kiln_qemu_img *img, struct kiln_strv *argv, const char *verb)
{
    kiln_strv_add(argv, img->binary ? img->binary : "qemu-img");
    kiln_strv_add(argv, verb);
}

static void add_all(struct kiln_strv *argv, const struct kiln_strv *extra)
{
    if (extra)
        kiln_strv_add_all(argv, extra);
}

static void add_option(struct kiln_strv *argv, const char *option, const char *value)
{
    kiln_strv_add(argv, option);
    kiln_strv_add(argv, value);
}

bool kiln_qemu_img_create(const struct kiln_qemu_img *img, const struct kiln_qemu_img_create *how,
                          struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };

    begin(img, &argv, "create");
    add_option(&argv, "-f", how->format);
    if (how->backing) {
        add_option(&argv, "-b", how->backing);
        add_option(&argv, "-F", "qcow2");
    }
    add_all(&argv, how->extra);
    kiln_strv_add(&argv, how->path);
    kiln_strv_add(&argv, how->size);
    return run(img, &argv, false, NULL, err);
}

static void convert_argv(const struct kiln_qemu_img *img, const struct kiln_qemu_img_convert *how,
                         struct kiln_strv *argv)
{
    begin(img, argv, "convert");
    if (img->on_progress)
        kiln_strv_add(argv, "-p");
    if (how->compress)
        kiln_strv_add(argv, "-c");
    add_all(argv, how->extra);
    add_option(argv, "-O", how->format);
    kiln_strv_add(argv, how->from);
    kiln_strv_add(argv, how->to);
}

bool kiln_qemu_img_convert(const struct kiln_qemu_img *img, const struct kiln_qemu_img_convert *how,
                           struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };
    int64_t unit = img->retry_us > 0 ? img->retry_us : KILN_SECOND(1);
    int64_t pause = unit;

    convert_argv(img, how, &argv);
    for (int left = LOCK_TRIES;;) {
        KILN_AUTO_ERR why = { 0 };

        if (run(img, &argv, img->on_progress != NULL, NULL, &why))
            return true;
        if (why.kind != KILN_ERR_REMOTE || !strstr(kiln_err_text(&why), lock_text))
            return kiln_err_move(err, &why);
        if (--left == 0) {
            (void)kiln_err_wrap(&why, "Exhausted retries for getting file lock: "
                                      "retry count exhausted. Last err");
            return kiln_err_move(err, &why);
        }
        if (img->on_say)
            img->on_say(img->ud, "Error getting file lock for conversion; retrying...");
        if (!kiln_wait_us(img->cancel, pause, err))
            return false;
        pause = 2 * pause < LOCK_MAX_PAUSES * unit ? 2 * pause : LOCK_MAX_PAUSES * unit;
    }
}

bool kiln_qemu_img_resize(const struct kiln_qemu_img *img, const char *format, const char *path,
                          const char *size, const struct kiln_strv *extra, struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };

    begin(img, &argv, "resize");
    add_option(&argv, "-f", format);
    add_all(&argv, extra);
    kiln_strv_add(&argv, path);
    kiln_strv_add(&argv, size);
    return run(img, &argv, false, NULL, err);
}

bool kiln_qemu_img_delete_snapshot(const struct kiln_qemu_img *img, const char *name,
                                   const char *path, struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };
    KILN_AUTO_ERR why = { 0 };

    begin(img, &argv, "snapshot");
    add_option(&argv, "-d", name);
    kiln_strv_add(&argv, path);
    return run(img, &argv, false, NULL, &why) ||
           strstr(kiln_err_text(&why), "snapshot not found") || kiln_err_move(err, &why);
}

bool kiln_qemu_img_info(const struct kiln_qemu_img *img, const char *path,
                        struct kiln_qemu_img_info *ret_info, struct kiln_err *err)
{
    struct kiln_qemu_img_info info;
    KILN_AUTO_STRV argv = { 0 };
    KILN_AUTO_FREE char *out = NULL;
    KILN_AUTO_JSON *root = NULL;

    begin(img, &argv, "info");
    kiln_strv_add(&argv, "-U"); /* a QEMU may be using it */
    kiln_strv_add(&argv, "--output=json");
    kiln_strv_add(&argv, path);
    if (!run(img, &argv, false, &out, err))
        return false;
    root = kiln_json_read(out, strlen(out), INFO_DEPTH, NULL);
    info = (struct kiln_qemu_img_info){
        .format = kiln_xstrdup(kiln_json_string(root, "format")),
        .backing = kiln_xstrdup(kiln_json_string(root, "full-backing-filename")),
        .virtual_size = kiln_json_int(root, "virtual-size", 0),
        .actual_size = kiln_json_int(root, "actual-size", 0),
    };
    if (!info.format) {
        kiln_qemu_img_info_done(&info);
        return kiln_err_set(err, KILN_ERR_REMOTE, "qemu-img info %s: no format in its output",
                            path);
    }
    *ret_info = info;
    return true;
}

void kiln_qemu_img_info_done(struct kiln_qemu_img_info *info)
{
    free(info->format);
    free(info->backing);
    *info = (struct kiln_qemu_img_info){ 0 };
}
