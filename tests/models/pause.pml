/* SPDX-License-Identifier: Apache-2.0 */
/* Pausing, blocking and waking a vCPU (hypervisor/domain/vcpu.cpp, hypervisor/schedule/fair.cpp): who has paused it finds its
   registers saved and it does not run; an event that comes ends its blocking, or is seen before it enters the guest; whoever
   may run is on a queue, when everybody rests.

   One vCPU on one CPU, which has an idle loop beside it. A sender raises events, another CPU pauses and unpauses.

   mistake 1: the vCPU looks for events before it says that it blocks
   mistake 2: whether it may run is looked at before the queue's lock is held, not under it
   mistake 3: it stops counting as running before its registers are saved
   mistake 4: that it runs is still in the CPU's store buffer when it looks for events: no full barrier between (nor has the
              lock been given back then, as others see it: buffers keep the order)
   mistake 5: who unblocks it does not interrupt its CPU
   mistake 6: the last to unpause does not look at the queue
*/
#include "mistake.inc"

#define OFF 0
#define QUEUED 1
#define RUNNING 2
byte state = RUNNING;   /* Unit::state */
bit running = 1;        /* Vcpu::is_running, as other CPUs see it */
bit stored = 1;         /* the same, as its own CPU does */
bit saved;              /* its registers are in memory */
bit blocked;
byte paused;
bit event;              /* evtchn_upcall_pending */
bit softirq, interrupt; /* the CPU's Schedule soft interrupt; an interrupt for it */
bit in_guest;
bit lock;
bit buffered;           /* the store to running, and the one that gives the lock back, are */
bit is_paused;          /* somebody relies on it */
byte blocks = 2, events = 2, pauses = 2;

#define MAY_RUN (!blocked && paused == 0)
#define LOCK atomic { !lock -> lock = 1 }
#define UNLOCK lock = 0

/* softirq::raise_on(), from another CPU or its own */
inline raise() { atomic { softirq = 1; interrupt = 1 } }

/* Fair::update() */
inline update() {
    may = MAY_RUN;
    LOCK;
    if :: mistake != 2 -> may = MAY_RUN :: else fi;
    if
    :: state == OFF && may -> state = QUEUED; raise()
    :: state == QUEUED && !may -> state = OFF
    :: state == RUNNING && !may -> raise()
    :: else
    fi;
    UNLOCK;
    may = 0
}

/* Vcpu::unblock() */
inline unblock() {
    if
    :: blocked -> atomic { was = blocked; blocked = 0 }; if :: was -> update() :: else fi; was = 0
    :: else
    fi
}

/* Fair::decide() on the vCPU's own CPU; the vCPU has the CPU afterwards or not. */
inline decide() {
    LOCK;
    if
    :: state == RUNNING && !MAY_RUN -> state = OFF
    :: state == QUEUED -> atomic { state = RUNNING; stored = 1; if :: mistake == 4 -> buffered = 1 :: else -> running = 1 fi }
    :: else
    fi;
    if :: !buffered -> UNLOCK :: else fi
}

proctype cpu() {
    bit may, was;
    goto look;
end_idle:
    do
    :: atomic { interrupt -> interrupt = 0 }
    :: softirq -> softirq = 0;
        if :: state == QUEUED -> decide(); if :: state == RUNNING && stored -> saved = 0; goto look :: else fi :: else fi
    od;
look: /* the last look before the guest */
    if
    :: softirq ->
        softirq = 0;
        decide();
        if
        :: state != RUNNING -> /* another gets the CPU: the idle vCPU */
            if
            :: mistake == 3 -> atomic { running = 0; stored = 0 }; saved = 1
            :: else -> saved = 1; LOCK; atomic { running = 0; stored = 0 }; UNLOCK
            fi;
            if :: state == QUEUED -> raise() :: else fi; /* it was woken meanwhile */
            goto end_idle
        :: else
        fi;
        goto look
    :: else
    fi;
    if :: event -> event = 0; goto look :: else fi; /* delivered, and handled by the guest */
    in_guest = 1;
end_guest:
    do
    :: atomic { interrupt -> interrupt = 0; in_guest = 0 }; goto look
    :: atomic { blocks > 0 -> blocks--; in_guest = 0 }; /* SCHEDOP_block */
        if
        :: mistake == 1 -> was = event; blocked = 1; if :: !was -> was = 0; update() :: else -> unblock() fi
        :: else -> blocked = 1; if :: event -> unblock() :: else -> update() fi
        fi;
        goto look
    od
}

/* What is in the store buffer becomes visible some time. */
proctype store_buffer() {
end_buffer:
    do
    :: atomic { buffered -> buffered = 0; running = 1; UNLOCK }
    od
}

/* Vcpu::mark_events_pending() and kick() */
proctype sender() {
    bit may, was, first;
    do
    :: atomic { events > 0 -> events-- };
        atomic { first = !event; event = 1 };
        if
        :: first -> unblock(); if :: running && mistake != 5 -> interrupt = 1 :: else fi
        :: else
        fi;
        first = 0
    :: events == 0 -> break
    od
}

/* Vcpu::pause(), unpause() */
proctype pauser() {
    bit may;
    do
    :: atomic { pauses > 0 -> pauses-- };
        paused++;
        update();
        (!running || MAY_RUN);
        is_paused = 1;
        assert(!in_guest && saved);
        is_paused = 0;
        paused--;
        if :: paused == 0 && mistake != 6 -> update() :: else fi
    :: pauses == 0 -> break
    od
}

active proctype watch() {
end_watch:
    do
    :: atomic { is_paused && in_guest -> assert(false) }
    :: atomic { timeout -> assert(!(event && blocked) && !(event && in_guest) && !(MAY_RUN && state == OFF) && !(state == QUEUED)); break }
    od
}

init {
    atomic {
        READ_MISTAKE
        run cpu(); run sender(); run pauser(); run store_buffer()
    }
}
