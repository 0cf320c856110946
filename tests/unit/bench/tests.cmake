# SPDX-License-Identifier: Apache-2.0
# The benchmark's decoder of instruction bytes.
unit_test(bench PLAIN bench/decode_test.cpp bench/plugin/decode.cpp)
