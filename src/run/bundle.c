#include "run/bundle.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "run/bundle_log.h"
#include "vm/film.h"

#define MARK        "kiln: report of a failed build\n" /* by which the next one knows it */
#define REPORT      "report.txt"
#define FRAME_BYTES (2 * (size_t)KILN_FILM_BYTES)

static const char *const part_names[KILN_BUNDLE__N] = {
    [KILN_BUNDLE_KEYS] = "keys.txt", [KILN_BUNDLE_HTTP] = "http.txt",
    [KILN_BUNDLE_QEMU] = "qemu.txt", [KILN_BUNDLE_QMP] = "qmp.txt",
    [KILN_BUNDLE_LOG] = "log.txt",
};
static const char *const part_means[KILN_BUNDLE__N] = {
    [KILN_BUNDLE_KEYS] = "keys of the boot command",
    [KILN_BUNDLE_HTTP] = "requests to the HTTP server",
    [KILN_BUNDLE_QEMU] = "what QEMU printed",
    [KILN_BUNDLE_QMP] = "what QEMU reported (QMP events)",
    [KILN_BUNDLE_LOG] = "the end of the log, with steps and rungs",
};

struct writer {
    const struct kiln_bundle *what;
    char *dir; /* owned */
    struct kiln_bundle_log log;
    struct kiln_strv frames; /* paths, the oldest first */
};

static void writer_done(struct writer *w)
{
    free(w->dir);
    kiln_bundle_log_done(&w->log);
    kiln_strv_done(&w->frames);
}

/* ---- the directory ---- */

static char *directory_of(const char *output)
{
    KILN_AUTO_FREE char *path = kiln_xstrdup(output);
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    return kiln_xasprintf("%s.failure", path);
}

static bool is_ours(const char *dir)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, REPORT);
    KILN_AUTO_STR text = { 0 };
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           kiln_fs_read(path, (size_t)1 << 20, &text, NULL) &&
           kiln_has_prefix(kiln_str_cstr(&text), MARK);
}

/* The one of the failure before goes. */
static bool make_directory(const char *dir, struct kiln_err *err)
{
    if (mkdir(dir, 0700) == 0)
        return true;
    if (errno != EEXIST)
        return kiln_err_sys(err, errno, "%s", dir);
    if (!is_ours(dir))
        return kiln_err_set(err, KILN_ERR_USER, "%s is there, and was not made by kiln", dir);
    return kiln_fs_remove_tree(dir, err) &&
           (mkdir(dir, 0700) == 0 || kiln_err_sys(err, errno, "%s", dir));
}

static bool write_file(const struct writer *w, const char *name, const struct kiln_str *text,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_path_join(w->dir, name);

    return kiln_fs_write_new(path, kiln_str_cstr(text), text->len, 0600, err);
}

/* ---- the report ---- */

static void add_wall(struct kiln_str *out, int64_t wall_us)
{
    time_t t = (time_t)(wall_us / 1000000);
    char text[64] = "";
    struct tm tm;

    if (localtime_r(&t, &tm))
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
    kiln_str_adds(out, text);
}

static void add_ladder(const struct writer *w, struct kiln_str *out)
{
    kiln_str_adds(out, "\nThe ladder to the guest (seconds of the build, rung, state, what was "
                       "seen)\n\n");
    for (size_t i = 0; i < KILN_BUNDLE_RUNGS; i++) {
        if (w->log.rungs[i].len > 0)
            kiln_str_addf(out, "%s\n", kiln_str_cstr(&w->log.rungs[i]));
    }
}

static int64_t file_time_us(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000
                                : 0;
}

static void add_contents(const struct writer *w, struct kiln_str *out)
{
    kiln_str_adds(out, "\nBeside this file\n\n");
    for (size_t i = 0; i < w->frames.n; i++) {
        int64_t at = file_time_us(w->frames.v[i]) - w->log.start_us;

        kiln_str_addf(out, "screen-%zu.png  the guest's screen %.1f s after the build began%s\n",
                      i + 1, (double)at / 1e6, i + 1 == w->frames.n ? ", the last" : "");
    }
    for (size_t i = 0; i < KILN_BUNDLE__N; i++) {
        if (w->log.parts[i].len > 0)
            kiln_str_addf(out, "%-12s  %s\n", part_names[i], part_means[i]);
    }
    kiln_str_adds(out,
                  "\nSecrets are masked in all texts. Pictures show what the screen showed.\n");
}

static bool write_report(const struct writer *w, struct kiln_err *err)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_addf(&out, MARK "\nbuild     %s\ntemplate  %s\nbegan     ", w->what->build,
                  w->what->tpl);
    add_wall(&out, w->log.start_us);
    kiln_str_adds(&out, "\nfailed    ");
    add_wall(&out, kiln_clock_wall_us());
    kiln_str_addf(&out, "\n\n%s\n", w->what->error);
    add_ladder(w, &out);
    add_contents(w, &out);
    return write_file(w, REPORT, &out, err);
}

/* ---- the rest ---- */

static void find_frames(struct writer *w)
{
    KILN_AUTO_STRV found = { 0 };

    if (!w->what->frames_dir || !kiln_fs_exists(w->what->frames_dir) ||
        !kiln_fs_walk(w->what->frames_dir, &found, NULL))
        return;
    KILN_STRV_FOREACH (path, &found) { /* in the order of their numbers */
        if (kiln_has_suffix(path, ".png"))
            kiln_strv_add(&w->frames, path);
    }
}

static bool write_frames(const struct writer *w, struct kiln_err *err)
{
    for (size_t i = 0; i < w->frames.n; i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("screen-%zu.png", i + 1);
        KILN_AUTO_STR png = { 0 };

        if (!kiln_fs_read(w->frames.v[i], FRAME_BYTES, &png, err) ||
            !write_file(w, name, &png, err))
            return false;
    }
    return true;
}

static bool write_parts(const struct writer *w, struct kiln_err *err)
{
    for (size_t i = 0; i < KILN_BUNDLE__N; i++) {
        if (w->log.parts[i].len > 0 && !write_file(w, part_names[i], &w->log.parts[i], err))
            return false;
    }
    return true;
}

static char *describe(const struct writer *w)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_addf(&out, "What was seen of the failure is kept in %s: %s", w->dir, REPORT);
    if (w->frames.n > 0)
        kiln_str_addf(&out, ", %zu picture%s of the screen (the last is screen-%zu.png)",
                      w->frames.n, w->frames.n == 1 ? "" : "s", w->frames.n);
    for (size_t i = 0; i < KILN_BUNDLE__N; i++) {
        if (w->log.parts[i].len > 0)
            kiln_str_addf(&out, ", %s", part_names[i]);
    }
    return kiln_str_steal(&out);
}

bool kiln_bundle_write(const struct kiln_bundle *what, char **ret_text, struct kiln_err *err)
{
    KILN_CLEANUP(writer_done)
    struct writer w = { .what = what, .dir = directory_of(what->output) };
    char *text = NULL;

    if (!kiln_bundle_log_read(&w.log, what->log_fd, what->build, err))
        return false;
    if (w.log.machine) {
        find_frames(&w);
        /* The report comes first: with it the directory is ours, whatever happens then. */
        if (!make_directory(w.dir, err) || !write_report(&w, err) || !write_frames(&w, err) ||
            !write_parts(&w, err))
            return kiln_err_wrap(err, "what was seen of the failure is not kept");
        text = describe(&w);
    }
    *ret_text = text;
    return true;
}
