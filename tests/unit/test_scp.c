/* scp's protocol against the real scp, and against one that is up to no good. */
#include "unit.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/process.h"
#include "communicator/dir_walk.h"
#include "communicator/scp.h"
#include "communicator/scp_sink.h"
#include "pipe_channel.h"
#include "transfer_bed.h"

static void need_scp(void)
{
    char *path = kiln_process_find("scp", NULL);

    if (!path)
        skip();
    free(path);
}

static struct kiln_channel *scp(const struct place *p, const char *flags, const char *name)
{
    KILN_AUTO_FREE char *path = at(p, name);
    KILN_AUTO_FREE char *command = kiln_scp_command(flags, path);

    need_scp();
    return pipe_channel_new(command);
}

/* ---- the command line ---- */

static void command_lines(void **state)
{
    static const struct {
        const char *flags, *path, *want;
    } rows[] = {
        { "-t", "/tmp", "scp -t /tmp" },
        { "-t", "/a b/c", "scp -t /a\\ b/c" },
        { "-t", "/a\\ b", "scp -t /a\\ b" }, /* escaped by hand: stays */
        { "-rf", "~/x*/$HOME", "scp -rf ~/x*/$HOME" },
        { "-f", "it's (1);rm", "scp -f it\\'s\\ \\(1\\)\\;rm" },
        { "-f", "-x", "scp -f ./-x" },
        { "-f", "a\\", "scp -f a\\" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = kiln_scp_command(rows[i].flags, rows[i].path);

        assert_string_equal(got, rows[i].want);
    }
}

/* ---- sending to the real scp ---- */

static void puts_file(void **state)
{
    struct place *p = *state;
    struct kiln_channel *ch = scp(p, "-dt", "");
    KILN_AUTO_FREE char *src = at(p, "src");

    make_file(p, "src", "hello\n", 0600);
    unit_ok(kiln_scp_put(ch, src, "dst", 0750, NULL, NULL, p->cancel, &p->err), &p->err);
    expect_file(p, "dst", "hello\n", 0750);
    kiln_channel_free(ch);
}

static void put_errors(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *src = at(p, "src"), *text = NULL;
    struct kiln_channel *ch;

    make_file(p, "src", "hello\n", 0600);
    make_dir(p, "dir", 0755);
    ch = scp(p, "-dt", "");
    assert_false(kiln_scp_put(ch, src, "dir", 0600, NULL, NULL, p->cancel, &p->err));
    text = kiln_xasprintf("scp: %s/dir: Is a directory", p->dir);
    assert_non_null(strstr(p->err.msg, "dir: Is a directory"));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    ch = scp(p, "-dt", "missing");
    assert_false(kiln_scp_put(ch, src, "x", 0600, NULL, NULL, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "missing: No such file or directory"));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    ch = pipe_channel_new("exec /nonexistent/scp");
    unit_fails(kiln_scp_put(ch, src, "x", 0600, NULL, NULL, p->cancel, &p->err), &p->err,
               KILN_ERR_REMOTE,
               "SCP failed to start. This usually means that SCP is not\n"
               "properly installed on the remote system.");
    kiln_channel_free(ch);

    ch = pipe_channel_new("echo welcome; exec cat >/dev/null");
    assert_false(kiln_scp_put(ch, src, "x", 0600, NULL, NULL, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "does its shell print anything"));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    ch = pipe_channel_new("echo broken pipe fitting >&2; exit 9");
    unit_fails(kiln_scp_put(ch, src, "x", 0600, NULL, NULL, p->cancel, &p->err), &p->err,
               KILN_ERR_REMOTE, "scp in the guest ended with status 9: broken pipe fitting");
    kiln_channel_free(ch);
}

/* A file that scp refuses, and whose content reads like records: they must not be obeyed. */
static void refused_content_is_not_obeyed(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *src = at(p, "src"), *evil = at(p, "evil");
    struct kiln_channel *ch = scp(p, "-dt", "");

    make_file(p, "src", "C0644 3 evil\nbad", 0600);
    make_dir(p, "dir", 0755);
    assert_false(kiln_scp_put(ch, src, "dir", 0600, NULL, NULL, p->cancel, &p->err));
    assert_false(kiln_fs_exists(evil));
    kiln_channel_free(ch);
}

static void make_tree(const struct place *p)
{
    make_dir(p, "up", 0750);
    make_dir(p, "up/empty", 0755);
    make_dir(p, "up/sub dir", 0700);
    make_file(p, "up/a", "a\n", 0644);
    make_file(p, "up/none", "", 0600);
    make_file(p, "up/sub dir/run", "#!/bin/sh\n", 0755);
    make_file(p, "up/sub dir/E", "E\n", 0644);
}

static void link_to(const struct place *p, const char *target, const char *name)
{
    KILN_AUTO_FREE char *path = at(p, name);

    assert_return_code(symlink(target, path), errno);
}

static void expect_tree(struct place *p, const char *where)
{
    static const struct {
        const char *name, *text;
        mode_t mode;
    } files[] = { { "a", "a\n", 0644 },
                  { "none", "", 0600 },
                  { "sub dir/run", "#!/bin/sh\n", 0755 },
                  { "sub dir/E", "E\n", 0644 },
                  { "link", "a\n", 0644 },
                  { "linked/E", "E\n", 0644 } };
    KILN_AUTO_FREE char *empty = kiln_xasprintf("%s/%s/empty", p->dir, where);

    for (size_t i = 0; i < KILN_COUNT(files); i++) {
        KILN_AUTO_FREE char *name = kiln_xasprintf("%s/%s", where, files[i].name);

        expect_file(p, name, files[i].text, files[i].mode);
    }
    assert_true(kiln_fs_is_dir(empty));
}

static void puts_directories(void **state)
{
    static const struct {
        const char *flags, *src, *dst, *result;
    } rows[] = {
        { "-rt", "up", "there", "there/up" }, /* the directory itself */
        { "-rdt", "up/", "here", "here" },    /* its contents */
        { "-rdt", "up/.", "over", "over" },   /* the same */
        { "-rt", "up", "new", "new" },        /* a destination that is missing becomes the copy */
    };
    struct place *p = *state;

    make_tree(p);
    link_to(p, "a", "up/link");
    link_to(p, "sub dir", "up/linked");
    link_to(p, "sub dir/run", "up/runs");
    make_dir(p, "there", 0755);
    make_dir(p, "here", 0755);
    make_dir(p, "over", 0755);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_channel *ch = scp(p, rows[i].flags, rows[i].dst);
        KILN_AUTO_FREE char *src = at(p, rows[i].src);

        unit_ok(
            kiln_scp_put_dir(ch, src, kiln_dir_means_contents(src), NULL, NULL, p->cancel, &p->err),
            &p->err);
        expect_tree(p, rows[i].result);
        kiln_channel_free(ch);
    }
    expect_file(p, "here/runs", "#!/bin/sh\n", 0644); /* no file's own mode, as with Packer */
}

static void directory_errors(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *src = at(p, "up"), *slash = at(p, "up/");
    struct kiln_channel *ch;

    make_dir(p, "up", 0755);
    link_to(p, "..", "up/back");
    ch = scp(p, "-rt", "");
    assert_false(kiln_scp_put_dir(ch, src, false, NULL, NULL, p->cancel, &p->err));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    (void)kiln_fs_remove_tree(src, NULL);
    make_dir(p, "up", 0755);
    link_to(p, ".", "up/loop");
    ch = scp(p, "-rt", "");
    assert_false(kiln_scp_put_dir(ch, src, false, NULL, NULL, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "up/loop: this link leads to a directory that holds it"));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    (void)kiln_fs_remove_tree(src, NULL);
    make_dir(p, "up", 0755);
    make_file(p, "up/x", "x", 0644);
    ch = scp(p, "-rdt", "missing");
    assert_false(kiln_scp_put_dir(ch, slash, true, NULL, NULL, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "missing: No such file or directory"));
    kiln_channel_free(ch);
    kiln_err_clear(&p->err);

    make_file(p, "up/two\nlines", "x", 0644);
    ch = scp(p, "-rdt", "");
    assert_false(kiln_scp_put_dir(ch, slash, true, NULL, NULL, p->cancel, &p->err));
    assert_non_null(strstr(p->err.msg, "has a line break"));
    kiln_channel_free(ch);
}

static void count_progress(void *ud, uint64_t done, uint64_t total)
{
    uint64_t *seen = ud;

    assert_true(done >= seen[0]);
    seen[0] = done;
    seen[1] = total;
}

/* Bigger than any buffer, both ways, byte for byte. */
static void moves_much(void **state)
{
    struct place *p = *state;
    enum { SIZE = 5 << 20 };
    KILN_AUTO_FREE char *data = kiln_xmalloc(SIZE + 1);
    KILN_AUTO_FREE char *src = at(p, "src"), *back = at(p, "back");
    KILN_AUTO_STR got = { 0 };
    uint64_t seen[2] = { 0 };
    const struct kiln_transfer t = { .progress = count_progress, .ud = seen };
    struct kiln_channel *ch;
    KILN_AUTO_FD fd = -1;

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    assert_true(kiln_fs_write_atomic(src, data, SIZE, 0600, NULL));
    ch = scp(p, "-dt", "");
    unit_ok(kiln_scp_put(ch, src, "dst", 0600, &t, NULL, p->cancel, &p->err), &p->err);
    assert_int_equal(seen[0], SIZE);
    assert_int_equal(seen[1], SIZE);
    kiln_channel_free(ch);

    fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    seen[0] = 0;
    ch = scp(p, "-f", "dst");
    unit_ok(kiln_scp_get(ch, fd, &t, p->cancel, &p->err), &p->err);
    kiln_channel_free(ch);
    assert_int_equal(seen[0], SIZE);
    unit_ok(kiln_fs_read(back, SIZE, &got, &p->err), &p->err);
    assert_int_equal(got.len, SIZE);
    assert_memory_equal(got.data, data, SIZE);
}

/* ---- receiving from the real scp ---- */

static void gets_directories(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *dst = at(p, "down");
    struct kiln_channel *ch;

    make_tree(p);
    link_to(p, "a", "up/link");
    link_to(p, "sub dir", "up/linked");
    ch = scp(p, "-rf", "up");
    unit_ok(kiln_scp_get_dir(ch, dst, NULL, p->cancel, &p->err), &p->err);
    expect_tree(p, "down/up");
    kiln_channel_free(ch);
}

/* A place that is missing is made like what comes first; nothing is made for what does not come. */
static void gets_into_a_missing_place(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *dst = at(p, "down"), *strict = at(p, "up/strict");
    struct kiln_channel *ch;
    struct stat st;

    make_dir(p, "up", 0755);
    make_dir(p, "up/strict", 0755);
    make_dir(p, "up/strict/inner", 0755);
    assert_return_code(chmod(strict, 0550), errno);
    ch = scp(p, "-rf", "missing");
    assert_false(kiln_scp_get_dir(ch, dst, NULL, p->cancel, &p->err));
    kiln_channel_free(ch);
    assert_false(kiln_fs_exists(dst));
    ch = scp(p, "-rf", "up/strict");
    kiln_err_clear(&p->err);
    unit_ok(kiln_scp_get_dir(ch, dst, NULL, p->cancel, &p->err), &p->err);
    kiln_channel_free(ch);
    assert_return_code(stat(dst, &st), errno);
    assert_int_equal(st.st_mode & 0777, 0550);
    assert_return_code(chmod(strict, 0755), errno);
    assert_return_code(chmod(dst, 0755), errno);
    free(dst);
    dst = at(p, "down/strict");
    assert_return_code(stat(dst, &st), errno);
    assert_int_equal(st.st_mode & 0777, 0550);
    assert_return_code(chmod(dst, 0755), errno);
}

static void get_errors(void **state)
{
    static const struct {
        const char *flags, *src, *want;
    } rows[] = {
        { "-f", "missing", "No such file or directory" },
        { "-f", "dir", "not a regular file" },
    };
    struct place *p = *state;
    KILN_AUTO_FREE char *back = at(p, "back");
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    make_dir(p, "dir", 0755);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_channel *ch = scp(p, rows[i].flags, rows[i].src);

        assert_false(kiln_scp_get(ch, fd, NULL, p->cancel, &p->err));
        assert_non_null(strstr(p->err.msg, rows[i].want));
        kiln_channel_free(ch);
        kiln_err_clear(&p->err);
    }
}

static void cancelled(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *back = at(p, "back");
    KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct kiln_channel *ch = pipe_channel_new("exec cat >/dev/null"); /* never answers */

    kiln_cancel_fire(p->cancel);
    unit_fails(kiln_scp_get(ch, fd, NULL, p->cancel, &p->err), &p->err, KILN_ERR_CANCELLED,
               "cancelled");
    kiln_channel_free(ch);
}

/* ---- a guest that is up to no good ---- */

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
    const char *bytes;
    size_t len;
    const char *error; /* part of it; NULL: complete and well */
} streams[] = {
    { BYTES("C0644 3 ok\nabc\0"), NULL },
    { BYTES("T1 0 1 0\nC0644 0 ok\n\0"), NULL },
    { BYTES("D0755 0 d\nC0644 1 f\nx\0E\n"), NULL },
    { BYTES("C0644 3 ../up\nabc\0"), "leads elsewhere" },
    { BYTES("C0644 3 /etc/passwd\nabc\0"), "leads elsewhere" },
    { BYTES("C0644 3 ..\nabc\0"), "leads elsewhere" },
    { BYTES("C0644 3 .\nabc\0"), "leads elsewhere" },
    { BYTES("C0644 3 \nabc\0"), "leads elsewhere" },
    { BYTES("D0755 0 ..\nC0644 1 f\nx\0E\n"), "leads elsewhere" },
    { BYTES("E\n"), "never began" },
    { BYTES("C0644 -1 f\n"), "cannot be understood" },
    { BYTES("C0644 99999999999999999999 f\n"), "cannot be understood" },
    { BYTES("C9999 1 f\n"), "cannot be understood" },
    { BYTES("C17777 1 f\n"), "cannot be understood" },
    { BYTES("C0644 1\n"), "cannot be understood" },
    { BYTES("C0644 2305843009213693951 f\nC0644 2305843009213693951 g\n"), "ended early" },
    { BYTES("Welcome to the guest\n"), "does its shell print anything" },
    { BYTES("C0644 1 a\0b\nx\0"), "a zero byte" },
    { BYTES("\1scp: f: Permission denied\n"), "scp: f: Permission denied" },
    { BYTES("C0644 1 f\nx\1read error\n"), "read error" },
    { BYTES("C0644 5 f\nabc"), "ended early" },
    { BYTES("D0755 0 d\n"), "ended early" },
    { BYTES(""), "ended early" },
};

static void expect_end(const struct kiln_scp_sink *s, const char *error, size_t row)
{
    if (!error && !kiln_scp_sink_complete(s))
        fail_msg("row %zu: %s", row, kiln_err_text(&s->err));
    if (error && kiln_scp_sink_complete(s))
        fail_msg("row %zu: well, but '%s' was expected", row, error);
    if (error && strcmp(error, "ended early") != 0 && !strstr(kiln_err_text(&s->err), error))
        fail_msg("row %zu: '%s', not '%s'", row, kiln_err_text(&s->err), error);
}

static void sink_streams(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < KILN_COUNT(streams); i++) {
        for (size_t piece = 1; piece <= 64; piece *= 8) { /* cut anywhere */
            KILN_AUTO_FREE char *name = kiln_xasprintf("row%zu-%zu", i, piece);
            KILN_AUTO_FREE char *dir = at(p, name);
            struct kiln_scp_sink s;

            make_dir(p, name, 0755);
            kiln_scp_sink_init(&s, -1, dir);
            for (size_t k = 0; k < streams[i].len; k += piece) {
                size_t left = streams[i].len - k;

                kiln_scp_sink_feed(&s, streams[i].bytes + k, left < piece ? left : piece);
            }
            expect_end(&s, streams[i].error, i);
            kiln_scp_sink_done(&s);
        }
    }
}

static void sink_is_bounded(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *line = kiln_xmalloc(100000);
    struct kiln_scp_sink s;

    memset(line, 'C', 100000);
    kiln_scp_sink_init(&s, -1, p->dir);
    kiln_scp_sink_feed(&s, line, 100000);
    assert_non_null(strstr(kiln_err_text(&s.err), "a record without an end"));
    kiln_scp_sink_done(&s);

    kiln_scp_sink_init(&s, -1, p->dir);
    for (int i = 0; i < 1000 && s.err.kind == KILN_ERR_NONE; i++)
        kiln_scp_sink_feed(&s, "D0755 0 d\n", 10);
    assert_non_null(strstr(kiln_err_text(&s.err), "too many directories inside each other"));
    kiln_scp_sink_done(&s);

    kiln_scp_sink_init(&s, 1, NULL); /* one file was asked for */
    kiln_scp_sink_feed(&s, BYTES("C0644 0 a\n\0C0644 0 b\n"));
    assert_non_null(strstr(kiln_err_text(&s.err), "more than the one file"));
    kiln_scp_sink_done(&s);
}

int main(void)
{
#define PLACED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),
        PLACED(puts_file),
        PLACED(put_errors),
        PLACED(refused_content_is_not_obeyed),
        PLACED(puts_directories),
        PLACED(directory_errors),
        PLACED(moves_much),
        PLACED(gets_directories),
        PLACED(gets_into_a_missing_place),
        PLACED(get_errors),
        PLACED(cancelled),
        PLACED(sink_streams),
        PLACED(sink_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
