//! The streams and what is asked for them.

use crosspoint_sdk::{Deletes, Error, RecordKind, Stream};

use crate::Settings;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MINUTE_MS: i64 = 60_000;

/// What a stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    Customers,
    Orders,
    Products,
    Carts,
}

pub(crate) const ALL: [Entity; 4] = [
    Entity::Customers,
    Entity::Orders,
    Entity::Products,
    Entity::Carts,
];

/// A list within an object that has pages of its own.
pub(crate) struct Nested {
    /// The object's field.
    pub(crate) field: &'static str,
    /// Root field that finds one object by id.
    pub(crate) root: &'static str,
    pub(crate) selection: &'static str,
    /// Items that come with the object.
    pub(crate) first: u32,
}

impl Entity {
    pub(crate) fn of(stream: &str) -> Result<Self, Error> {
        ALL.into_iter()
            .find(|entity| entity.stream() == stream)
            .ok_or_else(|| {
                Error::invalid(
                    "stream",
                    format!("there is no stream `{stream}`; there are customers, orders, products and carts"),
                )
            })
    }

    /// The stream's name.
    pub(crate) fn stream(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Products => "products",
            Self::Carts => "carts",
        }
    }

    pub(crate) fn describe(self, settings: &Settings) -> Stream {
        let (kind, description) = match self {
            Self::Customers => (
                RecordKind::Contact,
                "Customers, and what they decided about e-mail, SMS and the sale of their data",
            ),
            Self::Orders => (RecordKind::Order, "Orders with their lines"),
            Self::Products => (RecordKind::Product, "Products with their variants"),
            Self::Carts => (
                RecordKind::Cart,
                "Abandoned checkouts, open and recovered ones",
            ),
        };
        Stream {
            name: self.stream().to_owned(),
            kind,
            description: description.to_owned(),
            incremental: true,
            webhook: true,
            deletes: match self {
                Self::Carts => Deletes::NotReported,
                _ if settings.webhooks => Deletes::Tombstones,
                _ => Deletes::NotReported,
            },
        }
    }

    /// The root field of the list.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Self::Carts => "abandonedCheckouts",
            _ => self.stream(),
        }
    }

    /// Abandoned checkouts cannot be sorted by their change.
    pub(crate) fn is_sorted_by_change(self) -> bool {
        self != Self::Carts
    }

    /// How far a sweep begins before the newest change of the last one. The list is made from a
    /// search index that lags; of customers the filter is said to match whole days.
    pub(crate) fn overlap_ms(self) -> i64 {
        match self {
            Self::Customers => DAY_MS,
            _ => 10 * MINUTE_MS,
        }
    }

    /// Objects in the first question, before their cost is known.
    pub(crate) fn first_size(self) -> u32 {
        match self {
            Self::Customers => 50,
            Self::Orders | Self::Carts => 10,
            Self::Products => 20,
        }
    }

    pub(crate) fn nested(self) -> Option<Nested> {
        let nested = |field, root, selection| Nested {
            field,
            root,
            selection,
            first: 10,
        };
        match self {
            Self::Customers => None,
            Self::Orders => Some(nested("lineItems", "order", LINE)),
            Self::Products => Some(nested("variants", "product", VARIANT)),
            // No root field finds a single checkout, so all that may come must come with it.
            Self::Carts => Some(Nested {
                first: 50,
                ..nested("lineItems", "", CART_LINE)
            }),
        }
    }

    fn selection(self) -> &'static str {
        match self {
            Self::Customers => CUSTOMER,
            Self::Orders => ORDER,
            Self::Products => PRODUCT,
            Self::Carts => CART,
        }
    }

    /// The page query.
    pub(crate) fn page_query(self) -> String {
        let sort = if self.is_sorted_by_change() {
            "UPDATED_AT"
        } else {
            "CREATED_AT"
        };
        let nested = self.nested().map_or(String::new(), |nested| {
            format!(
                " {}(first: {}) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {} }} }}",
                nested.field, nested.first, nested.selection
            )
        });
        format!(
            "query($first: Int!, $after: String, $query: String) {{ {}(first: $first, after: $after, \
             sortKey: {sort}, reverse: false, query: $query) {{ pageInfo {{ hasNextPage endCursor }} \
             edges {{ cursor node {{ {}{nested} }} }} }} }}",
            self.root(),
            self.selection(),
        )
    }

    /// The document of a bulk operation. `first` is said although the vendor ignores it: without it
    /// a nested list may be cut silently.
    pub(crate) fn bulk_query(self, filter: Option<&str>) -> String {
        let nested = self.nested().map_or(String::new(), |nested| {
            format!(
                " {}(first: {BULK_NESTED}) {{ edges {{ node {{ {} }} }} }}",
                nested.field, nested.selection
            )
        });
        let filter = filter.map_or(String::new(), |it| format!("(query: \"{it}\")"));
        format!(
            "{{ {}{filter} {{ edges {{ node {{ {}{nested} }} }} }} }}",
            self.root(),
            self.selection(),
        )
    }
}

impl Nested {
    /// The query for the further pages.
    pub(crate) fn page_query(&self) -> String {
        format!(
            "query($id: ID!, $first: Int!, $after: String) {{ {}(id: $id) {{ {}(first: $first, \
             after: $after) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {} }} }} }} }}",
            self.root, self.field, self.selection
        )
    }
}

/// Items of a nested list that a bulk operation is asked for. An object that has as many may have
/// more, which are asked for page by page.
pub(crate) const BULK_NESTED: u32 = 250;

const CUSTOMER: &str = "id legacyResourceId firstName lastName locale state tags note numberOfOrders \
    amountSpent { amount currencyCode } createdAt updatedAt verifiedEmail dataSaleOptOut \
    defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt \
    validFormat } defaultPhoneNumber { phoneNumber marketingState marketingOptInLevel \
    marketingUpdatedAt } defaultAddress { id address1 address2 city provinceCode countryCodeV2 zip \
    phone firstName lastName company }";

const ORDER: &str = "id legacyResourceId name number email phone createdAt processedAt updatedAt \
    cancelledAt cancelReason closedAt test currencyCode presentmentCurrencyCode taxesIncluded \
    displayFinancialStatus displayFulfillmentStatus discountCodes tags note sourceName customerAcceptsMarketing \
    totalPriceSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } } \
    subtotalPriceSet { shopMoney { amount currencyCode } } \
    totalTaxSet { shopMoney { amount currencyCode } } \
    totalShippingPriceSet { shopMoney { amount currencyCode } } \
    totalDiscountsSet { shopMoney { amount currencyCode } } \
    currentTotalPriceSet { shopMoney { amount currencyCode } } \
    totalRefundedSet { shopMoney { amount currencyCode } } customer { id } \
    billingAddress { address1 address2 city provinceCode countryCodeV2 zip phone firstName lastName \
    company } shippingAddress { address1 address2 city provinceCode countryCodeV2 zip phone \
    firstName lastName company }";

const LINE: &str = "id title variantTitle sku quantity currentQuantity isGiftCard vendor \
    originalUnitPriceSet { shopMoney { amount currencyCode } } \
    discountedTotalSet { shopMoney { amount currencyCode } } \
    totalDiscountSet { shopMoney { amount currencyCode } } product { id } variant { id }";

const CART: &str = "id name abandonedCheckoutUrl createdAt updatedAt completedAt discountCodes note \
    taxesIncluded customer { id defaultEmailAddress { emailAddress } defaultPhoneNumber \
    { phoneNumber } } billingAddress { address1 address2 city provinceCode countryCodeV2 zip phone \
    firstName lastName company } shippingAddress { address1 address2 city provinceCode \
    countryCodeV2 zip phone firstName lastName company } \
    subtotalPriceSet { shopMoney { amount currencyCode } } \
    totalPriceSet { shopMoney { amount currencyCode } } \
    totalTaxSet { shopMoney { amount currencyCode } } \
    totalDiscountSet { shopMoney { amount currencyCode } }";

const CART_LINE: &str = "id title variantTitle sku quantity \
    originalUnitPriceSet { shopMoney { amount currencyCode } } \
    originalTotalPriceSet { shopMoney { amount currencyCode } } \
    discountedTotalPriceSet { shopMoney { amount currencyCode } } product { id } variant { id }";

const PRODUCT: &str = "id legacyResourceId title handle descriptionHtml vendor productType status \
    tags createdAt updatedAt publishedAt onlineStoreUrl totalInventory priceRangeV2 \
    { minVariantPrice { amount currencyCode } maxVariantPrice { amount currencyCode } } \
    featuredMedia { preview { image { url } } }";

const VARIANT: &str = "id sku barcode title price compareAtPrice inventoryQuantity selectedOptions \
    { name value } updatedAt";
