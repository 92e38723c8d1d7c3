/*
 * Ways to log in, against a server of libssh's that takes what it is told to take: passwords and
 * questions need no account of this machine that way. One thread per connection; the counters are
 * atomic, all else is set before the server starts.
 */
#include "unit.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* libssh has nothing simpler */

#include "base/clock.h"
#include "door.h"
#include "sshd.h"

#define MAX_CONNECTIONS 16

struct server {
    int listener, stop, port;
    char *host_key; /* path */
    pthread_t thread;
    /* What it takes. */
    int methods;            /* offered at first */
    const char *password;   /* NULL: none is right */
    const char *answers[3]; /* to its questions, two rounds of … one each; NULL ends */
    bool key_then_password; /* both, in this order */
    int refuse_first;       /* connections that are let in by nothing */
    int64_t hang_up_after;  /* µs after the first refusal; 0: stays */
    /* What it saw. */
    atomic_int connections, passwords, rounds, keys;
    struct {
        pthread_t thread;
        int fd;
    } c[MAX_CONNECTIONS];
    size_t n;
};

struct connection {
    struct server *s;
    ssh_session session;
    int fd;
    int nth;
    int round;
    bool key_seen;
};

static bool lets_in(const struct connection *c)
{
    return c->nth >= c->s->refuse_first;
}

static void refuse(struct connection *c, ssh_message m, int methods)
{
    if (c->s->hang_up_after > 0 && !lets_in(c)) {
        (void)ssh_message_auth_set_methods(m, methods);
        (void)ssh_message_reply_default(m);
        (void)kiln_wait_us(NULL, c->s->hang_up_after, NULL);
        (void)shutdown(c->fd, SHUT_RDWR);
        return;
    }
    (void)ssh_message_auth_set_methods(m, methods);
    (void)ssh_message_reply_default(m);
}

static void on_password(struct connection *c, ssh_message m)
{
    struct server *s = c->s;
    bool right = s->password && kiln_streq(ssh_message_auth_password(m), s->password);

    atomic_fetch_add(&s->passwords, 1);
    if (right && lets_in(c) && (!s->key_then_password || c->key_seen))
        (void)ssh_message_auth_reply_success(m, 0);
    else
        refuse(c, m, s->methods);
}

/* What may be seen is asked for in the second round. */
static void ask(const struct connection *c, ssh_message m)
{
    const char *prompts[] = { c->round ? "Token: " : "Password: " };
    char echo[] = { c->round > 0 };

    (void)ssh_message_auth_interactive_request(m, "", "", 1, prompts, echo);
}

static void on_answer(struct connection *c, ssh_message m)
{
    struct server *s = c->s;
    const char *got;

    if (!ssh_message_auth_kbdint_is_response(m)) {
        ask(c, m);
        return;
    }
    atomic_fetch_add(&s->rounds, 1);
    got = ssh_userauth_kbdint_getanswer(c->session, 0);
    if (!s->answers[c->round] || !kiln_streq(got, s->answers[c->round]) || !lets_in(c)) {
        refuse(c, m, s->methods);
        return;
    }
    c->round++;
    if (s->answers[c->round])
        ask(c, m);
    else
        (void)ssh_message_auth_reply_success(m, 0);
}

static void on_key(struct connection *c, ssh_message m)
{
    struct server *s = c->s;

    atomic_fetch_add(&s->keys, 1);
    if (!s->key_then_password || ssh_message_auth_publickey_state(m) != SSH_PUBLICKEY_STATE_VALID) {
        refuse(c, m, s->methods);
        return;
    }
    c->key_seen = true;
    (void)ssh_message_auth_set_methods(m, SSH_AUTH_METHOD_PASSWORD);
    (void)ssh_message_auth_reply_success(m, 1);
}

static void on_message(struct connection *c, ssh_message m)
{
    int type = ssh_message_type(m), subtype = ssh_message_subtype(m);

    if (type != SSH_REQUEST_AUTH)
        (void)ssh_message_reply_default(m);
    else if (subtype == SSH_AUTH_METHOD_PASSWORD)
        on_password(c, m);
    else if (subtype == SSH_AUTH_METHOD_INTERACTIVE)
        on_answer(c, m);
    else if (subtype == SSH_AUTH_METHOD_PUBLICKEY)
        on_key(c, m);
    else
        refuse(c, m, c->s->key_then_password ? (int)SSH_AUTH_METHOD_PUBLICKEY : c->s->methods);
}

static void *serve(void *ud)
{
    struct connection *c = ud;
    ssh_session session = c->session = ssh_new();
    ssh_bind bind = ssh_bind_new();
    bool no = false;
    ssh_message m;

    (void)ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    (void)ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, c->s->host_key);
    if (ssh_bind_accept_fd(bind, session, c->fd) == SSH_OK &&
        ssh_handle_key_exchange(session) == SSH_OK) {
        while ((m = ssh_message_get(session)) != NULL) {
            on_message(c, m);
            ssh_message_free(m);
        }
    }
    ssh_free(session);
    ssh_bind_free(bind);
    free(c);
    return NULL;
}

static void *server_run(void *ud)
{
    struct server *s = ud;

    for (;;) {
        struct pollfd fds[] = { { .fd = s->stop, .events = POLLIN },
                                { .fd = s->listener, .events = POLLIN } };
        struct connection *c;

        if (poll(fds, 2, -1) < 0 || fds[0].revents || s->n == MAX_CONNECTIONS)
            return NULL;
        c = kiln_xcalloc(1, sizeof(*c));
        *c = (struct connection){ .s = s,
                                  .fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC),
                                  .nth = atomic_fetch_add(&s->connections, 1) };
        s->c[s->n].fd = dup(c->fd); /* to end it by */
        if (!kiln_thread_start(&s->c[s->n].thread, "serve", serve, c, NULL))
            return NULL;
        s->n++;
    }
}

static struct sshd files; /* a directory and keys; no sshd runs */

static void server_start(struct server *s)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof(addr);

    s->host_key = kiln_path_join(files.dir, "host");
    s->listener = door_socket(0, true);
    s->stop = eventfd(0, EFD_CLOEXEC);
    assert_return_code(getsockname(s->listener, (struct sockaddr *)&addr, &len), errno);
    s->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&s->thread, "server", server_run, s, NULL));
}

static void server_end(struct server *s)
{
    (void)eventfd_write(s->stop, 1);
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->n; i++) {
        (void)shutdown(s->c[i].fd, SHUT_RDWR);
        (void)pthread_join(s->c[i].thread, NULL);
        (void)close(s->c[i].fd);
    }
    (void)close(s->listener);
    (void)close(s->stop);
    free(s->host_key);
}

static struct kiln_ssh_config with_password(const struct server *s, const char *password)
{
    return (struct kiln_ssh_config){ .host = kiln_xstrdup("127.0.0.1"),
                                     .port = s->port,
                                     .user = kiln_xstrdup("someone"),
                                     .password = kiln_xstrdup(password),
                                     .timeout_us = KILN_SECOND(30),
                                     .attempts = 1 };
}

static bool log_in(struct kiln_ssh_config cfg, struct kiln_err *err)
{
    struct kiln_cancel *cancel = kiln_cancel_new();
    struct kiln_communicator *comm = NULL;
    bool ok = kiln_ssh_connect_consume(&comm, &cfg, NULL, cancel, err);

    kiln_communicator_free(comm);
    kiln_cancel_free(cancel);
    return ok;
}

#define BOTH (SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_INTERACTIVE)

static void password(void **state)
{
    struct server s = { .methods = SSH_AUTH_METHOD_PASSWORD, .password = "secret" };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    server_start(&s);
    unit_ok(log_in(with_password(&s, "secret"), &err), &err);
    server_end(&s);
    assert_int_equal(s.passwords, 1);
}

static void questions(void **state)
{
    struct server s = { .methods = SSH_AUTH_METHOD_INTERACTIVE,
                        .answers = { "secret", "secret", NULL } };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    server_start(&s);
    unit_ok(log_in(with_password(&s, "secret"), &err), &err);
    server_end(&s);
    assert_int_equal(s.rounds, 2);
    assert_int_equal(s.passwords, 0);
}

static void refused(void **state)
{
    static const struct {
        int methods;
        const char *tried;
    } rows[] = {
        { BOTH, "none password keyboard-interactive" },
        { SSH_AUTH_METHOD_PASSWORD, "none password" },
        { SSH_AUTH_METHOD_PUBLICKEY, "none" },
        { SSH_AUTH_METHOD_PUBLICKEY | SSH_AUTH_METHOD_PASSWORD, "none password" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct server s = { .methods = rows[i].methods };
        KILN_AUTO_ERR err = { 0 };
        KILN_AUTO_FREE char *want = kiln_xasprintf(
            "Error waiting for SSH: Packer experienced an authentication error when trying to "
            "connect via SSH. This can happen if your username/password are wrong. You may want to "
            "double-check your credentials as part of your debugging process. original error: ssh: "
            "handshake failed: ssh: unable to authenticate, attempted methods [%s], no supported "
            "methods remain",
            rows[i].tried);

        server_start(&s);
        unit_fails(log_in(with_password(&s, "wrong"), &err), &err, KILN_ERR_REMOTE, want);
        server_end(&s);
        assert_int_equal(s.connections, 1);
    }
}

static void refused_key_then_password(void **state)
{
    struct server s = { .methods = BOTH | SSH_AUTH_METHOD_PUBLICKEY, .password = "secret" };
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    server_start(&s);
    cfg = with_password(&s, "secret");
    cfg.key_file = kiln_xstrdup(files.key);
    unit_ok(log_in(cfg, &err), &err);
    server_end(&s);
    assert_int_equal(s.keys, 1);
    assert_int_equal(s.passwords, 1);
}

static void key_and_password(void **state)
{
    struct server s = { .methods = SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_PUBLICKEY,
                        .password = "secret",
                        .key_then_password = true };
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    server_start(&s);
    cfg = with_password(&s, "secret");
    cfg.key_file = kiln_xstrdup(files.key);
    unit_ok(log_in(cfg, &err), &err);
    server_end(&s);
}

/* ---- as a bastion ---- */

struct person {
    const char *answers[3]; /* one after the other; NULL: nobody is there */
    size_t n;
    struct kiln_str asked;
};

static bool ask_them(void *ud, const char *question, bool secret, char **ret, struct kiln_err *err)
{
    struct person *p = ud;
    const char *answer = p->n < KILN_COUNT(p->answers) ? p->answers[p->n++] : NULL;

    kiln_str_addf(&p->asked, "[%s%s]", question, secret ? "*" : "");
    if (!answer)
        return kiln_err_set(err, KILN_ERR_USER, "nobody is there");
    *ret = kiln_xstrdup(answer);
    return true;
}

static const struct {
    const char *what;
    struct server server;
    struct person person;
    bool ask, with_password, with_key;
    const char *asked, *error; /* error: what is in it; NULL: in */
    int passwords, keys;
} bastions[] = {
    { "a person answers first",
      { .methods = BOTH, .password = "secret", .answers = { "one", "two", NULL } },
      { .answers = { "one", "two" } },
      true,
      true,
      false,
      "[someone@127.0.0.1: Password: *][someone@127.0.0.1: Token: ]",
      NULL,
      0,
      0 },
    { "then the password is tried",
      { .methods = BOTH, .password = "secret", .answers = { "one", NULL } },
      { .answers = { "typo" } },
      true,
      true,
      false,
      "[someone@127.0.0.1: Password: *]",
      NULL,
      1,
      0 },
    { "nobody is there to ask",
      { .methods = BOTH, .answers = { "one", NULL } },
      { .answers = { NULL } },
      true,
      false,
      false,
      "[someone@127.0.0.1: Password: *]",
      "attempted methods [none keyboard-interactive], no supported methods remain; nobody is there",
      0,
      0 },
    { "the password comes before the key",
      { .methods = SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_PUBLICKEY, .password = "secret" },
      { .answers = { NULL } },
      false,
      true,
      true,
      "",
      NULL,
      1,
      0 },
};

static void as_a_bastion(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bastions); i++) {
        struct server s = bastions[i].server;
        struct person person = bastions[i].person;
        struct kiln_ssh_config cfg;
        KILN_AUTO_ERR err = { 0 };
        bool ok;

        server_start(&s);
        cfg = with_password(&s, "secret");
        cfg.is_bastion = true;
        if (!bastions[i].with_password) {
            free(cfg.password);
            cfg.password = NULL;
        }
        if (bastions[i].with_key)
            cfg.key_file = kiln_xstrdup(files.key);
        cfg.ask = bastions[i].ask ? ask_them : NULL;
        cfg.ask_ud = &person;
        ok = log_in(cfg, &err);
        server_end(&s);
        if (ok != !bastions[i].error || (!ok && !strstr(err.msg, bastions[i].error)))
            fail_msg("%s: %s", bastions[i].what, kiln_err_text(&err));
        assert_string_equal(kiln_str_cstr(&person.asked), bastions[i].asked);
        assert_int_equal(s.passwords, bastions[i].passwords);
        assert_int_equal(s.keys, bastions[i].keys);
        kiln_str_done(&person.asked);
    }
}

/* An installer refuses us, then gives way to the installed system: no reason to wait on. */
static void server_that_goes_away(void **state)
{
    struct server s = { .methods = SSH_AUTH_METHOD_PASSWORD,
                        .password = "secret",
                        .refuse_first = 1,
                        .hang_up_after = KILN_MS(1300) };
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };
    int64_t start = kiln_clock_mono_us(), took;

    (void)state;
    server_start(&s);
    cfg = with_password(&s, "secret");
    cfg.attempts = 10;
    unit_ok(log_in(cfg, &err), &err);
    took = kiln_clock_mono_us() - start;
    server_end(&s);
    if (took < KILN_MS(1300) || took > KILN_SECOND(6))
        fail_msg("took %lld us", (long long)took);
    assert_int_equal(s.passwords, 2);
}

/* The pace that ssh_handshake_attempts is about, and no try of a password more than that. */
static void pace_of_refusals(void **state)
{
    struct server s = { .methods = SSH_AUTH_METHOD_PASSWORD };
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };
    int64_t start = kiln_clock_mono_us(), took;

    (void)state;
    server_start(&s);
    cfg = with_password(&s, "wrong");
    cfg.attempts = 2;
    assert_false(log_in(cfg, &err));
    took = kiln_clock_mono_us() - start;
    server_end(&s);
    assert_non_null(strstr(err.msg, "authentication error"));
    assert_int_equal(s.passwords, 2);
    assert_true(took >= KILN_SECOND(7) && took < KILN_SECOND(12));
}

static int group_set_up(void **state)
{
    (void)state;
    (void)ssh_init();
    sshd_prepare(&files, "");
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    sshd_done(&files);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password),         cmocka_unit_test(questions),
        cmocka_unit_test(refused),          cmocka_unit_test(refused_key_then_password),
        cmocka_unit_test(key_and_password), cmocka_unit_test(server_that_goes_away),
        cmocka_unit_test(pace_of_refusals), cmocka_unit_test(as_a_bastion),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
