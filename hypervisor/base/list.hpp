// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked list: no allocation, removal in constant time.
#pragma once

#include <cstddef>

namespace px {

/// A link to embed in an element (several, with distinct tags, for several lists). Unlinked when new.
template <class Tag = void> struct ListLink {
    ListLink* previous = nullptr;
    ListLink* next = nullptr;
    [[nodiscard]] bool is_linked() const { return next != nullptr; }
};

/// List of T, where T derives from ListLink<Tag>. Not thread-safe: guard it with a lock.
template <class T, class Tag = void> class List {
    using Link = ListLink<Tag>;

  public:
    constexpr List() { clear(); }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    [[nodiscard]] bool empty() const { return head_.next == &head_; }
    [[nodiscard]] T* front() { return empty() ? nullptr : static_cast<T*>(head_.next); }
    [[nodiscard]] T* back() { return empty() ? nullptr : static_cast<T*>(head_.previous); }
    void push_back(T& element) { insert_before(head_, element); }
    void push_front(T& element) { insert_before(*head_.next, element); }
    /// Puts element before position, which is in this list.
    void insert(T& position, T& element) { insert_before(static_cast<Link&>(position), element); }
    static void remove(T& element) {
        Link& link = element;
        link.previous->next = link.next;
        link.next->previous = link.previous;
        link.previous = link.next = nullptr;
    }
    T* pop_front() {
        T* first = front();
        if (first) remove(*first);
        return first;
    }
    /// The element after this one, or null at the end.
    [[nodiscard]] T* next(T& element) {
        Link& link = element;
        return link.next == &head_ ? nullptr : static_cast<T*>(link.next);
    }

    class Iterator {
      public:
        explicit Iterator(Link* link) : link_(link) {}
        T& operator*() const { return *static_cast<T*>(link_); }
        Iterator& operator++() {
            link_ = link_->next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return link_ != other.link_; }

      private:
        Link* link_;
    };
    Iterator begin() { return Iterator(head_.next); }
    Iterator end() { return Iterator(&head_); }

  private:
    constexpr void clear() { head_.previous = head_.next = &head_; }
    static void insert_before(Link& position, T& element) {
        Link& link = element;
        link.previous = position.previous;
        link.next = &position;
        position.previous->next = &link;
        position.previous = &link;
    }
    Link head_;
};

} // namespace px
