#include "vm/qemu_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

struct kiln_qemu_watch {
    struct kiln_qmp *qmp;
    struct kiln_qemu_output *output;
    int pidfd; /* owned: the caller closes its own when it has reaped QEMU */
    kiln_qmp_event_fn *on_event;
    void *ud;
    struct kiln_cancel *on_death;
    struct kiln_cancel *stop; /* owned */
    pthread_t thread;
    bool running;
    char *ended_by; /* owned; who told QEMU to end, if not its guest; with the lock of qmp */
};

static void end_stopped(struct kiln_qemu_watch *w, struct json_object *data)
{
    const char *reason = kiln_json_string(data, "reason");
    KILN_AUTO_STR why = { 0 };

    if (!kiln_streq(kiln_json_string(data, "action"), "stop"))
        return; /* the guest is told, and goes on */
    kiln_str_addf(&why, "the guest was stopped, %s its disk failed: %s",
                  kiln_streq(kiln_json_string(data, "operation"), "read") ? "reading" : "writing",
                  reason ? reason : "");
    kiln_qemu_output_note(w->output, why.data, why.len);
    (void)pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
}

/* "host-ui", "host-qmp-quit" (as when a window of GTK is closed), "host-signal". QEMU's exit status
 * is 0 then, as if the guest had powered off. */
static void note_shutdown(struct kiln_qemu_watch *w, struct json_object *data)
{
    const char *reason = kiln_json_string(data, "reason");
    KILN_AUTO_STR why = { 0 };

    if (!reason || !kiln_has_prefix(reason, "host-"))
        return;
    kiln_str_addf(&why, "QEMU was ended from outside, not by its guest: %s", reason);
    kiln_qemu_output_note(w->output, why.data, why.len);
    free(w->ended_by);
    w->ended_by = kiln_xstrdup(reason);
}

static void event(void *ud, const char *name, struct json_object *data)
{
    struct kiln_qemu_watch *w = ud;

    if (kiln_streq(name, "BLOCK_IO_ERROR"))
        end_stopped(w, data);
    if (kiln_streq(name, "SHUTDOWN"))
        note_shutdown(w, data);
    if (w->on_event)
        w->on_event(w->ud, name, data);
}

/* Its sockets are closed. How it ended is looked at, not taken: the owner wants to reap it. */
static void note_death(struct kiln_qemu_watch *w)
{
    siginfo_t how = { 0 };

    if (!w->on_death ||
        kiln_wait_fd(w->stop, w->pidfd, POLLIN, KILN_NEVER, NULL) != KILN_WAIT_READY ||
        waitid(P_PIDFD, (id_t)w->pidfd, &how, WEXITED | WNOWAIT) < 0)
        return;
    if (how.si_code != CLD_EXITED || how.si_status != 0 || w->ended_by)
        kiln_cancel_fire(w->on_death);
}

static void *watch(void *ud)
{
    struct kiln_qemu_watch *w = ud;
    int fd;

    while ((fd = kiln_qmp_fd(w->qmp)) >= 0) {
        bool ready = kiln_wait_fd(w->stop, fd, POLLIN, KILN_NEVER, NULL) == KILN_WAIT_READY;

        (void)kiln_qmp_dispatch(w->qmp, NULL);
        if (!ready)
            return NULL;
    }
    note_death(w);
    return NULL;
}

bool kiln_qemu_watch_start(struct kiln_qemu_watch **ret_watch, struct kiln_qmp *qmp, int pidfd,
                           struct kiln_qemu_output *output, kiln_qmp_event_fn *on_event, void *ud,
                           struct kiln_cancel *on_death, struct kiln_err *err)
{
    struct kiln_qemu_watch *w = kiln_xcalloc(1, sizeof(*w));

    *w = (struct kiln_qemu_watch){
        .qmp = qmp, .output = output, .on_event = on_event, .ud = ud, .on_death = on_death
    };
    w->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    w->stop = kiln_cancel_new();
    kiln_qmp_on_event(qmp, event, w);
    w->running = (w->pidfd >= 0 || kiln_err_sys(err, errno, "watch QEMU")) &&
                 kiln_thread_start(&w->thread, "qemu-watch", watch, w, err);
    if (!w->running) {
        (void)kiln_qemu_watch_free(w);
        return false;
    }
    *ret_watch = w;
    return true;
}

char *kiln_qemu_watch_free(struct kiln_qemu_watch *w)
{
    char *ended_by;

    if (!w)
        return NULL;
    kiln_cancel_fire(w->stop);
    if (w->running)
        (void)pthread_join(w->thread, NULL);
    kiln_qmp_on_event(w->qmp, NULL, NULL);
    kiln_cancel_free(w->stop);
    kiln_fd_closep(&w->pidfd);
    ended_by = w->ended_by;
    free(w);
    return ended_by;
}
