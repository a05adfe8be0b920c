// Bank transfer: tells the customer where to pay and with which reference. The money arrives outside; staff say when.
#include <bursar/plugin.hpp>

namespace {

constexpr std::string_view id_prefix = "transfer-";

class BankTransfer final {
 public:
  static constexpr bursar::Info info{.kind = bursar::Kind::gateway,
                                     .name = "Bank transfer",
                                     .summary = "The customer transfers the money; staff confirm its arrival.",
                                     .vendor = "Bursar",
                                     .license = "Apache-2.0",
                                     .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "account_holder",
       .required = true,
       .label = "Account holder",
       .help = "Whose account it is.",
       .example = "Example Hosting Ltd",
       .maximum = 140},
      {.key = "iban",
       .label = "IBAN",
       .help = "The account, written with or without spaces. This or account_number is needed.",
       .example = "DE02 1203 0000 0000 2020 51",
       .maximum = 42},
      {.key = "account_number",
       .label = "Account number",
       .help = "Where there is no IBAN: account and routing numbers as customers write them.",
       .example = "Routing 021000021, account 000123456789",
       .maximum = 200},
      {.key = "bic",
       .label = "BIC",
       .help = "The bank's code for transfers from abroad.",
       .example = "BYLADEM1001",
       .maximum = 11},
      {.key = "bank", .label = "Bank", .help = "The bank's name.", .example = "Example Bank", .maximum = 140},
      {.key = "note",
       .label = "Note",
       .help = "A sentence for the customer, for instance how long a transfer takes.",
       .example = "Transfers take up to two working days.",
       .maximum = 500},
      {.key = "currencies",
       .type = bursar::SettingType::list,
       .label = "Currencies",
       .help = "Currencies the account takes. Empty: all.",
       .example = "EUR"},
      {.key = "display_name",
       .label = "Name for customers",
       .help = "What customers choose.",
       .default_value = "Bank transfer",
       .maximum = 80},
  };

  BankTransfer(bursar::Host /*host*/, const bursar::Settings& settings)
      : display_name_(settings.text("display_name")),
        note_(settings.text("note")),
        currencies_(settings.list("currencies")) {
    add("Account holder", settings.text("account_holder"));
    add("IBAN", settings.text("iban"));
    add("Account", settings.text("account_number"));
    add("BIC", settings.text("bic"));
    add("Bank", settings.text("bank"));
  }

  static void validate(const bursar::Settings& settings) {
    if (settings.text("iban").empty() && settings.text("account_number").empty()) {
      throw bursar::BadSetting("iban", "write iban, or account_number where there is no IBAN");
    }
  }

  [[nodiscard]] bursar::PaymentOptions payment_options() const {
    return {.capabilities = BURSAR_PAYMENT_STAFF_CONFIRMS, .display_name = display_name_, .currencies = currencies_};
  }

  // Nothing leaves Bursar, so the same payment always gets the same instructions.
  bursar::Payment begin(bursar::Call& /*call*/, const bursar::Charge& charge) {
    const std::string reference(charge.invoice_number.empty() ? charge.payment_id : charge.invoice_number);
    bursar::Payment payment = bursar::Payment::pending(std::string(id_prefix) + std::string(charge.payment_id));
    payment.action = instructions(reference);
    return payment;
  }

  // Only staff know, and the kernel does not ask for a payment that staff confirm; if it is asked all the same, it is
  // still pending.
  bursar::Payment lookup(bursar::Call& /*call*/, const bursar::Lookup& lookup) {
    if (!lookup.gateway_reference.starts_with(id_prefix)) return bursar::Payment::not_attempted();
    return bursar::Payment::pending(std::string(lookup.gateway_reference));
  }

 private:
  void add(std::string label, std::string value) {
    if (!value.empty()) account_.emplace_back(std::move(label), std::move(value));
  }

  [[nodiscard]] bursar::Action instructions(const std::string& reference) const {
    bursar::Action action{.type = "instructions",
                          .url = {},
                          .text = "Please transfer the amount to this account and give the reference.\n"};
    action.fields = account_;
    action.fields.emplace_back("Reference", reference);
    for (const auto& [label, value] : action.fields) action.text += label + ": " + value + "\n";
    if (!note_.empty()) action.text += note_ + "\n";
    return action;
  }

  std::string display_name_;
  std::string note_;
  std::vector<std::string> currencies_;
  bursar::Pairs account_;
};

}  // namespace

BURSAR_PLUGIN(BankTransfer, "bursar.bank-transfer", "0.1.0")
