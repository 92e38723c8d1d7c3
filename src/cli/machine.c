#include "cli/machine.h"

static void add_field(struct kiln_str *out, const char *field)
{
    for (const char *p = field; *p; p++) {
        if (*p == ',')
            kiln_str_adds(out, "%!(PACKER_COMMA)");
        else if (*p == '\r')
            kiln_str_adds(out, "\\r");
        else if (*p == '\n')
            kiln_str_adds(out, "\\n");
        else
            kiln_str_addc(out, *p);
    }
}

void kiln_machine_record(struct kiln_str *out, int64_t wall_us, const char *target,
                         const char *type, const char *const *fields, size_t n)
{
    kiln_str_addf(out, "%lld,%s,%s", (long long)(wall_us / 1000000), target, type);
    for (size_t i = 0; i < n; i++) {
        kiln_str_addc(out, ',');
        add_field(out, fields[i] ? fields[i] : "");
    }
    kiln_str_addc(out, '\n');
}
