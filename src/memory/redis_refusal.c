/* What Redis says when it will not serve us, and what that means to a person. */
#include "memory/room.h"

#include <string.h>

/* Errors after which the server is of no use to us now; any other concerns one command only. */
static const struct memory_refusal refusals[] = {
	{"NOAUTH", true, "it wants a password; set memory.password"},
	{"WRONGPASS", true, "it refused the password; correct memory.password"},
	{"ERR invalid password", true, "it refused the password; correct memory.password"},
	{"ERR Client sent AUTH", true, "it has no password set; remove memory.password"},
	{"ERR AUTH", true, "it has no password set; remove memory.password"},
	{"NOPERM", true, "the account may not do this; allow keys mynah1:* and their commands"},
	{"ERR DB index", true, "it has no such database; correct the number in memory.url"},
	{"ERR max number of clients", false, "it has too many clients"},
	{"LOADING", false, "it is still loading its data"},
	{"READONLY", false, "it is a read-only replica; name the primary in memory.url"},
	{"MASTERDOWN", false, "it is a replica without its primary"},
	{"NOREPLICAS", false, "it refuses writes: too few replicas"},
	{"MISCONF", false, "it refuses writes: it cannot save to disk"},
	{"OOM", false, "it is out of memory; set its maxmemory-policy to allkeys-lru"},
	{"MOVED", false, "it is part of a cluster, which mynah does not speak; name a lone server"},
	{"CLUSTERDOWN", false, "its cluster is down"},
	{"BUSY", false, "it is busy with a script"},
};

const struct memory_refusal *memory_refusal_of(struct str said)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		size_t len = strlen(refusals[i].prefix);

		if (said.len >= len && memcmp(said.at, refusals[i].prefix, len) == 0)
			return &refusals[i];
	}
	return NULL;
}
