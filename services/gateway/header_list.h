// Headers on their way into a frame.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string_view>
#include <vector>

namespace stackyard::gateway {

class HeaderList {
 public:
  HeaderList() { headers_.reserve(12); }

  // `name` must live as long as the process, `value` until the frame was submitted.
  void Add(std::string_view name, std::string_view value) { AddWith(name, value, 0); }
  // A value that the next call will not have: it stays out of the other side's table.
  void AddOnce(std::string_view name, std::string_view value) {
    AddWith(name, value, NGHTTP2_NV_FLAG_NO_INDEX);
  }

  const nghttp2_nv* data() const { return headers_.data(); }
  size_t size() const { return headers_.size(); }

 private:
  void AddWith(std::string_view name, std::string_view value, uint8_t flags) {
    // nghttp2 does not write through them.
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
    };
    headers_.push_back({bytes(name), bytes(value), name.size(), value.size(),
                        static_cast<uint8_t>(flags | NGHTTP2_NV_FLAG_NO_COPY_NAME)});
  }

  std::vector<nghttp2_nv> headers_;
};

}  // namespace stackyard::gateway
