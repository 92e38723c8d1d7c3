/* Files and archives of every kind that is unpacked, made by libarchive. */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "net/unpack.h"

#define SIZE ((size_t)1 << 20) /* of the file: text, a hole, text, a hole */

struct bed {
    char *dir, *to;
    unsigned char *data;
    struct kiln_cancel *cancel;
};

static int open_bed(void **state)
{
    struct bed *b = kiln_xcalloc(1, sizeof(*b));

    b->dir = kiln_fs_temp_dir("kiln-test-", NULL);
    b->to = kiln_path_join(b->dir, "to");
    b->data = kiln_xcalloc(SIZE, 1);
    memset(b->data, 'a', 70000);
    memset(b->data + SIZE / 2, 'b', 70000);
    b->cancel = kiln_cancel_new();
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    bool ok = kiln_fs_remove_tree(b->dir, NULL);

    kiln_cancel_free(b->cancel);
    free(b->dir);
    free(b->to);
    free(b->data);
    free(b);
    return ok ? 0 : -1;
}

static void put_entry(struct archive *a, const char *name, unsigned type, const void *data,
                      size_t len)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, type);
    archive_entry_set_perm(e, 0755);
    archive_entry_set_size(e, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, data, len), (la_ssize_t)len);
    archive_entry_free(e);
}

/* DIR/NAME, packed as said, with `files` copies of the data and a directory beside them. */
static char *pack(const struct bed *b, const char *name, const struct kiln_packing *how, int files)
{
    static const int filters[] = { [KILN_PACK_STORED] = ARCHIVE_FILTER_NONE,
                                   [KILN_PACK_GZIP] = ARCHIVE_FILTER_GZIP,
                                   [KILN_PACK_BZIP2] = ARCHIVE_FILTER_BZIP2,
                                   [KILN_PACK_XZ] = ARCHIVE_FILTER_XZ,
                                   [KILN_PACK_ZSTD] = ARCHIVE_FILTER_ZSTD };
    static const int formats[] = { [KILN_PACK_BARE] = ARCHIVE_FORMAT_RAW,
                                   [KILN_PACK_TAR] = ARCHIVE_FORMAT_TAR_GNUTAR,
                                   [KILN_PACK_ZIP] = ARCHIVE_FORMAT_ZIP };
    char *path = kiln_path_join(b->dir, name);
    struct archive *a = archive_write_new();

    assert_int_equal(archive_write_set_format(a, formats[how->format]), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(a, filters[how->filter]), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    if (how->format != KILN_PACK_BARE)
        put_entry(a, "dir", AE_IFDIR, NULL, 0);
    for (int i = 0; i < files; i++)
        put_entry(a, i ? "dir/b" : "dir/a", AE_IFREG, b->data, SIZE);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    return path;
}

static const char *const suffixes[] = { "gz",     "bz2",     "xz",      "zst",  "tar",
                                        "tar.gz", "tgz",     "tar.bz2", "tbz2", "tar.xz",
                                        "txz",    "tar.zst", "tzst",    "zip" };

static void every_kind(void **state)
{
    struct bed *b = *state;

    for (size_t i = 0; i < KILN_COUNT(suffixes); i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("x.iso.%s", suffixes[i]);
        const struct kiln_packing *how = kiln_packing_of(name);
        struct kiln_progress progress = { 0 };
        KILN_AUTO_FREE char *from = NULL;
        KILN_AUTO_STR got = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct stat st;

        assert_non_null(how);
        assert_string_equal(how->suffix, suffixes[i]);
        from = pack(b, name, how, 1);
        unit_ok(kiln_unpack(how, from, b->to, b->cancel, &progress, &err), &err);
        unit_ok(kiln_fs_read(b->to, 2 * SIZE, &got, &err), &err);
        assert_int_equal(got.len, SIZE);
        assert_memory_equal(got.data, b->data, SIZE);
        assert_int_equal(stat(b->to, &st), 0);
        assert_true((size_t)st.st_blocks * 512 < SIZE / 2); /* holes */
    }
}

static void names(void **state)
{
    (void)state;
    assert_null(kiln_packing_of("x.iso"));
    assert_null(kiln_packing_of("gz"));
    assert_null(kiln_packing_of("/dir.gz/x"));
    assert_null(kiln_packing_of("x.GZ"));
    assert_string_equal(kiln_packing_of("x.tar.gz")->suffix, "tar.gz");
    assert_string_equal(kiln_packing_of("x.atar.gz")->suffix, "gz");
}

static void failures(void **state)
{
    static const struct {
        const char *made_as, *called;
        int files;
        size_t cut;
        const char *want;
    } cases[] = {
        { "tar", "no.tar", 0, 0, "there is no file in it" },
        { "tar.xz", "two.txz", 2, 0, "expected a single file, there are more in it" },
        { "zip", "two.zip", 2, 0, "expected a single file, there are more in it" },
        { "tar", "plain.gz", 1, 0, "not a .gz file" },
        { "xz", "other.bz2", 1, 0, "not a .bz2 file" },
        { "gz", "cut.gz", 1, 50, "truncated gzip input" },
        { "xz", "cut.tar.xz", 1, 0, "Unrecognized archive format" },
        { "gz", "empty.gz", 1, 1000000, "not a .gz file" },
    };
    struct bed *b = *state;

    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        KILN_AUTO_FREE char *suffix = kiln_xasprintf("x.%s", cases[i].made_as);
        KILN_AUTO_FREE char *from =
            pack(b, cases[i].called, kiln_packing_of(suffix), cases[i].files);
        struct kiln_progress progress = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct stat st;

        assert_int_equal(stat(from, &st), 0);
        if (cases[i].cut)
            assert_int_equal(truncate(from, st.st_size > (off_t)cases[i].cut
                                                ? st.st_size - (off_t)cases[i].cut
                                                : 0),
                             0);
        assert_false(
            kiln_unpack(kiln_packing_of(cases[i].called), from, b->to, b->cancel, &progress, &err));
        if (!strstr(kiln_err_text(&err), cases[i].want))
            fail_msg("%s: %s", cases[i].called, kiln_err_text(&err));
        assert_int_equal(err.kind, KILN_ERR_USER);
        assert_false(kiln_fs_exists(b->to));
    }
}

/* One bit of the noise in it, which is stored as it is. */
static void damaged(void **state)
{
    static const char *const names[] = { "x.gz", "x.tar.gz", "x.xz", "x.bz2", "x.zip" };
    struct bed *b = *state;
    uint32_t noise = 1;

    for (size_t i = 0; i < SIZE; i++) {
        noise = noise * 1664525 + 1013904223;
        b->data[i] = (unsigned char)(noise >> 24);
    }
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        const struct kiln_packing *how = kiln_packing_of(names[i]);
        KILN_AUTO_FREE char *from = pack(b, names[i], how, 1);
        KILN_AUTO_FD fd = open(from, O_RDWR | O_CLOEXEC);
        KILN_AUTO_ERR err = { 0 };
        unsigned char byte;

        assert_int_equal(pread(fd, &byte, 1, SIZE / 2), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, SIZE / 2), 1);
        if (kiln_unpack(how, from, b->to, b->cancel, NULL, &err))
            fail_msg("%s", names[i]);
        assert_int_equal(err.kind, KILN_ERR_USER);
        assert_false(kiln_fs_exists(b->to));
    }
}

/* A sparse member of 2^60 bytes, in 3 KiB: not even a file of holes comes of it. */
static void too_long(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *from = kiln_path_join(b->dir, "x.tar");
    KILN_AUTO_STR seed = { 0 };
    KILN_AUTO_ERR err = { 0 };

    assert_true(
        kiln_fs_read(KILN_TESTS "/fuzz/corpus/unpack/tar-sparse-far", 1 << 16, &seed, &err));
    assert_true(kiln_fs_write_atomic(from, seed.data + 1, seed.len - 1, 0644, &err));
    assert_false(kiln_unpack(kiln_packing_of(from), from, b->to, b->cancel, NULL, &err));
    assert_int_equal(err.kind, KILN_ERR_USER);
    assert_non_null(strstr(err.msg, "x.tar: what is in it is longer than 8 TiB"));
    assert_false(kiln_fs_exists(b->to));
}

static void cancelled(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *from = pack(b, "x.gz", kiln_packing_of("x.gz"), 1);
    struct kiln_progress progress = { 0 };
    KILN_AUTO_ERR err = { 0 };

    kiln_cancel_fire(b->cancel);
    assert_false(kiln_unpack(kiln_packing_of("x.gz"), from, b->to, b->cancel, &progress, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    assert_false(kiln_fs_exists(b->to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind, open_bed, close_bed),
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(failures, open_bed, close_bed),
        cmocka_unit_test_setup_teardown(damaged, open_bed, close_bed),
        cmocka_unit_test_setup_teardown(too_long, open_bed, close_bed),
        cmocka_unit_test_setup_teardown(cancelled, open_bed, close_bed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
