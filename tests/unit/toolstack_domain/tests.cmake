# SPDX-License-Identifier: Apache-2.0
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
unit_test(toolstack_domain SOURCES ${sources} LIBRARIES toolstack_domain)
