// A connected stream of bytes, with TLS or without.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "services/gateway/tls_files.h"

namespace stackyard::gateway {

// Handlers are those of Boost.Asio.
class Socket {
 public:
  using Plain = boost::asio::generic::stream_protocol::socket;

  explicit Socket(boost::asio::io_context& context) : plain_(context) {}
  explicit Socket(Plain plain) : plain_(std::move(plain)) {}

  // Of the connection itself, below TLS. Not after UseTls.
  Plain& plain() { return plain_; }

  // To be followed by Handshake. As a client, the other side's certificate must name `service`.
  void UseTls(TlsFiles::Context context, const std::string& service);
  template <typename Handler>
  void Handshake(boost::asio::ssl::stream_base::handshake_type type, Handler handler) {
    tls_->async_handshake(type, std::move(handler));
  }
  // Whether both sides agreed on HTTP/2; always without TLS.
  bool SpeaksHttp2() const;

  template <typename Handler>
  void ReadSome(boost::asio::mutable_buffer buffer, Handler handler) {
    if (tls_) {
      tls_->async_read_some(buffer, std::move(handler));
    } else {
      plain_.async_read_some(buffer, std::move(handler));
    }
  }
  // Writes what can go at once, and answers how many bytes that was.
  size_t TryWrite(boost::asio::const_buffer buffer, boost::system::error_code& error);
  // Writes all of it.
  template <typename Handler>
  void Write(boost::asio::const_buffer buffer, Handler handler) {
    if (tls_) {
      boost::asio::async_write(*tls_, buffer, std::move(handler));
    } else {
      boost::asio::async_write(plain_, buffer, std::move(handler));
    }
  }

  // Tells the other side that nothing follows.
  void EndWrites();
  void Close();

 private:
  Plain& lowest() { return tls_ ? tls_->next_layer() : plain_; }

  Plain plain_;
  // Kept as long as the stream that uses it.
  TlsFiles::Context context_;
  std::optional<boost::asio::ssl::stream<Plain>> tls_;
};

}  // namespace stackyard::gateway
