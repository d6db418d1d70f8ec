#include "services/gateway/socket.h"

#include <boost/asio/error.hpp>
#include <string>

#include "common/log.h"

namespace stackyard::gateway {

namespace ssl = boost::asio::ssl;

void Socket::UseTls(TlsFiles::Context context, const std::string& service) {
  context_ = std::move(context);
  tls_.emplace(std::move(plain_), context_->ssl);
  if (service.empty()) return;
  OfferHttp2(tls_->native_handle());
  tls_->set_verify_callback(
      [service, mesh = context_->mesh](bool good, ssl::verify_context& verify) {
        X509_STORE_CTX* store = verify.native_handle();
        std::string fault;
        if (!good) {
          fault = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
        } else if (X509_STORE_CTX_get_error_depth(store) == 0 &&
                   !NamesService(X509_STORE_CTX_get_current_cert(store), mesh, service)) {
          fault = "its certificate does not name it";
        }
        if (fault.empty()) return true;
        LogWarning("a service is not who it should be", {{"expected", service}, {"error", fault}});
        return false;
      });
}

bool Socket::SpeaksHttp2() const {
  if (!tls_) return true;
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(const_cast<ssl::stream<Plain>&>(*tls_).native_handle(), &name, &length);
  return std::string_view(reinterpret_cast<const char*>(name), length) == "h2";
}

size_t Socket::TryWrite(boost::asio::const_buffer buffer, boost::system::error_code& error) {
  if (tls_) return 0;
  const size_t written = plain_.write_some(buffer, error);
  if (error == boost::asio::error::would_block) error.clear();
  return written;
}

void Socket::EndWrites() {
  boost::system::error_code ignored;
  lowest().shutdown(boost::asio::socket_base::shutdown_send, ignored);
}

void Socket::Close() {
  boost::system::error_code ignored;
  lowest().close(ignored);
}

}  // namespace stackyard::gateway
