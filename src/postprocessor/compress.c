#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/tar.h"
#include "engine/build.h"
#include "postprocessor/input.h"
#include "postprocessor/output_name.h"
#include "postprocessor/pack.h"
#include "postprocessor/postprocessors.h"
#include "postprocessor/zip.h"

/*
 * compress: the artifact's files as one archive, or one file compressed. The output grows under a
 * name of its own and gets its real one when it is whole.
 * Source: provision-postprocess.md, section 10.
 */
struct compress {
    char *output;
    char *format;
    int64_t level;
};

static const struct kiln_field fields[] = {
    { "output", KILN_STRING, offsetof(struct compress, output), KILN_RAW,
      .def = "packer_{{.BuildName}}_{{.BuilderType}}",
      .help = "File to write; {{.BuildName}}, {{.BuilderType}}. Its ending says what it becomes: "
              ".zip, .tar, .tar.gz, .tar.lz4, .tar.zst, .tar.xz, .tar.bzip2, .tar.bgzf; without "
              ".tar one file is compressed. Any other ending makes a tar.gz." },
    { "format", KILN_STRING, offsetof(struct compress, format),
      .help = "What it becomes if the name does not say: zip, tar, gz, lz4, zst, xz, bzip2, bgzf. "
              "The name stays as it is." },
    { "compression_level", KILN_INT, offsetof(struct compress, level), .def = "-1",
      .help = "1 (fast) to 9 (small). -1: what suits the format; 6 for gzip and zip." },
    { 0 },
};

static const struct kiln_schema schema = {
    "compress", "puts the artifact's files into an archive, on all cores", fields, NULL
};

/* ---- what to make, from the name ---- */

enum archive { NO_ARCHIVE, TAR, ZIP };

struct form {
    enum archive archive;
    const char *codec; /* codec.h; NULL: none */
    const char *word;  /* Packer's name for it */
};

static const struct {
    const char *ending, *codec, *word;
} endings[] = {
    { "gz", "gzip", "pgzip" },  { "lz4", "lz4", "lz4" },       { "bgzf", "bgzf", "bgzf" },
    { "xz", "xz", "xz" },       { "bzip2", "bzip2", "bzip2" }, { "zst", "zstd", "zstd" },
    { "zstd", "zstd", "zstd" },
};

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static size_t group_len(const char *p)
{
    size_t n = 0;

    while (islower((unsigned char)p[n]) || isdigit((unsigned char)p[n]))
        n++;
    return n;
}

/* By the last two groups of a dot with small letters and digits behind it. */
static struct form form_of(const char *name)
{
    const struct form fallback = { TAR, "gzip", "pgzip" };
    struct form form = { NO_ARCHIVE, NULL, "no compression" };
    const char *last = "", *before = "";
    size_t last_len = 0, before_len = 0;

    for (const char *p = strchr(name, '.'); p; p = strchr(p, '.')) {
        size_t n = group_len(++p);

        if (n == 0)
            continue;
        before = last;
        before_len = last_len;
        last = p;
        last_len = n;
    }
    if (is(before, before_len, "tar") || is(last, last_len, "tar"))
        form.archive = TAR;
    if (is(last, last_len, "zip"))
        return (struct form){ ZIP, "deflate", "deflate" };
    if (is(last, last_len, "tar"))
        return form;
    for (size_t i = 0; i < KILN_COUNT(endings); i++)
        if (is(last, last_len, endings[i].ending))
            return (struct form){ form.archive, endings[i].codec, endings[i].word };
    return fallback;
}

/* ---- the work ---- */

struct job {
    struct kiln_build *b;
    const struct kiln_strv *files;
    struct form form;
    int level;
    const char *target;
    int fd; /* borrowed */
    uint64_t done, total;
};

static bool open_pack(const struct job *j, struct kiln_pack **ret, struct kiln_err *err)
{
    return kiln_pack_open(ret, j->fd, j->form.codec, j->level, j->b->cancel, err);
}

static bool open_input(struct kiln_input *s, const char *path, struct kiln_err *err)
{
    if (kiln_input_open(s, path, err))
        return true;
    return s->fd < 0 ? kiln_err_wrap(err, "Unable to read file %s", path)
                     : kiln_err_wrap(err, "Failed to copy %s data to archive", path);
}

static bool feed(struct job *j, struct kiln_input *s, struct kiln_pack *pack, struct kiln_err *err)
{
    size_t n;

    for (;;) {
        if (!kiln_input_read(s, &n, err))
            return kiln_err_wrap(err, "Failed to copy %s data to archive", s->path);
        if (n == 0)
            return true;
        if (!kiln_pack_write(pack, s->buffer, n, err))
            return false;
        j->done += n;
        kiln_progress(j->b, kiln_path_base(j->target), j->done, j->total);
    }
}

static bool tar_one(struct job *j, struct kiln_pack *pack, const char *path, struct kiln_err *err)
{
    static const char zeros[KILN_TAR_BLOCK];
    KILN_AUTO_INPUT s = { 0 };
    KILN_AUTO_STR header = { 0 };

    if (!open_input(&s, path, err))
        return false;
    kiln_tar_header(&header, kiln_path_base(path), &s.st);
    return kiln_pack_write(pack, header.data, header.len, err) && feed(j, &s, pack, err) &&
           kiln_pack_write(pack, zeros, kiln_tar_padding((uint64_t)s.st.st_size), err);
}

static bool tar_all(struct job *j, struct kiln_pack *pack, struct kiln_err *err)
{
    static const char end[KILN_TAR_END];

    KILN_STRV_FOREACH (path, j->files) {
        if (!tar_one(j, pack, path, err))
            return false;
    }
    return kiln_pack_write(pack, end, sizeof(end), err) && kiln_pack_finish(pack, NULL, NULL, err);
}

static bool make_tar(struct job *j, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *pack = NULL;

    kiln_say(j->b, "Tarring %s with %s", j->target, j->form.word);
    return (open_pack(j, &pack, err) && tar_all(j, pack, err)) ||
           kiln_err_wrap(err, "Error creating tar");
}

static bool zip_one(struct job *j, struct kiln_zip *zip, const char *path, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *pack = NULL;
    KILN_AUTO_INPUT s = { 0 };
    uint64_t len;
    uint32_t crc;

    return open_input(&s, path, err) && kiln_zip_begin(zip, path, (uint64_t)s.st.st_size, err) &&
           open_pack(j, &pack, err) && feed(j, &s, pack, err) &&
           kiln_pack_finish(pack, &len, &crc, err) && kiln_zip_end(zip, crc, len, err);
}

static bool make_zip(struct job *j, struct kiln_err *err)
{
    struct kiln_zip zip = { .fd = j->fd };
    bool ok = true;

    kiln_say(j->b, "Zipping %s", j->target);
    for (size_t i = 0; ok && i < j->files->n; i++)
        ok = zip_one(j, &zip, j->files->v[i], err);
    ok = ok && kiln_zip_finish(&zip, err);
    kiln_zip_done(&zip);
    return ok || kiln_err_wrap(err, "Error creating zip");
}

static bool make_file(struct job *j, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *pack = NULL;
    KILN_AUTO_INPUT s = { 0 };

    if (j->files->n != 1) {
        KILN_AUTO_FREE char *list = kiln_strv_join(j->files, " ");

        return kiln_err_set(err, KILN_ERR_USER,
                            "Can only have 1 input file when not using tar/zip. Found %zu files: "
                            "[%s]",
                            j->files->n, list);
    }
    kiln_say(j->b, "Archiving %s with %s", j->files->v[0], j->form.word);
    if (!kiln_input_open(&s, j->files->v[0], err))
        return kiln_err_wrap(err, "Failed to open source file %s for reading", j->files->v[0]);
    return open_pack(j, &pack, err) && feed(j, &s, pack, err) &&
           kiln_pack_finish(pack, NULL, NULL, err);
}

static bool make(struct job *j, struct kiln_err *err)
{
    unsigned cores = kiln_pack_cores();

    if (j->form.codec && j->form.archive != ZIP)
        kiln_say(j->b, "Using %s compression with %u core%s for %s", j->form.word, cores,
                 cores == 1 ? "" : "s", j->target);
    switch (j->form.archive) {
    case NO_ARCHIVE:
        return make_file(j, err);
    case TAR:
        return make_tar(j, err);
    case ZIP:
        return make_zip(j, err);
    }
    return false;
}

/* ---- the output file ---- */

/* The target may not be one of the inputs, nor a device that the rename would replace. */
static bool check_target(const struct job *j, struct kiln_err *err)
{
    struct stat target, st;

    if (stat(j->target, &target) != 0)
        return true;
    if (!S_ISREG(target.st_mode))
        return kiln_err_set(err, KILN_ERR_USER,
                            "Unable to create archive %s: it is there and is not a regular file",
                            j->target);
    KILN_STRV_FOREACH (path, j->files) {
        if (stat(path, &st) == 0 && st.st_dev == target.st_dev && st.st_ino == target.st_ino)
            return kiln_err_set(err, KILN_ERR_USER,
                                "Unable to create archive %s: it is one of the files to compress; "
                                "set 'output' to another name",
                                j->target);
    }
    return true;
}

/* `real` is the target behind symlinks. */
static bool make_in(struct job *j, const char *part, const char *real, struct kiln_err *err)
{
    /* In a container pids come again: what a killed one has left is begun anew. */
    KILN_AUTO_FD fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);

    if (fd < 0)
        return kiln_err_sys(err, errno, "Unable to create archive %s: open %s", j->target, part);
    if (kiln_fs_exists(real)) /* one that is somebody else's becomes ours */
        (void)kiln_fs_copy_owner(real, fd, NULL);
    j->fd = fd;
    if (!make(j, err))
        return err && err->os_errno ? kiln_err_wrap(err, "Unable to create archive %s", j->target)
                                    : false;
    if (!kiln_fd_close_written(&fd, part, err))
        return kiln_err_wrap(err, "Unable to create archive %s", j->target);
    if (rename(part, real) != 0)
        return kiln_err_sys(err, errno, "Unable to create archive %s: rename %s", j->target, part);
    return true;
}

static bool make_output(struct job *j, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(j->target);
    KILN_AUTO_FREE char *real = kiln_fs_follow(j->target);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part%ld", real, (long)getpid());
    bool ok;

    if (!kiln_fs_mkdirs(dir, 0755, err))
        return kiln_err_wrap(err, "Unable to create dir for archive %s", j->target);
    if (!check_target(j, err) || !kiln_ledger_add(j->b->ledger, KILN_OWNED_FILE, part, err))
        return false;
    ok = make_in(j, part, real, err);
    if (!ok)
        (void)unlink(part);
    kiln_ledger_drop(j->b->ledger, KILN_OWNED_FILE, part);
    return ok;
}

static uint64_t bytes_of(const struct kiln_strv *files)
{
    uint64_t n = 0;
    struct stat st;

    KILN_STRV_FOREACH (path, files) {
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            n += (uint64_t)st.st_size;
    }
    return n;
}

static bool level_of(const struct compress *c, const struct form *form, int *ret,
                     struct kiln_err *err)
{
    bool gzip = kiln_streq(form->word, "pgzip") || kiln_streq(form->word, "bgzf");

    if (c->level < -1 && gzip)
        return kiln_err_set(err, KILN_ERR_USER,
                            "error creating %s writer: Invalid compression level. Expected an "
                            "integer from -1 to 9.",
                            form->word);
    *ret = c->level < 1 ? 0 : c->level > 9 ? 9 : (int)c->level;
    return true;
}

static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    const struct compress *c = cfg;
    KILN_AUTO_FREE char *shape = c->format && c->format[0]
                                     ? kiln_xasprintf("%s.%s", c->output, c->format)
                                     : kiln_xstrdup(c->output);
    KILN_AUTO_FREE char *target = kiln_output_name(b, c->output, NULL, err);
    struct job j = { .b = b, .files = &in->files, .form = form_of(shape), .target = target };
    struct kiln_artifact *art;

    if (!target)
        return kiln_err_wrap(err, "Error interpolating output value");
    if (!level_of(c, &j.form, &j.level, err))
        return false;
    j.total = bytes_of(j.files);
    if (!make_output(&j, err))
        return false;
    kiln_say(b, "Archive %s completed", target);
    art = kiln_artifact_new("packer.post-processor.compress", "", NULL);
    art->text = kiln_xasprintf("compressed artifacts in: %s", target);
    kiln_strv_add(&art->files, target);
    kiln_strv_add(&art->own, target);
    *ret = art;
    return true;
}

const struct kiln_postprocessor_ops kiln_compress_postprocessor = {
    .schema = &schema,
    .cfg_size = sizeof(struct compress),
    .process = process,
};
