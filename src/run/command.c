#include "run/command.h"

#include <json-c/json.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

static const struct {
    const char *name;
    unsigned flags;
} commands[] = {
#define X(word, bits) { word, bits },
    KILN_COMMANDS(X)
#undef X
};

/* ---- encode ---- */

static void add_key(struct kiln_str *out, const char *key)
{
    kiln_str_addf(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", key);
}

static void add_string(struct kiln_str *out, const char *key, const char *value)
{
    if (!value)
        return;
    add_key(out, key);
    kiln_json_adds(out, value);
}

static void add_number(struct kiln_str *out, const char *key, int64_t value)
{
    if (value == 0)
        return;
    add_key(out, key);
    kiln_str_addf(out, "%lld", (long long)value);
}

static void add_lines(struct kiln_str *out, const struct kiln_strv *lines)
{
    if (!lines)
        return;
    add_key(out, "lines");
    kiln_json_add_strings(out, lines);
}

void kiln_command_encode(const struct kiln_request *req, bool has_id, int64_t id,
                         struct kiln_str *out)
{
    kiln_str_addc(out, '{');
    if (has_id)
        kiln_str_addf(out, "\"id\":%lld", (long long)id);
    add_string(out, "command", req->command);
    add_string(out, "build", req->build);
    add_string(out, "text", req->text);
    add_lines(out, req->lines);
    add_number(out, "number", req->number);
    add_number(out, "from", req->from);
    add_number(out, "keysym", req->keysym);
    add_number(out, "cols", req->cols);
    add_number(out, "rows", req->rows);
    if (req->on)
        kiln_str_adds(out, ",\"on\":true");
    kiln_str_adds(out, "}\n");
}

void kiln_command_encode_again(const struct kiln_command *cmd, int64_t id, struct kiln_str *out)
{
    const struct kiln_control_args *a = &cmd->args;
    const struct kiln_request req = {
        .command = cmd->name,
        .text = a->text,
        .lines = a->lines,
        .number = a->number,
        .from = a->from,
        .keysym = a->keysym,
        .on = a->on,
        .cols = a->cols,
        .rows = a->rows,
    };

    kiln_command_encode(&req, true, id, out);
}

void kiln_command_encode_reply(const char *error, const char *text, struct kiln_str *out)
{
    kiln_str_addf(out, ",\"ok\":%s", error ? "false" : "true");
    add_string(out, "error", error);
    add_string(out, "text", text);
    kiln_str_adds(out, "}\n");
}

/* ---- decode ---- */

static bool get(struct json_object *o, const char *key, enum json_type type, const char *what,
                struct json_object **ret, struct kiln_err *err)
{
    *ret = NULL;
    if (!json_object_object_get_ex(o, key, ret) || !*ret || json_object_is_type(*ret, type))
        return true;
    return kiln_err_set(err, KILN_ERR_USER, "\"%s\" must be %s", key, what);
}

/* The JSON library lets some bytes pass that are none. */
static bool is_utf8(const char *s, size_t len)
{
    unsigned cp;

    for (size_t i = 0, n; i < len; i += n) {
        n = kiln_utf8_decode(s + i, len - i, &cp);
        if (n == 0)
            return false;
    }
    return true;
}

/* A string that ends at its first NUL for everybody who reads it must not go on behind it. */
static bool copy_string(struct json_object *v, const char *key, char **ret, struct kiln_err *err)
{
    const char *s = json_object_get_string(v);

    if (!is_utf8(s, strlen(s)))
        return kiln_err_set(err, KILN_ERR_USER, "\"%s\" is not UTF-8", key);
    if (strlen(s) != (size_t)json_object_get_string_len(v))
        return kiln_err_set(err, KILN_ERR_USER, "\"%s\" has a NUL character in it", key);
    *ret = kiln_xstrdup(s);
    return true;
}

static bool get_string(struct json_object *o, const char *key, char **ret, struct kiln_err *err)
{
    struct json_object *v;

    return get(o, key, json_type_string, "a string", &v, err) &&
           (!v || copy_string(v, key, ret, err));
}

static bool get_number(struct json_object *o, const char *key, int64_t min, int64_t max,
                       int64_t *ret, struct kiln_err *err)
{
    struct json_object *v;

    if (!get(o, key, json_type_int, "a whole number", &v, err))
        return false;
    *ret = v ? json_object_get_int64(v) : 0;
    return (*ret >= min && *ret <= max) ||
           kiln_err_set(err, KILN_ERR_USER, "\"%s\" must be %lld to %lld", key, (long long)min,
                        (long long)max);
}

static bool get_lines(struct json_object *o, struct kiln_command *cmd, struct kiln_err *err)
{
    struct json_object *v;

    if (!get(o, "lines", json_type_array, "a list of strings", &v, err))
        return false;
    for (size_t i = 0; v && i < json_object_array_length(v); i++) {
        struct json_object *line = json_object_array_get_idx(v, i);
        char *copy = NULL;

        if (!json_object_is_type(line, json_type_string))
            return kiln_err_set(err, KILN_ERR_USER, "\"lines\" must be a list of strings");
        if (!copy_string(line, "lines", &copy, err))
            return false;
        kiln_strv_add_take(&cmd->lines, copy);
    }
    cmd->args.lines = v ? &cmd->lines : NULL;
    return true;
}

static bool get_numbers(struct json_object *o, struct kiln_control_args *a, struct kiln_err *err)
{
    int64_t keysym, cols, rows;
    struct json_object *on;

    if (!get_number(o, "number", 0, INT64_MAX, &a->number, err) ||
        !get_number(o, "from", 0, INT64_MAX, &a->from, err) ||
        !get_number(o, "keysym", 0, UINT32_MAX, &keysym, err) ||
        !get_number(o, "cols", 0, 10000, &cols, err) ||
        !get_number(o, "rows", 0, 10000, &rows, err) ||
        !get(o, "on", json_type_boolean, "true or false", &on, err))
        return false;
    a->keysym = (uint32_t)keysym;
    a->cols = (int)cols;
    a->rows = (int)rows;
    a->on = on && json_object_get_boolean(on);
    return true;
}

static bool get_name(struct json_object *o, struct kiln_command *cmd, struct kiln_err *err)
{
    KILN_AUTO_FREE char *word = NULL;

    if (!get_string(o, "command", &word, err))
        return false;
    if (!word)
        return kiln_err_set(err, KILN_ERR_USER, "there is no \"command\" in it");
    for (size_t i = 0; i < KILN_COUNT(commands); i++) {
        if (kiln_streq(word, commands[i].name)) {
            cmd->name = commands[i].name;
            cmd->flags = commands[i].flags;
            return true;
        }
    }
    return kiln_err_set(err, KILN_ERR_USER, "unknown command \"%.64s\"", word);
}

static bool check_members(const struct kiln_command *cmd, struct kiln_err *err)
{
    if ((cmd->flags & KILN_COMMAND_TEXT) && !cmd->text && !kiln_streq(cmd->name, "answer"))
        return kiln_err_set(err, KILN_ERR_USER, "\"%s\" wants a \"text\"", cmd->name);
    if ((cmd->flags & KILN_COMMAND_LINES) && !cmd->args.lines)
        return kiln_err_set(err, KILN_ERR_USER, "\"%s\" wants \"lines\"", cmd->name);
    return true;
}

static bool decode_object(struct kiln_command *cmd, struct json_object *o, struct kiln_err *err)
{
    struct json_object *id;

    if (!get(o, "id", json_type_int, "a whole number", &id, err))
        return false;
    cmd->has_id = id != NULL;
    cmd->id = id ? json_object_get_int64(id) : 0;
    if (!get_name(o, cmd, err) || !get_string(o, "build", &cmd->build, err) ||
        !get_string(o, "text", &cmd->text, err) || !get_lines(o, cmd, err) ||
        !get_numbers(o, &cmd->args, err))
        return false;
    cmd->args.text = cmd->text;
    return check_members(cmd, err);
}

bool kiln_command_decode(struct kiln_command *cmd, const char *line, size_t len,
                         struct kiln_err *err)
{
    KILN_AUTO_JSON *o = NULL;

    *cmd = (struct kiln_command){ 0 };
    if (len > KILN_MAX_COMMAND)
        return kiln_err_set(err, KILN_ERR_USER, "longer than %u bytes", KILN_MAX_COMMAND);
    o = kiln_json_read(line, len, KILN_COMMAND_DEPTH, NULL);
    return o ? decode_object(cmd, o, err)
             : kiln_err_set(err, KILN_ERR_USER, "not a JSON object on one line");
}

void kiln_command_done(struct kiln_command *cmd)
{
    free(cmd->build);
    free(cmd->text);
    kiln_strv_done(&cmd->lines);
    *cmd = (struct kiln_command){ 0 };
}
