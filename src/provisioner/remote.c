#include "provisioner/remote.h"

#include "base/limits.h"
#include "engine/output.h"
#include "provisioner/script.h"

#define BETWEEN_TRIES KILN_SECOND(2)

bool kiln_remote_run(const struct kiln_remote_work *w, const char *command, int *ret_status,
                     struct kiln_err *err)
{
    const struct kiln_remote cmd = { .command = command };

    return w->comm->ops->run(w->comm, &cmd, w->cancel, ret_status, err);
}

struct sink {
    struct kiln_output *lines;
    struct kiln_str *copy; /* of stdout; or NULL */
};

static void take(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct sink *s = ud;

    kiln_output_feed(s->lines, is_stderr, data, len);
    if (s->copy && !is_stderr && s->copy->len < KILN_MAX_CAPTURE)
        kiln_str_add(s->copy, data,
                     len < KILN_MAX_CAPTURE - s->copy->len ? len : KILN_MAX_CAPTURE - s->copy->len);
}

bool kiln_remote_capture(const struct kiln_remote_work *w, const char *command,
                         struct kiln_str *out, int *ret_status, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *lines = kiln_output_new(w->build);
    struct sink sink = { lines, out };
    const struct kiln_remote cmd = { .command = command, .output = take, .ud = &sink };
    bool ok = w->comm->ops->run(w->comm, &cmd, w->cancel, ret_status, err);

    kiln_output_end(lines);
    return ok;
}

bool kiln_remote_show(const struct kiln_remote_work *w, const char *command, int *ret_status,
                      struct kiln_err *err)
{
    return kiln_remote_capture(w, command, NULL, ret_status, err);
}

bool kiln_remote_upload(const struct kiln_remote_work *w, const char *local, const char *remote,
                        mode_t mode, struct kiln_err *err)
{
    const struct kiln_transfer verified = { .verify = true };

    return w->comm->ops->upload(w->comm, local, remote, mode, &verified, w->cancel, err);
}

bool kiln_remote_upload_text(const struct kiln_remote_work *w, const struct kiln_str *text,
                             const char *remote, struct kiln_err *err)
{
    char *local = NULL;
    bool ok;

    if (!kiln_script_write(w->build, text, "", 0600, &local, err))
        return false;
    ok = kiln_remote_upload(w, local, remote, 0644, err);
    kiln_ledger_remove(w->build->ledger, KILN_OWNED_FILE, local);
    return ok;
}

bool kiln_remote_again(const struct kiln_remote_work *w, struct kiln_err *err)
{
    if (kiln_cancel_fired(w->cancel) || kiln_cancel_now(w->cancel) > w->deadline)
        return false;
    if (!kiln_wait_us(w->cancel, BETWEEN_TRIES, NULL))
        return false;
    kiln_err_clear(err);
    return true;
}
