# SPDX-License-Identifier: Apache-2.0
# abi/ against the public headers of Debian's libxen-dev, field by field and number by number.
file(GLOB ABI_TESTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
unit_test(abi SOURCES ${ABI_TESTS})
target_compile_options(unit_abi PRIVATE -O0)  # thousands of one-line expectations: speed of building counts
