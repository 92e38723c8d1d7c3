/*
 * JSON templates: the first line may be a -var flag ("name=value"), the rest is the template. Looks
 * for crashes, and for texts on which the scanner and json-c disagree.
 */
#include <stdint.h>

#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_diag(const struct kiln_diag *diag)
{
    KILN_AUTO_STR text = { 0 };

    kiln_diag_format_all(diag, NULL, &text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 && text.data[i] != '\n')
            abort(); /* a control byte would reach the terminal */
    for (size_t i = 0; i < diag->n; i++)
        if (kiln_has_prefix(diag->items[i].text, "json-c: "))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_source *source;
    struct kiln_template *t;
    struct kiln_diag diag = { 0 };
    struct kiln_var_flags flags = { 0 };
    struct kiln_vars vars = { 0 };
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_STR set = { 0 };
    const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;

    if (nl && data[0] != '{') {
        kiln_str_add(&set, data, (size_t)(nl - data));
        kiln_strv_add(&flags.sets, kiln_str_cstr(&set));
        size -= (size_t)(nl + 1 - data);
        data = nl + 1;
    }
    source = kiln_source_new("fuzz.json", (const char *)data, size);
    t = kiln_template_load(source, "fuzz.json", &diag);
    kiln_source_unref(source);
    if (!t != (diag.errors > 0))
        abort();
    if (t) {
        bool resolved = kiln_vars_resolve(t, &flags, 1700000000000000, NULL, &vars, &diag);

        (void)kiln_template_check(t, resolved ? &vars : NULL, 1700000000000000, &names, &diag);
    }
    check_diag(&diag);
    kiln_template_free(t);
    kiln_vars_done(&vars);
    kiln_var_flags_done(&flags);
    kiln_diag_done(&diag);
    return 0;
}
