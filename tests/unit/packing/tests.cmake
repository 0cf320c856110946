# SPDX-License-Identifier: Apache-2.0
unit_test(packing packing/packing_test.cpp packing/pack.cpp LIBRARIES packing)
