//! Folds records into profile fragments and views them as one person.
