//! One ledger entry applied to the state: the only place where rules meet.
