# SPDX-License-Identifier: Apache-2.0
fuzz_target(store_wire store/wire.cpp LIBRARIES toolstack_store_core toolstack_base)
