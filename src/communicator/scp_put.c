/*
 * The sending side. scp answers every record with a zero byte, or with a line of complaint. Waiting
 * for each answer costs a round trip a record, so files are sent one after the other and answers
 * are counted as they come. Two records must be waited for: a directory (if it could not be made,
 * what follows would land elsewhere), and a file whose content could be taken for records of the
 * protocol if scp refused the file and read on.
 */
#include <errno.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "communicator/dir_walk.h"
#include "communicator/outgoing.h"
#include "communicator/scp.h"
#include "communicator/scp_end.h"

/* First bytes of records and complaints. */
static const char record_starts[] = { 'C', 'D', 'E', 'T', 1, 2 };

struct sender {
    struct kiln_outgoing o;
    uint64_t due, answered;    /* answers */
    struct kiln_str complaint; /* a line that scp sent instead of a zero byte */
    bool complaining, complained;
    bool strange; /* something else came */
    struct kiln_last_words words;
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
        kiln_last_words_add(&s->words, data, len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        take_answer(s, data[i]);
}

/* What the guest has said so far. */
static bool check(const struct sender *s, struct kiln_err *err)
{
    if (s->complained || (s->complaining && s->o.ch->closed))
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
    bool ok = kiln_channel_write(s->o.ch, s->o.out.data, s->o.out.len, s->o.cancel, &why);

    kiln_str_clear(&s->o.out);
    if (!check(s, err))
        return false;
    if (ok)
        return true;
    return s->o.ch->closed ? kiln_scp_ended(s->o.ch, &s->words, err) : kiln_err_move(err, &why);
}

static bool wait_answers(struct sender *s, struct kiln_err *err)
{
    if (!flush(s, err))
        return false;
    while (s->answered < s->due) {
        if (s->o.ch->closed)
            return kiln_scp_ended(s->o.ch, &s->words, err);
        if (!kiln_channel_wait(s->o.ch, s->o.cancel, err) || !check(s, err))
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
    kiln_str_addf(&s->o.out, "%c%04o %llu %s\n", type, (unsigned)mode & 0777,
                  (unsigned long long)size, name);
    s->due++;
    return true;
}

static bool send_content(struct sender *s, int fd, const char *path, uint64_t size, size_t file,
                         struct kiln_err *err)
{
    for (uint64_t left = size; left > 0;) {
        size_t n, before = s->o.out.len;

        if (!kiln_outgoing_read(&s->o, fd, path, left, file, &n, err))
            return false;
        if (left == size && memchr(record_starts, s->o.out.data[before], sizeof(record_starts))) {
            KILN_AUTO_FREE char *start = kiln_xmalloc(n); /* only the header may go */

            memcpy(start, s->o.out.data + before, n);
            kiln_str_truncate(&s->o.out, before);
            if (!wait_answers(s, err))
                return false;
            kiln_str_add(&s->o.out, start, n);
        }
        left -= n;
        if (s->o.out.len >= KILN_OUTGOING_WORTH && !flush(s, err))
            return false;
    }
    return true;
}

static bool send_file(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                      struct kiln_err *err)
{
    struct sender *s = ud;
    KILN_AUTO_FD fd = kiln_outgoing_open(path, &size, err); /* what it has now */

    if (fd < 0 || !add_record(s, 'C', mode, size, name, err) ||
        !send_content(s, fd, path, size, kiln_sent_file(s->o.sent, name), err))
        return false;
    kiln_str_addc(&s->o.out, '\0');
    s->due++;
    return check(s, err);
}

static bool enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    kiln_sent_enter(s->o.sent, name);
    return add_record(s, 'D', mode, 0, name, err) && wait_answers(s, err);
}

static bool leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    (void)mode;
    kiln_sent_leave(s->o.sent);
    kiln_str_adds(&s->o.out, "E\n");
    s->due++;
    return check(s, err);
}

static void start(struct sender *s)
{
    s->o.ch->output = on_output;
    s->o.ch->ud = s;
    s->due = 1; /* scp greets */
}

static bool finish(struct sender *s, bool ok, struct kiln_err *err)
{
    ok = ok && wait_answers(s, err) && kiln_scp_finish(s->o.ch, &s->words, s->o.cancel, err);
    s->o.ch->output = NULL;
    kiln_str_done(&s->o.out);
    kiln_str_done(&s->complaint);
    return ok;
}

bool kiln_scp_put(struct kiln_channel *ch, const char *src, const char *name, mode_t mode,
                  const struct kiln_transfer *t, struct kiln_sent *sent, struct kiln_cancel *c,
                  struct kiln_err *err)
{
    struct sender s = { .o = { .ch = ch, .transfer = t, .sent = sent, .cancel = c } };
    struct stat st;

    if (stat(src, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", src);
    s.o.total = (uint64_t)st.st_size;
    start(&s);
    return finish(&s, wait_answers(&s, err) && send_file(&s, src, name, mode, 0, err), err);
}

bool kiln_scp_put_dir(struct kiln_channel *ch, const char *src, bool contents,
                      const struct kiln_transfer *t, struct kiln_sent *sent, struct kiln_cancel *c,
                      struct kiln_err *err)
{
    struct sender s = { .o = { .ch = ch, .transfer = t, .sent = sent, .cancel = c } };
    const struct kiln_dir_visitor visitor = { enter, leave, send_file, &s };
    bool ok;
    KILN_AUTO_FREE char *name = kiln_dir_name(src);
    struct stat st;

    if (stat(src, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", src);
    start(&s);
    ok = wait_answers(&s, err) && (contents || enter(&s, name, st.st_mode & 0777, err)) &&
         kiln_dir_walk(src, &visitor, err) && (contents || leave(&s, 0, err));
    return finish(&s, ok, err);
}
