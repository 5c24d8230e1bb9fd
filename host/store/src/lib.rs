//! Derived state in an ordered transactional map.
