# SPDX-License-Identifier: Apache-2.0
# The store's core against an oracle, and the daemon killed at random moments.
unit_test(store THREADS SOURCES store/harness.cpp store/bounds_test.cpp store/oracle_test.cpp store/protocol_test.cpp store/restart_test.cpp store/ring_test.cpp
                LIBRARIES toolstack_store_core toolstack_base)
unit_test(store_client THREADS SOURCES store/harness.cpp store/client_test.cpp
                       LIBRARIES toolstack_store toolstack_store_core toolstack_base Threads::Threads)
unit_test(xenstored SOURCES store/crash_test.cpp store/daemon_test.cpp LIBRARIES toolstack_store toolstack_store_core toolstack_base Threads::Threads)
add_dependencies(unit_xenstored xenstored)
target_compile_definitions(unit_xenstored PRIVATE XENSTORED="$<TARGET_FILE:xenstored>")
