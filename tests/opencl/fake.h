// An OpenCL that computes nothing, to see what the backend asks of a driver: every object is
// counted, launches are written down, and any call can be made to fail.
#ifndef TERN_TESTS_OPENCL_FAKE_H_
#define TERN_TESTS_OPENCL_FAKE_H_

#include "backends/opencl/device.h"

enum { FAKE_LAUNCHES = 4096, FAKE_LAUNCH_NS = 250 };

typedef struct fake_driver {
    int calls;   // that can fail, so far
    int failing; // this one does; 0: none
    cl_int code; // with this
    int alive;   // objects, memory of the host included
    int flushes;
    int launch_count;
    const char *launches[FAKE_LAUNCHES]; // names of kernels
    char message[512];                   // the last failure's text
    int sources;                         // programs made from source
    int binaries;                        // and from what was kept
    bool refuse_binaries;
    bool timed;          // the option TERN_PROFILE is on
    bool clockless;      // events have no times
    const char *kernels; // the option TERN_OPENCL_KERNELS; NULL: not given
    bool crowded;        // work-groups hold 64 work-items, whatever the device says
    const char *fast;    // launches of kernels compiled without this take longer; NULL: none does
} fake_driver;

extern fake_driver fake;

// How many things the host keeps from one start to the next; fake_reset leaves them.
extern int fake_kept;

// Forgets everything; call |failing| (from 1) fails with |code|.
void fake_reset(int failing, cl_int code);
// An instance with one device on the fake driver. Nothing to be released.
tern_backend_instance *fake_instance(void);

#endif
