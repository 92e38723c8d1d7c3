/* The SSH communicator against a real OpenSSH server. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "sshd.h"

static struct sshd sshd; /* one for all tests */

struct session {
    struct kiln_cancel *cancel;
    struct kiln_communicator *comm;
    struct kiln_str out, errs;
    struct kiln_err err;
};

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct session *s = ud;

    kiln_str_add(is_stderr ? &s->errs : &s->out, data, len);
}

static struct session *connect_with(struct kiln_ssh_config cfg)
{
    struct session *s = kiln_xcalloc(1, sizeof(*s));

    s->cancel = kiln_cancel_new();
    unit_ok(kiln_ssh_connect_consume(&s->comm, &cfg, NULL, s->cancel, &s->err), &s->err);
    return s;
}

static int set_up(void **state)
{
    if (!sshd_installed())
        return 0;
    *state = connect_with(sshd_login(&sshd));
    return 0;
}

static void hang_up(struct session *s)
{
    kiln_communicator_free(s->comm);
    kiln_cancel_free(s->cancel);
    kiln_str_done(&s->out);
    kiln_str_done(&s->errs);
    kiln_err_clear(&s->err);
    free(s);
}

static int tear_down(void **state)
{
    if (*state)
        hang_up(*state);
    return 0;
}

static struct session *logged_in(void **state)
{
    if (!*state)
        skip();
    return *state;
}

static int run(struct session *s, const char *command)
{
    const struct kiln_remote remote = { command, on_output, s };
    int status = -100;

    kiln_str_clear(&s->out);
    kiln_str_clear(&s->errs);
    unit_ok(s->comm->ops->run(s->comm, &remote, s->cancel, &status, &s->err), &s->err);
    return status;
}

/* ---- commands ---- */

static void streams_and_status(void **state)
{
    struct session *s = logged_in(state);

    assert_int_equal(run(s, "echo out; echo err >&2; exit 3"), 3);
    assert_string_equal(kiln_str_cstr(&s->out), "out\n");
    assert_string_equal(kiln_str_cstr(&s->errs), "err\n");
    assert_int_equal(run(s, "true"), 0);
    assert_int_equal(run(s, "cat"), 0); /* stdin is empty */
    assert_int_equal(run(s, "tty >/dev/null"), 1);
}

static void signals(void **state)
{
    struct session *s = logged_in(state);

    assert_int_equal(run(s, "kill -KILL $$"), 137);
    assert_int_equal(run(s, "kill -TERM $$"), 143);
}

static void much_output(void **state)
{
    struct session *s = logged_in(state);

    assert_int_equal(run(s, "head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2"), 0);
    assert_int_equal(s->out.len, 3000000);
    assert_int_equal(s->errs.len, 100000);
}

/* The link breaks under the command; the next one gets a new link. */
static void lost_and_found(void **state)
{
    struct session *s = logged_in(state);

    assert_int_equal(run(s, "kill -KILL $PPID"), KILN_STATUS_DISCONNECTED);
    assert_int_equal(run(s, "echo again"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "again\n");
}

static void pty(void **state)
{
    struct kiln_ssh_config cfg;
    struct session *s;

    (void)logged_in(state);
    if (getuid() != 0)
        skip(); /* sshd must own the terminal */
    cfg = sshd_login(&sshd);
    cfg.pty = true;
    s = connect_with(cfg);
    assert_int_equal(run(s, "tty >/dev/null && echo $TERM && stty size"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "xterm\r\n40 80\r\n");
    hang_up(s);
}

/* Stop as soon as it has printed something. */
static void fire_at_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct session *s = ud;

    on_output(s, is_stderr, data, len);
    if (s->out.len > 0 && s->out.data[s->out.len - 1] == '\n')
        kiln_cancel_fire(s->cancel);
}

static void cancel_ends_a_command(void **state)
{
    struct session *s = logged_in(state);
    const struct kiln_remote remote = { "echo $$; exec sleep 1000", fire_at_output, s };
    int64_t start = kiln_clock_mono_us(), pid = 0;
    int status;

    unit_fails(s->comm->ops->run(s->comm, &remote, s->cancel, &status, &s->err), &s->err,
               KILN_ERR_CANCELLED, "cancelled");
    kiln_str_truncate(&s->out, s->out.len - 1);
    assert_true(kiln_parse_i64(kiln_str_cstr(&s->out), &pid));
    if (getuid() == 0) { /* sshd passes signals on for other users only */
        (void)kill((pid_t)pid, SIGKILL);
        return;
    }
    while (kill((pid_t)pid, 0) == 0) {
        assert_true(kiln_clock_mono_us() < start + KILN_SECOND(20));
        (void)kiln_wait_us(NULL, KILN_MS(10), NULL);
    }
}

static void a_timeout_leaves_the_connection(void **state)
{
    struct session *s = logged_in(state);
    struct kiln_cancel *child =
        kiln_cancel_child(s->cancel, kiln_cancel_deadline(s->cancel, KILN_MS(300)));
    const struct kiln_remote remote = { "sleep 5", on_output, s };
    int status;

    unit_fails(s->comm->ops->run(s->comm, &remote, child, &status, &s->err), &s->err,
               KILN_ERR_CANCELLED, "cancelled");
    kiln_cancel_free(child);
    assert_int_equal(run(s, "echo still here"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "still here\n");
}

/* … as a guest that reboots without a word is: the connection counts as lost, and the next command
 * gets another. */
static void silence_is_limited(void **state)
{
    struct kiln_ssh_config cfg;
    struct session *s;

    (void)logged_in(state);
    cfg = sshd_login(&sshd);
    cfg.stall_us = KILN_SECOND(2);
    cfg.keep_alive_us = KILN_MS(100); /* which a server that lives answers */
    s = connect_with(cfg);
    assert_int_equal(run(s, "sleep 2.5; echo slow"), 0);
    assert_int_equal(run(s, "server=$PPID; (sleep 3; kill -CONT $server) & kill -STOP $server; "
                            "sleep 30"),
                     KILN_STATUS_DISCONNECTED);
    assert_string_equal(kiln_str_cstr(&s->errs),
                        "ssh_read_write_timeout: nothing came from the guest for 2000 ms; the "
                        "connection is given up\n");
    assert_int_equal(run(s, "echo again"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "again\n");
    hang_up(s);
}

static void signs_of_life(void **state)
{
    struct kiln_ssh_config cfg;
    struct session *s;

    (void)logged_in(state);
    cfg = sshd_login(&sshd);
    cfg.keep_alive_us = KILN_MS(20);
    s = connect_with(cfg);
    assert_int_equal(run(s, "sleep 0.3; echo done"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "done\n");
    hang_up(s);
}

/* ---- options ---- */

static void chosen_algorithms(void **state)
{
    static const char *const ciphers[] = { "aes128-ctr", "chacha20-poly1305@openssh.com",
                                           "nonsense,aes256-gcm@openssh.com" };

    (void)logged_in(state);
    for (size_t i = 0; i < KILN_COUNT(ciphers); i++) {
        struct kiln_ssh_config cfg = sshd_login(&sshd);
        struct session *s;

        cfg.ciphers = kiln_xstrdup(ciphers[i]);
        cfg.kex = kiln_xstrdup("ecdh-sha2-nistp256");
        s = connect_with(cfg);
        assert_int_equal(run(s, "true"), 0);
        hang_up(s);
    }
}

/* Nothing that was made in the last ten years. */
static void old_server(void **state)
{
    struct kiln_ssh_keypair rsa = { 0 };
    struct kiln_ssh_config cfg;
    struct sshd old;
    struct session *s;
    KILN_AUTO_ERR err = { 0 };

    (void)logged_in(state);
    unit_ok(kiln_ssh_keypair_new(&rsa, "rsa", 2048, NULL, &err), &err);
    sshd_prepare(&old, "HostKeyAlgorithms ssh-rsa\n"
                       "KexAlgorithms diffie-hellman-group14-sha1\nCiphers aes128-cbc\n"
                       "MACs hmac-sha1\n");
    sshd_write(&old, "host", rsa.private_pem);
    sshd_write(&old, "id", rsa.private_pem);
    sshd_write(&old, "authorized", rsa.public_line);
    sshd_start(&old);
    cfg = sshd_login(&old);
    s = connect_with(cfg);
    assert_int_equal(run(s, "echo fine"), 0);
    assert_string_equal(kiln_str_cstr(&s->out), "fine\n");
    hang_up(s);
    sshd_done(&old);
    kiln_ssh_keypair_done(&rsa);
}

static void unknown_algorithms(void **state)
{
    struct kiln_ssh_config cfg;
    struct kiln_cancel *cancel;
    struct kiln_communicator *comm;
    KILN_AUTO_ERR err = { 0 };

    (void)logged_in(state);
    cancel = kiln_cancel_new();
    cfg = sshd_login(&sshd);
    cfg.ciphers = kiln_xstrdup("nonsense");
    unit_fails(kiln_ssh_connect_consume(&comm, &cfg, NULL, cancel, &err), &err, KILN_ERR_USER,
               "ssh_ciphers: none of these is known: nonsense");
    kiln_cancel_free(cancel);
}

static void temporary_keys(void **state)
{
    static const struct {
        const char *type;
        int64_t bits;
        const char *name;
    } rows[] = {
        { "rsa", 2048, "ssh-rsa " },
        { "ECDSA", 0, "ecdsa-sha2-nistp521 " },
        { "ecdsa", 256, "ecdsa-sha2-nistp256 " },
        { "ed25519", 0, "ssh-ed25519 " },
    };

    (void)logged_in(state);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_ssh_keypair pair = { 0 };
        struct kiln_ssh_config cfg = sshd_login(&sshd);
        KILN_AUTO_FREE char *before = kiln_path_join(sshd.dir, "authorized");
        KILN_AUTO_STR old = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct session *s;

        unit_ok(kiln_ssh_keypair_new(&pair, rows[i].type, rows[i].bits, "a comment", &err), &err);
        assert_true(kiln_has_prefix(pair.public_line, rows[i].name));
        assert_true(kiln_has_suffix(pair.public_line, " a comment\n"));
        unit_ok(kiln_fs_read(before, 1 << 16, &old, &err), &err);
        sshd_write(&sshd, "authorized", pair.public_line);
        free(cfg.key_file); /* which is refused now; the temporary one is tried all the same */
        cfg.key_file = kiln_xstrdup(sshd.key);
        cfg.key_pem = kiln_xstrdup(pair.private_pem);
        s = connect_with(cfg);
        assert_int_equal(run(s, "true"), 0);
        hang_up(s);
        sshd_write(&sshd, "authorized", kiln_str_cstr(&old));
        kiln_ssh_keypair_done(&pair);
    }
}

static void key_types_that_are_none(void **state)
{
    struct kiln_ssh_keypair pair = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_fails(kiln_ssh_keypair_new(&pair, "rot13", 0, NULL, &err), &err, KILN_ERR_USER,
               "temporary_key_pair_type: 'rot13' is none of rsa, ecdsa, ed25519, dsa");
    unit_fails(kiln_ssh_keypair_new(&pair, "rsa", 512, NULL, &err), &err, KILN_ERR_USER,
               "temporary_key_pair_bits: 512 is no size of rsa keys");
    unit_fails(kiln_ssh_keypair_new(&pair, "ecdsa", 400, NULL, &err), &err, KILN_ERR_USER,
               "temporary_key_pair_bits: 400 is no size of ecdsa keys");
}

/* ---- files ---- */

static const struct kiln_transfer verified = { .verify = true };

static void round_trip(struct session *s, bool sftp)
{
    KILN_AUTO_FREE char *dir = kiln_path_join(sshd.dir, sftp ? "files sftp" : "files scp");
    KILN_AUTO_FREE char *up = kiln_path_join(dir, "up"), *down = kiln_path_join(dir, "down");
    KILN_AUTO_FREE char *src = kiln_path_join(up, "a file"), *dst = kiln_path_join(dir, "b file");
    KILN_AUTO_FREE char *dst_dir = kiln_path_join(dir, "there");
    KILN_AUTO_FREE char *copy = kiln_path_join(down, "there/up/a file");
    KILN_AUTO_STR got = { 0 };
    KILN_AUTO_FD fd = -1;

    assert_true(kiln_fs_mkdirs(up, 0755, NULL) && kiln_fs_mkdirs(dst_dir, 0755, NULL));
    assert_true(kiln_fs_write_atomic(src, "text\n", 5, 0644, NULL));
    unit_ok(s->comm->ops->upload(s->comm, src, dst, 0600, &verified, s->cancel, &s->err), &s->err);
    unit_ok(s->comm->ops->upload_dir(s->comm, up, dst_dir, &verified, s->cancel, &s->err), &s->err);
    unit_ok(s->comm->ops->download_dir(s->comm, dst_dir, down, NULL, s->cancel, &s->err), &s->err);
    unit_ok(kiln_fs_read(copy, 100, &got, &s->err), &s->err);
    assert_string_equal(kiln_str_cstr(&got), "text\n");
    fd = open(copy, O_RDWR | O_TRUNC | O_CLOEXEC);
    unit_ok(s->comm->ops->download(s->comm, dst, fd, NULL, s->cancel, &s->err), &s->err);
    kiln_str_clear(&got);
    unit_ok(kiln_fs_read(copy, 100, &got, &s->err), &s->err);
    assert_string_equal(kiln_str_cstr(&got), "text\n");
}

static void files_by_scp(void **state)
{
    round_trip(logged_in(state), false);
}

static void files_by_sftp(void **state)
{
    struct kiln_ssh_config cfg;
    struct session *s;

    (void)logged_in(state);
    cfg = sshd_login(&sshd);
    cfg.sftp = true;
    s = connect_with(cfg);
    round_trip(s, true);
    hang_up(s);
}

/* A guest that loses the last byte of what scp wrote. */
static void damage_is_noticed(void **state)
{
    KILN_AUTO_FREE char *src = NULL, *dst = NULL, *want = NULL, *script = NULL, *keys = NULL;
    KILN_AUTO_STR key = { 0 };
    struct sshd other;
    struct session *s;

    (void)logged_in(state);
    sshd_prepare(&other, "");
    src = kiln_path_join(other.dir, "src");
    dst = kiln_path_join(other.dir, "dst");
    keys = kiln_path_join(other.dir, "authorized");
    script = kiln_xasprintf("eval \"$SSH_ORIGINAL_COMMAND\"\n"
                            "case $SSH_ORIGINAL_COMMAND in scp*) truncate -s -1 %s ;; esac\n",
                            dst);
    sshd_write(&other, "damage", script);
    assert_true(kiln_fs_read(keys, 1 << 16, &key, NULL));
    want = kiln_xasprintf("command=\"sh %s/damage\" %s", other.dir, kiln_str_cstr(&key));
    sshd_write(&other, "authorized", want);
    assert_true(kiln_fs_write_atomic(src, "text\n", 5, 0644, NULL));
    sshd_start(&other);
    s = connect_with(sshd_login(&other));
    unit_fails(s->comm->ops->upload(s->comm, src, dst, 0600, &verified, s->cancel, &s->err),
               &s->err, KILN_ERR_REMOTE,
               "verify the upload: 5 bytes of dst were sent, the guest has 4");
    unit_ok(s->comm->ops->upload(s->comm, src, dst, 0600, NULL, s->cancel, &s->err), &s->err);
    hang_up(s);
    sshd_stop(&other);
    sshd_done(&other);
}

static void fire_at_progress(void *ud, uint64_t done, uint64_t total)
{
    assert_int_equal(total, 64 << 20);
    if (done > 1 << 20)
        kiln_cancel_fire(ud);
}

static void cancel_ends_a_transfer(void **state)
{
    struct session *s = logged_in(state);
    const struct kiln_transfer t = { .progress = fire_at_progress, .ud = s->cancel };
    KILN_AUTO_FREE char *src = kiln_path_join(sshd.dir, "src"),
                        *dst = kiln_path_join(sshd.dir, "dst");

    assert_true(kiln_fs_write_atomic(src, "x", 1, 0644, NULL));
    assert_return_code(truncate(src, 64 << 20), errno);
    assert_false(s->comm->ops->upload(s->comm, src, dst, 0600, &t, s->cancel, &s->err));
    assert_int_equal(s->err.kind, KILN_ERR_CANCELLED);
}

/* New keys every megabyte, in the middle of everything. */
static void rekeying(void **state)
{
    struct sshd other;
    struct session *s;
    enum { SIZE = 12 << 20 };
    KILN_AUTO_FREE char *src = NULL, *dst = NULL, *back = NULL;

    (void)logged_in(state);
    sshd_prepare(&other, "RekeyLimit 1M\n");
    sshd_start(&other);
    s = connect_with(sshd_login(&other));
    src = kiln_path_join(other.dir, "src");
    dst = kiln_path_join(other.dir, "dst");
    back = kiln_path_join(other.dir, "back");
    assert_int_equal(run(s, "head -c 12582912 /dev/urandom"), 0);
    assert_int_equal(s->out.len, SIZE);
    assert_true(kiln_fs_write_atomic(src, s->out.data, SIZE, 0600, NULL));
    unit_ok(s->comm->ops->upload(s->comm, src, dst, 0600, NULL, s->cancel, &s->err), &s->err);
    {
        KILN_AUTO_FD fd = open(back, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        unit_ok(s->comm->ops->download(s->comm, dst, fd, NULL, s->cancel, &s->err), &s->err);
    }
    {
        KILN_AUTO_FREE char *cmp = kiln_xasprintf("cmp %s %s", src, back);

        assert_int_equal(run(s, cmp), 0);
    }
    hang_up(s);
    sshd_done(&other);
}

/* ---- nothing is left behind ---- */

static size_t count_entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    while (d && readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void nothing_stays(void **state)
{
    size_t fds, threads;

    (void)logged_in(state);
    fds = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");
    for (int i = 0; i < 3; i++) {
        struct session *s = connect_with(sshd_login(&sshd));

        assert_int_equal(run(s, "true"), 0);
        hang_up(s);
    }
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_int_equal(count_entries("/proc/self/task"), threads);
}

static int group_set_up(void **state)
{
    (void)state;
    if (!sshd_installed())
        return 0;
    sshd_prepare(&sshd, "");
    sshd_start(&sshd);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    if (sshd_installed()) {
        sshd_stop(&sshd);
        sshd_done(&sshd);
    }
    return 0;
}

int main(void)
{
#define LOGGED_IN(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LOGGED_IN(streams_and_status),
        LOGGED_IN(signals),
        LOGGED_IN(much_output),
        LOGGED_IN(lost_and_found),
        LOGGED_IN(pty),
        LOGGED_IN(cancel_ends_a_command),
        LOGGED_IN(a_timeout_leaves_the_connection),
        LOGGED_IN(silence_is_limited),
        LOGGED_IN(signs_of_life),
        LOGGED_IN(chosen_algorithms),
        LOGGED_IN(old_server),
        LOGGED_IN(unknown_algorithms),
        LOGGED_IN(temporary_keys),
        cmocka_unit_test(key_types_that_are_none),
        LOGGED_IN(files_by_scp),
        LOGGED_IN(files_by_sftp),
        LOGGED_IN(damage_is_noticed),
        LOGGED_IN(cancel_ends_a_transfer),
        LOGGED_IN(rekeying),
        LOGGED_IN(nothing_stays),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
