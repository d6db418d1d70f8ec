// gRPC's messages in the bytes of HTTP/2 streams: five bytes of flag and length before each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stackyard::gateway {

// Bytes that wait, oldest first.
class ByteQueue {
 public:
  void Append(std::string_view bytes) { data_.append(bytes); }
  std::string_view view() const { return std::string_view(data_).substr(begin_); }
  size_t size() const { return data_.size() - begin_; }
  bool empty() const { return begin_ == data_.size(); }
  // Takes bytes off the front.
  void Drop(size_t count);
  // Keeps only that many.
  void Truncate(size_t count) { data_.resize(begin_ + count); }

 private:
  std::string data_;
  size_t begin_ = 0;
};

// What a client sent of its messages until the backend has taken it.
class RequestBuffer {
 public:
  // `max_message`: bytes of the largest message. `whole`: messages go on only as wholes, so that
  // they can be looked at; else as they come in.
  RequestBuffer(size_t max_message, bool whole) : max_message_(max_message), whole_(whole) {}

  enum class Next { kIncomplete, kMessage, kTooLarge, kCompressed };

  void Append(std::string_view bytes) { data_.append(bytes); }
  // What comes behind the messages that were released.
  Next Look();
  // After kMessage: its bytes, when messages are wholes.
  std::string_view message() const { return message_; }
  // Of the message that Look found.
  size_t message_length() const { return length_; }
  // After kMessage: lets it go on.
  void Release();
  // Drops what was not released.
  void EndHere();

  // The next released bytes, at most `most` of them; answers how many.
  size_t Read(uint8_t* to, size_t most);
  // Nothing that was released waits any more.
  bool drained() const { return sent_ == released_; }
  // Whether a message has begun and not ended.
  bool in_message() const { return left_ > 0 || released_ < data_.size(); }
  // Of the released messages all has come in.
  bool released_whole() const { return left_ == 0; }
  // Bytes held for the backend or for the rest of their message.
  size_t held() const { return data_.size() - sent_; }

  // Begins anew with the first byte; false when it is no longer here. The first 64 KiB are kept
  // until ForgetSent.
  bool Rewind();
  void ForgetSent() { kept_ = 0; }

 private:
  const size_t max_message_;
  const bool whole_;
  std::string data_;
  std::string_view message_;
  size_t length_ = 0;
  // Of the message that goes on in parts: bytes that have not come in yet.
  size_t left_ = 0;
  // Positions in data_.
  size_t released_ = 0;
  size_t sent_ = 0;
  size_t kept_ = 64 << 10;
  // Whether bytes were dropped off the front.
  bool moved_on_ = false;
};

// Follows messages in bytes that pass by.
class MessageEdges {
 public:
  void Pass(std::string_view bytes);
  // Whether a message is half through.
  bool inside() const { return prefix_size_ > 0 || left_ > 0; }
  // How many of the bytes that come next belong to the message that is half through; nothing when
  // it goes on behind them.
  std::optional<size_t> Rest(std::string_view next) const;

 private:
  unsigned char prefix_[5];
  size_t prefix_size_ = 0;
  size_t left_ = 0;
};

}  // namespace stackyard::gateway
