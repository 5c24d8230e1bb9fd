//! The project that `crosspoint init` writes.

use crate::name::is_name;

/// Path within the project folder and text of every file of a new project. `name` becomes the
/// project's name if it is one.
pub fn scaffold(name: &str) -> Vec<(&'static str, String)> {
    let mut project = include_str!("scaffold/crosspoint.toml").to_owned();
    if is_name(name) {
        project = project.replacen("\"my-shop\"", &format!("\"{name}\""), 1);
    }
    vec![
        (crate::PROJECT_FILE, project),
        (
            "segments/customers.toml",
            include_str!("scaffold/customers.toml").to_owned(),
        ),
        (
            "feeds/purchases.csv",
            include_str!("scaffold/purchases.csv").to_owned(),
        ),
        (".gitignore", include_str!("scaffold/gitignore").to_owned()),
    ]
}
