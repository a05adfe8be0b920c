// Goal: whatever a value holds stands in a message as text: it cannot run, add a header, or break the message.
#include "notices/templates.hpp"

#include <gtest/gtest.h>

#include "base/assert.hpp"

namespace bursar::notices {
namespace {

constexpr Template all[] = {Template::invoice_created, Template::payment_received, Template::payment_failed,
                            Template::action_required, Template::reminder,         Template::overdue,
                            Template::late_fee,        Template::suspended,        Template::unsuspended,
                            Template::terminated,      Template::service_active,   Template::cancelled,
                            Template::method_expiring, Template::change_applied,   Template::change_withdrawn,
                            Template::change_lapsed,   Template::order_cancelled};

// Every name that some template uses, with the same hostile value.
Values everything(const std::string& value) {
  Values values;
  for (const char* key :
       {"customer_name", "provider_name", "portal_url", "invoice_number", "total",    "balance",    "due_on",
        "autopay_on",    "amount",        "credit",     "reason",         "retry_on", "action_url", "suspend_on",
        "terminate_on",  "service",       "ended_on",   "declined",       "method",   "look_on",    "expires_on",
        "product",       "cycle",         "price",      "cancel_on"}) {
    values.emplace_back(key, value);
  }
  return values;
}

TEST(Templates, have_names_that_read_back) {
  for (const auto name : all) EXPECT_EQ(template_named(to_string(name)), name);
  EXPECT_THROW(template_named("no such text"), InvariantBroken);
}

TEST(Templates, do_not_run_what_a_value_holds) {
  for (const std::string hostile : {"{{7*7}}", "{{customer_name}}", "{{{provider_name}}}", "{{#items}}x{{/items}}",
                                    "{{>/etc/passwd}}", "{{=<% %>=}}", "<script>alert(1)</script>", "%s%n", "&amp;"}) {
    for (const auto name : all) {
      const Values values = everything(hostile);
      const Text text = render(name, values, {values, values});
      EXPECT_NE(text.body.find(hostile), std::string::npos) << to_string(name) << ": as it is, no escape, no run";
      EXPECT_EQ(text.body.find("49"), std::string::npos) << hostile;
    }
  }
}

TEST(Templates, keep_a_subject_on_one_line) {
  for (const std::string& hostile :
       std::vector<std::string>{"A\r\nBcc: all@example.com", "A\nB", "A\rB", std::string("A\0B", 3), "A\x7f\x1b[2J"}) {
    for (const auto name : all) {
      const Values values = everything(hostile);
      const Text text = render(name, values, {values});
      for (const char c : text.subject) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << to_string(name);
      EXPECT_EQ(text.body.find("\nBcc:"), std::string::npos);
    }
  }
}

TEST(Templates, cut_a_subject_between_characters) {
  std::string name;
  for (int i = 0; i < 200; ++i) name += "ü";
  const Text text = render(Template::suspended, {{"service", name}});
  EXPECT_LE(text.subject.size(), 200U);
  EXPECT_EQ(text.subject.size() % 2, 0U) << "half a letter would be no UTF-8";
  EXPECT_EQ(one_line("aü", 2), "a");
  EXPECT_EQ(one_line("aü", 3), "aü");
}

TEST(Templates, leave_no_tags_and_no_holes) {
  for (const auto name : all) {
    for (const auto& values : {everything("x"), Values{}}) {
      const Text text = render(name, values, {values});
      EXPECT_EQ(text.body.find("{{"), std::string::npos) << to_string(name);
      EXPECT_EQ(text.subject.find("{{"), std::string::npos) << to_string(name);
      EXPECT_FALSE(text.subject.empty());
    }
  }
}

TEST(Templates, tell_of_one_thing_or_of_several) {
  const Values first{
      {"invoice_number", "INV-1"}, {"total", "10.00 EUR"}, {"balance", "10.00 EUR"}, {"due_on", "2027-02-15"}};
  const Values second{
      {"invoice_number", "INV-2"}, {"total", "5.00 EUR"}, {"balance", ""}, {"due_on", ""}, {"paid", "yes"}};
  const Text one = render(Template::invoice_created, first, {first});
  EXPECT_EQ(one.subject, "Invoice INV-1: 10.00 EUR, due 2027-02-15");
  EXPECT_NE(one.body.find("Still to pay: 10.00 EUR, by 2027-02-15."), std::string::npos);
  const Text two = render(Template::invoice_created, first, {first, second});
  EXPECT_EQ(two.subject, "2 new invoices");
  EXPECT_NE(two.body.find("Invoice INV-1 over 10.00 EUR.\nStill to pay: 10.00 EUR, by 2027-02-15.\n"),
            std::string::npos);
  EXPECT_NE(two.body.find("Invoice INV-2 over 5.00 EUR.\nIt is paid from your credit"), std::string::npos);
}

}  // namespace
}  // namespace bursar::notices
