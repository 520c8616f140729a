/* base/mem.h: the one door of allocation, so that tests can make any allocation fail.
 *
 * Every function gives NULL when memory is out, which callers treat as an ordinary error. Memory is
 * zeroed. mem_free takes NULL. Library memory (json-c, libuv, ...) does not pass through here, but
 * for mem_wiped_*. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t bytes);
/* n items of a size, zeroed; NULL on overflow too. */
void *mem_array(size_t n, size_t item_bytes);
/* Grows or shrinks; the old block stays valid when NULL comes back. New bytes are not zeroed. */
void *mem_resize(void *p, size_t bytes);
char *mem_dup(const char *s);               /* GIVES; NULL in, NULL out */
char *mem_dupn(const char *s, size_t len);  /* GIVES a NUL-terminated copy of len bytes */
void mem_free(void *p);

/* For libraries that are given secrets and let us choose how they allocate: as malloc and its kin,
 * but a block is wiped before it is given back. Neither counted nor made to fail. */
void *mem_wiped_new(size_t bytes);
void *mem_wiped_array(size_t n, size_t item_bytes);
void *mem_wiped_resize(void *p, size_t bytes);
char *mem_wiped_dup(const char *s);
void mem_wiped_free(void *p);

/* Gives back to the system what only a start or a reload needed: heap that is free, and the pages
 * of code and constants that are mapped, this program's and its libraries'. Those that are used
 * again come back from the page cache, by a fault. For any thread; takes milliseconds. */
void mem_give_back(void);

/* Tests: the n-th allocation from now fails (1 = the next), and all later ones too if for_ever.
 * n = 0 switches failing off. */
void mem_fail_at(unsigned long n, int for_ever);
/* Allocations made through this door since start; the bench proves "no-hit allocates nothing". */
unsigned long mem_count(void);

#endif
