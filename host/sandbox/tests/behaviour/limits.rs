//! Each limit, reached.

use crosspoint_sandbox::{CallInput, Error, GuestError, QUARANTINE_AFTER};

use crate::rig::{Rig, assert_says, commit};

#[tokio::test]
async fn an_endless_loop_is_stopped() {
    let rig = Rig::closed().limits(|limits| limits.cpu_ms = 50);
    let error = rig.commit("loop", "").await.unwrap_err();
    assert_says(
        &error,
        "XP-PLG-014",
        &["`read`", "CPU budget of 50 ms", "raise `limits.cpu`"],
    );
}

#[tokio::test]
async fn an_endless_loop_lets_others_run() {
    let connector = Rig::closed()
        .limits(|limits| limits.cpu_ms = 200)
        .connector();
    let (looped, count) = tokio::join!(commit(&connector, "loop", ""), async {
        let mut turns = 0;
        while turns < 10 {
            tokio::task::yield_now().await;
            turns += 1;
        }
        turns
    });
    assert!(matches!(looped, Err(Error::CpuBudget { .. })));
    assert_eq!(count, 10);
}

#[tokio::test]
async fn waiting_for_ever_is_stopped() {
    let rig = Rig::closed().limits(|limits| limits.wall_ms = 100);
    let error = rig.commit("wait", "3600000").await.unwrap_err();
    assert_says(
        &error,
        "XP-PLG-015",
        &["within 100 ms", "raise `limits.wall`"],
    );
}

#[tokio::test]
async fn waiting_costs_no_processor_time() {
    // Waits ten times as long as it may compute.
    let rig = Rig::closed().limits(|limits| limits.cpu_ms = 60);
    let output = rig.commit("wait", "600").await.unwrap();
    assert_eq!(output.value.notices, ["woke up"]);
}

#[tokio::test]
async fn a_gigabyte_is_refused() {
    let error = Rig::closed().commit("allocate", "1024").await.unwrap_err();
    assert_says(
        &error,
        "XP-PLG-013",
        &["out of memory", "268435456 bytes", "raise `limits.memory`"],
    );
}

#[tokio::test]
async fn memory_below_the_limit_is_given_and_counted() {
    let output = Rig::closed().commit("allocate", "64").await.unwrap();
    let peak = output.stats.peak_memory_bytes;
    assert!((64 << 20..256 << 20).contains(&peak), "{peak}");
}

#[tokio::test]
async fn a_long_answer_is_stopped_at_the_limit() {
    let long = (150usize << 20).to_string();
    let rig = Rig::closed().limits(|limits| limits.memory_bytes = 512 << 20);
    let error = rig.commit("answer", &long).await.unwrap_err();
    assert_says(
        &error,
        "XP-PLG-016",
        &[
            "134217728 bytes",
            "smaller pieces",
            "raise `limits.transfer`",
        ],
    );
}

#[tokio::test]
async fn a_cursor_has_its_contracted_length() {
    let whole = Rig::closed().commit("answer", "65536").await.unwrap();
    assert_eq!(whole.value.next_cursor.len(), 65536);
    let error = Rig::closed().commit("answer", "65537").await.unwrap_err();
    assert_says(&error, "XP-PLG-017", &["65537 bytes", "plugin's author"]);
}

#[tokio::test]
async fn a_page_keeps_to_its_budget() {
    // The rig asks for 100 records and 1 MiB.
    let over = Rig::closed().commit("flood", "200 1").await.unwrap();
    assert_eq!(
        over.value.records.len(),
        200,
        "a vendor's page ends where it likes"
    );
    let far_over = Rig::closed().commit("flood", "201 1").await.unwrap_err();
    assert_says(
        &far_over,
        "XP-PLG-017",
        &["201 records", "100 were asked for", "`more`"],
    );

    let big = (9usize << 20).to_string();
    let alone = Rig::closed()
        .commit("flood", &format!("1 {big}"))
        .await
        .unwrap();
    assert_eq!(alone.value.records.len(), 1, "a single object goes alone");
    let heavy = Rig::closed()
        .commit("flood", "9 1048576")
        .await
        .unwrap_err();
    assert_says(
        &heavy,
        "XP-PLG-017",
        &["8388608 bytes", "1048576 bytes of input"],
    );
    let light = Rig::closed().commit("flood", "7 1048576").await.unwrap();
    assert_eq!(light.value.records.len() + light.value.rejects.len(), 7);
}

#[tokio::test]
async fn a_panic_is_told_in_its_own_words() {
    let error = Rig::closed()
        .commit("panic", "out of cheese")
        .await
        .unwrap_err();
    assert_says(
        &error,
        "XP-PLG-011",
        &["panicked", "deliberate: out of cheese"],
    );
}

#[tokio::test]
async fn an_abort_is_a_trap_with_its_last_words() {
    let error = Rig::closed().commit("abort", "goodbye").await.unwrap_err();
    assert_says(&error, "XP-PLG-012", &["broke off", "last words: goodbye"]);
}

#[tokio::test]
async fn chatter_beyond_the_limit_is_dropped_unnoticed() {
    let output = Rig::closed().commit("chatter", "").await.unwrap();
    assert_eq!(output.value.notices, ["still here"]);
}

#[tokio::test]
async fn log_lines_are_capped_in_number_and_length() {
    let rig = Rig::closed().limits(|limits| {
        limits.log_lines = 3;
        limits.log_line_bytes = 10;
    });
    let output = rig.commit("log", "line").await.unwrap();
    let lines: Vec<_> = output.logs.into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["0 line yyy…", "1 line yyy…", "2 line yyy…"]);
    assert_eq!(output.stats.dropped_log_lines, 997);
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_is_quarantined() {
    let connector = Rig::closed().connector();
    for _ in 0..QUARANTINE_AFTER {
        assert!(!connector.is_quarantined());
        let error = commit(&connector, "panic", "again").await.unwrap_err();
        assert!(matches!(error, Error::Panic { .. }), "{error}");
    }
    assert!(connector.is_quarantined());
    let error = connector
        .check_source(CallInput::default())
        .await
        .unwrap_err();
    assert_says(
        &error,
        "XP-PLG-018",
        &["5 failures in a row", "deliberate: again"],
    );
    connector.release();
    connector.check_source(CallInput::default()).await.unwrap();
}

#[tokio::test]
async fn errors_of_its_own_and_successes_end_a_row_of_failures() {
    let connector = Rig::closed().connector();
    for misdeed in [
        "panic",
        "panic",
        "transient",
        "panic",
        "panic",
        "panic",
        "panic",
    ] {
        commit(&connector, misdeed, "").await.unwrap_err();
    }
    assert!(!connector.is_quarantined());
    let error = commit(&connector, "invalid", "no such host")
        .await
        .unwrap_err();
    let wanted = GuestError::Invalid {
        field: "settings.url".into(),
        reason: "no such host".into(),
    };
    assert_eq!(error.guest(), Some(&wanted));
    assert_says(&error, "XP-PLG-010", &["`settings.url`", "no such host"]);
}
