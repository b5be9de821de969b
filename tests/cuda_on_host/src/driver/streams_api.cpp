// Streams and events. All calls are synchronous, so there is nothing to wait for but NCCL.
#include <unistd.h>

#include "devices.h"

using namespace cudahost;

API cuStreamCreate(void **out, unsigned) {
    if (int code = check("cuStreamCreate")) return code;
    *out = new Handle{current, {}};
    return SUCCESS;
}
API cuStreamDestroy_v2(void *stream) {
    delete static_cast<Handle *>(stream);
    return SUCCESS;
}
API cuStreamQuery(void *stream) {
    if (int code = check_handle(stream, "cuStreamQuery")) return code;
    return stream && static_cast<Handle *>(stream)->busy ? NOT_READY : SUCCESS;
}
API cuStreamSynchronize(void *stream) {
    while (stream && static_cast<Handle *>(stream)->busy) usleep(100);
    return check_handle(stream, "cuStreamSynchronize");
}
API cuStreamWaitEvent(void *stream, void *, unsigned) { return check_handle(stream, "cuStreamWaitEvent"); }

API cuEventCreate(void **out, unsigned) {
    if (int code = check("cuEventCreate")) return code;
    *out = new Handle{current, {}};
    return SUCCESS;
}
API cuEventDestroy_v2(void *event) {
    delete static_cast<Handle *>(event);
    return SUCCESS;
}
API cuEventRecord(void *event, void *) { return check_handle(event, "cuEventRecord"); }
API cuEventQuery(void *event) { return check_handle(event, "cuEventQuery"); }
API cuEventSynchronize(void *event) { return check_handle(event, "cuEventSynchronize"); }

// For the stand-in of NCCL.
API cudahost_stream_begins(void *stream) { return stream ? ++static_cast<Handle *>(stream)->busy : 0; }
API cudahost_stream_ends(void *stream) { return stream ? --static_cast<Handle *>(stream)->busy : 0; }
