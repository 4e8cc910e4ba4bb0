// Fifo: a queue in one block of memory that it keeps.
//
// There are queues for every direction of every connection, nearly all of them short and most of
// the time empty. A std::deque takes 576 bytes as soon as it exists and asks for memory again and
// again while its few elements wander along; this one takes nothing while it was never used, then
// room for a few elements, doubled when they do not fit. It never shrinks.
//
// Elements are default-constructible; one that is taken out is overwritten at once, so what it held
// is let go then, after the queue is whole again. Thread: whoever holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace strait {

template <class T>
class Fifo {
 public:
  Fifo() = default;
  Fifo(Fifo&& other) noexcept { swap(other); }
  Fifo& operator=(Fifo&& other) noexcept {
    Fifo taken(std::move(other));
    swap(taken);
    return *this;
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& front() { return slots_[first_]; }
  const T& front() const { return slots_[first_]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }
  T& operator[](std::size_t i) { return slots_[at(i)]; }
  const T& operator[](std::size_t i) const { return slots_[at(i)]; }

  void push_back(T value) {
    if (size_ == room_) grow();
    slots_[at(size_++)] = std::move(value);
  }

  T pop_front() {
    T taken = std::exchange(slots_[first_], T{});
    first_ = (first_ + 1) & (room_ - 1);
    --size_;
    return taken;
  }

  T pop_back() {
    --size_;
    return std::exchange(slots_[at(size_)], T{});
  }

  void clear() {
    while (!empty()) pop_front();
  }

 private:
  static constexpr std::uint32_t kFirstRoom = 2;

  std::size_t at(std::size_t i) const { return (first_ + i) & (room_ - 1); }

  void grow() {
    const std::uint32_t room = room_ == 0 ? kFirstRoom : 2 * room_;
    auto slots = std::make_unique<T[]>(room);
    for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    slots_ = std::move(slots);
    first_ = 0;
    room_ = room;
  }

  void swap(Fifo& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
  }

  std::unique_ptr<T[]> slots_;
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t room_ = 0;  // 0 or a power of two
};

}  // namespace strait
