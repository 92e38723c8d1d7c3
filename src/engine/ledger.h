/*
 * The ledger: everything that must not outlive a run, written down before it is created, so that
 * whoever finds a dead worker (its supervisor, or the next kiln) can clean up after it.
 *
 * One append-only file per build in the run directory; each entry is one write() of one line
 * "+ KIND VALUE" or "- KIND VALUE". Thread-safe.
 */
#ifndef KILN_ENGINE_LEDGER_H
#define KILN_ENGINE_LEDGER_H

#include <sys/types.h>

#include "base/err.h"

enum kiln_owned {
    KILN_OWNED_PROCESS, /* pid and start time; killed with its group */
    KILN_OWNED_FILE,    /* unlinked */
    KILN_OWNED_TREE,    /* removed recursively */
    KILN_OWNED_LOCK,    /* of base/lock.h; unlinked if nobody holds it: its holder does it else */
    KILN_OWNED_OUTPUT,  /* as TREE, but a finished build keeps it and -on-error=abort too */
};

struct kiln_ledger;

bool kiln_ledger_open(struct kiln_ledger **ret, const char *path, struct kiln_err *err);
void kiln_ledger_close(struct kiln_ledger *l); /* keeps the file */

/** Before it is created. `value` is a path (made absolute here). Not for PROCESS. */
bool kiln_ledger_add(struct kiln_ledger *l, enum kiln_owned kind, const char *value,
                     struct kiln_err *err);
/** After it is gone, or no longer ours. */
void kiln_ledger_drop(struct kiln_ledger *l, enum kiln_owned kind, const char *value);
/** Every OUTPUT entry so far: it stays, whoever cleans (an abort keeps the files). */
void kiln_ledger_keep_outputs(struct kiln_ledger *l);
/**
 * Make a private file (0600, as kiln_fs_temp_file) or directory (0700) in kiln_path_tmp(), or in
 * /tmp if a directory's path would be too long for the sockets in it, under a name that was entered
 * before, as FILE or TREE. *ret_path: kiln_ledger_remove ends it. Returns a
 * close-on-exec fd open for reading and writing, or -1.
 */
int kiln_ledger_temp_file(struct kiln_ledger *l, const char *prefix, const char *suffix,
                          char **ret_path, struct kiln_err *err);
bool kiln_ledger_temp_dir(struct kiln_ledger *l, const char *prefix, char **ret_path,
                          struct kiln_err *err);
/** Remove what is there, drop the entry, free the path (NULL is fine). FILE and TREE. */
void kiln_ledger_remove(struct kiln_ledger *l, enum kiln_owned kind, char *path);
/** The on_pid callback for struct kiln_spawn; ud = struct kiln_ledger. */
bool kiln_ledger_add_pid(void *ud, pid_t pid, struct kiln_err *err);
void kiln_ledger_drop_pid(struct kiln_ledger *l, pid_t pid);

/**
 * Clean what the file still lists, in reverse order, then remove the file. A process is killed
 * (with its group, and its end waited for) only if its start time matches. `keep_output`: leave
 * KILN_OWNED_OUTPUT alone; an output that was made after the ledger's last entry is somebody else's
 * and left alone in any case. A line cut short by a crash is ignored; a missing file is fine. What
 * cannot be removed is the error, the rest is cleaned all the same, and the file stays for another
 * try. `mark`: "NAME=VALUE" that every process of the run has in its environment; with it, children
 * that a process left behind when it died are killed too, if they stayed in its group. NULL: none.
 */
bool kiln_ledger_clean(const char *path, bool keep_output, const char *mark, struct kiln_err *err);

#endif
