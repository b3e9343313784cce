/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mainline's compiler headers say about locks, and those here do not know or know
 * with fewer arguments. It makes no code. For scripts/check/users.sh.
 */
#include <linux/compiler_types.h>

#undef __cond_acquires
#define __cond_acquires(...)
#define __cond_releases(...)
#define __context_unsafe(...)
#define __guarded_by(...)
#define __must_hold_shared(...)
