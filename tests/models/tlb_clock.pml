/* SPDX-License-Identifier: Apache-2.0 */
/* The TLB clock (hypervisor/x86/.../tlb_clock.hpp): a frame that gets a new use has no translation left in any TLB, though
   CPUs that have flushed since its former use ended are spared.

   One CPU takes the last entry of a frame away and stamps the frame; another, who sees it unused, flushes the CPUs that may
   hold it and gives it a new type. CPUs walk the page table and flush by themselves at any time. Stamps for other frames make
   the clock tick. Time does not wrap here; tests of the class do that.

   mistake 1: a CPU notes its flush before it is done
   mistake 2: the stamp is taken before the entry is gone
   mistake 3: a CPU that flushed at the very time of the stamp counts as flushed since
   mistake 4: the time of a flush is taken when it is done
   mistake 5: the count goes to zero before the stamp is on the frame
*/
#include "mistake.inc"

#define CPUS 2
bit entry = 1;          /* the page-table entry that leads to the frame */
bit used = 1;           /* the frame's type count */
bit retyped;            /* the frame has its new type */
byte stamp;             /* Frame::aux */
byte time = 1, stamped; /* TlbClock */
bit held[CPUS];         /* the translation is in this CPU's TLB */
byte flushed[CPUS];     /* time of this CPU's last flush */
bit asked[CPUS];        /* an interrupt asks it to flush */
byte flushes = 3;       /* of CPUs' own accord */

/* TlbClock::stamp() */
inline take_stamp(to) {
    now = time;
    if :: stamped != now -> stamped = now :: else fi;
    to = now
}

proctype remover() {
    byte now;
    if
    :: mistake == 2 -> take_stamp(stamp); entry = 0; used = 0
    :: mistake == 5 -> entry = 0; used = 0; take_stamp(stamp)
    :: else -> entry = 0; take_stamp(stamp); used = 0
    fi
}

/* Somebody who stamps another frame. */
proctype other() {
    byte now, elsewhere;
    take_stamp(elsewhere)
}

/* flush_stale() */
proctype taker() {
    byte cpu, is_new;
    !used;
    for (cpu : 0 .. CPUS - 1) {
        is_new = (mistake == 3 -> flushed[cpu] >= stamp : flushed[cpu] > stamp);
        if
        :: !is_new -> asked[cpu] = 1; !asked[cpu]
        :: else
        fi
    }
    retyped = 1
}

/* TlbClock::begin_flush() */
inline begin_flush() {
    now = time;
    if
    :: stamped == now -> atomic { if :: time == now -> time = now + 1; now = now + 1 :: else fi }
    :: else
    fi
}

/* load_and_note() */
inline flush(id) {
    if :: mistake == 4 -> held[id] = 0; begin_flush() :: else -> begin_flush() fi;
    if
    :: mistake == 1 -> flushed[id] = now; held[id] = 0
    :: mistake == 4 -> flushed[id] = now
    :: else -> held[id] = 0; flushed[id] = now
    fi;
    now = 0
}

proctype cpu(byte id) {
    byte now;
end_cpu:
    do
    :: atomic { flushes > 0 -> flushes-- }; flush(id)
    :: asked[id] -> flush(id); asked[id] = 0
    od
}

/* Its page walker: for an instruction, or ahead of one, also while it flushes. */
proctype walker(byte id) {
end_walker:
    do
    :: atomic { entry && !held[id] -> held[id] = 1 }
    od
}

active proctype watch() {
end_watch:
    atomic { retyped && (held[0] || held[1]) -> assert(false) }
}

init {
    atomic {
        READ_MISTAKE
        run remover(); run other(); run taker();
        run cpu(0); run cpu(1); run walker(0); run walker(1)
    }
}
