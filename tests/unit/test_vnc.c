/* The VNC client against a scripted server, exact bytes, friendly and hostile. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "vm/vnc.h"

/* One exchange: say these bytes, then hear these, which must be equal. */
struct step {
    const char *say;
    size_t n_say;
    const char *hear;
    size_t n_hear;
};
#define STEP(say, hear)                                                                            \
    {                                                                                              \
        say, sizeof(say) - 1, hear, sizeof(hear) - 1                                               \
    }

#define VERSION STEP("RFB 003.008\n", "RFB 003.008\n")
#define NONE                                                                                       \
    STEP("\1\1", "\1"), STEP("\0\0\0\0", "\1") /* security None, then ClientInit: shared           \
                                                */
#define FORMAT "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
/* 4x2 pixels, named "QEMU" */
#define INIT  STEP("\0\4\0\2" FORMAT "\0\0\0\4QEMU", "")
#define HELLO VERSION, NONE, INIT

struct server {
    const struct step *steps;
    size_t n;
    int listener, port;
    bool linger; /* stay until the client hangs up, instead of hanging up at the end */
    pthread_t thread;
    bool as_expected; /* valid once it has ended */
};

static bool hear(int fd, const char *want, size_t n)
{
    KILN_AUTO_FREE char *got = kiln_xmalloc(n + 1);
    size_t have = 0;

    while (have < n) {
        ssize_t r = read(fd, got + have, n - have);

        if (r <= 0)
            return false;
        have += (size_t)r;
    }
    return memcmp(got, want, n) == 0;
}

static bool play(int fd, const struct step *step)
{
    return kiln_fs_write_all(fd, step->say, step->n_say, NULL) &&
           hear(fd, step->hear, step->n_hear);
}

static void *serve(void *ud)
{
    struct server *s = ud;
    int fd = accept(s->listener, NULL, NULL);
    char c;

    s->as_expected = true;
    for (size_t i = 0; i < s->n && s->as_expected; i++)
        s->as_expected = play(fd, &s->steps[i]);
    while (s->linger && s->as_expected && read(fd, &c, 1) == 1)
        s->as_expected = false; /* more than the script knows */
    (void)close(fd);
    return NULL;
}

static void server_start(struct server *s, const struct step *steps, size_t n, bool linger)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);

    *s = (struct server){ .steps = steps, .n = n, .linger = linger };
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(s->listener, (struct sockaddr *)&addr, len), errno);
    assert_return_code(listen(s->listener, 1), errno);
    assert_return_code(getsockname(s->listener, (struct sockaddr *)&addr, &len), errno);
    s->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&s->thread, "server", serve, s, NULL));
}

static bool server_end(struct server *s)
{
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    return s->as_expected;
}

static int64_t soon(void)
{
    return kiln_cancel_deadline(NULL, KILN_SECOND(20));
}

static struct kiln_vnc *meet(const struct server *s, const char *password)
{
    struct kiln_vnc *v = NULL;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_vnc_connect(&v, "127.0.0.1", s->port, password, NULL, soon(), &err), &err);
    return v;
}

/* Nothing but the key events follows the handshake. */
static void types_keys(void **state)
{
    static const struct step steps[] = {
        HELLO,
        STEP("", "\4\1\0\0\0\0\xff\xe1"),             /* Shift down */
        STEP("\2", "\4\1\0\0\0\0\0A\4\0\0\0\0\0\0A"), /* the bell rings; A down, up */
        STEP("\3\0\0\0\0\0\0\3cut", "\4\0\0\0\0\0\xff\xe1"),
        STEP("", "\4\1\0\0\1\0\x4e\x2d"), /* a keysym of 32 bits */
    };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), false);
    v = meet(&s, NULL);
    unit_ok(kiln_vnc_key(v, 0xffe1, true, NULL, &err), &err);
    unit_ok(kiln_vnc_key(v, 'A', true, NULL, &err), &err);
    unit_ok(kiln_vnc_key(v, 'A', false, NULL, &err), &err);
    unit_ok(kiln_vnc_key(v, 0xffe1, false, NULL, &err), &err);
    unit_ok(kiln_vnc_key(v, 0x1004e2d, true, NULL, &err), &err);
    /* Not before the server has said and heard all: it hangs up then. */
    assert_false(kiln_vnc_wait_frame(v, 0, NULL, soon(), NULL));
    kiln_vnc_free(v);
    assert_true(server_end(&s));
}

/* Closing takes nothing back, not even from a server that is talking all the while. */
static void last_keys_arrive(void **state)
{
    static char bells[1 << 20];
    const struct step steps[] = { HELLO,
                                  { bells, sizeof(bells), "\4\1\0\0\0\0\0z\4\0\0\0\0\0\0z", 16 } };

    (void)state;
    memset(bells, 2, sizeof(bells));
    for (int i = 0; i < 20; i++) {
        struct kiln_vnc *v;
        struct server s;

        server_start(&s, steps, KILN_COUNT(steps), true);
        v = meet(&s, NULL);
        assert_true(kiln_vnc_key(v, 'z', true, NULL, NULL));
        assert_true(kiln_vnc_key(v, 'z', false, NULL, NULL));
        kiln_vnc_free(v);
        assert_true(server_end(&s));
    }
}

/* The response to a challenge of zeroes, for the password "kiln": DES with its bits mirrored. */
static void gives_the_password(void **state)
{
    static const struct step steps[] = {
        VERSION,
        STEP("\2\1\2", "\2"), /* offers None too, which a client with a password does not take */
        STEP("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
             "\xfa\x55\x0c\x33\x7b\x5c\xdf\x63\xfa\x55\x0c\x33\x7b\x5c\xdf\x63"),
        STEP("\0\0\0\0", "\1"),
        INIT,
    };
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), true);
    kiln_vnc_free(meet(&s, "kiln"));
    assert_true(server_end(&s));
}

static void refuses_odd_servers(void **state)
{
    static const struct step garbage[] = { STEP("SSH-2.0-Open\r\n", "") };
    static const struct step gone[] = { VERSION };
    static const struct step reason[] = { VERSION, STEP("\0\0\0\0\7too\tbad", "") };
    static const struct step password[] = { VERSION, STEP("\1\2", "") };
    static const struct step failed[] = { VERSION, STEP("\1\1", "\1"),
                                          STEP("\0\0\0\1\0\0\0\2no", "") };
    static const struct step huge[] = { VERSION, NONE,
                                        STEP("\xff\xff\xff\xff" FORMAT "\0\0\0\0", "") };
    static const struct step long_name[] = { VERSION, NONE,
                                             STEP("\0\4\0\2" FORMAT "\xff\xff\xff\xff", "") };
    static const struct {
        const struct step *steps;
        size_t n;
        const char *want;
    } odd[] = {
        { garbage, KILN_COUNT(garbage), "Not a valid VNC server" },
        { gone, KILN_COUNT(gone), "VNC server closed connection" },
        { reason, KILN_COUNT(reason), "too?bad" },
        { password, KILN_COUNT(password), "Unknown authentication scheme from VNC server" },
        { failed, KILN_COUNT(failed), "no" },
        { huge, KILN_COUNT(huge), "a display of 65535x65535 pixels is too large" },
        { long_name, KILN_COUNT(long_name), "Too big desktop name length sent by server" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(odd); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_vnc *v = NULL;
        struct server s;

        server_start(&s, odd[i].steps, odd[i].n, false);
        assert_false(kiln_vnc_connect(&v, "127.0.0.1", s.port, NULL, NULL, soon(), &err));
        assert_null(v);
        assert_int_equal(err.kind, KILN_ERR_REMOTE);
        assert_true(kiln_has_prefix(err.msg, "Error handshaking with VNC: "));
        if (!strstr(err.msg, odd[i].want))
            fail_msg("%zu: '%s' is not in: %s", i, odd[i].want, err.msg);
        (void)server_end(&s);
    }
}

static void nobody_listens(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v = NULL;
    struct server s;

    (void)state;
    server_start(&s, NULL, 0, false);
    (void)shutdown(s.listener, SHUT_RDWR);
    (void)server_end(&s);
    assert_false(kiln_vnc_connect(&v, "127.0.0.1", s.port, NULL, NULL, soon(), &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_int_equal(err.os_errno, ECONNREFUSED);
    assert_true(kiln_has_prefix(err.msg, "Error connecting to VNC: dial tcp 127.0.0.1:"));
}

/* A server that stops in the middle of the handshake holds up nobody. */
static void silence(void **state)
{
    static const struct step steps[] = { VERSION, STEP("\2", "") };
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v = NULL;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), true);
    unit_fails(kiln_vnc_connect(&v, "127.0.0.1", s.port, NULL, NULL,
                                kiln_cancel_deadline(NULL, KILN_MS(50)), &err),
               &err, KILN_ERR_TIMEOUT, "Error handshaking with VNC: timed out");
    (void)server_end(&s);
    kiln_cancel_fire(c);
    server_start(&s, steps, KILN_COUNT(steps), true);
    unit_fails(kiln_vnc_connect(&v, "127.0.0.1", s.port, NULL, c, soon(), &err), &err,
               KILN_ERR_CANCELLED, "Error connecting to VNC: cancelled");
    (void)shutdown(s.listener, SHUT_RDWR);
    (void)server_end(&s);
}

/* SetPixelFormat; SetEncodings: raw and DesktopSize */
#define SETTINGS                                                                                   \
    "\0\0\0\0\x20\x18\0\1\0\xff\0\xff\0\xff\0\x08\x10\0\0\0"                                       \
    "\2\0\0\2\0\0\0\0\xff\xff\xff\x21"
#define REQUEST(w, h) "\3\0\0\0\0\0\0" w "\0" h
#define MORE(w, h)    "\3\1\0\0\0\0\0" w "\0" h
/* FramebufferUpdate with one raw rectangle of 2x1 pixels at 1,1: red and white. */
#define RED_WHITE "\0\0\0\1\0\1\0\1\0\2\0\1\0\0\0\0\xff\0\0\0\xff\xff\xff\0"

#define WATCH HELLO, STEP("", SETTINGS)

static void sees_the_screen(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP(RED_WHITE, MORE("\4", "\2")),
        /* the screen changes its size to 2x3 */
        STEP("\0\0\0\1\0\0\0\0\0\2\0\3\xff\xff\xff\x21", REQUEST("\2", "\3") MORE("\2", "\3")),
    };
    static const uint8_t want[2 * 4 * 3] = { [15] = 255, [18] = 255, [19] = 255, [20] = 255 };
    KILN_CLEANUP(kiln_vnc_image_done) struct kiln_vnc_image image = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps) - 1, true);
    v = meet(&s, "");
    kiln_vnc_snapshot(v, &image);
    assert_int_equal(image.frame, 0);
    assert_int_equal(image.width, 4);
    unit_fails(kiln_vnc_wait_frame(v, 0, NULL, kiln_cancel_deadline(NULL, KILN_MS(10)), &err), &err,
               KILN_ERR_TIMEOUT, "wait for the screen to change: timed out");
    unit_ok(kiln_vnc_request_updates(v, &err), &err);
    unit_ok(kiln_vnc_request_updates(v, &err), &err);
    unit_ok(kiln_vnc_wait_frame(v, image.frame, NULL, soon(), &err), &err);
    kiln_vnc_snapshot(v, &image);
    assert_int_equal(image.frame, 1);
    assert_int_equal(image.height, 2);
    assert_memory_equal(image.rgb, want, sizeof(want));
    kiln_vnc_free(v);
    assert_true(server_end(&s));

    server_start(&s, steps, KILN_COUNT(steps), true);
    v = meet(&s, NULL);
    unit_ok(kiln_vnc_request_updates(v, &err), &err);
    unit_ok(kiln_vnc_wait_frame(v, 1, NULL, soon(), &err), &err);
    kiln_vnc_snapshot(v, &image);
    assert_int_equal(image.width, 2);
    assert_int_equal(image.height, 3);
    assert_int_equal(image.rgb[0], 0);
    kiln_vnc_free(v);
    assert_true(server_end(&s));
}

/* Whatever a server sends in place of an update, the connection is lost, and no more than that. */
static void hostile_updates(void **state)
{
#define UPDATE(rect) STEP("\0\0\0\1" rect, "")
    static const struct step bad[] = {
        UPDATE("\0\3\0\0\0\2\0\1\0\0\0\0"),               /* raw, out of the right side */
        UPDATE("\0\0\0\1\0\1\xff\xff\0\0\0\0"),           /* raw, out of the bottom */
        UPDATE("\0\0\0\0\0\4\0\2\0\0\0\0half"),           /* raw, ends too early */
        UPDATE("\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x21" /* 65535x65535, then raw */
               "\0\0\0\0\0\1\0\1\0\0\0\0"),
        UPDATE("\0\0\0\0\0\4\0\2\0\0\0\1\xff\xff\xff\xff"),   /* copy from outside */
        UPDATE("\0\0\0\0\0\4\0\2\0\0\0\x10\xff\xff\xff\xff"), /* ZRLE of 4 GiB */
        UPDATE("\0\0\0\0\0\4\0\2\x12\x34\x56\x78"),           /* unknown encoding */
        STEP("\x63", ""),                                     /* unknown message */
        STEP("\3\0\0\0\xff\xff\xff\xff", ""),                 /* clipboard of 4 GiB */
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        const struct step steps[] = { WATCH, STEP("", REQUEST("\4", "\2")), bad[i] };
        KILN_CLEANUP(kiln_vnc_image_done) struct kiln_vnc_image image = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct kiln_vnc *v;
        struct server s;

        server_start(&s, steps, KILN_COUNT(steps), false);
        v = meet(&s, NULL);
        unit_ok(kiln_vnc_request_updates(v, &err), &err);
        if (kiln_vnc_wait_frame(v, 1, NULL, soon(), &err)) /* the first may have been fine */
            fail_msg("%zu went well", i);
        assert_int_equal(err.kind, KILN_ERR_REMOTE);
        assert_true(kiln_has_prefix(err.msg, "VNC connection lost: "));
        assert_true(kiln_vnc_lost(v));
        kiln_vnc_snapshot(v, &image);
        kiln_vnc_free(v);
        (void)server_end(&s);
    }
}

/* As when the guest powers off: kind REMOTE, at the latest once the loss was noticed. */
static void loses_the_server(void **state)
{
    static const struct step steps[] = { HELLO };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), false);
    v = meet(&s, NULL);
    assert_true(server_end(&s));
    assert_false(kiln_vnc_wait_frame(v, 0, NULL, soon(), &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    unit_fails(kiln_vnc_key(v, 'a', true, NULL, &err), &err, KILN_ERR_REMOTE,
               "VNC connection lost: VNC server closed connection");
    unit_fails(kiln_vnc_request_updates(v, &err), &err, KILN_ERR_REMOTE,
               "VNC connection lost: VNC server closed connection");
    kiln_vnc_free(v);
}

static void cancelled_while_typing(void **state)
{
    static const struct step steps[] = { HELLO };
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), true);
    v = meet(&s, NULL);
    kiln_cancel_fire(c);
    unit_fails(kiln_vnc_key(v, 'a', true, c, &err), &err, KILN_ERR_CANCELLED,
               "VNC server takes no keys: cancelled");
    kiln_vnc_free(v);
    assert_true(server_end(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_keys),         cmocka_unit_test(last_keys_arrive),
        cmocka_unit_test(gives_the_password), cmocka_unit_test(refuses_odd_servers),
        cmocka_unit_test(nobody_listens),     cmocka_unit_test(silence),
        cmocka_unit_test(sees_the_screen),    cmocka_unit_test(hostile_updates),
        cmocka_unit_test(loses_the_server),   cmocka_unit_test(cancelled_while_typing),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
