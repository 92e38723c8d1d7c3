#include "communicator/winrm_envelope.h"

#include "base/encode.h"
#include "base/random.h"

#define MAX_ENVELOPE "153600" /* bytes of a reply: what the oldest Windows sends at most */

#define SHELL_URI "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define WXF_URI   "http://schemas.xmlsoap.org/ws/2004/09/transfer"

static const char *const actions[KILN_WINRM__N] = {
    [KILN_WINRM_CREATE] = WXF_URI "/Create",     [KILN_WINRM_COMMAND] = SHELL_URI "/Command",
    [KILN_WINRM_RECEIVE] = SHELL_URI "/Receive", [KILN_WINRM_SEND] = SHELL_URI "/Send",
    [KILN_WINRM_SIGNAL] = SHELL_URI "/Signal",   [KILN_WINRM_DELETE] = WXF_URI "/Delete",
};

static void add_text(struct kiln_str *out, const char *s)
{
    kiln_xml_add_text(out, s, strlen(s));
}

static void add_option(struct kiln_str *out, const char *name, const char *value)
{
    kiln_str_addf(out, "<w:Option Name=\"%s\">%s</w:Option>", name, value);
}

static void add_options(struct kiln_str *out, const struct kiln_winrm_request *r)
{
    if (r->action != KILN_WINRM_CREATE && r->action != KILN_WINRM_COMMAND)
        return;
    kiln_str_adds(out, "<w:OptionSet>");
    if (r->action == KILN_WINRM_CREATE) {
        add_option(out, "WINRS_NOPROFILE", "FALSE");
        add_option(out, "WINRS_CODEPAGE", "65001"); /* UTF-8 */
    } else {
        add_option(out, "WINRS_CONSOLEMODE_STDIN", r->piped ? "FALSE" : "TRUE");
        add_option(out, "WINRS_SKIP_CMD_SHELL", "FALSE");
    }
    kiln_str_adds(out, "</w:OptionSet>");
}

static void add_header(struct kiln_str *out, const struct kiln_winrm_request *r)
{
    char uuid[KILN_UUID_SIZE];

    kiln_uuid_v4(uuid);
    kiln_str_adds(out, "<s:Header><a:To>");
    add_text(out, r->url);
    kiln_str_addf(out,
                  "</a:To><a:ReplyTo><a:Address s:mustUnderstand=\"true\">http://schemas.xmlsoap"
                  ".org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
                  "<a:MessageID>uuid:%s</a:MessageID>"
                  "<a:Action s:mustUnderstand=\"true\">%s</a:Action>"
                  "<w:ResourceURI s:mustUnderstand=\"true\">" SHELL_URI "/cmd</w:ResourceURI>"
                  "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">" MAX_ENVELOPE
                  "</w:MaxEnvelopeSize><w:OperationTimeout>PT%dS</w:OperationTimeout>"
                  "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"
                  "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>",
                  uuid, actions[r->action], (int)(KILN_WINRM_OPERATION_US / KILN_SECOND(1)));
    if (r->shell_id) {
        kiln_str_adds(out, "<w:SelectorSet><w:Selector Name=\"ShellId\">");
        add_text(out, r->shell_id);
        kiln_str_adds(out, "</w:Selector></w:SelectorSet>");
    }
    add_options(out, r);
    kiln_str_adds(out, "</s:Header>");
}

static void add_body(struct kiln_str *out, const struct kiln_winrm_request *r)
{
    switch (r->action) {
    case KILN_WINRM_CREATE:
        kiln_str_adds(out, "<r:Shell><r:InputStreams>stdin</r:InputStreams><r:OutputStreams>stdout "
                           "stderr</r:OutputStreams></r:Shell>");
        break;
    case KILN_WINRM_COMMAND:
        kiln_str_adds(out, "<r:CommandLine><r:Command>");
        add_text(out, r->command);
        kiln_str_adds(out, "</r:Command></r:CommandLine>");
        break;
    case KILN_WINRM_RECEIVE:
        kiln_str_adds(out, "<r:Receive><r:DesiredStream CommandId=\"");
        add_text(out, r->command_id);
        kiln_str_adds(out, "\">stdout stderr</r:DesiredStream></r:Receive>");
        break;
    case KILN_WINRM_SEND:
        kiln_str_adds(out, "<r:Send><r:Stream Name=\"stdin\" CommandId=\"");
        add_text(out, r->command_id);
        kiln_str_addf(out, "\"%s>", r->input_len > 0 ? "" : " End=\"true\"");
        kiln_base64_add(out, r->input, r->input_len);
        kiln_str_adds(out, "</r:Stream></r:Send>");
        break;
    case KILN_WINRM_SIGNAL:
        kiln_str_adds(out, "<r:Signal CommandId=\"");
        add_text(out, r->command_id);
        kiln_str_adds(out, "\"><r:Code>" SHELL_URI "/signal/terminate</r:Code></r:Signal>");
        break;
    case KILN_WINRM_DELETE:
    case KILN_WINRM__N:
        break;
    }
}

void kiln_winrm_envelope_add(struct kiln_str *out, const struct kiln_winrm_request *r)
{
    kiln_str_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                       "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                       " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
                       " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""
                       " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\""
                       " xmlns:r=\"" SHELL_URI "\">");
    add_header(out, r);
    kiln_str_adds(out, "<s:Body>");
    add_body(out, r);
    kiln_str_adds(out, "</s:Body></s:Envelope>");
}
