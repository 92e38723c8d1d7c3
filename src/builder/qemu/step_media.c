#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "builder/qemu/qemu.h"
#include "vm/cd_image.h"
#include "vm/floppy_image.h"

/* StepCreateFloppy and StepCreateCD. qemu-builder.md, section 10. */

#define DEFAULT_LABEL "packer"

static const char *label_or_default(const char *label)
{
    return kiln_is_set(label) ? label : DEFAULT_LABEL;
}

/* The last part of a path: "b" of "a/b" and of "a/b/". */
static char *last_part(const char *path)
{
    size_t len = strlen(path);
    KILN_AUTO_FREE char *trimmed = NULL;

    while (len > 1 && path[len - 1] == '/')
        len--;
    trimmed = kiln_xstrndup(path, len);
    return kiln_xstrdup(kiln_path_base(trimmed));
}

/* A file, or a directory and all that is in it, into `under` (NULL: into the root). */
static bool add_tree(struct kiln_media *m, const char *path, const char *under,
                     struct kiln_err *err)
{
    KILN_AUTO_STRV found = { 0 };
    size_t skip = strlen(path) + (kiln_has_suffix(path, "/") ? 0 : 1);

    if (!kiln_media_walk(path, &found, err))
        return false;
    for (size_t i = 0; i < found.n; i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("%s/%s", under ? under : "", found.v[i] + skip);
        bool ok = kiln_has_suffix(name, "/") ? kiln_media_add_dir(m, name, err)
                                             : kiln_media_add_file(m, name, found.v[i], err);

        if (!ok)
            return kiln_err_wrap(err, "%s", found.v[i]);
    }
    return true;
}

static bool expand(const struct kiln_strv *paths, struct kiln_strv *ret, struct kiln_err *err)
{
    for (size_t i = 0; i < paths->n; i++) {
        if (!kiln_media_glob(paths->v[i], ret, err))
            return false;
    }
    return true;
}

/* A temporary image, empty so far; one that is there from another try is gone. */
static bool new_image(struct kiln_build *b, const char *suffix, char **path, struct kiln_err *err)
{
    int fd;

    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, *path);
    *path = NULL;
    fd = kiln_ledger_temp_file(b->ledger, "packer", suffix, path, err);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* ---- floppy ---- */

static bool add_flat(struct kiln_media *m, const char *path, struct kiln_err *err)
{
    if (!kiln_media_add_file(m, kiln_path_base(path), path, err))
        return kiln_err_wrap(err, "Error adding file from floppy_files : %s ", path);
    return true;
}

/* A directory, too, goes into the root with all that is in it. */
static bool add_floppy_file(struct kiln_media *m, struct kiln_build *b, const char *path,
                            struct kiln_err *err)
{
    KILN_AUTO_STRV found = { 0 };

    if (!kiln_fs_is_dir(path)) {
        kiln_message(b, "Copying file: %s", path);
        return add_flat(m, path, err);
    }
    kiln_message(b, "Copying directory: %s", path);
    if (!kiln_media_walk(path, &found, err))
        return kiln_err_wrap(err, "Error adding file from floppy_files : %s ", path);
    for (size_t i = 0; i < found.n; i++) {
        if (!kiln_has_suffix(found.v[i], "/"))
            kiln_message(b, "Adding file: %s", found.v[i]);
    }
    for (size_t i = 0; i < found.n; i++) {
        if (!kiln_has_suffix(found.v[i], "/") && !add_flat(m, found.v[i], err))
            return false;
    }
    return true;
}

static bool add_floppy_files(struct kiln_media *m, struct kiln_build *b,
                             const struct kiln_strv *files, struct kiln_err *err)
{
    KILN_AUTO_STRV paths = { 0 };

    kiln_message(b, "Copying files flatly from floppy_files");
    if (!expand(files, &paths, err))
        return false;
    for (size_t i = 0; i < paths.n; i++) {
        if (!add_floppy_file(m, b, paths.v[i], err))
            return false;
    }
    kiln_message(b, "Done copying files from floppy_files");
    return true;
}

static bool add_floppy_dirs(struct kiln_media *m, struct kiln_build *b,
                            const struct kiln_strv *dirs, struct kiln_err *err)
{
    KILN_AUTO_STRV paths = { 0 };
    KILN_AUTO_FREE char *list = NULL;

    kiln_message(b, "Collecting paths from floppy_dirs");
    if (!expand(dirs, &paths, err))
        return false;
    list = kiln_strv_join(&paths, " ");
    kiln_message(b, "Resulting paths from floppy_dirs : [%s]", list);
    for (size_t i = 0; i < paths.n; i++) {
        KILN_AUTO_FREE char *name = last_part(paths.v[i]);
        bool ok;

        kiln_message(b, "Recursively copying : %s", paths.v[i]);
        ok = kiln_fs_is_dir(paths.v[i]) ? add_tree(m, paths.v[i], name, err)
                                        : kiln_media_add_file(m, name, paths.v[i], err);
        if (!ok)
            return kiln_err_wrap(err, "Error adding path %s to floppy", paths.v[i]);
    }
    kiln_message(b, "Done copying paths from floppy_dirs");
    return true;
}

/* By their last names: a key's directories do not count. */
static bool add_floppy_content(struct kiln_media *m, struct kiln_build *b,
                               const struct kiln_strmap *content, struct kiln_err *err)
{
    if (content->keys.n == 0)
        return true;
    kiln_message(b, "Copying files from floppy_content");
    for (size_t i = 0; i < content->keys.n; i++) {
        const char *key = content->keys.v[i];

        if (!kiln_media_add_content(m, kiln_path_base(key), content->values.v[i], err))
            return kiln_err_wrap(err, "Error adding file from floppy_content : %s ", key);
    }
    kiln_message(b, "Done copying files from floppy_content");
    return true;
}

static bool create_floppy(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    KILN_AUTO_MEDIA m = { 0 };

    if (o->floppy_files.n == 0 && o->floppy_dirs.n == 0 && o->floppy_content.keys.n == 0)
        return true;
    kiln_say(b, "Creating floppy disk...");
    if (!add_floppy_files(&m, b, &o->floppy_files, err) ||
        !add_floppy_dirs(&m, b, &o->floppy_dirs, err) ||
        !add_floppy_content(&m, b, &o->floppy_content, err) || !new_image(b, "", &s->floppy, err))
        return false;
    if (!kiln_floppy_write(s->floppy, label_or_default(o->floppy_label), &m, err))
        return kiln_err_wrap(err, "Error creating floppy");
    return true;
}

static void drop_floppy(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;

    (void)outcome;
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, s->floppy);
    s->floppy = NULL;
}

const struct kiln_step_ops kiln_qemu_step_floppy = { "StepCreateFloppy", create_floppy, drop_floppy,
                                                     false };

/* ---- CD ---- */

/* "dir" keeps its name, "dir/" stands for what is in it. */
static bool add_cd_path(struct kiln_media *m, const char *path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *name = last_part(path);

    if (kiln_fs_is_dir(path))
        return add_tree(m, path, kiln_has_suffix(path, "/") ? NULL : name, err);
    return kiln_media_add_file(m, name, path, err);
}

static bool fill_cd(struct kiln_media *m, const struct kiln_strv *paths,
                    const struct kiln_strmap *content, struct kiln_err *err)
{
    for (size_t i = 0; i < paths->n; i++) {
        if (!add_cd_path(m, paths->v[i], err))
            return kiln_err_wrap(err, "cd_files: %s", paths->v[i]);
    }
    for (size_t i = 0; i < content->keys.n; i++) {
        if (!kiln_media_add_content(m, content->keys.v[i], content->values.v[i], err))
            return kiln_err_wrap(err, "cd_content: %s", content->keys.v[i]);
    }
    return true;
}

static bool create_cd(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    KILN_AUTO_STRV paths = { 0 };
    KILN_AUTO_MEDIA m = { .replaces = true };

    if (!expand(&o->cd_files, &paths, err))
        return false;
    if (paths.n == 0 && o->cd_content.keys.n == 0)
        return true;
    kiln_say(b, "Creating CD disk...");
    if (!fill_cd(&m, &paths, &o->cd_content, err) || !new_image(b, ".iso", &s->cd, err))
        return false;
    if (!kiln_cd_write(s->cd, label_or_default(o->cd_label), &m, b->cancel, err))
        return kiln_err_wrap(err, "Error creating CD");
    kiln_message(b, "Done copying paths from CD_dirs");
    return true;
}

static void drop_cd(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;

    (void)outcome;
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, s->cd);
    s->cd = NULL;
}

const struct kiln_step_ops kiln_qemu_step_cd = { "StepCreateCD", create_cd, drop_cd, false };
