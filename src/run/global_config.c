#include "run/global_config.h"

#include <errno.h>
#include <json-c/json.h>

#include "base/fs.h"
#include "base/mem.h"

#define MAX_DEPTH 32

static const char fix[] = "kiln needs nothing of it: repair it, remove it, or let PACKER_CONFIG "
                          "name another file";

/* Members whose type Packer insists on; it knows no others that matter. */
static const struct {
    const char *key;
    enum json_type type;
    const char *want;
} members[] = {
    { "disable_checkpoint", json_type_boolean, "true or false" },
    { "disable_checkpoint_signature", json_type_boolean, "true or false" },
    { "builders", json_type_object, "an object" },
    { "provisioners", json_type_object, "an object" },
    { "post-processors", json_type_object, "an object" },
};

/* NULL: there is none to look for. Caller frees. */
static char *config_path(void)
{
    const char *path = getenv("PACKER_CONFIG"), *home = getenv("HOME");

    if (path && path[0])
        return kiln_xstrdup(path);
    return home && home[0] ? kiln_path_join(home, ".packerconfig") : NULL;
}

static bool check_members(struct json_object *o, struct kiln_source *s, struct kiln_diag *diag)
{
    bool ok = true;

    for (size_t i = 0; i < KILN_COUNT(members); i++) {
        struct json_object *v;

        if (json_object_object_get_ex(o, members[i].key, &v) && v &&
            !json_object_is_type(v, members[i].type))
            ok = kiln_diag_error(diag, s, KILN_NO_PLACE, fix,
                                 "Error loading configuration: \"%s\" must be %s", members[i].key,
                                 members[i].want);
    }
    return ok;
}

static bool check_text(struct kiln_source *s, struct kiln_diag *diag)
{
    struct json_tokener *tok = json_tokener_new_ex(MAX_DEPTH);
    struct json_object *o;
    enum json_tokener_error error;
    size_t end;
    bool ok;

    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    o = json_tokener_parse_ex(tok, s->text, (int)s->len);
    error = json_tokener_get_error(tok);
    end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (error == json_tokener_continue)
        ok = kiln_diag_error(diag, s, s->len, fix, "Error loading configuration: it ends early");
    else if (error != json_tokener_success)
        ok = kiln_diag_error(diag, s, end, fix, "Error loading configuration: %s",
                             json_tokener_error_desc(error));
    else if (!json_object_is_type(o, json_type_object))
        ok = kiln_diag_error(diag, s, 0, fix, "Error loading configuration: not an object");
    else
        ok = check_members(o, s, diag);
    (void)json_object_put(o);
    return ok;
}

bool kiln_global_config_check(struct kiln_diag *diag)
{
    KILN_AUTO_FREE char *path = config_path();
    struct kiln_source *s = NULL;
    KILN_AUTO_ERR err = { 0 };
    bool ok;

    if (!path)
        return true;
    if (!kiln_source_read(&s, path, &err)) {
        if (err.os_errno == ENOENT)
            return true;
        (void)kiln_err_wrap(&err, "Error loading configuration");
        return kiln_diag_take(diag, NULL, KILN_NO_PLACE, &err);
    }
    ok = check_text(s, diag);
    kiln_source_unref(s);
    return ok;
}
