# SPDX-License-Identifier: Apache-2.0
# abi/ against the public headers of Debian's libxen-dev, field by field and number by number: thousands of one-line
# expectations, so never optimised.
file(GLOB ABI_TESTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  unit_test(abi SOURCES ${ABI_TESTS})
else()
  unit_test(abi PLAIN SOURCES ${ABI_TESTS})
  target_compile_options(unit_abi PRIVATE -O0)
endif()
