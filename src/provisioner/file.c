#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build.h"
#include "provisioner/provisioners.h"

/* file: copies files and directories between here and the guest. provision-postprocess.md, 6. */
struct file {
    char *source;
    struct kiln_strv sources;
    char *content;
    char *destination;
    char *direction;
    bool generated;
};

static const char *const directions[] = { "upload", "download", NULL };

static const struct kiln_field fields[] = {
    { "source", KILN_STRING, offsetof(struct file, source),
      .help = "File or directory to copy; a directory's trailing slash means its contents." },
    { "sources", KILN_STRINGS, offsetof(struct file, sources), .help = "Several of them." },
    { "content", KILN_STRING, offsetof(struct file, content),
      .help = "Text to upload instead of a file." },
    { "destination", KILN_STRING, offsetof(struct file, destination),
      .help = "Where it goes; with a trailing slash, a directory. Required." },
    { "direction", KILN_STRING, offsetof(struct file, direction), .def = "upload",
      .choices = directions, .choice_error = "Direction must be one of: download, upload.",
      .help = "upload (to the guest) or download." },
    { "generated", KILN_BOOL, offsetof(struct file, generated),
      .help = "The source is made during the build: do not look for it beforehand." },
    { 0 },
};

static const struct kiln_schema schema = { "file", "copies files to or from the guest", fields,
                                           NULL };

/* One transfer's progress line. */
struct tracker {
    struct kiln_build *build;
    const char *name;
};

static void track(void *ud, uint64_t done, uint64_t total)
{
    const struct tracker *t = ud;

    kiln_progress(t->build, t->name, done, total);
}

static void list_sources(const struct file *f, struct kiln_strv *ret)
{
    kiln_strv_add_all(ret, &f->sources);
    if (f->source && f->source[0])
        kiln_strv_add(ret, f->source);
}

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    const struct file *f = cfg;
    KILN_AUTO_STRV sources = { 0 };
    bool upload = !kiln_streq(f->direction, "download"), ok = true;

    list_sources(f, &sources);
    if (f->content && sources.n)
        ok = kiln_config_error(p, "content", "source(s) conflicts with content.");
    if (!f->destination || !f->destination[0])
        ok = kiln_config_error(p, "destination", "Destination must be specified.");
    for (size_t i = 0; upload && !f->generated && i < sources.n; i++) {
        const char *path = sources.v[i];
        char why[128];

        /* A path that only {{build}} completes cannot be looked for yet. */
        if (kiln_interp_has_action(path) || kiln_fs_exists(path))
            continue;
        ok = kiln_config_error(p, f->source && kiln_streq(path, f->source) ? "source" : "sources",
                               "Bad source '%s': stat %s: %s", path, path,
                               kiln_errno_go(errno, why, sizeof(why)));
    }
    return ok;
}

/* Paths may hold {{build `K`}}, which is known only now. */
static char *render(struct kiln_build *b, const char *text, struct kiln_err *err)
{
    const struct kiln_interp interp = kiln_build_runtime_interp(b);
    KILN_AUTO_STR out = { 0 };

    if (!kiln_interp_render_again(&interp, text, &out, err))
        return NULL;
    return kiln_str_steal(&out);
}

/* ---- upload ---- */

struct job {
    struct kiln_build *build;
    struct kiln_communicator *comm;
    struct kiln_cancel *cancel;
};

static bool upload_file(const struct job *j, const char *src, const char *dst, mode_t mode,
                        struct kiln_err *err)
{
    const char *base = kiln_path_base(src);
    struct tracker tracker = { j->build, base };
    const struct kiln_transfer transfer = { track, &tracker, .verify = true };
    KILN_AUTO_FREE char *target =
        kiln_has_suffix(dst, "/") ? kiln_path_join(dst, base) : kiln_xstrdup(dst);

    return j->comm->ops->upload(j->comm, src, target, mode, &transfer, j->cancel, err);
}

static bool upload(const struct job *j, const char *src, const char *dst, struct kiln_err *err)
{
    struct tracker tracker = { j->build, src };
    const struct kiln_transfer transfer = { track, &tracker, .verify = true };
    struct stat st;
    bool ok;

    kiln_say(j->build, "Uploading %s => %s", src, dst);
    if (stat(src, &st) < 0)
        ok = kiln_err_sys(err, errno, "stat %s", src);
    else if (S_ISDIR(st.st_mode))
        ok = j->comm->ops->upload_dir(j->comm, src, dst, &transfer, j->cancel, err);
    else
        ok = upload_file(j, src, dst, st.st_mode & 0777, err);
    if (!ok)
        kiln_error(j->build, "Upload failed: %s", kiln_err_text(err));
    return ok;
}

static bool upload_content(const struct job *j, const struct file *f, const char *dst,
                           struct kiln_err *err)
{
    char *path = NULL;
    KILN_AUTO_FD fd = kiln_ledger_temp_file(j->build->ledger, "kiln-file-content", "", &path, err);
    bool ok;

    if (fd < 0)
        return false;
    ok = kiln_fs_write_all(fd, f->content, strlen(f->content), err) && upload(j, path, dst, err);
    kiln_ledger_remove(j->build->ledger, KILN_OWNED_FILE, path);
    return ok;
}

/* ---- download ---- */

static bool make_parent(const char *dst, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(dst);

    return kiln_fs_mkdirs(kiln_has_suffix(dst, "/") ? dst : dir, 0755, err);
}

static bool receive(const struct job *j, const char *src, int fd, struct kiln_err *err)
{
    struct tracker tracker = { j->build, kiln_path_base(src) };
    const struct kiln_transfer transfer = { .progress = track, .ud = &tracker };

    return j->comm->ops->download(j->comm, src, fd, &transfer, j->cancel, err);
}

static bool download_in_place(const struct job *j, const char *src, const char *dst,
                              struct kiln_err *err)
{
    KILN_AUTO_FD fd = open(dst, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        return kiln_err_sys(err, errno, "open %s", dst);
    return receive(j, src, fd, err);
}

/* What is there, st, stays until all of the new one is. */
static bool download_beside(const struct job *j, const char *src, const char *dst,
                            const struct stat *st, struct kiln_err *err)
{
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part%ld", dst, (long)getpid());
    KILN_AUTO_FD fd = -1;
    bool ok;

    if (!kiln_ledger_add(j->build->ledger, KILN_OWNED_FILE, part, err))
        return false;
    fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) { /* a directory that takes no new files */
        kiln_ledger_drop(j->build->ledger, KILN_OWNED_FILE, part);
        return download_in_place(j, src, dst, err);
    }
    ok = receive(j, src, fd, err);
    if (ok)
        (void)fchmod(fd, st->st_mode & 07777);
    ok = ok && kiln_fd_close_written(&fd, part, err);
    if (ok && rename(part, dst) != 0)
        ok = kiln_err_sys(err, errno, "rename %s to %s", part, dst);
    if (!ok)
        (void)unlink(part);
    kiln_ledger_drop(j->build->ledger, KILN_OWNED_FILE, part);
    return ok;
}

static bool download_file(const struct job *j, const char *src, const char *dst,
                          struct kiln_err *err)
{
    struct stat st;

    /* A new file stays as far as it has come, as with Packer; links and devices are written to. */
    if (lstat(dst, &st) != 0 || !S_ISREG(st.st_mode) || access(dst, W_OK) != 0)
        return download_in_place(j, src, dst, err);
    return download_beside(j, src, dst, &st, err);
}

static bool is_directory_download(const char *src)
{
    return kiln_has_suffix(src, "/") || strpbrk(src, "*?[");
}

static bool download(const struct job *j, const char *src, const char *dst, struct kiln_err *err)
{
    KILN_AUTO_FREE char *target = kiln_has_suffix(dst, "/") && !is_directory_download(src)
                                      ? kiln_path_join(dst, kiln_path_base(src))
                                      : kiln_xstrdup(dst);
    bool ok;

    kiln_say(j->build, "Downloading %s => %s", src, target);
    ok = make_parent(dst, err) &&
         (is_directory_download(src)
              ? j->comm->ops->download_dir(j->comm, src, dst, NULL, j->cancel, err)
              : download_file(j, src, target, err));
    if (!ok)
        kiln_error(j->build, "Download failed: %s", kiln_err_text(err));
    return ok;
}

/* ---- the provisioner ---- */

static bool transfer_all(const struct job *j, const struct file *f, const char *dst,
                         struct kiln_err *err)
{
    bool down = kiln_streq(f->direction, "download");
    KILN_AUTO_STRV sources = { 0 };

    if (f->content)
        return upload_content(j, f, dst, err);
    list_sources(f, &sources);
    for (size_t i = 0; i < sources.n; i++) {
        KILN_AUTO_FREE char *src = render(j->build, sources.v[i], err);

        if (!src || !(down ? download(j, src, dst, err) : upload(j, src, dst, err)))
            return false;
        if (down && is_directory_download(src))
            break; /* as Packer: a recursive download is the last one */
    }
    return true;
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct file *f = cfg;
    const struct job job = { b, comm, cancel };
    KILN_AUTO_FREE char *dst = render(b, f->destination, err);

    return dst && transfer_all(&job, f, dst, err);
}

const struct kiln_provisioner_ops kiln_file_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct file),
    .prepare = prepare,
    .provision = provision,
};
