/* What places of every kind share: the names of states. */
#include "platform/platform.h"

const char *platform_state_name(enum platform_state s)
{
	static const char *const names[] = {
		[PLATFORM_DOWN] = "down", [PLATFORM_CONNECTING] = "connecting",
		[PLATFORM_UP] = "up", [PLATFORM_REFUSED] = "refused",
		[PLATFORM_STOPPED] = "stopped",
	};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}
