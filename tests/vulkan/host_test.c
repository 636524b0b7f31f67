// tern on a Vulkan device that this program made, as a game would: the same bits, the host's lock
// around its queue, nothing of the host's destroyed, and no extension used that is not enabled.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define VK_NO_PROTOTYPES 1
#include <tern/tern.h>
#include <tern/vulkan.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

static const char layer[] = "VK_LAYER_KHRONOS_validation";

// The host: its objects, and what it counts.
typedef struct game {
    PFN_vkGetInstanceProcAddr get_proc;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    VkDebugUtilsMessengerEXT messenger;
    uint32_t complaints;
    int locked;
    uint32_t locks;
} game;

static game the_game;

#define GET(name) PFN_vk##name name = (PFN_vk##name)g->get_proc(g->instance, "vk" #name)

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user) {
    (void)severity;
    (void)types;
    print_error("%s\n", data->pMessage);
    ((game *)user)->complaints++;
    return VK_FALSE;
}

static void lock_queue(void *user) {
    game *g = user;
    assert_false(g->locked);
    g->locked = 1;
    g->locks++;
}

static void unlock_queue(void *user) {
    game *g = user;
    assert_true(g->locked);
    g->locked = 0;
}

static void skip_all(const char *why) {
    printf("skipped: vulkan: %s\n", why);
    exit(77);
}

// With the validation layer, so that what tern does on a stranger's device is watched.
static void make_instance(game *g) {
    void *library = dlopen("libvulkan.so.1", RTLD_NOW);
    if (!library) {
        skip_all("no loader");
    }
    *(void **)&g->get_proc = dlsym(library, "vkGetInstanceProcAddr");
    assert_non_null(g->get_proc);
    GET(CreateInstance);
    const char *layers[] = {layer};
    const char *extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application,
                                 .enabledLayerCount = 1,
                                 .ppEnabledLayerNames = layers,
                                 .enabledExtensionCount = 1,
                                 .ppEnabledExtensionNames = extensions};
    VkResult result = CreateInstance(&info, NULL, &g->instance);
    if (result != VK_SUCCESS) {
        skip_all(result == VK_ERROR_LAYER_NOT_PRESENT ? "no validation layer" : "no driver");
    }
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = g};
    GET(CreateDebugUtilsMessengerEXT);
    assert_int_equal(CreateDebugUtilsMessengerEXT(g->instance, &messenger, NULL, &g->messenger), 0);
}

static void make_device(game *g) {
    GET(EnumeratePhysicalDevices);
    GET(CreateDevice);
    GET(GetDeviceProcAddr);
    uint32_t count = 1;
    VkResult result = EnumeratePhysicalDevices(g->instance, &count, &g->physical);
    if (result < 0 || !count) {
        skip_all("no device");
    }
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = 0,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue};
    assert_int_equal(CreateDevice(g->physical, &info, NULL, &g->device), VK_SUCCESS);
    PFN_vkGetDeviceQueue GetDeviceQueue =
        (PFN_vkGetDeviceQueue)GetDeviceProcAddr(g->device, "vkGetDeviceQueue");
    GetDeviceQueue(g->device, 0, 0, &g->queue);
}

static tern_vulkan_native native_of(game *g) {
    return (tern_vulkan_native){.head = {sizeof(tern_vulkan_native), TERN_NATIVE_VULKAN},
                                .get_instance_proc_addr = g->get_proc,
                                .instance = g->instance,
                                .physical_device = g->physical,
                                .device = g->device,
                                .queue = g->queue,
                                .queue_family = g->family,
                                .api_version = VK_API_VERSION_1_1,
                                .lock_queue = lock_queue,
                                .unlock_queue = unlock_queue,
                                .user = g};
}

static int set_up(void **state) {
    game *g = &the_game;
    make_instance(g);
    make_device(g);
    *state = g;
    return 0;
}

// The host's device still works and is destroyed by the host, every object of ours gone from it.
static int tear_down(void **state) {
    game *g = *state;
    GET(DeviceWaitIdle);
    GET(DestroyDevice);
    GET(DestroyDebugUtilsMessengerEXT);
    GET(DestroyInstance);
    int failed = DeviceWaitIdle(g->device) != VK_SUCCESS;
    DestroyDevice(g->device, NULL);
    DestroyDebugUtilsMessengerEXT(g->instance, g->messenger, NULL);
    DestroyInstance(g->instance, NULL);
    if (g->complaints) {
        print_error("%u complaints of the validation layer\n", g->complaints);
    }
    return failed || g->complaints;
}

static tern_status open_native(bench *b, const tern_native *native) {
    *b = (bench){0};
    tern_context_desc context = TERN_CONTEXT_DESC_INIT;
    CHECK_OK(tern_context_create(&context, &b->context));
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    desc.backends = "vulkan";
    desc.native = native;
    return tern_device_open(b->context, &desc, &b->device);
}

enum { ROWS = 5, COLS = 200, OUTPUTS = 70 };

// A bitlinear and a linear on random data; |out| receives both results.
static void run_layers(bench *b, float *out) {
    rng r = rng_make(7);
    float *x = bench_floats(b, ROWS * COLS);
    unsigned char *codes = bench_memory(b, OUTPUTS * (COLS / 4));
    float *dense = bench_floats(b, OUTPUTS * COLS);
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        x[i] = rng_float(&r, -1.0f, 1.0f);
    }
    for (uint32_t i = 0; i < OUTPUTS * COLS; i++) {
        codes[i / 4] |= (unsigned char)(rng_below(&r, 3) << 2 * (i % 4));
        dense[i] = rng_float(&r, -1.0f, 1.0f);
    }
    tern_weights_info ternary = {.dtype = TERN_DTYPE_T2,
                                 .rows = OUTPUTS,
                                 .cols = COLS,
                                 .scale_kind = TERN_SCALE_TENSOR,
                                 .scale = 0.7f,
                                 .usage = TERN_WEIGHTS_MATMUL};
    tern_weights_info full = {
        .dtype = TERN_DTYPE_F32, .rows = OUTPUTS, .cols = COLS, .usage = TERN_WEIGHTS_MATMUL};
    tern_tensor in = bench_matrix(b, ROWS, COLS, x);
    tern_tensor y[] = {bench_matrix(b, ROWS, OUTPUTS, NULL), bench_matrix(b, ROWS, OUTPUTS, NULL)};
    BENCH_RUN(b, bitlinear, .x = in, .norm = TERN_NORM_RMS, .norm_eps = 1e-5f,
              .weights = bench_weights(b, &ternary, codes, NULL), .out = y[0]);
    BENCH_RUN(b, linear, .x = in, .weights = bench_weights(b, &full, dense, NULL), .out = y[1]);
    for (int i = 0; i < 2; i++) {
        memcpy(out + i * ROWS * OUTPUTS, bench_read(b, &y[i]), ROWS * OUTPUTS * sizeof(float));
    }
}

static void describes_the_hosts_device(const game *g, tern_device *device) {
    GET(GetPhysicalDeviceProperties);
    VkPhysicalDeviceProperties properties;
    GetPhysicalDeviceProperties(g->physical, &properties);
    tern_device_info info = {.struct_size = sizeof info};
    CHECK_OK(tern_device_describe(device, &info));
    assert_string_equal(info.name, properties.deviceName);
    assert_string_equal(info.backend, "vulkan");
    assert_true(info.driver[0] && info.memory_bytes);
    assert_int_equal(info.numerics, TERN_NUMERICS_EXACT);
}

static void opens_on_the_hosts_device(void **state) {
    game *g = *state;
    tern_vulkan_native native = native_of(g);
    float got[2 * ROWS * OUTPUTS];
    float want[2 * ROWS * OUTPUTS];
    bench b;
    bench_open(&b, "reference");
    run_layers(&b, want);
    bench_close(&b);

    CHECK_OK(open_native(&b, &native.head));
    describes_the_hosts_device(g, b.device);
    run_layers(&b, got);
    bench_close(&b);
    assert_memory_equal(got, want, sizeof got);
    assert_true(g->locks > 0);
    assert_false(g->locked);
    assert_int_equal(g->complaints, 0);
}

// The kernel of a bitlinear's product on a device opened with |native|.
static void expect_kernel(const tern_vulkan_native *native, const char *wanted) {
    bench b;
    CHECK_OK(open_native(&b, &native->head));
    unsigned char codes[16] = {0};
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = 1,
                              .cols = 64,
                              .scale_kind = TERN_SCALE_TENSOR,
                              .scale = 1.0f,
                              .usage = TERN_WEIGHTS_MATMUL};
    tern_bitlinear_desc desc = {.x = bench_matrix(&b, 1, 64, NULL),
                                .weights = bench_weights(&b, &info, codes, NULL),
                                .out = bench_matrix(&b, 1, 1, NULL)};
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    tern_op_report report = {.struct_size = sizeof report};
    CHECK_OK(tern_commands_create(b.device, NULL, &commands));
    CHECK_OK(tern_cmd_bitlinear(commands, &desc));
    CHECK_OK(tern_commands_finish(commands, &program));
    CHECK_OK(tern_program_report(program, 0, &report));
    assert_string_equal(report.kernel, wanted);
    tern_program_destroy(program);
    tern_commands_destroy(commands);
    bench_close(&b);
}

static void uses_only_what_is_enabled(void **state) {
    tern_vulkan_native native = native_of(*state);
    expect_kernel(&native, "bitlinear"); // not bitlinear_int_dot
}

static void expect_refusal(const tern_native *native, const char *text) {
    bench b;
    assert_int_equal(open_native(&b, native), TERN_STATUS_UNAVAILABLE);
    if (!strstr(tern_last_error_message(), text)) {
        fail_msg("'%s' lacks '%s'", tern_last_error_message(), text);
    }
    bench_close(&b);
}

static void refuses_what_it_cannot_use(void **state) {
    tern_vulkan_native native = native_of(*state);
    native.head.kind = 1;
    expect_refusal(&native.head, "kind 0x1");
    native = native_of(*state);
    native.api_version = VK_API_VERSION_1_0;
    expect_refusal(&native.head, "1.1 is needed");
    native = native_of(*state);
    native.queue = VK_NULL_HANDLE;
    expect_refusal(&native.head, "a queue");
    native = native_of(*state);
    native.queue_family = 99;
    expect_refusal(&native.head, "queue family 99");
    native = native_of(*state);
    native.reserved = 1;
    expect_refusal(&native.head, "reserved is 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_on_the_hosts_device),
        cmocka_unit_test(uses_only_what_is_enabled),
        cmocka_unit_test(refuses_what_it_cannot_use),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
