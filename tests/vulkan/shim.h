// A Vulkan loader between tern and the real one, that a test can make behave like another driver.
#ifndef TERN_TESTS_VULKAN_SHIM_H_
#define TERN_TESTS_VULKAN_SHIM_H_

#include <stddef.h>

// The library exports one of these as shim_state.
typedef struct shim {
    int no_timestamps;       // no queue has any
    int discrete;            // a GPU with memory of its own, of which the host sees a part
    int allocated[3];        // then: of its own, of the host, and its own that the host sees
    unsigned char kept[48];  // what the driver says its pipeline cache holds
    unsigned char given[48]; // what the last pipeline cache was made of
    size_t given_size;
} shim;

#endif
