use std::io::Write;

use super::super::{DirectoryQueue, DirectorySettings, Queue, QueueWriter};
use super::*;

/// So long that no scan comes before a test ends.
const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(30);
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn queue(dir: &Path, scan_every: Duration) -> DirectoryQueue {
    let settings = DirectorySettings { scan_every, ..DirectorySettings::default() };
    DirectoryQueue::new(dir.to_owned(), settings)
}

async fn next(changes: &mut mpsc::Receiver<Changed>) -> Changed {
    tokio::time::timeout(PATIENCE, changes.recv()).await.expect("news in time").expect("a watch")
}

fn item(text: &str) -> ItemName {
    ItemName::new(text)
}

fn writer(dir: &Path) -> QueueWriter {
    QueueWriter::new(dir.to_owned(), jiff::civil::date(2025, 3, 3).at(8, 0, 0, 0)).without_sync()
}

#[tokio::test]
async fn a_file_is_told_when_it_comes_changes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("before.json"), "{}").unwrap();
    let queue = queue(dir.path(), NEVER);
    let mut changes = queue.watch().unwrap();
    let writer = writer(dir.path());
    let name = writer.write(&serde_json::json!({})).unwrap();
    let added = Changed { added: vec![name.clone()], ..Changed::default() };
    assert_eq!(next(&mut changes).await, added);

    writer.write_as(&name, &serde_json::json!({"new": true})).unwrap();
    let modified = Changed { modified: vec![name.clone()], ..Changed::default() };
    assert_eq!(next(&mut changes).await, modified);

    fs::write(dir.path().join("before.json"), "{ }").unwrap();
    let modified = Changed { modified: vec![item("before.json")], ..Changed::default() };
    assert_eq!(next(&mut changes).await, modified);

    queue.remove(&name).unwrap();
    let removed = Changed { removed: vec![name], ..Changed::default() };
    assert_eq!(next(&mut changes).await, removed);

    fs::rename(dir.path().join("before.json"), dir.path().join("aside")).unwrap();
    let removed = Changed { removed: vec![item("before.json")], ..Changed::default() };
    assert_eq!(next(&mut changes).await, removed);
}

#[tokio::test]
async fn a_half_written_file_is_not_told_early() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path(), NEVER);
    let mut changes = queue.watch().unwrap();
    let mut half = fs::File::create(dir.path().join("2025-03-03-08-00-00.json")).unwrap();
    half.write_all(b"[").unwrap();
    let temporary = dir.path().join("2025-03-03-08-00-01.json.converting.tmp");
    fs::write(&temporary, "{").unwrap();
    // A whole file that comes later is told, without the two others.
    let whole = dir.path().join("whole.tmp");
    fs::write(&whole, "{}").unwrap();
    fs::rename(&whole, dir.path().join("2025-03-03-08-00-02.json")).unwrap();
    assert_eq!(next(&mut changes).await.added, [item("2025-03-03-08-00-02.json")]);
    drop(half);
    assert_eq!(next(&mut changes).await.added, [item("2025-03-03-08-00-00.json")]);
    fs::rename(&temporary, dir.path().join("2025-03-03-08-00-01.json")).unwrap();
    assert_eq!(next(&mut changes).await.added, [item("2025-03-03-08-00-01.json")]);
}

#[test]
fn scans_leave_a_file_that_is_being_written_until_it_rests() {
    let dir = tempfile::tempdir().unwrap();
    let (signals_in, signals) = std::sync::mpsc::channel();
    let (mut watch, _changes) =
        Watch::new(dir.path(), NEVER, (signals_in, signals), false).unwrap();
    let mut half = fs::File::create(dir.path().join("half.json")).unwrap();
    assert!(!watch.take(Signal::Writing(item("half.json"))).is_stopped());
    for _ in 0..3 {
        half.write_all(b"[").unwrap();
        watch.scan();
        assert!(watch.news.is_empty(), "{:?}", watch.news);
    }
    watch.scan();
    assert_eq!(watch.news.get(&item("half.json")), Some(&News::There { by_scan: true }));
}

#[tokio::test]
async fn a_burst_arrives_completely_sorted_and_in_few_messages() {
    const FILES: usize = 2000;
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path(), NEVER);
    let mut changes = queue.watch().unwrap();
    let writer = writer(dir.path());
    let writing = std::thread::spawn(move || {
        (0..FILES).map(|n| writer.write(&serde_json::json!({"n": n})).unwrap()).collect::<Vec<_>>()
    });
    let mut came = Vec::new();
    let mut messages = 0;
    while came.len() < FILES {
        let told = next(&mut changes).await;
        assert!(told.added.is_sorted());
        assert!(told.modified.is_empty() && told.removed.is_empty(), "{told:?}");
        came.extend(told.added);
        messages += 1;
    }
    came.sort();
    assert_eq!(came, writing.join().unwrap());
    assert!(messages < FILES / 4, "{messages} messages");
}

#[tokio::test]
async fn nothing_is_lost_while_the_receiver_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path(), NEVER);
    let mut changes = queue.watch().unwrap();
    let writer = writer(dir.path());
    let mut wrote = Vec::new();
    // Each is given time to become a message of its own, until there is no room any more.
    while changes.len() < CAPACITY {
        wrote.push(writer.write(&serde_json::json!({})).unwrap());
        tokio::time::sleep(QUIET * 2).await;
    }
    wrote.extend((0..50).map(|_| writer.write(&serde_json::json!({})).unwrap()));
    let mut came = Vec::new();
    while came.len() < wrote.len() {
        came.extend(next(&mut changes).await.added);
    }
    assert_eq!(came, wrote);
}

#[tokio::test]
async fn without_notices_scans_find_the_differences() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["changes.json", "goes.json", "stays.json"] {
        fs::write(dir.path().join(name), "{}").unwrap();
    }
    let queue = queue(dir.path(), SOON);
    let mut changes = queue.watch_with(false).unwrap();
    fs::write(dir.path().join("comes.json"), "{}").unwrap();
    assert_eq!(next(&mut changes).await.added, [item("comes.json")]);
    fs::write(dir.path().join("changes.json"), "{\"longer\": 1}").unwrap();
    assert_eq!(next(&mut changes).await.modified, [item("changes.json")]);
    fs::remove_file(dir.path().join("goes.json")).unwrap();
    assert_eq!(next(&mut changes).await.removed, [item("goes.json")]);
}

#[tokio::test]
async fn a_link_is_found_by_the_scans() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path(), SOON);
    let mut changes = queue.watch().unwrap();
    fs::write(dir.path().join("aside"), "{}").unwrap();
    fs::hard_link(dir.path().join("aside"), dir.path().join("link.json")).unwrap();
    assert_eq!(next(&mut changes).await.added, [item("link.json")]);
}

#[tokio::test]
async fn a_directory_that_goes_is_not_an_empty_one_and_is_watched_again_when_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("listener");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("stays.json"), "{}").unwrap();
    let queue = queue(&dir, SOON);
    let mut changes = queue.watch().unwrap();
    fs::rename(&dir, parent.path().join("aside")).unwrap();
    let nothing = tokio::time::timeout(SOON * 5, changes.recv()).await;
    assert!(nothing.is_err(), "nothing is gone, it is only out of reach: {nothing:?}");
    fs::rename(parent.path().join("aside"), &dir).unwrap();
    fs::write(dir.join("comes.json"), "{}").unwrap();
    assert_eq!(next(&mut changes).await.added, [item("comes.json")]);
}

#[tokio::test]
async fn the_watch_ends_with_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path(), NEVER);
    let mut changes = queue.watch().unwrap();
    drop(queue);
    let end = tokio::time::timeout(PATIENCE, changes.recv()).await.expect("an end in time");
    assert_eq!(end, None);
}

#[test]
fn the_watch_ends_with_its_receiver() {
    let dir = tempfile::tempdir().unwrap();
    let (signals_in, signals) = std::sync::mpsc::channel();
    let (watch, changes) = Watch::new(dir.path(), NEVER, (signals_in, signals), true).unwrap();
    let thread = std::thread::spawn(move || watch.run());
    drop(changes);
    // Without the heartbeat this would last an hour.
    thread.join().unwrap();
}

#[test]
fn lost_notices_mean_a_scan() {
    let dir = Path::new("/queue");
    let overflow = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
    assert!(matches!(translate(Ok(overflow), dir), Some(Signal::Rescan)));
    let failed = Err(notify::Error::generic("read"));
    assert!(matches!(translate(failed, dir), Some(Signal::Rescan)));
}

#[tokio::test]
async fn a_scan_after_lost_notices_brings_what_they_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let (signals_in, signals) = std::sync::mpsc::channel();
    let (watch, mut changes) =
        Watch::new(dir.path(), NEVER, (signals_in.clone(), signals), false).unwrap();
    fs::write(dir.path().join("missed.json"), "{}").unwrap();
    std::thread::spawn(move || watch.run());
    signals_in.send(Signal::Rescan).unwrap();
    assert_eq!(next(&mut changes).await.added, [item("missed.json")]);
    signals_in.send(Signal::Stop).unwrap();
}
