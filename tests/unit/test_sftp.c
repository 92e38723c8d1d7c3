/* SFTP against OpenSSH's sftp-server, and against servers that are up to no good. */
#include "unit.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "communicator/sftp.h"
#include "pipe_channel.h"
#include "transfer_bed.h"

static const char server[] = "/usr/lib/openssh/sftp-server";

static const struct kiln_sftp_watch unwatched = { 0 }, sizes = { .sizes = true };

static struct place *with_server(void **state)
{
    struct place *p = *state;

    if (!kiln_fs_exists(server))
        skip();
    p->ch = pipe_channel_new("exec /usr/lib/openssh/sftp-server");
    return p;
}

static void puts_file(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *src = at(p, "src"), *dst = at(p, "dst");

    make_file(p, "src", "hello\n", 0600);
    make_file(p, "dst", "something longer that was there", 0644);
    unit_ok(kiln_sftp_put(p->ch, src, dst, 0751, NULL, sizes, p->cancel, &p->err), &p->err);
    expect_file(p, "dst", "hello\n", 0751);
}

static void put_into_nothing(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *src = at(p, "src"), *dst = at(p, "missing/dst");
    KILN_AUTO_FREE char *want = kiln_xasprintf("%s: file does not exist", dst);

    make_file(p, "src", "hello\n", 0600);
    unit_fails(kiln_sftp_put(p->ch, src, dst, 0600, NULL, unwatched, p->cancel, &p->err), &p->err,
               KILN_ERR_REMOTE, want);
}

static void put_dir(struct place *p, const char *from, const char *to)
{
    KILN_AUTO_FREE char *src = at(p, from), *dst = at(p, to);

    unit_ok(kiln_sftp_put_dir(p->ch, src, dst, NULL, sizes, p->cancel, &p->err), &p->err);
}

static void make_tree(const struct place *p)
{
    KILN_AUTO_FREE char *link = at(p, "up/linked");

    make_dir(p, "up", 0750);
    make_dir(p, "up/sub", 0555);
    assert_return_code(symlink("sub", link), errno);
    make_file(p, "up/none", "", 0600);
    for (int i = 0; i < 100; i++) { /* more than are under way at once */
        KILN_AUTO_FREE char *name = kiln_xasprintf("up/f%d", i);

        make_file(p, name, name, 0640);
    }
    make_dir(p, "there", 0755);
}

static void expect_tree(struct place *p, const char *where)
{
    KILN_AUTO_FREE char *none = kiln_xasprintf("%s/none", where);
    KILN_AUTO_FREE char *sub = kiln_xasprintf("%s/%s/sub", p->dir, where);
    struct stat st;

    expect_file(p, none, "", 0600);
    for (int i = 0; i < 100; i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("%s/f%d", where, i);
        KILN_AUTO_FREE char *text = kiln_xasprintf("up/f%d", i);

        expect_file(p, name, text, 0640);
    }
    assert_return_code(stat(sub, &st), errno);
    assert_int_equal(st.st_mode & 0777, 0555);
}

static void puts_directory_itself(void **state)
{
    struct place *p = with_server(state);

    make_tree(p);
    put_dir(p, "up", "there");
    expect_tree(p, "there/up");
}

static void puts_contents_over_what_is_there(void **state)
{
    struct place *p = with_server(state);

    make_tree(p);
    make_dir(p, "there/sub", 0755);
    put_dir(p, "up/", "there/");
    expect_tree(p, "there");
}

/* "/." is a slash, too; and a slash at the end of the destination makes it. */
static void puts_contents_into_a_new_directory(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *link = at(p, "up/link");
    struct stat st;

    make_tree(p);
    assert_return_code(symlink("f1", link), errno);
    put_dir(p, "up/.", "new/");
    expect_tree(p, "new");
    expect_file(p, "new/link", "up/f1", 0644);
    free(link);
    link = at(p, "new");
    assert_return_code(stat(link, &st), errno);
    assert_true(S_ISDIR(st.st_mode));
}

static void put_dir_errors(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *src = at(p, "up"), *missing = at(p, "missing"), *file = at(p, "up/none");
    KILN_AUTO_FREE char *no = kiln_xasprintf("%s: file does not exist", missing);

    make_tree(p);
    unit_fails(kiln_sftp_put_dir(p->ch, src, missing, NULL, unwatched, p->cancel, &p->err), &p->err,
               KILN_ERR_REMOTE, no);
    kiln_channel_free(p->ch);
    p->ch = pipe_channel_new("exec /usr/lib/openssh/sftp-server");
    assert_false(kiln_sftp_put_dir(p->ch, src, file, NULL, unwatched, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "not a directory"));
}

static void moves_much(void **state)
{
    struct place *p = with_server(state);
    enum { SIZE = (5 << 20) + 17 };
    KILN_AUTO_FREE char *data = kiln_xmalloc(SIZE);
    KILN_AUTO_FREE char *src = at(p, "src"), *dst = at(p, "dst"), *back = at(p, "back");
    KILN_AUTO_STR got = { 0 };
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    assert_true(kiln_fs_write_atomic(src, data, SIZE, 0600, NULL));
    unit_ok(kiln_sftp_put(p->ch, src, dst, 0600, NULL, unwatched, p->cancel, &p->err), &p->err);
    kiln_channel_free(p->ch);
    p->ch = pipe_channel_new("exec /usr/lib/openssh/sftp-server");
    assert_int_equal(write(fd, "head", 4), 4); /* from the position that fd has */
    unit_ok(kiln_sftp_get(p->ch, dst, fd, NULL, p->cancel, &p->err), &p->err);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), SIZE + 4);
    unit_ok(kiln_fs_read(back, SIZE + 4, &got, &p->err), &p->err);
    assert_memory_equal(got.data, "head", 4);
    assert_memory_equal(got.data + 4, data, SIZE);
}

/* Files of /proc say that they are empty. */
static void gets_file_without_size(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *back = at(p, "back");
    KILN_AUTO_STR got = { 0 };
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    unit_ok(kiln_sftp_get(p->ch, "/proc/self/status", fd, NULL, p->cancel, &p->err), &p->err);
    unit_ok(kiln_fs_read(back, 1 << 20, &got, &p->err), &p->err);
    assert_non_null(strstr(kiln_str_cstr(&got), "sftp-server"));
}

static void get_errors(void **state)
{
    struct place *p = with_server(state);
    KILN_AUTO_FREE char *src = at(p, "missing"), *back = at(p, "back");
    KILN_AUTO_FREE char *want = kiln_xasprintf("%s: file does not exist", src);
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    unit_fails(kiln_sftp_get(p->ch, src, fd, NULL, p->cancel, &p->err), &p->err, KILN_ERR_REMOTE,
               want);
}

/* What a server might answer to INIT, OPEN, FSTAT and READ, as printf understands it. */
#define VERSION "\\0\\0\\0\\5\\2\\0\\0\\0\\3"
#define HANDLE  "\\0\\0\\0\\012\\146\\0\\0\\0\\0\\0\\0\\0\\1h"
#define ATTRS   "\\0\\0\\0\\011\\151\\0\\0\\0\\1\\0\\0\\0\\0"
static const struct {
    const char *to_init, *to_open, *to_fstat, *to_read, *error;
} servers[] = {
    { "Welcome to the guest", "", "", "", "something else than SFTP" },
    { "\\377\\377\\377\\377", "", "", "", "something else than SFTP" },
    { "\\0\\0\\0\\0", "", "", "", "something else than SFTP" },
    { VERSION, "\\0\\0\\0\\5\\177\\0\\0\\0\\0", "", "", "an answer of an unknown kind" },
    { VERSION, "\\0\\0\\0\\5\\146\\0\\0\\0\\0", "", "", "an answer that is cut short" },
    { VERSION, "\\0\\0\\0\\011\\146\\0\\0\\0\\0\\377\\377\\377\\377", "", "",
      "an answer that is cut short" },
    { VERSION, "\\0\\0\\0\\011\\145\\0\\0\\0\\7\\0\\0\\0\\0", "", "",
      "an answer to a question that was not asked" },
    { VERSION, "\\0\\0\\0\\011\\145\\0\\0\\0\\0\\0\\0\\0\\3", "", "", "x: permission denied" },
    { VERSION, "\\0\\0\\0\\011\\145\\0\\0\\0\\0\\0\\0\\0\\11", "", "", "x: failure" },
    { VERSION, "\\0\\0\\0\\011\\151\\0\\0\\0\\0\\0\\0\\0\\0", "", "", "does not fit the question" },
    { VERSION, HANDLE, ATTRS, "\\0\\0\\0\\011\\147\\0\\0\\0\\2\\0\\0\\0\\0",
      "does not fit the question" }, /* no bytes, and no end */
    { VERSION, HANDLE, ATTRS, "\\0\\0\\0\\011\\145\\0\\0\\0\\2\\0\\0\\0\\4", "x: failure" },
};

static void bad_servers(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *back = at(p, "back");
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    for (size_t i = 0; i < KILN_COUNT(servers); i++) {
        KILN_AUTO_FREE char *command = kiln_xasprintf(
            "get() { head -c $1 >/dev/null; }; get 9; printf '%s'; get 22; printf '%s'; get 14; "
            "printf '%s'; get 26; printf '%s'; exec cat >/dev/null",
            servers[i].to_init, servers[i].to_open, servers[i].to_fstat, servers[i].to_read);
        struct kiln_channel *ch = pipe_channel_new(command);

        assert_false(kiln_sftp_get(ch, "x", fd, NULL, p->cancel, &p->err));
        if (!strstr(p->err.msg, servers[i].error))
            fail_msg("row %zu: %s", i, p->err.msg);
        kiln_err_clear(&p->err);
        kiln_channel_free(ch);
    }
}

static void server_that_ends(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *back = at(p, "back");
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct kiln_channel *ch = pipe_channel_new("exit 0");

    unit_fails(kiln_sftp_get(ch, "x", fd, NULL, p->cancel, &p->err), &p->err, KILN_ERR_REMOTE,
               "the program in the guest has ended");
    kiln_channel_free(ch);
}

int main(void)
{
#define PLACED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PLACED(puts_file),
        PLACED(put_into_nothing),
        PLACED(puts_directory_itself),
        PLACED(puts_contents_over_what_is_there),
        PLACED(puts_contents_into_a_new_directory),
        PLACED(put_dir_errors),
        PLACED(moves_much),
        PLACED(gets_file_without_size),
        PLACED(get_errors),
        PLACED(bad_servers),
        PLACED(server_that_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
