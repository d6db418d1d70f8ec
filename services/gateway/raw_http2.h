// A client that sends frames as they are told, right or wrong, for tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stackyard::gateway {

struct RawFrame {
  // -1: the connection is closed, or nothing came for 20 s.
  int type = -1;
  int flags = 0;
  int32_t stream = 0;
  std::string payload;
  // Of HEADERS.
  std::map<std::string, std::string> headers;

  bool end_stream() const { return (flags & NGHTTP2_FLAG_END_STREAM) != 0; }
  // The 32 bits at `offset`.
  uint32_t Number(size_t offset) const {
    uint32_t number = 0;
    for (size_t i = 0; i < 4; ++i) {
      number = number << 8 | static_cast<unsigned char>(payload.at(offset + i));
    }
    return number;
  }
};

class RawHttp2 {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Connects to a port of this machine, as `from`.
  explicit RawHttp2(int port, const char* from = "127.0.0.1")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    nghttp2_hd_inflate_new(&inflater_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from, &address.sin_addr);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval limit = {20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }
  ~RawHttp2() {
    close(socket_);
    nghttp2_hd_inflate_del(inflater_);
  }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  // False when the connection is gone.
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  bool Send(int type, int flags, int32_t stream, std::string_view payload) {
    return Write(Frame(type, flags, stream, payload));
  }
  // The preface, and SETTINGS without anything.
  void Greet() { Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(NGHTTP2_SETTINGS, 0, 0, "")); }

  static std::string Frame(int type, int flags, int32_t stream, std::string_view payload) {
    std::string frame = Bytes(static_cast<uint32_t>(payload.size())).substr(1);
    frame.push_back(static_cast<char>(type));
    frame.push_back(static_cast<char>(flags));
    frame += Bytes(static_cast<uint32_t>(stream));
    frame += payload;
    return frame;
  }
  // Headers of a gRPC call, with others behind them; none longer than 126 bytes.
  static std::string Request(const std::string& path, const Headers& more = {}) {
    Headers headers = {{":method", "POST"}, {":scheme", "http"},
                       {":path", path},     {":authority", "x"},
                       {"te", "trailers"},  {"content-type", "application/grpc"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return Pack(headers);
  }
  // As literals that go into no table.
  static std::string Pack(const Headers& headers) {
    std::string block;
    for (const auto& [name, value] : headers) {
      block.push_back('\0');
      block.push_back(static_cast<char>(name.size()));
      block += name;
      block.push_back(static_cast<char>(value.size()));
      block += value;
    }
    return block;
  }
  static std::string Message(std::string_view bytes, char flag = 0) {
    return std::string(1, flag) + Bytes(static_cast<uint32_t>(bytes.size())) + std::string(bytes);
  }
  static std::string Bytes(uint32_t number) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(number >> shift));
    return bytes;
  }

  RawFrame Read() {
    RawFrame frame;
    const std::string head = Take(9);
    if (head.size() < 9) return frame;
    size_t length = 0;
    for (int i = 0; i < 3; ++i) length = length << 8 | static_cast<unsigned char>(head[i]);
    frame.flags = static_cast<unsigned char>(head[4]);
    for (int i = 5; i < 9; ++i)
      frame.stream = frame.stream << 8 | static_cast<unsigned char>(head[i]);
    frame.payload = Take(length);
    if (frame.payload.size() == length) frame.type = static_cast<unsigned char>(head[3]);
    if (frame.type == NGHTTP2_HEADERS) Inflate(frame);
    return frame;
  }
  // The next frame of that type; others are passed over. Type -1 when there is none.
  RawFrame ReadUntil(int type) {
    while (true) {
      RawFrame frame = Read();
      if (frame.type == type || frame.type == -1) return frame;
    }
  }
  // The headers that end a stream.
  std::map<std::string, std::string> ReadStatus() {
    while (true) {
      RawFrame frame = ReadUntil(NGHTTP2_HEADERS);
      if (frame.type == -1 || frame.end_stream()) return frame.headers;
    }
  }
  // Whether the other side closes without another word but `type`.
  bool IsClosed() { return ReadUntil(255).type == -1; }

 private:
  std::string Take(size_t count) {
    std::string bytes(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t more = recv(socket_, bytes.data() + got, count - got, 0);
      if (more <= 0) break;
      got += static_cast<size_t>(more);
    }
    bytes.resize(got);
    return bytes;
  }
  void Inflate(RawFrame& frame) {
    const auto* in = reinterpret_cast<const uint8_t*>(frame.payload.data());
    size_t left = frame.payload.size();
    while (true) {
      nghttp2_nv header;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &header, &flags, in, left, 1);
      if (used < 0) break;
      in += used;
      left -= static_cast<size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        frame.headers[{reinterpret_cast<char*>(header.name), header.namelen}] = {
            reinterpret_cast<char*>(header.value), header.valuelen};
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  const int socket_;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace stackyard::gateway
