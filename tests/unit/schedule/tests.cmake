# SPDX-License-Identifier: Apache-2.0
set(fair hypervisor/schedule/fair.cpp hypervisor/schedule/fair_place.cpp hypervisor/schedule/fair_cap.cpp)
unit_test(fair schedule/fair_test.cpp schedule/cap_test.cpp fake_machine.cpp ${fair})
unit_test(fair_threads THREADS schedule/fair_threads_test.cpp fake_machine.cpp ${fair})
unit_test(timers schedule/timer_test.cpp fake_machine.cpp hypervisor/schedule/timer.cpp
          hypervisor/schedule/timer_queue.cpp hypervisor/schedule/softirq.cpp)
unit_test(lock_threads THREADS schedule/threads_test.cpp fake_machine.cpp hypervisor/schedule/timer.cpp
          hypervisor/schedule/timer_queue.cpp hypervisor/schedule/softirq.cpp)
