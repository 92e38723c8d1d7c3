/*
 * Lines of a ledger file: "+ KIND VALUE" or "- KIND VALUE". A value is one line whatever bytes a
 * path holds: newline and backslash are escaped. Private to engine/.
 */
#ifndef KILN_ENGINE_LEDGER_ENTRY_H
#define KILN_ENGINE_LEDGER_ENTRY_H

#include "base/str.h"
#include "engine/ledger.h"

#define KILN_LEDGER_MAX ((size_t)64 << 20) /* bytes of a ledger file */

#define KILN_LEDGER_ALL "*" /* value that drops every entry of its kind; no path is relative */

/** Append one line with its '\n'. op is '+' or '-'. */
void kiln_ledger_entry_format(struct kiln_str *out, char op, enum kiln_owned kind,
                              const char *value);

struct kiln_ledger_entry {
    char op;
    enum kiln_owned kind;
    char *value; /* owned */
};

/** One line without its '\n'; false if it is none of ours. */
bool kiln_ledger_entry_parse(const char *line, size_t len, struct kiln_ledger_entry *ret);

/* PROCESS values: "PID START" when added, "PID" when dropped. */
struct kiln_ledger_process {
    pid_t pid;
    unsigned long long start; /* kiln_process_start_time; 0 when dropped */
};
/** False unless the pid can be that of a child: above 1. */
bool kiln_ledger_process_parse(const char *value, struct kiln_ledger_process *ret);

#endif
