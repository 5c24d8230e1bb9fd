//! The first screen keeps its word: two commands, the same that the checks run, and an example
//! that is valid.

use crate::tree::read;

/// Fenced blocks of a language.
fn blocks(page: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    page.split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn two_commands_start_everything_and_the_checks_run_both() {
    let commands: Vec<_> = blocks(read("README.md"), "sh")[0].lines().collect();
    assert_eq!(
        commands,
        ["cargo run --release -- demo", "cargo test --workspace"]
    );
    for command in commands {
        assert!(
            read(".ci/run").contains(command),
            ".ci/run does not run `{command}`"
        );
    }
}

#[test]
fn the_example_is_a_valid_project() {
    let example = blocks(read("README.md"), "toml")[0].to_owned();
    let files = [("crosspoint.toml".to_owned(), example)];
    if let Err(problems) = crosspoint_config::parse(&files) {
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("the README's example is no project:\n{}", texts.join("\n"));
    }
}

#[test]
fn the_first_screen_fits_a_screen() {
    let page = read("README.md");
    let before = page
        .split("cargo test --workspace")
        .next()
        .unwrap_or_default();
    assert!(
        before.lines().count() <= 40,
        "the two commands are not on the first screen"
    );
}
