#include "communicator/socks.h"

#include <arpa/inet.h>

#define VERSION      5
#define AUTH_VERSION 1
#define NO_AUTH      0
#define PASSWORD     2
#define NOTHING_FITS 0xff
#define CONNECT      1
#define ADDRESS_IPV4 1
#define ADDRESS_NAME 3
#define ADDRESS_IPV6 4
#define MAX_TEXT     255 /* bytes of a name or a password */

/* The host as the request has it; a name is looked up by the proxy. */
static bool add_host(struct kiln_str *out, const char *host, struct kiln_err *err)
{
    size_t len = strlen(host);
    bool brackets = len > 1 && host[0] == '[' && host[len - 1] == ']';
    char text[MAX_TEXT + 1];
    struct in6_addr v6;
    struct in_addr v4;

    if (brackets) {
        host++;
        len -= 2;
    }
    if (len == 0 || len > MAX_TEXT)
        return kiln_err_set(err, KILN_ERR_USER, "ssh_host: '%s' cannot be asked of a SOCKS5 proxy",
                            host);
    memcpy(text, host, len);
    text[len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        kiln_str_addc(out, ADDRESS_IPV4);
        kiln_str_add(out, &v4, sizeof(v4));
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        kiln_str_addc(out, ADDRESS_IPV6);
        kiln_str_add(out, &v6, sizeof(v6));
    } else {
        kiln_str_addc(out, ADDRESS_NAME);
        kiln_str_addc(out, (char)len);
        kiln_str_add(out, text, len);
    }
    return true;
}

static void await(struct kiln_socks *s, enum kiln_socks_state state, size_t want)
{
    s->state = state;
    s->want = want;
}

static void send_request(struct kiln_socks *s)
{
    static const char start[] = { VERSION, CONNECT, 0 };

    kiln_str_add(&s->out, start, sizeof(start));
    (void)add_host(&s->out, s->host, NULL); /* looked at before */
    kiln_str_addc(&s->out, (char)(s->port >> 8));
    kiln_str_addc(&s->out, (char)(s->port & 0xff));
    await(s, KILN_SOCKS_REPLY, 5);
}

static void add_text(struct kiln_str *out, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    kiln_str_addc(out, (char)len);
    kiln_str_add(out, text, len);
}

bool kiln_socks_init(struct kiln_socks *s, const struct kiln_ssh_proxy *proxy, const char *host,
                     int port, struct kiln_err *err)
{
    KILN_AUTO_STR address = { 0 };

    if (!add_host(&address, host, err))
        return false;
    if ((proxy->user && strlen(proxy->user) > MAX_TEXT) ||
        (proxy->password && strlen(proxy->password) > MAX_TEXT))
        return kiln_err_set(err, KILN_ERR_USER,
                            "ssh_proxy_username and ssh_proxy_password must not be longer than %d "
                            "bytes",
                            MAX_TEXT);
    *s = (struct kiln_socks){ .proxy = proxy, .host = host, .port = port };
    kiln_str_addc(&s->out, VERSION);
    kiln_str_addc(&s->out, proxy->user ? 2 : 1);
    kiln_str_addc(&s->out, NO_AUTH);
    if (proxy->user)
        kiln_str_addc(&s->out, PASSWORD);
    await(s, KILN_SOCKS_METHOD, 2);
    return true;
}

void kiln_socks_done(struct kiln_socks *s)
{
    if (s->out.data)
        explicit_bzero(s->out.data, s->out.len); /* may be a password */
    kiln_str_done(&s->out);
    *s = (struct kiln_socks){ 0 };
}

static bool strange(struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_REMOTE, "this is no SOCKS5 proxy");
}

static bool take_method(struct kiln_socks *s, const unsigned char *data, struct kiln_err *err)
{
    if (data[0] != VERSION)
        return strange(err);
    if (data[1] == NO_AUTH) {
        send_request(s);
        return true;
    }
    if (data[1] == NOTHING_FITS)
        return kiln_err_set(err, KILN_ERR_USER,
                            s->proxy->user ? "the proxy takes no login by name and password"
                                           : "the proxy wants a login: set ssh_proxy_username and "
                                             "ssh_proxy_password");
    if (data[1] != PASSWORD || !s->proxy->user)
        return strange(err);
    kiln_str_addc(&s->out, AUTH_VERSION);
    add_text(&s->out, s->proxy->user);
    add_text(&s->out, s->proxy->password);
    await(s, KILN_SOCKS_AUTH, 2);
    return true;
}

static bool take_auth(struct kiln_socks *s, const unsigned char *data, struct kiln_err *err)
{
    if (data[0] != AUTH_VERSION)
        return strange(err);
    if (data[1] != 0)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the proxy refused the login: are ssh_proxy_username and "
                            "ssh_proxy_password right?");
    send_request(s);
    return true;
}

static bool refused(unsigned code, struct kiln_err *err)
{
    static const char *const why[] = { /* RFC 1928, section 6; Go's words */
                                       "",
                                       "general SOCKS server failure",
                                       "connection not allowed by ruleset",
                                       "network unreachable",
                                       "host unreachable",
                                       "connection refused",
                                       "TTL expired",
                                       "command not supported",
                                       "address type not supported"
    };

    if (code < KILN_COUNT(why))
        return kiln_err_set(err, KILN_ERR_REMOTE, "the proxy says: %s", why[code]);
    return kiln_err_set(err, KILN_ERR_REMOTE, "the proxy says: unknown code: %u", code);
}

/* Version, code, zero, kind of address, and its first byte. */
static bool take_reply(struct kiln_socks *s, const unsigned char *data, struct kiln_err *err)
{
    if (data[0] != VERSION)
        return strange(err);
    if (data[1] != 0)
        return refused(data[1], err);
    switch (data[3]) {
    case ADDRESS_IPV4:
        await(s, KILN_SOCKS_BOUND, 3 + 2);
        return true;
    case ADDRESS_IPV6:
        await(s, KILN_SOCKS_BOUND, 15 + 2);
        return true;
    case ADDRESS_NAME:
        await(s, KILN_SOCKS_BOUND, (size_t)data[4] + 2);
        return true;
    default: /* a byte from outside */
        return strange(err);
    }
}

bool kiln_socks_feed(struct kiln_socks *s, const unsigned char *data, struct kiln_err *err)
{
    switch (s->state) {
    case KILN_SOCKS_METHOD:
        return take_method(s, data, err);
    case KILN_SOCKS_AUTH:
        return take_auth(s, data, err);
    case KILN_SOCKS_REPLY:
        return take_reply(s, data, err);
    case KILN_SOCKS_BOUND:
        await(s, KILN_SOCKS_OPEN, 0);
        return true;
    case KILN_SOCKS_OPEN:
        break;
    }
    return true;
}
