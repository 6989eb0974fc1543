//! Money: decimal from the first byte to the last, always beside its currency.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal number: an amount, a quantity, a price or a percentage. Never a float.
///
/// Written as a string in JSON and as sixteen bytes in the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(Decimal::ZERO);

    /// `mantissa` × 10^-`scale`: `Amount::new(12345, 2)` is 123.45.
    pub fn new(mantissa: i64, scale: u32) -> Self {
        Amount(Decimal::new(mantissa, scale))
    }

    /// The decimal inside.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Reads plain decimal text with an optional sign and exponent: `-12.50`, `1.2e3`. Nothing else, no separators.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains(['e', 'E']) {
            return Decimal::from_scientific(text).ok().map(Amount);
        }
        Decimal::from_str_exact(text).ok().map(Amount)
    }

    /// Rounded half away from zero to `digits` decimals.
    pub fn rounded(self, digits: u32) -> Self {
        Amount(self.0.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
    }

    /// Multiplied; `None` where the result does not fit.
    pub fn times(self, other: Amount) -> Option<Self> {
        self.0.checked_mul(other.0).map(Amount)
    }

    /// Divided; `None` by zero or where the result does not fit.
    pub fn divided_by(self, other: Amount) -> Option<Self> {
        self.0.checked_div(other.0).map(Amount)
    }

    /// Added; `None` where the result does not fit.
    pub fn checked_add(self, other: Amount) -> Option<Self> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// Without its sign.
    pub fn abs(self) -> Self {
        Amount(self.0.abs())
    }

    /// Whether it is exactly nothing.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }

    /// The same number written with at least `digits` decimals and no more than it needs: what has them shows them in JSON too.
    #[must_use]
    pub fn written(self, digits: u32) -> Self {
        let mut value = self.0.normalize();
        if value.scale() < digits {
            value.rescale(digits);
        }
        Amount(value)
    }

    /// Text with at least `digits` decimals, no separators: `726.72`, `-118.40`.
    pub fn fixed(self, digits: u32) -> String {
        self.written(digits).to_string()
    }
}

impl From<Decimal> for Amount {
    fn from(value: Decimal) -> Self {
        Amount(value)
    }
}

impl From<i64> for Amount {
    fn from(value: i64) -> Self {
        Amount(Decimal::from(value))
    }
}

impl FromStr for Amount {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Amount::parse(text).ok_or("not a decimal number")
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

// Sums saturate instead of panicking: a saturated sum never equals what it is checked against.
impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }
}

impl Neg for Amount {
    type Output = Amount;
    fn neg(self) -> Amount {
        Amount(-self.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Amount) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(iter: I) -> Amount {
        iter.fold(Amount::ZERO, |sum, next| sum + next)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.0)
        } else {
            self.0.serialize().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            Amount::parse(&text).ok_or_else(|| de::Error::custom("not a decimal number"))
        } else {
            Ok(Amount(Decimal::deserialize(<[u8; 16]>::deserialize(deserializer)?)))
        }
    }
}

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollar, for examples and tests.
    pub const USD: Currency = Currency(*b"USD");

    /// Reads a code; case does not matter, anything but three letters is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The code as text.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimals of the currency's smallest unit (ISO 4217): 2 for most, 0 for yen, 3 for dinars.
    pub fn digits(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Currency::parse(&text).ok_or_else(|| de::Error::custom("not a currency code"))
    }
}

/// An amount of one currency. JSON has the decimals of the currency: `{"amount":"10.00","currency":"USD"}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = written(self.currency, self.amount, &serializer);
        let mut fields = serializer.serialize_struct("Money", 2)?;
        fields.serialize_field("amount", &amount)?;
        fields.serialize_field("currency", &self.currency)?;
        fields.end()
    }
}

/// What people and programs read has the currency's decimals; the store keeps the amount as it is.
fn written<S: Serializer>(currency: Currency, amount: Amount, serializer: &S) -> Amount {
    if serializer.is_human_readable() { amount.written(currency.digits()) } else { amount }
}

fn written_totals<S: Serializer>(totals: &BTreeMap<Currency, Amount>, serializer: S) -> Result<S::Ok, S::Error> {
    let all: Vec<_> =
        totals.iter().map(|(currency, amount)| (currency, written(*currency, *amount, &serializer))).collect();
    serializer.collect_map(all)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount.fixed(self.currency.digits()), self.currency)
    }
}

/// A count of documents and their totals, each currency by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MoneyTotals {
    /// How many documents.
    pub count: u64,
    /// The sum of each currency; documents without a known currency count, but add to no total.
    #[serde(serialize_with = "written_totals")]
    pub totals: BTreeMap<Currency, Amount>,
}

impl MoneyTotals {
    /// Counts one more document.
    pub fn add(&mut self, total: Option<Money>) {
        self.count += 1;
        if let Some(money) = total {
            *self.totals.entry(money.currency).or_default() += money.amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_keeps_its_cents_through_json_and_the_store() {
        let amount = Amount::parse("-118.40").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"-118.40\"");
        assert_eq!(serde_json::from_str::<Amount>("\"-118.40\"").unwrap(), amount);
        let bytes = postcard::to_stdvec(&amount).unwrap();
        assert_eq!(postcard::from_bytes::<Amount>(&bytes).unwrap(), amount);
    }

    #[test]
    fn money_in_json_has_the_decimals_of_its_currency_and_loses_none() {
        for (amount, currency, written) in
            [("10", "USD", "10.00"), ("10.500", "USD", "10.50"), ("10.125", "EUR", "10.125"), ("7.0", "JPY", "7")]
        {
            let money = Money { amount: Amount::parse(amount).unwrap(), currency: Currency::parse(currency).unwrap() };
            let json = serde_json::to_string(&money).unwrap();
            assert_eq!(json, format!("{{\"amount\":\"{written}\",\"currency\":\"{currency}\"}}"));
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
            assert_eq!(postcard::from_bytes::<Money>(&postcard::to_stdvec(&money).unwrap()).unwrap(), money);
            let mut totals = MoneyTotals::default();
            totals.add(Some(money));
            let json = serde_json::to_string(&totals).unwrap();
            assert_eq!(json, format!("{{\"count\":1,\"totals\":{{\"{currency}\":\"{written}\"}}}}"));
            assert_eq!(postcard::from_bytes::<MoneyTotals>(&postcard::to_stdvec(&totals).unwrap()).unwrap(), totals);
        }
    }

    #[test]
    fn half_a_cent_rounds_away_from_zero() {
        assert_eq!(Amount::parse("0.125").unwrap().rounded(2).fixed(2), "0.13");
        assert_eq!(Amount::parse("-0.125").unwrap().rounded(2).fixed(2), "-0.13");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "1,000.00", "12.3.4", "NaN", "0x10", "1e", "--1"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }
}
