/*
 * The login of one link: a state machine that is called again whenever its socket has something.
 * Order and texts: qemu-builder.md, 9.3. Each way in is tried, whatever became of the one before:
 * an agent with useless keys does not keep the key file from its turn.
 */
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "base/mem.h"
#include "communicator/ssh_link.h"

#define AGENT_TIMEOUT KILN_SECOND(30) /* it may ask a person first */
#define MAX_QUESTIONS 10              /* rounds of keyboard-interactive */
#define MAX_DETAIL    256             /* bytes of a server's banner that we show */

/* What a server says is shown to people: no control characters, not too much. */
static void add_printable(struct kiln_str *out, const char *text)
{
    for (size_t i = 0; text[i] && i < MAX_DETAIL; i++)
        kiln_str_addc(out, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
}

static bool has_password(const struct kiln_link *l)
{
    return l->cfg->password != NULL;
}

static bool has_agent(const struct kiln_link *l)
{
    return l->cfg->agent && !l->skip_agent;
}

static bool has_key(const struct kiln_link *l)
{
    return l->key < l->keys->n;
}

static int try_agent(struct kiln_link *l)
{
    int fd, rc;

    if (!l->relay) {
        KILN_AUTO_ERR why = { 0 };

        if (!kiln_agent_relay_new(&l->relay, &fd, AGENT_TIMEOUT, l->cancel, &why))
            return SSH_AUTH_DENIED;
        (void)ssh_set_agent_socket(l->session, fd); /* which owns it now */
    }
    l->in_agent = true;
    rc = ssh_userauth_agent(l->session, NULL);
    if (rc == SSH_AUTH_AGAIN)
        return rc;
    kiln_agent_relay_free(l->relay);
    l->relay = NULL;
    l->in_agent = !ssh_is_connected(l->session); /* hung up meanwhile */
    return rc;
}

static int try_key(struct kiln_link *l)
{
    int rc = ssh_userauth_publickey(l->session, NULL, l->keys->v[l->key].key);

    if (rc == SSH_AUTH_SUCCESS)
        l->way_in = l->keys->v[l->key].what;
    else if (rc != SSH_AUTH_AGAIN)
        l->key++;
    return rc;
}

static int try_password(struct kiln_link *l)
{
    return ssh_userauth_password(l->session, NULL, l->cfg->password);
}

static bool answer_password(struct kiln_link *l, unsigned i)
{
    return ssh_userauth_kbdint_setanswer(l->session, i, l->cfg->password) >= 0;
}

static bool answer_person(struct kiln_link *l, unsigned i)
{
    char echo = 0;
    const char *prompt = ssh_userauth_kbdint_getprompt(l->session, i, &echo);
    KILN_AUTO_STR question = { 0 };
    KILN_AUTO_FREE char *answer = NULL;
    bool ok;

    kiln_str_addf(&question, "%s@%s: ", l->cfg->user, l->cfg->host);
    add_printable(&question, prompt ? prompt : "");
    ok = l->cfg->ask(l->cfg->ask_ud, kiln_str_cstr(&question), !echo, &answer, &l->asked) &&
         ssh_userauth_kbdint_setanswer(l->session, i, answer) >= 0;
    if (answer)
        explicit_bzero(answer, strlen(answer));
    return ok;
}

static int interact(struct kiln_link *l, bool (*answer)(struct kiln_link *, unsigned))
{
    int rc;

    while ((rc = ssh_userauth_kbdint(l->session, NULL, NULL)) == SSH_AUTH_INFO) {
        int n = ssh_userauth_kbdint_getnprompts(l->session);

        if (l->questions++ >= MAX_QUESTIONS)
            return SSH_AUTH_DENIED;
        for (int i = 0; i < n; i++) {
            if (!answer(l, (unsigned)i))
                return SSH_AUTH_DENIED;
        }
    }
    if (rc != SSH_AUTH_AGAIN)
        l->questions = 0;
    return rc;
}

/* The password is the answer to every question. */
static int try_questions(struct kiln_link *l)
{
    return interact(l, answer_password);
}

static bool has_person(const struct kiln_link *l)
{
    return l->cfg->ask != NULL;
}

static int try_person(struct kiln_link *l)
{
    return interact(l, answer_person);
}

struct method {
    const char *name; /* RFC 4252's, for the error */
    const char *what; /* for people */
    int offered;      /* the server must have said so */
    bool (*possible)(const struct kiln_link *);
    int (*try)(struct kiln_link *); /* SSH_AUTH_… */
    bool again;                     /* has more to offer after a refusal */
};

static const struct method by_agent = { "publickey", "ssh-agent", SSH_AUTH_METHOD_PUBLICKEY,
                                        has_agent,   try_agent,   false };
static const struct method by_key = { "publickey", "key",   SSH_AUTH_METHOD_PUBLICKEY,
                                      has_key,     try_key, true };
static const struct method by_password = { "password",   "password",   SSH_AUTH_METHOD_PASSWORD,
                                           has_password, try_password, false };
static const struct method by_questions = {
    "keyboard-interactive", "keyboard-interactive", SSH_AUTH_METHOD_INTERACTIVE,
    has_password,           try_questions,          false
};
static const struct method by_person = { "keyboard-interactive",
                                         "a person's answers",
                                         SSH_AUTH_METHOD_INTERACTIVE,
                                         has_person,
                                         try_person,
                                         false };

/* Both end with NULL. A bastion counts refused keys, and an agent may have many. */
static const struct method *const guest_order[] = { &by_agent, &by_key, &by_password, &by_questions,
                                                    NULL };
static const struct method *const bastion_order[] = { &by_person, &by_password, &by_questions,
                                                      &by_key,    &by_agent,    NULL };

/* The one that it is at; NULL: none is left. */
static const struct method *method_of(const struct kiln_link *l)
{
    return (l->cfg->is_bastion ? bastion_order : guest_order)[l->method];
}

static void note_tried(struct kiln_link *l, const char *name)
{
    if (!kiln_strv_has(&l->tried, name))
        kiln_strv_add(&l->tried, name);
}

static enum kiln_login dead(struct kiln_link *l, struct kiln_err *err)
{
    l->stage = KILN_LINK_DEAD;
    (void)kiln_link_error(l, err);
    return KILN_LOGIN_FAILED;
}

static enum kiln_login step_kex(struct kiln_link *l, struct kiln_err *err)
{
    int rc = ssh_connect(l->session);

    (void)fcntl(l->fd, F_SETFL, O_NONBLOCK); /* libssh switches it off */
    if (rc == SSH_AGAIN)
        return KILN_LOGIN_BUSY;
    if (rc != SSH_OK)
        return dead(l, err);
    l->event = ssh_event_new();
    if (!l->event || ssh_event_add_session(l->event, l->session) != SSH_OK)
        return dead(l, err);
    l->stage = KILN_LINK_READY;
    return KILN_LOGIN_READY;
}

static enum kiln_login all_denied(struct kiln_link *l, struct kiln_err *err)
{
    KILN_AUTO_FREE char *tried = kiln_strv_join(&l->tried, " ");

    l->stage = KILN_LINK_DENIED;
    (void)kiln_err_set(err, KILN_ERR_REMOTE,
                       "ssh: handshake failed: ssh: unable to authenticate, attempted methods "
                       "[%s], no supported methods remain%s%s",
                       tried, l->asked.msg ? "; " : "", kiln_err_text(&l->asked));
    return KILN_LOGIN_DENIED;
}

static enum kiln_login is_in(struct kiln_link *l, const char *how)
{
    l->stage = KILN_LINK_IN;
    if (!l->way_in)
        l->way_in = how;
    return KILN_LOGIN_DONE;
}

/* `none` asks for the list of methods; some servers just let us in. */
static enum kiln_login step_none(struct kiln_link *l, struct kiln_err *err)
{
    int rc = ssh_userauth_none(l->session, NULL);

    if (rc == SSH_AUTH_AGAIN)
        return KILN_LOGIN_BUSY;
    note_tried(l, "none");
    if (rc == SSH_AUTH_SUCCESS)
        return is_in(l, "no authentication");
    if (rc == SSH_AUTH_ERROR)
        return dead(l, err);
    l->offered = ssh_userauth_list(l->session, NULL);
    l->stage = KILN_LINK_METHOD;
    return KILN_LOGIN_BUSY;
}

static enum kiln_login step_method(struct kiln_link *l, struct kiln_err *err)
{
    const struct method *m;

    while ((m = method_of(l)) != NULL) {
        int rc;

        if (!(l->offered & m->offered) || !m->possible(l)) {
            l->method++;
            continue;
        }
        note_tried(l, m->name);
        rc = m->try(l);
        if (rc == SSH_AUTH_AGAIN)
            return KILN_LOGIN_BUSY;
        if (rc == SSH_AUTH_SUCCESS)
            return is_in(l, m->what);
        if (!ssh_is_connected(l->session))
            return dead(l, err);
        if (rc == SSH_AUTH_PARTIAL) /* one more is wanted; what is offered may have changed */
            l->offered = ssh_userauth_list(l->session, NULL);
        if (!m->again)
            l->method++;
    }
    return all_denied(l, err);
}

/* Nothing to say: only see whether the server is still there. */
static enum kiln_login step_idle(struct kiln_link *l, enum kiln_login state, struct kiln_err *err)
{
    bool moved;

    do {
        if (!kiln_link_work(l, &moved))
            return dead(l, err);
    } while (moved);
    return state;
}

static enum kiln_login step(struct kiln_link *l, bool may_authenticate, struct kiln_err *err)
{
    enum kiln_login state = KILN_LOGIN_FAILED;

    if (l->stage == KILN_LINK_KEX) {
        state = step_kex(l, err);
        if (state != KILN_LOGIN_READY)
            return state;
    }
    if (l->stage == KILN_LINK_READY) {
        if (!may_authenticate)
            return step_idle(l, KILN_LOGIN_READY, err);
        l->stage = KILN_LINK_NONE;
    }
    switch (l->stage) {
    case KILN_LINK_NONE:
        state = step_none(l, err);
        return l->stage == KILN_LINK_METHOD ? step_method(l, err) : state;
    case KILN_LINK_METHOD:
        return step_method(l, err);
    case KILN_LINK_IN:
        return KILN_LOGIN_DONE;
    case KILN_LINK_DENIED:
        return step_idle(l, KILN_LOGIN_DENIED, err);
    case KILN_LINK_KEX:
    case KILN_LINK_READY:
    case KILN_LINK_DEAD:
        break;
    }
    return dead(l, err);
}

enum kiln_login kiln_link_login(struct kiln_link *l, bool may_authenticate, struct kiln_err *err)
{
    enum kiln_login state = step(l, may_authenticate, err);

    /* libssh says "again" for ever on a connection that has just ended. */
    if (state == KILN_LOGIN_BUSY && !ssh_is_connected(l->session))
        return dead(l, err);
    return state;
}

static void add_methods(struct kiln_str *out, int offered)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {
        { SSH_AUTH_METHOD_PUBLICKEY, "publickey" },
        { SSH_AUTH_METHOD_PASSWORD, "password" },
        { SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive" },
        { SSH_AUTH_METHOD_HOSTBASED, "hostbased" },
        { SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic" },
    };

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        if (offered & names[i].bit)
            kiln_str_addf(out, "%s%s", out->len > 0 ? ", " : "", names[i].name);
    }
}

static void add_host_key(struct kiln_str *out, struct ssh_session_struct *session)
{
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t len = 0;
    char *text = NULL;

    if (ssh_get_server_publickey(session, &key) == SSH_OK &&
        ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
        text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
    if (text)
        kiln_str_addf(out, "%s %s", ssh_key_type_to_char(ssh_key_type(key)), text);
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    ssh_key_free(key);
}

enum kiln_rung kiln_link_rung(const struct kiln_link *l, struct kiln_str *detail)
{
    const char *banner = ssh_get_serverbanner(l->session);

    switch (l->stage) {
    case KILN_LINK_IN:
        kiln_str_adds(detail, l->way_in);
        return KILN_RUNG_LOGIN;
    case KILN_LINK_METHOD:
    case KILN_LINK_DENIED:
        add_methods(detail, l->offered);
        return KILN_RUNG_METHODS;
    case KILN_LINK_READY:
    case KILN_LINK_NONE:
        add_host_key(detail, l->session);
        return KILN_RUNG_HOST_KEY;
    case KILN_LINK_KEX:
    case KILN_LINK_DEAD:
        break;
    }
    if (!banner)
        return KILN_RUNG_PORT;
    add_printable(detail, banner);
    return KILN_RUNG_BANNER;
}
