#include "communicator/tunnel.h"

#include "base/mem.h"
#include "base/str.h"

static bool bad_address(const char *text, const char *what, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_USER,
                        "Error parsing forwarding, must be a tcp address: address %s: %s", text,
                        what);
}

/* HOST:PORT, or [HOST]:PORT; *ret_port points into text. */
static bool split(const char *text, char **ret_host, const char **ret_port, struct kiln_err *err)
{
    const char *host = text, *colon = strrchr(text, ':'), *end = colon;

    if (!colon)
        return bad_address(text, "missing port in address", err);
    if (*text == '[') {
        end = strchr(text, ']');
        if (!end)
            return bad_address(text, "missing ']' in address", err);
        if (end[1] != ':')
            return bad_address(text, "missing port in address", err);
        if (end + 1 != colon)
            return bad_address(text, "too many colons in address", err);
        host++;
    } else if (memchr(text, ':', (size_t)(colon - text))) {
        return bad_address(text, "too many colons in address", err);
    }
    if (memchr(host, '[', (size_t)(end - host)) || strchr(colon, '['))
        return bad_address(text, "unexpected '[' in address", err);
    if (memchr(host, ']', (size_t)(end - host)) || strchr(colon, ']'))
        return bad_address(text, "unexpected ']' in address", err);
    *ret_host = kiln_xstrndup(host, (size_t)(end - host));
    *ret_port = colon + 1;
    return true;
}

static bool parse_port(const char *text, const char *what, int *ret, struct kiln_err *err)
{
    int64_t port = 0;

    if (!kiln_parse_i64(*text == '+' ? text + 1 : text, &port))
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error parsing %s port, must be a valid port: strconv.Atoi: parsing "
                            "\"%s\": invalid syntax",
                            what, text);
    if (port < 1 || port > 65535)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error parsing %s port, must be a valid port: %s is not between 1 and "
                            "65535",
                            what, text);
    *ret = (int)port;
    return true;
}

bool kiln_tunnel_parse(struct kiln_ssh_tunnel *ret, const char *text, struct kiln_err *err)
{
    const char *colon = strchr(text, ':'), *port = "";
    KILN_AUTO_FREE char *listen = NULL, *host = NULL;
    struct kiln_ssh_tunnel t = { 0 };

    if (!colon)
        return kiln_err_set(err, KILN_ERR_USER, "Error parsing tunnel '%s': [%s]", text, text);
    listen = kiln_xstrndup(text, (size_t)(colon - text));
    if (!split(colon + 1, &host, &port, err) || !parse_port(port, "forwarding", &t.port, err) ||
        !parse_port(listen, "listening", &t.listen_port, err))
        return false;
    t.host = host;
    host = NULL; /* handed over */
    *ret = t;
    return true;
}

void kiln_tunnel_done(struct kiln_ssh_tunnel *t)
{
    free(t->host);
    *t = (struct kiln_ssh_tunnel){ 0 };
}
