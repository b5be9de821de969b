// The last lines of the log.
#include "devices.h"
#include "log.h"

__attribute__((destructor)) static void summary() {
    using namespace cudahost;
    for (int i = 0; i < device_count(); ++i)
        log_line("device %d: peak %zu bytes, largest allocation %zu\n", i, devices[i].peak, devices[i].largest);
}
