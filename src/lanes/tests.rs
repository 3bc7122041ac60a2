use proptest::prelude::*;

use super::*;

fn name(n: u32) -> ItemName {
    ItemName::new(&format!("2025-01-01-00-00-00-{n:06}.json"))
}

fn new(n: u32, lanes: &[u32]) -> NewEntry<u32> {
    NewEntry {
        name: name(n),
        lanes: lanes.iter().map(|c| Lane::Context(ContextId(*c))).collect(),
        joint: false,
        barrier: false,
        gate: false,
        after: BTreeSet::new(),
        task: n,
    }
}

/// Runs everything, one at a time, and says in which order.
fn run(lanes: &mut Lanes<u32>) -> Vec<u32> {
    let mut order = Vec::new();
    while let Some(start) = lanes.start() {
        order.push(*lanes.task(start.entry).unwrap());
        lanes.done(start.entry, start.lane);
    }
    assert!(lanes.is_empty());
    order
}

#[test]
fn a_context_goes_before_the_users_that_came_before_it() {
    let mut lanes = Lanes::default();
    let user = lanes.insert(new(1, &[20]));
    lanes.insert(new(2, &[20]));
    let context = lanes.insert(new(3, &[20]));
    assert_eq!(lanes.before(context, user, Need::Hard), Moved::Ahead);
    assert_eq!(run(&mut lanes), [3, 1, 2]);
}

#[test]
fn what_must_stay_ahead_moves_along() {
    let mut lanes = Lanes::default();
    let group = lanes.insert(new(1, &[1]));
    let older = lanes.insert(new(2, &[1]));
    let newer = lanes.insert(NewEntry { after: BTreeSet::from([older]), ..new(3, &[1]) });
    assert_eq!(lanes.before(newer, group, Need::Soft), Moved::Ahead);
    assert_eq!(run(&mut lanes), [2, 3, 1]);
}

#[test]
fn a_context_is_not_deleted_while_something_ahead_of_it_is_aside() {
    let mut lanes = Lanes::default();
    let deletion = |n| NewEntry { barrier: true, gate: true, ..new(n, &[1]) };
    let user = lanes.insert(new(1, &[1]));
    let gone = lanes.insert(deletion(2));
    let next = lanes.insert(new(3, &[1]));
    let other = lanes.insert(new(4, &[2]));
    lanes.park(user, None);
    assert_eq!(lanes.blocks(user), [gone, next]);
    assert_eq!((lanes.blocked_by(gone), lanes.blocked_by(next)), (Some(user), Some(user)));
    let starts = std::iter::from_fn(|| lanes.start()).map(|start| start.entry);
    assert_eq!(starts.collect::<Vec<_>>(), [other]);
    // Tried again in vain, it goes on keeping the others back.
    assert!(lanes.try_parked(user));
    assert_eq!(lanes.start().map(|start| start.entry), Some(user));
    assert_eq!(lanes.blocks(user), [gone, next]);
    lanes.park(user, Some(Lane::Context(ContextId(1))));
    assert_eq!(lanes.start(), None);
    assert!(lanes.try_parked(user));
    lanes.done(other, Lane::Context(ContextId(2)));
    assert_eq!(run(&mut lanes), [1, 2, 3]);
}

#[test]
fn nothing_is_moved_past_the_deletion_of_its_context() {
    let mut lanes = Lanes::default();
    let first = lanes.insert(new(1, &[1]));
    lanes.insert(NewEntry { barrier: true, ..new(2, &[1]) });
    let last = lanes.insert(new(3, &[1]));
    assert_eq!(lanes.before(last, first, Need::Soft), Moved::Barrier);
    assert_eq!(run(&mut lanes), [1, 2, 3]);
}

#[test]
fn a_circle_stays_in_order_of_arrival() {
    let mut lanes = Lanes::default();
    let first = lanes.insert(new(1, &[1]));
    let second = lanes.insert(new(2, &[1]));
    assert_eq!(lanes.before(first, second, Need::Soft), Moved::Ahead);
    assert_eq!(lanes.before(second, first, Need::Soft), Moved::Circle);
    assert_eq!(run(&mut lanes), [1, 2]);
}

#[test]
fn a_stopped_entry_holds_its_lane_and_no_other() {
    let mut lanes = Lanes::default();
    let bad = lanes.insert(new(1, &[1]));
    lanes.insert(new(2, &[1]));
    lanes.insert(new(3, &[2]));
    let start = lanes.start().unwrap();
    assert_eq!(start.entry, bad);
    lanes.stop(bad, start.lane);
    let other = lanes.start().unwrap();
    assert_eq!(lanes.task(other.entry), Some(&3));
    lanes.done(other.entry, other.lane);
    assert_eq!(lanes.start(), None, "the lane stands still");
    assert!(lanes.is_stopped(bad) && lanes.wake(bad) && !lanes.wake(bad));
    assert_eq!(run(&mut lanes), [1, 2]);
}

#[test]
fn the_cure_that_comes_later_runs_first_and_wakes_what_stood_still() {
    let mut lanes = Lanes::default();
    let user = lanes.insert(new(1, &[1]));
    let start = lanes.start().unwrap();
    lanes.stop(user, start.lane);
    let context = lanes.insert(new(2, &[1]));
    lanes.before(context, user, Need::Hard);
    assert_eq!(run(&mut lanes), [2, 1]);
}

#[test]
fn a_withdrawn_entry_lets_the_others_go_on() {
    let mut lanes = Lanes::default();
    let bad = lanes.insert(new(1, &[1, 2]));
    let waiting = NewEntry { after: BTreeSet::from([bad]), ..new(2, &[3]) };
    lanes.insert(waiting);
    lanes.insert(new(3, &[1]));
    let start = lanes.start().unwrap();
    assert_eq!(lanes.withdraw(bad), None, "it runs");
    lanes.stop(bad, start.lane);
    assert_eq!(lanes.withdraw(bad), Some(1));
    assert_eq!(run(&mut lanes), [2, 3]);
}

#[test]
fn a_parked_entry_keeps_back_what_needs_it_and_nothing_else() {
    let mut lanes = Lanes::default();
    let bad = lanes.insert(new(1, &[1]));
    let later = lanes.insert(NewEntry { after: BTreeSet::from([bad]), ..new(2, &[1, 2]) });
    let needing = lanes.insert(new(3, &[1]));
    let liking = lanes.insert(new(4, &[1]));
    lanes.before(bad, needing, Need::Hard);
    lanes.before(bad, liking, Need::Soft);
    let start = lanes.start().unwrap();
    lanes.park(bad, Some(start.lane));
    let start = lanes.start().unwrap();
    assert_eq!(start.entry, liking);
    lanes.done(liking, start.lane);
    assert_eq!(lanes.start(), None);
    assert_eq!([later, needing].map(|id| lanes.blocked_by(id)), [Some(bad); 2]);
    assert_eq!(lanes.blocks(bad), [later, needing]);
    assert_eq!(lanes.depth(Lane::Context(ContextId(1))), 3);
    assert!(lanes.try_parked(bad));
    assert_eq!(lanes.start().map(|start| start.entry), Some(bad));
    lanes.park(bad, Some(start.lane));
    assert_eq!(lanes.start(), None, "it was tried once");
    assert!(lanes.release(bad) && !lanes.release(bad));
    assert_eq!(run(&mut lanes), [1, 2, 2, 3]);
}

#[test]
fn nothing_passes_a_parked_gate_but_what_stands_ahead_of_it() {
    let mut lanes = Lanes::default();
    let context = lanes.insert(NewEntry { gate: true, ..new(2, &[1]) });
    let user = lanes.insert(new(3, &[1]));
    let start = lanes.start().unwrap();
    lanes.park(context, Some(start.lane));
    let ahead = lanes.insert(new(1, &[1]));
    assert_eq!(lanes.start().map(|start| start.entry), Some(ahead));
    lanes.done(ahead, start.lane);
    assert_eq!(lanes.start(), None);
    assert_eq!(lanes.blocked_by(user), Some(context));
    lanes.release(context);
    assert_eq!(run(&mut lanes), [2, 3]);
}

#[test]
fn a_parked_gate_that_is_moved_ahead_keeps_back_what_stands_behind_it_now() {
    let mut lanes = Lanes::default();
    let context = lanes.insert(NewEntry { gate: true, ..new(5, &[1]) });
    let start = lanes.start().unwrap();
    lanes.park(context, Some(start.lane));
    let user = lanes.insert(new(3, &[1]));
    assert_eq!(lanes.blocked_by(user), None);
    let later = lanes.insert(NewEntry { after: BTreeSet::from([context]), ..new(6, &[1]) });
    assert_eq!(lanes.before(later, user, Need::Soft), Moved::Ahead);
    assert_eq!(lanes.blocked_by(user), Some(context));
    assert_eq!(lanes.start(), None);
}

#[test]
fn a_held_lane_waits_and_lanes_take_turns() {
    let mut lanes = Lanes::default();
    for n in 0..3 {
        lanes.insert(new(n, &[1]));
    }
    lanes.insert(new(10, &[2]));
    lanes.insert(new(20, &[3]));
    let held = Lane::Context(ContextId(3));
    lanes.hold(held);
    assert_eq!(run_some(&mut lanes), [0, 10, 1, 2]);
    assert!(lanes.is_held(held));
    lanes.resume(held);
    assert_eq!(run(&mut lanes), [20]);
}

/// Like [`run`], but something may be left.
fn run_some(lanes: &mut Lanes<u32>) -> Vec<u32> {
    let mut order = Vec::new();
    while let Some(start) = lanes.start() {
        order.push(*lanes.task(start.entry).unwrap());
        lanes.done(start.entry, start.lane);
    }
    order
}

#[test]
fn what_is_in_a_hurry_starts_first_and_the_others_keep_their_share() {
    let mut lanes = Lanes::default();
    for n in 0..100 {
        lanes.insert(new(n, &[n]));
    }
    for n in 100..200 {
        let leaver = lanes.insert(new(n, &[n]));
        lanes.hurry(leaver);
    }
    let order = run(&mut lanes);
    for (turn, starts) in (0..11).zip(order.chunks(10)) {
        let calm = starts.iter().filter(|n| **n < 100).count();
        assert_eq!(calm, 1, "turn {turn}: {starts:?}");
    }
    let last = order.iter().rposition(|n| *n >= 100).unwrap();
    assert_eq!(last, 110, "one of ten");
    assert_eq!(order.len(), 200);
}

#[test]
fn overtaking_takes_along_what_must_stay_ahead_and_crosses_no_barrier() {
    let mut lanes = Lanes::default();
    let bulk = lanes.insert(new(1, &[1]));
    lanes.insert(new(2, &[1]));
    let own = lanes.insert(new(3, &[1]));
    let leaver = lanes.insert(NewEntry { after: BTreeSet::from([own]), ..new(4, &[1]) });
    assert_eq!(lanes.overtake(leaver, bulk), Moved::Ahead);
    assert_eq!(lanes.overtake(own, leaver), Moved::Ahead);
    assert_eq!(lanes.overtake(leaver, own), Moved::Circle);
    lanes.insert(NewEntry { barrier: true, ..new(5, &[1]) });
    let later = lanes.insert(new(6, &[1]));
    assert_eq!(lanes.overtake(later, bulk), Moved::Barrier);
    assert_eq!(run(&mut lanes), [3, 4, 1, 2, 5, 6]);
}

#[derive(Debug, Clone)]
struct Spec {
    lanes: BTreeSet<u32>,
    joint: bool,
    barrier: bool,
    gate: bool,
    object: u32,
    needed_by: Option<usize>,
    need: Need,
    /// It is in a hurry, and is put before that one.
    overtakes: Option<usize>,
    /// Place in the queue; arrival is the position in the list.
    name: u32,
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        prop::collection::btree_set(0u32..4, 1..3),
        any::<bool>(),
        prop::bool::weighted(0.1),
        0u32..6,
        prop::option::of(0usize..30),
        0u32..1000,
        any::<bool>(),
        prop::option::weighted(0.3, 0usize..30),
    )
        .prop_map(|(lanes, joint, barrier, object, needed_by, name, hard, overtakes)| Spec {
            overtakes,
            joint,
            need: if hard { Need::Hard } else { Need::Soft },
            gate: barrier && hard,
            barrier: barrier && lanes.len() == 1,
            lanes,
            object,
            needed_by,
            name,
        })
}

proptest! {
    /// The law of lanes: whatever arrives in whatever order, with whatever edges, and however
    /// long things take or fail: everything ends; in a lane one thing at a time; an object's
    /// items in order of arrival or of the queue; a promise of order is kept; nothing crosses
    /// the deletion of its context.
    #[test]
    fn everything_ends_in_order_and_nothing_waits_in_a_circle(
        specs in prop::collection::vec(spec(), 1..30),
        choices in prop::collection::vec(any::<u16>(), 400),
    ) {
        let mut lanes = Lanes::default();
        let mut ids = Vec::new();
        let mut promises = Vec::new();
        let mut choices = choices.into_iter().cycle();
        let mut running: Vec<Start> = Vec::new();
        let mut ended: Vec<EntryId> = Vec::new();
        let mut parts: Vec<(EntryId, Lane)> = Vec::new();
        let mut stops = 0;
        let mut pending = specs.iter().enumerate();
        let mut steps = 0;
        loop {
            steps += 1;
            prop_assert!(steps < 5000, "it does not end");
            let choice = choices.next().unwrap();
            if choice % 3 == 0 && let Some((index, spec)) = pending.next() {
                let earlier = specs[..index].iter().enumerate();
                let after = earlier.filter(|(_, s)| s.object == spec.object).map(|(i, _)| ids[i]);
                let id = lanes.insert(NewEntry {
                    name: name(spec.name),
                    lanes: spec.lanes.iter().map(|c| Lane::Context(ContextId(*c))).collect(),
                    joint: spec.joint,
                    barrier: spec.barrier,
                    gate: spec.gate,
                    after: after.collect(),
                    task: 0,
                });
                ids.push(id);
                if let Some(other) = spec.overtakes {
                    lanes.hurry(id);
                    if let Some(other) = ids[..index].get(other).copied() {
                        let moved = lanes.overtake(id, other);
                        prop_assert!(
                            moved != Moved::Ahead || lanes.task(other).is_none() || lanes.precedes(id, other)
                        );
                    }
                }
                if let Some(other) = spec.needed_by.filter(|other| *other < index) {
                    let other = ids[other];
                    let untouched = !lanes.begun(other);
                    if lanes.before(id, other, spec.need) == Moved::Ahead && untouched && lanes.task(other).is_some() {
                        promises.push((id, other, spec.need));
                    }
                }
                continue;
            }
            while let Some(start) = lanes.start() {
                let parked = |id: EntryId| lanes.parked_lanes(id).next().is_some();
                let object = specs[ids.iter().position(|id| *id == start.entry).unwrap()].object;
                let mut siblings = ids.iter().zip(&specs).take_while(|(id, _)| **id != start.entry);
                prop_assert!(
                    siblings.all(|(id, spec)| spec.object != object || !parked(*id)),
                    "it comes after a parked one of its object"
                );
                for (first, second, need) in &promises {
                    let shares = lanes.parked_lanes(*first).any(|lane| lane == start.lane);
                    prop_assert!(
                        *second != start.entry || *need == Need::Soft || !shares,
                        "it cannot be done without a parked one"
                    );
                }
                for (id, spec) in ids.iter().zip(&specs).filter(|(_, spec)| spec.gate) {
                    let parked = lanes.parked_lanes(*id).any(|lane| lane == start.lane);
                    prop_assert!(
                        !spec.gate || !parked || *id == start.entry || lanes.precedes(start.entry, *id),
                        "it passed a parked gate"
                    );
                }
                for other in &running {
                    prop_assert!(
                        other.entry == start.entry && other.lane != start.lane
                            || lanes_of(&lanes, other).is_disjoint(&lanes_of(&lanes, &start)),
                        "two at once in a lane"
                    );
                }
                running.push(start);
            }
            if running.is_empty() {
                if ids.len() == specs.len() {
                    // Whatever is left is parked, or waits for what is.
                    let parked: Vec<EntryId> = ids.iter().copied().filter(|id| lanes.is_parked(*id)).collect();
                    for id in &ids {
                        let waits = lanes.task(*id).is_some() && !parked.contains(id);
                        prop_assert!(!waits || lanes.blocked_by(*id).is_some(), "it waits, and nobody says for what");
                    }
                    if let Some(id) = parked.get(usize::from(choice) % parked.len().max(1)) {
                        if choice % 2 == 0 { lanes.release(*id); } else { lanes.try_parked(*id); }
                        continue;
                    }
                    prop_assert!(lanes.is_empty(), "something waits for ever");
                    break;
                }
                continue;
            }
            let start = running.swap_remove(usize::from(choice) % running.len());
            if choice % 7 == 0 && stops < 50 {
                stops += 1;
                lanes.stop(start.entry, start.lane);
                if choice % 2 == 0 {
                    lanes.park(start.entry, Some(start.lane));
                } else {
                    lanes.wake(start.entry);
                }
            } else {
                for lane in lanes_of(&lanes, &start) {
                    parts.push((start.entry, lane));
                }
                if lanes.done(start.entry, start.lane) {
                    ended.push(start.entry);
                }
            }
        }
        let position = |id: EntryId| ended.iter().position(|e| *e == id).unwrap();
        for (first, second, need) in promises {
            if need == Need::Soft {
                // One that was set aside may be overtaken.
                continue;
            }
            // A promise holds in every lane that both have.
            for lane in (0..4).map(|c| Lane::Context(ContextId(c))) {
                let part = |id| parts.iter().position(|part| *part == (id, lane));
                if let (Some(first), Some(second)) = (part(first), part(second)) {
                    prop_assert!(first < second, "a promise was broken");
                }
            }
        }
        for (index, spec) in specs.iter().enumerate() {
            for (other, before) in specs[..index].iter().enumerate() {
                if before.object == spec.object {
                    prop_assert!(position(ids[other]) < position(ids[index]), "one object's items out of order");
                }
            }
        }
    }
}

fn lanes_of(lanes: &Lanes<u32>, start: &Start) -> BTreeSet<Lane> {
    let entry = &lanes.entries[&start.entry];
    if entry.joint { entry.open.iter().copied().collect() } else { BTreeSet::from([start.lane]) }
}
