#include "run/slot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "run/worker.h"

#define CHUNK ((size_t)256 << 10)

void kiln_slot_init(struct kiln_slot *slot, struct kiln_build *build)
{
    *slot = (struct kiln_slot){ .build = build, .peer = { .fd = -1 }, .pidfd = -1 };
}

void kiln_slot_done(struct kiln_slot *slot)
{
    kiln_peer_done(&slot->peer);
    kiln_fd_closep(&slot->pidfd);
    free(slot->ledger);
    free(slot->frames);
    slot->ledger = slot->frames = NULL;
}

/* Nothing else tells of its death: without that it must not run. */
static bool open_pidfd(struct kiln_slot *slot, struct kiln_err *err)
{
    slot->pidfd = pidfd_open(slot->pid, 0);
    if (slot->pidfd >= 0)
        return true;
    (void)kiln_err_sys(err, errno, "start a build: pidfd_open");
    (void)kill(slot->pid, SIGKILL);
    (void)waitpid(slot->pid, NULL, 0);
    return false;
}

bool kiln_slot_start(struct kiln_slot *slot, char *ledger, char *frames, int guard_fd,
                     struct kiln_err *err)
{
    int fd;

    slot->ledger = ledger;
    slot->frames = frames;
    slot->build->frames_dir = frames;
    slot->pid = kiln_worker_start(slot->build, ledger, guard_fd, &fd, err);
    if (slot->pid < 0)
        return false;
    if (!open_pidfd(slot, err)) {
        (void)close(fd);
        return false;
    }
    kiln_peer_init(&slot->peer, fd, KILN_MAX_EVENT, CHUNK);
    slot->state = KILN_SLOT_RUNNING;
    return true;
}

void kiln_slot_read(struct kiln_slot *slot, kiln_slot_line_fn *fn, void *ud)
{
    bool open = kiln_peer_read(&slot->peer);
    const char *line;
    size_t len;

    while (kiln_peer_line(&slot->peer, &line, &len))
        fn(ud, slot, line, len);
    if (!open)
        kiln_peer_done(&slot->peer);
}

bool kiln_slot_send(struct kiln_slot *slot, const char *line, size_t len)
{
    if (slot->state != KILN_SLOT_RUNNING || slot->peer.fd < 0 ||
        slot->peer.out.len > KILN_MAX_COMMAND)
        return false;
    kiln_peer_add(&slot->peer, line, len, -1);
    (void)kiln_peer_flush(&slot->peer); /* a dead one is noticed by its pidfd */
    return true;
}

int kiln_slot_bury(struct kiln_slot *slot, kiln_slot_line_fn *fn, void *ud)
{
    int status = 0;

    while (slot->peer.fd >= 0) {
        struct pollfd pfd = { .fd = slot->peer.fd, .events = POLLIN };

        if (poll(&pfd, 1, 0) <= 0)
            break;
        kiln_slot_read(slot, fn, ud);
    }
    (void)waitpid(slot->pid, &status, 0);
    kiln_peer_done(&slot->peer);
    kiln_fd_closep(&slot->pidfd);
    slot->state = KILN_SLOT_OVER;
    return status;
}
