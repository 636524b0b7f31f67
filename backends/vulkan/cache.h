// The driver's compiled pipelines, kept in the user's cache folder from one start to the next.
#ifndef TERN_BACKENDS_VULKAN_CACHE_H_
#define TERN_BACKENDS_VULKAN_CACHE_H_

#include "backends/vulkan/loader.h"

// Makes device->pipelines.cache, of what an earlier start kept for the same device, driver and
// shaders.
tern_status tern_vk_cache_open(tern_backend_device *device);
// A name for what is kept of this device, driver and build of the shaders: "vulkan |kind| ...".
enum { TERN_VK_CACHE_NAME = 512 };
void tern_vk_cache_name(tern_backend_device *device, const char *kind,
                        char out_name[TERN_VK_CACHE_NAME]);
// Keeps what the driver has made since, if anything, and destroys the cache.
void tern_vk_cache_close(tern_backend_device *device);

#endif
