#include "run/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/command.h"

struct worker {
    struct kiln_build *build;
    int fd;
    struct kiln_cancel *cancel; /* the build's: stands still while a prompt is open */
    struct kiln_cancel *io;     /* fires with it, but never stands still */
    struct kiln_prompter prompter;
    int64_t prompts; /* ids given out; main thread */

    pthread_mutex_t lock; /* guards answer and answer_to */
    char *answer;         /* NULL with answer_to set: nobody can answer */
    int64_t answer_to;    /* prompt that `answer` is for; 0: none */
    int answered;         /* eventfd: readable once there is an answer */
};

/* For the signal handler only: a worker has one build. */
static struct worker *signalled;

static void cancel_all(struct worker *w)
{
    kiln_cancel_fire(w->cancel); /* first: whoever io wakes finds the build cancelled */
    kiln_cancel_fire(w->io);
}

static void on_term(int sig)
{
    (void)sig;
    cancel_all(signalled);
}

static void take_answer(struct worker *w, struct kiln_command *cmd)
{
    const uint64_t one = 1;

    (void)pthread_mutex_lock(&w->lock);
    free(w->answer);
    w->answer = cmd->text;
    w->answer_to = cmd->prompt;
    cmd->text = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    (void)!write(w->answered, &one, sizeof(one));
}

static void obey(struct worker *w, const char *line, size_t len)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_command cmd;

    if (!kiln_command_decode(&cmd, line, len, &err)) {
        kiln_log("worker: %s", kiln_err_text(&err));
        return;
    }
    switch (cmd.type) {
    case KILN_CMD_CANCEL:
        cancel_all(w);
        break;
    case KILN_CMD_ANSWER:
        take_answer(w, &cmd);
        break;
    }
    kiln_command_done(&cmd);
}

/* Thread: obeys until the supervisor closes its end. */
static void *read_commands(void *ud)
{
    struct worker *w = ud;
    KILN_AUTO_STR buf = KILN_STR_MAX(KILN_MAX_EVENT);
    char chunk[4096];
    ssize_t n;

    while ((n = read(w->fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
        char *nl;

        if (n < 0)
            continue;
        kiln_str_add(&buf, chunk, (size_t)n);
        while (buf.len && (nl = memchr(buf.data, '\n', buf.len))) {
            obey(w, buf.data, (size_t)(nl - buf.data));
            kiln_str_remove(&buf, 0, (size_t)(nl - buf.data) + 1);
        }
    }
    cancel_all(w); /* nobody is left to build for */
    return NULL;
}

static void send_prompt(struct worker *w, enum kiln_event_type type, const char *question,
                        const struct kiln_strv *choices)
{
    struct kiln_event ev = { .type = type, .index = w->prompts, .names = choices };

    ev.text = question;
    ev.len = question ? strlen(question) : 0;
    ev.target = w->build->target;
    kiln_bus_send(w->build->bus, &ev);
}

/* The answer to the open prompt, if it came; false while there is none. */
static bool fetch_answer(struct worker *w, char **ret)
{
    uint64_t count;
    bool ours;

    (void)!read(w->answered, &count, sizeof(count));
    (void)pthread_mutex_lock(&w->lock);
    ours = w->answer_to == w->prompts;
    if (ours) {
        *ret = w->answer;
        w->answer = NULL;
        w->answer_to = 0;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return ours;
}

static bool ask(struct kiln_prompter *p, struct kiln_build *b, const char *question,
                const struct kiln_strv *choices, char **ret_answer, struct kiln_err *err)
{
    struct worker *w = KILN_CONTAINER_OF(p, struct worker, prompter);
    char *answer = NULL;
    bool ok = true;

    if (!b->options->interactive)
        return kiln_err_set(err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
    w->prompts++;
    send_prompt(w, KILN_EV_PROMPT, question, choices);
    do {
        ok = kiln_wait_fd(w->io, w->answered, POLLIN, KILN_NEVER, err) == KILN_WAIT_READY;
    } while (ok && !fetch_answer(w, &answer));
    send_prompt(w, KILN_EV_PROMPT_END, NULL, NULL);
    if (!ok)
        return false;
    if (!answer)
        return kiln_err_set(err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
    *ret_answer = answer;
    return true;
}

/* kiln_build_run tells the whole story itself, start, artifacts and end included. */
static void run_build(struct worker *w)
{
    struct kiln_results results = { 0 };

    (void)kiln_build_run(w->build, &results, NULL);
    kiln_results_done(&results);
}

static void log_to_bus(void *ud, const char *line, size_t len)
{
    struct kiln_event ev = { .type = KILN_EV_LOG, .text = line, .len = len };

    kiln_bus_send(ud, &ev);
}

static bool logging_wanted(void)
{
    const char *log = getenv("PACKER_LOG"), *path = getenv("PACKER_LOG_PATH");

    return (log && log[0] && !kiln_streq(log, "0")) || (path && path[0]);
}

static void set_signals(void)
{
    struct sigaction term = { .sa_handler = on_term }, ign = { .sa_handler = SIG_IGN };
    sigset_t none;

    /* The terminal's signals are the supervisor's business: it tells us what to do. */
    (void)sigaction(SIGINT, &ign, NULL);
    (void)sigaction(SIGHUP, &ign, NULL);
    (void)sigaction(SIGPIPE, &ign, NULL);
    (void)sigaction(SIGTERM, &term, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* the supervisor blocks what it polls */
}

/* The worker's whole life, after fork. */
static int worker_main(struct kiln_build *b, int fd, const char *ledger_path)
{
    KILN_AUTO_ERR err = { 0 };
    struct worker w = { .build = b, .fd = fd, .prompter = { .ask = ask } };
    pthread_t reader;

    (void)pthread_mutex_init(&w.lock, NULL);
    w.cancel = kiln_cancel_new();
    w.io = kiln_cancel_new();
    w.answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    signalled = &w;
    set_signals();
    b->cancel = w.cancel;
    b->prompter = &w.prompter;
    b->bus = kiln_bus_new(fd, b->label);
    if (logging_wanted())
        kiln_log_set_sink(log_to_bus, b->bus);
    if (w.answered < 0 || pthread_create(&reader, NULL, read_commands, &w) != 0 ||
        !kiln_ledger_open(&b->ledger, ledger_path, &err)) {
        kiln_error(b, "cannot start the build: %s", kiln_err_text(&err));
        return 1;
    }
    run_build(&w);
    kiln_ledger_close(b->ledger);
    return 0;
}

static void die_with_parent(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before the line above */
}

pid_t kiln_worker_start(struct kiln_build *b, const char *ledger_path, const int *close_fds,
                        size_t n_close, int *ret_fd, struct kiln_err *err)
{
    pid_t parent = getpid(), pid;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        (void)kiln_err_sys(err, errno, "start a build: socketpair");
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        die_with_parent(parent);
        (void)setpgid(0, 0); /* a Ctrl-C reaches the supervisor alone */
        (void)close(pair[0]);
        for (size_t i = 0; i < n_close; i++)
            (void)close(close_fds[i]);
        _exit(worker_main(b, pair[1], ledger_path));
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)kiln_err_sys(err, errno, "start a build: fork");
        (void)close(pair[0]);
        return -1;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    *ret_fd = pair[0];
    return pid;
}
