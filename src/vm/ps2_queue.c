#include "vm/ps2_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/mem.h"

#define MAX_LINE     256
#define RELEASE      0xF0 /* of the key that follows: QEMU makes one byte of both, as PCs did */
#define READ_AT_ONCE 4096

struct kiln_ps2_queue {
    struct kiln_qmp *qmp;
    int fd;
    struct kiln_lines lines;
    struct kiln_ps2_count count;
};

/* The number behind `word`, anywhere in the line: there may be a time before it. */
static bool number_behind(const char *line, const char *word, uint64_t *ret)
{
    const char *at = strstr(line, word);
    char *end;

    if (!at)
        return false;
    at += strlen(word);
    *ret = strtoull(at, &end, 16);
    return end != at;
}

void kiln_ps2_count_line(struct kiln_ps2_count *count, const char *line, size_t len)
{
    char text[MAX_LINE];
    uint64_t which, code;

    (void)snprintf(text, sizeof(text), "%.*s", (int)(len < MAX_LINE ? len : MAX_LINE - 1), line);
    if (number_behind(text, "ps2_put_keycode 0x", &which) &&
        number_behind(text, " keycode 0x", &code)) {
        count->keyboard = which;
        count->puts++;
        count->unread += code != RELEASE;
    } else if (number_behind(text, "ps2_read_data 0x", &which)) {
        count->unread -= which == count->keyboard && count->unread > 0;
    } else if (strstr(text, "ps2_kbd_reset 0x")) {
        count->unread = 0;
    }
}

static void take_line(void *ud, const char *line, size_t len)
{
    kiln_ps2_count_line(&((struct kiln_ps2_queue *)ud)->count, line, len);
}

/* ---- QEMU ---- */

static bool note(struct kiln_qmp *qmp, const char *event, bool on, struct kiln_cancel *c,
                 int64_t deadline, struct kiln_err *err)
{
    KILN_AUTO_JSON *args = json_object_new_object();

    (void)json_object_object_add(args, "name", json_object_new_string(event));
    (void)json_object_object_add(args, "enable", json_object_new_boolean(on));
    return kiln_qmp_execute(qmp, "trace-event-set-state", args, c, deadline, NULL, err);
}

static bool note_all(struct kiln_qmp *qmp, bool on, struct kiln_cancel *c, int64_t deadline,
                     struct kiln_err *err)
{
    static const char *const events[] = { "ps2_put_keycode", "ps2_read_data", "ps2_kbd_reset" };
    bool ok = true;

    for (size_t i = 0; i < KILN_COUNT(events) && ok; i++)
        ok = note(qmp, events[i], on, c, deadline, err);
    return ok;
}

/* The monitor has C's rules for what stands in quotes. */
static bool set_log(struct kiln_qmp *qmp, const char *path, struct kiln_cancel *c, int64_t deadline,
                    struct kiln_err *err)
{
    KILN_AUTO_STR line = { 0 };
    KILN_AUTO_FREE char *said = NULL;

    kiln_str_adds(&line, "logfile \"");
    for (const char *p = path; *p; p++) {
        if (*p == '"' || *p == '\\')
            kiln_str_addc(&line, '\\');
        kiln_str_addc(&line, *p);
    }
    kiln_str_addc(&line, '"');
    if (!kiln_qmp_human(qmp, kiln_str_cstr(&line), c, deadline, &said, err))
        return false;
    return !*said || kiln_err_set(err, KILN_ERR_REMOTE, "QEMU's log: %s", said);
}

bool kiln_ps2_queue_watch(struct kiln_ps2_queue **ret, struct kiln_qmp *qmp, const char *path,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct kiln_ps2_queue *q;
    KILN_AUTO_FD fd = -1;

    if (!set_log(qmp, path, c, deadline, err))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kiln_err_sys(err, errno, "open %s", path);
    (void)unlink(path); /* both have it open: what spells passwords has no name */
    if (!note_all(qmp, true, c, deadline, err))
        return false;
    q = kiln_xcalloc(1, sizeof(*q));
    q->qmp = qmp;
    q->fd = fd;
    fd = -1;
    q->lines = (struct kiln_lines)KILN_LINES_INIT(take_line, q);
    *ret = q;
    return true;
}

void kiln_ps2_queue_free(struct kiln_ps2_queue *q, int64_t deadline)
{
    if (!q)
        return;
    (void)note_all(q->qmp, false, NULL, deadline, NULL);
    kiln_lines_done(&q->lines);
    kiln_fd_closep(&q->fd);
    free(q);
}

const struct kiln_ps2_count *kiln_ps2_queue_look(struct kiln_ps2_queue *q)
{
    char piece[READ_AT_ONCE];
    ssize_t n;

    while ((n = kiln_fs_read_some(q->fd, piece, sizeof(piece))) > 0)
        kiln_lines_feed(&q->lines, piece, (size_t)n);
    return &q->count;
}
