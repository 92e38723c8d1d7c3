/*
 * Functions that nobody here may call, and what to use instead. Forced into every file of src/ and
 * ui/ by err.h, after the system headers that declare them.
 */
#ifndef KILN_BASE_POISON_H
#define KILN_BASE_POISON_H

#ifdef __GNUC__
#undef sprintf /* glibc makes it a macro for clang with _FORTIFY_SOURCE */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll
#pragma GCC poison gmtime localtime system popen
#endif
/* strcpy & co: struct kiln_str. atoi: kiln_parse_*. gmtime: gmtime_r. system, popen: process.h */

#endif
