//! Merge and unmerge of profiles as pure functions over fragments.
