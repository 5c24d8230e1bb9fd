use std::os::unix::fs::symlink;

use super::*;

fn files(folder: &Path) -> Files {
    Files::new(&FilesGrant::Folder(folder.to_owned()), FileMoves::Allowed).unwrap()
}

#[tokio::test]
async fn lists_sorted_and_reads_ranges() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for name in ["b.csv", "a.csv", "sub/c.csv", "note.txt"] {
        std::fs::write(folder.path().join(name), "0123456789").unwrap();
    }
    let files = files(folder.path());
    let paths = |found: Vec<FileEntry>| found.into_iter().map(|it| it.path).collect::<Vec<_>>();
    assert_eq!(
        paths(files.list("", "*.csv").await.unwrap()),
        ["a.csv", "b.csv"]
    );
    let all = files.list("", "**/*.csv").await.unwrap();
    assert_eq!(all[0].size, 10);
    assert!(all[0].etag.is_some() && all[0].modified_at_ms.is_some());
    assert_eq!(paths(all), ["a.csv", "b.csv", "sub/c.csv"]);
    assert_eq!(paths(files.list("sub", "*").await.unwrap()), ["sub/c.csv"]);
    assert_eq!(files.list("none", "*").await, Err(FileError::NotFound));

    let mut open = OpenFiles::default();
    assert_eq!(files.read(&mut open, "a.csv", 2, 3).await.unwrap(), b"234");
    assert_eq!(files.read(&mut open, "a.csv", 8, 100).await.unwrap(), b"89");
    assert_eq!(files.read(&mut open, "a.csv", 10, 1).await.unwrap(), b"");
    assert_eq!(files.read(&mut open, "a.csv", 99, 1).await.unwrap(), b"");
    let missing = files.read(&mut open, "missing.csv", 0, 1).await;
    assert_eq!(missing, Err(FileError::NotFound));
    assert_eq!(
        files.read(&mut open, "sub", 0, 1).await,
        Err(FileError::NotFound)
    );
}

#[tokio::test]
async fn nothing_leads_outside() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "canary").unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("way-out")).unwrap();
    symlink(
        outside.path().join("secret.csv"),
        folder.path().join("link.csv"),
    )
    .unwrap();
    std::fs::write(folder.path().join("own.csv"), "own").unwrap();
    symlink(
        folder.path().join("own.csv"),
        folder.path().join("alias.csv"),
    )
    .unwrap();

    let files = files(folder.path());
    let mut open = OpenFiles::default();
    let absolute = outside.path().join("secret.csv");
    for path in [
        "../secret.csv",
        "./own.csv",
        "a/../../secret.csv",
        "way-out/secret.csv",
        "link.csv",
        "/etc/passwd",
        "..\\secret.csv",
        "",
        absolute.to_str().unwrap(),
    ] {
        let read = files.read(&mut open, path, 0, 100).await;
        assert!(
            matches!(read, Err(FileError::Denied(_))),
            "{path}: {read:?}"
        );
    }
    assert!(matches!(
        files.list("way-out", "*").await,
        Err(FileError::Denied(_))
    ));
    assert!(matches!(
        files.list("..", "*").await,
        Err(FileError::Denied(_))
    ));
    let paths: Vec<_> = files
        .list("", "**")
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.path)
        .collect();
    assert_eq!(paths, ["alias.csv", "own.csv"]);
    assert_eq!(
        files.read(&mut open, "alias.csv", 0, 100).await.unwrap(),
        b"own"
    );
}

#[tokio::test]
async fn a_file_that_shrinks_under_the_reader_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "0123456789").unwrap();
    let files = files(folder.path());
    let mut open = OpenFiles::default();
    files.read(&mut open, "a.csv", 0, 2).await.unwrap();
    std::fs::write(&path, "01").unwrap();
    let read = files.read(&mut open, "a.csv", 5, 5).await;
    assert!(matches!(read, Err(FileError::Changed(_))), "{read:?}");
}

/// A folder with `in/a.csv`, its files, and the entry as listed.
async fn listed() -> (tempfile::TempDir, Files, FileEntry) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.csv.gz"), "first").unwrap();
    let files = files(folder.path());
    let entry = files.list("", "**").await.unwrap().remove(0);
    (folder, files, entry)
}

fn to(entry: &FileEntry, to: &str) -> FileMove {
    FileMove {
        from: entry.clone(),
        to: to.to_owned(),
    }
}

#[tokio::test]
async fn a_file_is_moved_and_overwrites_nothing() {
    let (folder, files, entry) = listed().await;
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("done")).unwrap();
    std::fs::write(path("done/a.csv.gz"), "older").unwrap();
    files.perform(&to(&entry, "done/a.csv.gz")).await.unwrap();
    assert!(!path("in/a.csv.gz").exists());
    let read = |name| std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(read("done/a.csv.gz"), "older");
    assert_eq!(read("done/a-2.csv.gz"), "first");
    files
        .perform(&to(&entry, "done/a.csv.gz"))
        .await
        .expect("what is gone was moved before");
}

#[tokio::test]
async fn another_file_of_that_name_stays() {
    let (folder, files, entry) = listed().await;
    let path = folder.path().join("in/a.csv.gz");
    std::fs::write(&path, "second").unwrap();
    files
        .perform(&to(&entry, "deep/er/a.csv.gz"))
        .await
        .unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "second");
    assert!(!folder.path().join("deep").exists());
}

#[tokio::test]
async fn moves_stay_below_the_location() {
    let (folder, files, entry) = listed().await;
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("way-out")).unwrap();
    let moved = files.perform(&to(&entry, "way-out/a.csv.gz")).await;
    assert!(moved.is_err());
    let mut planned = Vec::new();
    for path in ["../a.csv", "/a.csv", "", "a//b"] {
        let plan = files.plan(&mut planned, to(&entry, path));
        assert!(matches!(plan, Err(FileError::Denied(_))), "{path}");
    }
    assert_eq!(planned, []);
    assert!(folder.path().join("in/a.csv.gz").exists());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn moves_need_the_grant() {
    let (folder, _, entry) = listed().await;
    let grant = FilesGrant::Folder(folder.path().to_owned());
    let plan = |moves| {
        let mut planned = Vec::new();
        let files = Files::new(&grant, moves).unwrap();
        let answer = files.plan(&mut planned, to(&entry, "done/a.csv.gz"));
        (answer, planned.len())
    };
    assert!(matches!(
        plan(FileMoves::Denied),
        (Err(FileError::Denied(_)), 0)
    ));
    assert_eq!(plan(FileMoves::Ignored), (Ok(()), 0));
    assert_eq!(plan(FileMoves::Allowed), (Ok(()), 1));
}
