#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "builder/qemu/qemu.h"
#include "vm/guest_address.h"

/* stepHTTPIPDiscover, StepHTTPServer, stepPortForward, stepConfigureVNC. */

static bool http_ip(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    char *bridge_ip;

    if (kiln_is_set(s->o->net_bridge)) {
        if (!kiln_bridge_address(s->o->net_bridge, &bridge_ip, err))
            return false;
        free(s->http_ip);
        s->http_ip = bridge_ip;
    }
    kiln_strmap_set(&b->data, "PackerHTTPIP", s->http_ip);
    return true;
}

const struct kiln_step_ops kiln_qemu_step_http_ip = { "stepHTTPIPDiscover", http_ip, NULL, false };

/* ---- HTTP server ---- */

static void on_wait(void *ud, const char *text)
{
    kiln_say(ud, "%s", text);
}

static void on_http_wait(void *ud, const char *text)
{
    struct kiln_qemu_state *s = ud;

    on_wait(s->build, text);
}

static void publish_http(struct kiln_qemu_state *s, struct kiln_build *b)
{
    KILN_AUTO_FREE char *port = kiln_xasprintf("%d", s->http_port);
    KILN_AUTO_FREE char *addr = kiln_xasprintf("%s:%d", s->http_ip, s->http_port);

    kiln_strmap_set(&b->data, "PackerHTTPPort", port);
    kiln_strmap_set(&b->data, "PackerHTTPAddr", addr);
}

/* NULL: this machine only. A guest on a bridge comes from outside. */
static const char *http_address(const struct kiln_qemu_state *s)
{
    if (kiln_is_set(s->o->http_bind_address))
        return s->o->http_bind_address;
    if (kiln_streq(s->o->http_network_protocol, "tcp6"))
        return "::1"; /* prepare.c: nobody is on a bridge */
    return kiln_is_set(s->o->net_bridge) ? s->http_ip : NULL;
}

static bool http_server(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;
    const struct kiln_http_config how = {
        .directory = kiln_is_set(o->http_directory) ? o->http_directory : NULL,
        .content = o->http_content.keys.n ? &o->http_content : NULL,
        .address = http_address(s),
        .v6only = kiln_streq(o->http_network_protocol, "tcp6"),
        .port_min = (int)o->http_port_min,
        .port_max = (int)o->http_port_max,
        .on_request = kiln_qemu_on_request,
        .on_wait = on_http_wait,
        .ud = s,
    };

    if (kiln_qemu_serves(o)) {
        if (!kiln_http_server_start(&s->http, &how, b->cancel, err))
            return false;
        s->http_port = kiln_http_server_port(s->http);
        kiln_say(b, "Starting HTTP server on port %d", s->http_port);
    }
    publish_http(s, b);
    return true;
}

static void stop_http(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;

    (void)b, (void)outcome;
    kiln_http_server_stop(s->http);
    s->http = NULL;
    s->http_port = 0;
}

const struct kiln_step_ops kiln_qemu_step_http_server = { "StepHTTPServer", http_server, stop_http,
                                                          false };

/* ---- ports ---- */

static bool take_port(struct kiln_build *b, const char *address, int64_t min, int64_t max,
                      struct kiln_port *port, struct kiln_err *err)
{
    const struct kiln_port_search how = { .address = address,
                                          .min = (int)min,
                                          .max = (int)max,
                                          .wait = true,
                                          .deadline = KILN_NEVER,
                                          .on_wait = on_wait,
                                          .ud = b };

    kiln_port_done(port);
    return kiln_port_take(&how, b->cancel, port, err);
}

const char *kiln_qemu_forward_address(const struct kiln_qemu_options *o)
{
    const char *host = kiln_comm_host(&o->comm);

    return kiln_is_set(host) && kiln_port_is_own(host) ? host : "127.0.0.1";
}

/* The address that QEMU will bind: probing another one would prove nothing. */
bool kiln_qemu_take_ssh_port(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    const struct kiln_qemu_options *o = s->o;

    if (!take_port(b, kiln_qemu_forward_address(o), o->host_port_min ? o->host_port_min : 1,
                   o->host_port_max, &s->ssh_port, err))
        return kiln_err_wrap(err, "host_port_min to host_port_max: Error finding port");
    kiln_say(b, "Found port for communicator (SSH, WinRM, etc): %d.", s->ssh_port.port);
    return true;
}

static bool port_forward(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    if (!s->communicates) {
        kiln_message(b, "No communicator is set; skipping port forwarding setup.");
        return true;
    }
    if (kiln_is_set(s->o->net_bridge)) {
        kiln_message(b, "net_bridge is set; skipping port forwarding setup.");
        s->ssh_port.port = kiln_comm_port(&s->o->comm); /* the guest's own; no lock */
        return true;
    }
    if (s->o->skip_nat_mapping) {
        s->ssh_port.port = kiln_comm_port(&s->o->comm); /* the same number on both sides; no lock */
        return true;
    }
    return kiln_qemu_take_ssh_port(s, b, err);
}

static void drop_ssh_port(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;

    (void)b, (void)outcome;
    kiln_port_done(&s->ssh_port);
}

const struct kiln_step_ops kiln_qemu_step_port_forward = { "stepPortForward", port_forward,
                                                           drop_ssh_port, false };

bool kiln_qemu_take_vnc_port(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    const struct kiln_qemu_options *o = s->o;

    if (!take_port(b, o->vnc_bind_address, o->vnc_port_min, o->vnc_port_max, &s->vnc_port, err))
        return kiln_err_wrap(err, "vnc_port_min to vnc_port_max: Error finding VNC port");
    return true;
}

/* Eight characters that nobody misreads. */
static char *random_password(void)
{
    static const char alphabet[] = "012345689"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char *password = kiln_xcalloc(9, 1);

    for (int i = 0; i < 8; i++)
        password[i] = alphabet[kiln_random_below(sizeof(alphabet) - 1)];
    return password;
}

static bool configure_vnc(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const struct kiln_qemu_options *o = s->o;

    kiln_say(b, "Looking for available port between %lld and %lld on %s",
             (long long)o->vnc_port_min, (long long)o->vnc_port_max, o->vnc_bind_address);
    if (o->vnc_use_password && !s->vnc_password)
        s->vnc_password =
            kiln_is_set(o->vnc_password) ? kiln_xstrdup(o->vnc_password) : random_password();
    return kiln_qemu_take_vnc_port(s, b, err);
}

static void drop_vnc_port(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    struct kiln_qemu_state *s = state;

    (void)b, (void)outcome;
    kiln_port_done(&s->vnc_port);
}

const struct kiln_step_ops kiln_qemu_step_vnc = { "stepConfigureVNC", configure_vnc, drop_vnc_port,
                                                  false };
