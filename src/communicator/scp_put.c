/*
 * The sending side. scp answers every record with a zero byte, or with a line of complaint. Waiting
 * for each answer costs a round trip a record, so files are sent one after the other and answers
 * are counted as they come. Two records must be waited for: a directory (if it could not be made,
 * what follows would land elsewhere), and a file whose content could be taken for records of the
 * protocol if scp refused the file and read on.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "communicator/dir_walk.h"
#include "communicator/scp.h"
#include "communicator/scp_end.h"

#define CHUNK (128u << 10)

/* First bytes of records and complaints. */
static const char record_starts[] = { 'C', 'D', 'E', 'T', 1, 2 };

struct sender {
    struct kiln_channel *ch;
    const struct kiln_transfer *transfer; /* may be NULL */
    struct kiln_sent *sent;               /* may be NULL */
    struct kiln_cancel *cancel;
    struct kiln_str out;       /* not yet written */
    uint64_t due, answered;    /* answers */
    struct kiln_str complaint; /* a line that scp sent instead of a zero byte */
    bool complaining, complained;
    bool strange; /* something else came */
    struct kiln_scp_noise noise;
    uint64_t done, total; /* bytes, for the progress; total 0: unknown */
};

static void take_answer(struct sender *s, char byte)
{
    if (s->complaining) {
        if (byte == '\n')
            s->complained = true;
        else if (s->complaint.len < KILN_MAX_SCP_LINE && !s->complained)
            kiln_str_addc(&s->complaint, byte);
    } else if (byte == 0) {
        s->answered++;
    } else if (byte == 1 || byte == 2) {
        s->complaining = true;
    } else {
        s->strange = true;
    }
}

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct sender *s = ud;

    if (is_stderr) {
        kiln_scp_noise_add(&s->noise, data, len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        take_answer(s, data[i]);
}

/* What the guest has said so far. */
static bool check(const struct sender *s, struct kiln_err *err)
{
    if (s->complained || (s->complaining && s->ch->closed))
        return kiln_err_set(err, KILN_ERR_REMOTE, "%s", kiln_str_cstr(&s->complaint));
    if (s->strange)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "the guest sent something else than scp's answers: does its shell "
                            "print anything when it starts?");
    return true;
}

/* Write what is there. When that fails because scp is gone, what it said last is the reason. */
static bool flush(struct sender *s, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    bool ok = kiln_channel_write(s->ch, s->out.data, s->out.len, s->cancel, &why);

    kiln_str_clear(&s->out);
    if (!check(s, err))
        return false;
    if (ok)
        return true;
    return s->ch->closed ? kiln_scp_ended(s->ch, &s->noise, err) : kiln_err_move(err, &why);
}

static bool wait_answers(struct sender *s, struct kiln_err *err)
{
    if (!flush(s, err))
        return false;
    while (s->answered < s->due) {
        if (s->ch->closed)
            return kiln_scp_ended(s->ch, &s->noise, err);
        if (!kiln_channel_wait(s->ch, s->cancel, err) || !check(s, err))
            return false;
    }
    return true;
}

static bool add_record(struct sender *s, char type, mode_t mode, uint64_t size, const char *name,
                       struct kiln_err *err)
{
    if (strchr(name, '\n'))
        return kiln_err_set(err, KILN_ERR_USER,
                            "scp cannot send '%s': its name has a line break; set "
                            "ssh_file_transfer_method to sftp",
                            name);
    kiln_str_addf(&s->out, "%c%04o %llu %s\n", type, (unsigned)mode & 0777,
                  (unsigned long long)size, name);
    s->due++;
    return true;
}

static void add_progress(struct sender *s, size_t n)
{
    s->done += n;
    if (s->transfer && s->transfer->progress)
        s->transfer->progress(s->transfer->ud, s->done, s->total);
}

/* Read up to n bytes of the file behind what waits to be written. */
static bool read_some(struct sender *s, int fd, const char *path, size_t n, size_t *ret_n,
                      struct kiln_err *err)
{
    char *space = kiln_str_space(&s->out, n);
    ssize_t got = space ? read(fd, space, n) : -1;

    if (got < 0)
        return kiln_err_sys(err, errno, "read %s", path);
    if (got == 0)
        return kiln_err_set(err, KILN_ERR_USER, "%s became shorter while it was read", path);
    kiln_str_commit(&s->out, (size_t)got);
    *ret_n = (size_t)got;
    return true;
}

static bool send_content(struct sender *s, int fd, const char *path, uint64_t size, size_t file,
                         struct kiln_err *err)
{
    for (uint64_t left = size; left > 0;) {
        size_t n = left < CHUNK ? (size_t)left : CHUNK, before = s->out.len;

        if (!read_some(s, fd, path, n, &n, err))
            return false;
        kiln_sent_data(s->sent, file, s->out.data + before, n);
        if (left == size && memchr(record_starts, s->out.data[before], sizeof(record_starts))) {
            KILN_AUTO_FREE char *start = kiln_xmalloc(n); /* only the header may go */

            memcpy(start, s->out.data + before, n);
            kiln_str_truncate(&s->out, before);
            if (!wait_answers(s, err))
                return false;
            kiln_str_add(&s->out, start, n);
        }
        left -= n;
        add_progress(s, n);
        if (s->out.len >= CHUNK && !flush(s, err))
            return false;
    }
    return true;
}

static bool send_file(void *ud, const char *path, const char *name, mode_t mode,
                      struct kiln_err *err)
{
    struct sender *s = ud;
    KILN_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return kiln_err_sys(err, errno, "open %s", path);
    if (!add_record(s, 'C', mode, (uint64_t)st.st_size, name, err) ||
        !send_content(s, fd, path, (uint64_t)st.st_size, kiln_sent_file(s->sent, name), err))
        return false;
    kiln_str_addc(&s->out, '\0');
    s->due++;
    return check(s, err);
}

static bool enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    kiln_sent_enter(s->sent, name);
    return add_record(s, 'D', mode, 0, name, err) && wait_answers(s, err);
}

static bool leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    (void)mode;
    kiln_sent_leave(s->sent);
    kiln_str_adds(&s->out, "E\n");
    s->due++;
    return check(s, err);
}

static void start(struct sender *s)
{
    s->ch->output = on_output;
    s->ch->ud = s;
    s->due = 1; /* scp greets */
}

static bool finish(struct sender *s, bool ok, struct kiln_err *err)
{
    ok = ok && wait_answers(s, err) && kiln_scp_finish(s->ch, &s->noise, s->cancel, err);
    s->ch->output = NULL;
    kiln_str_done(&s->out);
    kiln_str_done(&s->complaint);
    return ok;
}

bool kiln_scp_put(struct kiln_channel *ch, const char *src, const char *name, mode_t mode,
                  const struct kiln_transfer *t, struct kiln_sent *sent, struct kiln_cancel *c,
                  struct kiln_err *err)
{
    struct sender s = { .ch = ch, .transfer = t, .sent = sent, .cancel = c };
    struct stat st;

    if (stat(src, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", src);
    s.total = (uint64_t)st.st_size;
    start(&s);
    return finish(&s, wait_answers(&s, err) && send_file(&s, src, name, mode, err), err);
}

bool kiln_scp_put_dir(struct kiln_channel *ch, const char *src, const struct kiln_transfer *t,
                      struct kiln_sent *sent, struct kiln_cancel *c, struct kiln_err *err)
{
    struct sender s = { .ch = ch, .transfer = t, .sent = sent, .cancel = c };
    const struct kiln_dir_visitor visitor = { enter, leave, send_file, &s };
    bool contents = kiln_dir_means_contents(src), ok;
    KILN_AUTO_FREE char *name = kiln_dir_name(src);
    struct stat st;

    if (stat(src, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", src);
    start(&s);
    ok = wait_answers(&s, err) && (contents || enter(&s, name, st.st_mode & 0777, err)) &&
         kiln_dir_walk(src, &visitor, err) && (contents || leave(&s, 0, err));
    return finish(&s, ok, err);
}
