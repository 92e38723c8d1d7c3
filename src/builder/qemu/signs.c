#include <json-c/json.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "builder/qemu/qemu.h"
#include "engine/ladder.h"
#include "vm/usernet.h"

/* Signs of life from below ssh: each raises or lowers a rung of the ladder, and is an event. */

#define STILL_US    KILN_SECOND(60) /* a screen that has not changed for so long stands still */
#define LOOK_LIMIT  KILN_SECOND(1)  /* for QEMU's answer */
#define OLD_FLOWS   KILN_SECOND(60) /* after a reset: connections to the guest that was */
#define MAX_PRINTED ((uint64_t)1 << 20)

/* ---- the beginning and the end ---- */

/* The path behind {{ .HTTPPort }} in the boot command: what the guest is told to fetch. Caller
 * frees; NULL: there is none. */
static char *answer_path(const struct kiln_qemu_options *o)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(&o->boot_command, "");
    const char *at = strstr(text, "HTTPPort");

    at = at ? strstr(at, "}}/") : NULL;
    return at ? kiln_xstrndup(at + 2, strcspn(at + 2, " \t\n<{\"'&;")) : NULL;
}

static void begin_answer(struct kiln_qemu_state *s)
{
    KILN_AUTO_FREE char *path = answer_path(s->o);

    if (s->http)
        kiln_ladder_set(s->build->ladder, KILN_RUNG_ANSWER, KILN_RUNG_WAITING,
                        "%s was never asked for", path ? path : "no file");
}

void kiln_qemu_signs_begin(struct kiln_qemu_state *s)
{
    struct kiln_ladder *l = s->build->ladder;

    kiln_ladder_set(l, KILN_RUNG_VM, KILN_RUNG_HOLDS, "QEMU is process %d",
                    (int)kiln_qemu_pid(s->qemu));
    kiln_ladder_set(l, KILN_RUNG_SCREEN, KILN_RUNG_UNKNOWN, "%s",
                    s->o->disable_vnc ? "disable_vnc" : "not seen yet");
    begin_answer(s);
    if (!s->communicates)
        return;
    if (kiln_is_set(s->o->net_bridge))
        kiln_ladder_set(l, KILN_RUNG_ADDRESS, KILN_RUNG_WAITING, "none on the bridge %s",
                        s->o->net_bridge);
    else
        kiln_ladder_set(l, KILN_RUNG_ADDRESS, KILN_RUNG_UNKNOWN,
                        "QEMU does not tell, and the guest has not used it");
}

void kiln_qemu_signs_end(struct kiln_qemu_state *s, const char *why)
{
    kiln_ladder_set(s->build->ladder, KILN_RUNG_VM, KILN_RUNG_WAITING, "%s", why);
}

/* ---- what QEMU says; its helper threads ---- */

static void send_line(struct kiln_build *b, bool is_stderr, const char *line, size_t len)
{
    struct kiln_event ev = {
        .type = KILN_EV_QEMU, .name = is_stderr ? "stderr" : "stdout", .text = line, .len = len
    };

    kiln_emit(b, &ev);
}

/* A QEMU that was asked to trace says more than anybody keeps. Errors quote the last of it. */
void kiln_qemu_on_line(void *ud, bool is_stderr, const char *line, size_t len)
{
    static const char enough[] = "... (QEMU prints more than is kept)";
    struct kiln_qemu_state *s = ud;
    uint64_t before = atomic_fetch_add(&s->qemu_printed, (uint64_t)len + 1);

    if (before + len < MAX_PRINTED)
        send_line(s->build, is_stderr, line, len);
    else if (before < MAX_PRINTED)
        send_line(s->build, is_stderr, enough, sizeof(enough) - 1);
}

bool kiln_qemu_is_forwarded(const struct kiln_qemu_state *s)
{
    const char *host = s->o->comm.ssh_host;

    return s->communicates && !kiln_is_set(s->o->net_bridge) &&
           (!kiln_is_set(host) || kiln_streq(host, "127.0.0.1") || kiln_streq(host, "localhost"));
}

/* The guest begins anew: what it had of the network is gone. */
static void was_reset(struct kiln_qemu_state *s)
{
    struct kiln_ladder *l = s->build->ladder;

    s->reset_us = kiln_clock_mono_us();
    kiln_ladder_fall(l, KILN_RUNG_ADDRESS);
    if (kiln_qemu_is_forwarded(s) && kiln_ladder_state(l, KILN_RUNG_PORT) != KILN_RUNG_ABSENT)
        kiln_ladder_set(l, KILN_RUNG_PORT, KILN_RUNG_UNKNOWN, KILN_LADDER_FORWARDED);
}

void kiln_qemu_signs_back(struct kiln_qemu_state *s)
{
    kiln_ladder_fall(s->build->ladder, KILN_RUNG_ANSWER);
    begin_answer(s);
    was_reset(s);
}

static const struct {
    const char *event;
    enum kiln_rung_state state;
    const char *detail;
    bool guests; /* only if the guest wanted it */
    void (*also)(struct kiln_qemu_state *s);
} signs[] = {
    { "RESET", KILN_RUNG_HOLDS, "it has rebooted", true, was_reset },
    { "RESUME", KILN_RUNG_HOLDS, "running", false, NULL },
    { "STOP", KILN_RUNG_WAITING, "its CPUs are halted", false, NULL },
    { "GUEST_PANICKED", KILN_RUNG_WAITING, "its kernel has panicked", false, NULL },
    { "SHUTDOWN", KILN_RUNG_WAITING, "it has powered off", true, NULL },
};

void kiln_qemu_on_event(void *ud, const char *name, struct json_object *data)
{
    struct kiln_qemu_state *s = ud;
    struct kiln_event ev = { .type = KILN_EV_QMP, .name = name };

    if (data) {
        ev.text = json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN);
        ev.len = strlen(ev.text);
    }
    kiln_emit(s->build, &ev);
    for (size_t i = 0; i < KILN_COUNT(signs); i++) {
        if (!kiln_streq(name, signs[i].event) ||
            (signs[i].guests && !kiln_json_true(data, "guest")))
            continue;
        kiln_ladder_set(s->build->ladder, KILN_RUNG_VM, signs[i].state, "%s", signs[i].detail);
        if (signs[i].also)
            signs[i].also(s);
    }
}

/* ---- what the guest asks for; the HTTP server's thread ---- */

void kiln_qemu_on_request(void *ud, const struct kiln_http_request *r)
{
    struct kiln_qemu_state *s = ud;
    struct kiln_ladder *l = s->build->ladder;
    bool got = r->complete && r->status >= 200 && r->status < 400;
    struct kiln_event ev = { .type = KILN_EV_HTTP,
                             .name = r->method,
                             .status = (int64_t)r->status,
                             .text = r->uri,
                             .len = strlen(r->uri),
                             .done = r->bytes };

    kiln_emit(s->build, &ev);
    if (got || kiln_ladder_state(l, KILN_RUNG_ANSWER) != KILN_RUNG_HOLDS)
        kiln_ladder_set(l, KILN_RUNG_ANSWER, got ? KILN_RUNG_HOLDS : KILN_RUNG_WAITING,
                        "%s %s: %u%s", r->method, r->uri, r->status,
                        r->complete ? "" : ", not to its end");
    if (s->communicates && kiln_ladder_state(l, KILN_RUNG_ADDRESS) != KILN_RUNG_HOLDS)
        kiln_ladder_reach(l, KILN_RUNG_ADDRESS, "it has asked our HTTP server");
}

/* ---- what the network shows; main thread ---- */

static void look_at_network(struct kiln_qemu_state *s)
{
    struct kiln_ladder *l = s->build->ladder;
    KILN_AUTO_FREE char *text = NULL;
    struct kiln_usernet net;

    if (kiln_ladder_state(l, KILN_RUNG_BANNER) == KILN_RUNG_HOLDS ||
        !kiln_qmp_human(kiln_qemu_qmp(s->qemu), "info usernet", s->build->cancel,
                        kiln_cancel_deadline(s->build->cancel, LOOK_LIMIT), &text, NULL))
        return;
    net = kiln_usernet_read(text ? text : "", kiln_comm_port(&s->o->comm));
    if (s->reset_us && kiln_clock_mono_us() - s->reset_us < OLD_FLOWS)
        return;
    if (net.talks && kiln_ladder_state(l, KILN_RUNG_ADDRESS) != KILN_RUNG_HOLDS)
        kiln_ladder_reach(l, KILN_RUNG_ADDRESS, "it has connections of its own");
    if (net.answered)
        kiln_ladder_reach(l, KILN_RUNG_PORT, "the guest has answered");
    else if (net.asked && kiln_ladder_state(l, KILN_RUNG_PORT) == KILN_RUNG_UNKNOWN)
        kiln_ladder_set(l, KILN_RUNG_PORT, KILN_RUNG_WAITING, "the guest does not answer");
}

void kiln_qemu_look(void *ud)
{
    struct kiln_qemu_state *s = ud;

    kiln_ladder_expire(s->build->ladder, KILN_RUNG_SCREEN, STILL_US);
    kiln_qemu_look_at_tpm(s);
    if (!kiln_is_set(s->o->net_bridge))
        look_at_network(s);
}
