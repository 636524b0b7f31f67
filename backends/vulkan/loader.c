#include "backends/vulkan/loader.h"

#include "backends/common/library.h"
#include "backends/common/report.h"

#ifdef _WIN32
static const char *const loader_names[] = {"vulkan-1.dll"};
#elif defined(__APPLE__)
static const char *const loader_names[] = {"libvulkan.1.dylib", "libvulkan.dylib",
                                           "libMoltenVK.dylib"};
#else
static const char *const loader_names[] = {"libvulkan.so.1", "libvulkan.so"};
#endif

static tern_status missing(const tern_host *host, const char *name) {
    return tern_report_fail(host, TERN_STATUS_INCOMPATIBLE,
                            "vulkan: the driver lacks vk%s, which Vulkan 1.1 has", name);
}

static tern_status open_library(const tern_host *host, void **out_library) {
    const char *name = host->option(host, "TERN_VULKAN_LIBRARY");
    char reason[256];
    if (name && name[0]) {
        *out_library = tern_library_open(name, reason, sizeof reason);
        return *out_library ? TERN_STATUS_OK
                            : tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                               "TERN_VULKAN_LIBRARY '%s' cannot be loaded: %s",
                                               name, reason);
    }
    for (size_t i = 0; i < sizeof loader_names / sizeof loader_names[0]; i++) {
        *out_library = tern_library_open(loader_names[i], reason, sizeof reason);
        if (*out_library) {
            return TERN_STATUS_OK;
        }
    }
    return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                            "no vulkan loader: '%s' cannot be loaded", loader_names[0]);
}

tern_status tern_vk_loader_open(const tern_host *host, tern_vk_loader *out_loader) {
    tern_vk_loader loader = {0};
    TERN_TRY(open_library(host, &loader.library));
    loader.get_proc =
        (PFN_vkGetInstanceProcAddr)tern_library_symbol(loader.library, "vkGetInstanceProcAddr");
    const char *lacking = loader.get_proc ? NULL : "GetInstanceProcAddr";
#define TERN_VK_GLOBAL(name)                                                                       \
    if (!lacking) {                                                                                \
        loader.vk.name = (PFN_vk##name)loader.get_proc(NULL, "vk" #name);                          \
        lacking = loader.vk.name ? NULL : #name;                                                   \
    }
#include "backends/vulkan/functions.inc"
    if (lacking) {
        tern_vk_loader_close(&loader);
        return missing(host, lacking);
    }
    *out_loader = loader;
    return TERN_STATUS_OK;
}

void tern_vk_loader_close(tern_vk_loader *loader) {
    if (loader->library) {
        tern_library_close(loader->library);
        loader->library = NULL;
    }
}

tern_status tern_vk_load_instance(const tern_host *host, PFN_vkGetInstanceProcAddr get_proc,
                                  VkInstance instance, tern_vk_instance_functions *out_vk) {
    const char *lacking = NULL; // the rest is still wanted: what exists must be destroyed
#define TERN_VK_INSTANCE(name)                                                                     \
    out_vk->name = (PFN_vk##name)get_proc(instance, "vk" #name);                                   \
    lacking = lacking || out_vk->name ? lacking : #name;
#include "backends/vulkan/functions.inc"
    return lacking ? missing(host, lacking) : TERN_STATUS_OK;
}

tern_status tern_vk_load_device(const tern_host *host, const tern_vk_instance_functions *vk,
                                VkDevice device, tern_vk_device_functions *out_vk) {
    const char *lacking = NULL; // likewise
#define TERN_VK_DEVICE(name)                                                                       \
    out_vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(device, "vk" #name);                        \
    lacking = lacking || out_vk->name ? lacking : #name;
#include "backends/vulkan/functions.inc"
    return lacking ? missing(host, lacking) : TERN_STATUS_OK;
}
