/* Files and paths, in a private directory of each test. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

/* $TMPDIR for the test, so that temporary files are seen too. */
static int enter(void **state)
{
    char *dir = kiln_fs_temp_dir("kiln-test-", NULL);

    *state = dir;
    return dir && setenv("TMPDIR", dir, 1) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    bool ok = kiln_fs_remove_tree(*state, NULL) && !kiln_fs_exists(*state);

    free(*state);
    return unsetenv("TMPDIR") == 0 && ok ? 0 : -1;
}

static void put(const char *dir, const char *name, const char *text)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, name);
    KILN_AUTO_FREE char *parent = kiln_path_dir(path);
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_mkdirs(parent, 0700, &err), &err);
    unit_ok(kiln_fs_write_atomic(path, text, strlen(text), 0644, &err), &err);
}

static void test_read(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "file");
    KILN_AUTO_FREE char *want = NULL;
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    put(*state, "file", "12345");
    kiln_str_adds(&out, "+");
    unit_ok(kiln_fs_read(path, 5, &out, &err), &err);
    assert_string_equal(out.data, "+12345");
    want = kiln_xasprintf("read %s: larger than the limit of 4 bytes", path);
    unit_fails(kiln_fs_read(path, 4, &out, &err), &err, KILN_ERR_USER, want);
    assert_false(kiln_fs_read(*state, 100, &out, &err));
    assert_int_equal(err.os_errno, EISDIR);
    assert_false(kiln_fs_read("/no/such", 100, &out, &err));
    assert_string_equal(err.msg, "open /no/such: No such file or directory");
    assert_string_equal(out.data, "+12345");
}

/* Files of /proc say that they have 0 bytes. */
static void test_read_proc(void **state)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_fs_read("/proc/self/status", 1 << 20, &out, &err), &err);
    assert_true(kiln_has_prefix(out.data, "Name:"));
    unit_fails(kiln_fs_read("/proc/self/status", 10, &out, &err), &err, KILN_ERR_USER,
               "read /proc/self/status: larger than the limit of 10 bytes");
}

/* What is replaced keeps its mode, and its owner if we may give it away. */
static void test_replace(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "file");
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };
    uid_t owner = geteuid() == 0 ? 1 : geteuid();
    struct stat st;

    put(*state, "file", "old");
    assert_int_equal(chown(path, owner, (gid_t)-1), 0);
    assert_int_equal(chmod(path, 0604), 0);
    unit_ok(kiln_fs_replace(path, "new", 3, &err), &err);
    unit_ok(kiln_fs_read(path, 10, &out, &err), &err);
    assert_string_equal(out.data, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_int_equal(st.st_uid, owner);
    assert_int_equal(unlink(path), 0);
    assert_false(kiln_fs_replace(path, "new", 3, &err)); /* nothing to replace */
    unit_ok(kiln_fs_walk(*state, &files, &err), &err);
    assert_int_equal(files.n, 0);
}

static void test_write_atomic(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "file");
    KILN_AUTO_FREE char *dir = kiln_path_join(*state, "dir");
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct stat st;

    unit_ok(kiln_fs_write_atomic(path, "old", 3, 0600, &err), &err);
    unit_ok(kiln_fs_write_atomic(path, "new", 3, 0640, &err), &err);
    unit_ok(kiln_fs_read(path, 100, &out, &err), &err);
    assert_string_equal(out.data, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    unit_ok(kiln_fs_mkdirs(dir, 0700, &err), &err);
    assert_false(kiln_fs_write_atomic(dir, "x", 1, 0600, &err));
    assert_int_equal(err.os_errno, EISDIR);
    unit_ok(kiln_fs_walk(*state, &files, &err), &err);
    assert_int_equal(files.n, 1); /* no temporary is left */
}

static void test_write_new(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "file");
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_write_new(path, "first", 5, 0600, &err), &err);
    assert_false(kiln_fs_write_new(path, "second", 6, 0600, &err));
    assert_int_equal(err.os_errno, EEXIST);
    unit_ok(kiln_fs_read(path, 100, &out, NULL), &err);
    assert_string_equal(out.data, "first");
    unit_ok(kiln_fs_walk(*state, &files, NULL), &err);
    assert_int_equal(files.n, 1);
}

static void test_mkdirs(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "a//b/c/");
    KILN_AUTO_FREE char *below = NULL;
    KILN_AUTO_FREE char *want = NULL;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_mkdirs(path, 0700, &err), &err);
    unit_ok(kiln_fs_mkdirs(path, 0700, &err), &err);
    unit_ok(kiln_fs_mkdirs("/", 0700, &err), &err);
    unit_ok(kiln_fs_mkdirs(".", 0700, &err), &err);
    assert_true(kiln_fs_is_dir(path));
    put(*state, "file", "");
    below = kiln_path_join(*state, "file/x");
    want = kiln_xasprintf("create directory %s/file: Not a directory", (char *)*state);
    unit_fails(kiln_fs_mkdirs(below, 0700, &err), &err, KILN_ERR_SYSTEM, want);
    assert_false(kiln_fs_mkdirs("/sys/no-such/x", 0700, &err)); /* EPERM or EROFS: why it is not */
    assert_int_not_equal(err.os_errno, ENOENT);                 /* there, not that it is not     */
}

static void test_remove_tree(void **state)
{
    KILN_AUTO_FREE char *tree = kiln_path_join(*state, "tree");
    KILN_AUTO_FREE char *kept = kiln_path_join(*state, "kept");
    KILN_AUTO_FREE char *kept_file = kiln_path_join(*state, "kept/file");
    KILN_AUTO_FREE char *link_in = kiln_path_join(*state, "tree/a/link");
    KILN_AUTO_FREE char *link_to = kiln_path_join(*state, "link");
    KILN_AUTO_ERR err = { 0 };

    put(*state, "tree/a/b/c/file", "x");
    put(*state, "tree/z", "x");
    put(*state, "kept/file", "x");
    assert_int_equal(symlink(kept, link_in), 0);
    assert_int_equal(symlink(kept, link_to), 0);
    unit_ok(kiln_fs_remove_tree(tree, &err), &err);
    unit_ok(kiln_fs_remove_tree(link_to, &err), &err);
    unit_ok(kiln_fs_remove_tree(tree, &err), &err);
    assert_false(kiln_fs_exists(tree));
    assert_false(kiln_fs_exists(link_to));
    assert_true(kiln_fs_exists(kept_file));
}

static void test_copy(void **state)
{
    KILN_AUTO_FREE char *from = kiln_path_join(*state, "from");
    KILN_AUTO_FREE char *to = kiln_path_join(*state, "to");
    KILN_AUTO_FREE char *want = kiln_xasprintf("copy %s: %s is the same file", from, from);
    KILN_AUTO_FD fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    KILN_AUTO_STR a = { 0 };
    KILN_AUTO_STR b = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct stat st;

    assert_int_equal(ftruncate(fd, 8 << 20), 0); /* hole, data, hole */
    assert_int_equal(pwrite(fd, "middle", 6, 4 << 20), 6);
    unit_ok(kiln_fs_copy(from, to, 0600, &err), &err);
    unit_ok(kiln_fs_read(from, 8 << 20, &a, &err), &err);
    unit_ok(kiln_fs_read(to, 8 << 20, &b, &err), &err);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(stat(to, &st), 0);
    assert_true(st.st_blocks * 512 < 4 << 20);
    unit_fails(kiln_fs_copy(from, from, 0600, &err), &err, KILN_ERR_USER, want);
    assert_false(kiln_fs_copy(*state, to, 0600, &err));
    assert_true(kiln_has_suffix(err.msg, ": not a regular file"));
    unit_ok(kiln_fs_read(from, 8 << 20, &a, &err), &err); /* still whole */
}

static void test_copy_replaces(void **state)
{
    KILN_AUTO_FREE char *from = kiln_path_join(*state, "from");
    KILN_AUTO_FREE char *to = kiln_path_join(*state, "to");
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    put(*state, "from", "short");
    put(*state, "to", "something longer");
    unit_ok(kiln_fs_copy(from, to, 0600, &err), &err);
    unit_ok(kiln_fs_read(to, 100, &out, &err), &err);
    assert_string_equal(out.data, "short");
}

static void test_walk(void **state)
{
    KILN_AUTO_FREE char *link = kiln_path_join(*state, "link");
    KILN_AUTO_FREE char *joined = NULL;
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_ERR err = { 0 };
    size_t n = strlen(*state) + 1;

    put(*state, "a-b", "");
    put(*state, "a/z", "");
    put(*state, "a/b/c", "");
    put(*state, "B", "");
    put(*state, ".hidden", "");
    assert_int_equal(symlink(*state, link), 0);
    unit_ok(kiln_fs_walk(*state, &files, &err), &err);
    for (size_t i = 0; i < files.n; i++) {
        KILN_AUTO_FREE char *tail = kiln_xstrdup(files.v[i] + n);

        kiln_strv_set(&files, i, tail);
    }
    joined = kiln_strv_join(&files, " ");
    assert_string_equal(joined, ".hidden B a/b/c a/z a-b");
    assert_false(kiln_fs_walk("/no/such", &files, &err));
    assert_string_equal(err.msg, "open directory /no/such: No such file or directory");
    assert_int_equal(files.n, 5);
}

static void test_temp(void **state)
{
    KILN_AUTO_FREE char *path = NULL;
    KILN_AUTO_FREE char *dir = NULL;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FD fd = kiln_fs_temp_file("p-", ".sh", &path, &err);
    struct stat st;

    unit_ok(fd >= 0, &err);
    assert_true(kiln_has_prefix(path, *state) && kiln_has_suffix(path, ".sh"));
    assert_true(kiln_has_prefix(kiln_path_base(path), "p-"));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    dir = kiln_fs_temp_dir("d-", &err);
    unit_ok(dir, &err);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(setenv("TMPDIR", "/no/such", 1), 0);
    assert_int_equal(kiln_fs_temp_file("p-", "", &path, &err), -1);
    assert_null(kiln_fs_temp_dir("d-", &err));
    assert_int_equal(setenv("TMPDIR", "", 1), 0);
    assert_string_equal(kiln_path_tmp(), "/tmp");
}

static void check_cache(const char *own, const char *xdg, const char *home, const char *want)
{
    KILN_AUTO_FREE char *dir = NULL;

    assert_int_equal(setenv("PACKER_CACHE_DIR", own, 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", xdg, 1), 0);
    assert_int_equal(setenv("HOME", home, 1), 0);
    dir = kiln_fs_cache_dir();
    assert_string_equal(dir, want);
}

static void test_cache_dir(void **state)
{
    KILN_AUTO_FREE char *cwd = kiln_path_abs("packer_cache");

    (void)state;
    check_cache("/own/x/..", "/xdg", "/home/me", "/own");
    check_cache("", "/xdg", "/home/me", "/xdg/packer");
    check_cache("", "", "/home/me/", "/home/me/.cache/packer");
    check_cache("", "", "", cwd);
}

static void test_path_join(void **state)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        { "a", "b", "a/b" }, { "a/", "/b", "a/b" }, { "a//", "b", "a/b" }, { "/", "b", "/b" },
        { "", "b", "b" },    { ".", "b", "./b" },   { "/", "", "/" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = kiln_path_join(rows[i].a, rows[i].b);

        assert_string_equal(got, rows[i].want);
    }
}

static void test_path_clean(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        { "", "." },         { ".", "." },
        { "./a", "a" },      { "a//b/", "a/b" },
        { "a/../b", "b" },   { "a/..", "." },
        { "../a", "../a" },  { "../../a/..", "../.." },
        { "a/../..", ".." }, { "../a/../..", "../.." },
        { "/..", "/" },      { "..a", "..a" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = kiln_path_clean(rows[i].path);

        assert_string_equal(got, rows[i].want);
    }
}

static void test_path_abs(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        { "/", "/" },        { "/a/b", "/a/b" },     { "/a//b/./c/", "/a/b/c" },
        { "/a/../b", "/b" }, { "/../..", "/" },      { "/a/b/../..", "/" },
        { "//", "/" },       { "/a/...", "/a/..." }, { "/a/.b", "/a/.b" },
    };
    KILN_AUTO_FREE char *cwd = get_current_dir_name();
    KILN_AUTO_FREE char *dot = kiln_path_abs(".");
    KILN_AUTO_FREE char *empty = kiln_path_abs("");
    KILN_AUTO_FREE char *below = kiln_path_abs("x/../y");
    KILN_AUTO_FREE char *want = kiln_path_join(cwd, "y");

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = kiln_path_abs(rows[i].path);

        assert_string_equal(got, rows[i].want);
    }
    assert_string_equal(dot, cwd);
    assert_string_equal(empty, cwd);
    assert_string_equal(below, want);
}

static void test_path_parts(void **state)
{
    static const struct {
        const char *path, *base, *dir, *ext;
    } rows[] = {
        { "a", "a", ".", "" },         { "a.iso", "a.iso", ".", ".iso" },
        { "/a.b/c", "c", "/a.b", "" }, { "/a", "a", "/", "" },
        { "//a", "a", "/", "" },       { "a//b.tar.gz", "b.tar.gz", "a", ".gz" },
        { "a/", "", "a", "" },         { "/", "", "/", "" },
        { "", "", ".", "" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *dir = kiln_path_dir(rows[i].path);

        assert_string_equal(kiln_path_base(rows[i].path), rows[i].base);
        assert_string_equal(dir, rows[i].dir);
        assert_string_equal(kiln_path_ext(rows[i].path), rows[i].ext);
    }
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, enter, leave)

static bool once(void *ud, uint64_t done)
{
    *(uint64_t *)ud = done;
    return false;
}

/* It can be ended between two pieces. */
static void test_copy_ends(void **state)
{
    KILN_AUTO_FREE char *from = kiln_path_join(*state, "from");
    KILN_AUTO_FREE char *to = kiln_path_join(*state, "to");
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FD fd = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    uint64_t done = 0;

    assert_int_equal(pwrite(fd, "one", 3, 0), 3);
    assert_int_equal(pwrite(fd, "two", 3, 4 << 20), 3); /* behind a hole: another piece */
    if (kiln_fs_copy_watched(from, to, 0600, once, &done, &err))
        skip(); /* a file system that clones */
    unit_fails(false, &err, KILN_ERR_CANCELLED, "cancelled");
    assert_true(done > 0 && done < 4 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_read),
        IN_DIR(test_read_proc),
        IN_DIR(test_write_atomic),
        IN_DIR(test_replace),
        IN_DIR(test_write_new),
        IN_DIR(test_mkdirs),
        IN_DIR(test_remove_tree),
        IN_DIR(test_copy),
        IN_DIR(test_copy_replaces),
        IN_DIR(test_copy_ends),
        IN_DIR(test_walk),
        IN_DIR(test_temp),
        cmocka_unit_test(test_cache_dir),
        cmocka_unit_test(test_path_join),
        cmocka_unit_test(test_path_clean),
        cmocka_unit_test(test_path_abs),
        cmocka_unit_test(test_path_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
