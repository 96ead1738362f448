#pragma once
#include <sodium.h>
#include <sys/prctl.h>

// Swift cannot call functions with a variable number of arguments.
static inline int countersign_set_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

