/* The codec on bytes, and the client against a scripted peer: garbage, silence, early ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/thread.h"
#include "vm/qmp.h"
#include "vm/qmp_codec.h"

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}}, "             \
    "\"capabilities\": []}}\r\n"

/* ---- codec ---- */

static const struct {
    const char *line;
    enum kiln_qmp_type type;
    uint64_t id;
    const char *word; /* name or text */
} good[] = {
    { GREETING, KILN_QMP_GREETING, 0, NULL },
    { "{\"return\": {}, \"id\": 7}\r\n", KILN_QMP_RETURN, 7, NULL },
    { "{\"return\": null, \"id\": \"x\"}\n", KILN_QMP_RETURN, 0, NULL },
    { " {\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 3}\n", KILN_QMP_ERROR,
      3, "no" },
    { "{\"error\": {}}\n", KILN_QMP_ERROR, 0, "no reason given" },
    { "\r\n\n{\"event\": \"STOP\", \"timestamp\": {}}\n", KILN_QMP_EVENT, 0, "STOP" },
    { "{\"event\": \"A\\u00e9\", \"data\": {\"a\": [1]}}\n", KILN_QMP_EVENT, 0, "A\xc3\xa9" },
};

#define DEEP(open, close) ("{\"return\": " open open open open close close close close "}\n")

static const char *const bad[] = {
    "garbage\n",
    "{}\n",
    "[]\n",
    "42\n",
    "{\"event\": 5}\n",
    "{\"error\": \"text\"}\n",
    "{\"return\": {}\n",
    "{\"return\": {}} trailing\n",
    "{\"event\": \"\xff\xfe\"}\n",
    DEEP("[[[[[[[[[[", "]]]]]]]]]]"),
};

static void codec_reads(void **state)
{
    (void)state;
    /* Whole, and byte by byte. */
    for (size_t step = 1; step <= 4096; step += 4095) {
        for (size_t i = 0; i < KILN_COUNT(good); i++) {
            KILN_CLEANUP(kiln_qmp_codec_done) struct kiln_qmp_codec codec = { 0 };
            KILN_AUTO_QMP_MESSAGE m = { 0 };
            size_t len = strlen(good[i].line);
            enum kiln_qmp_next got = KILN_QMP_MORE;

            for (size_t at = 0; at < len && got == KILN_QMP_MORE; at += step) {
                size_t n = len - at < step ? len - at : step;

                assert_true(kiln_qmp_codec_feed(&codec, good[i].line + at, n, NULL));
                got = kiln_qmp_codec_next(&codec, &m, NULL);
            }
            assert_int_equal(got, KILN_QMP_MESSAGE);
            assert_int_equal(m.type, good[i].type);
            assert_int_equal(m.id, good[i].id);
            if (good[i].word)
                assert_string_equal(m.type == KILN_QMP_EVENT ? m.name : m.text, good[i].word);
            assert_int_equal(kiln_qmp_codec_next(&codec, &m, NULL), KILN_QMP_MORE);
        }
    }
}

static void codec_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        KILN_CLEANUP(kiln_qmp_codec_done) struct kiln_qmp_codec codec = { 0 };
        KILN_AUTO_QMP_MESSAGE m = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_true(kiln_qmp_codec_feed(&codec, bad[i], strlen(bad[i]), &err));
        assert_int_equal(kiln_qmp_codec_next(&codec, &m, &err), KILN_QMP_BAD);
        assert_int_equal(err.kind, KILN_ERR_REMOTE);
    }
}

static void codec_bounds_a_message(void **state)
{
    KILN_CLEANUP(kiln_qmp_codec_done) struct kiln_qmp_codec codec = { 0 };
    KILN_AUTO_ERR err = { 0 };
    char junk[4096];
    size_t fed = 0;

    (void)state;
    memset(junk, 'x', sizeof(junk));
    while (kiln_qmp_codec_feed(&codec, junk, sizeof(junk), &err)) {
        fed += sizeof(junk);
        assert_true(fed <= KILN_MAX_QMP_MESSAGE);
    }
    assert_string_equal(err.msg, "QMP message is longer than 1048576 bytes");
}

static void codec_writes(void **state)
{
    struct json_object *args = json_object_new_object();
    KILN_AUTO_STR out = { 0 };

    (void)state;
    json_object_object_add(args, "password", json_object_new_string("a\"\n"));
    kiln_qmp_encode(&out, 1, "stop", NULL);
    kiln_qmp_encode(&out, 2, "change-vnc-password", args);
    json_object_put(args);
    assert_string_equal(out.data, "{\"execute\":\"stop\",\"id\":1}\n"
                                  "{\"execute\":\"change-vnc-password\",\"arguments\":"
                                  "{\"password\":\"a\\\"\\n\"},\"id\":2}\n");
}

/* ---- client ---- */

/* What the peer does: greet, then one answer for each command line that it reads. */
struct script {
    const char *greeting;   /* NULL: hang up instead */
    const char *answers[6]; /* "": stay silent; NULL: hang up */
};

struct peer {
    const struct script *script;
    char *dir, *path;
    int listener;
    struct kiln_str heard; /* what the client sent; valid once the peer has ended */
    pthread_t thread;
};

/* Read up to a newline; false: the client hung up. */
static bool hear_line(int fd, struct kiln_str *heard)
{
    char c = 0;

    while (c != '\n') {
        if (read(fd, &c, 1) != 1)
            return false;
        kiln_str_addc(heard, c);
    }
    return true;
}

static void *peer_run(void *ud)
{
    struct peer *p = ud;
    int fd = accept(p->listener, NULL, NULL);
    const char *say = p->script->greeting;

    for (size_t i = 0; say; i++) {
        if (*say && !kiln_fs_write_all(fd, say, strlen(say), NULL))
            break;
        if (!hear_line(fd, &p->heard))
            break;
        say = i < KILN_COUNT(p->script->answers) ? p->script->answers[i] : NULL;
    }
    (void)close(fd);
    return NULL;
}

static void peer_start(struct peer *p, const struct script *script)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    *p = (struct peer){ .script = script, .dir = kiln_fs_temp_dir("kiln-qmp", NULL) };
    p->path = kiln_path_join(p->dir, "qmp");
    memcpy(addr.sun_path, p->path, strlen(p->path));
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(p->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_return_code(listen(p->listener, 1), 0);
    assert_true(kiln_thread_start(&p->thread, "peer", peer_run, p, NULL));
}

static void peer_end(struct peer *p)
{
    (void)pthread_join(p->thread, NULL);
    (void)close(p->listener);
    (void)kiln_fs_remove_tree(p->dir, NULL);
    kiln_str_done(&p->heard);
    free(p->path);
    free(p->dir);
}

static int64_t soon(void)
{
    return kiln_cancel_deadline(NULL, KILN_SECOND(20));
}

static struct kiln_qmp *meet(const struct peer *p)
{
    struct kiln_qmp *q = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_qmp_connect(&q, p->path, -1, NULL, soon(), &err))
        fail_msg("%s", kiln_err_text(&err));
    return q;
}

static void count_events(void *ud, const char *name, struct json_object *data)
{
    kiln_str_addf(ud, "%s%s ", name, data ? "+" : "");
}

static void client_talks(void **state)
{
    static const struct script script = {
        GREETING,
        { "{\"return\": {}, \"id\": 1}\n",
          "{\"event\": \"STOP\"}\n{\"return\": {}, \"id\": 99}\n"
          "{\"event\": \"RESET\", \"data\": {\"guest\": true}}\n{\"return\": {}, \"id\": 2}\n",
          "{\"return\": {\"status\": \"paused\"}, \"id\": 3}\n",
          "{\"error\": {\"desc\": \"nope\"}, \"id\": 4}\n",
          "{\"return\": \"text\\r\\n\", \"id\": 5}\n{\"event\": \"SHUTDOWN\"}\n", NULL },
    };
    KILN_AUTO_FREE char *status = NULL, *text = NULL;
    KILN_AUTO_STR events = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_qmp *q;
    struct peer p;

    (void)state;
    peer_start(&p, &script);
    q = meet(&p);
    kiln_qmp_on_event(q, count_events, &events);
    assert_true(kiln_qmp_command(q, "stop", NULL, soon(), &err));
    assert_string_equal(kiln_str_cstr(&events), "STOP RESET+ ");
    assert_true(kiln_qmp_status(q, NULL, soon(), &status, &err));
    assert_string_equal(status, "paused");
    assert_false(kiln_qmp_set_vnc_password(q, "s3cret", NULL, soon(), &err));
    assert_string_equal(err.msg, "QMP change-vnc-password: nope");
    assert_true(kiln_qmp_human(q, "info vnc", NULL, soon(), &text, &err));
    assert_string_equal(text, "text\r\n");
    assert_true(kiln_qmp_quit(q, NULL, soon(), &err)); /* hangs up instead of answering */
    assert_int_equal(kiln_qmp_fd(q), -1);
    assert_string_equal(kiln_str_cstr(&events), "STOP RESET+ SHUTDOWN ");
    assert_false(kiln_qmp_command(q, "cont", NULL, soon(), &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_false(kiln_qmp_dispatch(q, &err));
    kiln_qmp_free(q);
    peer_end(&p);
}

static void client_survives_a_timeout(void **state)
{
    static const struct script script = {
        GREETING,
        { "{\"return\": {}, \"id\": 1}\n", "",
          "{\"return\": {}, \"id\": 2}\n{\"return\": {\"status\": \"running\"}, \"id\": 3}\n" },
    };
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *cancel = kiln_cancel_new();
    KILN_AUTO_FREE char *status = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_qmp *q;
    struct peer p;

    (void)state;
    peer_start(&p, &script);
    q = meet(&p);
    assert_false(kiln_qmp_command(q, "stop", NULL, kiln_cancel_deadline(NULL, KILN_MS(20)), &err));
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    assert_string_equal(err.msg, "QMP stop: timed out");
    assert_true(kiln_qmp_status(q, NULL, soon(), &status, NULL));
    assert_string_equal(status, "running");
    kiln_cancel_fire(cancel);
    assert_false(kiln_qmp_command(q, "stop", cancel, soon(), &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    assert_true(kiln_qmp_fd(q) >= 0); /* nothing was sent: others may go on */
    kiln_qmp_free(q);
    peer_end(&p);
}

static void client_refuses_odd_peers(void **state)
{
    static const struct {
        struct script script;
        const char *want;
    } odd[] = {
        { { NULL, { NULL } }, "QEMU closed the QMP connection" },
        { { "SSH-2.0-OpenSSH\r\n", { NULL } }, "not a QMP message: unexpected character" },
        { { "{\"return\": {}}\n", { NULL } }, "no greeting: something else owns the socket" },
        { { GREETING, { NULL } }, "QMP qmp_capabilities: QEMU closed the QMP connection" },
        { { GREETING, { "{\"error\": {\"desc\": \"no\"}, \"id\": 1}\n" } },
          "QMP qmp_capabilities: no" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(odd); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_qmp *q = NULL;
        struct peer p;

        peer_start(&p, &odd[i].script);
        assert_false(kiln_qmp_connect(&q, p.path, -1, NULL, soon(), &err));
        assert_null(q);
        assert_int_equal(err.kind, KILN_ERR_REMOTE);
        assert_non_null(strstr(err.msg, odd[i].want));
        peer_end(&p);
    }
}

static void client_waits_for_the_socket(void **state)
{
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-qmp", NULL);
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "none");
    KILN_AUTO_FREE char *deep = kiln_xasprintf("%s/%0120d", dir, 0);
    KILN_AUTO_ERR err = { 0 };
    struct kiln_qmp *q;
    int ends[2];

    (void)state;
    assert_false(
        kiln_qmp_connect(&q, path, -1, NULL, kiln_cancel_deadline(NULL, KILN_MS(20)), &err));
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    /* A pidfd that is readable, as that of a QEMU which has ended; a pipe at its end is too. */
    assert_return_code(pipe(ends), 0);
    (void)close(ends[1]);
    assert_false(kiln_qmp_connect(&q, path, ends[0], NULL, KILN_NEVER, &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_non_null(strstr(err.msg, "QEMU has ended"));
    (void)close(ends[0]);
    assert_false(kiln_qmp_connect(&q, deep, -1, NULL, KILN_NEVER, &err));
    assert_int_equal(err.os_errno, ENAMETOOLONG);
    (void)kiln_fs_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_reads),
        cmocka_unit_test(codec_refuses),
        cmocka_unit_test(codec_bounds_a_message),
        cmocka_unit_test(codec_writes),
        cmocka_unit_test(client_talks),
        cmocka_unit_test(client_survives_a_timeout),
        cmocka_unit_test(client_refuses_odd_peers),
        cmocka_unit_test(client_waits_for_the_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
