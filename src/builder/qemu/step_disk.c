#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "builder/qemu/qemu.h"

/* stepCreateDisk, stepCopyDisk, stepResizeDisk, stepConvertDisk. qemu-builder.md, section 4. */

#define WORTH_PROGRESS ((uint64_t)256 << 20) /* bytes that take longer to copy than to look at */

static void progress(void *ud, unsigned done)
{
    const struct kiln_qemu_img_tracker *t = ud;

    if (t->bytes)
        kiln_progress(t->build, t->what, t->bytes / 10000 * done, t->bytes / 10000 * 10000);
}

static uint64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void say(void *ud, const char *line)
{
    const struct kiln_qemu_img_tracker *t = ud;

    kiln_say(t->build, "%s", line);
}

static bool note_pid(void *ud, pid_t pid, struct kiln_err *err)
{
    const struct kiln_qemu_img_tracker *t = ud;

    return kiln_ledger_add_pid(t->build->ledger, pid, err);
}

struct kiln_qemu_img kiln_qemu_img_for(struct kiln_qemu_img_tracker *tracker)
{
    return (struct kiln_qemu_img){ .cancel = tracker->build->cancel,
                                   .on_progress = progress,
                                   .on_say = say,
                                   .on_pid = note_pid,
                                   .ud = tracker };
}

static bool copied(void *ud, uint64_t done)
{
    const struct kiln_qemu_img_tracker *t = ud;

    if (t->bytes >= WORTH_PROGRESS)
        kiln_progress(t->build, t->what, done, t->bytes);
    return !kiln_cancel_fired(t->build->cancel);
}

/* The main disk comes from the image by a copy; an overlay is created like a new disk. */
static bool copies_image(const struct kiln_qemu_options *o)
{
    return o->disk_image && !o->use_backing_file;
}

static bool create_one(struct kiln_qemu_state *s, struct kiln_build *b, size_t i,
                       struct kiln_err *err)
{
    const struct kiln_qemu_options *o = s->o;
    struct kiln_qemu_img_tracker tracker = { b, "disk", 0 };
    const struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);
    /* A path in an image is relative to the image; a URL is left alone. */
    KILN_AUTO_FREE char *backing =
        o->iso_skip_cache ? kiln_xstrdup(s->iso.path) : kiln_path_abs(s->iso.path);
    const struct kiln_qemu_img_create how = {
        .format = o->format,
        .path = s->disks.v[i],
        .size = i == 0 ? o->disk_size : o->disk_additional_size.v[i - 1],
        .backing = i == 0 && o->use_backing_file ? backing : NULL,
        .extra = &o->img_args.create,
    };

    if (!kiln_qemu_img_create(&img, &how, err))
        return kiln_err_wrap(err, "Error creating hard drive");
    return true;
}

static bool create_disks(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    KILN_AUTO_FREE char *main_disk = kiln_qemu_disk_path(o);

    kiln_strv_done(&s->disks); /* a retry of the step begins again */
    kiln_strv_add(&s->disks, main_disk);
    for (size_t i = 0; i < o->disk_additional_size.n; i++)
        kiln_strv_addf(&s->disks, "%s-%zu", main_disk, i + 1);
    if (s->disks.n > 1 || o->use_backing_file)
        kiln_say(b, "Creating required virtual machine disks");
    for (size_t i = copies_image(o) ? 1 : 0; i < s->disks.n; i++) {
        if (!create_one(s, b, i, err))
            return false;
    }
    return true;
}

const struct kiln_step_ops kiln_qemu_step_create_disk = { "stepCreateDisk", create_disks, NULL,
                                                          false };

static bool copy_disk(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const char *ext = kiln_path_ext(s->iso.path);
    struct kiln_qemu_img_tracker tracker = { b, "Copying hard drive", file_size(s->iso.path) };
    const struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);
    const struct kiln_qemu_img_convert how = { .format = s->o->format,
                                               .from = s->iso.path,
                                               .to = s->disks.v[0] };

    if (!copies_image(s->o))
        return true;
    if (ext[0] && kiln_streq(ext + 1, s->o->format)) {
        kiln_message(b, "File extension already matches desired output format. Skipping qemu-img "
                        "convert step");
        return kiln_fs_copy_watched(s->iso.path, s->disks.v[0], 0644, copied, &tracker, err);
    }
    kiln_say(b, "Copying hard drive...");
    if (!kiln_qemu_img_convert(&img, &how, err))
        return kiln_err_wrap(err, "Error creating hard drive");
    return true;
}

const struct kiln_step_ops kiln_qemu_step_copy_disk = { "stepCopyDisk", copy_disk, NULL, false };

static bool resize_disk(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    struct kiln_qemu_img_tracker tracker = { b, "disk", 0 };
    const struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);

    if (!o->disk_image || o->skip_resize_disk)
        return true;
    kiln_say(b, "Resizing hard drive...");
    if (!kiln_qemu_img_resize(&img, o->format, s->disks.v[0], o->disk_size, &o->img_args.resize,
                              err))
        return kiln_err_wrap(err, "Error creating hard drive");
    return true;
}

const struct kiln_step_ops kiln_qemu_step_resize_disk = { "stepResizeDisk", resize_disk, NULL,
                                                          false };

static bool convert_disk(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    KILN_AUTO_FREE char *target = kiln_xasprintf("%s.convert", s->disks.v[0]);
    struct kiln_qemu_img_tracker tracker = { b, "Converting hard drive", file_size(s->disks.v[0]) };
    const struct kiln_qemu_img img = kiln_qemu_img_for(&tracker);
    const struct kiln_qemu_img_convert how = { .format = o->format,
                                               .from = s->disks.v[0],
                                               .to = target,
                                               .compress = o->disk_compression,
                                               .extra = &o->img_args.convert };

    if (o->skip_compaction && !o->disk_compression)
        return true;
    kiln_say(b, "Converting hard drive...");
    if (!kiln_qemu_img_convert(&img, &how, err))
        return kiln_err_wrap(err, "Error converting hard drive");
    if (rename(target, s->disks.v[0]) < 0)
        return kiln_err_sys(err, errno, "Error moving converted hard drive: %s", target);
    return true;
}

const struct kiln_step_ops kiln_qemu_step_convert_disk = { "stepConvertDisk", convert_disk, NULL,
                                                           false };
