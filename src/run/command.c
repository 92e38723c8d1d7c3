#include "run/command.h"

#include <json-c/json.h>

#include "base/macros.h"
#include "base/mem.h"

static const char *const words[] = {
    [KILN_CMD_CANCEL] = "cancel",
    [KILN_CMD_ANSWER] = "answer",
};

void kiln_command_encode(const struct kiln_command *cmd, struct kiln_str *out)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "command", json_object_new_string(words[cmd->type]));
    if (cmd->type == KILN_CMD_ANSWER) {
        json_object_object_add(o, "prompt", json_object_new_int64(cmd->prompt));
        if (cmd->text)
            json_object_object_add(o, "text", json_object_new_string(cmd->text));
    }
    kiln_str_adds(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    kiln_str_addc(out, '\n');
    (void)json_object_put(o);
}

static bool decode_object(struct kiln_command *cmd, struct json_object *o, struct kiln_err *err)
{
    struct json_object *v = NULL;
    const char *word;

    if (!json_object_object_get_ex(o, "command", &v))
        return kiln_err_set(err, KILN_ERR_USER, "command: no \"command\" in it");
    word = json_object_get_string(v);
    for (size_t i = 0; i < KILN_COUNT(words); i++) {
        if (!kiln_streq(word, words[i]))
            continue;
        *cmd = (struct kiln_command){ .type = (enum kiln_command_type)i };
        if (json_object_object_get_ex(o, "prompt", &v))
            cmd->prompt = json_object_get_int64(v);
        if (json_object_object_get_ex(o, "text", &v) && json_object_is_type(v, json_type_string))
            cmd->text = kiln_xstrdup(json_object_get_string(v));
        return true;
    }
    return kiln_err_set(err, KILN_ERR_USER, "command: unknown command \"%s\"", word ? word : "");
}

bool kiln_command_decode(struct kiln_command *cmd, const char *line, size_t len,
                         struct kiln_err *err)
{
    struct json_tokener *tok = json_tokener_new_ex(8);
    struct json_object *o = json_tokener_parse_ex(tok, line, (int)len);
    bool ok;

    json_tokener_free(tok);
    if (!json_object_is_type(o, json_type_object)) {
        (void)json_object_put(o);
        return kiln_err_set(err, KILN_ERR_USER, "command: not a JSON object");
    }
    ok = decode_object(cmd, o, err);
    (void)json_object_put(o);
    return ok;
}

void kiln_command_done(struct kiln_command *cmd)
{
    free(cmd->text);
    *cmd = (struct kiln_command){ 0 };
}
