/*
 * An SSH server that asks, for test_asked_secrets.py: OpenSSH's needs PAM and somebody's password.
 *
 *     asking_sshd HOST_KEY PASSWORD
 *
 * Prints its port on 127.0.0.1. Asks for the password without echo, and again as long as it is
 * wrong, repeating what it got; then for a token with echo, which may be anything. Lets in, but
 * connects nobody. Ends with its stdin.
 */
#include <arpa/inet.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct state {
    const char *password;
    bool known; /* it was right */
};

static void ask(ssh_message m, const char *question, bool secret)
{
    const char *prompts[] = { question };
    char echo[] = { !secret };

    (void)ssh_message_auth_interactive_request(m, "", "", 1, prompts, echo);
}

static void on_question(struct state *s, ssh_session session, ssh_message m)
{
    char question[256];
    const char *got;

    if (!ssh_message_auth_kbdint_is_response(m)) {
        ask(m, "Password: ", true);
        return;
    }
    got = ssh_userauth_kbdint_getanswer(session, 0);
    if (s->known) {
        (void)ssh_message_auth_reply_success(m, 0);
    } else if (strcmp(got ? got : "", s->password) == 0) {
        s->known = true;
        ask(m, "Token: ", false);
    } else {
        (void)snprintf(question, sizeof(question), "not %s. Password: ", got ? got : "");
        ask(m, question, true);
    }
}

static void serve(int fd, const char *host_key, const char *password)
{
    struct state s = { .password = password };
    ssh_session session = ssh_new();
    ssh_bind bind = ssh_bind_new();
    bool no = false;
    ssh_message m;

    (void)ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    (void)ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, host_key);
    if (ssh_bind_accept_fd(bind, session, fd) != SSH_OK ||
        ssh_handle_key_exchange(session) != SSH_OK)
        return;
    while ((m = ssh_message_get(session)) != NULL) {
        if (ssh_message_type(m) == SSH_REQUEST_AUTH &&
            ssh_message_subtype(m) == SSH_AUTH_METHOD_INTERACTIVE) {
            on_question(&s, session, m);
        } else {
            (void)ssh_message_auth_set_methods(m, SSH_AUTH_METHOD_INTERACTIVE);
            (void)ssh_message_reply_default(m);
        }
        ssh_message_free(m);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        exit(2);
    (void)printf("%d\n", ntohs(addr.sin_port));
    (void)fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

    if (argc != 3)
        return 2;
    fds[1].fd = listen_somewhere();
    while (poll(fds, 2, -1) > 0 && fds[0].revents == 0) {
        int fd = accept(fds[1].fd, NULL, NULL);

        if (fork() == 0) {
            serve(fd, argv[1], argv[2]);
            _exit(0);
        }
        (void)close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    return 0;
}
