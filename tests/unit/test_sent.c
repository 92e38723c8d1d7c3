/* What was sent is read back by the real cksum, xargs and sh, and by some that are up to no good.
 */
#include "unit.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/process.h"
#include "communicator/cksum.h"
#include "communicator/sent.h"
#include "pipe_channel.h"

struct place {
    char *dir;        /* a fresh directory */
    const char *path; /* PATH of the guest; NULL: ours */
    struct kiln_cancel *cancel;
    struct kiln_sent *sent;
    size_t opened;
    bool told;
    struct kiln_err err;
};

static int set_up(void **state)
{
    struct place *p = kiln_xcalloc(1, sizeof(*p));

    p->dir = kiln_fs_temp_dir("kiln-sent", NULL);
    p->cancel = kiln_cancel_new();
    p->sent = kiln_sent_new();
    *state = p;
    return p->dir ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    (void)kiln_fs_remove_tree(p->dir, NULL);
    kiln_err_clear(&p->err);
    kiln_sent_free(p->sent);
    kiln_cancel_free(p->cancel);
    free(p->dir);
    free(p);
    return 0;
}

static struct kiln_channel *open_here(void *ud, const char *command, struct kiln_cancel *c,
                                      struct kiln_err *err)
{
    struct place *p = ud;
    KILN_AUTO_FREE char *with_path =
        p->path ? kiln_xasprintf("PATH=%s; %s", p->path, command) : kiln_xstrdup(command);

    (void)c, (void)err;
    p->opened++;
    return pipe_channel_new(with_path);
}

static void close_here(void *ud, struct kiln_channel *ch)
{
    (void)ud;
    kiln_channel_free(ch);
}

static bool check_in(struct place *p, const char *dir, bool renamed)
{
    const struct kiln_sent_guest guest = { open_here, close_here, p };

    kiln_err_clear(&p->err);
    return kiln_sent_check(p->sent, &guest, dir, renamed, p->cancel, &p->told, &p->err);
}

static bool check(struct place *p)
{
    return check_in(p, p->dir, false);
}

/* What lies there. */
static void make(const struct place *p, const char *name, const void *data, size_t len)
{
    KILN_AUTO_FREE char *path = kiln_path_join(p->dir, name);
    KILN_AUTO_FREE char *dir = kiln_path_dir(path);

    assert_true(kiln_fs_mkdirs(dir, 0755, NULL));
    assert_true(kiln_fs_write_atomic(path, data, len, 0644, NULL));
}

/* What was sent, in two pieces. */
static void note(const struct place *p, const char *name, const char *data, size_t len)
{
    size_t file = kiln_sent_file(p->sent, name);

    kiln_sent_data(p->sent, file, data, len / 3);
    kiln_sent_data(p->sent, file, data + len / 3, len - len / 3);
}

/* ---- the CRC ---- */

static void as_cksum_has_it(void **state)
{
    /* From GNU cksum. */
    static const struct {
        const char *text;
        uint32_t want;
    } rows[] = {
        { "", 4294967295u },
        { "a", 1220704766u },
        { "hello\n", 3015617425u },
        { "123456789", 930766865u },
        { "The quick brown fox jumps over the lazy dog", 2074844392u },
    };
    struct kiln_cksum t;

    (void)state;
    kiln_cksum_init(&t);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);

        for (size_t cut = 0; cut <= len; cut++) {
            uint32_t crc = kiln_cksum_add(&t, 0, rows[i].text, cut);

            crc = kiln_cksum_add(&t, crc, rows[i].text + cut, len - cut);
            assert_int_equal(kiln_cksum_end(&t, crc, len), rows[i].want);
        }
    }
}

/* The fast way against a bit at a time, for all lengths and cuts around its steps. */
static void as_the_definition_has_it(void **state)
{
    static unsigned char data[700];
    struct kiln_cksum t;

    (void)state;
    kiln_cksum_init(&t);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * i * 7 >> 3);
    for (size_t len = 0; len <= sizeof(data); len++) {
        uint32_t want = 0;

        for (size_t i = 0; i < len; i++) {
            want ^= (uint32_t)data[i] << 24;
            for (int bit = 0; bit < 8; bit++)
                want = want << 1 ^ (want >> 31 ? 0x04c11db7u : 0);
        }
        assert_int_equal(kiln_cksum_add(&t, 0, data, len), want);
        for (size_t cut = 0; cut <= len; cut += 61) {
            uint32_t crc = kiln_cksum_add(&t, 0, data, cut);

            assert_int_equal(kiln_cksum_add(&t, crc, data + cut, len - cut), want);
        }
    }
}

/* ---- what arrived ---- */

static void whole(void **state)
{
    struct place *p = *state;
    static char data[300001];

    assert_true(check(p)); /* nothing sent: nobody is asked */
    assert_int_equal(p->opened, 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * i >> 5);
    make(p, "large", data, sizeof(data));
    make(p, "empty", "", 0);
    make(p, "d/e/it's a \\ \"$x\" *\t-", "x", 1);
    make(p, "-n", "y", 1);
    note(p, "large", data, sizeof(data));
    note(p, "empty", "", 0);
    kiln_sent_enter(p->sent, "d");
    kiln_sent_enter(p->sent, "e");
    note(p, "it's a \\ \"$x\" *\t-", "x", 1);
    kiln_sent_leave(p->sent);
    kiln_sent_leave(p->sent);
    note(p, "-n", "y", 1);
    unit_ok(check(p), &p->err);
    assert_true(p->told);
    assert_int_equal(p->opened, 1);
}

static void damaged(void **state)
{
    static const struct {
        const char *there, *want;
    } rows[] = {
        { "abcde", "verify the upload: 6 bytes of d/b were sent, the guest has 5" },
        { "abcdefg", "verify the upload: 6 bytes of d/b were sent, the guest has 7" },
        { "", "verify the upload: 6 bytes of d/b were sent, the guest has 0" },
        { "abcdeF", "verify the upload: d/b holds other bytes in the guest than were sent (cksum "
                    "246816151, not 773139377)" },
        { NULL, "verify the upload: d/b was sent, but the guest has no such file" },
    };
    struct place *p = *state;

    note(p, "a", "1", 1);
    kiln_sent_enter(p->sent, "d");
    note(p, "b", "abcdef", 6);
    kiln_sent_leave(p->sent);
    note(p, "c", "3", 1);
    make(p, "a", "1", 1);
    make(p, "c", "3", 1);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *path = kiln_path_join(p->dir, "d/b");

        if (rows[i].there)
            make(p, "d/b", rows[i].there, strlen(rows[i].there));
        else
            assert_return_code(unlink(path), errno);
        unit_fails(check(p), &p->err, KILN_ERR_REMOTE, rows[i].want);
        assert_true(p->told);
    }
}

/* scp -r names a directory after the target if that was not there. */
static void directories_that_are_renamed(void **state)
{
    struct place *p = *state;

    kiln_sent_enter(p->sent, "up");
    note(p, "x", "1", 1);
    kiln_sent_enter(p->sent, "up");
    note(p, "x", "22", 2);
    kiln_sent_leave(p->sent);
    kiln_sent_leave(p->sent);
    make(p, "x", "1", 1);
    make(p, "up/x", "22", 2);
    unit_ok(check_in(p, p->dir, true), &p->err);
    assert_false(check_in(p, p->dir, false));
    make(p, "up/up/x", "22", 2);
    make(p, "up/x", "1", 1);
    unit_ok(check_in(p, p->dir, true), &p->err);
    make(p, "up/up/x", "23", 2);
    make(p, "x", "7", 1);
    assert_false(check_in(p, p->dir, true));
}

static void many(void **state)
{
    struct place *p = *state;

    for (int i = 0; i < 3000; i++) { /* more than pipes hold */
        KILN_AUTO_FREE char *name = kiln_xasprintf("%0100d", i);

        make(p, name, name, 100);
        note(p, name, name, 100);
    }
    unit_ok(check(p), &p->err);
    assert_true(p->told);
    make(p, "file", "1", 1);
    note(p, "file", "2", 1);
    assert_false(check(p));
}

/* ---- guests that cannot ---- */

static void link_tools(const struct place *p, const char *const *tools)
{
    for (; *tools; tools++) {
        KILN_AUTO_FREE char *from = kiln_process_find(*tools, NULL);
        KILN_AUTO_FREE char *name = kiln_path_join(p->dir, *tools);

        if (!from)
            skip();
        assert_return_code(symlink(from, name), errno);
    }
}

static void without_cksum(void **state)
{
    static const char *const tools[] = { "sh", "xargs", "wc", NULL };
    struct place *p = *state;

    link_tools(p, tools);
    p->path = p->dir;
    note(p, "a", "1", 1);
    note(p, "b", "2", 1);
    make(p, "a", "1", 1);
    make(p, "b", "x", 1);
    unit_ok(check(p), &p->err); /* the size is all that it can tell */
    assert_true(p->told);
    make(p, "b", "xx", 2);
    unit_fails(check(p), &p->err, KILN_ERR_REMOTE,
               "verify the upload: 1 bytes of b were sent, the guest has 2");
}

static void without_anything(void **state)
{
    struct place *p = *state;

    note(p, "a", "1", 1);
    p->path = "/nowhere";
    unit_ok(check(p), &p->err);
    assert_false(p->told);
    p->path = NULL;
    unit_ok(check_in(p, "/nowhere", false), &p->err);
    assert_false(p->told);
}

/* Who writes to a device does not want it to be read. */
static void devices(void **state)
{
    struct place *p = *state;

    note(p, "null", "1", 1);
    unit_ok(check_in(p, "/dev", false), &p->err);
    assert_false(p->told);
}

/* Noise of a login shell, and lines that no cksum prints. */
static void lies(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *noise = kiln_xasprintf(
        "/; echo Welcome; echo; echo 1 2 ./b; echo 99 ./; echo - ./c; echo a; cd %s", p->dir);
    KILN_AUTO_FREE char *lie = kiln_xasprintf("/; echo 1 2 ./a; cd %s", p->dir);

    make(p, "a", "1", 1);
    note(p, "a", "1", 1);
    unit_ok(check_in(p, noise, false), &p->err);
    unit_fails(check_in(p, lie, false), &p->err, KILN_ERR_REMOTE,
               "verify the upload: 1 bytes of a were sent, the guest has 2");
}

static void cancelled(void **state)
{
    struct place *p = *state;

    make(p, "a", "1", 1);
    note(p, "a", "1", 1);
    kiln_cancel_fire(p->cancel);
    assert_false(check(p));
    assert_int_equal(p->err.kind, KILN_ERR_CANCELLED);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_cksum_has_it),
        cmocka_unit_test(as_the_definition_has_it),
        IN_PLACE(whole),
        IN_PLACE(damaged),
        IN_PLACE(directories_that_are_renamed),
        IN_PLACE(many),
        IN_PLACE(without_cksum),
        IN_PLACE(without_anything),
        IN_PLACE(devices),
        IN_PLACE(lies),
        IN_PLACE(cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
