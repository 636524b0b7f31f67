# How targets are made: tern_target_defaults for every one of ours, tern_add_backend for a backend.

# Warnings, and the float rules of the numbers contract.
function(tern_target_defaults target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
                        C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${tern_SOURCE_DIR} ${tern_BINARY_DIR}/generated)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /fp:precise)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes
                           -Wmissing-prototypes -Wno-missing-field-initializers
                           $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> # texts of bounded size are cut on purpose
                           -fno-fast-math -fno-math-errno -ffp-contract=off)
    if(WIN32)
      target_compile_definitions(${target} PRIVATE __USE_MINGW_ANSI_STDIO=1 _WIN32_WINNT=0x0601)
    else()
      target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
    endif()
  endif()
  if(TERN_WERROR)
    target_compile_options(${target} PRIVATE $<IF:$<C_COMPILER_ID:MSVC>,/WX,-Werror>)
  endif()
  if(TERN_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TERN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${TERN_SANITIZE})
  endif()
endfunction()

# tern_add_backend(NAME SOURCES file... [LIBRARIES target...])
#
# Makes the object library tern_backend_NAME, whose backend.c defines the query function under the name
# tern_backend_query_NAME. It is linked into tern when NAME is among the backends to build in, and with TERN_PLUGINS also
# becomes the plugin library plugins/tern-NAME, where a one-line source exports it as tern_backend_query.
function(tern_add_backend name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(tern_backend_${name} OBJECT ${arg_SOURCES})
  tern_target_defaults(tern_backend_${name})
  target_compile_definitions(tern_backend_${name} PRIVATE TERN_BACKEND_SYMBOL=tern_backend_query_${name})
  target_link_libraries(tern_backend_${name} PUBLIC tern::api tern_backends_common Threads::Threads ${CMAKE_DL_LIBS} $<$<BOOL:${UNIX}>:m>
                        ${arg_LIBRARIES})
  if(name IN_LIST TERN_BACKENDS)
    set_property(GLOBAL APPEND PROPERTY TERN_BUILTIN_BACKENDS ${name})
  endif()
  if(TERN_PLUGINS)
    set(export_c ${tern_BINARY_DIR}/generated/plugins/${name}.c)
    file(CONFIGURE OUTPUT ${export_c} CONTENT [[
#include <tern/backend.h>
const tern_backend *tern_backend_query_@name@(uint32_t min_abi, uint32_t max_abi);
#ifdef _WIN32
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi);
const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi) {
    return tern_backend_query_@name@(min_abi, max_abi);
}
]] @ONLY)
    add_library(tern_plugin_${name} MODULE ${export_c})
    tern_target_defaults(tern_plugin_${name})
    # Objects do not travel through an object library: the plugin names both.
    target_link_libraries(tern_plugin_${name} PRIVATE tern_backend_${name} tern_backends_common)
    set_target_properties(tern_plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME tern-${name}
                          SUFFIX ${CMAKE_SHARED_LIBRARY_SUFFIX} LIBRARY_OUTPUT_DIRECTORY ${tern_BINARY_DIR}/plugins)
    if(UNIX)
      target_link_libraries(tern_plugin_${name} PRIVATE m)
    endif()
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT TERN_SANITIZE)
      target_link_options(tern_plugin_${name} PRIVATE -Wl,--no-undefined) # a plugin needs no symbol of ours
    endif()
  endif()
endfunction()
