# SPDX-License-Identifier: Apache-2.0
# Pure parts of what every guest on x86 has.
set(guest hypervisor/x86/guest)
unit_test(cpu_policy guest/cpu_policy_test.cpp guest/fpu_test.cpp ${guest}/policy/cpu_policy.cpp)
unit_test(time_stamp guest/time_stamp_test.cpp ${guest}/time_stamp_count.cpp)
unit_test(decode guest/decode_test.cpp ${guest}/decode.cpp ${guest}/write_operation.cpp)
