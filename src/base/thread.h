/*
 * Helper threads. They get no signals: those belong to the main thread, whose handlers and waits
 * know what to do with them.
 */
#ifndef KILN_BASE_THREAD_H
#define KILN_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

#include "base/err.h"

/** pthread_create with every signal blocked in the new thread; name: at most 15 bytes, for ps. */
bool kiln_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *ud,
                       struct kiln_err *err);

/** Around a call into a library that starts threads of its own: they inherit the blocked set. */
void kiln_signals_block(sigset_t *ret_before);
void kiln_signals_restore(const sigset_t *before);

#endif
