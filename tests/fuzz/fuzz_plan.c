/*
 * JSON templates whose builds are prepared: every option of every component is decoded through its
 * table and checked. Nothing starts, and the network stays alone. Looks for crashes and leaks.
 */
#include <stdint.h>

#include "run/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prepare(struct kiln_plan *plan)
{
    struct kiln_plan_options options = { .path = "fuzz.json", .check_only = true };

    if (kiln_plan_init(plan, &options))
        (void)kiln_plan_prepare(plan, &options);
    kiln_plan_options_done(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_plan plan = { .start_us = 1700000000000000 };
    struct kiln_source *source = kiln_source_new("fuzz.json", (const char *)data, size);

    plan.tpl = kiln_template_load(source, "fuzz.json", &plan.diag);
    kiln_source_unref(source);
    if (plan.tpl)
        prepare(&plan);
    kiln_plan_done(&plan);
    return 0;
}
