// SPDX-License-Identifier: Apache-2.0
// Pairing heap of timers. Iterative: depth does not matter to the stack.
#include "schedule/timer_queue.hpp"

namespace px {

Timer* TimerQueue::meld(Timer* a, Timer* b) {
    if (!a) return b;
    if (!b) return a;
    if (b->expires_ < a->expires_) {
        Timer* t = a;
        a = b;
        b = t;
    }
    b->previous_ = a;
    b->sibling_ = a->child_;
    if (b->sibling_) b->sibling_->previous_ = b;
    a->child_ = b;
    return a;
}

Timer* TimerQueue::merge_children(Timer* first) {
    // First pass: meld neighbours in pairs, chaining the results in reverse through sibling_.
    Timer* pairs = nullptr;
    while (first) {
        Timer* a = first;
        Timer* b = a->sibling_;
        first = b ? b->sibling_ : nullptr;
        a->sibling_ = a->previous_ = nullptr;
        if (b) b->sibling_ = b->previous_ = nullptr;
        Timer* pair = meld(a, b);
        pair->sibling_ = pairs;
        pairs = pair;
    }
    // Second pass: meld them into one.
    Timer* root = nullptr;
    while (pairs) {
        Timer* next = pairs->sibling_;
        pairs->sibling_ = nullptr;
        root = meld(root, pairs);
        pairs = next;
    }
    if (root) root->previous_ = root->sibling_ = nullptr;
    return root;
}

bool TimerQueue::insert(Timer& timer, Nanoseconds when) {
    timer.expires_ = when;
    timer.child_ = timer.sibling_ = timer.previous_ = nullptr;
    timer.is_armed_.store(true, std::memory_order_relaxed);
    root_ = meld(root_, &timer);
    return root_ == &timer;
}

void TimerQueue::remove(Timer& timer) {
    if (&timer == root_) {
        root_ = merge_children(timer.child_);
    } else {
        if (timer.previous_->child_ == &timer) timer.previous_->child_ = timer.sibling_;
        else timer.previous_->sibling_ = timer.sibling_;
        if (timer.sibling_) timer.sibling_->previous_ = timer.previous_;
        root_ = meld(root_, merge_children(timer.child_));
    }
    timer.child_ = timer.sibling_ = timer.previous_ = nullptr;
    timer.is_armed_.store(false, std::memory_order_relaxed);
}

Timer* TimerQueue::pop_due(Nanoseconds now) {
    Timer* timer = root_;
    if (!timer || timer->expires_ > now) return nullptr;
    remove(*timer);
    return timer;
}

} // namespace px
