//! The rule: which fragments are one person.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::state::Constraints;
use crosspoint_model::{FragmentId, Identifier};

use crate::guards::{Guard, Guards, Refusal};

/// A fragment as identity sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The fragment.
    pub id: FragmentId,
    /// What it carries, its own key included, without what joins nobody because too many carry
    /// it: that cannot be seen from a part of the fragments.
    pub identifiers: Vec<Identifier>,
    /// Decisions about it; fragments that are no nodes are passed over.
    pub constraints: Constraints,
}

/// Fragments grouped into people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// Each sorted, together sorted by their first.
    pub groups: Vec<Vec<FragmentId>>,
    /// Sorted, without repetition.
    pub refused: Vec<Refusal>,
}

/// Groups fragments into people. A function of the set of nodes: their order does not matter, and
/// nodes that hang together through no identifier and no decision do not affect each other.
///
/// First those join that a person declared the same, whatever the guards say. Then identifiers
/// join their carriers, strongest kind first and within a kind in the order of their values,
/// carriers in the order of their ids; a join that would break a guard, or unite what a person
/// declared apart, is refused. A device that people with different logins share joins none of them.
pub fn partition(nodes: &[Node], guards: &Guards) -> Partition {
    let mut sorted: Vec<&Node> = nodes.iter().collect();
    sorted.sort_by_key(|node| node.id);
    let mut groups = Groups::new(&sorted, guards);
    let mut refused = BTreeSet::new();

    let position = |id: &FragmentId| sorted.binary_search_by_key(id, |node| node.id).ok();
    for (one, node) in sorted.iter().enumerate() {
        for other in node.constraints.together.iter().filter_map(position) {
            let (one, other) = (groups.root(one), groups.root(other));
            if groups.are_apart(one, other) {
                refused.insert(groups.refusal(None, one, other, Guard::Apart));
            } else {
                groups.join(one, other);
            }
        }
    }

    let mut carriers: BTreeMap<&Identifier, Vec<usize>> = BTreeMap::new();
    for (at, node) in sorted.iter().enumerate() {
        for identifier in &node.identifiers {
            carriers.entry(identifier).or_default().push(at);
        }
    }
    for (identifier, carriers) in carriers {
        if carriers.len() > 1 && !guards.blocks(identifier) {
            groups.join_carriers(identifier, &carriers, &mut refused);
        }
    }
    Partition {
        groups: groups.into_ids(),
        refused: refused.into_iter().collect(),
    }
}

/// Disjoint sets of nodes; a set is named by its root, the position of its smallest member.
struct Groups<'a> {
    nodes: &'a [&'a Node],
    guards: &'a Guards,
    parents: Vec<usize>,
    /// Of roots: members, identifiers that join, and positions declared apart from a member.
    members: Vec<Vec<usize>>,
    identifiers: Vec<BTreeSet<&'a Identifier>>,
    apart: Vec<BTreeSet<usize>>,
}

impl<'a> Groups<'a> {
    fn new(nodes: &'a [&'a Node], guards: &'a Guards) -> Self {
        let joining = |node: &&'a Node| {
            let all = node.identifiers.iter();
            all.filter(|identifier| !guards.blocks(identifier))
                .collect()
        };
        let mut apart = vec![BTreeSet::new(); nodes.len()];
        for (one, node) in nodes.iter().enumerate() {
            for id in &node.constraints.apart {
                if let Ok(other) = nodes.binary_search_by_key(id, |node| node.id) {
                    apart[one].insert(other);
                    apart[other].insert(one);
                }
            }
        }
        Self {
            nodes,
            guards,
            parents: (0..nodes.len()).collect(),
            members: (0..nodes.len()).map(|at| vec![at]).collect(),
            identifiers: nodes.iter().map(joining).collect(),
            apart,
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    /// Joins the carriers' groups one after the other, each to the first that takes it.
    fn join_carriers(
        &mut self,
        identifier: &Identifier,
        carriers: &[usize],
        refused: &mut BTreeSet<Refusal>,
    ) {
        let is_shared = Guards::is_device(identifier) && self.is_shared(carriers);
        let mut heads: Vec<usize> = Vec::new();
        for carrier in carriers {
            let newcomer = self.root(*carrier);
            if heads.iter().any(|head| self.root(*head) == newcomer) {
                continue;
            }
            let mut taken = false;
            for head in &heads {
                let head = self.root(*head);
                let of_another = is_shared && (self.has_login(head) || self.has_login(newcomer));
                let obstacle = if of_another {
                    Some(Guard::Kind(IdentifierKind::UserId))
                } else {
                    self.obstacle(head, newcomer)
                };
                match obstacle {
                    None => {
                        self.join(head, newcomer);
                        taken = true;
                        break;
                    }
                    Some(guard) => {
                        let identifier = Some(identifier.clone());
                        refused.insert(self.refusal(identifier, head, newcomer, guard));
                    }
                }
            }
            if !taken {
                heads.push(newcomer);
            }
        }
    }

    /// Whether people with more logins than one device may have carry its identifier. People who
    /// are one by a stronger identifier count once, however many logins they have.
    fn is_shared(&self, carriers: &[usize]) -> bool {
        let roots: BTreeSet<usize> = carriers.iter().map(|carrier| self.root(*carrier)).collect();
        let people = roots.into_iter().filter(|root| self.has_login(*root));
        people.count() > self.guards.max_logins_per_device
    }

    fn has_login(&self, root: usize) -> bool {
        let is_login = |identifier: &&Identifier| matches!(identifier, Identifier::UserId(_));
        self.identifiers[root].iter().any(is_login)
    }

    /// What speaks against uniting two groups.
    fn obstacle(&self, one: usize, other: usize) -> Option<Guard> {
        if self.are_apart(one, other) {
            return Some(Guard::Apart);
        }
        if self.members[one].len() + self.members[other].len() > self.guards.max_fragments {
            return Some(Guard::Fragments);
        }
        let (one, other) = (&self.identifiers[one], &self.identifiers[other]);
        for (kind, limit) in &self.guards.max_per_kind {
            if one.len() + other.len() <= *limit {
                continue;
            }
            let of_kind = |identifier: &&&Identifier| identifier.kind() == *kind;
            let added = other
                .iter()
                .filter(of_kind)
                .filter(|id| !one.contains(*id))
                .count();
            if one.iter().filter(of_kind).count() + added > *limit {
                return Some(Guard::Kind(*kind));
            }
        }
        None
    }

    fn are_apart(&self, one: usize, other: usize) -> bool {
        let (fewer, more) = if self.apart[one].len() < self.apart[other].len() {
            (one, other)
        } else {
            (other, one)
        };
        self.apart[fewer].iter().any(|at| self.root(*at) == more)
    }

    fn join(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        let (root, child) = (one.min(other), one.max(other));
        self.parents[child] = root;
        absorb(&mut self.identifiers, root, child);
        absorb(&mut self.apart, root, child);
        let members = std::mem::take(&mut self.members[child]);
        self.members[root].extend(members);
    }

    fn refusal(
        &self,
        identifier: Option<Identifier>,
        one: usize,
        other: usize,
        guard: Guard,
    ) -> Refusal {
        let (first, second) = (one.min(other), one.max(other));
        Refusal {
            identifier,
            between: vec![self.nodes[first].id, self.nodes[second].id],
            guard,
        }
    }

    fn into_ids(self) -> Vec<Vec<FragmentId>> {
        let of_group = |mut members: Vec<usize>| {
            members.sort_unstable();
            members.into_iter().map(|at| self.nodes[at].id).collect()
        };
        self.members
            .into_iter()
            .filter(|members| !members.is_empty())
            .map(of_group)
            .collect()
    }
}

/// Moves the set of `child` into that of `root`, the smaller into the larger.
fn absorb<T: Ord>(sets: &mut [BTreeSet<T>], root: usize, child: usize) {
    let mut smaller = std::mem::take(&mut sets[child]);
    if smaller.len() > sets[root].len() {
        std::mem::swap(&mut smaller, &mut sets[root]);
    }
    sets[root].extend(smaller);
}
