#include "communicator/sftp_client.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/limits.h"

#define VERSION   3
#define HAS_SIZE  1u
#define HAS_OWNER 2u
#define HAS_MODE  4u

/* ---- out ---- */

void kiln_sftp_add_u32(struct kiln_sftp *s, uint32_t value)
{
    char bytes[4];

    kiln_put_be32(bytes, value);
    kiln_str_add(&s->out, bytes, sizeof(bytes));
}

void kiln_sftp_add_u64(struct kiln_sftp *s, uint64_t value)
{
    kiln_sftp_add_u32(s, (uint32_t)(value >> 32));
    kiln_sftp_add_u32(s, (uint32_t)value);
}

void kiln_sftp_add_string(struct kiln_sftp *s, const void *data, size_t len)
{
    kiln_sftp_add_u32(s, (uint32_t)len);
    kiln_str_add(&s->out, data, len);
}

void kiln_sftp_add_mode(struct kiln_sftp *s, uint32_t mode)
{
    kiln_sftp_add_u32(s, HAS_MODE);
    kiln_sftp_add_u32(s, mode);
}

void kiln_sftp_request(struct kiln_sftp *s, enum kiln_sftp_type type)
{
    s->start = s->out.len;
    kiln_sftp_add_u32(s, 0); /* length: known when it is sent */
    kiln_str_addc(&s->out, (char)type);
    kiln_sftp_add_u32(s, s->next_id);
}

static void end_packet(struct kiln_sftp *s)
{
    kiln_put_be32(s->out.data + s->start, (uint32_t)(s->out.len - s->start - 4));
}

void kiln_sftp_send(struct kiln_sftp *s, kiln_sftp_answered *answered, void *ud, uint64_t offset,
                    uint32_t len)
{
    size_t i = 0;

    end_packet(s);
    while (s->requests[i].answered) {
        i++;
        assert(i < KILN_SFTP_REQUESTS);
    }
    s->requests[i].answered = answered;
    s->requests[i].ud = ud;
    s->requests[i].offset = offset;
    s->requests[i].len = len;
    s->requests[i].id = s->next_id++;
    s->under_way++;
}

bool kiln_sftp_has_room(const struct kiln_sftp *s)
{
    return s->under_way < KILN_SFTP_REQUESTS;
}

/* ---- in ---- */

/* What is left of a packet; `bad` once it was shorter than it said. */
struct reader {
    const char *p;
    size_t left;
    bool bad;
};

static uint32_t get_u32(struct reader *r)
{
    uint32_t v;

    if (r->left < 4) {
        r->bad = true;
        return 0;
    }
    v = kiln_be32(r->p);
    r->p += 4;
    r->left -= 4;
    return v;
}

static uint64_t get_u64(struct reader *r)
{
    uint64_t high = get_u32(r);

    return high << 32 | get_u32(r);
}

static void get_string(struct reader *r, const char **ret_data, size_t *ret_len)
{
    uint32_t len = get_u32(r);

    if (len > r->left) {
        r->bad = true;
        len = 0;
    }
    *ret_data = r->p;
    *ret_len = len;
    r->p += len;
    r->left -= len;
}

static void get_attrs(struct reader *r, struct kiln_sftp_answer *a)
{
    uint32_t flags = get_u32(r);

    a->size = flags & HAS_SIZE ? get_u64(r) : UINT64_MAX;
    if (flags & HAS_OWNER)
        (void)get_u64(r);
    a->mode = flags & HAS_MODE ? get_u32(r) : 0;
}

static void protocol_error(struct kiln_sftp *s, const char *what)
{
    if (s->err.kind == KILN_ERR_NONE)
        (void)kiln_err_set(&s->err, KILN_ERR_REMOTE, "sftp: the guest sent %s", what);
}

static void answer(struct kiln_sftp *s, uint32_t id, const struct kiln_sftp_answer *a)
{
    for (size_t i = 0; i < KILN_SFTP_REQUESTS; i++) {
        kiln_sftp_answered *answered = s->requests[i].answered;

        if (!answered || s->requests[i].id != id)
            continue;
        s->requests[i].answered = NULL;
        s->under_way--;
        answered(s, s->requests[i].ud, s->requests[i].offset, s->requests[i].len, a);
        return;
    }
    protocol_error(s, "an answer to a question that was not asked");
}

static void take_packet(struct kiln_sftp *s, const char *data, size_t len)
{
    struct reader r = { data + 1, len - 1, false };
    struct kiln_sftp_answer a = { .type = (unsigned char)data[0], .data = "" };
    uint32_t id = get_u32(&r); /* of VERSION: the version */

    if (a.type == KILN_SFTP_VERSION) {
        s->ready = true;
        return;
    }
    if (a.type == KILN_SFTP_STATUS) {
        a.status = get_u32(&r);
        if (r.left > 0) /* old servers say nothing more */
            get_string(&r, &a.data, &a.len);
    } else if (a.type == KILN_SFTP_HANDLE || a.type == KILN_SFTP_DATA) {
        get_string(&r, &a.data, &a.len);
    } else if (a.type == KILN_SFTP_ATTRS) {
        get_attrs(&r, &a);
    } else {
        protocol_error(s, "an answer of an unknown kind");
        return;
    }
    if (r.bad)
        protocol_error(s, "an answer that is cut short");
    else
        answer(s, id, &a);
}

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct kiln_sftp *s = ud;
    size_t at = 0;

    if (is_stderr || s->err.kind != KILN_ERR_NONE)
        return;
    kiln_str_add(&s->in, data, len);
    while (s->in.len - at >= 4 && s->err.kind == KILN_ERR_NONE) {
        struct reader r = { s->in.data + at, 4, false };
        uint32_t size = get_u32(&r);

        if (size < 5 || size > KILN_MAX_SFTP_PACKET) {
            protocol_error(s, "something else than SFTP: does its shell print anything when it "
                              "starts?");
        } else if (s->in.len - at - 4 < size) {
            break;
        } else {
            take_packet(s, s->in.data + at + 4, size);
            at += 4 + size;
        }
    }
    kiln_str_remove(&s->in, 0, at);
    s->answered = true;
}

/* ---- both ---- */

/* What the other side said went wrong says more than that the writing failed. */
static bool outcome(struct kiln_sftp *s, bool ok, struct kiln_err *why, struct kiln_err *err)
{
    if (s->err.kind != KILN_ERR_NONE)
        return kiln_err_move(err, &s->err);
    return ok || kiln_err_move(err, why);
}

bool kiln_sftp_flush(struct kiln_sftp *s, struct kiln_err *err)
{
    struct kiln_str empty = s->sending;
    KILN_AUTO_ERR why = { 0 };
    bool ok;

    s->sending = s->out;
    s->out = empty;
    ok = kiln_channel_write(s->ch, s->sending.data, s->sending.len, s->cancel, &why);
    kiln_str_clear(&s->sending);
    return outcome(s, ok, &why, err);
}

bool kiln_sftp_turn(struct kiln_sftp *s, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    s->answered = false;
    if (!kiln_sftp_flush(s, err))
        return false;
    return s->answered || outcome(s, kiln_channel_wait(s->ch, s->cancel, &why), &why, err);
}

bool kiln_sftp_begin(struct kiln_sftp *s, struct kiln_channel *ch, struct kiln_cancel *c,
                     struct kiln_err *err)
{
    *s = (struct kiln_sftp){ .ch = ch, .cancel = c };
    s->in.max = 2 * KILN_MAX_SFTP_PACKET;
    ch->output = on_output;
    ch->ud = s;
    kiln_sftp_add_u32(s, 5);
    kiln_str_addc(&s->out, KILN_SFTP_INIT);
    kiln_sftp_add_u32(s, VERSION);
    while (!s->ready) {
        if (!kiln_sftp_turn(s, err))
            return false;
    }
    return true;
}

void kiln_sftp_end(struct kiln_sftp *s)
{
    s->ch->output = NULL;
    kiln_str_done(&s->in);
    kiln_str_done(&s->out);
    kiln_str_done(&s->sending);
    kiln_err_clear(&s->err);
}

void kiln_sftp_fail(struct kiln_sftp *s, const char *path, const struct kiln_sftp_answer *a)
{
    static const char *const words[] = { "no error", "end of file", "file does not exist",
                                         "permission denied" };

    if (s->err.kind != KILN_ERR_NONE)
        return;
    if (a->type != KILN_SFTP_STATUS)
        protocol_error(s, "an answer that does not fit the question");
    else if (a->status < KILN_COUNT(words))
        (void)kiln_err_set(&s->err, KILN_ERR_REMOTE, "%s: %s", path, words[a->status]);
    else
        (void)kiln_err_set(&s->err, KILN_ERR_REMOTE, "%s: %.*s", path, a->len > 0 ? (int)a->len : 7,
                           a->len > 0 ? a->data : "failure");
}

const char *kiln_sftp_path(const char *path)
{
    if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
        return path;
    return path[1] == '/' && path[2] != '\0' ? path + 2 : ".";
}
