#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "builder/builders.h"
#include "communicator/none.h"
#include "engine/build.h"

/* file: writes one file; for tests and for chaining. provision-postprocess.md, section 8. */
struct file {
    char *source;
    char *content;
    char *target;
};

static const struct kiln_field fields[] = {
    { "source", KILN_STRING, offsetof(struct file, source), .help = "File to copy." },
    { "content", KILN_STRING, offsetof(struct file, content), .help = "Text to write." },
    { "target", KILN_STRING, offsetof(struct file, target), .help = "File to make. Required." },
    { 0 },
};

static const struct kiln_schema schema = { "file", "writes a file", fields, NULL };

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    const struct file *f = cfg;
    bool ok = true;

    if (!kiln_is_set(f->target))
        ok = kiln_config_error(p, "target", "target required");
    if (kiln_is_set(f->source) && kiln_is_set(f->content))
        ok = kiln_config_error(p, "source", "Cannot specify source file AND content");
    if (!kiln_is_set(f->source) && !kiln_is_set(f->content))
        kiln_config_warning(p, NULL,
                            "Both source file and contents are blank; target will have no content");
    return ok;
}

static bool copy_source(const struct file *f, struct kiln_build *b, struct kiln_err *err)
{
    struct stat st;

    kiln_say(b, "Copying %s to %s", f->source, f->target);
    if (!kiln_fs_copy(f->source, f->target, 0666, err))
        return false;
    if (stat(f->target, &st) == 0)
        kiln_say(b, "Copied %lld bytes", (long long)st.st_size);
    return true;
}

static bool write_content(const struct file *f, struct kiln_err *err)
{
    const char *text = f->content ? f->content : "";
    KILN_AUTO_FD fd = open(f->target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return kiln_err_sys(err, errno, "open %s", f->target);
    return kiln_fs_write_all(fd, text, strlen(text), err);
}

static bool run(void *cfg, struct kiln_build *b, struct kiln_artifact **ret, struct kiln_err *err)
{
    const struct file *f = cfg;
    KILN_AUTO_FREE char *dir = kiln_path_dir(f->target);
    KILN_AUTO_FREE char *text = kiln_xasprintf("Stored file: %s", f->target);
    struct kiln_communicator *comm;
    bool ok = kiln_fs_mkdirs(dir, 0755, err) &&
              (kiln_is_set(f->source) ? copy_source(f, b, err) : write_content(f, err));

    if (!ok)
        return false;
    comm = kiln_communicator_mock(); /* nothing to provision, yet provisioners may be listed */
    ok = kiln_build_provision(b, comm, err);
    kiln_communicator_free(comm);
    if (!ok)
        return false;
    *ret = kiln_artifact_new("packer.file", "File", text);
    kiln_strv_add(&(*ret)->files, f->target);
    kiln_strv_add(&(*ret)->own, f->target);
    return true;
}

const struct kiln_builder_ops kiln_file_builder = {
    .schema = &schema,
    .cfg_size = sizeof(struct file),
    .prepare = prepare,
    .run = run,
};
