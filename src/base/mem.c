/* Allocation, counted, and made to fail on demand. */
#include "base/mem.h"

#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Any thread allocates, and no thread waits for what another one counted: relaxed is enough. */
static atomic_ulong allocations;
static atomic_ulong until_failure; /* 0 = never, 1 = the next one fails */
static atomic_bool is_failing_for_ever;

/* Counts one allocation; true when it is the one that has to fail. */
static bool has_to_fail(void)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);

	unsigned long left = atomic_load_explicit(&until_failure, memory_order_relaxed);
	while (left > 0) {
		bool is_last = left == 1;
		if (is_last && atomic_load_explicit(&is_failing_for_ever, memory_order_relaxed))
			return true;
		if (atomic_compare_exchange_weak_explicit(&until_failure, &left, left - 1,
			    memory_order_relaxed, memory_order_relaxed))
			return is_last;
	}
	return false;
}

void mem_fail_at(unsigned long n, int for_ever)
{
	atomic_store_explicit(&is_failing_for_ever, for_ever != 0, memory_order_relaxed);
	atomic_store_explicit(&until_failure, n, memory_order_relaxed);
}

unsigned long mem_count(void)
{
	return atomic_load_explicit(&allocations, memory_order_relaxed);
}

void *mem_new(size_t bytes)
{
	return mem_array(1, bytes);
}

void *mem_array(size_t n, size_t item_bytes)
{
	size_t bytes;

	if (has_to_fail() || __builtin_mul_overflow(n, item_bytes, &bytes))
		return NULL;
	return calloc(1, bytes > 0 ? bytes : 1); /* NULL means failure and nothing else */
}

void *mem_resize(void *p, size_t bytes)
{
	if (has_to_fail())
		return NULL;
	return realloc(p, bytes > 0 ? bytes : 1);
}

char *mem_dup(const char *s)
{
	return s ? mem_dupn(s, strlen(s)) : NULL;
}

char *mem_dupn(const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? mem_new(len + 1) : NULL;

	if (copy && len > 0)
		memcpy(copy, s, len);
	return copy;
}

void mem_free(void *p)
{
	free(p);
}

/* ---- Given back ------------------------------------------------------------------------------ */

/* Only segments that nobody ever wrote to are the same in their files. */
static int forget_segments(struct dl_phdr_info *object, size_t size, void *ctx)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &object->dlpi_phdr[i];
		const uintptr_t begin = (object->dlpi_addr + s->p_vaddr) & ~(page - 1);
		const uintptr_t end = object->dlpi_addr + s->p_vaddr + s->p_memsz;

		if (s->p_type == PT_LOAD && !(s->p_flags & PF_W))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void mem_give_back(void)
{
	malloc_trim(0);
	dl_iterate_phdr(forget_segments, NULL);
}

/* ---- Wiped when freed ------------------------------------------------------------------------ */

void *mem_wiped_new(size_t bytes)
{
	return malloc(bytes);
}

void *mem_wiped_array(size_t n, size_t item_bytes)
{
	return calloc(n, item_bytes);
}

/* realloc would leave what it moved where it was. */
void *mem_wiped_resize(void *p, size_t bytes)
{
	const size_t had = p ? malloc_usable_size(p) : 0;
	void *moved = malloc(bytes);

	if (!moved)
		return NULL;
	if (had > 0)
		memcpy(moved, p, had < bytes ? had : bytes);
	mem_wiped_free(p);
	return moved;
}

char *mem_wiped_dup(const char *s)
{
	const size_t bytes = strlen(s) + 1;
	char *copy = malloc(bytes);

	return copy ? memcpy(copy, s, bytes) : NULL;
}

void mem_wiped_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}
