#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "builder/qemu/qemu.h"
#include "net/fetch.h"

/* StepDownload and stepPrepareOutputDir: what is booted, and where the result goes. */

static void say(void *ud, const char *line)
{
    kiln_say(ud, "%s", line);
}

static void progress(void *ud, uint64_t done, uint64_t total)
{
    kiln_progress(ud, "ISO", done, total);
}

/* QEMU reads the URL by itself. */
static bool skip_cache(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    const char *url;

    if (!kiln_fetch_probe_ranges(&s->o->iso_urls, b->cancel, &url, err))
        return false;
    s->iso.path = kiln_xstrdup(url);
    s->iso.url = kiln_xstrdup(url);
    return true;
}

static bool download(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    KILN_AUTO_CHECKSUM sum = { 0 };
    const struct kiln_download how = {
        .what = "ISO",
        .urls = &s->o->iso_urls,
        .checksum = &sum,
        .target = kiln_is_set(s->o->iso_target_path) ? s->o->iso_target_path : NULL,
        .extension = s->o->iso_target_extension,
        .say = say,
        .progress = progress,
        .ud = b,
    };

    if (s->o->iso_skip_cache)
        return skip_cache(s, b, err);
    if (!kiln_checksum_parse(s->o->iso_checksum, &sum, err)) /* a sum by now, or none */
        return false;
    kiln_say(b, "Retrieving ISO");
    return kiln_download(&how, b->cancel, &s->iso, err);
}

const struct kiln_step_ops kiln_qemu_step_download = { "StepDownload", download, NULL, false };

/* ---- output directory ---- */

/* What -force may delete was there when the build was prepared: what has come since is another
 * build's. */
static bool clear_output(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    const char *dir = s->o->output_directory;

    if (!kiln_fs_exists(dir))
        return true;
    if (!s->o->output_existed)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Output directory '%s' already exists: another build has made it. Give "
                            "each build an output_directory of its own.",
                            dir);
    if (!b->options->force)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Output directory '%s' already exists. It must not exist.", dir);
    kiln_say(b, "Deleting previous output directory...");
    if (!kiln_fs_remove_tree(dir, err))
        return kiln_err_wrap(err, "delete %s", dir);
    return true;
}

/* Not as mkdir -p makes it: two builds must not both believe that it is theirs. */
static bool make_dir(const char *path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_abs(path);
    KILN_AUTO_FREE char *parent = kiln_path_dir(dir);

    if (!kiln_fs_mkdirs(parent, 0755, err))
        return false;
    return mkdir(dir, 0755) == 0 || kiln_err_sys(err, errno, "make the output directory %s", path);
}

static bool make_output(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const char *dir = s->o->output_directory;

    if (!clear_output(s, b, err) || !kiln_ledger_add(b->ledger, KILN_OWNED_OUTPUT, dir, err))
        return false;
    s->made_output = make_dir(dir, err);
    if (!s->made_output)
        kiln_ledger_drop(b->ledger, KILN_OWNED_OUTPUT, dir);
    return s->made_output;
}

static void drop_output(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;
    KILN_AUTO_ERR err = { 0 };

    if (outcome == KILN_OUTCOME_OK || !s->made_output)
        return;
    s->made_output = false;
    kiln_say(b, "Deleting output directory...");
    if (!kiln_fs_remove_tree(s->o->output_directory, &err))
        kiln_error(b, "Error deleting output directory: %s", kiln_err_text(&err));
}

const struct kiln_step_ops kiln_qemu_step_output_dir = { "stepPrepareOutputDir", make_output,
                                                         drop_output, false };
