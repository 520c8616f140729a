/* base/hash.h: uthash, told to use our allocation door and to survive without memory.
 *
 * Include this instead of <uthash.h>, whose default on a failed allocation is exit(). After
 * HASH_ADD hash_has says whether the element is in; when it is not, the table is as it was
 * before. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/mem.h"

#define uthash_malloc(bytes) mem_new(bytes)
#define uthash_free(p, bytes) mem_free(p)
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define hash_has(element) ((element)->hh.tbl != NULL)

#endif
