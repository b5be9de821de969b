// Streams and events. All calls are synchronous, so there is nothing to wait for.
#include "devices.h"

using namespace cudahost;

API cuStreamCreate(void **out, unsigned) {
    if (int code = check("cuStreamCreate")) return code;
    *out = new Handle{current};
    return SUCCESS;
}
API cuStreamDestroy_v2(void *stream) {
    delete static_cast<Handle *>(stream);
    return SUCCESS;
}
API cuStreamSynchronize(void *stream) { return check_handle(stream, "cuStreamSynchronize"); }
API cuStreamWaitEvent(void *stream, void *, unsigned) { return check_handle(stream, "cuStreamWaitEvent"); }

API cuEventCreate(void **out, unsigned) {
    if (int code = check("cuEventCreate")) return code;
    *out = new Handle{current};
    return SUCCESS;
}
API cuEventDestroy_v2(void *event) {
    delete static_cast<Handle *>(event);
    return SUCCESS;
}
API cuEventRecord(void *event, void *) { return check_handle(event, "cuEventRecord"); }
API cuEventQuery(void *event) { return check_handle(event, "cuEventQuery"); }
API cuEventSynchronize(void *event) { return check_handle(event, "cuEventSynchronize"); }
