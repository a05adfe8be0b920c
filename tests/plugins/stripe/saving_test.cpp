// What the kernel's port does not ask for yet, asked of the plugin itself: a payment during which the method is saved,
// who the customer is, and languages.
#include <gtest/gtest.h>

#include <algorithm>
#include <bursar/testing.hpp>

#include "doubles/double.hpp"
#include "plugin_host/services/http.hpp"

namespace {

namespace sdk = bursar::testing;
using bursar::plugin_host::HttpClient;
using bursar::test::Json;

std::string text(const bursar_str& value) {
  return value.data == nullptr ? std::string() : std::string(value.data, value.size);
}
bursar_str lend(const char* value) { return {value, std::char_traits<char>::length(value)}; }

class StripeAlone : public ::testing::Test {
 protected:
  StripeAlone() {
    host_.network = [this](const sdk::HttpExchange& asked) {
      bursar::plugin_host::HttpRequest request;
      request.method = asked.method;
      request.url = asked.url;
      request.headers = asked.headers;
      request.body = asked.body;
      request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      const bursar::plugin_host::HttpAnswer answer = client_.perform(request);
      sdk::HttpAnswer out;
      out.status = answer.status;
      out.body = answer.body;
      out.headers = answer.headers;
      return out;
    };
  }
  void TearDown() override { EXPECT_EQ(stripe_.refused(), ""); }

  bursar_charge present(const char* payment, std::uint32_t flags) {
    bursar_charge charge{};
    charge.struct_size = sizeof charge;
    charge.flags = flags;
    charge.payment_id = lend(payment);
    charge.account_id = lend("acc_1");
    charge.amount.minor = 1234;
    std::copy_n("USD", 3, charge.amount.currency);
    charge.return_url = lend("https://example.com/back");
    charge.customer_name = lend("Zo\xC3\xAB & Co");
    charge.customer_email = lend("zoe@example.com");
    charge.locale = lend("de-AT");
    return charge;
  }
  bursar_payment_result begin(const bursar_charge& charge, sdk::TestCall& call) {
    bursar_payment_result result{};
    result.struct_size = sizeof result;
    EXPECT_EQ(table_->begin(plugin_.get(), call.get(), &charge, &result), BURSAR_OK);
    return result;
  }
  bursar_payment_result lookup(const std::string& id, const std::string& reference, sdk::TestCall& call) {
    bursar_lookup asked{};
    asked.struct_size = sizeof asked;
    asked.id = {id.data(), id.size()};
    asked.gateway_reference = {reference.data(), reference.size()};
    bursar_payment_result result{};
    result.struct_size = sizeof result;
    EXPECT_EQ(table_->lookup(plugin_.get(), call.get(), &asked, &result), BURSAR_OK);
    return result;
  }

  bursar::test::Double stripe_{"stripe_double.py", 1'767'225'600};
  HttpClient client_{""};
  sdk::FakeHost host_;
  sdk::Library library_{BURSAR_PLUGINS "/stripe.so"};
  sdk::Instance plugin_{library_, host_, {{"secret_key", "sk_test_12345678"}, {"api_base", stripe_.url()}}};
  const bursar_payment_v1* table_ = plugin_.table<bursar_payment_v1>(BURSAR_PAYMENT_ID);
};

TEST_F(StripeAlone, APaymentSavesTheMethodOnlyWhereTheCustomerAgreed) {
  for (const bool agreed : {true, false}) {
    const char* id = agreed ? "pay_kept" : "pay_once";
    sdk::TestCall first(std::string("key-") + id);
    const auto begun = begin(present(id, agreed ? BURSAR_CHARGE_SAVE_METHOD : 0), first);
    ASSERT_EQ(begun.outcome, BURSAR_PAYMENT_REQUIRES_ACTION);
    stripe_.post("/pay", {{"session", text(begun.gateway_reference)}});
    sdk::TestCall second;
    const auto paid = lookup(id, text(begun.gateway_reference), second);
    EXPECT_EQ(paid.outcome, BURSAR_PAYMENT_SUCCEEDED);
    EXPECT_EQ(text(paid.method.token).starts_with("cus_"), agreed);
    EXPECT_EQ(text(paid.method.label), agreed ? "Visa ending 4242" : "");
    if (!agreed) continue;
    sdk::TestCall third("key-later");
    bursar_charge later = present("pay_later", 0);
    const std::string token = text(paid.method.token);
    later.method_token = {token.data(), token.size()};
    bursar_payment_result charged{};
    charged.struct_size = sizeof charged;
    EXPECT_EQ(table_->charge(plugin_.get(), third.get(), &later, &charged), BURSAR_OK);
    EXPECT_EQ(charged.outcome, BURSAR_PAYMENT_SUCCEEDED);
  }
  EXPECT_EQ(stripe_.book("customer").size(), 1U);
}

TEST_F(StripeAlone, TheCustomersNameMailAndLanguageReachStripeAndNothingElseOfThem) {
  sdk::TestCall call("key-1");
  begin(present("pay_1", 0), call);
  std::string customer;
  std::string page;
  for (const Json& request : stripe_.get("/requests")) {
    if (request.at("path") == "/v1/customers") customer = request.at("body").get<std::string>();
    if (request.at("path") == "/v1/checkout/sessions") page = request.at("body").get<std::string>();
  }
  EXPECT_EQ(customer, "name=Zo%C3%AB%20%26%20Co&email=zoe%40example.com&metadata[bursar_account]=acc_1");
  EXPECT_NE(page.find("&locale=de&"), std::string::npos) << page;
  EXPECT_EQ(page.find("zoe"), std::string::npos);
}

}  // namespace
