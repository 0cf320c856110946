# SPDX-License-Identifier: Apache-2.0
unit_test(fair schedule/fair_test.cpp fake_machine.cpp hypervisor/schedule/fair.cpp hypervisor/schedule/fair_place.cpp)
unit_test(timers schedule/timer_test.cpp fake_machine.cpp hypervisor/schedule/timer.cpp
          hypervisor/schedule/timer_queue.cpp hypervisor/schedule/softirq.cpp)
unit_test(lock_threads THREADS schedule/threads_test.cpp fake_machine.cpp hypervisor/schedule/timer.cpp
          hypervisor/schedule/timer_queue.cpp hypervisor/schedule/softirq.cpp)
