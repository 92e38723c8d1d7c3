/*
 * Text encodings. The *_add functions append to out and cannot fail but by its maximum; the
 * decoders are strict, append the bytes, and leave out as it was on failure. No state, any thread.
 */
#ifndef KILN_BASE_ENCODE_H
#define KILN_BASE_ENCODE_H

#include "base/str.h"
#include "base/strv.h"

/** What a hex digit of either case stands for; -1: it is none. */
int kiln_hex_value(char c);
/** Lower-case hex digits. */
void kiln_hex_add(struct kiln_str *out, const void *data, size_t len);
/** Either case; an odd length or another character fails. */
bool kiln_hex_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err);

/** RFC 4648 section 4, with padding, on one line. */
void kiln_base64_add(struct kiln_str *out, const void *data, size_t len);
/** As above; line breaks are passed over, as Go does; padding must be there. */
bool kiln_base64_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err);

/** Go's url.QueryEscape: letters, digits and -_.~ stay, a space becomes +, the rest %XX. */
void kiln_url_add_query(struct kiln_str *out, const char *s);
/** Go's url.PathEscape, but for '/', which stays: for whole paths. */
void kiln_url_add_path(struct kiln_str *out, const char *s);
/** %XX only ('+' stays), as in a path; a bad %, and %00, fail. */
bool kiln_url_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err);

/** One word of a POSIX shell, in single quotes if it needs any: abc, 'it'"'"'s'. */
void kiln_shell_add_quoted(struct kiln_str *out, const char *s);
/** What stands between single quotes: each ' becomes '"'"' (Packer's environment variables). */
void kiln_shell_add_escaped(struct kiln_str *out, const char *s);

/**
 * Text of XML, in an element or an attribute, as Go's xml.EscapeText writes it; tabs and line ends,
 * too, so that they arrive as they are. What no XML can hold becomes U+FFFD.
 */
void kiln_xml_add_text(struct kiln_str *out, const char *s, size_t len);

/** UTF-16, low byte first, without a mark; bytes that are no UTF-8 become U+FFFD. */
void kiln_utf16_add(struct kiln_str *out, const char *s, size_t len);

enum kiln_json_flags {
    KILN_JSON_PLAIN = 0,
    KILN_JSON_HTML = 1, /* < > & and U+2028/9 as \u003c …: Go's json.Marshal */
};
/** A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void kiln_json_add_string(struct kiln_str *out, const char *s, size_t len,
                          enum kiln_json_flags flags);
/** The same for a whole C string, PLAIN. */
void kiln_json_adds(struct kiln_str *out, const char *s);
/** An array of strings, on one line, PLAIN. */
void kiln_json_add_strings(struct kiln_str *out, const struct kiln_strv *list);
/** How many bytes at s are ASCII and stand for themselves in a JSON string. */
size_t kiln_json_plain(const char *s, size_t len);

/** Go's %q (strconv.Quote). Printable is close to Go's tables: assigned or not is not looked up. */
void kiln_go_add_quoted(struct kiln_str *out, const char *s, size_t len);
/** As above, and what is not ASCII as \u00e9: Go's %+q. */
void kiln_go_add_quoted_ascii(struct kiln_str *out, const char *s, size_t len);
/** One character as it stands between two `quote`s; ascii as above. */
void kiln_go_add_char(struct kiln_str *out, unsigned cp, char quote, bool ascii);
/** False for spaces other than ' ', format characters, private use and noncharacters. */
bool kiln_go_is_printable(unsigned cp);

#endif
