# SPDX-License-Identifier: Apache-2.0
fuzz_target(packing packing/packing.cpp LIBRARIES packing)
