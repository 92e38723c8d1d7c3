/*
 * expat calls a function at the beginning and end of each element. Of the few elements that matter
 * the text is gathered, whatever stands around them: Windows and its imitations nest them
 * differently.
 */
#include <expat.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "communicator/winrm_reply.h"

extern const struct kiln_winrm_ops kiln_winrm_ops;

#define SEPARATOR '|' /* between namespace and name; no character of either */
#define SOAP      "http://www.w3.org/2003/05/soap-envelope|"
#define WSMAN     "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd|"
#define SHELL     "http://schemas.microsoft.com/wbem/wsman/1/windows/shell|"
#define FAULT     "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault|"

struct parser {
    XML_Parser expat;
    struct kiln_winrm_reply *reply;
    unsigned depth;
    /* The element that is gathered, by the depth it is on; 0: none. */
    unsigned gathering;
    void (*take)(struct parser *p, const char *text, size_t len);
    struct kiln_str text;
    bool is_stderr;  /* of the Stream at hand */
    const char *why; /* we stopped, because; NULL: we did not */
};

static void stop(struct parser *p, const char *why)
{
    if (!p->why)
        p->why = why;
    (void)XML_StopParser(p->expat, XML_FALSE);
}

/* ---- the elements that matter ---- */

static const char *attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

static void set_once(char **field, const char *text, size_t len)
{
    if (!*field && len > 0 && len <= KILN_MAX_WINRM_ID)
        *field = kiln_xstrndup(text, len);
}

static void take_shell_id(struct parser *p, const char *text, size_t len)
{
    set_once(&p->reply->shell_id, text, len);
}

static void take_command_id(struct parser *p, const char *text, size_t len)
{
    set_once(&p->reply->command_id, text, len);
}

static void take_stream(struct parser *p, const char *text, size_t len)
{
    struct kiln_winrm_reply *r = p->reply;
    size_t at = r->data.len;

    if (!kiln_base64_decode(&r->data, text, len, NULL)) {
        stop(p, "output that is not base64");
        return;
    }
    if (r->data.len == at)
        return;
    if (r->n_pieces % 64 == 0)
        r->pieces = kiln_xrealloc(r->pieces, r->n_pieces + 64, sizeof(*r->pieces));
    r->pieces[r->n_pieces++] =
        (struct kiln_winrm_piece){ .is_stderr = p->is_stderr, .at = at, .len = r->data.len - at };
}

static void take_exit_code(struct parser *p, const char *text, size_t len)
{
    KILN_AUTO_FREE char *number = kiln_xstrndup(text, len);

    if (!kiln_parse_i64(number, &p->reply->exit_code))
        stop(p, "an exit code that is no number");
}

/* One line of what a fault says; the first element that says anything. */
static void take_fault(struct parser *p, const char *text, size_t len)
{
    KILN_AUTO_STR line = { 0 };

    if (p->reply->fault)
        return;
    for (size_t i = 0; i < len; i++) {
        bool space = (unsigned char)text[i] <= ' ';

        if (!space)
            kiln_str_addc(&line, text[i]);
        else if (line.len > 0 && line.data[line.len - 1] != ' ')
            kiln_str_addc(&line, ' ');
    }
    while (line.len > 0 && line.data[line.len - 1] == ' ')
        kiln_str_truncate(&line, line.len - 1);
    if (line.len > 0)
        p->reply->fault = kiln_str_steal(&line);
}

static void begin_state(struct parser *p, const char **attributes)
{
    const char *state = attribute(attributes, "State");

    if (state && kiln_has_suffix(state, "/CommandState/Done"))
        p->reply->done = true;
}

static void begin_windows_fault(struct parser *p, const char **attributes)
{
    const char *code = attribute(attributes, "Code");
    int64_t n;

    if (code && kiln_parse_i64(code, &n) && n >= 0 && n <= UINT32_MAX)
        p->reply->fault_code = (uint32_t)n;
}

static void begin_fault(struct parser *p, const char **attributes)
{
    (void)attributes;
    p->reply->is_fault = true;
}

static void begin_stream(struct parser *p, const char **attributes)
{
    const char *name = attribute(attributes, "Name");

    p->is_stderr = kiln_streq(name, "stderr");
}

static void begin_selector(struct parser *p, const char **attributes)
{
    if (!kiln_streq(attribute(attributes, "Name"), "ShellId"))
        p->gathering = 0;
}

static const struct element {
    const char *name;
    void (*begin)(struct parser *p, const char **attributes);
    void (*take)(struct parser *p, const char *text, size_t len); /* its text */
} elements[] = {
    { WSMAN "Selector", begin_selector, take_shell_id },
    { SHELL "ShellId", NULL, take_shell_id },
    { SHELL "CommandId", NULL, take_command_id },
    { SHELL "Stream", begin_stream, take_stream },
    { SHELL "CommandState", begin_state, NULL },
    { SHELL "ExitCode", NULL, take_exit_code },
    { SOAP "Fault", begin_fault, NULL },
    { SOAP "Text", NULL, take_fault },
    { FAULT "WSManFault", begin_windows_fault, NULL },
    { FAULT "Message", NULL, take_fault },
    { FAULT "ProviderFault", NULL, take_fault },
};

/* ---- expat's side ---- */

static void on_start(void *ud, const char *name, const char **attributes)
{
    struct parser *p = ud;

    if (++p->depth > KILN_MAX_XML_DEPTH) {
        stop(p, "elements nested too deeply");
        return;
    }
    if (p->depth == 1 && strcmp(name, SOAP "Envelope") != 0) {
        stop(p, "no SOAP envelope");
        return;
    }
    for (size_t i = 0; i < KILN_COUNT(elements); i++) {
        const struct element *e = &elements[i];

        if (strcmp(name, e->name) != 0)
            continue;
        if (e->take) {
            p->gathering = p->depth; /* one inside another begins anew */
            p->take = e->take;
            kiln_str_clear(&p->text);
        }
        if (e->begin)
            e->begin(p, attributes);
    }
}

static void on_end(void *ud, const char *name)
{
    struct parser *p = ud;

    (void)name;
    if (p->gathering == p->depth && p->depth > 0) {
        p->gathering = 0;
        p->take(p, kiln_str_cstr(&p->text), p->text.len);
    }
    p->depth--;
}

static void on_text(void *ud, const char *text, int len)
{
    struct parser *p = ud;

    if (p->gathering)
        kiln_str_add(&p->text, text, (size_t)len);
}

static void on_doctype(void *ud, const char *name, const char *system_id, const char *public_id,
                       int subset)
{
    (void)name, (void)system_id, (void)public_id, (void)subset;
    stop(ud, "a document type");
}

static bool parse(struct kiln_winrm_reply *ret, const char *xml, size_t len, struct kiln_err *err)
{
    struct parser p = { .expat = XML_ParserCreateNS(NULL, SEPARATOR),
                        .reply = ret,
                        .text = KILN_STR_MAX(KILN_MAX_WINRM_REPLY) };
    enum XML_Status status;
    bool ok;

    if (!p.expat)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "expat does not start");
    XML_SetUserData(p.expat, &p);
    XML_SetElementHandler(p.expat, on_start, on_end);
    XML_SetCharacterDataHandler(p.expat, on_text);
    XML_SetStartDoctypeDeclHandler(p.expat, on_doctype);
    status = XML_Parse(p.expat, xml, (int)len, 1);
    ok = status == XML_STATUS_OK && !p.why;
    if (p.why)
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "the answer has %s", p.why);
    else if (!ok)
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "the answer is no XML: %s",
                           XML_ErrorString(XML_GetErrorCode(p.expat)));
    XML_ParserFree(p.expat);
    kiln_str_done(&p.text);
    return ok;
}

const struct kiln_winrm_ops kiln_winrm_ops = { .parse = parse };
