//! The streams.

use crosspoint_sdk::{Deletes, Error, RecordKind, Stream};

use crate::Settings;

/// What a stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    Customers,
    Orders,
    Products,
    Coupons,
}

pub(crate) const ALL: [Entity; 4] = [
    Entity::Customers,
    Entity::Orders,
    Entity::Products,
    Entity::Coupons,
];

impl Entity {
    pub(crate) fn of(stream: &str) -> Result<Self, Error> {
        ALL.into_iter()
            .find(|entity| entity.stream() == stream)
            .ok_or_else(|| {
                Error::invalid(
                    "stream",
                    format!("there is no stream `{stream}`; there are customers, orders, products and coupons"),
                )
            })
    }

    /// The stream's name, and the path of the list.
    pub(crate) fn stream(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Products => "products",
            Self::Coupons => "coupons",
        }
    }

    pub(crate) fn kind(self) -> RecordKind {
        match self {
            Self::Customers => RecordKind::Contact,
            Self::Orders => RecordKind::Order,
            Self::Products => RecordKind::Product,
            Self::Coupons => RecordKind::Content,
        }
    }

    pub(crate) fn describe(self, settings: &Settings) -> Stream {
        let description = match self {
            Self::Customers => "Users of every role, and their consent where a meta key is set",
            Self::Orders => "Orders with lines and refunds; who ordered as a guest is a contact",
            Self::Products => "Products",
            Self::Coupons => "Coupons",
        };
        Stream {
            name: self.stream().to_owned(),
            kind: self.kind(),
            description: description.to_owned(),
            incremental: true,
            webhook: true,
            // The trash of orders can be listed; what never lay there is told by webhooks alone.
            deletes: if settings.webhooks {
                Deletes::Tombstones
            } else {
                Deletes::NotReported
            },
        }
    }

    /// The list can be asked for changes: of customers the question is ignored, of coupons nobody
    /// knows.
    pub(crate) fn is_dated(self) -> bool {
        matches!(self, Self::Orders | Self::Products)
    }
}
