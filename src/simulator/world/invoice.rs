//! An invoice as the generator thinks of it: typed, with the wire document and the expected bill derived from it side by
//! side, so that neither is derived from the other.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Number, Value, json};

use super::expected::{ExpectedBill, mark_stem};
use crate::simulator::procurement::stamp;

/// Accounts to which the demo's mapping sends charges.
pub const CHARGE_ACCOUNTS: [(&str, &str); 5] =
    [("freight", "5200"), ("handling", "5210"), ("tax", "5300"), ("discount", "5400"), ("fee", "5500")];

/// A supplier as JAGGAER knows it, and the vendor that it is in Intacct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supplier {
    /// Supplier number in JAGGAER.
    pub number: String,
    /// Network id in JAGGAER.
    pub network_id: u64,
    /// Name.
    pub name: String,
    /// VENDORID in Intacct.
    pub vendor: String,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemLine {
    /// Description.
    pub description: String,
    /// Unit of measure.
    pub unit: String,
    /// Quantity.
    pub quantity: Decimal,
    /// Unit price.
    pub price: Decimal,
    /// Purchase order and its line.
    pub po: Option<(String, String)>,
    /// Accounting.
    pub splits: Splits,
}

/// Accounting of a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Splits {
    /// None at all.
    #[default]
    None,
    /// One, for everything.
    Single(Segments),
    /// By percent.
    Percent(Vec<(Decimal, Segments)>),
    /// By amount.
    Amount(Vec<(Decimal, Segments)>),
    /// Several without a figure.
    Unfigured(Vec<Segments>),
}

/// Segments of one split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// `Account`.
    pub account: String,
    /// `Department`.
    pub department: String,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq)]
pub struct Invoice {
    /// invoiceId.
    pub id: u64,
    /// supplierInvoiceNumber.
    pub number: String,
    /// Supplier.
    pub supplier: Supplier,
    /// A credit memo rather than an invoice.
    pub credit: bool,
    /// paymentStatus.
    pub payment: String,
    /// workflowStatus.
    pub workflow: String,
    /// matchStatus.
    pub matching: String,
    /// invoiceDate.
    pub date: Date,
    /// dueDate.
    pub due: Date,
    /// accountingDate.
    pub posting: Option<Date>,
    /// businessUnit.
    pub business_unit: String,
    /// total.currency.
    pub currency: String,
    /// Days of the term `Net …`.
    pub term_days: u32,
    /// Lines.
    pub lines: Vec<ItemLine>,
    /// taxCharge1.
    pub tax: Decimal,
    /// shippingCharge.
    pub freight: Decimal,
    /// handlingCharge.
    pub handling: Decimal,
    /// discountAmount, a positive reduction.
    pub discount: Decimal,
    /// Misc fees.
    pub fees: Vec<(String, Decimal)>,
    /// The lines carry shares of the charges that add up to the header's.
    pub charges_on_lines: bool,
    /// Custom field `ProjectCode`.
    pub project: Option<String>,
    /// lastUpdate.
    pub updated: Timestamp,
}

/// To cents, half away from zero.
pub fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// A number as JSON, with the digits that it has and no more.
pub fn number(value: Decimal) -> Value {
    value.normalize().to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

fn day(date: Date) -> Value {
    Value::String(format!("{date}T00:00:00.000Z"))
}

impl ItemLine {
    /// Quantity times price, to cents.
    pub fn amount(&self) -> Decimal {
        cents(self.quantity * self.price)
    }

    /// Amount by account.
    fn accounts(&self) -> Vec<(String, Decimal)> {
        let amount = self.amount();
        match &self.splits {
            Splits::None | Splits::Unfigured(_) => Vec::new(),
            Splits::Single(segments) => vec![(segments.account.clone(), amount)],
            Splits::Amount(parts) => parts.iter().map(|(part, segments)| (segments.account.clone(), *part)).collect(),
            Splits::Percent(parts) => {
                let mut shares: Vec<(String, Decimal)> = parts
                    .iter()
                    .map(|(percent, segments)| {
                        (segments.account.clone(), cents(amount * percent / Decimal::ONE_HUNDRED))
                    })
                    .collect();
                // What rounding leaves goes to the largest part, the first among equals.
                let rest = amount - shares.iter().map(|(_, share)| share).sum::<Decimal>();
                let mut largest = 0;
                for (position, (percent, _)) in parts.iter().enumerate() {
                    if parts.get(largest).is_some_and(|(most, _)| percent > most) {
                        largest = position;
                    }
                }
                if let Some((_, share)) = shares.get_mut(largest) {
                    *share += rest;
                }
                shares
            }
        }
    }
}

impl Invoice {
    /// The total that the parts add up to.
    pub fn total(&self) -> Decimal {
        let goods: Decimal = self.lines.iter().map(ItemLine::amount).sum();
        let fees: Decimal = self.fees.iter().map(|(_, fee)| *fee).sum();
        goods + self.tax + self.freight + self.handling + fees - self.discount
    }

    /// The bill that this invoice must become.
    pub fn bill(&self, document_key: &str) -> ExpectedBill {
        let mut accounts: BTreeMap<String, Decimal> = BTreeMap::new();
        for (account, amount) in self.lines.iter().flat_map(ItemLine::accounts) {
            *accounts.entry(account).or_default() += amount;
        }
        let fees: Decimal = self.fees.iter().map(|(_, fee)| *fee).sum();
        let charges = [self.freight, self.handling, self.tax, -self.discount, fees];
        for ((_, account), amount) in CHARGE_ACCOUNTS.iter().zip(charges) {
            if !amount.is_zero() {
                *accounts.entry((*account).to_owned()).or_default() += amount;
            }
        }
        ExpectedBill {
            vendor: self.supplier.vendor.clone(),
            number: self.number.clone(),
            currency: self.currency.clone(),
            total: self.total(),
            invoice_date: self.date,
            gl_date: self.posting.unwrap_or(self.date),
            due_date: self.due,
            accounts,
            mark_stem: mark_stem(document_key),
        }
    }

    /// The detail document as JAGGAER serves it.
    pub fn json(&self) -> Value {
        let on_po = self.lines.iter().any(|line| line.po.is_some());
        let term = format!("Net {}", self.term_days);
        let mut header = json!({
            "invoiceId": self.id,
            "validationStatus": "Unneeded",
            "lastUpdate": stamp(self.updated),
            "paymentStatus": self.payment,
            "workflowStatus": self.workflow,
            "matchStatus": self.matching,
            "invoiceNumber": format!("I{:07}", self.id % 10_000_000),
            "originalInvoiceNumber": format!("I{:07}", self.id % 10_000_000),
            "supplierInvoiceNumber": self.number,
            "invoiceName": format!("{} {}", self.date, self.supplier.name),
            "invoiceType": if self.credit { "Credit memo" } else { "Invoice" },
            "invoiceLineType": if on_po { "PO" } else { "Non-PO" },
            "invoiceSource": if self.id.is_multiple_of(3) { "Automated" } else { "Manual" },
            "nonPOInvoice": if on_po { "false" } else { "true" },
            "containsNonPOLines": if on_po { "false" } else { "true" },
            "invoiceDate": day(self.date),
            "invoiceCreateDate": day(self.date),
            "dueDate": day(self.due),
            "businessUnit": self.business_unit,
            "invoicedBy": {"username": "ap.clerk", "businessUnit": self.business_unit, "email": "ap.clerk@example.com"},
            "supplier": {
                "id": self.supplier.network_id,
                "name": self.supplier.name,
                "supplierNumber": self.supplier.number,
                "duns": "DNP",
                "contactInfoList": {"contactInfo": [{}]},
            },
            "billTo": {"address": address("Accounts Payable", "PO Box 12")},
            "remitTo": {
                "internalId": 555_000 + self.id % 1000,
                "addressCode": "R1",
                "address": address(&self.supplier.name, "12 Quay Street"),
            },
            "terms": {"discount": {}, "days": 0, "type": "Net", "daysAfter": self.term_days, "standardPaymentTermsCode": term},
            "payment": {"method": "Check", "paidByExternalPaymentProcessor": "false"},
            "freightOnBoard": "Destination",
            "additionalInfo": {
                "externalInfo": {"attachmentList": {"attachment": [{}]}},
                "internalInfo": {"attachmentList": {"attachment": [{}]}},
            },
            "taxCharge1": number(self.tax),
            "taxCharge2": 0,
            "shippingCharge": number(self.freight),
            "handlingCharge": number(self.handling),
            "discountAmount": number(self.discount),
            "earlyPaymentDiscount": 0,
            "termDiscountAmount": 0,
            "allocationMethod": "Weighted",
            "tax1HeaderChargeDetail": {"supplierTax": number(self.tax), "currentTax": number(self.tax), "engineTax": 0},
            "customFieldValueSetList": {"customFieldValueSet": self.custom_fields()},
            "total": {"currency": self.currency, "value": number(self.total())},
        });
        if let Some(object) = header.as_object_mut() {
            if let Some(posting) = self.posting {
                object.insert("accountingDate".to_owned(), day(posting));
            }
            let fees: Vec<Value> =
                self.fees.iter().map(|(name, fee)| json!({"name": name, "fee": number(*fee)})).collect();
            let fees = if fees.is_empty() { vec![json!({"name": "Fee1", "fee": 0})] } else { fees };
            object.insert("miscFeeList".to_owned(), json!({"miscFee": fees}));
        }
        let shares = [self.tax, self.freight, self.handling, self.discount].map(|charge| self.shares(charge));
        let lines: Vec<Value> = self
            .lines
            .iter()
            .enumerate()
            .map(|(position, line)| {
                let mut json = self.line_json(position, line);
                let names = ["taxCharge1", "shippingCharge", "handlingCharge", "discountAmount"];
                for (name, shares) in names.iter().zip(&shares) {
                    let share = shares.get(position).copied().unwrap_or_default();
                    json.insert((*name).to_owned(), number(share));
                }
                Value::Object(json)
            })
            .collect();
        json!({"header": header, "lineList": {"invoiceLine": lines}})
    }

    /// A charge spread over the lines by their amounts; nothing where the lines carry none.
    fn shares(&self, charge: Decimal) -> Vec<Decimal> {
        let goods: Decimal = self.lines.iter().map(ItemLine::amount).sum();
        if !self.charges_on_lines || goods.is_zero() {
            return Vec::new();
        }
        let mut shares: Vec<Decimal> = self.lines.iter().map(|line| cents(charge * line.amount() / goods)).collect();
        let rest = charge - shares.iter().sum::<Decimal>();
        if let Some(first) = shares.first_mut() {
            *first += rest;
        }
        shares
    }

    fn custom_fields(&self) -> Vec<Value> {
        let project = match &self.project {
            Some(code) => json!({"value": code, "description": format!("Project {code}")}),
            None => json!({}),
        };
        vec![
            json!({"name": "ProjectCode", "label": "Project", "customFieldValueList": {"customFieldValue": [project]}}),
            json!({"name": "Wire Transfer", "label": "Wire?", "customFieldValueList": {"customFieldValue": [{}]}}),
        ]
    }

    fn line_json(&self, position: usize, line: &ItemLine) -> Map<String, Value> {
        let mut json = json!({
            "lineId": self.id * 100 + position as u64,
            "lineNumber": position + 1,
            "item": {
                "description": line.description,
                "unitOfMeasure": {"dimension": line.unit},
                "productType": if line.po.is_some() { "Catalog" } else { "NonCatalogItem" },
            },
            "businessUnit": self.business_unit,
            "quantity": number(line.quantity),
            "unitPrice": number(line.price),
            "taxable": "true",
            "capitalExpense": "false",
            "isSubstituteItem": "false",
            "taxCharge2": 0,
            "earlyPaymentDiscount": 0,
            "matchStatus": self.matching,
            "toleranceStatus": "Exact",
        });
        let mut object = json.as_object_mut().map(std::mem::take).unwrap_or_default();
        if let Some((po, po_line)) = &line.po {
            object.insert("poNumber".to_owned(), json!(po));
            object.insert("poLineNumber".to_owned(), json!(po_line));
            object.insert("poAPStatus".to_owned(), json!("Close"));
        }
        if let Some(groups) = splits_json(&line.splits) {
            object.insert("splittableFieldSetGroupList".to_owned(), groups);
        }
        object
    }
}

fn address(first: &str, second: &str) -> Value {
    json!({
        "addressLineList": {"addressLine": [{"lineNumber": 1, "addressLine": first}, {"lineNumber": 2, "addressLine": second}, {"lineNumber": 3}]},
        "city": "Portland", "state": "ME", "postalCode": "04101", "country": "United States", "isoCountryCode": "US",
    })
}

fn splits_json(splits: &Splits) -> Option<Value> {
    let (kind, parts): (Option<&str>, Vec<(Option<Decimal>, &Segments)>) = match splits {
        Splits::None => return None,
        Splits::Single(segments) => (None, vec![(None, segments)]),
        Splits::Percent(parts) => {
            (Some("PercentOfPrice"), parts.iter().map(|(part, seg)| (Some(*part), seg)).collect())
        }
        Splits::Amount(parts) => (Some("AmountOfPrice"), parts.iter().map(|(part, seg)| (Some(*part), seg)).collect()),
        Splits::Unfigured(parts) => (None, parts.iter().map(|seg| (None, seg)).collect()),
    };
    let several = parts.len() > 1;
    let indexes: Vec<Value> = parts
        .into_iter()
        .enumerate()
        .map(|(position, (figure, segments))| {
            let mut values =
                vec![json!({"internalName": "Account", "value": segments.account, "description": "Account"})];
            if segments.department.is_empty() {
                values.push(json!({"internalName": "Department"}));
            } else {
                values.push(
                    json!({"internalName": "Department", "value": segments.department, "description": "Department"}),
                );
            }
            let mut index = json!({"customFieldValueList": {"customFieldValue": values}});
            if let Some(object) = index.as_object_mut() {
                if several {
                    object.insert("splitIndex".to_owned(), json!(position));
                }
                if let Some(figure) = figure {
                    object.insert("distributionValue".to_owned(), number(figure));
                }
            }
            index
        })
        .collect();
    let mut set = json!({"context": "Line", "splittableFieldIndexList": {"splittableFieldIndex": indexes}});
    if let (Some(kind), Some(object)) = (kind, set.as_object_mut()) {
        object.insert("distributionType".to_owned(), json!(kind));
    }
    Some(json!({"splittableFieldSetGroup": [{"splittableFieldIndexSet": [set]}]}))
}
