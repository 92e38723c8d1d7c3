/* The receiving side: the sink does the work, this moves its answers. */
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "communicator/scp.h"
#include "communicator/scp_end.h"
#include "communicator/scp_sink.h"

/* Answers that scp finds waiting when it wants one, so that it need not wait for us: nothing that
 * we could still say but yes, because a failure here ends the transfer by closing the channel. */
#define AHEAD 64

struct receiver {
    struct kiln_scp_sink sink;
    struct kiln_last_words words;
    const struct kiln_transfer *transfer; /* may be NULL */
    bool one_file;
};

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct receiver *r = ud;

    if (is_stderr) {
        kiln_last_words_add(&r->words, data, len);
        return;
    }
    kiln_scp_sink_feed(&r->sink, data, len);
    if (r->transfer && r->transfer->progress)
        r->transfer->progress(r->transfer->ud, r->sink.done, r->one_file ? r->sink.total : 0);
}

static bool send_answers(struct receiver *r, struct kiln_channel *ch, struct kiln_cancel *c,
                         struct kiln_err *err)
{
    static const char zeros[64];
    uint64_t n;

    while ((n = r->sink.answers) > 0 && r->sink.err.kind == KILN_ERR_NONE && !ch->closed) {
        n = n < sizeof(zeros) ? n : sizeof(zeros);
        r->sink.answers -= n;
        if (!kiln_channel_write(ch, zeros, (size_t)n, c, err))
            return ch->closed; /* then its end tells more */
    }
    return true;
}

static bool receive(struct receiver *r, struct kiln_channel *ch, struct kiln_cancel *c,
                    struct kiln_err *err)
{
    while (!ch->closed && r->sink.err.kind == KILN_ERR_NONE) {
        KILN_AUTO_ERR why = { 0 };

        if (!send_answers(r, ch, c, &why))
            return kiln_err_move(err, &why);
        if (!ch->closed && r->sink.err.kind == KILN_ERR_NONE && !kiln_channel_wait(ch, c, err))
            return false;
    }
    if (r->sink.err.kind != KILN_ERR_NONE)
        return kiln_err_move(err, &r->sink.err);
    if (ch->status != 0 || !kiln_scp_sink_complete(&r->sink))
        return kiln_scp_ended(ch, &r->words, err);
    return true;
}

static bool get(struct kiln_channel *ch, int fd, const char *dst, const struct kiln_transfer *t,
                struct kiln_cancel *c, struct kiln_err *err)
{
    struct receiver r = { .transfer = t, .one_file = !dst };
    bool ok;

    kiln_scp_sink_init(&r.sink, fd, dst);
    r.sink.answers += AHEAD;
    ch->output = on_output;
    ch->ud = &r;
    ok = receive(&r, ch, c, err);
    if (ok && dst && r.sink.made_dir && (r.sink.dir_mode & 0700) != 0700 &&
        chmod(dst, r.sink.dir_mode) != 0) /* it had to be writable while it was filled */
        ok = kiln_err_sys(err, errno, "chmod %s", dst);
    ch->output = NULL;
    kiln_scp_sink_done(&r.sink);
    return ok;
}

bool kiln_scp_get(struct kiln_channel *ch, int fd, const struct kiln_transfer *t,
                  struct kiln_cancel *c, struct kiln_err *err)
{
    return get(ch, fd, NULL, t, c, err);
}

bool kiln_scp_get_dir(struct kiln_channel *ch, const char *dst, const struct kiln_transfer *t,
                      struct kiln_cancel *c, struct kiln_err *err)
{
    return get(ch, -1, dst, t, c, err);
}
