/* What to do about the mistakes that people make most. */
#include <ctype.h>

#include "base/mem.h"
#include "template/interp_priv.h"

#define QUOTES "quote text as `text` or \"text\"; 'x' is a single character, and “x” is nothing"

static const struct {
    const char *error; /* a part of it */
    const char *hint;
} hints[] = {
    { "env vars are not allowed here",
      "read it in \"variables\" ({{env `NAME`}}) and use {{user `variable`}} here" },
    { "unclosed action", "close it with }}" },
    { "unterminated", "end the text with the quote that begins it" },
    { "unclosed comment", "end it with */}}" },
    { "unclosed left paren", "add )" },
    { "missing value for command",
      "put something between {{ and }}, or write {{\"{{\"}} for braces" },
    { "unexpected EOF", "add {{end}}" },
    { "unexpected \"{\" in command", "write {{ twice, not three times" },
    { "expected string; found '", QUOTES },
    { "malformed character constant", QUOTES },
    { "unrecognized character in action", QUOTES },
    { "unexpected \"\\\\\" in", QUOTES },
    { "build_name not available", "it can be used in builders, provisioners and post-processors" },
    { "build_type not available", "it can be used in builders, provisioners and post-processors" },
    { "clean_resource_name", "it belongs to cloud builders; use replace_all" },
    { "clean_image_name", "it belongs to cloud builders; use replace_all" },
};

static char *nearest(const char *text, size_t offset)
{
    size_t len = 0;
    KILN_AUTO_FREE char *name = NULL;

    while (isalnum((unsigned char)text[offset + len]) || text[offset + len] == '_')
        len++;
    name = kiln_interp_nearest_func((struct kiln_span){ text + offset, len });
    return name ? kiln_xasprintf("did you mean \"%s\"?", name) : NULL;
}

char *kiln_interp_hint(const char *text, size_t offset, const struct kiln_err *err)
{
    const char *message = kiln_err_text(err);

    for (size_t i = 0; i < KILN_COUNT(hints); i++) {
        if (strstr(message, hints[i].error))
            return kiln_xstrdup(hints[i].hint);
    }
    if (kiln_has_suffix(message, "\" not defined") && strstr(message, ": function \""))
        return nearest(text, offset);
    return NULL;
}
