# SPDX-License-Identifier: Apache-2.0
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
unit_test(xl SOURCES ${sources} LIBRARIES toolstack_xl)
