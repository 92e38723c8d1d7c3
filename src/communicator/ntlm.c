#include "communicator/ntlm.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/module.h"
#include "base/random.h"

#define SIGNATURE "NTLMSSP" /* and its NUL */

#define UNICODE          0x00000001u
#define REQUEST_TARGET   0x00000004u
#define NTLM             0x00000200u
#define ALWAYS_SIGN      0x00008000u /* asked for by every client, of no effect without a session */
#define EXTENDED_SESSION 0x00080000u
#define TARGET_INFO      0x00800000u
#define KEY_128          0x20000000u
#define KEY_56           0x80000000u
#define FLAGS                                                                                      \
    (UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSION | TARGET_INFO | KEY_128 |    \
     KEY_56)

/* Places in the messages. */
#define TYPE            8
#define CHALLENGE_NAME  12
#define CHALLENGE_BYTES 24
#define CHALLENGE_INFO  40
#define CHALLENGE_HEAD  48
#define ANSWER_HEAD     64

#define INFO_END  0
#define INFO_TIME 7

#define UNIX_EPOCH UINT64_C(116444736000000000) /* on the clock that begins in 1601 */

static void add_le(struct kiln_str *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        kiln_str_addc(out, (char)(value >> (8 * i) & 0xff));
}

static uint64_t get_le(const unsigned char *p, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static void add_zeros(struct kiln_str *out, size_t n)
{
    while (n-- > 0)
        kiln_str_addc(out, 0);
}

static void add_head(struct kiln_str *out, unsigned type)
{
    kiln_str_add(out, SIGNATURE, sizeof(SIGNATURE));
    add_le(out, type, 4);
}

void kiln_ntlm_nonce_new(struct kiln_ntlm_nonce *ret)
{
    kiln_random_bytes(ret->bytes, sizeof(ret->bytes));
    ret->time = UNIX_EPOCH + (uint64_t)kiln_clock_wall_us() * 10;
}

void kiln_ntlm_add_negotiate(struct kiln_str *out)
{
    add_head(out, 1);
    add_le(out, FLAGS, 4);
    add_zeros(out, 16); /* neither domain nor workstation */
}

/* ---- the challenge ---- */

struct part {
    const unsigned char *data;
    size_t len;
};

struct challenge {
    const unsigned char *bytes; /* 8 */
    struct part name, info;     /* info: a list of id, length, value */
    const unsigned char *time;  /* in info; NULL: not told */
};

/* What a length, a capacity and an offset at `place` speak of. */
static bool get_part(const unsigned char *message, size_t len, size_t place, struct part *ret)
{
    size_t n = (size_t)get_le(message + place, 2), at = (size_t)get_le(message + place + 4, 4);

    if (n > len || at > len - n)
        return false;
    *ret = (struct part){ message + at, n };
    return true;
}

static bool find_time(struct challenge *c)
{
    for (size_t at = 0; at + 4 <= c->info.len;) {
        const unsigned char *p = c->info.data + at;
        size_t id = (size_t)get_le(p, 2), n = (size_t)get_le(p + 2, 2);

        if (id == INFO_END)
            return true;
        if (n > c->info.len - at - 4)
            return false;
        if (id == INFO_TIME && n == 8)
            c->time = p + 4;
        at += 4 + n;
    }
    return true; /* a list without an end: what it holds counts */
}

static bool read_challenge(struct challenge *ret, const unsigned char *message, size_t len)
{
    *ret = (struct challenge){ 0 };
    if (len < CHALLENGE_HEAD || memcmp(message, SIGNATURE, sizeof(SIGNATURE)) != 0 ||
        get_le(message + TYPE, 4) != 2)
        return false;
    ret->bytes = message + CHALLENGE_BYTES;
    return get_part(message, len, CHALLENGE_NAME, &ret->name) &&
           get_part(message, len, CHALLENGE_INFO, &ret->info) && find_time(ret);
}

/* ---- the answer ---- */

/* In UTF-16, as they are sent. */
struct who {
    struct kiln_str domain, name;
    struct kiln_str upper; /* the name in capitals, for the proof */
};

static void who_done(struct who *w)
{
    kiln_str_done(&w->domain);
    kiln_str_done(&w->name);
    kiln_str_done(&w->upper);
}

static unsigned capital(unsigned c)
{
    bool latin1 = c >= 0xe0 && c <= 0xfe && c != 0xf7;
    bool greek = c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2;
    bool cyrillic = c >= 0x430 && c <= 0x44f;

    if ((c >= 'a' && c <= 'z') || latin1 || greek || cyrillic)
        return c - 0x20;
    if (c >= 0x450 && c <= 0x45f)
        return c - 0x50;
    return c;
}

static void split_user(struct who *w, const char *user, const struct challenge *c)
{
    const char *slash = strchr(user, '\\');
    const char *name = slash ? slash + 1 : user;

    if (slash)
        kiln_utf16_add(&w->domain, user, (size_t)(slash - user));
    else if (!strchr(user, '@'))
        kiln_str_add(&w->domain, c->name.data, c->name.len);
    kiln_utf16_add(&w->name, name, strlen(name));
    for (size_t i = 0; i + 1 < w->name.len; i += 2)
        add_le(&w->upper, capital((unsigned)get_le((const unsigned char *)w->name.data + i, 2)), 2);
}

/* The key that both sides make of the password: NTOWFv2. */
static void make_key(const struct kiln_ntlm_ops *ops, const struct who *w, const char *password,
                     unsigned char *ret_key)
{
    unsigned char hash[KILN_NTLM_DIGEST];
    KILN_AUTO_STR wide = { 0 }, identity = { 0 };

    kiln_utf16_add(&wide, password, strlen(password));
    ops->md4(kiln_str_cstr(&wide), wide.len, hash);
    kiln_str_add(&identity, kiln_str_cstr(&w->upper), w->upper.len);
    kiln_str_add(&identity, kiln_str_cstr(&w->domain), w->domain.len);
    ops->hmac_md5(hash, kiln_str_cstr(&identity), identity.len, ret_key);
}

/* HMAC of the challenge and the text, and then the text: a proof that is fresh. */
static void add_proof(struct kiln_str *out, const struct kiln_ntlm_ops *ops,
                      const unsigned char *key, const struct challenge *c,
                      const struct kiln_str *text)
{
    unsigned char digest[KILN_NTLM_DIGEST];
    KILN_AUTO_STR all = { 0 };

    kiln_str_add(&all, c->bytes, 8);
    kiln_str_add(&all, text->data, text->len);
    ops->hmac_md5(key, all.data, all.len, digest);
    kiln_str_add(out, digest, sizeof(digest));
    kiln_str_add(out, text->data, text->len);
}

static void add_responses(struct kiln_str *lm, struct kiln_str *nt, const struct kiln_ntlm_ops *ops,
                          const unsigned char *key, const struct challenge *c,
                          const struct kiln_ntlm_nonce *nonce)
{
    KILN_AUTO_STR text = { 0 }, bytes = { 0 };

    add_le(&text, 0x0101, 8);
    if (c->time)
        kiln_str_add(&text, c->time, 8);
    else
        add_le(&text, nonce->time, 8);
    kiln_str_add(&text, nonce->bytes, sizeof(nonce->bytes));
    add_zeros(&text, 4);
    kiln_str_add(&text, c->info.data, c->info.len);
    add_zeros(&text, 4);
    add_proof(nt, ops, key, c, &text);
    kiln_str_add(&bytes, nonce->bytes, sizeof(nonce->bytes));
    if (c->time)
        add_zeros(lm, 24); /* so it has to be */
    else
        add_proof(lm, ops, key, c, &bytes);
}

/* The fields that say where the parts are; then the parts. */
static void add_message(struct kiln_str *out, const struct kiln_str *lm, const struct kiln_str *nt,
                        const struct who *w)
{
    const struct kiln_str none = { 0 };
    const struct kiln_str *const parts[] = { lm, nt, &w->domain, &w->name, &none, &none };
    size_t at = ANSWER_HEAD;

    add_head(out, 3);
    for (size_t i = 0; i < KILN_COUNT(parts); i++) {
        add_le(out, parts[i]->len, 2);
        add_le(out, parts[i]->len, 2);
        add_le(out, at, 4);
        at += parts[i]->len;
    }
    add_le(out, FLAGS, 4);
    for (size_t i = 0; i < KILN_COUNT(parts); i++)
        kiln_str_add(out, kiln_str_cstr(parts[i]), parts[i]->len);
}

bool kiln_ntlm_add_authenticate(struct kiln_str *out, const char *user, const char *password,
                                const void *challenge, size_t len,
                                const struct kiln_ntlm_nonce *nonce, struct kiln_err *err)
{
    const struct kiln_ntlm_ops *ops = kiln_module_load("ntlm", err);
    KILN_CLEANUP(who_done) struct who who = { 0 };
    KILN_AUTO_STR lm = { 0 }, nt = { 0 };
    unsigned char key[KILN_NTLM_DIGEST];
    struct challenge c;

    if (!ops)
        return false;
    if (!read_challenge(&c, challenge, len))
        return kiln_err_set(err, KILN_ERR_REMOTE, "the NTLM challenge makes no sense");
    split_user(&who, user, &c);
    if (who.name.len > UINT16_MAX || who.domain.len > UINT16_MAX || c.info.len > UINT16_MAX - 64)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the NTLM challenge is too long");
    make_key(ops, &who, password, key);
    add_responses(&lm, &nt, ops, key, &c, nonce);
    add_message(out, &lm, &nt, &who);
    return true;
}
