/*
 * Text for PowerShell in a Windows guest. No state, any thread.
 * Source: provision-postprocess.md, section 7; "about_Quoting_Rules", "about_PowerShell_exe".
 */
#ifndef KILN_ENGINE_POWERSHELL_H
#define KILN_ENGINE_POWERSHELL_H

#include "base/str.h"

/* Begins a script file that is UTF-8; without it Windows PowerShell takes it for the local code
 * page.
 */
#define KILN_POWERSHELL_MARK "\xef\xbb\xbf"

/**
 * The command line that runs a script: `powershell.exe -EncodedCommand …`, the script in UTF-16 and
 * base64, so that nothing in it means anything to cmd.exe. Progress bars are off: they would come
 * out as XML on stderr. cmd.exe takes 8191 characters, a script of about 3000. Caller frees.
 */
char *kiln_powershell_command(const char *script);

/**
 * The same for a script of ours: nothing is put in front of it (so that it can begin with
 * `begin {`), no profile of the user's gets between, and what it complains of is no XML.
 */
char *kiln_powershell_bare_command(const char *script);

/** A literal string in single quotes: 'it''s'. Curly ones are quotes to PowerShell, too. */
void kiln_powershell_add_quoted(struct kiln_str *out, const char *s);

/** For between double quotes, as Packer writes it: $ " ' and ` get a ` in front of them. */
void kiln_powershell_add_escaped(struct kiln_str *out, const char *s);

#endif
