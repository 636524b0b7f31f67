# install: library, headers, tools, default model, find_package(tern) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS tern tern_api EXPORT ternTargets)
install(DIRECTORY ${tern_SOURCE_DIR}/api/tern DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT ternTargets NAMESPACE tern:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tern)
set_target_properties(tern_api PROPERTIES EXPORT_NAME api)

configure_package_config_file(${tern_SOURCE_DIR}/tools/cmake/ternConfig.cmake.in ${tern_BINARY_DIR}/ternConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tern)
write_basic_package_version_file(${tern_BINARY_DIR}/ternConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${tern_BINARY_DIR}/ternConfig.cmake ${tern_BINARY_DIR}/ternConfigVersion.cmake
              ${tern_SOURCE_DIR}/tools/cmake/TernDependencies.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tern)

# Relative, so that an install tree may be moved or installed with --prefix.
file(RELATIVE_PATH tern_pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
if(TERN_MODEL)
  set(tern_pc_model " -lpcre2-8 -lutf8proc")
endif()
configure_file(${tern_SOURCE_DIR}/tools/cmake/tern.pc.in ${tern_BINARY_DIR}/tern.pc @ONLY)
install(FILES ${tern_BINARY_DIR}/tern.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The programs find a shared library beside them, in whatever prefix.
if(BUILD_SHARED_LIBS AND UNIX)
  file(RELATIVE_PATH tern_lib_from_bin ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set(tern_origin $<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>)
  foreach(program tern_cli tern_conformance)
    if(TARGET ${program})
      set_target_properties(${program} PROPERTIES INSTALL_RPATH "${tern_origin}/${tern_lib_from_bin}")
    endif()
  endforeach()
endif()

if(TERN_TOOLS)
  install(TARGETS tern_conformance)
endif()
if(TARGET tern_cli)
  install(TARGETS tern_cli)
  install(FILES ${tern_SOURCE_DIR}/tools/models/tern-stories.gguf DESTINATION ${CMAKE_INSTALL_DATADIR}/tern/models)
endif()
