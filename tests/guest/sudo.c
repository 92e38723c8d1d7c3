/*
 * A small sudo for the demo guest: the members of group sudo may run a
 * command as another user after giving their own password.
 *
 * Knows -S -n -k -E -H -i -s -u USER -p PROMPT, NAME=VALUE and --.
 * Not meant for any machine that matters.
 */
#define _GNU_SOURCE
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TRIES      3
#define GROUPS_MAX 64

struct options {
    bool from_stdin, never_ask, keep_env, login, shell;
    const char *user, *prompt;
};

static void die(const char *text)
{
    (void)fprintf(stderr, "sudo: %s\n", text);
    exit(1);
}

static bool in_group_sudo(const struct passwd *pw)
{
    const struct group *gr = getgrnam("sudo");
    gid_t list[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (gr == NULL || getgrouplist(pw->pw_name, pw->pw_gid, list, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (list[i] == gr->gr_gid)
            return true;
    }
    return false;
}

/* One byte at a time: what follows the line belongs to the command. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    char c;
    ssize_t n;

    while ((n = read(fd, &c, 1)) == 1 && c != '\n') {
        if (len + 1 < size)
            line[len++] = c;
    }
    line[len] = '\0';
    return n == 1 || len > 0;
}

static bool read_password(const struct options *opt, char *line, size_t size)
{
    int fd = opt->from_stdin ? STDIN_FILENO : open("/dev/tty", O_RDWR | O_CLOEXEC);
    struct termios saved, quiet;
    bool is_tty, got;

    if (fd < 0)
        die("a terminal is required to read the password; use the -S option to read from standard "
            "input");
    is_tty = tcgetattr(fd, &saved) == 0;
    if (is_tty) {
        quiet = saved;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    }
    got = read_line(fd, line, size);
    if (is_tty) {
        (void)tcsetattr(fd, TCSAFLUSH, &saved);
        (void)fputc('\n', stderr);
    }
    if (!opt->from_stdin)
        (void)close(fd);
    return got;
}

static bool password_fits(const char *name, const char *password)
{
    const struct spwd *sp = getspnam(name);
    const char *hash;

    if (sp == NULL || sp->sp_pwdp[0] != '$')
        return false;
    hash = crypt(password, sp->sp_pwdp);
    return hash != NULL && strcmp(hash, sp->sp_pwdp) == 0;
}

static void authenticate(const struct options *opt, const struct passwd *pw)
{
    char line[256];

    if (opt->never_ask)
        die("a password is required");
    for (int i = 0; i < TRIES; i++) {
        if (opt->prompt != NULL)
            (void)fputs(opt->prompt, stderr);
        else
            (void)fprintf(stderr, "[sudo] password for %s: ", pw->pw_name);
        if (!read_password(opt, line, sizeof(line)))
            die(i == 0 ? "no password was provided" : "incorrect password");
        bool good = password_fits(pw->pw_name, line);
        explicit_bzero(line, sizeof(line));
        if (good)
            return;
        (void)fputs("Sorry, try again.\n", stderr);
    }
    die("3 incorrect password attempts");
}

static void set_env(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        die("out of memory");
}

static void make_env(const struct options *opt, const char *caller, const struct passwd *target)
{
    const char *term = getenv("TERM");
    char *kept = term == NULL ? NULL : strdup(term);

    if (!opt->keep_env) {
        (void)clearenv();
        set_env("HOME", target->pw_dir);
        if (kept != NULL)
            set_env("TERM", kept);
    }
    set_env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    set_env("USER", target->pw_name);
    set_env("LOGNAME", target->pw_name);
    set_env("SHELL", target->pw_shell);
    set_env("SUDO_USER", caller);
    free(kept);
}

static void become(const struct passwd *target)
{
    if (initgroups(target->pw_name, target->pw_gid) != 0 || setgid(target->pw_gid) != 0 ||
        setuid(target->pw_uid) != 0)
        die("cannot change to that user");
}

static void parse(struct options *opt, int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "+SnkEHisu:p:")) != -1) {
        switch (c) {
        case 'S':
            opt->from_stdin = true;
            break;
        case 'n':
            opt->never_ask = true;
            break;
        case 'E':
            opt->keep_env = true;
            break;
        case 'i':
            opt->login = true;
            break;
        case 's':
            opt->shell = true;
            break;
        case 'u':
            opt->user = optarg;
            break;
        case 'p':
            opt->prompt = optarg;
            break;
        case 'k': /* no password is ever remembered */
        case 'H': /* HOME is always the target's, but for -E */
            break;
        default:
            exit(1);
        }
    }
}

/* Leaves at *argv what is to be run. */
static void take_assignments(char ***argv)
{
    for (; **argv != NULL && strchr(**argv, '=') != NULL && ***argv != '/'; (*argv)++) {
        if (putenv(**argv) != 0)
            die("out of memory");
    }
}

int main(int argc, char **argv)
{
    struct options opt = { .user = "root" };
    const struct passwd *pw = getpwuid(getuid());
    char caller[64], **cmd;

    if (pw == NULL || strlen(pw->pw_name) >= sizeof(caller))
        die("you have no user name");
    memcpy(caller, pw->pw_name, strlen(pw->pw_name) + 1);
    if (geteuid() != 0)
        die("must be owned by root and have the setuid bit");
    parse(&opt, argc, argv);
    if (getuid() != 0) {
        if (!in_group_sudo(pw))
            die("you are not in group sudo");
        authenticate(&opt, pw);
    }
    pw = getpwnam(opt.user);
    if (pw == NULL)
        die("unknown user");
    make_env(&opt, caller, pw);
    cmd = argv + optind;
    take_assignments(&cmd);
    become(pw);
    if (opt.login && chdir(pw->pw_dir) != 0)
        die("cannot change to the home directory");
    if (*cmd == NULL) {
        if (!opt.login && !opt.shell)
            die("no command given");
        (void)execl("/bin/sh", opt.login ? "-sh" : "sh", (char *)NULL);
        die("cannot run /bin/sh");
    }
    (void)execvp(*cmd, cmd);
    int why = errno;
    (void)fprintf(stderr, "sudo: %s: %s\n", *cmd,
                  why == ENOENT ? "command not found" : strerror(why));
    return 1;
}
