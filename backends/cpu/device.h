// The processor as a device.
#ifndef TERN_BACKENDS_CPU_DEVICE_H_
#define TERN_BACKENDS_CPU_DEVICE_H_

#include <tern/backend.h>

#include "backends/common/choice.h"
#include "backends/cpu/arena.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/threads.h"

struct tern_backend_instance {
    const tern_host *host;
    tern_cpu_levels levels; // found, allowed by TERN_CPU_MASK, and not refused to a device
};

// TERN_CPU_TERNARY: how ternary weights lie in memory.
enum tern_cpu_ternary_layout { TERN_CPU_TERNARY_AUTO, TERN_CPU_TERNARY_T2, TERN_CPU_TERNARY_T5 };

struct tern_backend_device {
    const tern_host *host;
    struct tern_cpu_kernels kernels;
    struct tern_cpu_pool *pool;
    struct tern_cpu_arena arena; // of weights
    uint64_t ticket;             // of the last submit
    tern_choices choices;        // made so far
    bool timed;                  // TERN_PROFILE
    enum tern_cpu_ternary_layout ternary;
};

tern_status tern_cpu_instance_create(const tern_host *host, tern_backend_instance **out_instance);
void tern_cpu_instance_destroy(tern_backend_instance *instance);
uint32_t tern_cpu_device_count(tern_backend_instance *instance);
tern_status tern_cpu_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info);
tern_status tern_cpu_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device);
void tern_cpu_device_close(tern_backend_device *device);

#endif
