#include "vm/qmp_codec.h"

#include <json-c/json.h>

#include "base/json.h"
#include "base/limits.h"

#define QMP_MAX_DEPTH 32 /* QEMU's own replies nest about ten levels */

void kiln_qmp_message_done(struct kiln_qmp_message *m)
{
    json_object_put(m->root);
    *m = (struct kiln_qmp_message){ 0 };
}

void kiln_qmp_codec_done(struct kiln_qmp_codec *c)
{
    kiln_str_done(&c->in);
    c->scanned = 0;
}

bool kiln_qmp_codec_feed(struct kiln_qmp_codec *c, const void *data, size_t len,
                         struct kiln_err *err)
{
    /* A whole message plus what came in the same read; `next` is called after every feed. */
    c->in.max = 2 * KILN_MAX_QMP_MESSAGE;
    kiln_str_add(&c->in, data, len);
    if (!kiln_str_ok(&c->in, "QMP message", err))
        return false;
    if (c->in.len > KILN_MAX_QMP_MESSAGE && !memchr(c->in.data, '\n', KILN_MAX_QMP_MESSAGE))
        return kiln_err_set(err, KILN_ERR_REMOTE, "QMP message is longer than %u bytes",
                            KILN_MAX_QMP_MESSAGE);
    return true;
}

static struct json_object *member(struct json_object *obj, const char *key, enum json_type type)
{
    struct json_object *value;

    if (!json_object_is_type(obj, json_type_object) || !json_object_object_get_ex(obj, key, &value))
        return NULL;
    return json_object_is_type(value, type) ? value : NULL;
}

static uint64_t message_id(struct json_object *root)
{
    struct json_object *id = member(root, "id", json_type_int);

    return id && json_object_get_int64(id) > 0 ? (uint64_t)json_object_get_int64(id) : 0;
}

/* Tell what kind of document it is; false: none that QMP knows. */
static bool classify(struct json_object *root, struct kiln_qmp_message *m)
{
    struct json_object *o;

    *m = (struct kiln_qmp_message){ .root = root, .id = message_id(root) };
    if ((o = member(root, "QMP", json_type_object))) {
        m->type = KILN_QMP_GREETING;
        m->data = o;
        return true;
    }
    if (json_object_object_get_ex(root, "return", &m->data)) {
        m->type = KILN_QMP_RETURN;
        return true;
    }
    if ((o = member(root, "error", json_type_object))) {
        m->type = KILN_QMP_ERROR;
        o = member(o, "desc", json_type_string);
        m->text = o ? json_object_get_string(o) : "no reason given";
        return true;
    }
    if ((o = member(root, "event", json_type_string))) {
        m->type = KILN_QMP_EVENT;
        m->name = json_object_get_string(o);
        m->data = member(root, "data", json_type_object);
        return true;
    }
    return false;
}

/* The bytes of the next line without its end; false: none yet. */
static bool find_line(struct kiln_qmp_codec *c, size_t *ret_len)
{
    const char *nl;

    if (c->scanned >= c->in.len)
        return false;
    nl = memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned);
    if (!nl) {
        c->scanned = c->in.len;
        return false;
    }
    *ret_len = (size_t)(nl - c->in.data);
    return true;
}

enum kiln_qmp_next kiln_qmp_codec_next(struct kiln_qmp_codec *c, struct kiln_qmp_message *ret_msg,
                                       struct kiln_err *err)
{
    struct kiln_qmp_message m;
    struct json_object *root;
    size_t len;

    while (find_line(c, &len)) {
        size_t text = len;

        while (text > 0 && (unsigned char)c->in.data[text - 1] <= ' ')
            text--;
        root = text > 0 ? kiln_json_read(c->in.data, text, QMP_MAX_DEPTH, err) : NULL;
        kiln_str_remove(&c->in, 0, len + 1);
        c->scanned = 0;
        if (text == 0)
            continue; /* an empty line separates nothing */
        if (!root) {
            (void)kiln_err_wrap(err, "not a QMP message");
            return KILN_QMP_BAD;
        }
        if (classify(root, &m)) {
            *ret_msg = m;
            return KILN_QMP_MESSAGE;
        }
        json_object_put(root);
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "a QMP message of an unknown kind");
        return KILN_QMP_BAD;
    }
    return KILN_QMP_MORE;
}

void kiln_qmp_encode(struct kiln_str *out, uint64_t id, const char *command,
                     struct json_object *args)
{
    struct json_object *cmd = json_object_new_object();

    json_object_object_add(cmd, "execute", json_object_new_string(command));
    if (args)
        json_object_object_add(cmd, "arguments", json_object_get(args));
    json_object_object_add(cmd, "id", json_object_new_int64((int64_t)id));
    kiln_str_adds(out, json_object_to_json_string_ext(cmd, JSON_C_TO_STRING_PLAIN));
    kiln_str_addc(out, '\n');
    json_object_put(cmd);
}
