//! Groups: whatever is remembered, whatever OX holds and refuses, the case comes to an end with
//! exactly the wanted members, and names nobody who stays or stays out.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::*;
use crate::plan::group::{EmptyGroup, GroupPolicy, Verify};

/// Enough for lists that are long in the eyes of the delta.
const USERS: u32 = 130;

const CONTEXT: ContextId = ContextId(1);

/// What happens behind drover's back, or goes wrong, in one step.
#[derive(Debug, Clone, Copy)]
enum Mischief {
    Nothing,
    /// Somebody adds a user to the group by hand, or takes one out.
    Toggle(u32),
    /// Somebody deletes the group by hand.
    Delete,
    /// Somebody deletes a user by hand.
    Lose(u32),
    /// The n-th operation is refused.
    Refuse(usize, Refusal),
    /// The n-th operation is done, and its answer lost.
    Lost(usize),
}

fn mischief() -> impl Strategy<Value = Mischief> {
    let refusal = prop_oneof![
        Just(Refusal::Exists),
        Just(Refusal::MemberMissing),
        Just(Refusal::Missing),
        Just(Refusal::Other),
    ];
    prop_oneof![
        4 => Just(Mischief::Nothing),
        1 => (0..USERS).prop_map(Mischief::Toggle),
        1 => Just(Mischief::Delete),
        1 => (0..USERS).prop_map(Mischief::Lose),
        2 => (0usize..2, refusal).prop_map(|(n, refusal)| Mischief::Refuse(n, refusal)),
        2 => (0usize..2).prop_map(Mischief::Lost),
    ]
}

fn policy() -> impl Strategy<Value = GroupPolicy> {
    let verify = prop_oneof![Just(Verify::Before), Just(Verify::After), Just(Verify::Never)];
    let delta_max = prop_oneof![Just(0usize), Just(2), Just(10)];
    (delta_max, verify, 1u32..3).prop_map(|(delta_max, verify, every)| GroupPolicy {
        delta_max,
        verify,
        verify_every: NonZeroU32::new(every).unwrap(),
        empty: EmptyGroup::Keep,
        ..GroupPolicy::default()
    })
}

/// What changes in the directory: members toggled, perhaps most of them, perhaps another name.
#[derive(Debug, Clone)]
struct Edit {
    toggled: Vec<u32>,
    most: bool,
    name: u8,
}

fn edit() -> impl Strategy<Value = Edit> {
    (prop::collection::vec(0..USERS, 0..6), prop::bool::weighted(0.1), 0u8..8)
        .prop_map(|(toggled, most, name)| Edit { toggled, most, name: u8::from(name == 0) })
}

fn member(number: u32) -> (ObjectId, OxId) {
    (ObjectId::new(&format!("m{number:03}")), OxId(number + 10))
}

/// Everything that is outside of the case.
struct Scene {
    world: World,
    known: ObjectRecord,
    policy: GroupPolicy,
    wanted: WantedGroup,
    /// Users who are not in OX any more, as far as drover has found out.
    absent: BTreeSet<ObjectId>,
}

impl Scene {
    fn new(policy: GroupPolicy) -> Self {
        let mut world = World::new();
        let tenant = world.contexts.get_mut(&CONTEXT).unwrap();
        tenant.next = 10_000;
        for number in 0..USERS {
            let (id, ox) = member(number);
            let mut fields = UserFields::new();
            fields.set("name", id.as_str());
            tenant.users.insert(ox, (fields, ModuleAccess::NONE));
        }
        let members = (0..USERS).filter(|n| n % 8 != 0).map(member).collect();
        let wanted = WantedGroup { name: "g0".to_owned(), members };
        Self { world, known: record(ObjectKind::Group), policy, wanted, absent: BTreeSet::new() }
    }

    fn edit(&mut self, edit: &Edit) {
        let most = edit.most.then_some(0..USERS / 2).into_iter().flatten();
        for number in edit.toggled.iter().copied().chain(most) {
            let (id, ox) = member(number);
            if self.wanted.members.remove(&id).is_none() && !self.absent.contains(&id) {
                self.wanted.members.insert(id, ox);
            }
        }
        self.wanted.name = format!("g{}", edit.name);
    }

    fn disturb(&mut self, mischief: Mischief) {
        let tenant = self.world.contexts.get_mut(&CONTEXT).unwrap();
        match mischief {
            Mischief::Toggle(number) => {
                let (_, ox) = member(number);
                let there = tenant.users.contains_key(&ox);
                for group in tenant.groups.values_mut().filter(|_| there) {
                    let before = group.members.len();
                    group.members.retain(|member| *member != ox);
                    if group.members.len() == before {
                        group.members.push(ox);
                    }
                }
            }
            Mischief::Delete => tenant.groups.clear(),
            Mischief::Lose(number) => {
                let (_, ox) = member(number);
                tenant.users.remove(&ox);
                tenant.groups.values_mut().for_each(|group| group.members.retain(|m| *m != ox));
            }
            Mischief::Nothing | Mischief::Refuse(..) | Mischief::Lost(_) => {}
        }
    }

    fn case(&self, suspect: bool) -> GroupCase {
        let placement = self.known.placements.get(&CONTEXT);
        let present = |member: &ObjectId, _: OxId| !self.absent.contains(member);
        let wanted = Some(self.wanted.clone());
        GroupCase::new(self.known.id.clone(), CONTEXT, wanted, placement, suspect, present)
            .with_policy(self.policy)
    }

    fn remembered(&self) -> BTreeSet<OxId> {
        match self.known.placements.get(&CONTEXT) {
            Some(Placement::Group { members, .. }) => members
                .iter()
                .filter(|(member, _)| !self.absent.contains(*member))
                .map(|(_, ox)| *ox)
                .collect(),
            _ => BTreeSet::new(),
        }
    }

    /// One try, as provisioning makes it. None: it is through; otherwise whether the next is suspect.
    fn attempt(&mut self, suspect: bool, mischief: Mischief) -> Option<bool> {
        let mut case = self.case(suspect);
        let mut present = self.remembered();
        let mut operations = 0;
        let mut end = None;
        for step in 0.. {
            assert!(step < 20, "it goes round in a circle: {case:?}");
            match case.next() {
                Next::Done { .. } => break,
                Next::Stuck(_) => {
                    end = Some(suspect);
                    break;
                }
                Next::Ask(question) => {
                    let answer = self.world.answer(&question);
                    case.answered(&question, answer);
                }
                Next::Do(operation) => {
                    self.check(&operation, &mut present);
                    let this = operations;
                    operations += 1;
                    // OX does not say of a group that it has just shown that it is not there.
                    let renames =
                        matches!(&operation, Operation::GroupChange { group: Target::Id(_), .. });
                    let result = match mischief {
                        Mischief::Refuse(_, Refusal::Missing) if renames => {
                            self.world.perform(&operation)
                        }
                        // It says "already a member" of one alone only if he is.
                        Mischief::Refuse(n, Refusal::Exists) if n == this => match &operation {
                            Operation::GroupAdd { members, .. } if members.len() == 1 => {
                                self.world.perform(&operation).and(Err(Refusal::Exists))
                            }
                            _ => Err(Refusal::Exists),
                        },
                        Mischief::Refuse(n, refusal) if n == this => Err(refusal),
                        _ => self.world.perform(&operation),
                    };
                    if matches!(mischief, Mischief::Lost(n) if n == this) {
                        end = Some(true);
                        break;
                    }
                    match result {
                        Ok(reply) => case.done(&operation, reply),
                        Err(refusal) if case.refused(&operation, refusal) => {}
                        Err(_) => {
                            end = Some(suspect);
                            break;
                        }
                    }
                }
            }
        }
        for change in case.changes() {
            match change {
                Change::PutPlacement { context, placement, .. } => {
                    self.known.placements.insert(context, placement);
                }
                Change::DropPlacement { context, .. } => {
                    self.known.placements.remove(&context);
                }
                other => panic!("{other:?}"),
            }
        }
        // Looked up by name: who is not there is missing, the others have the number they had.
        for stale in case.stale_members() {
            let ox = self.wanted.members[stale];
            if !self.world.contexts[&CONTEXT].users.contains_key(&ox) {
                self.absent.insert(stale.clone());
                self.wanted.members.remove(stale);
            }
        }
        end
    }

    /// Nobody is named who stays as he is.
    fn check(&self, operation: &Operation, present: &mut BTreeSet<OxId>) {
        let wanted: BTreeSet<OxId> = self.wanted.members.values().copied().collect();
        match operation {
            Operation::GroupAdd { members, .. } => {
                assert!(members.len() <= self.policy.delta_max);
                for member in members {
                    assert!(wanted.contains(member) && present.insert(*member), "{member:?}");
                }
            }
            Operation::GroupRemove { members, .. } => {
                assert!(members.len() <= self.policy.delta_max);
                for member in members {
                    assert!(!wanted.contains(member) && present.remove(member), "{member:?}");
                }
            }
            Operation::GroupChange { data, .. } | Operation::GroupCreate { data, .. } => {
                assert_eq!(data.members.iter().copied().collect::<BTreeSet<_>>(), wanted);
                *present = wanted;
            }
            other => panic!("{other:?}"),
        }
    }

    fn in_ox(&self) -> Option<BTreeSet<OxId>> {
        let groups = &self.world.contexts[&CONTEXT].groups;
        let ours = groups.values().find(|group| group.name == self.wanted.name)?;
        let members: BTreeSet<OxId> = ours.members.iter().copied().collect();
        assert_eq!(members.len(), ours.members.len(), "nobody is in it twice");
        Some(members)
    }
}

proptest! {
    #[test]
    fn a_group_ends_with_exactly_the_wanted_members_whatever_is_refused(
        policy in policy(),
        steps in prop::collection::vec((edit(), mischief()), 1..10),
    ) {
        let mut scene = Scene::new(policy);
        // Changes made by hand that nothing has led drover to notice yet.
        let mut unnoticed = false;
        for (edit, mischief) in steps {
            scene.edit(&edit);
            scene.disturb(mischief);
            let mut next = scene.attempt(false, mischief);
            let mut tries = 0;
            while let Some(suspect) = next {
                tries += 1;
                // Each is about another thing: the loss, the members, the group.
                prop_assert!(tries < 4, "it does not converge");
                next = scene.attempt(suspect, Mischief::Nothing);
            }
            let wanted: BTreeSet<OxId> = scene.wanted.members.values().copied().collect();
            let by_hand = matches!(mischief, Mischief::Toggle(_) | Mischief::Delete | Mischief::Lose(_));
            unnoticed = (unnoticed || by_hand) && scene.in_ox() != Some(wanted.clone());
            if !unnoticed {
                prop_assert_eq!(scene.in_ox(), Some(wanted));
            }
            let again = scene.case(false);
            prop_assert!(matches!(again.next(), Next::Done { .. }), "again: {:?}", again.next());
            prop_assert!(again.changes().is_empty());
        }
        // Somebody wants to be sure: nothing that was done by hand is left.
        let mut next = scene.attempt(true, Mischief::Nothing);
        for _ in 0..3 {
            next = next.and_then(|suspect| scene.attempt(suspect, Mischief::Nothing));
        }
        let wanted: BTreeSet<OxId> = scene.wanted.members.values().copied().collect();
        prop_assert_eq!(scene.in_ox(), Some(wanted));
    }
}

/// A long list, in OX as remembered; a member more and one less are wanted.
fn long_list(policy: GroupPolicy) -> Scene {
    let mut scene = Scene::new(policy);
    assert_eq!(scene.attempt(false, Mischief::Nothing), None);
    scene.edit(&Edit { toggled: vec![0, 1], most: false, name: 0 });
    scene
}

fn operations(scene: &mut Scene) -> Vec<&'static str> {
    let mut case = scene.case(false);
    let mut told = Vec::new();
    loop {
        match case.next() {
            Next::Done { .. } => return told,
            Next::Stuck(problem) => panic!("{problem}"),
            Next::Ask(question) => {
                told.push("ask");
                let answer = scene.world.answer(&question);
                case.answered(&question, answer);
            }
            Next::Do(operation) => {
                told.push(match operation {
                    Operation::GroupAdd { .. } => "add",
                    Operation::GroupRemove { .. } => "remove",
                    Operation::GroupChange { .. } => "change",
                    _ => "other",
                });
                let reply = scene.world.perform(&operation);
                match reply {
                    Ok(reply) => case.done(&operation, reply),
                    Err(refusal) => assert!(case.refused(&operation, refusal)),
                }
            }
        }
    }
}

#[test]
fn a_verification_that_finds_another_list_leads_to_the_whole_list() {
    let each = NonZeroU32::MIN;
    let with = |verify| GroupPolicy { verify, verify_every: each, ..GroupPolicy::default() };
    for (verify, same, other) in [
        (Verify::Before, vec!["ask", "remove", "add"], vec!["ask", "change"]),
        (Verify::After, vec!["remove", "add", "ask"], vec!["remove", "add", "ask", "change"]),
        (Verify::Never, vec!["remove", "add"], vec!["remove", "add"]),
    ] {
        assert_eq!(operations(&mut long_list(with(verify))), same, "{verify:?}");
        let mut scene = long_list(with(verify));
        scene.disturb(Mischief::Toggle(50));
        assert_eq!(operations(&mut scene), other, "{verify:?}");
    }
}

#[test]
fn one_who_is_a_member_already_is_success_and_one_of_several_wants_the_whole_list() {
    let mut policy = GroupPolicy { verify: Verify::Never, ..GroupPolicy::default() };
    let mut scene = long_list(policy);
    scene.disturb(Mischief::Toggle(0));
    assert_eq!(operations(&mut scene), ["remove", "add"]);
    policy.delta_max = 5;
    let mut scene = long_list(policy);
    scene.edit(&Edit { toggled: vec![8], most: false, name: 0 });
    scene.disturb(Mischief::Toggle(0));
    assert_eq!(operations(&mut scene), ["remove", "add", "change"]);
}
