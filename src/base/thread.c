#include "base/thread.h"

void kiln_signals_block(sigset_t *ret_before)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void kiln_signals_restore(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

bool kiln_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *ud,
                       struct kiln_err *err)
{
    sigset_t before;
    pthread_t thread;
    int rc;

    kiln_signals_block(&before);
    rc = pthread_create(&thread, NULL, run, ud);
    kiln_signals_restore(&before);
    if (rc != 0)
        return kiln_err_sys(err, rc, "start thread %s", name);
    (void)pthread_setname_np(thread, name);
    *ret_thread = thread;
    return true;
}
