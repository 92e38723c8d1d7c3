#include "vm/swtpm.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/unix_socket.h"
#include "vm/qemu_output.h"

#define SOCKET_NAME "vtpm.sock"
#define RETRY_US    KILN_MS(5) /* between looks for its socket */

char *kiln_swtpm_socket(const char *dir)
{
    return kiln_path_join(dir, SOCKET_NAME);
}

/* With relative names: a comma in a path would end the option's value. */
static bool spawn(struct kiln_process *p, const struct kiln_swtpm_config *cfg, struct kiln_err *err)
{
    const char *const argv[] = { "swtpm",
                                 "socket",
                                 "--tpmstate",
                                 "dir=.",
                                 "--ctrl",
                                 "type=unixio,path=" SOCKET_NAME,
                                 cfg->tpm1 ? NULL : "--tpm2",
                                 NULL };
    const struct kiln_spawn how = { .argv = argv,
                                    .cwd = cfg->dir,
                                    .in = KILN_STDIO_NULL,
                                    .out = KILN_STDIO_NULL,
                                    .err = KILN_STDIO_PIPE,
                                    .on_pid = cfg->on_pid,
                                    .ud = cfg->ud };
    KILN_AUTO_FREE char *program = NULL;
    KILN_AUTO_ERR why = { 0 };

    program = kiln_process_find("swtpm", &why);
    if (!program)
        return kiln_err_set(err, KILN_ERR_USER,
                            "failed to locate swtpm (%s), this is required for vTPM support: "
                            "install Debian's swtpm",
                            kiln_err_text(&why));
    return kiln_process_spawn(p, &how, err);
}

static bool answers(const char *path)
{
    KILN_AUTO_FD fd = kiln_unix_connect(path, SOCK_NONBLOCK, NULL);

    return fd >= 0;
}

static bool explain_end(struct kiln_swtpm *t, struct kiln_err *err)
{
    KILN_AUTO_FREE char *said = NULL;

    kiln_qemu_output_finish(t->output);
    said = kiln_qemu_output_last_words(t->output);
    return kiln_err_set(err, KILN_ERR_REMOTE, "swtpm ended (exit code %d)%s%.*s",
                        kiln_process_exit_code(&t->process), said[0] ? ": " : "",
                        (int)strlen(said) - kiln_has_suffix(said, "\n"), said);
}

bool kiln_swtpm_serves(struct kiln_swtpm *t, struct kiln_err *err)
{
    return t->process.pid == 0 || !kiln_process_ended(&t->process) || explain_end(t, err);
}

/* Let one interval pass. False: it has ended, the deadline is over, cancelled. */
static bool wait_retry(struct kiln_swtpm *t, struct kiln_cancel *c, int64_t deadline,
                       struct kiln_err *err)
{
    int64_t next = kiln_cancel_deadline(c, RETRY_US);
    KILN_AUTO_ERR why = { 0 };

    switch (kiln_wait_fd(c, t->process.pidfd, POLLIN, next < deadline ? next : deadline, &why)) {
    case KILN_WAIT_READY:
        return kiln_swtpm_serves(t, err);
    case KILN_WAIT_TIMEOUT:
        if (kiln_cancel_now(c) < deadline)
            return true;
        break;
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    (void)kiln_err_move(err, &why);
    return kiln_err_wrap(err, "start swtpm");
}

bool kiln_swtpm_start(struct kiln_swtpm *ret, const struct kiln_swtpm_config *cfg,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_swtpm_done) struct kiln_swtpm t = KILN_SWTPM_INIT;
    KILN_AUTO_FREE char *path = kiln_swtpm_socket(cfg->dir);

    if (!spawn(&t.process, cfg, err) ||
        !kiln_qemu_output_start(&t.output, -1, t.process.err, NULL, NULL, err))
        return false;
    while (!answers(path)) {
        if (!wait_retry(&t, c, deadline, err))
            return false;
    }
    *ret = t;
    t = (struct kiln_swtpm)KILN_SWTPM_INIT; /* handed over */
    return true;
}

void kiln_swtpm_done(struct kiln_swtpm *t)
{
    kiln_qemu_output_free(t->output);
    t->output = NULL;
    kiln_process_done(&t->process);
}
