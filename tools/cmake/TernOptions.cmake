# Every build option, and the defaults that all targets share.

if(PROJECT_IS_TOP_LEVEL)
  set(TERN_MAIN ON)
else()
  set(TERN_MAIN OFF)
endif()

set(TERN_BACKENDS "AUTO" CACHE STRING
    "Backends to build in: AUTO (what this machine has the tools for), or a list of reference;cpu;vulkan;opencl;template")
option(TERN_PLUGINS "Also build every backend as a plugin library from the same sources" ${TERN_MAIN})
option(TERN_MODEL "Build the model layer: files, tokenizers, networks, generation" ON)
option(TERN_TOOLS "Build the programs tern and tern-conformance (need cJSON)" ${TERN_MAIN})
option(TERN_TESTS "Build the tests (need cmocka)" ${TERN_MAIN})
option(TERN_INSTALL "Create install rules" ${TERN_MAIN})
option(TERN_WERROR "Treat warnings as errors" OFF)
option(BUILD_SHARED_LIBS "Build the library tern as a shared library" OFF)
set(TERN_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND TERN_MAIN)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
endif()

find_package(Threads REQUIRED)
