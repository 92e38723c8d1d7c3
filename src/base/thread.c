#include "base/thread.h"

#include <signal.h>

bool kiln_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *ud,
                       struct kiln_err *err)
{
    sigset_t all, before;
    pthread_t thread;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, NULL, run, ud);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return kiln_err_sys(err, rc, "start thread %s", name);
    (void)pthread_setname_np(thread, name);
    *ret_thread = thread;
    return true;
}
