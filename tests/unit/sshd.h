/* A throw-away OpenSSH server on 127.0.0.1, for tests of one program each. */
#ifndef KILN_TESTS_SSHD_H
#define KILN_TESTS_SSHD_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "communicator/ssh.h"

struct sshd {
    char *dir; /* of its files and of the test's */
    char *key; /* path of the private key that it accepts */
    int port;
    struct kiln_process process;
};

/* A port that was free a moment ago. */
static inline int free_port(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(bind(fd, (struct sockaddr *)&addr, len), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)&addr, &len), errno);
    (void)close(fd);
    return ntohs(addr.sin_port);
}

static inline void sshd_write(const struct sshd *s, const char *name, const char *text)
{
    KILN_AUTO_FREE char *path = kiln_path_join(s->dir, name);

    assert_true(kiln_fs_write_atomic(path, text, strlen(text), 0600, NULL));
}

static inline void sshd_write_key(const struct sshd *s, const char *name, const char *public_name)
{
    struct kiln_ssh_keypair pair = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_ssh_keypair_new(&pair, "ed25519", 0, NULL, &err))
        fail_msg("%s", err.msg);
    sshd_write(s, name, pair.private_pem);
    sshd_write(s, public_name, pair.public_line);
    kiln_ssh_keypair_done(&pair);
}

/* Only the files: for a server that is started later, or not at all. */
static inline void sshd_prepare(struct sshd *s, const char *more)
{
    KILN_AUTO_STR config = { 0 };

    *s = (struct sshd){ .dir = kiln_fs_temp_dir("kiln-sshd", NULL), .process = KILN_PROCESS_INIT };
    assert_non_null(s->dir);
    s->port = free_port();
    s->key = kiln_path_join(s->dir, "id");
    sshd_write_key(s, "id", "authorized");
    sshd_write_key(s, "host", "host.pub");
    kiln_str_addf(&config,
                  "Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile "
                  "%s/authorized\nPidFile none\nStrictModes no\nUsePAM no\nUseDNS no\n"
                  "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                  "Subsystem sftp /usr/lib/openssh/sftp-server\n%s",
                  s->port, s->dir, s->dir, more);
    sshd_write(s, "config", kiln_str_cstr(&config));
}

/* It listens a moment later: whoever connects waits for that. */
static inline void sshd_start(struct sshd *s)
{
    KILN_AUTO_FREE char *config = kiln_path_join(s->dir, "config");
    const char *const argv[] = { "/usr/sbin/sshd", "-D", "-e", "-f", config, NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_ERR err = { 0 };

    if (getuid() == 0)
        (void)mkdir("/run/sshd", 0755); /* as root it insists on this */
    if (!kiln_process_spawn(&s->process, &how, &err))
        fail_msg("%s", err.msg);
}

static inline void sshd_stop(struct sshd *s)
{
    kiln_process_stop(&s->process, KILN_SECOND(5));
}

static inline void sshd_done(struct sshd *s)
{
    kiln_process_done(&s->process);
    (void)kiln_fs_remove_tree(s->dir, NULL);
    free(s->dir);
    free(s->key);
}

static inline bool sshd_installed(void)
{
    return kiln_fs_exists("/usr/sbin/sshd") && kiln_fs_exists("/usr/lib/openssh/sftp-server");
}

static inline struct kiln_ssh_config sshd_login(const struct sshd *s)
{
    const struct passwd *me = getpwuid(getuid());

    return (struct kiln_ssh_config){ .host = kiln_xstrdup("127.0.0.1"),
                                     .port = s->port,
                                     .user = kiln_xstrdup(me ? me->pw_name : "root"),
                                     .key_file = kiln_xstrdup(s->key),
                                     .timeout_us = KILN_SECOND(30),
                                     .attempts = 1 };
}

#endif
