/* WinRM's questions and answers, to the letter, and the text of PowerShell around them. The rest of
 * the communicator is tested against a server: tests/e2e/test_winrm.py. */
#include "unit.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "communicator/winrm_envelope.h"
#include "communicator/winrm_reply.h"
#include "engine/powershell.h"
#include "golden.h"
#include "provisioner/elevated.h"

#define SHELL "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

/* ---- envelopes ---- */

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope"                                        \
    " xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""                                         \
    " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""                                \
    " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""                                  \
    " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\""                             \
    " xmlns:r=\"" SHELL "\"><s:Header><a:To>http://h:1/wsman?&amp;</a:To><a:ReplyTo>"              \
    "<a:Address s:mustUnderstand=\"true\">"                                                        \
    "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"      \
    "<a:MessageID>uuid:"
#define MIDDLE(action)                                                                             \
    "</a:MessageID><a:Action s:mustUnderstand=\"true\">" action "</a:Action>"                      \
    "<w:ResourceURI s:mustUnderstand=\"true\">" SHELL "/cmd</w:ResourceURI>"                       \
    "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>"                      \
    "<w:OperationTimeout>PT60S</w:OperationTimeout>"                                               \
    "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"                                    \
    "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"
#define SELECTOR                                                                                   \
    "<w:SelectorSet><w:Selector Name=\"ShellId\">S&lt;1&gt;</w:Selector></w:SelectorSet>"
#define OPTION(name, value) "<w:Option Name=\"" name "\">" value "</w:Option>"
#define BODY(text)          "</s:Header><s:Body>" text "</s:Body></s:Envelope>"

static const struct {
    struct kiln_winrm_request r;
    const char *want; /* behind the MessageID */
} envelopes[] = {
    { { .action = KILN_WINRM_CREATE },
      MIDDLE("http://schemas.xmlsoap.org/ws/2004/09/transfer/Create") "<w:OptionSet>" OPTION(
          "WINRS_NOPROFILE", "FALSE")
          OPTION("WINRS_CODEPAGE", "65001") "</w:OptionSet>" BODY(
              "<r:Shell><r:InputStreams>stdin</r:InputStreams>"
              "<r:OutputStreams>stdout stderr</r:OutputStreams></r:Shell>") },
    { { .action = KILN_WINRM_COMMAND, .shell_id = "S<1>", .command = "a & \"b\"\r\n\xc3\xa4\x01" },
      MIDDLE(SHELL "/Command") SELECTOR "<w:OptionSet>" OPTION("WINRS_CONSOLEMODE_STDIN", "TRUE")
          OPTION("WINRS_SKIP_CMD_SHELL", "FALSE") "</w:OptionSet>" BODY(
              "<r:CommandLine><r:Command>a &amp; &#34;b&#34;&#xD;&#xA;\xc3\xa4\xef\xbf\xbd"
              "</r:Command></r:CommandLine>") },
    { { .action = KILN_WINRM_COMMAND, .shell_id = "S<1>", .command = "x", .piped = true },
      MIDDLE(SHELL "/Command") SELECTOR "<w:OptionSet>" OPTION("WINRS_CONSOLEMODE_STDIN", "FALSE")
          OPTION("WINRS_SKIP_CMD_SHELL", "FALSE") "</w:OptionSet>" BODY(
              "<r:CommandLine><r:Command>x</r:Command></r:CommandLine>") },
    { { .action = KILN_WINRM_RECEIVE, .shell_id = "S<1>", .command_id = "C\"" },
      MIDDLE(SHELL "/Receive") SELECTOR BODY(
          "<r:Receive><r:DesiredStream CommandId=\"C&#34;\">stdout stderr</r:DesiredStream>"
          "</r:Receive>") },
    { { .action = KILN_WINRM_SEND,
        .shell_id = "S<1>",
        .command_id = "C",
        .input = "hello",
        .input_len = 5 },
      MIDDLE(SHELL "/Send") SELECTOR BODY(
          "<r:Send><r:Stream Name=\"stdin\" CommandId=\"C\">aGVsbG8=</r:Stream></r:Send>") },
    { { .action = KILN_WINRM_SEND, .shell_id = "S<1>", .command_id = "C" },
      MIDDLE(SHELL "/Send") SELECTOR BODY("<r:Send><r:Stream Name=\"stdin\" CommandId=\"C\""
                                          " End=\"true\"></r:Stream></r:Send>") },
    { { .action = KILN_WINRM_SIGNAL, .shell_id = "S<1>", .command_id = "C" },
      MIDDLE(SHELL "/Signal") SELECTOR BODY("<r:Signal CommandId=\"C\"><r:Code>" SHELL
                                            "/signal/terminate</r:Code></r:Signal>") },
    { { .action = KILN_WINRM_DELETE, .shell_id = "S<1>" },
      MIDDLE("http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete") SELECTOR BODY("") },
};

static void questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(envelopes); i++) {
        struct kiln_winrm_request r = envelopes[i].r;
        KILN_AUTO_STR got = { 0 };

        r.url = "http://h:1/wsman?&";
        kiln_winrm_envelope_add(&got, &r);
        assert_true(kiln_has_prefix(kiln_str_cstr(&got), HEAD));
        assert_string_equal(got.data + strlen(HEAD) + 36, envelopes[i].want);
    }
}

/* ---- replies ---- */

#define REPLY(body)                                                                                \
    "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:rsp='" SHELL "'"          \
    " xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'"                                    \
    " xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault'>"                             \
    "<s:Header/><s:Body>" body "</s:Body></s:Envelope>"
#define STATE(state, inside)                                                                       \
    "<rsp:CommandState CommandId='C' State='" SHELL "/CommandState/" state "'>" inside             \
    "</rsp:CommandState>"

static const struct {
    const char *xml;
    const char *want; /* what show() makes of it, or the error behind "! " */
} replies[] = {
    { REPLY("<x><w:Selector Name='Other'>no</w:Selector><w:Selector Name='ShellId'>S-1</w:Selector>"
            "</x><rsp:Shell><rsp:ShellId>S-2</rsp:ShellId></rsp:Shell>"),
      "shell S-1" },
    { REPLY("<rsp:Shell><rsp:ShellId>S-2</rsp:ShellId></rsp:Shell>"), "shell S-2" },
    { REPLY("<rsp:CommandResponse><rsp:CommandId>C&amp;1</rsp:CommandId></rsp:CommandResponse>"),
      "command C&1" },
    { REPLY("<rsp:Stream Name='stdout'>b25l\r\n</rsp:Stream><rsp:Stream Name='stderr'>dHdv"
            "</rsp:Stream><rsp:Stream Name='stdout' End='true'/><rsp:Stream Name='stdout'>AA=="
            "</rsp:Stream>" STATE("Running", "")),
      "out 3 one err 3 two out 1 " },
    { REPLY(STATE("Done", "<rsp:ExitCode>-1073741510</rsp:ExitCode>")), "done -1073741510" },
    { REPLY(STATE("Done", "")), "done 0" },
    { REPLY("<s:Fault><s:Reason><s:Text>The  service\r\n cannot. </s:Text></s:Reason><s:Detail>"
            "<f:WSManFault Code='2150858793'><f:Message><f:ProviderFault>more</f:ProviderFault>"
            "</f:Message></f:WSManFault></s:Detail></s:Fault>"),
      "fault 2150858793 The service cannot." },
    { REPLY("<s:Fault><f:WSManFault Code='99999999999999'><f:Message> <f:ProviderFault>why"
            "</f:ProviderFault></f:Message></f:WSManFault></s:Fault>"),
      "fault 0 why" },
    { REPLY("<s:Fault/>"), "fault 0 (nothing)" },
    { REPLY("<ShellId>no namespace</ShellId>"), "" },
    { "", "! the answer is no XML: no element found" },
    { "<html>busy</html>", "! the answer has no SOAP envelope" },
    { "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>",
      "! the answer is no XML: no element found" },
    { "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" REPLY("&a;"), "! the answer has a document type" },
    { REPLY("&bomb;"), "! the answer is no XML: undefined entity" },
    { REPLY("<rsp:Stream Name='stdout'>***</rsp:Stream>"),
      "! the answer has output that is not base64" },
    { REPLY("<rsp:ExitCode>0x1</rsp:ExitCode>"),
      "! the answer has an exit code that is no number" },
};

static void show(struct kiln_str *out, const struct kiln_winrm_reply *r)
{
    if (r->shell_id)
        kiln_str_addf(out, "shell %s", r->shell_id);
    if (r->command_id)
        kiln_str_addf(out, "command %s", r->command_id);
    for (size_t i = 0; i < r->n_pieces; i++)
        kiln_str_addf(out, "%s%s %zu %.*s", i > 0 ? " " : "",
                      r->pieces[i].is_stderr ? "err" : "out", r->pieces[i].len,
                      (int)r->pieces[i].len, r->data.data + r->pieces[i].at);
    if (r->done)
        kiln_str_addf(out, "done %lld", (long long)r->exit_code);
    if (r->is_fault)
        kiln_str_addf(out, "fault %u %s", r->fault_code, r->fault ? r->fault : "(nothing)");
}

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(replies); i++) {
        KILN_AUTO_WINRM_REPLY r = { 0 };
        KILN_AUTO_STR got = { 0 };
        KILN_AUTO_ERR err = { 0 };

        if (kiln_winrm_reply_parse(&r, replies[i].xml, strlen(replies[i].xml), &err))
            show(&got, &r);
        else
            kiln_str_addf(&got, "! %s", kiln_err_text(&err));
        assert_string_equal(kiln_str_cstr(&got), replies[i].want);
    }
}

static void limits(void **state)
{
    KILN_AUTO_STR deep = { 0 }, large = { 0 };
    KILN_AUTO_WINRM_REPLY r = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    kiln_str_adds(&deep, "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>");
    for (int i = 0; i < KILN_MAX_XML_DEPTH; i++)
        kiln_str_adds(&deep, "<a>");
    unit_fails(kiln_winrm_reply_parse(&r, deep.data, deep.len, &err), &err, KILN_ERR_REMOTE,
               "the answer has elements nested too deeply");
    while (large.len <= KILN_MAX_WINRM_REPLY)
        kiln_str_adds(&large, "                                ");
    unit_fails(kiln_winrm_reply_parse(&r, large.data, large.len, &err), &err, KILN_ERR_REMOTE,
               "an answer of more than 4194304 bytes");
}

/* ---- PowerShell ---- */

static void command_lines(void **state)
{
    KILN_AUTO_FREE char *command = kiln_powershell_command("dir \xc3\xa4");
    KILN_AUTO_FREE char *bare = kiln_powershell_bare_command("dir");
    KILN_AUTO_STR wide = { 0 }, text = { 0 };
    const char *code = strrchr(command, ' ') + 1;
    const char *whole = "$ProgressPreference = 'SilentlyContinue';dir \xc3\xa4";

    (void)state;
    assert_true(kiln_has_prefix(command, "powershell.exe -EncodedCommand "));
    assert_true(kiln_base64_decode(&wide, code, strlen(code), NULL));
    kiln_utf16_add(&text, whole, strlen(whole));
    assert_int_equal(wide.len, text.len);
    assert_memory_equal(wide.data, text.data, text.len);
    assert_string_equal(
        bare,
        "powershell.exe -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand ZABpAHIA");
}

static void quoting(void **state)
{
    KILN_AUTO_STR quoted = { 0 }, escaped = { 0 };

    (void)state;
    kiln_powershell_add_quoted(&quoted, "it's $x \xe2\x80\x99 \xff");
    assert_string_equal(quoted.data, "'it''s $x \xe2\x80\x99\xe2\x80\x99 \xff'");
    kiln_powershell_add_escaped(&escaped, "a$b \"c\" 'd' `e");
    assert_string_equal(escaped.data, "a`$b `\"c`\" `'d`' ``e");
}

static void elevated(void **state)
{
    static const struct kiln_elevated e = { .command = "run 'it'",
                                            .user = "Administrator",
                                            .password = "$it's",
                                            .name = "packer-1",
                                            .path = "C:/Windows/Temp/x.ps1" };
    KILN_AUTO_STR got = { 0 };

    (void)state;
    kiln_elevated_add_script(&got, &e);
    unit_golden(KILN_TESTS "/golden/windows/elevated.ps1", &got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions),     cmocka_unit_test(answers), cmocka_unit_test(limits),
        cmocka_unit_test(command_lines), cmocka_unit_test(quoting), cmocka_unit_test(elevated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
