# SPDX-License-Identifier: Apache-2.0
# Precompiled headers. Parsing the standard library was two thirds of the cost of a compilation.
#
# precompile(NAME [FLAGS flags...] HEADERS headers...) makes the precompiled header NAME of system headers, to be used by
# use_precompiled(TARGET NAME). FLAGS are the compiler's flags beside those of the directory and of the build type: all
# that change the language (clang says so where one is missing).
#
# Not CMake's own target_precompile_headers: its file holds paths of this work tree, so that ccache could not share what
# is compiled with it between clones. This one is made of nothing but system headers, named on the command line, and is
# equal to the byte in every clone.
function(precompile name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FLAGS;HEADERS")
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  separate_arguments(common NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
  get_directory_property(options COMPILE_OPTIONS)
  list(FILTER options EXCLUDE REGEX "^\\$<") # of one language: warnings
  set(headers)
  foreach(header ${arg_HEADERS})
    list(APPEND headers -include ${header})
  endforeach()
  set(file ${CMAKE_BINARY_DIR}/precompiled/${name}.pch)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/precompiled)
  add_custom_command(OUTPUT ${file}
      COMMAND ${CMAKE_CXX_COMPILER} ${common} ${options} ${arg_FLAGS} ${CMAKE_CXX23_EXTENSION_COMPILE_OPTION} ${headers}
              -x c++-header /dev/null -Xclang -fno-pch-timestamp -MD -MF ${file}.d -MT ${file} -o ${file}
      DEPFILE ${file}.d COMMENT "Precompiling the headers of ${name}" VERBATIM)
  add_custom_target(precompiled_${name} DEPENDS ${file})
endfunction()

function(use_precompiled target name)
  set(file ${CMAKE_BINARY_DIR}/precompiled/${name}.pch)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-include-pch> $<$<COMPILE_LANGUAGE:CXX>:${file}>)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${file})
endfunction()
