#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build.h"
#include "net/hash.h"
#include "postprocessor/output_name.h"
#include "postprocessor/postprocessors.h"

/*
 * checksum: a file of checksums for each algorithm. Every input file is read once for all of them.
 * Source: provision-postprocess.md, section 10.
 */
struct checksum {
    struct kiln_strv types;
    char *output;
};

static const struct kiln_field fields[] = {
    { "checksum_types", KILN_STRINGS, offsetof(struct checksum, types), .def = "md5",
      .help = "Algorithms: md5, sha1, sha224, sha256, sha384, sha512." },
    { "output", KILN_STRING, offsetof(struct checksum, output), KILN_RAW,
      .def = "packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum",
      .help = "Name of the checksum file; {{.BuildName}}, {{.BuilderType}}, {{.ChecksumType}}. "
              "Lines are appended if it is there." },
    { 0 },
};

static const struct kiln_schema schema = { "checksum", "writes checksums of the artifact's files",
                                           fields, NULL };

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    const struct checksum *c = cfg;
    bool ok = true;

    for (size_t i = 0; i < c->types.n; i++) {
        enum kiln_hash_type type;

        if (!kiln_hash_by_name(c->types.v[i], strlen(c->types.v[i]), &type))
            ok = kiln_config_error(p, "checksum_types", "Unrecognized checksum type: %s",
                                   c->types.v[i]);
    }
    return ok;
}

static enum kiln_hash_type type_of(const struct checksum *c, size_t i)
{
    enum kiln_hash_type type = KILN_HASH_MD5;

    (void)kiln_hash_by_name(c->types.v[i], strlen(c->types.v[i]), &type); /* prepare() checked */
    return type;
}

/* The sums of all files: sums[file]. */
static bool hash_all(const struct checksum *c, struct kiln_build *b, const struct kiln_strv *files,
                     struct kiln_hash_sums *sums, struct kiln_err *err)
{
    unsigned set = 0;

    for (size_t i = 0; i < c->types.n; i++)
        set |= KILN_HASH_BIT(type_of(c, i));
    for (size_t i = 0; set && i < files->n; i++) {
        if (!kiln_hash_file(files->v[i], set, b->cancel, NULL, &sums[i], err))
            return kiln_err_wrap(err, "unable to open file %s", files->v[i]);
    }
    return true;
}

/* All of it or nothing: half a line is worse than none. */
static bool append_to(int fd, const char *path, const char *text, size_t len, struct kiln_err *err)
{
    off_t before = lseek(fd, 0, SEEK_END);
    struct stat st;

    if (kiln_fs_write_all(fd, text, len, err))
        return true;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) /* /dev/stdout stays */
        return kiln_err_wrap(err, "unable to write file %s", path);
    if (before <= 0)
        (void)unlink(path);
    else if (ftruncate(fd, before) != 0)
        return kiln_err_wrap(err, "%s now ends in half a line", path);
    return kiln_err_wrap(err, "unable to write file %s", path);
}

static bool append(const char *path, const char *text, size_t len, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(path);
    KILN_AUTO_FD fd = -1;

    if (!kiln_fs_mkdirs(dir, 0755, err))
        return kiln_err_wrap(err, "unable to create dir");
    /* O_NONBLOCK: a FIFO that nobody reads must not hang the build. */
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    if (fd < 0)
        return kiln_err_sys(err, errno, "unable to create file %s", path);
    return append_to(fd, path, text, len, err);
}

/* The checksum file of one algorithm; a new one joins the artifact. */
static bool write_type(const struct checksum *c, size_t which, struct kiln_build *b,
                       const struct kiln_hash_sums *sums, const struct kiln_strv *files,
                       struct kiln_artifact *art, struct kiln_err *err)
{
    enum kiln_hash_type type = type_of(c, which);
    KILN_AUTO_STR lines = { 0 };
    bool is_new;
    KILN_AUTO_FREE char *path = kiln_output_name(b, c->output, c->types.v[which], err);

    if (!path)
        return false;
    for (size_t i = 0; i < files->n; i++)
        kiln_str_addf(&lines, "%s\t%s\n", sums[i].hex[type], kiln_path_base(files->v[i]));
    is_new = !kiln_fs_exists(path);
    if (!append(path, kiln_str_cstr(&lines), lines.len, err))
        return false;
    if (is_new) {
        kiln_strv_add(&art->files, path);
        kiln_strv_add(&art->own, path);
    }
    return true;
}

static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    const struct checksum *c = cfg;
    KILN_AUTO_FREE struct kiln_hash_sums *sums = kiln_xcalloc(in->files.n, sizeof(*sums));
    struct kiln_artifact *art;
    KILN_AUTO_FREE char *joined = NULL;
    bool ok = hash_all(c, b, &in->files, sums, err);

    art = kiln_artifact_new("packer.post-processor.checksum", "", NULL);
    kiln_strv_add_all(&art->files, &in->files);
    kiln_strv_add_all(&art->own, &in->files);
    for (size_t i = 0; ok && i < c->types.n; i++)
        ok = write_type(c, i, b, sums, &in->files, art, err);
    if (!ok) {
        kiln_artifact_unref(art);
        return false;
    }
    joined = kiln_strv_join(&art->files, ", ");
    art->text = kiln_xasprintf("Created artifact from files: %s", joined);
    *ret = art;
    return true;
}

const struct kiln_postprocessor_ops kiln_checksum_postprocessor = {
    .schema = &schema,
    .cfg_size = sizeof(struct checksum),
    .keep_input = true,
    .keep_input_forced = true,
    .prepare = prepare,
    .process = process,
};
