#include "run/worker.h"

#include <errno.h>
#include <fcntl.h>
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
#include "base/thread.h"
#include "engine/debugger.h"
#include "engine/rewind.h"
#include "run/command.h"

struct worker {
    struct kiln_build *build;
    int fd;
    struct kiln_cancel *cancel; /* the build's: stands still while a prompt is open */
    struct kiln_cancel *io;     /* fires with it, but never stands still */
    struct kiln_prompter prompter;
    int64_t prompts; /* ids given out; main thread */

    pthread_mutex_t lock; /* guards answer and asking */
    char *answer;         /* NULL: nobody can answer */
    int64_t asking;       /* the prompt that is open; 0: none, or answered */
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

static bool on_cancel(void *ud, const struct kiln_control_args *args,
                      struct kiln_control_reply *reply, struct kiln_err *err)
{
    (void)args;
    (void)reply;
    (void)err;
    cancel_all(ud);
    return true;
}

/* prompt 0: whichever is open. */
static bool take_answer(struct worker *w, int64_t prompt, const char *text)
{
    const uint64_t one = 1;
    bool open;

    (void)pthread_mutex_lock(&w->lock);
    open = w->asking && (prompt == 0 || prompt == w->asking);
    if (open) { /* the first answer is taken */
        w->answer = kiln_xstrdup(text);
        w->asking = 0;
        (void)!write(w->answered, &one, sizeof(one));
    }
    (void)pthread_mutex_unlock(&w->lock);
    return open;
}

static void answer_open(struct kiln_prompter *p, const char *text)
{
    (void)take_answer(KILN_CONTAINER_OF(p, struct worker, prompter), 0, text);
}

static bool on_answer(void *ud, const struct kiln_control_args *args,
                      struct kiln_control_reply *reply, struct kiln_err *err)
{
    (void)reply;
    return (args->number > 0 && take_answer(ud, args->number, args->text)) ||
           kiln_err_set(err, KILN_ERR_USER, "there is no open question %lld",
                        (long long)args->number);
}

static const struct kiln_control_command own_commands[] = {
    { "cancel", on_cancel },
    { "answer", on_answer },
    { 0 },
};

static void obey(struct worker *w, const char *line, size_t len)
{
    struct kiln_control_reply reply = KILN_CONTROL_REPLY_INIT;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_command cmd;
    bool ok = kiln_command_decode(&cmd, line, len, &err) &&
              kiln_control_call(w->build->control, cmd.name, &cmd.args, &reply, &err);

    if (cmd.has_id)
        kiln_bus_reply(w->build->bus, cmd.id, ok ? NULL : &err,
                       reply.text.len ? kiln_str_cstr(&reply.text) : NULL, reply.fd);
    else if (!ok)
        kiln_log("worker: %s", kiln_err_text(&err));
    kiln_control_reply_done(&reply);
    kiln_command_done(&cmd);
}

/* Thread: obeys until the supervisor closes its end. */
static void *read_commands(void *ud)
{
    struct worker *w = ud;
    KILN_AUTO_STR buf = KILN_STR_MAX(2 * KILN_MAX_COMMAND);
    char chunk[64 << 10];
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

static void send_prompt(struct worker *w, enum kiln_event_type type, const struct kiln_prompt *q)
{
    struct kiln_event ev = { .type = type, .index = w->prompts, .target = w->build->target };

    if (q) {
        ev.name = q->about;
        ev.text = q->text;
        ev.len = strlen(q->text);
        ev.names = q->choices;
        ev.to = q->wants;
    }
    kiln_bus_send(w->build->bus, &ev);
}

static void set_asking(struct worker *w, int64_t prompt)
{
    (void)pthread_mutex_lock(&w->lock);
    free(w->answer); /* one that nobody waits for any more */
    w->answer = NULL;
    w->asking = prompt;
    (void)pthread_mutex_unlock(&w->lock);
}

/* The answer has come. NULL: nobody can answer. */
static char *fetch_answer(struct worker *w)
{
    uint64_t count;
    char *answer;

    (void)!read(w->answered, &count, sizeof(count));
    (void)pthread_mutex_lock(&w->lock);
    answer = w->answer;
    w->answer = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return answer;
}

static bool ask(struct kiln_prompter *p, struct kiln_build *b, const struct kiln_prompt *q,
                char **ret_answer, struct kiln_err *err)
{
    struct worker *w = KILN_CONTAINER_OF(p, struct worker, prompter);
    char *answer = NULL;
    bool ok;

    set_asking(w, ++w->prompts);
    if (kiln_rewind_asked(b))
        (void)take_answer(w, 0, NULL); /* it was withdrawn before it was asked */
    send_prompt(w, KILN_EV_PROMPT, q);
    ok = kiln_wait_fd(w->io, w->answered, POLLIN, KILN_NEVER, err) == KILN_WAIT_READY;
    if (ok)
        answer = fetch_answer(w);
    else
        set_asking(w, 0);
    send_prompt(w, KILN_EV_PROMPT_END, NULL);
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
    struct worker w = { .build = b, .fd = fd, .prompter = { .ask = ask, .answer = answer_open } };
    pthread_t reader;

    (void)pthread_mutex_init(&w.lock, NULL);
    b->control = kiln_control_new();
    kiln_control_add(b->control, own_commands, &w);
    w.cancel = kiln_cancel_new();
    w.io = kiln_cancel_new();
    w.answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    signalled = &w;
    set_signals();
    b->cancel = w.cancel;
    b->prompter = &w.prompter;
    b->bus = kiln_bus_new(fd, b->label);
    if (logging_wanted())
        kiln_log_set_sink(kiln_bus_log, b->bus);
    b->debugger = kiln_debugger_new(b);
    b->rewind = kiln_rewind_new(b);
    if ((w.answered < 0 && !kiln_err_sys(&err, errno, "eventfd")) ||
        !kiln_thread_start(&reader, "commands", read_commands, &w, &err) ||
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

/* Nothing else of the supervisor's: its lock, its clients, its other workers. They would not see
 * its end while we hold a copy. */
static void keep_only(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

    if (low > STDERR_FILENO + 1)
        (void)close_range(STDERR_FILENO + 1, low - 1, 0);
    if (high > low + 1)
        (void)close_range(low + 1, high - 1, 0);
    (void)close_range(high + 1, ~0u, 0);
}

pid_t kiln_worker_start(struct kiln_build *b, const char *ledger_path, int guard_fd, int *ret_fd,
                        struct kiln_err *err)
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
        keep_only(pair[1], guard_fd);
        _exit(worker_main(b, pair[1], ledger_path));
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)kiln_err_sys(err, errno, "start a build: fork");
        (void)close(pair[0]);
        return -1;
    }
    *ret_fd = pair[0];
    return pid;
}
