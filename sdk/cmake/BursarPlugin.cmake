# bursar_add_plugin(NAME SOURCES file... [LINK library...] [OUTPUT folder] [MAP version script] [CHECK_ARGS argument...] [NO_CHECK])
#
# Builds NAME.so, loadable by Bursar, into OUTPUT (default: the build's `plugins` folder), and adds the test `plugin-check-NAME`, which runs
# bursar-plugin-check on it. CHECK_ARGS go to the checker (--setting key=value).
#
# The flags are not a matter of taste. Without hidden visibility and a version script, two plugins that name a class alike may share one vtable, and
# charges for the second gateway run the first one's code.
function(bursar_add_plugin name)
  cmake_parse_arguments(A "NO_CHECK" "OUTPUT;MAP" "SOURCES;LINK;CHECK_ARGS" ${ARGN})
  if(NOT A_OUTPUT)
    set(A_OUTPUT ${CMAKE_BINARY_DIR}/plugins)
  endif()
  if(NOT A_MAP)
    set(A_MAP ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/bursar-plugin.map)
  endif()
  set(target plugin-${name})
  add_library(${target} MODULE ${A_SOURCES})
  target_link_libraries(${target} PRIVATE BursarSDK::sdk ${A_LINK})
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  # A module may leave the sanitizers' own symbols to the process that loads it.
  if(NOT "${CMAKE_CXX_FLAGS} ${BURSAR_SANITIZE} ${BURSAR_FUZZ}" MATCHES "sanitize|address|thread|undefined|ON")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  target_link_options(${target} PRIVATE -Wl,--version-script=${A_MAP})
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name} CXX_EXTENSIONS OFF LINK_DEPENDS ${A_MAP}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${A_OUTPUT})
  if(NOT A_NO_CHECK AND TARGET BursarSDK::bursar-plugin-check)
    add_test(NAME plugin-check-${name} COMMAND BursarSDK::bursar-plugin-check $<TARGET_FILE:${target}> ${A_CHECK_ARGS})
    set_tests_properties(plugin-check-${name} PROPERTIES TIMEOUT 120 LABELS plugins)
  endif()
endfunction()
