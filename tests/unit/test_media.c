/* Floppy and CD images, read back by mtools, libarchive and by their bytes. */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/cd_image.h"
#include "vm/floppy_image.h"

struct fixture {
    char *dir, *image, *before; /* before: where we were */
};

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));

    f->dir = kiln_fs_temp_dir("kiln-media", NULL);
    f->image = kiln_path_join(f->dir, "image");
    f->before = getcwd(NULL, 0);
    assert_int_equal(chdir(f->dir), 0);
    assert_true(kiln_fs_write_atomic("image", "", 0, 0600, NULL));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(chdir(f->before), 0);
    (void)kiln_fs_remove_tree(f->dir, NULL);
    free(f->dir);
    free(f->image);
    free(f->before);
    free(f);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(path);

    assert_true(kiln_fs_mkdirs(dir, 0755, NULL));
    assert_true(kiln_fs_write_atomic(path, text, strlen(text), 0644, NULL));
}

static void read_image(struct fixture *f, struct kiln_str *out)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_read(f->image, (size_t)64 << 20, out, &err), &err);
}

/* ---- the list ---- */

static const struct {
    const char *name, *error; /* error NULL: it is taken */
} names[] = {
    { "a", NULL },
    { "./b//c/", NULL },
    { "/d/e", NULL },
    { "a", "name already exists: a" },
    { "a/x", "name already exists: a (as a file)" },
    { "b", "name already exists: b" },
    { "../x", "../x: a name in an image cannot have '..'" },
    { "x/../../y", "x/../../y: a name in an image cannot have '..'" },
    { "./", "'./' is no name for a file" },
};

static void list_of_names(void **state)
{
    KILN_AUTO_MEDIA m = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        KILN_AUTO_ERR err = { 0 };

        if (names[i].error)
            unit_fails(kiln_media_add_file(&m, names[i].name, "/s", &err), &err, KILN_ERR_USER,
                       names[i].error);
        else
            unit_ok(kiln_media_add_file(&m, names[i].name, "/s", &err), &err);
    }
    assert_int_equal(m.n, 5);
    assert_string_equal(m.v[1]->name, "b");
    assert_true(kiln_media_is_dir(m.v[1]));
    assert_string_equal(m.v[2]->name, "b/c");
    assert_string_equal(m.v[4]->name, "d/e");
    assert_string_equal(m.v[4]->source, "/s");
}

static void later_one_wins(void **state)
{
    KILN_AUTO_MEDIA m = { .replaces = true };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_media_add_file(&m, "a", "/s", &err), &err);
    unit_ok(kiln_media_add_content(&m, "a", "text", &err), &err);
    assert_int_equal(m.n, 1);
    assert_null(m.v[0]->source);
    assert_string_equal(m.v[0]->content, "text");
    unit_ok(kiln_media_add_dir(&m, "d", &err), &err);
    unit_ok(kiln_media_add_dir(&m, "d/", &err), &err);
    unit_fails(kiln_media_add_content(&m, "d", "", &err), &err, KILN_ERR_USER,
               "name already exists: d");
}

static void globs(void **state)
{
    KILN_AUTO_STRV found = { 0 };
    KILN_AUTO_FREE char *all = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    write_file("g/b.txt", "");
    unit_ok(kiln_media_glob("g/*.txt", &found, &err), &err);
    unit_ok(kiln_media_glob("not/there", &found, &err), &err);
    unit_fails(kiln_media_glob("g/[]", &found, &err), &err, KILN_ERR_USER,
               "g/[]: syntax error in pattern");
    all = kiln_strv_join(&found, " ");
    assert_string_equal(all, "g/b.txt not/there");
}

static void walks(void **state)
{
    KILN_AUTO_STRV found = { 0 };
    KILN_AUTO_FREE char *all = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    write_file("w/z", "");
    write_file("w/a/.b", "");
    assert_true(kiln_fs_mkdirs("w/empty", 0755, NULL));
    assert_int_equal(symlink("z", "w/link"), 0);
    unit_ok(kiln_media_walk("w/", &found, &err), &err);
    all = kiln_strv_join(&found, " ");
    assert_string_equal(all, "w/ w/a/ w/a/.b w/empty/ w/link w/z");
    assert_int_equal(symlink("a", "w/dirlink"), 0);
    unit_fails(kiln_media_walk("w", &found, &err), &err, KILN_ERR_USER,
               "w/dirlink: a link to a directory; name the directory itself in the template");
    assert_int_equal(unlink("w/dirlink"), 0);
    assert_int_equal(mkfifo("w/fifo", 0600), 0);
    unit_fails(kiln_media_walk("w", &found, &err), &err, KILN_ERR_USER,
               "w/fifo: neither a file nor a directory");
}

/* ---- floppy ---- */

/* What mtools prints; skips without them. */
static void mtools(const char *const *argv, struct kiln_str *out)
{
    const struct kiln_spawn how = { .argv = argv, .env = (const char *[]){ "TZ=UTC", NULL } };
    KILN_AUTO_FREE char *program = kiln_process_find(argv[0], NULL);
    KILN_AUTO_STR said = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int code = -1;

    if (!program)
        skip();
    unit_ok(kiln_process_capture(&how, NULL, kiln_cancel_deadline(NULL, KILN_SECOND(20)), out,
                                 &said, &code, &err),
            &err);
    if (code != 0)
        fail_msg("%s: exit code %d: %s", argv[0], code, kiln_str_cstr(&said));
}

static void check_floppy_file(struct fixture *f, const char *name, const char *want)
{
    KILN_AUTO_STR got = { 0 };

    mtools((const char *[]){ "mtype", "-i", f->image, name, NULL }, &got);
    assert_string_equal(kiln_str_cstr(&got), want);
}

static void floppy_is_readable(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA m = { 0 };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *big = kiln_xcalloc(1, 100001);
    KILN_AUTO_STR tree = { 0 };

    memset(big, 'x', 100000);
    write_file("a.txt", "alpha\n");
    unit_ok(kiln_media_add_file(&m, "a.txt", "a.txt", &err), &err);
    unit_ok(kiln_media_add_content(&m, "user-data", "#cloud-config\n", &err), &err);
    unit_ok(kiln_media_add_content(&m, "dir/Long File Name.data", "long\n", &err), &err);
    unit_ok(kiln_media_add_content(&m, "dir/Long File Nome.data", big, &err), &err);
    unit_ok(kiln_media_add_content(&m, "dir/sub/\xc3\x9cn\xc3\xaf.txt", "unicode\n", &err), &err);
    unit_ok(kiln_media_add_content(&m, ".profile", "hidden\n", &err), &err);
    unit_ok(kiln_media_add_content(&m, "empty", "", &err), &err);
    unit_ok(kiln_floppy_write(f->image, "cidata", &m, &err), &err);

    check_floppy_file(f, "::/a.txt", "alpha\n");
    check_floppy_file(f, "::/user-data", "#cloud-config\n");
    check_floppy_file(f, "::/dir/Long File Name.data", "long\n");
    check_floppy_file(f, "::/dir/LONGFI~1.DAT", "long\n");
    check_floppy_file(f, "::/dir/LONGFI~2.DAT", big);
    check_floppy_file(f, "::/dir/sub/\xc3\x9cn\xc3\xaf.txt", "unicode\n");
    check_floppy_file(f, "::/.profile", "hidden\n");
    check_floppy_file(f, "::/empty", "");
    mtools((const char *[]){ "mdir", "-/", "-b", "-a", "-i", f->image, "::", NULL }, &tree);
    assert_string_equal(kiln_str_cstr(&tree),
                        "::/a.txt\n::/user-data\n::/dir/\n::/.profile\n::/empty\n"
                        "::/dir/Long File Name.data\n::/dir/Long File Nome.data\n::/dir/sub/\n"
                        "::/dir/sub/\xc3\x9cn\xc3\xaf.txt\n");
}

/* Packer's floppy: 3.5", its geometry, the label as it is in three places, small names in capitals.
 */
static void floppy_bytes(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA m = { 0 };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR image = { 0 };
    const unsigned char *b;

    unit_ok(kiln_media_add_content(&m, "a.txt", "x", &err), &err);
    unit_ok(kiln_floppy_write(f->image, "cidata", &m, &err), &err);
    read_image(f, &image);
    assert_int_equal(image.len, 1474560);
    b = (const unsigned char *)image.data;
    assert_memory_equal(b + 3, "cidata  ", 8);
    assert_memory_equal(b + 11, "\x00\x02\x01\x01\x00\x02\xe0\x00\x40\x0b\xf0\x09\x00\x12\x00\x02",
                        16);
    assert_memory_equal(b + 39, "\0\0\0\0cidata     FAT12   ", 23);
    assert_memory_equal(b + 510, "\x55\xaa", 2);
    assert_memory_equal(b + 512, "\xf0\xff\xff\xff\x0f\x00", 6);
    assert_memory_equal(b + 512, b + 512 + 9 * 512, 9 * 512);
    assert_memory_equal(b + 19 * 512, "cidata     \x08", 12);
    assert_memory_equal(b + 19 * 512 + 32, "A       TXT\0\x18", 13);
}

static void floppy_refusals(void **state)
{
    static const struct {
        const char *a, *b, *error;
    } bad[] = {
        { "a.txt", "A.TXT", "name already exists: a.txt (and A.TXT: case does not count)" },
        { "a:b", "x", "a:b: a name on a floppy cannot have ':'" },
        { "\xff", "x", "\xff: a name on a floppy must be UTF-8" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        KILN_AUTO_MEDIA m = { 0 };
        KILN_AUTO_ERR err = { 0 };

        unit_ok(kiln_media_add_content(&m, bad[i].a, "", &err), &err);
        unit_ok(kiln_media_add_content(&m, bad[i].b, "", &err), &err);
        unit_fails(kiln_floppy_write(f->image, "l", &m, &err), &err, KILN_ERR_USER, bad[i].error);
    }
}

/* 2847 clusters and not a byte more; 223 names in the root. */
static void floppy_is_full(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA fits = { 0 }, many = { 0 };
    KILN_AUTO_ERR err = { 0 };

    write_file("big", "");
    assert_int_equal(truncate("big", 2847 * 512), 0);
    unit_ok(kiln_media_add_file(&fits, "big", "big", &err), &err);
    unit_ok(kiln_floppy_write(f->image, "l", &fits, &err), &err);
    assert_int_equal(truncate("big", 2847 * 512 + 1), 0);
    unit_fails(kiln_floppy_write(f->image, "l", &fits, &err), &err, KILN_ERR_USER,
               "big : FAT FULL: a floppy holds 1423 KiB; use cd_files for more");
    for (int i = 0; i < 223; i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("%d", i);

        unit_ok(kiln_media_add_content(&many, name, "", &err), &err);
    }
    unit_ok(kiln_floppy_write(f->image, "l", &many, &err), &err);
    unit_ok(kiln_media_add_content(&many, "one-more", "", &err), &err);
    unit_fails(kiln_floppy_write(f->image, "l", &many, &err), &err, KILN_ERR_USER,
               "FAT FULL: the root directory of a floppy has 223 places, these names take 224; use "
               "floppy_dirs");
}

/* ---- CD ---- */

/* "MODE NAME: TEXT" of each thing in the image, as libarchive reads it. */
static void list_cd(struct fixture *f, struct kiln_str *out)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    char text[64];

    assert_int_equal(archive_read_support_format_iso9660(a), ARCHIVE_OK);
    assert_int_equal(archive_read_open_filename(a, f->image, 10240), ARCHIVE_OK);
    while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
        la_ssize_t n =
            archive_entry_filetype(e) == AE_IFREG ? archive_read_data(a, text, sizeof(text)) : 0;

        assert_true(n >= 0);
        kiln_str_addf(out, "%03o %s: %.*s\n", (unsigned)archive_entry_perm(e),
                      archive_entry_pathname(e), (int)n, text);
    }
    assert_int_equal(archive_read_free(a), ARCHIVE_OK);
}

static void cd_is_readable(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA m = { .replaces = true };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR image = { 0 }, list = { 0 };

    write_file("run.sh", "script");
    assert_int_equal(chmod("run.sh", 0755), 0);
    unit_ok(kiln_media_add_content(&m, "user-data", "#cloud-config", &err), &err);
    unit_ok(kiln_media_add_content(&m, "meta-data", "", &err), &err);
    unit_ok(kiln_media_add_file(&m, "sub/run.sh", "run.sh", &err), &err);
    unit_ok(kiln_cd_write(f->image, "cidata", &m, NULL, &err), &err);
    list_cd(f, &list);
    assert_string_equal(kiln_str_cstr(&list), "555 .: \n"
                                              "755 sub: \n"
                                              "644 user-data: #cloud-config\n"
                                              "755 sub/run.sh: script\n"
                                              "644 meta-data: \n");
    read_image(f, &image);
    assert_memory_equal(image.data + 16 * 2048, "\1CD001", 6);
    assert_memory_equal(image.data + 16 * 2048 + 40, "cidata                          ", 32);
    assert_memory_equal(image.data + 17 * 2048, "\2CD001", 6); /* Joliet */
    assert_memory_equal(image.data + 17 * 2048 + 40, "\0c\0i\0d\0a\0t\0a\0 ", 14);
}

/* Joliet shows names as they are: small letters, long, not ASCII. */
static void cd_joliet_names(void **state)
{
    struct fixture *f = *state;
    static const char name[] = "\0U\0n\0a\0t\0t\0e\0n\0d\0.\0X\0\xdc\0.\0x\0m\0l";
    KILN_AUTO_MEDIA m = { .replaces = true };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR image = { 0 };

    unit_ok(kiln_media_add_content(&m, "Unattend.X\xc3\x9c.xml", "", &err), &err);
    unit_ok(kiln_cd_write(f->image, "l", &m, NULL, &err), &err);
    read_image(f, &image);
    assert_non_null(memmem(image.data, image.len, name, sizeof(name) - 1));
}

/* Paths that Joliet cannot have: the CD has Rock Ridge's names only. */
static void cd_deep_paths(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA m = { .replaces = true };
    KILN_AUTO_STR path = { 0 }, image = { 0 };
    KILN_AUTO_ERR err = { 0 };

    for (int i = 0; i < 12; i++)
        kiln_str_addf(&path, "a rather long name, at level %02d/", i);
    kiln_str_adds(&path, "deepest");
    unit_ok(kiln_media_add_content(&m, path.data, "text", &err), &err);
    unit_ok(kiln_cd_write(f->image, "l", &m, NULL, &err), &err);
    read_image(f, &image);
    assert_non_null(memmem(image.data, image.len, "deepest", 7));
}

/* What libarchive would crash on. */
static void cd_too_deep(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA deep = { .replaces = true }, twice = { .replaces = true };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_media_add_content(&deep, "1/2/3/4/5/6/7/8/9/10/11/12/13/file", "", &err), &err);
    unit_ok(kiln_cd_write(f->image, "l", &deep, NULL, &err), &err);
    unit_ok(kiln_media_add_dir(&deep, "1/2/3/4/5/6/7/8/9/10/11/12/13/14", &err), &err);
    unit_fails(kiln_cd_write(f->image, "l", &deep, NULL, &err), &err, KILN_ERR_USER,
               "1/2/3/4/5/6/7/8/9/10/11/12/13/14: a CD has at most 13 directories inside each "
               "other; put a tar archive on it");
    unit_ok(kiln_media_add_dir(&twice, "1/2/3/4/5/6/7/x", &err), &err);
    unit_ok(kiln_media_add_dir(&twice, "1/2/3/4/5/6/7b/y/x", &err), &err);
    unit_ok(kiln_cd_write(f->image, "l", &twice, NULL, &err), &err);
    unit_ok(kiln_media_add_dir(&twice, "1/2/3/4/5/6/7b/x", &err), &err);
    unit_fails(kiln_cd_write(f->image, "l", &twice, NULL, &err), &err, KILN_ERR_USER,
               "1/2/3/4/5/6/7/x, 1/2/3/4/5/6/7b/x: a CD cannot have two directories of one name "
               "that are 8 levels deep; put a tar archive on it");
}

/* They would hang whoever opens them as if they were files. */
static void fifos_are_refused(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_MEDIA m = { 0 };
    KILN_AUTO_ERR err = { 0 };

    assert_int_equal(mkfifo("fifo", 0600), 0);
    unit_ok(kiln_media_add_file(&m, "a", "fifo", &err), &err);
    unit_fails(kiln_floppy_write(f->image, "l", &m, &err), &err, KILN_ERR_USER,
               "open fifo: not a regular file");
    unit_fails(kiln_cd_write(f->image, "l", &m, NULL, &err), &err, KILN_ERR_USER,
               "open fifo: not a regular file");
    unit_fails(kiln_fs_copy("fifo", "copy", 0600, &err), &err, KILN_ERR_USER,
               "open fifo: not a regular file");
}

static void cd_failures(void **state)
{
    struct fixture *f = *state;
    struct kiln_cancel *cancel = kiln_cancel_new();
    KILN_AUTO_MEDIA m = { 0 }, full = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_media_add_file(&m, "a", "gone", &err), &err);
    unit_ok(kiln_media_add_content(&full, "a", "text", &err), &err);
    unit_fails(kiln_cd_write(f->image, "l", &m, NULL, &err), &err, KILN_ERR_SYSTEM,
               "open gone: No such file or directory");
    unit_fails(kiln_cd_write("/dev/full", "l", &full, NULL, &err), &err, KILN_ERR_SYSTEM,
               "/dev/full: write: No space left on device");
    kiln_cancel_fire(cancel);
    unit_fails(kiln_cd_write(f->image, "l", &m, cancel, &err), &err, KILN_ERR_CANCELLED,
               "cancelled");
    kiln_cancel_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_of_names),
        cmocka_unit_test(later_one_wins),
        cmocka_unit_test_setup_teardown(globs, setup, teardown),
        cmocka_unit_test_setup_teardown(walks, setup, teardown),
        cmocka_unit_test_setup_teardown(floppy_is_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(floppy_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(floppy_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(floppy_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(cd_is_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(cd_joliet_names, setup, teardown),
        cmocka_unit_test_setup_teardown(cd_deep_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(cd_too_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(fifos_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(cd_failures, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
