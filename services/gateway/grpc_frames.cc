#include "services/gateway/grpc_frames.h"

#include <algorithm>
#include <cstring>

namespace stackyard::gateway {
namespace {

constexpr size_t kPrefix = 5;
// Less than this is not worth moving bytes for.
constexpr size_t kKept = 64 << 10;

size_t LengthIn(const char* prefix) {
  size_t length = 0;
  for (size_t i = 1; i < kPrefix; ++i) length = length << 8 | static_cast<unsigned char>(prefix[i]);
  return length;
}

}  // namespace

void ByteQueue::Drop(size_t count) {
  begin_ += count;
  if (begin_ == data_.size()) {
    data_.clear();
    begin_ = 0;
  } else if (begin_ > kKept && begin_ >= data_.size() / 2) {
    data_.erase(0, begin_);
    begin_ = 0;
  }
}

RequestBuffer::Next RequestBuffer::Look() {
  const size_t part = std::min(left_, data_.size() - released_);
  released_ += part;
  left_ -= part;
  if (left_ > 0 || data_.size() - released_ < kPrefix) return Next::kIncomplete;
  const char* prefix = data_.data() + released_;
  length_ = LengthIn(prefix);
  if (prefix[0] != 0) return Next::kCompressed;
  if (length_ > max_message_) return Next::kTooLarge;
  if (!whole_) return Next::kMessage;
  if (data_.size() - released_ - kPrefix < length_) return Next::kIncomplete;
  message_ = std::string_view(data_).substr(released_ + kPrefix, length_);
  return Next::kMessage;
}

void RequestBuffer::Release() {
  released_ += kPrefix;
  message_ = {};
  if (whole_) {
    released_ += length_;
    return;
  }
  const size_t part = std::min(length_, data_.size() - released_);
  released_ += part;
  left_ = length_ - part;
}

void RequestBuffer::EndHere() { data_.resize(released_); }

size_t RequestBuffer::Read(uint8_t* to, size_t most) {
  const size_t count = std::min(most, released_ - sent_);
  std::memcpy(to, data_.data() + sent_, count);
  sent_ += count;
  // Each byte is moved at most once on its way, however long the message.
  if (sent_ > kept_ && sent_ >= data_.size() / 2) {
    data_.erase(0, sent_);
    // A call may go on for long after its one large message.
    if (data_.size() < data_.capacity() / 4) data_.shrink_to_fit();
    released_ -= sent_;
    sent_ = 0;
    moved_on_ = true;
  }
  return count;
}

bool RequestBuffer::Rewind() {
  if (moved_on_) return false;
  sent_ = 0;
  return true;
}

void MessageEdges::Pass(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const size_t part = std::min(left_, bytes.size());
      left_ -= part;
      bytes.remove_prefix(part);
      continue;
    }
    const size_t part = std::min(kPrefix - prefix_size_, bytes.size());
    std::memcpy(prefix_ + prefix_size_, bytes.data(), part);
    prefix_size_ += part;
    bytes.remove_prefix(part);
    if (prefix_size_ < kPrefix) return;
    left_ = LengthIn(reinterpret_cast<const char*>(prefix_));
    prefix_size_ = 0;
  }
}

std::optional<size_t> MessageEdges::Rest(std::string_view next) const {
  if (!inside()) return 0;
  MessageEdges ahead = *this;
  if (ahead.left_ == 0) {
    const size_t prefix = std::min(kPrefix - ahead.prefix_size_, next.size());
    ahead.Pass(next.substr(0, prefix));
    if (ahead.prefix_size_ > 0 || next.size() - prefix < ahead.left_) return std::nullopt;
    return prefix + ahead.left_;
  }
  if (next.size() < ahead.left_) return std::nullopt;
  return ahead.left_;
}

}  // namespace stackyard::gateway
