/* SPDX-License-Identifier: Apache-2.0 */
/* Events by FIFO (hypervisor/domain/event/fifo.cpp) and a guest that takes them off as the public header (event_channel.h) lets
   it: whatever has been sent is handled once everybody rests.

   Two CPUs send, one of them its port twice; the guest moves one port to another queue, masks it for a while, and takes events off the
   heads. A port's word is changed as a whole, so each of its steps is one here.

   mistake 1: the tail gets a link although the guest has taken it off its queue
   mistake 2: a port that is still noted as its queue's last one is linked to itself
   mistake 3: the queue is told to be ready before its head is written
   mistake 4: a port that changed queues stays the old queue's tail
   mistake 5: unmasking does not look whether an event came meanwhile
   mistake 6: senders do not wait for each other at a queue
*/
#include "mistake.inc"

#define PORTS 3 /* 0 is none */
#define QUEUES 2
bit pending[PORTS], masked[PORTS], linked[PORTS];
byte link[PORTS];
byte head[QUEUES], tail[QUEUES];
byte ready;          /* a bit for each queue */
bit upcall;
bit lock[QUEUES];
byte queue_of[PORTS], last_queue[PORTS];
bit work[PORTS];     /* what an event is about: there before it is sent */

#define LOCK(q) atomic { (!lock[q] || mistake == 6) -> lock[q] = 1 }
#define UNLOCK(q) lock[q] = 0

/* append() */
inline append(p) {
    chained = 0;
    if
    :: tail[q] != 0 -> atomic { if :: linked[tail[q]] || mistake == 1 -> link[tail[q]] = p; chained = 1 :: else fi }
    :: else
    fi;
    if
    :: !chained && mistake != 3 -> head[q] = p; tail[q] = p; atomic { was = ready >> q & 1; ready = ready | (1 << q) }
    :: !chained && mistake == 3 -> tail[q] = p; atomic { was = ready >> q & 1; ready = ready | (1 << q) }; head[q] = p
    :: else -> tail[q] = p; was = 1
    fi;
    if :: !was -> upcall = 1 :: else fi
}

/* link() */
inline link_port(p) {
    do
    :: q = queue_of[p]; last = last_queue[p];
        if :: q <= last -> LOCK(q) :: else -> LOCK(last) fi;
        if :: q < last -> LOCK(last) :: q > last -> LOCK(q) :: else fi;
        if
        :: last_queue[p] != last -> atomic { UNLOCK(q); UNLOCK(last) } /* another CPU linked it: anew */
        :: else ->
            atomic { was = linked[p]; linked[p] = 1 };
            if
            :: !was ->
                if :: last != q && tail[last] == p && mistake != 4 -> tail[last] = 0 :: else fi;
                if :: last == q && tail[q] == p && mistake != 2 -> tail[q] = 0 :: else fi;
                last_queue[p] = q;
                append(p)
            :: else
            fi;
            atomic { UNLOCK(q); UNLOCK(last) };
            break
        fi
    od
}

/* set_pending() */
inline set_pending(p) {
    pending[p] = 1;
    if
    :: atomic { (!masked[p] && !linked[p]) -> skip }; link_port(p)
    :: atomic { (masked[p] || linked[p]) -> skip }
    fi;
    atomic { q = 0; last = 0; chained = 0; was = 0 }
}

proctype sender(byte p; byte times) {
    byte q, last;
    bit chained, was;
    do
    :: times > 0 -> times--; work[p] = 1; set_pending(p)
    :: else -> break
    od
}

/* The guest's other vCPU: EVTCHNOP_set_priority, and EVTCHNOP_unmask after a while in which it wanted no event. */
proctype other() {
    byte q, last;
    bit chained, was;
    queue_of[1] = 1;
    masked[1] = 1;
    masked[1] = 0;
    if
    :: mistake == 5 -> skip
    :: else -> if :: pending[1] -> set_pending(1) :: else fi
    fi
}

/* The guest, at an upcall. */
proctype guest() {
    byte cursor[QUEUES], p, q, next, todo;
end_guest:
    do
    :: upcall ->
        upcall = 0;
        do
        :: atomic { todo = todo | ready; ready = 0 };
            if
            :: todo == 0 -> break
            :: else ->
                q = (todo & 1 -> 0 : 1);
                if :: cursor[q] == 0 -> cursor[q] = head[q] :: else fi;
                p = cursor[q];
                assert(p != 0);
                atomic { linked[p] = 0; next = link[p]; link[p] = 0 };
                atomic { if :: next == 0 -> todo = todo & ~(1 << q) :: else fi };
                cursor[q] = next;
                if :: atomic { pending[p] && !masked[p] -> pending[p] = 0 }; work[p] = 0 :: else fi;
                atomic { p = 0; next = 0; q = 0 }
            fi
        od
    od
}

active proctype watch() {
end_watch:
    atomic { timeout -> assert(!work[1] && !work[2]) }
}

init {
    atomic {
        READ_MISTAKE
        run sender(1, 2); run sender(2, 1); run other(); run guest()
    }
}
