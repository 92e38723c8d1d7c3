/* The VNC client against a scripted server, exact bytes, friendly and hostile. */
#include "unit.h"

#include <signal.h>

#include "base/mem.h"
#include "base/str.h"
#include "vm/vnc.h"
#include "vnc_server.h"

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

#define WATCH HELLO, STEP("", SETTINGS)

/* What the client knows of the screen. */
struct picture {
    unsigned width, height;
    unsigned rows; /* how many came last time */
    uint8_t rgbx[64];
};

static void take_rows(void *ud, const struct kiln_vnc_rows *r)
{
    struct picture *p = ud;

    p->width = r->width;
    p->height = r->height;
    p->rows += r->rows;
    assert_true((size_t)r->width * 4 * (r->y + r->rows) <= sizeof(p->rgbx));
    if (r->rows)
        memcpy(p->rgbx + (size_t)r->width * 4 * r->y, r->rgbx, (size_t)r->width * 4 * r->rows);
}

static void look(struct kiln_vnc *v, struct picture *p)
{
    p->rows = 0;
    kiln_vnc_changes(v, take_rows, p);
}

static void await_update(struct kiln_vnc *v, uint64_t n)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_vnc_request_update(v, NULL, &err), &err);
    unit_ok(kiln_vnc_wait_frame(v, n - 1, NULL, soon(), &err), &err);
    assert_int_equal(kiln_vnc_frames(v), n);
    assert_int_equal(kiln_wait_fd(NULL, kiln_vnc_news_fd(v), POLLIN, 0, NULL), KILN_WAIT_TIMEOUT);
}

static void sees_the_screen(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP(RED_WHITE, MORE("\4", "\2")),
        /* the screen changes its size to 2x3 */
        STEP("\0\0\0\1\0\0\0\0\0\2\0\3\xff\xff\xff\x21", REQUEST("\2", "\3")),
        STEP(RED_BELOW, MORE("\2", "\3")),
        STEP(BOTH_ENDS, ""),
    };
    static const uint8_t red_white[4 * 2 * 4] = { [20] = 255, [24] = 255, [25] = 255, [26] = 255 };
    struct picture p = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;
    struct server s;

    (void)state;
    server_start(&s, steps, KILN_COUNT(steps), true);
    v = meet(&s, "");
    look(v, &p);
    assert_int_equal(p.width, 4);
    assert_int_equal(p.rows, 0);
    assert_int_equal(kiln_vnc_frames(v), 0);
    unit_fails(kiln_vnc_wait_frame(v, 0, NULL, kiln_cancel_deadline(NULL, KILN_MS(10)), &err), &err,
               KILN_ERR_TIMEOUT, "wait for the screen to change: timed out");
    await_update(v, 1);
    look(v, &p);
    assert_int_equal(p.rows, 1);
    assert_memory_equal(p.rgbx, red_white, sizeof(red_white));
    look(v, &p);
    assert_int_equal(p.rows, 0);

    await_update(v, 2);
    look(v, &p);
    assert_int_equal(p.width, 2);
    assert_int_equal(p.height, 3);
    assert_int_equal(p.rows, 0);
    await_update(v, 3);
    look(v, &p);
    assert_int_equal(p.rows, 1);
    assert_int_equal(p.rgbx[16], 255);
    await_update(v, 4);
    look(v, &p);
    assert_int_equal(p.rows, 2);
    assert_int_equal(p.rgbx[0], 1);
    assert_int_equal(p.rgbx[16], 2);
    kiln_vnc_free(v);
    assert_true(server_end(&s));
}

/* Whatever a server sends in place of an update, the connection is lost, and no more than that. */
static void hostile_updates(void **state)
{
    static const struct step bad[] = HOSTILE_UPDATES;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        const struct step steps[] = { WATCH, STEP("", REQUEST("\4", "\2")), bad[i] };
        struct picture p = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct kiln_vnc *v;
        struct server s;

        server_start(&s, steps, KILN_COUNT(steps), false);
        v = meet(&s, NULL);
        unit_ok(kiln_vnc_request_update(v, NULL, &err), &err);
        if (kiln_vnc_wait_frame(v, 1, NULL, soon(), &err)) /* the first may have been fine */
            fail_msg("%zu went well", i);
        assert_int_equal(err.kind, KILN_ERR_REMOTE);
        assert_true(kiln_has_prefix(err.msg, "VNC connection lost: "));
        assert_true(kiln_vnc_lost(v));
        look(v, &p);
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
    unit_fails(kiln_vnc_request_update(v, NULL, &err), &err, KILN_ERR_REMOTE,
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
               "VNC server takes nothing: cancelled");
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
