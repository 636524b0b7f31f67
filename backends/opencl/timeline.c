#include "backends/opencl/timeline.h"

#include "backends/common/clock.h"
#include "backends/common/report.h"

static void lock(tern_cl_timeline *timeline) {
    while (atomic_flag_test_and_set_explicit(&timeline->lock, memory_order_acquire)) {
    }
}

static void unlock(tern_cl_timeline *timeline) {
    atomic_flag_clear_explicit(&timeline->lock, memory_order_release);
}

// The event of |ticket|, retained; NULL if it has ended or was never given.
static cl_event take_event(tern_backend_device *device, uint64_t ticket) {
    tern_cl_timeline *timeline = &device->timeline;
    cl_event event = NULL;
    lock(timeline);
    if (ticket > atomic_load(&timeline->done) && ticket <= timeline->last) {
        event = timeline->events[ticket % TERN_CL_IN_FLIGHT];
        device->cl->clRetainEvent(event);
    }
    unlock(timeline);
    return event;
}

// Runs end in the order of their tickets.
static void mark_done(tern_cl_timeline *timeline, uint64_t ticket) {
    uint_least64_t done = atomic_load(&timeline->done);
    while (done < ticket && !atomic_compare_exchange_weak(&timeline->done, &done, ticket)) {
    }
}

static tern_status lost(tern_backend_device *device, cl_int code) {
    atomic_store(&device->lost, true);
    return tern_report_fail(device->host, TERN_STATUS_DEVICE_LOST,
                            "opencl device '%s' is lost: a run ended with %s (%d)",
                            device->candidate->info.name, tern_cl_error_name(code), (int)code);
}

static tern_status wait_until(tern_backend_device *device, cl_event event, uint64_t timeout_ns) {
    uint64_t start = tern_clock_ns();
    for (;;) {
        cl_int state = CL_QUEUED;
        cl_int code = device->cl->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                                 sizeof state, &state, NULL);
        if (code != CL_SUCCESS || state < 0) {
            return lost(device, code != CL_SUCCESS ? code : state);
        }
        if (state == CL_COMPLETE) {
            return TERN_STATUS_OK;
        }
        if (tern_clock_ns() - start >= timeout_ns) {
            return TERN_STATUS_TIMEOUT;
        }
        tern_clock_rest();
    }
}

static tern_status wait_for_ever(tern_backend_device *device, cl_event event) {
    cl_int code = device->cl->clWaitForEvents(1, &event);
    return code == CL_SUCCESS ? TERN_STATUS_OK : lost(device, code);
}

tern_status tern_cl_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    cl_event event = take_event(device, ticket);
    if (!event) {
        return TERN_STATUS_OK;
    }
    uint64_t start = tern_clock_ns();
    tern_status status = timeout_ns == UINT64_MAX ? wait_for_ever(device, event)
                                                  : wait_until(device, event, timeout_ns);
    tern_meter_driver(&device->meter, start);
    device->cl->clReleaseEvent(event);
    if (status == TERN_STATUS_OK) {
        mark_done(&device->timeline, ticket);
    }
    return status;
}

tern_status tern_cl_timeline_reserve(tern_backend_device *device) {
    uint64_t last = device->timeline.last; // only this thread changes it
    return last < TERN_CL_IN_FLIGHT
               ? TERN_STATUS_OK
               : tern_cl_wait(device, last + 1 - TERN_CL_IN_FLIGHT, UINT64_MAX);
}

uint64_t tern_cl_timeline_push(tern_backend_device *device, cl_event event) {
    tern_cl_timeline *timeline = &device->timeline;
    lock(timeline);
    uint64_t ticket = ++timeline->last;
    cl_event old = timeline->events[ticket % TERN_CL_IN_FLIGHT];
    timeline->events[ticket % TERN_CL_IN_FLIGHT] = event;
    unlock(timeline);
    if (old) {
        device->cl->clReleaseEvent(old);
    }
    return ticket;
}
