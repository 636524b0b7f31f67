# What the model layer is built on, PCRE2 (tokenizer patterns) and utf8proc (Unicode normalisation), and cJSON for the
# programs, as targets tern::pcre2, tern::utf8proc and tern::cjson. Installed beside ternConfig.cmake: a static tern passes
# the first two on.

# tern_find_library(TARGET HEADER LIBRARY): the target, where header and library are there.
function(tern_find_library target header library)
  if(TARGET tern::${target})
    return()
  endif()
  find_path(TERN_${target}_INCLUDE_DIR NAMES ${header})
  find_library(TERN_${target}_LIBRARY NAMES ${library} ${library}-static)
  mark_as_advanced(TERN_${target}_INCLUDE_DIR TERN_${target}_LIBRARY)
  if(TERN_${target}_INCLUDE_DIR AND TERN_${target}_LIBRARY)
    add_library(tern::${target} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(tern::${target} PROPERTIES IMPORTED_LOCATION ${TERN_${target}_LIBRARY}
                          INTERFACE_INCLUDE_DIRECTORIES ${TERN_${target}_INCLUDE_DIR})
  endif()
endfunction()

tern_find_library(cjson cjson/cJSON.h cjson)
tern_find_library(pcre2 pcre2.h pcre2-8)
tern_find_library(utf8proc utf8proc.h utf8proc)
