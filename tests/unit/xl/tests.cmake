# SPDX-License-Identifier: Apache-2.0
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
file(GLOB_RECURSE program CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/toolstack/xl/*.cpp)
list(REMOVE_ITEM program ${CMAKE_SOURCE_DIR}/toolstack/xl/main.cpp)
unit_test(xl SOURCES ${sources} ${program} LIBRARIES toolstack_domain ncursesw tinfo)
