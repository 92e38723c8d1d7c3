#include "communicator/tar_put.h"

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/tar.h"
#include "communicator/last_words.h"
#include "communicator/outgoing.h"
#include "communicator/scp.h"

#define HELLO_LIMIT KILN_SECOND(10) /* until the guest has looked around */
#define HELLO_MAX   (64u << 10)     /* bytes that it may say about it */

/*
 * Arguments: name, dst. Lines on stdout, of which ours begin with a slash, as no file name does:
 *
 * - `/kiln-tar none`: no tar, or one that takes other options, or nothing could be read back.
 * - `/kiln-tar into UMASK`: dst is a directory; `made`: it is missing, and will be made.
 * - Names: what is in it, if contents are to be sent.
 * - `/kiln-tar go`: all is told. It waits for a line, the mode of dst.
 * - `/kiln-tar run`: what follows is tar's.
 *
 * In all other cases it ends without a word: scp will find better ones. All modes are sent as they
 * are to be, hence -p, and umask 0 for the tar that obeys it nevertheless (busybox, not root).
 */
static const char look_for_tar[] =
    "if command -v xargs >/dev/null && dd if=/dev/zero bs=512 count=20 2>/dev/null | "
    "tar -xmopf - >/dev/null 2>&1; then :; else echo /kiln-tar none; exit; fi; ";
static const char look_around[] =
    "if [ -d \"$2\" ]; then how=into; cd \"$2\" || exit; "
    "if [ -n \"$1\" ]; then if [ -e \"$1\" ] || [ -L \"$1\" ]; then exit; fi; fi; "
    "elif [ -z \"$1\" ] || [ -e \"$2\" ] || [ -L \"$2\" ]; then exit; "
    "else how=made; fi; "
    "echo /kiln-tar $how $mask; if [ -z \"$1\" ]; then ls -A || exit; fi; echo /kiln-tar go; "
    "read -r mode || exit; "
    "if [ $how = made ]; then mkdir -m \"$mode\" \"$2\" && cd \"$2\" || exit; fi; "
    "umask 0; echo /kiln-tar run; exec tar -xmopf -";

char *kiln_tar_command(const char *dst, const char *name, bool tested)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_addf(&out,
                  "exec sh -c 'unset CDPATH TAR_OPTIONS; export LC_ALL=C; mask=$(umask); "
                  "[ $# = 2 ] || exit; %s%s' sh ",
                  tested ? "" : look_for_tar, look_around);
    kiln_shell_add_quoted(&out, name);
    kiln_str_addc(&out, ' ');
    kiln_scp_add_path(&out, dst);
    return kiln_str_steal(&out);
}

/* ---- what the guest says ---- */

enum stage {
    STAGE_LOOKS, /* the guest does */
    STAGE_LISTS,
    STAGE_WAITS, /* for us */
    STAGE_RUNS,  /* tar does */
};

struct sender {
    struct kiln_outgoing o;
    const struct kiln_dir_survey *survey;
    struct kiln_str path; /* of the directory at hand: "a/b/", or "" */
    enum stage stage;
    struct kiln_str line;
    size_t said; /* bytes of lines */
    mode_t umask;
    bool missing, made;
    bool taken; /* a name is there already */
    struct kiln_last_words words;
};

static int compare(const void *name, const void *entry)
{
    return strcmp(name, *(char *const *)entry);
}

static bool is_ours(const struct kiln_strv *names, const char *name)
{
    return names->n > 0 && bsearch(name, names->v, names->n, sizeof(*names->v), compare) != NULL;
}

static bool take_mask(struct sender *s, const char *digits)
{
    char *end;
    unsigned long mask = strtoul(digits, &end, 8);

    if (end == digits || *end || mask > 0777)
        return false;
    s->umask = (mode_t)mask;
    return true;
}

static void take_line(struct sender *s, const char *line)
{
    static const char word[] = "/kiln-tar ", into[] = "into ", made[] = "made ";
    const char *rest = kiln_has_prefix(line, word) ? line + strlen(word) : "";

    switch (s->stage) {
    case STAGE_LOOKS:
        s->missing = s->missing || kiln_streq(rest, "none");
        s->made = kiln_has_prefix(rest, made);
        if ((s->made || kiln_has_prefix(rest, into)) && take_mask(s, rest + strlen(into)))
            s->stage = STAGE_LISTS;
        break;
    case STAGE_LISTS:
        if (kiln_streq(rest, "go"))
            s->stage = STAGE_WAITS;
        s->taken = s->taken || is_ours(&s->survey->names, line);
        break;
    case STAGE_WAITS:
        if (kiln_streq(rest, "run"))
            s->stage = STAGE_RUNS;
        break;
    case STAGE_RUNS:
        break;
    }
}

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct sender *s = ud;

    if (is_stderr) {
        kiln_last_words_add(&s->words, data, len);
        return;
    }
    for (size_t i = 0; i < len && s->said < HELLO_MAX; i++, s->said++) {
        if (data[i] != '\n') {
            kiln_str_addc(&s->line, data[i]);
            continue;
        }
        take_line(s, kiln_str_cstr(&s->line));
        kiln_str_clear(&s->line);
    }
}

static enum kiln_tar_end hear(struct sender *s, struct kiln_err *err)
{
    int64_t deadline = kiln_cancel_deadline(s->o.cancel, HELLO_LIMIT);
    struct kiln_channel *ch = s->o.ch;

    while (s->stage < STAGE_WAITS && !s->missing && !ch->closed && s->said < HELLO_MAX) {
        KILN_AUTO_ERR why = { 0 };

        switch (ch->ops->pump(ch, s->o.cancel, deadline, &why)) {
        case KILN_WAIT_READY:
            break;
        case KILN_WAIT_TIMEOUT:
            return KILN_TAR_MISSING;
        case KILN_WAIT_CANCELLED:
        case KILN_WAIT_ERROR:
            (void)kiln_err_move(err, &why);
            return KILN_TAR_FAILED;
        }
    }
    if (s->missing)
        return KILN_TAR_MISSING;
    return s->stage == STAGE_WAITS && !s->taken ? KILN_TAR_DONE : KILN_TAR_UNFIT;
}

/* ---- what is sent ---- */

static bool flush(struct sender *s, struct kiln_err *err)
{
    bool ok = kiln_channel_write(s->o.ch, s->o.out.data, s->o.out.len, s->o.cancel, err);

    kiln_str_clear(&s->o.out);
    return ok;
}

static void add_zeros(struct sender *s, size_t n)
{
    memset(kiln_str_space(&s->o.out, n), 0, n);
    kiln_str_commit(&s->o.out, n);
}

static bool send_file(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                      struct kiln_err *err)
{
    struct sender *s = ud;
    KILN_AUTO_FD fd = kiln_outgoing_open(path, &size, err); /* what it has now */
    size_t file = kiln_sent_file(s->o.sent, name), before = s->path.len, n = 0;

    if (fd < 0)
        return false;
    kiln_str_adds(&s->path, name);
    kiln_tar_entry(&s->o.out, false, kiln_str_cstr(&s->path), mode & ~s->umask, size);
    kiln_str_truncate(&s->path, before);
    for (uint64_t left = size; left > 0; left -= n) {
        if (!kiln_outgoing_read(&s->o, fd, path, left, file, &n, err) ||
            (s->o.out.len >= KILN_OUTGOING_WORTH && !flush(s, err)))
            return false;
    }
    add_zeros(s, kiln_tar_padding(size));
    return s->o.out.len < KILN_OUTGOING_WORTH || flush(s, err);
}

static bool enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    (void)err;
    kiln_sent_enter(s->o.sent, name);
    kiln_str_addf(&s->path, "%s/", name);
    kiln_tar_entry(&s->o.out, true, kiln_str_cstr(&s->path), mode & ~s->umask, 0);
    return true;
}

static bool leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;
    size_t end = s->path.len - 1;

    (void)mode, (void)err;
    while (end > 0 && s->path.data[end - 1] != '/')
        end--;
    kiln_str_truncate(&s->path, end);
    kiln_sent_leave(s->o.sent);
    return true;
}

static bool send_all(struct sender *s, const char *src, const char *name, struct kiln_err *err)
{
    const struct kiln_dir_visitor visitor = { enter, leave, send_file, s };
    bool below = *name && !s->made;

    kiln_str_addf(&s->o.out, "%04o\n", (unsigned)(s->survey->mode & ~s->umask));
    if ((below && !enter(s, name, s->survey->mode, err)) || !kiln_dir_walk(src, &visitor, err))
        return false;
    add_zeros(s, KILN_TAR_END);
    return flush(s, err) && kiln_channel_finish(s->o.ch, s->o.cancel, err);
}

/* Nothing can be done about a connection, or a file here; but without tar it may go better. */
static enum kiln_tar_end ended(const struct sender *s, bool ok, struct kiln_err *why,
                               struct kiln_err *err)
{
    const struct kiln_channel *ch = s->o.ch;
    KILN_AUTO_FREE char *words = kiln_last_words_line(&s->words);

    if (ok && ch->status == 0)
        return KILN_TAR_DONE;
    if (!ch->closed || ch->lost || (!ok && why->kind != KILN_ERR_REMOTE)) {
        (void)(ok ? kiln_err_set(err, KILN_ERR_REMOTE, "the connection to the guest was lost")
                  : kiln_err_move(err, why));
        return KILN_TAR_FAILED;
    }
    if (s->stage != STAGE_RUNS)
        return KILN_TAR_UNFIT;
    (void)kiln_err_set(err, KILN_ERR_REMOTE, "tar in the guest ended with status %d%s%s",
                       ch->status, *words ? ": " : "", words);
    return KILN_TAR_BROKE;
}

enum kiln_tar_end kiln_tar_put_dir(struct kiln_channel *ch, const char *src, const char *name,
                                   const struct kiln_dir_survey *survey,
                                   const struct kiln_transfer *t, struct kiln_sent *sent,
                                   bool *ret_made, struct kiln_cancel *c, struct kiln_err *err)
{
    struct sender s = { .survey = survey };
    KILN_AUTO_ERR why = { 0 };
    enum kiln_tar_end end;

    s.o = (struct kiln_outgoing){
        .ch = ch, .transfer = t, .sent = sent, .cancel = c, .total = survey->bytes
    };
    ch->output = on_output;
    ch->ud = &s;
    end = hear(&s, err);
    if (end == KILN_TAR_DONE) {
        bool ok = send_all(&s, src, name, &why);

        end = ended(&s, ok, &why, err);
    }
    ch->output = NULL;
    *ret_made = s.made;
    kiln_str_done(&s.o.out);
    kiln_str_done(&s.path);
    kiln_str_done(&s.line);
    return end;
}
