#include "engine/build.h"
#include "engine/debugger.h"
#include "engine/ladder.h"
#include "engine/postprocess.h"

enum { STATUS_OK, STATUS_FAILED, STATUS_CANCELLED }; /* of BUILD_END */

static void tell_artifacts(struct kiln_build *b, const struct kiln_results *results)
{
    for (size_t i = 0; i < results->n; i++) {
        const struct kiln_artifact *a = results->v[i];
        struct kiln_event ev = {
            .type = KILN_EV_ARTIFACT,
            .index = (int64_t)i,
            .name = a->builder_id,
            .id = a->id,
            .text = a->text,
            .len = strlen(a->text),
            .names = &a->files,
        };

        kiln_emit(b, &ev);
    }
}

static void tell_rung(void *ud, enum kiln_rung rung, enum kiln_rung_state from,
                      enum kiln_rung_state to, const char *detail)
{
    struct kiln_event ev = { .type = KILN_EV_RUNG,
                             .index = (int64_t)rung,
                             .name = kiln_rung_name(rung),
                             .from = kiln_rung_state_name(from),
                             .to = kiln_rung_state_name(to),
                             .text = detail,
                             .len = strlen(detail) };

    kiln_emit(ud, &ev);
}

static void tell_end(struct kiln_build *b, const struct kiln_err *failure)
{
    struct kiln_event ev = { .type = KILN_EV_BUILD_END, .status = STATUS_OK };

    if (failure->kind != KILN_ERR_NONE) {
        ev.status = failure->kind == KILN_ERR_CANCELLED ? STATUS_CANCELLED : STATUS_FAILED;
        ev.text = kiln_err_text(failure);
        ev.len = strlen(ev.text);
    }
    kiln_emit(b, &ev);
}

/* From here on the output is a result: a crash of this process must not delete it. */
static void release_output(struct kiln_build *b, struct kiln_artifact *built)
{
    if (!b->ledger)
        return;
    KILN_STRV_FOREACH (path, &built->own) {
        kiln_ledger_drop(b->ledger, KILN_OWNED_OUTPUT, path);
    }
}

static bool run_builder(struct kiln_build *b, struct kiln_artifact **ret, struct kiln_err *err)
{
    if (b->ops->run(b->cfg, b, ret, err))
        return true;
    if (kiln_cancel_fired(b->cancel))
        return kiln_err_set(err, KILN_ERR_CANCELLED, "Build was cancelled.");
    if (err->kind == KILN_ERR_CANCELLED) /* by nobody: a failure like any other */
        err->kind = KILN_ERR_SYSTEM;
    return false;
}

bool kiln_build_run(struct kiln_build *b, struct kiln_results *ret, struct kiln_err *err)
{
    struct kiln_event start = { .type = KILN_EV_BUILD_START };
    struct kiln_artifact *built = NULL;
    KILN_AUTO_ERR failure = { 0 };
    bool ok;

    if (b->bus)
        kiln_bus_add_secrets(b->bus, &b->secrets);
    kiln_emit(b, &start);
    kiln_debugger_begin(b);
    b->ladder = kiln_ladder_new(tell_rung, b);
    ok = run_builder(b, &built, &failure);
    kiln_ladder_free(b->ladder);
    b->ladder = NULL;
    kiln_debugger_steps(b, NULL, 0); /* in case it has none */
    if (ok && built) {
        release_output(b, built);
        ok = kiln_postprocess(b, built, ret, &failure);
    } else if (ok && kiln_cancel_fired(b->cancel)) {
        ok = kiln_err_set(&failure, KILN_ERR_CANCELLED, "Build was cancelled.");
    }
    kiln_artifact_unref(built);
    kiln_debugger_end(b);
    if (ok)
        tell_artifacts(b, ret);
    tell_end(b, &failure);
    return ok || kiln_err_move(err, &failure);
}
