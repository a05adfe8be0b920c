// PayPal's signature of a webhook, checked without asking PayPal: RSA over id, time, webhook id and the body's CRC-32,
// with a certificate that PayPal publishes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace paypal {

enum class Signature {
  good,
  bad,             // the certificate is PayPal's, and did not sign this
  no_certificate,  // the certificate cannot be trusted or read: says nothing of the signature
};

struct Trust {
  std::string roots_pem;           // empty: the system's
  std::vector<std::string> names;  // whom the certificate must be issued to, any of them
};

// IEEE CRC-32, as PayPal takes it of the body.
std::uint32_t crc32(std::string_view bytes);

// What PayPal signs.
std::string signed_text(std::string_view transmission_id, std::string_view transmission_time,
                        std::string_view webhook_id, std::string_view body);

// `chain_pem`: the certificate, then its issuers. `at`: the time at which they must be valid, in seconds.
Signature check_signature(std::string_view chain_pem, const Trust& trust, std::int64_t at, std::string_view text,
                          std::string_view signature_base64);

}  // namespace paypal
